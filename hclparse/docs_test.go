package hclparse

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestFindDocSources(t *testing.T) {
	const block = "module \"vpc\" {\n  source = \"./modules/vpc\"\n}\n"
	const found = "vpc ./modules/vpc"
	indent := func(by, s string) string {
		return by + strings.ReplaceAll(strings.TrimSuffix(s, "\n"), "\n", "\n"+by) + "\n"
	}
	for name, tc := range map[string]struct{ text, want string }{
		"hcl":                     {"# x\n\n```hcl\n" + block + "```\n", found + ":5"},
		"terraform":               {"```terraform\n" + block + "```\n", found + ":3"},
		"tf, in capitals":         {"```TF\n" + block + "```\n", found + ":3"},
		"attributes":              {"``` {.hcl .numberLines}\n" + block + "```\n", found + ":3"},
		"a title":                 {"```hcl title=\"main.tf\"\n" + block + "```\n", found + ":3"},
		"tildes":                  {"~~~hcl\n" + block + "~~~\n", found + ":3"},
		"four":                    {"````hcl\n" + block + "````\n", found + ":3"},
		"closed by more":          {"```hcl\n" + block + "`````  \n" + block, found + ":3"},
		"not closed by less":      {"````hcl\n" + block + "```\n````\n", ""},
		"not closed by the other": {"```hcl\n" + block + "~~~\n```\n", ""},
		"never closed":            {"```hcl\n" + block, ""},
		"in a list":               {"- use it:\n\n" + indent("  ", "```hcl\n"+block+"```\n"), found + ":5"},
		"in a list of a list":     {"1. a\n   - b\n\n" + indent("\t", "```hcl\n"+block+"```\n"), found + ":6"},
		"on the list's own line":  {"- ```hcl\n" + indent("  ", block+"```\n"), found + ":3"},
		"on a number's own line":  {"10. ```hcl\n" + indent("    ", block+"```\n"), found + ":3"},
		"in a quotation":          {indent("> ", "```hcl\n"+block+"```\n"), found + ":3"},
		"CRLF":                    {strings.ReplaceAll("```hcl\n"+block+"```\n", "\n", "\r\n"), found + ":3"},
		"two blocks, two fences":  {"```hcl\n" + block + block + "```\n```tf\n" + block + "```\n", found + ":3 " + found + ":6 " + found + ":11"},

		"no language":            {"```\n" + block + "```\n", ""},
		"another language":       {"```sh\n" + block + "```\n", ""},
		"no fence":               {block, ""},
		"two backticks":          {"``hcl\n" + block + "``\n", ""},
		"a code span":            {"```hcl` x\n" + block + "```\n", ""},
		"a fence in a fence":     {"````markdown\n```hcl\n" + block + "```\n````\n", ""},
		"an ellipsis":            {"```hcl\nmodule \"vpc\" {\n  source = \"./modules/vpc\"\n  ...\n}\n```\n", ""},
		"a template":             {"```hcl\nmodule \"vpc\" {\n  source = \"./modules/${x}\"\n}\n```\n", ""},
		"another block":          {"```hcl\nresource \"x\" \"y\" {\n  source = \"./modules/vpc\"\n}\n```\n", ""},
		"nested":                 {"```hcl\nx {\n" + block + "}\n```\n", ""},
		"a heredoc for a source": {"```hcl\nmodule \"vpc\" {\n  source = <<E\n./x\nE\n}\n```\n", ""},
		"not in a quotation":     {"```hcl\n> " + block + "```\n", ""},
		"deeper than any parser": {"```hcl\nx = " + strings.Repeat("[", 100000) + "\n```\n", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, s := range FindDocSources([]byte(tc.text)) {
				got = append(got, fmt.Sprintf("%s %s:%d", s.Module, s.Source, s.Line))
				if at := tc.text[s.Start:s.End]; at != `"`+s.Source.String()+`"` {
					t.Errorf("the bytes are %q", at)
				}
			}
			if d := cmp.Diff(tc.want, strings.Join(got, " ")); d != "" {
				t.Error(d)
			}
		})
	}
}

