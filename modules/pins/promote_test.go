package pins

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/versions"
)

const (
	git  = "git::https://git.example.com/vpc.git?ref="
	one  = "1111111111111111111111111111111111111111"
	two  = "2222222222222222222222222222222222222222"
	none = "3333333333333333333333333333333333333333"
)

// setOf has for each environment calls of one module: "REF", "REF # COMMENT", or
// of a registry "version CONSTRAINT".
func setOf(t *testing.T, calls map[string][]string) *versions.Set {
	t.Helper()
	fsys := fstest.MapFS{}
	for env, refs := range calls {
		var b strings.Builder
		b.WriteString("terraform {\n  backend \"local\" {}\n}\nvariable \"any\" {}\n")
		for i, ref := range refs {
			ref, comment, _ := strings.Cut(ref, " # ")
			source := fmt.Sprintf("source = %q # %s", git+ref, comment)
			if comment == "" {
				source, _, _ = strings.Cut(source, " #")
			}
			if v, ok := strings.CutPrefix(ref, "version "); ok {
				source = fmt.Sprintf("source = \"a/vpc/aws\"\n  version = %q", v)
			}
			fmt.Fprintf(&b, "module \"m%d\" {\n  %s\n}\n", i, source)
		}
		fsys[env+"/main.tf"] = &fstest.MapFile{Data: []byte(b.String())}
	}
	tree, _ := hclparse.LoadCalls(fsys)
	g := modules.NewGraph(tree, nil)
	file := &lock.File{}
	for ref, commit := range map[string]string{"v1.0.0": one, "v1.1.0": two} {
		file.Entries = append(file.Entries, &lock.Entry{Address: "git::https://git.example.com/vpc.git", Ref: ref, Kind: lock.KindTag, Commit: commit, Tags: []string{ref}})
	}
	file.Sort()
	return versions.New(versions.Input{
		Graph: g, Calls: lint.Calls(&lint.Input{Graph: g}), Lock: file, Environments: []string{"qa", "prod"},
		EnvironmentsOf: func(dir string) []string { return strings.Split(dir, "+") },
	})
}

func TestPromote(t *testing.T) {
	for name, test := range map[string]struct {
		from, to   string // calls, one a line
		constraint string
		reason     string // of the environment before
		want       string // for each call of prod: what it becomes, or "!" where that was asked for and why not
	}{
		"a tag":               {"v1.1.0", "v1.0.0", "", "", "v1.1.0"},
		"a commit":            {"v1.1.0", one + " # v1.0.0", "", "", two + " v1.1.0"},
		"from a commit":       {two + " # v1.1.0", "v1.0.0", "", "", "v1.1.0"},
		"a stale comment":     {two + " # v1.0.0", "v1.0.0", "", "", "v1.1.0"},
		"a false comment":     {none + " # v1.1.0", "v1.0.0", "", "", "! qa has it at 333333333333, which is no release (qa/main.tf:6)"},
		"stale in prod":       {"v1.1.0", two + " # v1.0.0", "", "", "it is at 1.1.0"},
		"of no comment":       {two, "v1.0.0", "", "", "v1.1.0"},
		"equal":               {"v1.1.0", "v1.1.0", "", "", "it is at 1.1.0"},
		"equal by commit":     {two, "v1.1.0", "", "", "it is at 1.1.0"},
		"ahead":               {"v1.0.0", "v1.1.0", "", "", "! it would go back: 1.1.0 is newer than the 1.0.0 that qa has"},
		"each its own":        {"v1.1.0", "v1.0.0\nv1.1.0\nmain", "", "", "v1.1.0; it is at 1.1.0; ! its ref main is no release, and nobody can tell whether 1.1.0 is newer"},
		"several":             {"v1.1.0\nv1.0.0\nv1.1.0", "v1.0.0", "", "", "! qa runs several versions: 1.0.0 (qa/main.tf:9) and 1.1.0 (qa/main.tf:6 and 1 more)"},
		"a branch":            {"v1.1.0\nmain", "v1.0.0", "", "", "! qa has it at main, which is no release (qa/main.tf:9)"},
		"computed":            {"${var.any}", "v1.0.0", "", "", "! qa has it at a ref that no file tells (qa/main.tf:6)"},
		"a commit of nothing": {none, "v1.0.0", "", "", "! qa has it at 333333333333, which is no release (qa/main.tf:6)"},
		"computed in prod":    {"v1.1.0", "${var.any}", "", "", "! its ref is made of what no file tells"},
		"held back":           {"v1.1.0", "v1.0.0\nv1.1.0", "", "not applied", "! not applied; it is at 1.1.0"},
		"not allowed":         {"v1.1.0", "v1.0.0", "< 1.1", "", "! terrier.hcl allows < 1.1, and not 1.1.0"},
		"only in one":         {"", "v1.0.0", "", "", ""},
		"a version":           {"version 1.1.0", "version 1.0.0", "", "", "1.1.0"},
		"a range":             {"version 1.1.0", "version ~> 1.0", "", "", "its constraint \"~> 1.0\" allows 1.1.0 as it is"},
		"a narrow range":      {"version 1.1.0", "version ~> 1.0.0", "", "", "1.1.0"},
		"from a range":        {"version ~> 1.0", "version 1.0.0", "", "", "! which version qa runs, its constraint \"~> 1.0\" does not tell (qa/main.tf:7)"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := map[string][]string{"prod": strings.Split(test.to, "\n")}
			if test.from != "" {
				calls["qa"] = strings.Split(test.from, "\n")
			}
			s := setOf(t, calls)
			if len(s.Modules) != 1 {
				t.Fatalf("%d modules", len(s.Modules))
			}
			m := s.Modules[0]
			p := Promote{From: "qa", Running: map[*versions.Module]Running{}}
			if test.constraint != "" {
				p.Constraints = []versions.Constraint{{Module: m.Name, Version: test.constraint}}
			}
			if test.from != "" {
				r := Runs(m, "qa", slices.DeleteFunc(slices.Clone(m.Uses), func(u *versions.Use) bool { return u.Environment != "qa" }))
				if r.Release == nil && r.Reason == "" {
					t.Errorf("neither a release nor a reason: %+v", r)
				}
				if r.Reason == "" {
					r.Reason = test.reason
				}
				p.Running[m] = r
			}
			moves, skipped := p.Choose(Places(s, func(u *versions.Use) bool { return u.Environment == "prod" }))
			byLine := map[int]string{}
			for _, m := range moves {
				byLine[m.Uses[0].Line] = strings.TrimSpace(m.Pin.Ref + m.Pin.Version)
				if m.Pin.Ref == two {
					byLine[m.Uses[0].Line] += " " + m.Pin.Comment
				}
			}
			for _, s := range skipped {
				text := s.Reason
				if s.Asked {
					text = "! " + text
				}
				byLine[s.Line] = text
			}
			var got []string
			for line := range 30 {
				if byLine[line] != "" {
					got = append(got, byLine[line])
				}
			}
			if text := strings.Join(got, "; "); text != test.want {
				t.Errorf("got  %s\nwant %s", text, test.want)
			}
		})
	}
}

