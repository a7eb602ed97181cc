package proof

import (
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// attributesOf asks ours what git check-attr is asked.
func attributesOf(files map[string]string, p string, names []string) []string {
	a := &attributes{rules: map[string][]attributeRule{}}
	for file, data := range files {
		a.rules[path.Dir(file)] = parseAttributes([]byte(data), path.Dir(file))
	}
	a.expand()
	all := a.of(p)
	var out []string
	for _, name := range names {
		value, ok := all[name]
		if !ok {
			value = stateUnspecified
		}
		out = append(out, strings.TrimPrefix(value, " "))
	}
	return out
}

// checkAttr asks git.
func checkAttr(t testing.TB, files map[string]string, paths, names []string) map[string][]string {
	t.Helper()
	dir := t.TempDir()
	gitRun(t, dir, "", "init", "-q", "--template=")
	for file, data := range files {
		must(t, os.MkdirAll(filepath.Join(dir, path.Dir(file)), 0o777))
		must(t, os.WriteFile(filepath.Join(dir, file), []byte(data), 0o666))
	}
	fields := strings.Split(gitRun(t, dir, strings.Join(paths, "\x00")+"\x00", append([]string{"check-attr", "-z", "--stdin"}, names...)...), "\x00")
	out := map[string][]string{}
	for i := 0; i+2 < len(fields); i += 3 {
		out[fields[i]] = append(out[fields[i]], fields[i+2])
	}
	return out
}

var attributeNames = []string{"text", "eol", "crlf", "ident", "filter", "working-tree-encoding", "binary", "diff", "merge", "mine"}

func compareWithGit(t *testing.T, files map[string]string, paths []string) {
	t.Helper()
	want := checkAttr(t, files, paths, attributeNames)
	for _, p := range paths {
		got := attributesOf(files, p, attributeNames)
		if strings.Join(got, " ") != strings.Join(want[p], " ") {
			t.Errorf("%q of %q:\ngot  %q\nwant %q", p, files, got, want[p])
		}
	}
}

func TestAttributes(t *testing.T) {
	paths := []string{"a.tf", "a.sh", "m/a.tf", "m/b/a.tf", "m/b/x y.tf", "m/b/c/d/a.txt", "m/[x].tf", `m/q"\.tf`, "m/ü.tf", "n/m/a.tf", "foo/bar", "m.tf/a", "m/b"}
	for name, files := range map[string]map[string]string{
		"order":            {".gitattributes": "*.tf text\n*.tf -text eol=lf\n", "m/.gitattributes": "a.tf !text\n"},
		"names and paths":  {".gitattributes": "a.tf text\n/a.sh eol=lf\nm/a.tf ident\nb/a.tf filter=x\n", "m/.gitattributes": "/b/a.tf mine\nb eol=crlf\n"},
		"stars":            {".gitattributes": "m/** text\n**/a.tf ident\nm/**/a.txt eol=lf\nm*/a.tf filter=x\n**b/a.tf mine\nm/*/a.tf crlf\n"},
		"directories":      {".gitattributes": "m/ text\nm/b/ ident\nm mine\n"},
		"macros":           {".gitattributes": "[attr]mine text eol=lf\n*.tf mine\n*.sh binary\n*.txt -binary\nm/a.tf -text\nfoo/bar !mine mine\n"},
		"macros below":     {"m/.gitattributes": "[attr]mine text\n*.tf mine\n", ".gitattributes": "[attr] mine -text\n"},
		"a macro's macro":  {".gitattributes": "[attr]mine ident binary\n[attr]other mine\n*.tf other\n[attr]mine ident=x -merge\n"},
		"quotes":           {".gitattributes": "\"m/b/x y.tf\" text\n\"m/[[]x].tf\" eol=lf\n\"m/q\\\"\\\\\\\\.tf\" ident\n\"m/\\303\\274.tf\" mine\n\"a.sh text\n\"a.tf\"text\n\"\\q\" text\n"},
		"brackets":         {".gitattributes": "m/[[]x].tf text\n[!b].tf ident\n[a-c].sh eol=lf\nm/[[:lower:]].tf mine\n[]-a].tf crlf\n[[:foo:]].tf filter=x\n[a\\-b].sh diff\n"},
		"what is left out": {".gitattributes": "!*.tf text\n*.tf -te~xt\n# *.tf ident\n\n  *.tf\tmine\r\n*.txt eol=lf eol\n*.txt -eol=lf\n*.sh =x\n*.sh --x mine\n"},
		"a mark and a nul": {".gitattributes": "\xef\xbb\xbf*.tf text\n*.sh ident\x00\n*.txt mine\n"},
		"a long line":      {".gitattributes": "*.tf text " + strings.Repeat("x", 2030) + "\n*.sh mine " + strings.Repeat("x", 2050) + "\n"},
		"question marks":   {".gitattributes": "?.tf text\nm?a.tf ident\nm/?/a.tf mine\n\\a.sh eol=lf\n"},
	} {
		t.Run(name, func(t *testing.T) { compareWithGit(t, files, paths) })
	}
}

// Patterns of the characters that mean something, against git's own.
func TestRandomAttributes(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	pick := func(list []string) string { return list[rng.IntN(len(list))] }
	text := func(from []string, n int) string {
		var s strings.Builder
		for range 1 + rng.IntN(n) {
			s.WriteString(pick(from))
		}
		return s.String()
	}
	parts := []string{"a", "b", "ab", "/", "/", "*", "**", "**/", "/**", "?", "[ab]", "[!a]", "[a-c]", "[]a]", "[^/]", "\\a", "\\*", "[[:alpha:]]", "[", "]", "-", "a*b"}
	states := []string{"text", "-text", "!text", "text=auto", "eol=lf", "eol=crlf", "crlf", "-crlf", "crlf=input", "ident", "-ident", "filter=f", "-filter", "working-tree-encoding=UTF-16", "binary", "-binary", "mine", "!mine", "diff", "!diff"}
	for range 40 {
		files := map[string]string{}
		for _, file := range []string{".gitattributes", "a/.gitattributes", "a/b/.gitattributes"} {
			var s strings.Builder
			if rng.IntN(3) == 0 {
				s.WriteString("[attr]mine " + text([]string{"text ", "-ident ", "eol=lf ", "binary "}, 2) + "\n")
			}
			for range rng.IntN(8) {
				s.WriteString(text(parts, 4) + " " + pick(states) + " " + pick(states) + "\n")
			}
			files[file] = s.String()
		}
		paths := map[string]bool{}
		for range 40 {
			p := path.Clean(text([]string{"a", "b", "ab", "c", "/", "/", "a/b", "*", "[", "-"}, 6))
			if p = strings.Trim(p, "/"); p != "" && p != "." {
				paths[p] = true
			}
		}
		var list []string
		for p := range paths {
			list = append(list, p)
		}
		compareWithGit(t, files, list)
	}
}

// The lines that a checkout gives are those of git's convert.c.
func TestConversion(t *testing.T) {
	for line, same := range map[string]string{
		"* text eol=lf":              "* eol=lf",
		"* binary":                   "* -text eol=crlf",
		"* crlf=input":               "* text=input",
		"* text=auto crlf":           "* text=auto -crlf",
		"* -crlf":                    "* -text",
		"* filter":                   "* -filter",
		"* ident=x":                  "* -ident",
		"* text=auto eol=lf":         "* text=auto eol=lf mine",
		"* text=other":               "* !text",
		"* eol=x":                    "* !eol",
		"* !working-tree-encoding":   "* mine",
		"* text eol=crlf diff merge": "* eol=crlf",
	} {
		of := func(line string) conversion {
			a := &attributes{rules: map[string][]attributeRule{".": parseAttributes([]byte(line), ".")}}
			a.expand()
			return conversionOf(a.of("x"))
		}
		if of(line) != of(same) {
			t.Errorf("%q is %s, %q is %s", line, of(line), same, of(same))
		}
		if of(line) == of("* text=auto eol=crlf filter=x") {
			t.Errorf("%q is as any other", line)
		}
	}
}

// A pattern that could keep the proof busy for ever is given up.
func TestInvolvedPattern(t *testing.T) {
	pattern, text := strings.Repeat("**/a/", 30)+"x", strings.Repeat("a/", 60)
	if _, ok := wildmatch(pattern, text, true); ok {
		t.Error("it was not given up")
	}
	a := &attributes{rules: map[string][]attributeRule{".": parseAttributes([]byte(pattern+" text\n"), ".")}}
	a.expand()
	if a.of(text + "b"); !a.opaque {
		t.Error("and nobody would know")
	}
}

func FuzzAttributes(f *testing.F) {
	f.Add([]byte("[attr]x text\n\"a\\303b\" eol=lf\n**/[a-z]* -text !x\n"), "a/b")
	f.Add([]byte("[[:alpha:][!]-a\\]* binary"), "a")
	f.Fuzz(func(t *testing.T, data []byte, p string) {
		if !treePath(p) {
			return
		}
		a := &attributes{rules: map[string][]attributeRule{".": parseAttributes(data, ".")}}
		a.expand()
		_ = conversionOf(a.of(p)).String()
	})
}
