package lint

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// TestSeverity holds the order: the finding's own or the rule's, then what the
// configuration says of the rule, then what it says of the environment.
func TestSeverity(t *testing.T) {
	const files = "-- live/prod/a/main.tf --\nprovider \"aws\" {}\n" + x + "-- live/prod/a/p/main.tf --\n" + x + "-- live/qa/main.tf --\nprovider \"aws\" {}\n" + x + "-- modules/m/main.tf --\n" + x
	for _, test := range []struct {
		name     string
		settings Settings
		want     string
	}{
		{"the rule's", Settings{}, "live/prod/a error, live/prod/a/p error, live/qa error, modules/m error"},
		{"the configuration's", Settings{Rules: map[string]RuleSettings{"any-source": {Severity: Info}}}, "live/prod/a info, live/prod/a/p info, live/qa info, modules/m info"},
		{"of an environment, private modules included", Settings{Environments: map[string]map[string]Severity{"prod": {"any-source": Warn}}},
			"live/prod/a warn, live/prod/a/p warn, live/qa error, modules/m error"},
		{"the environment has the last word", Settings{Rules: map[string]RuleSettings{"any-source": {Severity: Off}}, Environments: map[string]map[string]Severity{"prod": {"any-source": Error}}},
			"live/prod/a error, live/prod/a/p error"},
		{"off in an environment", Settings{Environments: map[string]map[string]Severity{"prod": {"any-source": Off}}}, "live/qa error, modules/m error"},
		{"of another rule", Settings{Rules: map[string]RuleSettings{"never": {Severity: Off}}}, "live/prod/a error, live/prod/a/p error, live/qa error, modules/m error"},
		{"files left out", Settings{Exclude: []string{"live/qa/**", "modules/*/main.tf"}}, "live/prod/a error, live/prod/a/p error"},
		{"files left out for the rule", Settings{Rules: map[string]RuleSettings{"any-source": {Exclude: []string{"live/**"}}, "never": {Exclude: []string{"**"}}}}, "modules/m error"},
		{"a glob that is none", Settings{Exclude: []string{"[", "*.tf"}}, "live/prod/a error, live/prod/a/p error, live/qa error, modules/m error"},
		{"an exclude is stronger than an environment", Settings{Exclude: []string{"**"}, Environments: map[string]map[string]Severity{"prod": {"any-source": Error}}}, ""},
	} {
		in := inputOf(files)
		in.Settings = test.settings
		in.Environment = func(dir string) string {
			for _, env := range []string{"prod", "qa"} {
				if modules.Within(dir, "live/"+env) {
					return env
				}
			}
			return ""
		}
		var got []string
		for _, f := range Run(in, testRules()) {
			got = append(got, strings.TrimSuffix(f.Range.Filename, "/main.tf")+" "+string(f.Severity))
		}
		if got := strings.Join(got, ", "); got != test.want {
			t.Errorf("%s:\n got %s\nwant %s", test.name, got, test.want)
		}
	}
}

func TestSeverityOfFinding(t *testing.T) {
	in := inputOf(x)
	rule := &Rule{Name: "r", Severity: Error, Check: func(p *Pass) {
		p.Report(Finding{Severity: Info, Range: hcl.Range{Filename: "main.tf"}, Summary: "mild"})
		p.Report(Finding{Range: hcl.Range{Filename: "main.tf"}, Summary: "not"})
	}}
	found := Run(in, []*Rule{rule})
	if len(found) != 2 || found[0].Severity != Info || found[1].Severity != Error || found[0].Rule != "r" {
		t.Errorf("%+v", found)
	}
	for i, s := range Severities {
		if !s.AtLeast(Off) || s.AtLeast(Error) != (i == len(Severities)-1) {
			t.Errorf("%s is in the wrong place", s)
		}
	}
}

