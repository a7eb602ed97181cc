package rules

import (
	"fmt"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/modules/lint"
)

var frozenPath = &lint.Rule{
	Name:     "frozen-path",
	Summary:  "A change to a path that has moved out of the repository",
	Severity: lint.Error,
	Options:  []string{"paths"},
	Needs:    lint.NeedChanges,
	Ready:    func(in *lint.Input) bool { return in.Changed != nil },
	Check: func(p *lint.Pass) {
		for _, file := range sorted(p.Changed) {
			for _, glob := range p.Setting().Paths {
				if !p.Changed[file] || !below(glob, file) {
					continue
				}
				p.Report(lint.Finding{
					Range:   firstLine(file),
					Subject: file,
					Summary: fmt.Sprintf("%q has moved out of this repository", file),
					Detail:  fmt.Sprintf("The configuration says so of %q. A change here reaches nobody: make it in the repository that the path has moved to.", glob),
				})
				break
			}
		}
	},
}

// below reports whether a glob matches a path or a directory above it.
func below(glob, file string) bool {
	glob = strings.TrimSuffix(glob, "/")
	for _, g := range []string{glob, glob + "/**"} {
		if ok, err := doublestar.Match(g, file); ok && err == nil {
			return true
		}
	}
	return false
}

// firstLine is where a finding about a file as a whole stands.
func firstLine(file string) hcl.Range {
	return hcl.Range{Filename: file, Start: hcl.InitialPos, End: hcl.InitialPos}
}
