package rules

import (
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

func TestFrozenPath(t *testing.T) {
	frozen := func(globs []string, changed ...string) func(*lint.Input) {
		return func(in *lint.Input) {
			in.Settings.Rules = map[string]lint.RuleSettings{"frozen-path": {Paths: globs}}
			in.Changed = map[string]bool{}
			for _, c := range changed {
				in.Changed[c] = true
			}
		}
	}
	table(t, frozenPath, []row{
		{
			name:  "a file of a module, one that is deleted, and one that is no configuration",
			files: "-- modules/vpc/main.tf --\n-- modules/vpc/README.md --\n",
			with:  frozen([]string{"modules/vpc/**"}, "modules/vpc/main.tf", "modules/vpc/gone.tf", "modules/vpc/README.md"),
			want: []string{
				`modules/vpc/README.md:1:1-1:1 "modules/vpc/README.md" has moved out of this repository`,
				`modules/vpc/gone.tf:1:1-1:1 has moved out of this repository`,
				`modules/vpc/main.tf:1:1-1:1 has moved out of this repository`,
			},
		},
		{
			name:  "a directory's name means all below it, and two globs are one finding",
			files: "-- modules/vpc/main.tf --\n",
			with:  frozen([]string{"modules/vpc/", "modules/*"}, "modules/vpc/a/b.tf"),
			want:  []string{`modules/vpc/a/b.tf:1:1-1:1 has moved out of this repository`},
		},
		{
			name:  "a name that begins alike, and a path with a star in it",
			files: "-- modules/vpc-2/main.tf --\n",
			with:  frozen([]string{"modules/vpc", "a[*]"}, "modules/vpc-2/main.tf", "modules/vpc2", "live/modules/vpc/x.tf"),
		},
		{
			name:  "a change elsewhere",
			files: "-- modules/vpc/main.tf --\n",
			with:  frozen([]string{"modules/vpc/**"}, "live/main.tf"),
		},
		{
			name:  "nobody asked what has changed",
			files: "-- modules/vpc/main.tf --\n",
			with: func(in *lint.Input) {
				frozen([]string{"modules/vpc/**"})(in)
				in.Changed = nil
			},
		},
	})
}