// TestOnce holds that one place in one file is one finding.
func TestOnce(t *testing.T) {
	for _, test := range []struct{ name, files, want string }{
		{"a link before its file", "-- b/main.tf --\n" + x + "-- a/main.tf --\n-> ../b/main.tf\n", "b/main.tf"},
		{"a link behind its file", "-- a/main.tf --\n" + x + "-- b/main.tf --\n-> ../a/main.tf\n", "a/main.tf"},
		{"two links to what is no configuration", "-- x.txt --\n" + x + "-- b/main.tf --\n-> ../x.txt\n-- a/main.tf --\n-> ../x.txt\n", "a/main.tf"},
		{"a link to a link", "-- c/main.tf --\n" + x + "-- b/main.tf --\n-> ../c/main.tf\n-- a/main.tf --\n-> ../b/main.tf\n", "c/main.tf"},
		{"an included file", "-- common.hcl --\nterraform {\n  source = \"git::https://h/x.git\"\n}\n-- u/terragrunt.hcl --\ninclude {\n  path = \"../common.hcl\"\n}\n-- v/terragrunt.hcl --\ninclude {\n  path = \"../common.hcl\"\n}\n", "common.hcl"},
		{"two files of equal bytes", "-- a/main.tf --\n" + x + "-- b/main.tf --\n" + x, "a/main.tf b/main.tf"},
		{"two calls", "-- main.tf --\n" + x + x, "main.tf main.tf"},
	} {
		var got []string
		for _, f := range Run(inputOf(test.files), testRules()) {
			got = append(got, f.Range.Filename)
		}
		if got := strings.Join(got, " "); got != test.want {
			t.Errorf("%s: got %s, want %s", test.name, got, test.want)
		}
	}
}

// TestFingerprint holds that a fingerprint survives moved lines, and that two
// findings never share one.
func TestFingerprint(t *testing.T) {
	prints := func(files string) map[string]int {
		out := map[string]int{}
		for _, f := range Run(inputOf(files), testRules()) {
			if len(f.Fingerprint) != 64 || out[f.Fingerprint] != 0 {
				t.Errorf("%s: %q is no fingerprint, or is there twice", short(f), f.Fingerprint)
			}
			out[f.Fingerprint] = f.Range.Start.Line
		}
		return out
	}
	y := strings.Replace(x, "\"x\"", "\"y\"", 1)
	before := prints("-- main.tf --\n" + x + x + y + "-- a/main.tf --\n" + x)
	if len(before) != 4 {
		t.Fatal(before)
	}
	moved := prints("-- main.tf --\n# more\n\n" + y + "locals {}\n" + x + "\n" + x + "-- a/main.tf --\n\n" + strings.ReplaceAll(x, " = ", "    =    "))
	if diff := cmp.Diff(sortedKeys(before), sortedKeys(moved)); diff != "" {
		t.Errorf("moved lines (-before +after):\n%s", diff)
	}
	for _, other := range []string{strings.Replace(x, "x.git", "x.git?ref=v1", 1), strings.Replace(x, "module \"x\"", "module \"z\"", 1)} {
		for print := range prints("-- main.tf --\n" + other) {
			if before[print] != 0 {
				t.Errorf("another finding has the same fingerprint: %s", other)
			}
		}
	}
}

// TestFingerprintHidesSecrets holds that a token's change is not a new finding,
// and that the token is nowhere in it.
func TestFingerprintHidesSecrets(t *testing.T) {
	var prints []string
	for _, token := range []string{"s3cr3t-one", "s3cr3t-two"} {
		found := Run(inputOf("module \"x\" {\n  source = \"git::https://u:"+token+"@h/x.git?ref=v1\"\n}\n"), testRules())
		if len(found) != 1 || strings.Contains(fmt.Sprint(found), "s3cr3t") {
			t.Fatalf("%+v", found)
		}
		prints = append(prints, found[0].Fingerprint)
	}
	if prints[0] != prints[1] {
		t.Error(prints)
	}
}

