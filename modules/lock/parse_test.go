package lock

import (
	"bytes"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
)

const (
	someCommit = "0123456789abcdef0123456789abcdef01234567"
	someHash   = "h1:R/gskC2HGAwVgBq1uYkV0zUrlGEwvUlOT8arZB5kzUc="
)

// some is a lock with an entry of each kind.
func some() *File {
	f := &File{Entries: []*Entry{
		{Address: "git::https://h.example.com/vpc.git", Ref: "v1.2.3", Kind: KindTag, Commit: someCommit, Hash: someHash},
		{Address: "git::https://h.example.com/vpc.git", Ref: "", Kind: KindDefault, Commit: someCommit, Hash: someHash},
		{Address: "git::ssh://git@h.example.com/a/b", Ref: "feature/x${y}", Kind: KindBranch, Commit: someCommit, Hash: someHash},
		{Address: "git::https://github.com/a/b.git", Ref: someCommit, Kind: KindCommit, Commit: someCommit, Hash: someHash, Tags: []string{"v1.0.0", "x/v1.0.0"}},
		{Address: "registry.terraform.io/a/b/c", Ref: "~> 1.2, != 1.3", Kind: KindVersion, Version: "1.4.0", Download: "git::https://github.com/a/b?ref=v1.4.0", Commit: someCommit, Hash: someHash},
		{Address: "app.example.com/a/b/c", Ref: "1.0.0", Kind: KindVersion, Version: "1.0.0", Download: "https://h.example.com/x.zip?archive=zip", Hash: someHash},
	}}
	f.Sort()
	return f
}

// without drops where entries stand.
func without(f *File) *File {
	if f == nil {
		return nil
	}
	out := &File{}
	for _, e := range f.Entries {
		c := *e
		c.Range, c.CommitRange = hcl.Range{}, hcl.Range{}
		out.Entries = append(out.Entries, &c)
	}
	return out
}

func TestRoundTrip(t *testing.T) {
	for name, f := range map[string]*File{"empty": {}, "some": some()} {
		data := f.Bytes()
		got, diags := Parse(data, Name)
		if diags.HasErrors() {
			t.Fatalf("%s: %v\n%s", name, diags, data)
		}
		if !reflect.DeepEqual(without(got), without(f)) {
			t.Errorf("%s: read back otherwise\n%s", name, data)
		}
		if again := got.Bytes(); !bytes.Equal(again, data) {
			t.Errorf("%s: written otherwise\n%s\n%s", name, data, again)
		}
	}
	got, _ := Parse(some().Bytes(), Name)
	e := got.Find("git::https://h.example.com/vpc.git", "v1.2.3")
	if e == nil || e.Range.Start.Line == 0 || e.CommitRange.Start.Line != e.Range.Start.Line+2 {
		t.Errorf("found %+v", e)
	}
	if got.Find("git::https://h.example.com/vpc.git", "v1.2.4") != nil || (*File)(nil).Find("x", "") != nil {
		t.Error("found what is not there")
	}
}

