package split

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Where there is no stack every module is a package, with its examples; the
// rest is kept, and calls the releases.
func TestLibrary(t *testing.T) {
	j := splitFixture(t, "library")
	if !j.plan.Library || len(j.plan.Stacks) != 0 || len(j.plan.Blocked) != 0 {
		t.Errorf("library %v, stacks %v, blocked %v", j.plan.Library, j.plan.Stacks, j.plan.Blocked)
	}
	if p := j.verify(t); !p.OK() {
		t.Fatalf("%+v", p)
	}
	source := func(rest string) string { return "git::file://" + j.out + "/modules/" + rest + "?ref=v1.0.0" }
	for at, want := range map[string]string{
		"modules/vpc.git main.tf":                       source("subnets.git"),
		"modules/vpc.git examples/simple/main.tf":       "../..",
		"modules/vpc.git examples/subnets/main.tf":      "../../ " + source("subnets.git"),
		"modules/subnets.git examples/with-vpc/main.tf": source("vpc.git"),
		"live/live examples/complete/main.tf":           source("vpc.git") + " " + source("vpc.git//examples/simple"),
		"live/live README.md":                           "",
		"live/live .github/workflows/test.yml":          "",
		"modules/alone.git main.tf":                     "",
	} {
		repo, file, _ := strings.Cut(at, " ")
		var got []string
		for _, line := range strings.Split(git(t, filepath.Join(j.out, filepath.FromSlash(repo)), "show", "main:"+file), "\n") {
			if _, s, ok := strings.Cut(line, "source = "); ok {
				got = append(got, strings.Trim(s, `"`))
			}
		}
		if d := cmp.Diff(want, strings.Join(got, " ")); d != "" {
			t.Errorf("%s: %s", at, d)
		}
	}
	if got := git(t, filepath.Join(j.out, "live", "live"), "ls-files"); strings.Contains(got, "modules/") {
		t.Errorf("what is left: %s", got)
	}
}
