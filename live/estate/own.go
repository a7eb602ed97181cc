package estate

import (
	"path"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
)

// owned are the names of what terraform and terrier write beside a
// configuration: states with their backups and locks, and what they keep for
// themselves.
var owned = []string{".terraform", ".terrier", "*.tfstate", "*.tfstate.backup", "*.tfstate.*.backup", ".*.tfstate.lock.info"}

// Own reports whether a path, with slashes, is of what terraform and terrier
// write beside the configuration: it makes no work tree dirty and no unit
// changed, and no unit is made of it. A provider lock file is not among them,
// and neither is other code, wherever it stands.
func Own(p string) bool {
	for part := range strings.SplitSeq(path.Dir(p), "/") {
		if part == ".terraform" || part == ".terrier" {
			return true
		}
	}
	for _, glob := range owned {
		if ok, _ := doublestar.Match(glob, path.Base(p)); ok {
			return true
		}
	}
	return false
}
