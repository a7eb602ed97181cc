package pins

import (
	"fmt"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/versions"
)

// bumped makes what a bump decides for a tree, all of it. version is what the
// command line names for every module, "" for nothing.
func bumped(t *testing.T, b Bump, tree *Tree, set *versions.Set, version string) *Result {
	t.Helper()
	if version != "" {
		b.Versions = map[*versions.Module]*versions.Release{}
		for _, m := range set.Modules {
			if b.Versions[m] = m.Release(version); b.Versions[m] == nil {
				t.Fatalf("%s has no %s", m.Name, version)
			}
		}
	}
	moves, skipped := b.Choose(Places(set, nil))
	if n := len(Places(set, nil)); len(moves)+len(skipped) != n {
		t.Errorf("%d moves and %d skipped of %d places", len(moves), len(skipped), n)
	}
	r, err := tree.Make(moves)
	if err != nil {
		t.Fatal(err)
	}
	r.Add(skipped)
	return r
}

// Each call is written as it should be, or stays for the reason that is given:
// "!" where that leaves undone what was asked for, "=" where it does not.
func TestBump(t *testing.T) {
	const (
		g   = `"git::https://git.example.com/vpc.git?`
		sub = `"git::https://git.example.com/m.git//`
	)
	only := func(version string) []versions.Constraint {
		return []versions.Constraint{{Module: "other", Version: "< 1.0.0"}, {Module: "vpc", Version: version}, {Module: "vpc", Version: "< 0.1.0"}}
	}
	for _, c := range []struct {
		name, source, want string
		Bump
		version string
		extra   string
		unknown bool
		lock    *lock.File
	}{
		{name: "newest", source: g + `ref=v1.0.0"`, want: g + `ref=V2.0.0"`},
		{name: "major", source: g + `ref=v1.0.0"`, Bump: Bump{Level: Major}, want: g + `ref=V2.0.0"`},
		{name: "minor", source: g + `ref=v1.0.0"`, Bump: Bump{Level: Minor}, want: g + `ref=v1.3.0%2Bb1"`},
		{name: "patch, none", source: g + `ref=v1.0.0"`, Bump: Bump{Level: Patch}, want: "= it is at 1.0.0"},
		{name: "patch, another major", source: g + `ref=v2.2.0"`, Bump: Bump{Level: Patch}, want: "= there is no such release"},
		{name: "minor, another major", source: g + `ref=v3.0.0"`, Bump: Bump{Level: Minor}, want: "= there is no such release"},
		{name: "patch, same minor of another major", source: g + `ref=v1.0.9"`, Bump: Bump{Level: Patch, Back: true}, want: g + `ref=v1.0.0"`},
		{name: "patch of a branch", source: g + `ref=main"`, Bump: Bump{Level: Patch, Back: true}, want: "! its ref main is no release, so it has no patch releases"},
		{name: "minor of a bare commit", source: g + `ref=` + id("9") + `"`, Bump: Bump{Level: Minor, Back: true}, want: "! no release is on " + id("9")[:12] + ", so it has no minor releases"},
		{name: "constraint", source: g + `ref=v1.0.0"`, Bump: Bump{Constraints: only("~> 1.1.0")}, want: g + `ref=v1.1.0"`},
		{name: "constraint, major", source: g + `ref=v1.0.0"`, Bump: Bump{Level: Major, Constraints: only("< 1.2.0")}, want: g + `ref=v1.1.0"`},
		{name: "constraint, minor", source: g + `ref=v1.0.0"`, Bump: Bump{Level: Minor, Constraints: only("< 1.3.0")}, want: g + `ref=v1.2.0"`},
		{name: "constraint, patch", source: g + `ref=v1.0.0"`, Bump: Bump{Level: Patch, Constraints: only(">= 1.1.0")}, want: "! terrier.hcl allows >= 1.1.0, and no release is that"},
		{name: "constraint, latest", source: g + `ref=v1.0.0"`, Bump: Bump{Level: Latest, Constraints: only("< 1.2.0")}, want: g + `ref=V2.0.0"`},
		{name: "constraint, none", source: g + `ref=v1.0.0"`, Bump: Bump{Constraints: only("~> 7.0")}, want: "! terrier.hcl allows ~> 7.0, and no release is that"},
		{name: "constraint of another module", source: g + `ref=v1.0.0"`, Bump: Bump{Constraints: []versions.Constraint{{Module: "eks", Version: "< 1.0.0"}}}, want: g + `ref=V2.0.0"`},
		{name: "named", source: g + `ref=v1.0.0"`, version: "1.1.0", want: g + `ref=v1.1.0"`},
		{name: "named, against the constraint", source: g + `ref=v1.0.0"`, version: "2.0.0", Bump: Bump{Constraints: only("~> 1.0")}, want: "! terrier.hcl allows ~> 1.0, and not 2.0.0"},
		{name: "named, and allowed", source: g + `ref=v1.0.0"`, version: "1.2.0", Bump: Bump{Constraints: only("~> 1.0")}, want: g + `ref=v1.2.0"`},
		{name: "named pre-release", source: g + `ref=v1.0.0"`, version: "1.2.0-rc1", want: g + `ref=v1.2.0-rc1"`},
		{name: "named, it is there", source: g + `ref=v1.1.0"`, version: "1.1.0", want: "= it is at 1.1.0"},
		{name: "named, nobody has told the others", source: g + `ref=v1.0.0"`, version: "1.0.0", unknown: true, want: "= it is at 1.0.0"},
		{name: "nobody has told", source: g + `ref=v1.0.0"`, unknown: true, want: "! which releases there are, nobody has told"},

		{name: "no pre-release", source: sub + `net?ref=net/v1.0.0"`, want: "= it is at 1.0.0"},
		{name: "pre-release", source: sub + `net?ref=net/v1.0.0"`, Bump: Bump{Pre: true}, want: sub + `net?ref=net/v1.1.0-rc.2"`},
		{name: "from a pre-release to the next", source: sub + `net?ref=net/v1.1.0-rc.1"`, want: sub + `net?ref=net/v1.1.0-rc.2"`},
		{name: "from a pre-release to the release", source: g + `ref=v1.2.0-rc1"`, Bump: Bump{Level: Patch}, want: g + `ref=v1.2.0"`},

		{name: "prefix", source: sub + `dns?ref=dns/v4.0.0"`, want: sub + `dns?ref=dns/v4.1.0"`},
		{name: "prefix, tags/", source: sub + `dns?ref=tags/dns/v4.0.0"`, want: sub + `dns?ref=tags/dns/v4.1.0"`},
		{name: "prefix of another module", source: sub + `dns?ref=eks/v3.0.0"`, want: `! eks/v3.0.0 is no release of it, whose tags begin with "dns/"`, extra: sub + `dns?ref=dns/v4.1.0"`},
		{name: "refs/tags/", source: g + `ref=refs/tags/v1.0.0"`, version: "1.1.0", want: g + `ref=refs/tags/v1.1.0"`},
		{name: "other parameters", source: g + `a=1&ref=v1.0.0&depth=1"`, version: "1.1.0", want: g + `a=1&ref=v1.1.0&depth=1"`},
		{name: "no tag at all", source: `"git::https://git.example.com/m.git//empty?ref=empty/v1.0.0"`, want: "! no tag of its repository reads as a version of it"},

		{name: "two spellings, with v", source: g + `ref=v1.0.0"`, version: "1.1.0", extra: g + `ref=v1.2.0"`, want: g + `ref=v1.1.0"`},
		{name: "two spellings, without", source: g + `ref=1.0.0"`, version: "1.1.0", extra: g + `ref=1.1.0"`, want: g + `ref=1.1.0"`},
		{name: "two spellings of where it is", source: g + `ref=1.1.0"`, version: "1.1.0", extra: g + `ref=v1.2.0"`, want: "= it is at 1.1.0"},

		{name: "commit, comment", source: g + `ref=` + id("1") + `" # v1.0.0`, version: "1.1.0", want: g + `ref=` + id("2") + `" # v1.1.0`},
		{name: "commit, comment without v", source: g + `ref=` + id("1") + `" # 1.0.0`, version: "1.1.0", want: g + `ref=` + id("2") + `" # 1.1.0`},
		{name: "commit, comment with prefix", source: sub + `dns?ref=` + id("6") + `" # dns/v4.0.0`, want: sub + `dns?ref=` + id("7") + `" # dns/v4.1.0`},
		{name: "commit, prefix without v", source: sub + `dns?ref=` + id("6") + `" # dns/4.0.0`, want: sub + `dns?ref=` + id("7") + `" # dns/4.1.0`},
		{name: "commit, comment without prefix", source: sub + `dns?ref=` + id("6") + `" # v4.0.0`, want: sub + `dns?ref=` + id("7") + `" # v4.1.0`},
		{name: "commit, comment of digits", source: sub + `dns?ref=` + id("6") + `" # 4.0.0`, want: sub + `dns?ref=` + id("7") + `" # 4.1.0`},
		{name: "commit, bare", source: g + `ref=` + id("1") + `"`, version: "1.1.0", want: g + `ref=` + id("2") + `"`},
		{name: "commit, upper case", source: g + `ref=` + strings.ToUpper(id("1")) + `"`, version: "1.1.0", want: g + `ref=` + id("2") + `"`},
		{name: "commit, another comment", source: g + `ref=` + id("1") + `" # why`, version: "1.1.0", want: g + `ref=` + id("2") + `" # why`},
		{name: "commit, lying comment", source: g + `ref=` + id("2") + `" # v1.0.0`, version: "1.2.0", want: g + `ref=` + id("3") + `" # v1.2.0`},
		{name: "commit, lying comment, where it is", source: g + `ref=` + id("3") + `" # v1.0.0`, version: "1.2.0", want: "= it is at 1.2.0"},
		{name: "commit of nothing, lying comment", source: g + `ref=` + id("9") + `" # v1.0.0`, want: "! no release is on " + id("9")[:12] + ", whatever its comment says, and nobody can tell whether 2.0.0 is newer"},
		{name: "commit of nothing", source: g + `ref=` + id("9") + `"`, want: "! no release is on " + id("9")[:12] + ", and nobody can tell whether 2.0.0 is newer"},
		{name: "commit of nothing, back", source: g + `ref=` + id("9") + `"`, Bump: Bump{Back: true}, version: "1.1.0", want: g + `ref=` + id("2") + `"`},
		{name: "tag with comment", source: g + `ref=v1.0.0" # v1.0.0`, version: "1.1.0", want: g + `ref=v1.1.0" # v1.1.0`},

		{name: "branch", source: g + `ref=main"`, want: "! its ref main is no release, and nobody can tell whether 2.0.0 is newer"},
		{name: "branch, back", source: g + `ref=main"`, Bump: Bump{Back: true}, want: g + `ref=V2.0.0"`},
		{name: "no ref", source: `"git::https://git.example.com/vpc.git"`, want: "! it has no ref, and nobody can tell whether 2.0.0 is newer"},
		{name: "no ref, back", source: `"git::https://git.example.com/vpc.git"`, Bump: Bump{Back: true}, want: g + `ref=V2.0.0"`},

		{name: "downgrade", source: g + `ref=v1.2.0"`, version: "1.0.0", want: "! 1.2.0 is newer than 1.0.0"},
		{name: "downgrade, allowed", source: g + `ref=v1.2.0"`, version: "1.0.0", Bump: Bump{Back: true}, want: g + `ref=v1.0.0"`},
		{name: "downgrade that nobody has named", source: g + `ref=v9.0.0"`, want: "= 9.0.0 is newer than 2.0.0"},
		{name: "to the same with metadata", source: g + `ref=v1.3.0"`, version: "1.3.0+b1", want: g + `ref=v1.3.0%2Bb1"`},
		{name: "from the same with other metadata", source: g + `ref=v1.3.0%2Bb0"`, version: "1.3.0+b1", want: g + `ref=v1.3.0%2Bb1"`},
		{name: "metadata, it is there", source: g + `ref=v1.3.0%2Bb1"`, version: "1.3.0+b1", want: "= it is at 1.3.0+b1"},

		{name: "computed", source: g + `ref=${var.x}"`, want: "! its ref is made of what no file tells"},
		{name: "ssh", source: `"git@git.example.com:vpc.git?ref=v1.0.0"`, version: "1.1.0", want: `"git@git.example.com:vpc.git?ref=v1.1.0"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "module \"x\" {\n  source = %s\n}\n"
			files := map[string]string{"main.tf": fmt.Sprintf(text, c.source)}
			if c.extra != "" { // more calls that are where they should be
				files["a/main.tf"], files["b/main.tf"] = fmt.Sprintf(text, c.extra), fmt.Sprintf(text, c.extra)
			}
			tree, set := load(t, files, c.lock, !c.unknown)
			r := bumped(t, c.Bump, tree, set, c.version)
			for _, s := range r.Skipped {
				if s.File != "main.tf" {
					continue
				}
				mark := "= "
				if s.Asked {
					mark = "! "
				}
				if got := mark + s.Reason; got != c.want {
					t.Errorf("stays: %s\n want: %s", got, c.want)
				}
				return
			}
			for _, change := range r.Changes {
				if change.Path != "main.tf" {
					continue
				}
				if got, want := string(change.After), fmt.Sprintf(text, c.want); got != want {
					t.Errorf("got %swant %s", got, want)
				}
				if e := r.Edits[len(r.Edits)-1]; c.Back && c.version != "" && e.FromVersion > e.ToVersion && (len(e.Notes) != 1 || e.Notes[0] != "goes back") {
					t.Errorf("notes %q", e.Notes)
				}
				return
			}
			t.Errorf("neither moves nor stays: %+v", r.Skipped)
		})
	}
}

// A registry module's version is its argument.
func TestBumpRegistry(t *testing.T) {
	for _, c := range []struct {
		argument, want string
		Bump
		version string
	}{
		{argument: `"1.0.0"`, want: `"2.0.0"`},
		{argument: `"= 1.0.0"`, want: `"= 2.0.0"`},
		{argument: `"v1.0.0"`, version: "1.1.0", want: `"v1.1.0"`},
		{argument: `"1.0.0"`, Bump: Bump{Level: Patch}, want: `"1.0.4"`},
		{argument: `"1.0.0"`, Bump: Bump{Level: Minor}, want: `"1.2.0"`},
		{argument: `"1.0.0"`, Bump: Bump{Level: Minor, Pre: true}, want: `"1.3.0-rc1"`},
		{argument: `"1.0.0"`, Bump: Bump{Constraints: []versions.Constraint{{Module: "a/b/c", Version: "~> 1.1.0"}}}, want: `"1.1.0"`},
		{argument: `"2.0.0"`, want: "= it is at 2.0.0"},
		{argument: `"2.0.0"`, version: "1.0.0", want: "! 2.0.0 is newer than 1.0.0"},
		{argument: `"2.0.0"`, version: "1.0.0", Bump: Bump{Back: true}, want: `"1.0.0"`},
		{argument: `"~> 1.0"`, want: `= its constraint "~> 1.0" allows 1.2.0 as it is`},
		{argument: `"~> 1.0"`, Bump: Bump{Level: Major}, want: `"~> 2.0"`},
		{argument: `"~> 3.0"`, want: `! no release is what its constraint "~> 3.0" and terrier.hcl allow`},
		{argument: `"~> 1.0.0"`, version: "1.1.0", want: `"~> 1.1.0"`},
		{argument: `"~> 1.0"`, version: "1.1.0", want: `= its constraint "~> 1.0" allows 1.1.0 as it is`},
		{argument: `">= 1.0"`, want: `= its constraint ">= 1.0" allows 2.0.0 as it is`},
		{argument: `">= 1.0, < 1.2"`, want: `= its constraint ">= 1.0, < 1.2" allows 1.1.0 as it is`},
		{argument: `">= 1.0, < 1.2"`, Bump: Bump{Level: Major}, want: `! its version is the constraint ">= 1.0, < 1.2", of more than one term`},
		{argument: ``, want: "! it has no version argument"},
	} {
		t.Run(c.argument+c.version+string(c.Level), func(t *testing.T) {
			line := ""
			if c.argument != "" {
				line = "  version = " + c.argument + "\n"
			}
			text := "module \"x\" {\n  source  = \"a/b/c\"\n" + line + "}\n"
			tree, set := load(t, map[string]string{"main.tf": text}, nil, true)
			err := set.Ask(t.Context(), versions.Asker{Registry: func() (versions.Registry, error) {
				return answer{"1.0.0", "1.0.4", "1.1.0", "1.2.0", "1.3.0-rc1", "2.0.0"}, nil
			}})
			if err != nil {
				t.Fatal(err)
			}
			r := bumped(t, c.Bump, tree, set, c.version)
			got := ""
			switch {
			case len(r.Changes) == 1:
				if want := strings.Replace(text, c.argument, c.want, 1); string(r.Changes[0].After) != want {
					t.Errorf("got %swant %s", r.Changes[0].After, want)
				}
				return
			case len(r.Skipped) == 1 && r.Skipped[0].Asked:
				got = "! " + r.Skipped[0].Reason
			case len(r.Skipped) == 1:
				got = "= " + r.Skipped[0].Reason
			}
			if got != c.want {
				t.Errorf("stays: %s\n want: %s", got, c.want)
			}
		})
	}
}
