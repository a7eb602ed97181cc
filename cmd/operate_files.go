package cmd

import (
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/live/estate"
)

func (e *estateRun) files(u *estate.Unit) ([]string, error) {
	var out []string
	for _, x := range e.graph.Tree.Entries {
		if strings.HasPrefix(x.Path, u.Stack+"/") || u.Stack == "." {
			out = append(out, x.Path)
		}
	}
	slices.Sort(out)
	return out, nil
}