// Each is refused, and says what is wrong and in which line.
func TestParseErrors(t *testing.T) {
	entry := func(lines ...string) string {
		return "version = 1\nsource \"git::https://h.example.com/vpc.git\" \"v1\" {\n" + strings.Join(lines, "\n") + "\n}\n"
	}
	good := []string{`kind = "tag"`, `commit = "` + someCommit + `"`, `hash = "` + someHash + `"`}
	if _, diags := Parse([]byte(entry(good...)), Name); diags.HasErrors() {
		t.Fatal(diags)
	}
	for name, c := range map[string]struct {
		src, want string
		line      int
	}{
		"syntax":            {"version = 1\nsource \"x\" {\n", "hint: `terrier lock` writes this file", 2},
		"conflict":          {"version = 1\n<<<<<<< HEAD\n=======\n>>>>>>> x\n", "git checkout --ours -- .terrier.lock.hcl", 2},
		"conflict, CRLF":    {"version = 1\r\n<<<<<<< HEAD\r\n", "merge-conflict markers", 2},
		"conflict, diff3":   {"version = 1\n||||||| base\n", "merge-conflict markers", 2},
		"twice":             {entry(good...) + strings.TrimPrefix(entry(good...), "version = 1\n"), "The first time is in line 2", 7},
		"newer":             {"version = 2\nthing {}\n", "was made by a newer terrier", 1},
		"newer, large":      {"version = 18446744073709551617\n", "newer terrier; It has version 18446744073709551617", 1},
		"older":             {"version = 0\n", "no lock file of this version", 1},
		"fraction":          {"version = 1.5\n", "is a number, and here 1", 1},
		"no version":        {"", "has no version", 1},
		"version is text":   {"version = \"1\"\n", "is a number", 1},
		"version is null":   {"version = null\n", "is a number", 1},
		"unknown attribute": {entry(append([]string{`comit = "x"`}, good...)...), `did you mean "commit"?`, 3},
		"unknown at top":    {"version = 1\nverson = 1\n", `did you mean "version"?`, 2},
		"unknown block":     {"version = 1\nsources \"a\" \"b\" {\n}\n", `did you mean "source"?`, 2},
		"block in entry":    {entry(append([]string{"x {", "}"}, good...)...), "An entry has no blocks", 3},
		"one label":         {"version = 1\nsource \"a\" {\n}\n", `source "ADDRESS" "REF"`, 2},
		"no kind":           {entry(good[1:]...), "A kind is one of", 2},
		"unknown kind":      {entry(`kind = "tags"`, good[1], good[2]), "A kind is one of", 3},
		"kind is a number":  {entry(`kind = 1`, good[1], good[2]), "kind is a string", 3},
		"git as version":    {entry(`kind = "version"`, good[1], good[2]), "nothing else has", 3},
		"short commit":      {entry(good[0], `commit = "0123456"`, good[2]), "40 hexadecimal digits", 4},
		"upper case commit": {entry(good[0], `commit = "`+strings.ToUpper(someCommit)+`"`, good[2]), "in lower case", 4},
		"no commit":         {entry(good[0], good[2]), "40 hexadecimal digits", 2},
		"hash, length":      {entry(good[0], good[1], `hash = "h1:AAAA"`), "base64 of 32 bytes", 5},
		"hash, algorithm":   {entry(good[0], good[1], `hash = "zh:`+someHash[3:]+`"`), "base64 of 32 bytes", 5},
		"hash, spare bits":  {entry(good[0], good[1], `hash = "`+someHash[:len(someHash)-2]+`d="`), "base64 of 32 bytes", 5},
		"no hash":           {entry(good[0], good[1]), "base64 of 32 bytes", 2},
		"tags of a tag":     {entry(append(good, `tags = ["v1"]`)...), "tags are of commits only", 6},
		"tags is text":      {entry(`kind = "commit"`, good[1], good[2], `tags = "v1"`), "a list of strings", 6},
		"a tag is a number": {entry(`kind = "commit"`, good[1], good[2], `tags = [1]`), "each the name of a tag", 6},
		"an expression":     {entry(`kind = upper("tag")`, good[1], good[2]), "Nothing of this form", 3},
		"a template":        {entry(`kind = "${"tag"}"`, good[1], good[2]), "Nothing of this form", 3},
		"deep":              {"version = " + strings.Repeat("[", 100000) + "\n", "Nothing of this form", 1},
		"operators":         {"version = 1" + strings.Repeat("+1", 100000) + "\n", "Nothing of this form", 1},
		"not UTF-8":         {"version = 1\n# \xff\n", "is not UTF-8", 2},
		"too large":         {"version = 1\n" + strings.Repeat("#\n", maxBytes/2), "more than 16 MB", 0},
		"option as ref":     {strings.Replace(entry(good...), `"v1"`, `"--upload-pack=x"`, 1), "would take it for an option", 2},
		"control in a ref":  {strings.Replace(entry(good...), `"v1"`, `"v1\u001b[2J"`, 1), "holds a control character", 2},
		"control":           {strings.Replace(entry(good...), `vpc.git`, `vpc\u0007.git`, 1), "Malformed address", 2},
		"ref in address":    {strings.Replace(entry(good...), `vpc.git`, `vpc.git?ref=x`, 1), "Malformed address", 2},
		"local address":     {strings.Replace(entry(good...), `git::https://h.example.com/vpc.git`, `../vpc`, 1), "Malformed address", 2},
		"helper":            {strings.Replace(entry(good...), `git::https://h.example.com/vpc.git`, `git::ext::sh -c date`, 1), "Malformed address", 2},
		"registry, empty":   {"version = 1\nsource \"registry.terraform.io/a/b/c\" \"1.0.0\" {\n kind = \"version\"\n hash = \"" + someHash + "\"\n}\n", "A registry module is locked to a version", 2},
	} {
		t.Run(name, func(t *testing.T) {
			f, diags := Parse([]byte(c.src), Name)
			if f != nil || !diags.HasErrors() {
				t.Fatal("it was read")
			}
			d := diags.Errs()[0].(*hcl.Diagnostic)
			if text := d.Summary + "; " + d.Detail; !strings.Contains(text, c.want) {
				t.Errorf("%s", text)
			}
			if d.Subject == nil || d.Subject.Start.Line != c.line {
				t.Errorf("at %v, want line %d", d.Subject, c.line)
			}
		})
	}
}

// Credentials in a lock are refused, and no message holds them.
func TestParseCredentials(t *testing.T) {
	for _, address := range []string{"git::https://user:s3cr3t-x@h.example.com/vpc.git", "git::https://s3cr3t-x@h.example.com/vpc.git", "git::https://h.example.com/vpc.git?token=s3cr3t-x"} {
		src := `version = 1
source "` + address + `" "v1" {
}
source "registry.terraform.io/a/b/c" "1" {
  kind = "version"
  version = "1.0.0"
  download = "` + address + `"
  hash = "` + someHash + `"
}
`
		_, diags := Parse([]byte(src), Name)
		if len(diags.Errs()) != 2 {
			t.Errorf("%s: %v", address, diags)
		}
		for _, d := range diags {
			if d.Summary != "The address holds credentials" || strings.Contains(d.Summary+d.Detail, "s3cr3t") {
				t.Errorf("%s: %s %s", address, d.Summary, d.Detail)
			}
		}
	}
}

