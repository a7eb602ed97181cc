package proof

import (
	"bytes"
	"os/exec"
	"reflect"
	"strings"
	"testing"
)

func TestSplitSource(t *testing.T) {
	for raw, want := range map[string]source{
		"git::ssh://git@h/x/vpc.git//a/b?ref=v1":        {base: "git::ssh://git@h/x/vpc.git", sub: "a/b", refs: []string{"v1"}},
		"git::https://h/x.git?depth=1&ref=vpc%2Fv1&a=b": {base: "git::https://h/x.git", query: "depth=1&a=b", refs: []string{"vpc/v1"}},
		"git::file:///a/b.git?ref=v1&ref=v2":            {base: "git::file:///a/b.git", refs: []string{"v1", "v2"}},
		"git::file:///a/b.git//":                        {base: "git::file:///a/b.git"},
		"git::file:///a/b.git//x//y?ref=v1":             {base: "git::file:///a/b.git", sub: "x//y", refs: []string{"v1"}},
		"git::file:///a/b.git?x=//y":                    {base: "git::file:///a/b.git", query: "x=//y"},
		"git@h:x/y.git//z":                              {base: "git@h:x/y.git", sub: "z"},
		"":                                              {},
		"?ref":                                          {refs: []string{""}},
	} {
		if got := splitSource(raw); !reflect.DeepEqual(got, want) {
			t.Errorf("%q: %+v, want %+v", raw, got, want)
		}
	}
}

func TestRedact(t *testing.T) {
	for raw, want := range map[string]string{
		"git::https://user:s3cret@h/x.git?ref=v1":      "git::https://REDACTED@h/x.git?ref=v1",
		"git::https://s3cret@h/x.git//a":               "git::https://REDACTED@h/x.git//a",
		"git::ssh://git@h/x.git?ref=v1":                "git::ssh://git@h/x.git?ref=v1",
		"git::ssh://git:s3cret@h/x.git":                "git::ssh://REDACTED@h/x.git",
		"https://user:a/s3cret@h/x.zip":                "https://REDACTED@h/x.zip",
		"https://user:a@s3cret@h/x.zip":                "https://REDACTED@h/x.zip",
		"s3::https://h/x?aws_access_key_id=s3cret&a=b": "s3::https://h/x?aws_access_key_id=REDACTED&a=b",
		"git::ssh://git@h/x?ref=v1&sshkey=s3cret":      "git::ssh://git@h/x?ref=v1&sshkey=REDACTED",
		"https://h/x?private%5Ftoken=s3cret":           "https://h/x?private%5Ftoken=REDACTED",
		"https://h/x?a=b;access_token=s3cret":          "https://h/x?a=b&access_token=REDACTED",
		"https://h/x?%zz=s3cret":                       "https://h/x?%zz=REDACTED",
		"git::me:s3cret@h:x/y.git":                     "git::REDACTED@h:x/y.git",
		"https://h/x@v1":                               "https://h/x@v1",
		"../modules/vpc":                               "../modules/vpc",
		"terraform-aws-modules/vpc/aws":                "terraform-aws-modules/vpc/aws",
	} {
		if got := redact(raw); got != want {
			t.Errorf("%q: %q, want %q", raw, got, want)
		}
	}
}

// What is named of a source never gives its credentials away.
func TestNoSecretInTheReport(t *testing.T) {
	f := plainFixture(t).fork(t)
	f.amend("live",
		liveFile("live/prod/main.tf", "git::https://git.example.com/tf/service.git?ref=v1.0.0", "git::https://me:s3cret@h/x.git?ref=v1&access_token=s3cret"),
		liveFile("live/qa/main.tf.json", "git::ssh://git@git.", "git::ssh://s3cret@git."))
	r := f.check()
	if len(r.Mismatches) < 2 || strings.Contains(show(r), "s3cret") || !strings.Contains(show(r), "REDACTED") {
		t.Errorf("%s", show(r))
	}
}