// TestOrder holds that the findings' order is theirs, not that of the rules or
// of their reports.
func TestOrder(t *testing.T) {
	at := func(file string, line, column int) hcl.Range {
		return hcl.Range{Filename: file, Start: hcl.Pos{Line: line, Column: column, Byte: line*100 + column}, End: hcl.Pos{Line: line, Column: column + 1, Byte: line*100 + column + 1}}
	}
	var all []Finding
	for _, r := range []hcl.Range{at("a.tf", 1, 1), at("a.tf", 1, 2), at("a.tf", 2, 1), at("a.tf", 10, 1), at("b.tf", 1, 1)} {
		for _, rule := range []string{"r1", "r2"} {
			for _, summary := range []string{"one", "two"} {
				all = append(all, Finding{Rule: rule, Range: r, Summary: summary, Subject: summary, Severity: Warn})
			}
		}
	}
	run := func(found []Finding) []string {
		var rules []*Rule
		for _, name := range []string{"r2", "r1"} {
			rules = append(rules, &Rule{Name: name, Severity: Warn, Check: func(p *Pass) {
				for _, f := range found {
					if f.Rule == name {
						p.Report(f)
					}
				}
			}})
		}
		var out []string
		for _, f := range Run(inputOf("locals {}\n"), rules) {
			out = append(out, short(f)+" "+f.Fingerprint)
		}
		return out
	}
	want := run(all)
	if len(want) != len(all) || !strings.HasPrefix(want[0], "a.tf:1:1 r1: one") || !strings.HasPrefix(want[len(want)-1], "b.tf:1:1 r2: two") {
		t.Fatal(want)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		mixed := slices.Clone(all)
		rnd.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
		if diff := cmp.Diff(want, run(mixed)); diff != "" {
			t.Fatalf("shuffled (-want +got):\n%s", diff)
		}
	}
}

// TestRunTwice holds that a run changes nothing that the next one sees, and
// that loading anew makes no difference.
func TestRunTwice(t *testing.T) {
	var b strings.Builder
	for i := range 60 {
		fmt.Fprintf(&b, "-- d%02d/main.tf --\n# terrier:ignore any-source,never why\n%s%s", i, x, strings.Replace(x, "https://h", "https://i # no", 1))
	}
	in := inputOf(b.String())
	want := Run(in, testRules())
	for range 5 {
		if diff := cmp.Diff(want, Run(in, testRules())); diff != "" {
			t.Fatalf("again:\n%s", diff)
		}
		if diff := cmp.Diff(want, Run(inputOf(b.String()), testRules())); diff != "" {
			t.Fatalf("loaded again:\n%s", diff)
		}
	}
}

// TestBrokenTrees runs over what does not parse, and over nothing.
func TestBrokenTrees(t *testing.T) {
	for name, files := range map[string]string{
		"nothing":                    "",
		"half a block":               "module \"x\" {\n  source = \"git::https://h/x.git\"\n",
		"no value":                   "module \"x\" {\n  source =\n}\n",
		"a name that is a template":  "module \"${x}\" {\n  source = \"a/b/c\"\n}\n",
		"no label":                   "module {\n  source = \"a/b/c\"\n}\n",
		"a broken included file":     "-- u/terragrunt.hcl --\ninclude {\n  path = \"../c.hcl\"\n}\n-- c.hcl --\nterraform {\n  source = \"git::https://h/x.git\" # terrier:ignore any-source why\n",
		"JSON, cut off":              "-- a.tf.json --\n{\"module\": {\"x\": {\"source\": \"git::https://h",
		"JSON of another shape":      "-- a.tf.json --\n{\"module\": [1, {\"x\": []}, {\"x\": {\"source\": [\"y\"]}}]}\n",
		"a link in a circle":         "-- a.tf --\n-> b.tf\n-- b.tf --\n-> a.tf\n",
		"a link that climbs out":     "-- a.tf --\n-> ../../etc/x.tf\n",
		"bytes":                      "module \"x\" {\n  source = \"\xff\xfe\x00\"\n}\n",
		"a source with line breaks":  "module \"x\" {\n  source = \"git::https://h/x.git?ref=a\\nb\\u001b[31m\"\n}\n",
		"a heredoc":                  "module \"x\" {\n  source = <<E\ngit::https://h/x.git?ref=v1.0.0\nE\n}\n",
		"a module that calls itself": "module \"x\" {\n  source = \"./\"\n}\n",
		"an override of nothing":     "-- override.tf --\n" + x,
		"versions of overrides":      "-- a.tf --\nmodule \"x\" {\n  source = \"a/b/c\"\n}\n-- override.tf --\nmodule \"x\" {\n  version = \"1.0.0\"\n}\n",
	} {
		found := Run(inputOf(files), testRules())
		for _, f := range found {
			if f.Range.Filename == "" || f.Fingerprint == "" {
				t.Errorf("%s: %+v", name, f)
			}
		}
	}
}

