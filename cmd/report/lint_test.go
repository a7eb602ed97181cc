package report

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
	"github.com/mattn/go-runewidth"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var updateLint = flag.Bool("update-lint", false, "write the golden reports of lint anew")

// lintRules are two rules with all that a format shows of one, and one that
// finds nothing.
var lintRules = []*lint.Rule{
	{Name: "credentials-in-source", Summary: "A source with a password or token in it", Severity: lint.Error,
		Doc: "# credentials-in-source\n\nWhoever reads the repository has the password.\n\n## Found\n\n```hcl\nsource = \"git::https://user:password@h.example/vpc.git\"\n```\n\n## Not found\n\nNone.\n\n## What to do\n\n- Take it out, with `git credential`.\n- Change the password, since everybody who has cloned the repository has it and nobody can take it back from them.\n"},
	{Name: "insecure-transport", Summary: "A source that is fetched without encryption", Severity: lint.Error, Fixes: true,
		Doc: "# insecure-transport\n\nAnybody between you and the server\ncan change what you get.\n\n## Found\n"},
	{Name: "unknown-ref", Summary: "A ref that is neither a tag nor a commit of its remote, as far as is known", Severity: lint.Warn, Needs: lint.NeedRefs,
		Doc: "# unknown-ref\n\nNobody knows it.\n"},
	{Name: "version-range", Summary: "A registry version that is a range", Severity: lint.Info},
}

// marked makes a finding of the range between ⟦ and ⟧ in a file's text, and
// returns the text without the marks. Its fix writes fix there.
func marked(t *testing.T, files map[string]*hcl.File, path, text, fix string) lint.Finding {
	t.Helper()
	from := strings.Index(text, "⟦")
	to := strings.Index(text, "⟧") - len("⟦")
	text = strings.NewReplacer("⟦", "", "⟧", "").Replace(text)
	if from < 0 || to < from {
		t.Fatalf("no marks in %q", text)
	}
	files[path] = &hcl.File{Bytes: []byte(text)}
	pos := func(i int) hcl.Pos {
		line := strings.TrimPrefix(text[strings.LastIndex(text[:i], "\n")+1:i], "\ufeff")
		return hcl.Pos{Line: strings.Count(text[:i], "\n") + 1, Column: utf8.RuneCountInString(line) + 1, Byte: i}
	}
	f := lint.Finding{Range: hcl.Range{Filename: path, Start: pos(from), End: pos(to)}}
	if fix != "" {
		f.Fix = &lint.Fix{Summary: "Write " + fix, Edits: []hclparse.Edit{{Start: from, End: to, New: []byte(fix)}}}
	}
	return f
}

