package report

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/lint"
)

func fixes(t *testing.T, st Style, changes ...lint.Change) string {
	t.Helper()
	var out bytes.Buffer
	if err := WriteFixes(&out, changes, st); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestWriteFixesApply has git apply the diff, and compares the bytes.
func TestWriteFixesApply(t *testing.T) {
	long := strings.Repeat("# line\n", 50)
	for name, c := range map[string]lint.Change{
		"plain":            {Path: "main.tf", Before: []byte("a\nb\nc\n"), After: []byte("a\nB\nc\n")},
		"a directory":      {Path: "live/prod/main.tf", Before: []byte(long + "b\n" + long), After: []byte(long + "B\n" + long)},
		"two places":       {Path: "main.tf", Before: []byte("b\n" + long + "b\n"), After: []byte("B\n" + long + "B\n")},
		"no final newline": {Path: "main.tf", Before: []byte("a\nb"), After: []byte("a\nB")},
		"newline added":    {Path: "main.tf", Before: []byte("a"), After: []byte("a\n")},
		"crlf":             {Path: "main.tf", Before: []byte("\ufeffa\r\nb\r\n"), After: []byte("\ufeffa\r\nB\r\n")},
		"spaces":           {Path: "a b/c d.tf", Before: []byte("a\n"), After: []byte("b\n")},
		"quotes":           {Path: "a\"b\\c\td.tf", Before: []byte("a\n"), After: []byte("b\n")},
		"a line break":     {Path: "a\nb.tf", Before: []byte("a\n"), After: []byte("b\n")},
		"unicode":          {Path: "größe 100% #1.tf", Before: []byte("日本\n"), After: []byte("🐕\n")},
		"broken bytes":     {Path: "\xff\xfe.tf", Before: []byte("\xff\n\x1b[31m\nx\n"), After: []byte("\xff\n\x1b[31m\ny\n")},
		"dashes":           {Path: "-- a.tf", Before: []byte("-- a\n++ b\n"), After: []byte("-- c\n++ b\n")},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, filepath.FromSlash(c.Path))
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.Before, 0o644); err != nil {
				t.Fatal(err)
			}
			diff := fixes(t, Style{Width: 80}, c)
			cmd := exec.Command("git", "apply", "--whitespace=nowarn", "-")
			cmd.Dir, cmd.Stdin = dir, strings.NewReader(diff)
			cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1", "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v: %s\n%s", err, out, diff)
			}
			got, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, c.After) {
				t.Errorf("got %q, want %q\n%s", got, c.After, diff)
			}
		})
	}
}

func TestWriteFixesShown(t *testing.T) {
	change := lint.Change{Path: "live/main.tf", Before: []byte("module \"vpc\" {\n  source = \"http://h.example/vpc.zip\" # \x1b[2J\n}\n"), After: []byte("module \"vpc\" {\n  source = \"https://h.example/vpc.zip\" # \x1b[2J\n}\n")}
	want := `diff --git a/live/main.tf b/live/main.tf
--- a/live/main.tf
+++ b/live/main.tf
@@ -1,3 +1,3 @@
 module "vpc" {
-  source = "http://h.example/vpc.zip" # \x1b[2J
+  source = "https://h.example/vpc.zip" # \x1b[2J
 }
`
	if got := fixes(t, Style{Terminal: true, Width: 80}, change); got != want {
		t.Errorf("on a terminal:\n%s", got)
	}
	if got := fixes(t, Style{Width: 80}, change); got != strings.ReplaceAll(want, `\x1b`, "\x1b") {
		t.Errorf("in a pipe:\n%q", got)
	}
	colour := fixes(t, Style{Terminal: true, Width: 80, Color: true}, change)
	if !strings.Contains(colour, "\x1b[32m+  source = \"https://") || escapes.ReplaceAllString(colour, "") != want {
		t.Errorf("in colour: %q", colour)
	}
	if got := fixes(t, Style{}); got != "" {
		t.Errorf("no changes: %q", got)
	}
	if got := fixes(t, Style{}, lint.Change{Path: "a.tf", Before: []byte("a\n"), After: []byte("a\n")}); got != "" {
		t.Errorf("a change of nothing: %q", got)
	}
}

// TestWriteFixesMasked holds that no diff with asterisks can be applied.
func TestWriteFixesMasked(t *testing.T) {
	const head = "# main.tf: credentials are masked, so this part cannot be applied\n"
	for name, c := range map[string]lint.Change{
		"both":     {Path: "main.tf", Before: []byte("a = \"http://u:hunter2@h/x\"\n"), After: []byte("a = \"https://u:hunter2@h/x\"\n")},
		"taken":    {Path: "main.tf", Before: []byte("a = \"http://u:hunter2@h/x\"\n"), After: []byte("a = \"https://h/x\"\n")},
		"around":   {Path: "main.tf", Before: []byte("# http://u:hunter2@h/x\na\n"), After: []byte("# http://u:hunter2@h/x\nb\n")},
		"put only": {Path: "main.tf", Before: []byte("a\n"), After: []byte("a = \"https://u:hunter2@h/x\"\n")},
	} {
		got := fixes(t, Style{Width: 80}, c)
		if strings.Contains(got, "hunter2") || !strings.HasPrefix(got, head) {
			t.Errorf("%s:\n%s", name, got)
		}
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "main.tf"), c.Before, 0o644); err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command("git", "apply", "-")
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(got)
		cmd.Env = append(os.Environ(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
		if out, err := cmd.CombinedOutput(); err == nil {
			after, _ := os.ReadFile(filepath.Join(dir, "main.tf"))
			t.Errorf("%s: git applies it: %s\n%s\n%s", name, out, got, after)
		}
	}
}