// An edit of what is found gives the new sources back, and every byte outside
// them is as it was.
func FuzzDocs(f *testing.F) {
	const block = "module \"vpc\" {\n  source = \"./modules/vpc\"\n}\n"
	f.Add([]byte("```hcl\n"+block+"```\n"), "git::https://h/x.git?ref=v1")
	f.Add([]byte("- ~~~tf\r\n\tmodule \"a\" { source = \"../x\" }\r\n\t~~~\r\n> ```hcl\n> "+strings.ReplaceAll(block, "\n", "\n> ")+"```\n"), "```\n${x}\"\\")
	f.Add([]byte("\xef\xbb\xbf````terraform\n"+block+"# \xff\n````"), "")
	f.Fuzz(func(t *testing.T, src []byte, to string) {
		checkEdits(t, src, to, func(src []byte) (places []Edit, raw []string) {
			for _, s := range FindDocSources(src) {
				places, raw = append(places, Edit{Start: s.Start, End: s.End}), append(raw, s.Source.String())
			}
			return places, raw
		})
	})
}

// checkEdits replaces every place that find gives by to, and looks again.
func checkEdits(t *testing.T, src []byte, to string, find func([]byte) ([]Edit, []string)) {
	t.Helper()
	before, _ := find(src)
	edits := make([]Edit, len(before))
	for i, e := range before {
		edits[i] = Edit{Start: e.Start, End: e.End, New: QuoteNative(to)}
	}
	out, err := Apply(src, edits)
	if err != nil {
		t.Fatalf("%v", err)
	}
	after, raw := find(out)
	if len(after) != len(before) {
		t.Fatalf("%d sources became %d:\n%q\n%q", len(before), len(after), src, out)
	}
	want, _ := ParseSource(to)
	if len(raw) > 0 {
		want, _ = ParseSource(literalOf(t, QuoteNative(to)))
	}
	from, at := 0, 0
	for i, e := range after {
		if raw[i] != want.String() {
			t.Fatalf("source %d is %q, not %q", i, raw[i], want)
		}
		if !bytes.Equal(src[from:before[i].Start], out[at:e.Start]) {
			t.Fatalf("other bytes changed before source %d", i)
		}
		from, at = before[i].End, e.End
	}
	if !bytes.Equal(src[from:], out[at:]) {
		t.Fatal("other bytes changed behind the last source")
	}
}

// literalOf reads a quoted string as HCL does: in Unicode's form NFC.
func literalOf(t *testing.T, quoted []byte) string {
	t.Helper()
	_, s := ParseTerragrunt("x", append(append([]byte("terraform {\n  source = "), quoted...), "\n}\n"...))
	if len(s) != 1 || !s[0].Static {
		t.Fatalf("%s is no literal", quoted)
	}
	return s[0].Raw
}

func TestFindDocVersions(t *testing.T) {
	const text = "> ```hcl\n> module \"a\" {\n>   source  = \"a/b/c\"\n>   version = \"~> 1.0\"\n> }\n> module \"b\" {\n>   version = local.v\n>   source = \"a/b/c\"\n> }\n> ```\n" +
		"```hcl\r\nmodule \"c\" {\r\n  version = <<E\n1.0\nE\n  source = \"a/b/c\"\r\n}\r\nmodule \"d\" {\r\n  source = \"a/b/c\"\r\n}\r\n```\r\n"
	var got []string
	for _, s := range FindDocSources([]byte(text)) {
		got = append(got, s.Module+" "+s.Version+" "+text[s.VersionStart:s.VersionEnd])
	}
	if d := cmp.Diff([]string{`a ~> 1.0 "~> 1.0"`, "b  ", "c  ", "d  "}, got); d != "" {
		t.Error(d)
	}
}
