package lint

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"golang.org/x/tools/txtar"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

// The rules of the tests: every source, every version argument; one that needs
// remotes, one that needs the configuration.
func testRules() []*Rule {
	each := func(r *Rule) *Rule {
		r.Check = func(p *Pass) {
			for _, c := range p.Calls {
				p.ReportCall(c, c.SourceRange(), nil, "source of "+c.Module(), "")
			}
		}
		return r
	}
	return []*Rule{
		each(&Rule{Name: "any-source", Severity: Error}),
		{Name: "any-version", Severity: Warn, Check: func(p *Pass) {
			for _, c := range p.Calls {
				if c.Version != "" {
					p.ReportCall(c, c.VersionRange, nil, "version of "+c.Module(), "")
				}
			}
		}},
		{Name: "never", Severity: Error, Check: func(*Pass) {}},
		{Name: "whole-file", Severity: Error, Check: func(p *Pass) {
			for _, d := range p.Graph.Sorted() {
				for _, f := range d.Config.Files {
					if strings.Contains(string(f.Bytes), "whole-file") {
						p.Report(Finding{Range: hcl.Range{Filename: f.Path, Start: hcl.InitialPos, End: hcl.InitialPos}, Summary: "whole", Subject: f.Path})
					}
				}
			}
		}},
		{Name: "asks-remote", Severity: Error, Needs: NeedRefs, Ready: func(in *Input) bool { return in.Refs != nil }, Check: func(*Pass) {}},
		{Name: "asks-config", Severity: Error, Needs: NeedConfig, Check: func(*Pass) {}},
		{Name: UnusedIgnore, Severity: Warn},
		{Name: ExpiredIgnore, Severity: Error},
		{Name: InvalidIgnore, Severity: Error},
	}
}

// tree loads a txtar; a file that begins with "-> " is a symlink.
func tree(files string) (*hclparse.Tree, fstest.MapFS) {
	ar := txtar.Parse([]byte(files))
	fsys := fstest.MapFS{}
	if len(strings.TrimSpace(string(ar.Comment))) > 0 {
		fsys["main.tf"] = &fstest.MapFile{Data: ar.Comment}
	}
	for _, f := range ar.Files {
		if to, ok := strings.CutPrefix(string(f.Data), "-> "); ok {
			fsys[f.Name] = &fstest.MapFile{Data: []byte(strings.TrimSpace(to)), Mode: fs.ModeSymlink}
		} else {
			fsys[f.Name] = &fstest.MapFile{Data: f.Data}
		}
	}
	t, _ := hclparse.Load(fsys)
	return t, fsys
}

func inputOf(files string) *Input {
	t, _ := tree(files)
	return &Input{Graph: modules.NewGraph(t, nil), Today: time.Date(2026, 1, 15, 13, 0, 0, 0, time.UTC)}
}

// short is a finding in a line: place, rule and summary.
func short(f Finding) string {
	return fmt.Sprintf("%s:%d:%d %s: %s", f.Range.Filename, f.Range.Start.Line, f.Range.Start.Column, f.Rule, f.Summary)
}

func shorts(found []Finding) []string {
	var out []string
	for _, f := range found {
		out = append(out, short(f))
	}
	return out
}

const (
	x    = "module \"x\" {\n  source = \"git::https://h/x.git\"\n}\n"
	hitX = `main.tf:%d:12 any-source: source of module "x"`
)