// TestCallFacts holds what a call says beside what the graph does.
func TestCallFacts(t *testing.T) {
	in := inputOf("-- live/a/main.tf --\nprovider \"aws\" {}\n" + call("a", "git::https://h/x.git?depth=1&ref=v1.2.3", " # vpc/v1.2.3") +
		call("b", "git::https://h/x.git?ref=0123456789012345678901234567890123456789", "\t//1.0.0-rc.1 ") + call("c", "a/b/c", " # 1.2") + "-- live/a/override.tf --\nmodule \"c\" {\n  version = \"= 1.2.0\"\n}\n")
	in.Environment = func(dir string) string { return "env of " + dir }
	var got []string
	for _, c := range Calls(in) {
		comment, release := "", ""
		if c.Comment != nil {
			r := c.CommentRange()
			comment = fmt.Sprintf("%s at %d:%d-%d", c.Comment.Text, r.Start.Line, r.Start.Column, r.End.Column)
			if text := string(r.SliceBytes(c.File().Bytes)); text != c.Comment.Text {
				t.Errorf("%s: the comment's range is that of %q", c.Name(), text)
			}
		}
		if c.Release != nil {
			release = c.Release.Version.String()
		}
		r := c.ParamRange("ref")
		got = append(got, fmt.Sprintf("%s|%s|%s|%s|%s|%s|%s", c.Name(), c.Pin, c.Version, release, comment, string(r.SliceBytes(c.File().Bytes)), c.Environment))
	}
	want := []string{
		"a|tag||1.2.3|vpc/v1.2.3 at 3:56-66|v1.2.3|env of live/a",
		"b|commit|||1.0.0-rc.1 at 6:82-92|0123456789012345678901234567890123456789|env of live/a",
		"c|exact|= 1.2.0|1.2.0||\"a/b/c\"|env of live/a",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func call(name, source, behind string) string {
	return "module \"" + name + "\" {\n  source = \"" + source + "\"" + behind + "\n}\n"
}

// TestLockKey holds what is looked up in a lock file.
func TestLockKey(t *testing.T) {
	for source, want := range map[string]string{
		"git::https://u:p@h/x.git//sub?depth=1&ref=v1": "git::https://h/x.git v1 true",
		"github.com/a/b":       "git::https://github.com/a/b.git  true",
		"a/b/c":                "registry.terraform.io/a/b/c  true",
		"./a":                  "  false",
		"https://h/a.zip":      "  false",
		"::":                   "  false",
		"s3::https://s3/b/k.z": "  false",
	} {
		s, _ := hclparse.ParseSource(source)
		address, ref, ok := LockKey(&Call{Known: true, Source: s})
		if got := fmt.Sprintf("%s %s %v", address, ref, ok); got != want {
			t.Errorf("%s: got %q, want %q", source, got, want)
		}
	}
	if _, _, ok := LockKey(&Call{}); ok {
		t.Error("what is not known is locked")
	}
}
