package hclparse

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	hcljson "github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"
)

func TestApply(t *testing.T) {
	// A byte order mark, CRLF, odd spacing, no final newline.
	const src = "\ufeffmodule \"a\" {\r\n  source   = \"../x\"   # why\r\n}"
	at := strings.Index(src, `"../x"`)
	for _, c := range []struct {
		name  string
		edits []Edit
		want  string
	}{
		{"none", nil, src},
		{"one", []Edit{{at, at + 6, []byte(`"git::file:///x.git"`)}}, strings.Replace(src, `"../x"`, `"git::file:///x.git"`, 1)},
		{"deleted", []Edit{{at, at + 6, nil}}, strings.Replace(src, `"../x"`, "", 1)},
		{"all", []Edit{{0, len(src), []byte("x")}}, "x"},
		{"both ends", []Edit{{len(src), len(src), []byte("\n")}, {0, 3, nil}}, src[3:] + "\n"},
		{"any order", []Edit{{at + 1, at + 6, []byte("2")}, {at, at + 1, []byte("1")}}, strings.Replace(src, `"../x"`, "12", 1)},
		{"insertions at one place", []Edit{{at, at, []byte("1")}, {at, at, []byte("2")}, {at, at + 6, []byte("3")}, {at + 6, at + 6, []byte("4")}}, strings.Replace(src, `"../x"`, "1234", 1)},
		{"insertion given after the replacement that it precedes", []Edit{{at, at + 6, []byte("3")}, {at, at, []byte("1")}}, strings.Replace(src, `"../x"`, "13", 1)},
	} {
		in := []byte(src)
		edits := append([]Edit(nil), c.edits...)
		got, err := Apply(in, edits)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %q, %v; want %q", c.name, got, err, c.want)
		}
		if string(in) != src {
			t.Errorf("%s: src is changed", c.name)
		}
		for i := range edits {
			if edits[i].Start != c.edits[i].Start {
				t.Errorf("%s: the edits are sorted in place", c.name)
			}
		}
		if len(got) > 0 {
			got[0]++
			if string(in) != src {
				t.Errorf("%s: the result shares memory with src", c.name)
			}
		}
	}
	for _, c := range []struct {
		edits []Edit
		want  string
	}{
		{[]Edit{{-1, 2, nil}}, "leaves"},
		{[]Edit{{3, 2, nil}}, "leaves"},
		{[]Edit{{0, 11, nil}}, "leaves"},
		{[]Edit{{11, 11, nil}}, "leaves"},
		{[]Edit{{0, 5, nil}, {4, 6, nil}}, "overlap"},
		{[]Edit{{4, 6, nil}, {0, 5, nil}}, "overlap"},
		{[]Edit{{0, 5, nil}, {0, 5, nil}}, "overlap"},
		{[]Edit{{0, 9, nil}, {3, 3, []byte("x")}}, "overlap"},
		{[]Edit{{0, 9, nil}, {1, 2, nil}, {3, 4, nil}}, "overlap"},
	} {
		if got, err := Apply([]byte("0123456789"), c.edits); err == nil || got != nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v: %q, %v; want %q", c.edits, got, err, c.want)
		}
	}
}

func FuzzApply(f *testing.F) {
	f.Add([]byte("0123456789"), []byte("ab"), 1, 3, 5, 5)
	f.Add([]byte("0123456789"), []byte{}, 5, 9, 5, 5)
	f.Add([]byte{}, []byte("x"), 0, 0, 0, 0)
	f.Add([]byte("x"), []byte("x"), -1, 0, 0, 2)
	f.Fuzz(func(t *testing.T, src, text []byte, a, b, c, d int) {
		edits := []Edit{{a, b, text}, {c, d, text}}
		got, err := Apply(src, edits)
		inside := a >= 0 && a <= b && b <= len(src) && c >= 0 && c <= d && d <= len(src)
		apart := b <= c || d <= a
		if (err == nil) != (inside && apart) {
			t.Fatalf("%d-%d %d-%d in %d bytes: %v", a, b, c, d, len(src), err)
		}
		if err != nil {
			return
		}
		// One after the other, the later one first, comes to the same.
		first, second := edits[0], edits[1]
		if second.Start < first.Start || second.Start == first.Start && second.End < first.End {
			first, second = second, first
		}
		want := []byte(string(src[:first.Start]) + string(text) + string(src[first.End:second.Start]) + string(text) + string(src[second.End:]))
		if !bytes.Equal(got, want) {
			t.Fatalf("%d-%d %d-%d: %q, want %q", a, b, c, d, got, want)
		}
	})
}

