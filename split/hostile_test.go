package split

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// splitFiles splits a repository with one commit of these files, whatever
// their names.
func splitFiles(t *testing.T, files map[string]string) *job {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "mono")
	importFiles(t, dir, files)
	return splitDir(t, dir, func(*Config) {})
}

func importFiles(t *testing.T, dir string, files map[string]string) {
	t.Helper()
	var b strings.Builder
	b.WriteString("commit refs/heads/main\ncommitter E <e@example.com> 1700000000 +0000\ndata 6\nbegin\n")
	for _, name := range slices.Sorted(maps.Keys(files)) {
		quoted := strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(name)
		fmt.Fprintf(&b, "M 100644 inline \"%s\"\ndata %d\n%s\n", quoted, len(files[name]), files[name])
	}
	for _, args := range [][]string{{"init", "-q", "-b", "main", dir}, {"-C", dir, "fast-import", "--quiet"}} {
		cmd := exec.Command("git", args...)
		cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_NOSYSTEM=1")
		cmd.Stdin = strings.NewReader(b.String())
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %v: %v\n%s", args, err, out)
		}
	}
}

const (
	aModule = "variable \"x\" {\n  default = 1\n}\n"
	aStack  = "terraform {\n  backend \"local\" {}\n}\n"
)

// calling is a stack that calls each of the directories, which begin at the
// repository's root; it stands two levels below that.
func calling(dirs ...string) string {
	var b strings.Builder
	b.WriteString(aStack)
	for i, d := range dirs {
		d = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "\t", `\t`, "\r", `\r`, "${", "$${", "%{", "%%{").Replace(d)
		fmt.Fprintf(&b, "module \"m%d\" {\n  source = \"../../%s\"\n}\n", i, d)
	}
	return b.String()
}

// A file that does not parse is carried as it is, also where some of its calls
// can be read: nothing of it is edited, and its stack is not proved.
func TestBrokenFileIsNotEdited(t *testing.T) {
	for name, tail := range map[string]string{
		"a block that is not closed": "resource \"x\" \"y\" {",
		"another encoding":           "locals { a = \"caf\xe9\" }\n",
		"a zero byte":                "\x00\x00",
		"an attribute twice":         "locals {\n  a = 1\n  a = 2\n}\n",
	} {
		t.Run(name, func(t *testing.T) {
			live := calling("modules/m") + tail
			module := aModule + "module \"n\" {\n  source = \"../n\"\n}\n" + tail
			j := splitFiles(t, map[string]string{"live/a/main.tf": live, "live/b/main.tf": calling("modules/m", "modules/n"), "modules/m/main.tf": module, "modules/n/main.tf": aModule})
			p := j.verify(t)
			if len(p.Mismatches) > 0 || p.OK() || p.Stacks[0].Verdict != "unproved" {
				t.Errorf("%+v %+v", p.Mismatches, p.Stacks)
			}
			if got, _ := os.ReadFile(filepath.Join(j.out, "live/live/live/a/main.tf")); string(got) != live {
				t.Errorf("the stack's file was edited:\n%s", got)
			}
			if got := git(t, filepath.Join(j.out, "modules/m.git"), "show", "v1.0.0:main.tf"); got != strings.TrimSpace(module) {
				t.Errorf("the module's file was edited:\n%s", got)
			}
		})
	}
}

// oddNames are names of directories that git can hold.
var oddNames = map[string]string{
	"space": "a b", "spaces around": " a ", "quote": "it's", "double quote": `a"b`, "newline": "a\nb", "tab": "a\tb", "return": "a\rb",
	"composed": "caf\u00e9", "dash": "-x", "percent": "a%20b", "lone percent": "100%", "hash": "a#b", "question": "a?b", "star": "a*b",
	"bracket": "a[b]", "colon": "a:b", "stream": ":a", "at": "a@b", "long": strings.Repeat("n", 240), "template": "a${b}", "directive": "a%{if}",
	"and": "a&b", "plus": "a+b", "equals": "a=b", "tilde": "~a", "hidden": ".hidden", "dot at the end": "a.", "lock": "x.lock", "git": "x.git",
	"dots": "a..b", "only dots": "...", "blank": " ", "control": "a\x01b", "delete": "a\x7fb", "emoji": "\U0001F415", "brace": "{a}", "caret": "a^b",
	"ref": "@", "reflog": "a@{b", "head": "HEAD", "right to left": "\u202eabc", "no width": "a\u200bb", "host": "github.com", "getter": "git::x",
	"archive": "x.zip", "backtick": "a`b", "pipe": "a|b", "semicolon": "a;b", "exclamation": "!a", "angle": "a<b>c",
}

// A module's directory may have any name that git can hold: its package has
// another name, callers reach it, and the proof and git find nothing. The same
// name below a module is reached, or the module is blocked with the reason.
func TestOddNames(t *testing.T) {
	files := map[string]string{}
	var dirs []string
	for _, name := range slices.Sorted(maps.Values(oddNames)) {
		files["modules/"+name+"/main.tf"] = aModule
		dirs = append(dirs, "modules/"+name)
	}
	files["live/a/main.tf"] = calling(dirs...)
	j := splitFiles(t, files)
	if p := j.verify(t); !p.OK() || len(j.plan.Blocked) > 0 || len(j.plan.Packages) != len(dirs) {
		t.Errorf("%d packages, blocked %v: %+v %+v", len(j.plan.Packages), j.plan.Blocked, p.Mismatches, p.Stacks)
	}
	for _, pkg := range j.plan.Packages {
		if strings.Trim(pkg.Name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != "" {
			t.Errorf("%q is named %q", pkg.Path, pkg.Name)
		}
	}
	for what, name := range oddNames {
		t.Run(what, func(t *testing.T) {
			j := splitFiles(t, map[string]string{"modules/m/main.tf": aModule, "modules/m/" + name + "/main.tf": aModule, "live/a/main.tf": calling("modules/m", "modules/m/"+name)})
			p := j.verify(t)
			blocked := len(j.plan.Blocked) == 1 && len(j.plan.Blocked[0].Reasons) > 0 && j.plan.Blocked[0].Reasons[0].ID == "unaddressable-path"
			if want := strings.ContainsAny(name, "?*[") || name[0] == '.'; blocked != want || len(p.Mismatches) > 0 || p.Proved() != 1 {
				t.Errorf("%q: blocked %v: %+v %+v", name, j.plan.Blocked, p.Mismatches, p.Stacks)
			}
		})
	}
}