// lintExample is a report with everything in it.
func lintExample(t *testing.T) *Lint {
	t.Helper()
	files := map[string]*hcl.File{}
	var all []lint.Finding
	add := func(rule string, sev lint.Severity, summary, detail string, f lint.Finding) {
		f.Rule, f.Severity, f.Summary, f.Detail = rule, sev, summary, detail
		sum := sha256.Sum256(fmt.Appendf(nil, "%s %s %d", rule, f.Range.Filename, len(all)))
		f.Fingerprint = hex.EncodeToString(sum[:])
		all = append(all, f)
	}
	const secretDetail = "Whoever reads the repository has the password. Take it out, and change it: a credential helper of git gives it to terraform."
	add("credentials-in-source", lint.Error, `Module "dns" has a password in its source`, secretDetail,
		marked(t, files, "live/prod/dns.tf", "module \"dns\" {\n\tsource = \"git::https://⟦deploy:hunter2⟧@h.example/dns.git?ref=v1.0.0\"\n}\n", "other:hunter2"))
	add("insecure-transport", lint.Error, `Module "vpc" is fetched over http`, "Anybody between you and the server can change what you get.",
		marked(t, files, "live/prod/größe 100% #1.tf", "\ufeffmodule \"vpc\" { # 🐕 日本\r\n  source = \"⟦http⟧://h.example/vpc.zip\"\r\n}\r\n", "https"))
	add("insecure-transport", lint.Error, `Module "🐕" is fetched over http`, "Anybody between you and the server can change what you get.",
		marked(t, files, "live/prod/main.tf.json", `{"module":{"🐕":{"source":"⟦http⟧://h.example/x.zip"}}}`, "https"))
	related := marked(t, files, "live/qa/main.tf", "module \"a\" {\n  source = ⟦<<-E\n    git::https://h.example/a.git?ref=next\n  E\n⟧}\n", "")
	related.Related = []lint.Related{
		{Range: hcl.Range{Filename: "live/prod/dns.tf", Start: hcl.Pos{Line: 1, Column: 1}, End: hcl.Pos{Line: 1, Column: 7, Byte: 6}}, Text: "the other call"},
		{Range: hcl.Range{Filename: ".terrier.lock.hcl", Start: hcl.Pos{Line: 4, Column: 3, Byte: 80}, End: hcl.Pos{Line: 4, Column: 9, Byte: 86}}, Text: "what the lock has"},
	}
	add("unknown-ref", lint.Warn, `Module "a": the remote has no "next"`, "It may have been a branch.\nSee `terrier lock --check`.", related)
	add("unknown-ref", lint.Warn, `Module "a": the remote has no "next"`, "It may have been a branch.\nSee `terrier lock --check`.", related)
	add("version-range", lint.Info, `Module "r" takes any version that fits "~> 1.2"`, "", lint.Finding{Range: hcl.Range{Filename: "not-there.tf", Start: hcl.Pos{Line: 12, Column: 3}, End: hcl.Pos{Line: 12, Column: 9}}})
	return &Lint{Findings: all, Rules: lintRules, Files: files, Root: "acme", Scanned: 42, Known: 3, Version: "1.2.3",
		Errors: []string{"https://h.example/vpc.git does not answer: connection refused\nhint: ask again, or leave out --remote"}}
}