func TestAddress(t *testing.T) {
	for raw, want := range map[string]string{
		"git::https://h.example.com/vpc.git//sub?ref=v1&depth=1":            "git::https://h.example.com/vpc.git",
		"git::https://h.example.com/vpc.git?depth=1&ref=v1&sshkey=c2VjcmV0": "git::https://h.example.com/vpc.git",
		"git::https://h.example.com/vpc.git?version=2&ref=v1":               "git::https://h.example.com/vpc.git?version=2",
		"git::https://h.example.com/vpc.git?private_token=x&ref=v1":         "git::https://h.example.com/vpc.git",
		"git::https://user:word@h.example.com/vpc.git?ref=v1":               "git::https://h.example.com/vpc.git",
		"git::https://word@h.example.com/vpc.git?ref=v1":                    "git::https://h.example.com/vpc.git",
		"git@github.com:a/b.git?ref=v1":                                     "git::ssh://git@github.com/a/b.git",
		"git::ssh://git@h.example.com:2222/a/b?ref=v1":                      "git::ssh://git@h.example.com:2222/a/b",
		"git::ssh://git:word@h.example.com/a/b":                             "git::ssh://h.example.com/a/b",
		"github.com/a/b//c?ref=v1":                                          "git::https://github.com/a/b.git",
		"git::file:///x/vpc.git?ref=v1":                                     "git::file:///x/vpc.git",
		"git::https://h.example.com/vpc.git?ref=v1#frag":                    "git::https://h.example.com/vpc.git",
		"a/b/c":                           "registry.terraform.io/a/b/c",
		"app.example.com/a/b/c//sub":      "app.example.com/a/b/c",
		"./x":                             "",
		"https://h.example.com/x.zip":     "",
		"s3::https://s3.amazonaws.com/bx": "",
	} {
		s, err := hclparse.ParseSource(raw)
		if err != nil {
			t.Errorf("%s: %v", raw, err)
		}
		got := Address(s)
		if got != want {
			t.Errorf("%s: %q, want %q", raw, got, want)
		}
		if got != "" && !canonical(got) {
			t.Errorf("%s: %q cannot be read again", raw, got)
		}
	}
}

// A symlink to a place inside is followed, one that leads out is not.
func TestPath(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, Name)
	if at, err := Path(dir); err != nil || at != file {
		t.Errorf("%s, %v", at, err)
	}
	inside := filepath.Join(dir, "locks", "x.hcl")
	outside := filepath.Join(t.TempDir(), "x")
	if err := os.Mkdir(filepath.Dir(inside), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{inside, outside} {
		if err := os.WriteFile(name, some().Bytes(), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	link := func(target string) {
		t.Helper()
		_ = os.Remove(file)
		if err := os.Symlink(target, file); err != nil {
			t.Fatal(err)
		}
	}
	link("locks/x.hcl")
	if at, err := Path(dir); err != nil || at != inside {
		t.Errorf("%s, %v", at, err)
	}
	for _, target := range []string{outside, filepath.Join(filepath.Dir(outside), "nothing")} {
		link(target)
		if _, err := Path(dir); err == nil || !strings.Contains(err.Error(), "is a symlink that leads") {
			t.Errorf("%s: %v", target, err)
		}
		if _, diags, _ := Read(dir); !diags.HasErrors() {
			t.Errorf("%s was read", target)
		}
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(file, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, diags, _ := Read(dir); !diags.HasErrors() {
		t.Error("a directory was read")
	}
}

// FuzzParse: nothing panics, and what is read is written and read again as it
// was, in bytes that do not change any more.
func FuzzParse(f *testing.F) {
	f.Add(some().Bytes())
	f.Add((&File{}).Bytes())
	for _, s := range []string{"", "version = 1\nsource \"a\" \"b\" {", "<<<<<<< x\n", "version = 2", "version = 1\nsource \"git::https://h/x\" \"$${a}\" {\n kind = \"tag\"\n}\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		got, diags := Parse(src, Name)
		if (got == nil) != diags.HasErrors() {
			t.Fatalf("%v %v", got, diags)
		}
		if got == nil {
			return
		}
		data := got.Bytes()
		again, diags := Parse(data, Name)
		if diags.HasErrors() {
			t.Fatalf("%v\n%s", diags, data)
		}
		if !reflect.DeepEqual(without(got), without(again)) {
			t.Fatalf("read back otherwise\n%s", data)
		}
		if !bytes.Equal(again.Bytes(), data) {
			t.Fatalf("written otherwise\n%s", data)
		}
	})
}