var quoteCases = []struct{ in, native, json string }{
	{"", `""`, `""`},
	{"git::https://h/p.git//s?ref=v1&depth=1", `"git::https://h/p.git//s?ref=v1&depth=1"`, `"git::https://h/p.git//s?ref=v1&depth=1"`},
	{`a"b\c`, `"a\"b\\c"`, `"a\"b\\c"`},
	{"a\r\n\tb", `"a\r\n\tb"`, `"a\r\n\tb"`},
	{"a\x00\x1b\x7f", `"a\u0000\u001b\u007f"`, `"a\u0000\u001b\u007f"`},
	{"<a>&b", `"<a>&b"`, `"<a>&b"`},
	{"${a}", `"$${a}"`, `"$${a}"`},
	{"%{a}", `"%%{a}"`, `"%%{a}"`},
	{"$a %b $ { %", `"$a %b $ { %"`, `"$a %b $ { %"`},
	{"größe 世界 🐕", `"größe 世界 🐕"`, `"größe 世界 🐕"`},
	{"\u2028\ufeff\U000e0001", `"\u2028\ufeff\U000e0001"`, `"\u2028\ufeff\udb40\udc01"`},
	{"a\xffb", `"a` + "\ufffd" + `b"`, `"a` + "\ufffd" + `b"`},
	{"\ufeffa", `"\ufeffa"`, `"\ufeffa"`},
	{"\u0604\"\u0d4e\"\U000111c2", "\"\\u0604\\\"\u0d4e\\\"\U000111c2\"", `"\u0604\"\u0d4e\"\ud804\uddc2"`},
	// Odd runs before a brace.
	{"$${a}", `"$$${a}"`, `"$$${a}"`},
	{"$$${a}", `"$$$${a}"`, `"$$$${a}"`},
	{"%%{", `"%%%{"`, `"%%%{"`},
	{"%${%{$%{", `"%$${%%{$%%{"`, `"%$${%%{$%%{"`},
}

func TestQuote(t *testing.T) {
	for _, c := range quoteCases {
		if got := string(QuoteNative(c.in)); got != c.native {
			t.Errorf("QuoteNative(%q) = %s, want %s", c.in, got, c.native)
		}
		if got := string(QuoteJSON(c.in)); got != c.json {
			t.Errorf("QuoteJSON(%q) = %s, want %s", c.in, got, c.json)
		}
		checkQuotes(t, c.in)
	}
}

func FuzzQuote(f *testing.F) {
	for _, c := range quoteCases {
		f.Add(c.in)
	}
	f.Fuzz(func(t *testing.T, s string) {
		// HCL's scanner takes quadratic time over a run of dollar signs.
		if len(s) <= 500 {
			checkQuotes(t, s)
		}
	})
}

// checkQuotes reads s back through HCL's own parsers, as an expression and
// in a file.
func checkQuotes(t *testing.T, s string) {
	want := cty.StringVal(strings.ToValidUTF8(s, "\uFFFD"))
	native := QuoteNative(s)
	if bytes.ContainsAny(native, "\n\r") {
		t.Fatalf("%q: %s is of several lines", s, native)
	}
	expr, diags := hclsyntax.ParseExpression(native, "x.tf", hcl.InitialPos)
	checkValue(t, native, expr, diags, want, nil)
	file, diags := hclsyntax.ParseConfig([]byte("module \"m\" {\n  source = "+string(native)+"\n}\n"), "x.tf", hcl.InitialPos)
	if diags.HasErrors() {
		t.Fatalf("%s: %v", native, diags)
	}
	attr := file.Body.(*hclsyntax.Body).Blocks[0].Body.Attributes["source"]
	checkValue(t, native, attr.Expr, nil, want, nil)
	// It is a plain literal, which is what Load calls Static.
	if n := len(expr.(*hclsyntax.TemplateExpr).Variables()); n != 0 || !expr.(*hclsyntax.TemplateExpr).IsStringLiteral() && s != "" && !strings.Contains(s, "{") {
		t.Fatalf("%s is not a literal", native)
	}

	text := QuoteJSON(s)
	if !json.Valid(text) || bytes.ContainsAny(text, "\n\r") {
		t.Fatalf("%q: %s is not JSON on one line", s, text)
	}
	if strings.Contains(s, "\r") && (strings.Contains(s, "${") || strings.Contains(s, "%{")) {
		return // HCL does not undo the escape behind a carriage return: see QuoteJSON
	}
	// A template loses a byte order mark at its start.
	want = cty.StringVal(strings.TrimPrefix(strings.ToValidUTF8(s, "\uFFFD"), "\ufeff"))
	value, diags := hcljson.ParseExpression(text, "x.tf.json")
	checkValue(t, text, value, diags, want, &hcl.EvalContext{})
}

func checkValue(t *testing.T, quoted []byte, expr hcl.Expression, diags hcl.Diagnostics, want cty.Value, ctx *hcl.EvalContext) {
	t.Helper()
	if diags.HasErrors() {
		t.Fatalf("%s: %v", quoted, diags)
	}
	got, diags := expr.Value(ctx)
	if diags.HasErrors() || !got.RawEquals(want) {
		t.Fatalf("%s is read as %#v, %v; want %#v", quoted, got, diags, want)
	}
}