func written(t *testing.T, l *Lint, format string, st Style) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteLint(&out, l, format, st); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", "lint", name)
	if *updateLint {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

// TestLintGolden shows each format of one report with everything in it.
func TestLintGolden(t *testing.T) {
	l := lintExample(t)
	for _, format := range LintFormats() {
		got := written(t, l, format, Style{Width: 80})
		golden(t, "all."+format, got)
		if again := written(t, lintExample(t), format, Style{Width: 80}); again != got {
			t.Errorf("%s: other bytes the second time", format)
		}
	}
	golden(t, "terminal.text", written(t, l, "text", Style{Terminal: true, Width: 80}))
	golden(t, "colour.text", written(t, l, "text", Style{Terminal: true, Width: 80, Color: true}))
	golden(t, "verbose.text", written(t, l, "text", Style{Terminal: true, Width: 60, Verbose: true}))
	if err := WriteLint(&bytes.Buffer{}, l, "xml", Style{}); err == nil {
		t.Error("a format that is not there is no error")
	}
}

// TestLintMachineFormatsHaveOneForm holds that no format but text depends on
// where it is written to.
func TestLintMachineFormatsHaveOneForm(t *testing.T) {
	l := lintExample(t)
	for _, format := range LintFormats()[1:] {
		if written(t, l, format, Style{Terminal: true, Color: true, Width: 40, Verbose: true}) != written(t, l, format, Style{Width: 80}) {
			t.Errorf("%s looks at the terminal", format)
		}
	}
	if written(t, l, "text", Style{Width: 80}) != written(t, l, "text", Style{Width: 200}) {
		t.Error("text in a pipe depends on a width")
	}
}

func TestLintTextWidth(t *testing.T) {
	l := lintExample(t)
	l.Files["live/prod/dns.tf"].Bytes = append([]byte("# "+strings.Repeat("long ", 500)), l.Files["live/prod/dns.tf"].Bytes...)
	for i, line := range strings.Split(written(t, l, "text", Style{Terminal: true, Width: 80}), "\n") {
		if n := runewidth.StringWidth(line); n > 80 {
			t.Errorf("line %d has %d columns: %s", i+1, n, line)
		}
	}
	plain := written(t, l, "text", Style{Terminal: true, Width: 80})
	colour := escapes.ReplaceAllString(written(t, l, "text", Style{Terminal: true, Width: 80, Color: true}), "")
	noMarks := slices.DeleteFunc(strings.Split(plain, "\n"), func(s string) bool { return strings.Trim(s, " ^") == "" && s != "" })
	if diff := cmp.Diff(strings.Join(noMarks, "\n"), colour); diff != "" {
		t.Errorf("colour says other words (-plain +colour):\n%s", diff)
	}
}

func TestLintTextEmpty(t *testing.T) {
	for _, test := range []struct {
		l    Lint
		want string
	}{
		{Lint{Root: "acme", Scanned: 1}, "acme: nothing found in 1 file\n"},
		{Lint{Scanned: 0}, "nothing found in 0 files\n"},
		{Lint{Root: "acme", Scanned: 1200, Known: 7}, "acme: nothing new in 1,200 files; the baseline accepts 7\n"},
		{Lint{Root: "a\x1b", Scanned: 2, Errors: []string{"h.example does not answer"}}, "not checked: h.example does not answer\n\na\\x1b: nothing found in 2 files, but not all could be checked\n"},
	} {
		if got := written(t, &test.l, "text", Style{Width: 80}); got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
	}
}

// TestLintHidesCredentials gives every field a credential that a rule forgot.
func TestLintHidesCredentials(t *testing.T) {
	const address = "git::https://me:hunter2@h.example/vpc.git?sshkey=hunter2"
	files := map[string]*hcl.File{}
	f := marked(t, files, "main.tf", "module \"a\" {\n  ⟦source⟧ = \""+address+"\"\n}\n", "")
	f.Rule, f.Severity, f.Summary, f.Detail = "branch-ref", lint.Warn, "Source "+address, "See\n"+address
	f.Fingerprint = strings.Repeat("0", 64)
	f.Related = []lint.Related{{Range: f.Range, Text: "as " + address}}
	// What a fix writes is a secret only together with what stands around it.
	at := strings.Index(string(files["main.tf"].Bytes), "hunter2")
	f.Fix = &lint.Fix{Summary: "Write " + address, Edits: []hclparse.Edit{{Start: at, End: at + len("hunter2"), New: []byte("hunter2hunter2")}}}
	l := &Lint{Findings: []lint.Finding{f}, Files: files, Errors: []string{address + " does not answer"}}
	for _, format := range LintFormats() {
		for _, st := range []Style{{Width: 80}, {Terminal: true, Width: 80, Color: true, Verbose: true}} {
			if got := written(t, l, format, st); strings.Contains(got, "hunter2") {
				t.Errorf("%s shows the secret:\n%s", format, got)
			}
		}
	}
	after, err := hclparse.Apply(files["main.tf"].Bytes, f.Fix.Edits)
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	if err := WriteFixes(&out, []lint.Change{{Path: "main.tf", Before: files["main.tf"].Bytes, After: after}}, Style{}); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(out.String(), "hunter2") || !strings.Contains(out.String(), "cannot be applied") {
		t.Errorf("the diff shows the secret, or does not say what is missing:\n%s", out.String())
	}
}

// TestMaskLooksAtEveryCredential holds that the look before the work changes
// nothing.
func TestMaskLooksAtEveryCredential(t *testing.T) {
	for _, text := range []string{"token=x", "a?TOKEN%3Dx&sig=y", "u:p@h:x", "https%3A%2F%2Fu%3Ap%40h", "git::x//y", "pwd:x", "password: x"} {
		s, _ := hclparse.ParseSource(text)
		if redacted := s.Redacted() != text; redacted != (mask(text) != text) {
			t.Errorf("%s: redacted %v, masked %q", text, redacted, mask(text))
		}
	}
}
