package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

// FuzzLint writes a finding about any text, at any place, in every format.
func FuzzLint(f *testing.F) {
	for _, text := range hostileTexts {
		f.Add(text, text, []byte(text+"\n"+text), 1, 1, 0, 1, 4, 3)
	}
	f.Add("main.tf", "S", []byte("\ufeffa = \"http://u:p@h\"\r\n"), 1, 5, 7, 1, 9, 11)
	f.Fuzz(func(t *testing.T, path, text string, src []byte, line, column, at, endLine, endColumn, end int) {
		r := hcl.Range{Filename: path, Start: hcl.Pos{Line: line, Column: column, Byte: at}, End: hcl.Pos{Line: endLine, Column: endColumn, Byte: end}}
		l := &Lint{Root: text, Files: map[string]*hcl.File{path: {Bytes: src}}, Rules: lintRules, Errors: []string{text}, Findings: []lint.Finding{{
			Rule: "insecure-transport", Severity: lint.Error, Range: r, Summary: text, Detail: text, Fingerprint: strings.Repeat("0", 64),
			Related: []lint.Related{{Range: r, Text: text}}, Fix: &lint.Fix{Summary: text, Edits: []hclparse.Edit{{Start: at, End: end, New: []byte(text)}}},
		}}}
		for _, format := range LintFormats() {
			for _, st := range []Style{{Width: 80}, {Terminal: true, Width: 30, Color: true}} {
				got := written(t, l, format, st)
				if !utf8.ValidString(got) {
					t.Errorf("%s: not UTF-8: %q", format, got)
				}
				switch format {
				case "json", "sarif", "gitlab":
					if !json.Valid([]byte(got)) {
						t.Errorf("%s: %s", format, got)
					}
				case "junit", "checkstyle":
					dec := xml.NewDecoder(strings.NewReader(got))
					for {
						if _, err := dec.Token(); errors.Is(err, io.EOF) {
							break
						} else if err != nil {
							t.Fatalf("%s: %v\n%s", format, err, got)
						}
					}
				case "github":
					if n := len(workflowCommands(t, got)); n != 2 {
						t.Errorf("%d commands: %q", n, got)
					}
				case "text":
					if strings.ContainsAny(escapes.ReplaceAllString(got, ""), "\x00\x07\x08\x1b\r\t") {
						t.Errorf("it drives the terminal: %q", got)
					}
				}
			}
		}
		if after, err := hclparse.Apply(src, l.Findings[0].Fix.Edits); err == nil {
			if err := WriteFixes(&bytes.Buffer{}, []lint.Change{{Path: path, Before: src, After: after}}, Style{Terminal: true, Width: 80}); err != nil {
				t.Error(err)
			}
		}
	})
}

// TestUTF16 counts each place of a long line, which is not counted anew.
func TestUTF16(t *testing.T) {
	line := strings.Repeat("abc é 日本 🐕 \xff", 900)
	x := newLineIndex([]byte("\ufeffx\n" + line + "\nend"))
	want := 0
	for at, r := range line {
		if got := x.utf16(2, at); got != want {
			t.Fatalf("at %d: %d, want %d", at, got, want)
		}
		if want++; r > 0xffff {
			want++
		}
	}
	if got := x.utf16(2, len(line)); got != want {
		t.Errorf("at the end: %d, want %d", got, want)
	}
	if got := x.utf16(1, len("\ufeffx")); got != 1 {
		t.Errorf("behind a byte order mark: %d", got)
	}
	if got := x.utf16(1, 0); got != 0 {
		t.Errorf("before a byte order mark: %d", got)
	}
	if got := x.utf16(3, 3); got != 3 {
		t.Errorf("last line: %d", got)
	}
}
