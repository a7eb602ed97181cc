package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// rangeOf is the range of the first occurrence of text in src.
func rangeOf(t *testing.T, src, text string) *hcl.Range {
	t.Helper()
	i := strings.Index(src, text)
	if i < 0 {
		t.Fatalf("%q is not in the source", text)
	}
	pos := func(i int) hcl.Pos {
		line := src[strings.LastIndex(src[:i], "\n")+1 : i]
		return hcl.Pos{Line: strings.Count(src[:i], "\n") + 1, Column: utf8.RuneCountInString(line) + 1, Byte: i}
	}
	return &hcl.Range{Filename: "main.tf", Start: pos(i), End: pos(i + len(text))}
}

func show(t *testing.T, src string, width int, color bool, diags ...*hcl.Diagnostic) string {
	t.Helper()
	file, _ := hclsyntax.ParseConfig([]byte(src), "main.tf", hcl.InitialPos)
	var out bytes.Buffer
	Diagnostics(&out, diags, map[string]*hcl.File{"main.tf": file}, width, color)
	return out.String()
}

func TestDiagnosticsAsTerraform(t *testing.T) {
	src := "module \"vpc\" {\n  source = \"../vpc\"\n}\n"
	d := &hcl.Diagnostic{
		Severity: hcl.DiagError, Summary: "Dangling source",
		Detail:  "There is no configuration in the directory that this leads to.\n\nhint: correct it\n  $ terrier scan --format json --rev HEAD",
		Subject: rangeOf(t, src, `"../vpc"`),
	}
	want := `╷
│ Error: Dangling source
│
│   on main.tf line 2, in module "vpc":
│    2:   source = "../vpc"
│                  ^^^^^^^^
│
│ There is no configuration in the
│ directory that this leads to.
│
│ hint: correct it
│   $ terrier scan --format json --rev HEAD
╵
`
	if got := show(t, src, 40, false, d); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	got := show(t, src, 40, true, d)
	if !strings.Contains(got, "source = \x1b[1;4m\"../vpc\"\x1b[0m\n") || strings.Contains(got, "^") {
		t.Errorf("in colour:\n%q", got)
	}
	plain := strings.NewReplacer("\x1b[31;1m", "", "\x1b[1m", "", "\x1b[1;4m", "", "\x1b[0m", "", "\x1b[22m", "", "\x1b[0;22m", "", "\x1b[31m", "").Replace(got)
	if strings.Contains(plain, "\x1b") {
		t.Errorf("other escapes: %q", plain)
	}
	d.Severity = hcl.DiagWarning
	if got := show(t, src, 0, false, d); !strings.Contains(got, "│ Warning: Dangling source\n") || !strings.Contains(got, "\n│ There is no configuration in the directory that this leads to.\n") {
		t.Errorf("a warning, without a limit:\n%s", got)
	}
}

// TestDiagnosticsRange shows what is marked of odd ranges and odd lines.
func TestDiagnosticsRange(t *testing.T) {
	pos := func(line, column, at int) hcl.Pos { return hcl.Pos{Line: line, Column: column, Byte: at} }
	for _, test := range []struct {
		name, src string
		rng       hcl.Range
		want      string
	}{
		{"tab", "\tx = 1\n", hcl.Range{Start: pos(1, 2, 1), End: pos(1, 3, 2)}, "│    1:     x = 1\n│           ^\n"},
		{"wide", "x = \"日本\" + y\n", hcl.Range{Start: pos(1, 12, 15), End: pos(1, 13, 16)}, "│    1: x = \"日本\" + y\n│                    ^\n"},
		{"crlf", "x = 1\r\ny = 2\r\n", hcl.Range{Start: pos(2, 1, 7), End: pos(2, 2, 8)}, "│    2: y = 2\n│       ^\n"},
		{"bom", "\ufeffx = 1\n", hcl.Range{Start: pos(1, 1, 3), End: pos(1, 2, 4)}, "│    1: x = 1\n│       ^\n"},
		{"empty", "x = 1\n", hcl.Range{Start: pos(1, 5, 4), End: pos(1, 5, 4)}, "│    1: x = 1\n│           ^\n"},
		{"end of line", "x =\ny = 1\n", hcl.Range{Start: pos(1, 4, 3), End: pos(2, 1, 4)}, "│    1: x =\n│          ^\n"},
		{"end of file", "x = 1\n", hcl.Range{Start: pos(2, 1, 6), End: pos(2, 1, 6)}, "│    2:\n│       ^\n"},
		{"lines", "x = [\n  1,\n]\n", hcl.Range{Start: pos(1, 5, 4), End: pos(3, 2, 12)}, "│    1: x = [\n│           ^\n│    2:   1,\n│       ^^^^\n│    3: ]\n│       ^\n"},
		{"many lines", strings.Repeat("#\n", 99), hcl.Range{Start: pos(2, 1, 2), End: pos(98, 1, 194)}, "│    7: #\n│       ^\n│      …\n"},
		{"no bytes", "a = 1\n  b = 2\n", hcl.Range{Start: pos(2, 3, 0), End: pos(2, 4, 0)}, "│    2:   b = 2\n│         ^\n"},
		{"behind the end", "a = 1\n", hcl.Range{Start: pos(1, 900, 900), End: pos(1, 950, 950)}, "│    1: a = 1\n│            ^\n"},
		{"no such line", "a = 1\n", hcl.Range{Start: pos(7, 1, 90), End: pos(7, 2, 91)}, "line 7:\n╵\n"},
		{"negative", "a = 1\n", hcl.Range{Start: pos(1, -5, -5), End: pos(1, -4, -4)}, "│    1: a = 1\n│       ^\n"},
		{"backwards", "a = 1\n", hcl.Range{Start: pos(1, 5, 4), End: pos(1, 2, 1)}, "│    1: a = 1\n│           ^\n"},
		{"escape", "a = \"\x1b]0;x\x07\u202e\xff\" # b\n", hcl.Range{Start: pos(1, 1, 0), End: pos(1, 2, 1)}, "│    1: a = \"\\x1b]0;x\\x07\\u202e\\xff\" # b\n"},
	} {
		test.rng.Filename = "main.tf"
		got := show(t, test.src, 80, false, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "S", Subject: &test.rng})
		if !strings.Contains(got, test.want) {
			t.Errorf("%s: got\n%s\nwant\n%s", test.name, got, test.want)
		}
	}
}

