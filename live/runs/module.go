package runs

import (
	"cmp"
	"strings"
)

// CompareModules is an order of modules: by source, subdirectory, ref.
func CompareModules(a, b Module) int {
	return cmp.Or(strings.Compare(a.Source, b.Source), strings.Compare(a.Subdir, b.Subdir), strings.Compare(a.Ref, b.Ref), strings.Compare(a.Commit, b.Commit))
}