func TestNames(t *testing.T) {
	for name, want := range map[string]bool{"a": true, ".gitignore": true, "...": true, " ": true, ":a": true, ".. ": false, ".:a": false, ".g\u200bit": true, ".": false, "..": false, ".git": false, ".GIT": false, ".git ": false, ".git.": false, "git~1": false,
		".g\u200cit": false, ".git::$INDEX_ALLOCATION": false, "a/b": false, "": false, `a\b`: true, `a\..`: false, ".gitmodules": true, "x.git": true} {
		if fileName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
	for name, want := range map[string]bool{"v1.0.0": true, "vpc/v1": true, "": false, "..": false, "a..b": false, "/a": false, "a/": false, "a b": false, "a.lock": false, ".a": false, "a\x00": false, `a\b`: false} {
		if refName("refs/tags/"+name) != want {
			t.Errorf("ref %q: %v", name, !want)
		}
	}
}

// The proof must not learn from the rewriter what is right.
func TestSharesNothing(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	must(t, err)
	for _, dep := range strings.Fields(string(out)) {
		if strings.HasPrefix(dep, "github.com/terrier-iac/terrier/") && dep != "github.com/terrier-iac/terrier/split/proof" {
			t.Errorf("imports %s", dep)
		}
	}
}

func FuzzSplitSource(f *testing.F) {
	for _, s := range []string{"git::ssh://git@h/x.git//a?ref=v1", "../x", "a//b//c?ref=%zz&ref=1;x", "://?&&=", "https://u:p@h?token=x", "::@", "git::a:b@c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		s := splitSource(raw)
		if !strings.HasPrefix(raw, s.base) || strings.Contains(s.base, "?") || !strings.Contains(raw, s.sub) {
			t.Errorf("%q: %+v", raw, s)
		}
		redact(raw)
		// Userinfo of a proper address is never shown.
		if host, path, ok := strings.Cut(raw, "/"); ok && !strings.ContainsAny(host, "?@:") && !strings.Contains(raw, "s3cret") {
			if got := redact("git::https://me:s3cret@" + host + "/" + path); strings.Contains(got, "s3cret") {
				t.Errorf("%q shows a secret", got)
			}
		}
		if p := join("a/b", raw); !climbs(p) && !within(p, ".") {
			t.Errorf("%q joins to %q", raw, p)
		}
		_ = cleanPath(raw)
		_ = refName("refs/tags/" + raw)
		_ = fileName(raw)
	})
}

func FuzzParse(f *testing.F) {
	for _, o := range monorepo {
		f.Add([]byte(*o.data), []byte(*o.data), uint8(languageOf("main.tf")))
		f.Add([]byte(*o.data), []byte("x"), uint8(languageOf("a.tf.json")))
	}
	f.Add([]byte(content("live/qa/main.tf.json")), []byte{}, uint8(languageJSON))
	f.Add([]byte(content("live/grunt/terragrunt.hcl")), []byte{}, uint8(languageTerragrunt))
	f.Fuzz(func(t *testing.T, data, other []byte, lang uint8) {
		l := language(1 + lang%3)
		p, q := parse(data, l), parse(other, l)
		end := 0
		for _, lit := range p.literals {
			if lit.start < end || lit.end > len(data) || lit.end-lit.start < 2 || data[lit.start] != '"' || data[lit.end-1] != '"' {
				t.Fatalf("literal %+v of %q", lit, data)
			}
			end = lit.end
		}
		if differs(data, data, p.literals, p.literals) >= 0 {
			t.Fatalf("%q differs from itself", data)
		}
		if off := differs(data, other, p.literals, q.literals); off < 0 {
			if len(p.literals) != len(q.literals) || !bytes.Equal(blank(data, p.literals), blank(other, q.literals)) {
				t.Fatalf("%q and %q are not equal outside %v %v", data, other, p.literals, q.literals)
			}
		} else if off > len(other) {
			t.Fatalf("offset %d of %q", off, other)
		}
		// Another source makes no difference; another byte does.
		if p.problem == "" && len(p.literals) > 0 {
			lit := p.literals[0]
			changed := append(append(bytes.Clone(data[:lit.start]), `"./other"`...), data[lit.end:]...)
			if r := parse(changed, l); r.problem == "" && len(r.literals) == len(p.literals) && differs(data, changed, p.literals, r.literals) >= 0 {
				t.Fatalf("%q and %q differ", data, changed)
			}
		}
		_, _ = decodeTree(data)
	})
}

// blank leaves the literals out, the simple way.
func blank(data []byte, lits []literal) []byte {
	var out []byte
	from := 0
	for _, l := range lits {
		out = append(append(out, data[from:l.start]...), 0xff, 0xfe)
		from = l.end
	}
	return append(out, data[from:]...)
}