func TestDiagnosticsLongLine(t *testing.T) {
	src := "x = [" + strings.Repeat("11111, ", 400) + "here, " + strings.Repeat("2, ", 400) + "]\n"
	for _, mark := range []string{"here", "x", "]", strings.Repeat("11111, ", 300)} {
		got := show(t, src, 60, false, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "S", Subject: rangeOf(t, src, mark)})
		lines := strings.Split(got, "\n")
		if len(lines) < 6 {
			t.Fatalf("%.10s: got\n%s", mark, got)
		}
		text, carets := []rune(lines[4]), []rune(lines[5])
		at := strings.IndexRune(lines[5], '^')
		if at < 0 || !strings.HasPrefix(mark, string(text[len([]rune(lines[5][:at]))])) {
			t.Errorf("%.10s: not marked:\n%s", mark, got)
		}
		if len(text) > 60 || len(carets) > 60 {
			t.Errorf("%.10s: too wide:\n%s", mark, got)
		}
	}
}

// TestDiagnosticsHideCredentials shows lines in which something else is wrong.
func TestDiagnosticsHideCredentials(t *testing.T) {
	for _, line := range []string{
		`source = "git::https://oauth2:hunter2@example.com/vpc.git?ref=v1"`,
		`source = "git::https://hunter2@example.com/vpc.git"`,
		`source = "git::ssh://git@example.com/vpc.git?sshkey=hunter2"`,
		`source = "s3::https://s3.amazonaws.com/b/x.zip?aws_access_key_id=hunter2&aws_access_key_secret=hunter2"`,
		`source = git::https://me:hunter2@example.com/vpc.git`,
		`# https://me:hunter2@example.com/vpc.git`,
	} {
		src := "module \"vpc\" {\n  version = 1; " + line + "\n}\n"
		d := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "S", Detail: "See " + line + ".", Subject: rangeOf(t, src, "version")}
		for _, color := range []bool{false, true} {
			got := show(t, src, 200, color, d)
			if strings.Contains(got, "hunter2") {
				t.Errorf("the secret is shown:\n%s", got)
			}
			if !strings.Contains(got, "version") || !strings.Contains(got, "*") {
				t.Errorf("the line is not shown:\n%s", got)
			}
		}
		got := strings.Split(show(t, src, 200, false, d), "\n")
		if !strings.HasSuffix(got[5], "  ^^^^^^^") {
			t.Errorf("the mark moved: %q", got[5])
		}
	}
}

func TestDiagnosticsSorted(t *testing.T) {
	src := "a = 1\nb = 2\n"
	at := func(text, summary string) *hcl.Diagnostic {
		return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Subject: rangeOf(t, src, text)}
	}
	warning := at("a", "first warning")
	warning.Severity = hcl.DiagWarning
	elsewhere := &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "elsewhere", Subject: &hcl.Range{Filename: "z\x1b.tf", Start: hcl.Pos{Line: 3}, End: hcl.Pos{Line: 3}}}
	got := show(t, src, 80, false, elsewhere, at("b", "second"), warning, nil, at("a", "first"), at("b", "second"),
		&hcl.Diagnostic{Severity: hcl.DiagError, Summary: "nowhere", Detail: "two\n\nparagraphs"})
	var order []string
	for _, line := range strings.Split(got, "\n") {
		if _, s, ok := strings.Cut(line, "Error: "); ok {
			order = append(order, s)
		} else if _, s, ok := strings.Cut(line, "Warning: "); ok {
			order = append(order, s)
		}
	}
	if s := strings.Join(order, "; "); s != "nowhere; first; first warning; second; elsewhere" {
		t.Errorf("order: %s\n%s", s, got)
	}
	if !strings.Contains(got, "│   on z\\x1b.tf line 3:\n│     (source code not available)\n╵\n") {
		t.Errorf("a file that is not there:\n%s", got)
	}
	if !strings.HasPrefix(got, "╷\n│ Error: nowhere\n│\n│ two\n│\n│ paragraphs\n╵\n╷\n") {
		t.Errorf("no place:\n%s", got)
	}
}