func TestIgnores(t *testing.T) {
	in := func(before, above, behind string) string {
		return before + "module \"x\" {\n" + above + "  source = \"git::https://h/x.git\"" + behind + "\n}\n"
	}
	for _, test := range []struct {
		name, files string
		want        []string
		with        func(*Input)
	}{
		{name: "none", files: x, want: []string{fmt.Sprintf(hitX, 2)}},
		{name: "behind the source", files: in("", "", " # terrier:ignore any-source why")},
		{name: "two slashes", files: in("", "", " // terrier:ignore any-source why")},
		{name: "stars", files: in("", "", " /* terrier:ignore any-source why */")},
		{name: "no space", files: in("", "", " #terrier:ignore any-source why")},
		{name: "a colon, as others have it", files: in("", "", " # terrier:ignore:any-source why")},
		{name: "in the line above", files: in("", "  # terrier:ignore any-source why\n", "")},
		{name: "stars in the line above", files: in("", "  /* terrier:ignore any-source why */\n", "")},
		{name: "stars over lines", files: in("", "  /* terrier:ignore any-source\n     why\n  */\n", "")},
		{name: "stars before the code", files: "module \"x\" { /* terrier:ignore any-source why */ source = \"git::https://h/x.git\" }\n"},
		{name: "stars before the code, in a line of its own", files: "module \"x\" {\n /* terrier:ignore any-source why */ source = \"git::https://h/x.git\"\n}\n"},
		{name: "comments between", files: in("", "  # terrier:ignore any-source why\n  # and more of it\n  /* here */\n", "")},
		{name: "two ignores above each other", files: in("", "  # terrier:ignore any-source why\n  # terrier:ignore never why\n", ""),
			want: []string{`main.tf:3:3 unused-ignore: This ignore of never hits nothing`}},
		{name: "an empty line between", files: in("", "  # terrier:ignore any-source why\n\n", ""),
			want: []string{`main.tf:2:3 unused-ignore: This ignore of any-source hits nothing`, fmt.Sprintf(hitX, 4)}},
		{name: "an empty line behind stars", files: in("", "  /* terrier:ignore any-source why */\n\n", ""),
			want: []string{`main.tf:2:3 unused-ignore: This ignore of any-source hits nothing`, fmt.Sprintf(hitX, 4)}},
		{name: "in the line below", files: in("", "", "\n  # terrier:ignore any-source why"),
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:3:3 unused-ignore: This ignore of any-source hits nothing`}},
		{name: "above the block", files: in("# terrier:ignore any-source why\n", "", "")},
		{name: "behind the block's header", files: "module \"x\" { # terrier:ignore any-source why\n  source = \"git::https://h/x.git\"\n}\n"},
		{name: "above the block, for all in it", files: "# terrier:ignore any-source,any-version why\nmodule \"x\" {\n  for_each = { a = { b = 1 } }\n  source   = \"a/b/c\"\n  version  = \"1.0.0\"\n}\n"},
		{name: "above the block before", files: "# terrier:ignore any-source why\nmodule \"y\" {\n  source = \"git::https://h/y.git\"\n}\n" + x, want: []string{fmt.Sprintf(hitX, 6)}},
		{name: "above a terragrunt block", files: "-- u/terragrunt.hcl --\n# terrier:ignore any-source why\nterraform {\n  source = \"git::https://h/x.git\"\n}\n"},
		{name: "several rules", files: in("", "", " # terrier:ignore any-source,never why"),
			want: []string{`main.tf:2:35 unused-ignore: This ignore of never hits nothing`}},
		{name: "several rules with spaces, and a comma too many", files: in("", "", " # terrier:ignore never , any-source, why"),
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:2:35 invalid-ignore: There is no rule "why" to ignore`, `main.tf:2:35 invalid-ignore: This ignore gives no reason`}},
		{name: "another rule", files: in("", "", " # terrier:ignore never why"),
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:2:35 unused-ignore: This ignore of never hits nothing`}},
		{name: "until today", files: in("", "", " # terrier:ignore any-source why until=2026-01-15")},
		{name: "until a day before, in the middle of the reason", files: in("", "", " # terrier:ignore any-source until=2026-01-14 why"),
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:2:35 expired-ignore: This ignore of any-source held until 2026-01-14`}},
		{name: "until a day that has passed, and nothing hit", files: in("", "", " # terrier:ignore any-source,never why until=2025-01-14"),
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:2:35 expired-ignore: This ignore of any-source held until 2025-01-14`, `main.tf:2:35 unused-ignore: This ignore of never hits nothing`}},
		{name: "an ignore that has passed, and one that holds", files: in("# terrier:ignore any-source why\n", "", " # terrier:ignore any-source why until=2025-01-14"),
			want: []string{`main.tf:3:35 expired-ignore: This ignore of any-source held until 2025-01-14`}},
		{name: "until no date", files: in("", "", " # terrier:ignore any-source why until=tomorrow"),
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:2:35 invalid-ignore: "tomorrow" is no date`}},
		{name: "until a day that no month has", files: in("", "", " # terrier:ignore any-source why until=2026-02-30"),
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:2:35 invalid-ignore: "2026-02-30" is no date`}},
		{name: "until nothing", files: in("", "", " # terrier:ignore any-source why until="),
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:2:35 invalid-ignore: "" is no date`}},
		{name: "no reason", files: in("", "", " # terrier:ignore any-source"),
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:2:35 invalid-ignore: This ignore gives no reason`}},
		{name: "a dash and a date are no reason", files: in("", "", " # terrier:ignore any-source - until=2027-01-01"),
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:2:35 invalid-ignore: This ignore gives no reason`}},
		{name: "no rule", files: in("", "", " # terrier:ignore"),
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:2:35 invalid-ignore: This ignore names no rule`}},
		{name: "a rule that does not exist, beside one that does", files: in("", "", " # terrier:ignore any-sourc,any-source why"),
			want: []string{`main.tf:2:35 invalid-ignore: There is no rule "any-sourc" to ignore`}},
		{name: "another word", files: in("", "", " # terrier:ignored any-source why"), want: []string{fmt.Sprintf(hitX, 2)}},
		{name: "behind a comment of the same line", files: in("", "", " # v1.2.3 # terrier:ignore any-source why")},
		{name: "behind a comment of the same line, past its date", files: in("", "", " // v1.2.3 // terrier:ignore any-source why until=2025-01-14"),
			want: []string{fmt.Sprintf(hitX, 2), "main.tf:2:45 expired-ignore: This ignore of any-source held until 2025-01-14"}},
		{name: "behind a comment of a line above", files: in("", "  # use # terrier:ignore any-source why\n", ""), want: []string{fmt.Sprintf(hitX, 3)}},
		{name: "a comment that speaks of it", files: in("", "", " # use terrier:ignore any-source why"), want: []string{fmt.Sprintf(hitX, 2)}},
		{name: "in a string and in a heredoc", files: "locals {\n  a = \"# terrier:ignore any-source why\"\n  b = <<E\n# terrier:ignore any-source why\nE\n}\n" + x, want: []string{fmt.Sprintf(hitX, 8)}},
		{name: "in a template", files: "locals {\n  a = \"${ \"# terrier:ignore nothing\" }\"\n}\n" + x, want: []string{fmt.Sprintf(hitX, 5)}},
		{name: "CRLF", files: strings.ReplaceAll(in("", "  # terrier:ignore any-source why until=2026-01-15\n", " # terrier:ignore never why"), "\n", "\r\n"),
			want: []string{`main.tf:3:35 unused-ignore: This ignore of never hits nothing`}},
		{name: "a byte order mark", files: "-- main.tf --\n\ufeff# terrier:ignore any-source why\n" + x},
		{name: "no end of the last line", files: strings.TrimSuffix(in("", "", ""), "\n") + " # terrier:ignore never why",
			want: []string{fmt.Sprintf(hitX, 2), `main.tf:3:3 unused-ignore: This ignore of never hits nothing`}},
		{name: "JSON has no comments", files: "-- main.tf.json --\n{\"//\": \"# terrier:ignore any-source why\", \"module\": {\"x\": {\"source\": \"git::https://h/x.git\"}}}\n",
			want: []string{`main.tf.json:1:70 any-source: source of module "x"`}},
		{name: "a finding about the file, at its first line", files: "# terrier:ignore whole-file why\n\nlocals {}\n"},
		{name: "a rule that could not run", files: in("", "  # terrier:ignore asks-remote why\n  # terrier:ignore asks-config why\n", ""),
			want: []string{fmt.Sprintf(hitX, 4)}},
		{name: "a rule that could", files: in("", "  # terrier:ignore asks-remote why\n", ""), with: func(in *Input) { in.Refs = map[string]map[string]repo.Ref{} },
			want: []string{`main.tf:2:3 unused-ignore: This ignore of asks-remote hits nothing`, fmt.Sprintf(hitX, 3)}},
		{name: "a rule that is off is hit all the same", files: in("", "", " # terrier:ignore any-source why until=2025-01-01"), with: func(in *Input) {
			in.Settings.Rules = map[string]RuleSettings{"any-source": {Severity: Off}}
		}},
		{name: "an excluded file", files: in("", "", " # terrier:ignore any-source why"), with: func(in *Input) { in.Settings.Exclude = []string{"*.tf"} }},
		{name: "an ignore in a link's file holds for both places", files: "-- a/main.tf --\n" + in("", "", " # terrier:ignore any-source why") + "-- b/main.tf --\n-> ../a/main.tf\n"},
		{name: "what a link leads to is no configuration", files: "-- shared/x.txt --\n" + in("", "", " # terrier:ignore any-source,never why") + "-- a/main.tf --\n-> ../shared/x.txt\n-- b/main.tf --\n-> ../shared/x.txt\n",
			want: []string{`a/main.tf:2:35 unused-ignore: This ignore of never hits nothing`}},
		{name: "a file that terragrunt includes", files: "-- u/terragrunt.hcl --\ninclude {\n  path = \"../common.hcl\"\n}\n-- v/terragrunt.hcl --\ninclude {\n  path = \"../common.hcl\"\n}\n-- common.hcl --\nterraform {\n  source = \"git::https://h/x.git\" # terrier:ignore any-source,never why\n}\n",
			want: []string{`common.hcl:2:35 unused-ignore: This ignore of never hits nothing`}},
		{name: "a file that does not parse", files: in("", "", " # terrier:ignore any-source why") + "}}} ${ \"\n"},
		{name: "an unused ignore cannot be ignored", files: in("", "  # terrier:ignore unused-ignore why\n", ""), want: []string{fmt.Sprintf(hitX, 3)}},
	} {
		in := inputOf(test.files)
		if test.with != nil {
			test.with(in)
		}
		if diff := cmp.Diff(test.want, shorts(Run(in, testRules()))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

func TestIgnoreRange(t *testing.T) {
	for _, eol := range []string{"\n", "\r\n"} {
		found := Run(inputOf("locals {} # terrier:ignore never wäre gut"+eol), testRules())
		if len(found) != 1 {
			t.Fatal(found)
		}
		if r := found[0].Range; r.Start.Column != 11 || r.End.Line != 1 || r.End.Column != 42 || r.End.Byte != 42 {
			t.Errorf("%+v", r)
		}
	}
}

func TestIgnoreSuggestion(t *testing.T) {
	for name, want := range map[string]string{
		"any-sorce": "Did you mean any-source?", "ANY-SOURCE": "Did you mean any-source?", "zzz": "`terrier lint --rules` lists the rules.",
		strings.Repeat("any-source", 1000): "`terrier lint --rules`",
	} {
		found := Run(inputOf("# terrier:ignore "+name+" why\n"), testRules())
		if len(found) != 1 || !strings.Contains(found[0].Detail, want) || len(found[0].Summary) > 200 {
			t.Errorf("%.20s: %+v", name, found)
		}
	}
}

func FuzzIgnores(f *testing.F) {
	for _, s := range []string{
		x, "# terrier:ignore any-source why\n" + x, "/* terrier:ignore a,b\nuntil=1 */ module \"x\" {\n", "{ # terrier:ignore never x until=2026-01-01\r\n}",
		"module \"x\" { /* terrier:ignore any-source why */ source = \"a/b/c\" } # terrier:ignore",
		"\ufeff//terrier:ignore:any-source,,never -\n/**/# terrier:ignore any-source x", "x = \"${<<E\n# terrier:ignore a b\nE\n}\"\n}}{{",
	} {
		f.Add(s)
	}
	rules := testRules()
	f.Fuzz(func(t *testing.T, src string) {
		tree, _ := hclparse.Load(fstest.MapFS{"main.tf": {Data: []byte(src)}, "terragrunt.hcl": {Data: []byte(src)}})
		in := &Input{Graph: modules.NewGraph(tree, nil), Today: time.Date(2026, 1, 15, 0, 0, 0, 0, time.UTC)}
		found := Run(in, rules)
		if diff := cmp.Diff(found, Run(in, rules)); diff != "" {
			t.Errorf("twice: %s", diff)
		}
		// Without ignores there is nothing but what the other rules find, and
		// with them nothing else of those.
		plain := map[string]bool{}
		for _, f := range Run(&Input{Graph: in.Graph, Today: in.Today}, rules[:2]) {
			plain[short(f)] = true
		}
		lines := strings.Count(src, "\n") + 1
		for _, f := range found {
			if f.Rule == "any-source" && !strings.Contains(src, IgnoreMark) && !plain[short(f)] {
				t.Errorf("%s comes from nowhere", short(f))
			}
			if f.Range.Start.Line < 1 || f.Range.End.Line > lines || f.Range.Start.Byte > f.Range.End.Byte || f.Range.End.Byte > len(src) {
				t.Errorf("%s: %+v is no range of the file", short(f), f.Range)
			}
			if strings.HasSuffix(f.Rule, "-ignore") && !strings.Contains(src, IgnoreMark) {
				t.Errorf("%s, and no ignore", short(f))
			}
		}
	})
}