// A call that both environments make is at what the one before runs, whatever
// that is; their other calls move.
func TestPromoteShared(t *testing.T) {
	for name, test := range map[string]struct {
		shared, from, to string
		want             string
	}{
		"one version":  {"v1.1.0", "v1.1.0", "v1.0.0", "prod/main.tf: v1.1.0; qa+prod/main.tf: qa makes the same call"},
		"several":      {"v1.0.0", "v1.1.0", "v1.0.0", "prod/main.tf: ! qa runs several versions: 1.0.0 (qa+prod/main.tf:6) and 1.1.0 (qa/main.tf:6); qa+prod/main.tf: qa makes the same call"},
		"a branch":     {"main", "", "", "qa+prod/main.tf: qa makes the same call"},
		"computed":     {"${var.any}", "", "", "qa+prod/main.tf: qa makes the same call"},
		"nothing else": {"v1.0.0", "", "v1.1.0", "prod/main.tf: ! it would go back: 1.1.0 is newer than the 1.0.0 that qa has; qa+prod/main.tf: qa makes the same call"},
	} {
		t.Run(name, func(t *testing.T) {
			calls := map[string][]string{"qa+prod": {test.shared}}
			for env, ref := range map[string]string{"qa": test.from, "prod": test.to} {
				if ref != "" {
					calls[env] = []string{ref}
				}
			}
			s := setOf(t, calls)
			m := s.Modules[0]
			r := Runs(m, "qa", slices.DeleteFunc(slices.Clone(m.Uses), func(u *versions.Use) bool { return u.Environment != "qa" }))
			p := Promote{From: "qa", Running: map[*versions.Module]Running{m: r}}
			moves, skipped := p.Choose(Places(s, func(u *versions.Use) bool { return u.Environment == "prod" }))
			var got []string
			for _, m := range moves {
				got = append(got, m.Uses[0].File+": "+m.Pin.Ref)
			}
			for _, s := range skipped {
				got = append(got, s.File+": "+map[bool]string{true: "! "}[s.Asked]+s.Reason)
			}
			slices.Sort(got)
			if text := strings.Join(got, "; "); text != test.want {
				t.Errorf("got  %s\nwant %s", text, test.want)
			}
		})
	}
}
