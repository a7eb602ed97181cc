package rewrite

import (
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

const (
	commit  = "0123456789abcdef0123456789abcdef01234567"
	commit2 = "89abcdef0123456789abcdef0123456789abcdef"
)

// A tree is the files of one, by path. A text that begins with "-> " is a
// symlink.
type tree map[string]string

func (t tree) load() (*modules.Graph, []*lint.Call) {
	out := fstest.MapFS{}
	for name, text := range t {
		out[name] = &fstest.MapFile{Data: []byte(text)}
		if to, ok := strings.CutPrefix(text, "-> "); ok {
			out[name] = &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink}
		}
	}
	g := modules.Load(out, nil)
	return g, lint.Calls(&lint.Input{Graph: g})
}

// applied is the tree after the edits. It checks what holds for all edits:
// they are sorted, none is made for nothing, and the lines are right.
func (t tree) applied(tb testing.TB, edits []Edit) tree {
	tb.Helper()
	if !slices.IsSortedFunc(edits, compare) {
		tb.Errorf("the edits are not sorted: %v", edits)
	}
	out := maps.Clone(t)
	by := map[string][]hclparse.Edit{}
	for _, e := range edits {
		text, ok := t[e.File]
		if !ok || strings.HasPrefix(text, "-> ") {
			tb.Fatalf("an edit of %s, which is no file", e.File)
		}
		if text[e.Start:e.End] == string(e.New) {
			tb.Errorf("an edit of %s replaces %q by itself", e.File, e.New)
		}
		if want := 1 + strings.Count(text[:e.Start], "\n"); e.Line != want {
			tb.Errorf("an edit of %s at byte %d says line %d, want %d", e.File, e.Start, e.Line, want)
		}
		by[e.File] = append(by[e.File], e.Edit)
	}
	for name, in := range by {
		after, err := hclparse.Apply([]byte(t[name]), in)
		if err != nil {
			tb.Fatal(err)
		}
		out[name] = string(after)
	}
	return out
}

// named is the call of a name; the first one for "".
func named(tb testing.TB, calls []*lint.Call, name string) *lint.Call {
	tb.Helper()
	for _, c := range calls {
		if name == "" || c.Name() == name {
			return c
		}
	}
	tb.Fatalf("no call %q among %d", name, len(calls))
	return nil
}

// set runs Set and gives the tree after it, or why it is refused.
func set(tb testing.TB, in tree, name string, p Pin) (after tree, notes []string, refused string) {
	tb.Helper()
	g, calls := in.load()
	got, err := Set(g, named(tb, calls, name), p)
	if err != nil {
		var r *Refused
		if !errors.As(err, &r) || r.File == "" || r.Line < 1 || r.Reason == "" {
			tb.Fatalf("no whole Refused: %#v", err)
		}
		if len(got.Edits) > 0 {
			tb.Errorf("refused, with edits")
		}
		return in, nil, r.Reason
	}
	after = in.applied(tb, got.Edits)
	// Once it is set there is nothing more to do.
	g, calls = after.load()
	if again, err := Set(g, named(tb, calls, name), p); err != nil || len(again.Edits) > 0 && !p.AddComment {
		tb.Errorf("a second time: %v, %v", again.Edits, err)
	}
	return after, got.Notes, ""
}

// TestSource sets the pin of one source in each of the languages.
func TestSource(t *testing.T) {
	const h = "git::https://h.example/p.git"
	for _, c := range []struct {
		name, before string
		pin          Pin
		after        string // "" where it is refused
		reason       string
	}{
		{"a ref", h + "?ref=v1.2.3", Pin{Ref: "v1.3.0"}, h + "?ref=v1.3.0", ""},
		{"it has it", h + "?ref=v1.3.0", Pin{Ref: "v1.3.0"}, h + "?ref=v1.3.0", ""},
		{"a depth behind it", h + "?ref=v1.2.3&depth=1", Pin{Ref: "v1.3.0"}, h + "?ref=v1.3.0&depth=1", ""},
		{"a depth before it", h + "?depth=1&ref=v1.2.3", Pin{Ref: "v1.3.0"}, h + "?depth=1&ref=v1.3.0", ""},
		{"an sshkey before it", h + "?sshkey=aGk%3D&ref=v1.2.3", Pin{Ref: "v1.3.0"}, h + "?sshkey=aGk%3D&ref=v1.3.0", ""},
		{"an sshkey behind it", h + "?ref=v1.2.3&sshkey=aGk=", Pin{Ref: "v1.3.0"}, h + "?ref=v1.3.0&sshkey=aGk=", ""},
		{"no v", h + "?ref=1.2.3", Pin{Ref: "1.3.0"}, h + "?ref=1.3.0", ""},
		{"a prefix", h + "//vpc?ref=vpc/v1.2.3", Pin{Ref: "vpc/v1.3.0"}, h + "//vpc?ref=vpc/v1.3.0", ""},
		{"an encoded name", h + "?%72ef=v1.2.3&a", Pin{Ref: "v1.3.0"}, h + "?%72ef=v1.3.0&a", ""},
		{"an encoded value", h + "?ref=vpc%2Fv1.2.3", Pin{Ref: "vpc/v1.3.0"}, h + "?ref=vpc/v1.3.0", ""},
		{"an encoded value that it has", h + "?ref=vpc%2Fv1.2.3", Pin{Ref: "vpc/v1.2.3"}, h + "?ref=vpc%2Fv1.2.3", ""},
		{"a ref twice", h + "?ref=v1&ref=v2", Pin{Ref: "v3"}, h + "?ref=v3&ref=v2", ""},
		{"a ref without a value", h + "?ref&a=b", Pin{Ref: "v3"}, h + "?ref=v3&a=b", ""},
		{"an empty ref", h + "?ref=", Pin{Ref: "v3"}, h + "?ref=v3", ""},
		{"other names", h + "?href=a&REF=b&ref=c", Pin{Ref: "v3"}, h + "?href=a&REF=b&ref=v3", ""},
		{"a fragment", h + "?ref=v1#frag?ref=x", Pin{Ref: "v3"}, h + "?ref=v3#frag?ref=x", ""},
		{"down", h + "?ref=v2.0.0", Pin{Ref: "v1.3.0"}, h + "?ref=v1.3.0", ""},

		{"none", h, Pin{Ref: "v1.3.0"}, h + "?ref=v1.3.0", ""},
		{"none, with a directory", h + "//a/b", Pin{Ref: "v1.3.0"}, h + "//a/b?ref=v1.3.0", ""},
		{"none, with a query", h + "//a?depth=1", Pin{Ref: "v1.3.0"}, h + "//a?depth=1&ref=v1.3.0", ""},
		{"none, with an empty query", h + "?", Pin{Ref: "v1.3.0"}, h + "?ref=v1.3.0", ""},
		{"none, with a fragment", h + "#f", Pin{Ref: "v1.3.0"}, h + "?ref=v1.3.0#f", ""},

		{"github", "github.com/o/r//s?ref=v1.2.3", Pin{Ref: "v1.3.0"}, "github.com/o/r//s?ref=v1.3.0", ""},
		{"github and a slash", "github.com/o/r", Pin{Ref: "vpc/v1.3.0"}, "github.com/o/r?ref=vpc%2Fv1.3.0", ""},
		{"scp", "git@h.example:o/r.git?ref=v1.2.3", Pin{Ref: "v1.3.0"}, "git@h.example:o/r.git?ref=v1.3.0", ""},
		{"scp, none", "git@h.example:o/r.git//s", Pin{Ref: "v1.3.0"}, "git@h.example:o/r.git//s?ref=v1.3.0", ""},
		{"ssh", "git::ssh://git@h.example:22/o/r.git//s?ref=v1.2.3", Pin{Ref: "v1.3.0"}, "git::ssh://git@h.example:22/o/r.git//s?ref=v1.3.0", ""},
		{"bitbucket", "bitbucket.org/o/r?ref=v1.2.3", Pin{Ref: "v1.3.0"}, "bitbucket.org/o/r?ref=v1.3.0", ""},

		{"build metadata", h + "?ref=v1.2.3", Pin{Ref: "v1.3.0+b.1"}, h + "?ref=v1.3.0%2Bb.1", ""},
		{"characters of a query", h + "?ref=v1.2.3&a=b", Pin{Ref: "a#b&c;d%e"}, h + "?ref=a%23b%26c%3Bd%25e&a=b", ""},
		{"beyond ASCII", h + "?ref=v1.2.3", Pin{Ref: "größe/1.0.0"}, h + "?ref=gr%C3%B6%C3%9Fe/1.0.0", ""},
		{"not in form NFC", h + "?ref=v1.2.3", Pin{Ref: "o\u0308-1.0.0"}, h + "?ref=o%CC%88-1.0.0", ""},
		{"a template", h + "?ref=v1.2.3", Pin{Ref: "v${var.x}"}, h + "?ref=v%24%7Bvar.x}", ""},
		{"another template", h + "?ref=v1.2.3", Pin{Ref: "v%{if}"}, h + "?ref=v%25%7Bif}", ""},
		{"a quote", h + "?ref=v1.2.3", Pin{Ref: `v"1`}, h + "?ref=v%221", ""},

		{"tags/ stays", h + "?ref=tags/v1.2.3", Pin{Ref: "v1.3.0"}, h + "?ref=tags/v1.3.0", ""},
		{"refs/tags/ stays", h + "?ref=refs/tags/v1.2.3", Pin{Ref: "v1.3.0"}, h + "?ref=refs/tags/v1.3.0", ""},
		{"tags/ is there", h + "?ref=tags/v1.2.3", Pin{Ref: "tags/v1.3.0"}, h + "?ref=tags/v1.3.0", ""},
		{"tags/ goes", h + "?ref=tags/v1.2.3", Pin{Ref: commit}, h + "?ref=" + commit, ""},
		{"a branch", h + "?ref=refs/heads/main", Pin{Ref: "v1.3.0"}, h + "?ref=v1.3.0", ""},
		{"a commit in capitals", h + "?ref=" + strings.ToUpper(commit), Pin{Ref: commit}, h + "?ref=" + strings.ToUpper(commit), ""},

		{"depth goes", h + "?ref=v1&depth=1", Pin{Ref: commit, DropDepth: true}, h + "?ref=" + commit, ""},
		{"depth before goes", h + "?depth=1&ref=v1", Pin{Ref: commit, DropDepth: true}, h + "?ref=" + commit, ""},
		{"depth between goes", h + "?a=b&depth=1&ref=v1", Pin{Ref: commit, DropDepth: true}, h + "?a=b&ref=" + commit, ""},
		{"each depth goes", h + "?depth=1&a=b&%64epth=2&ref=v1&depth=3", Pin{Ref: commit, DropDepth: true}, h + "?a=b&ref=" + commit, ""},
		{"depth alone goes", h + "//s?depth=1", Pin{Ref: commit, DropDepth: true}, h + "//s?ref=" + commit, ""},
		{"depth goes, and it has the ref", h + "?depth=1&ref=" + commit, Pin{Ref: commit, DropDepth: true}, h + "?ref=" + commit, ""},
		{"depth goes before a fragment", h + "?ref=v1&depth=1#f", Pin{Ref: commit, DropDepth: true}, h + "?ref=" + commit + "#f", ""},

		{"an option", h + "?ref=v1", Pin{Ref: "--upload-pack=x"}, "", `the ref "--upload-pack=x" is none that git can have: it begins with -, so git would take it for an option`},
		{"a space", h + "?ref=v1", Pin{Ref: "v 1"}, "", `the ref "v 1" is none that git can have: git allows no ' ' in it`},
		{"a control character", h + "?ref=v1", Pin{Ref: "v\n1"}, "", `the ref "v\n1" is none that git can have: git allows no '\n' in it`},
		{"two dots", h + "?ref=v1", Pin{Ref: "v1..2"}, "", `the ref "v1..2" is none that git can have: git allows no .. in it`},
		{"nothing", h + "?ref=v1", Pin{}, "", `its source is in git, and what is to be set is no ref`},
		{"no ref for a version", h + "?ref=v1", Pin{Version: "1.3.0"}, "", `its source is in git, and what is to be set is no ref`},
		{"an archive", "https://h.example/a.zip?ref=v1", Pin{Ref: "v2"}, "", `its source is neither in git nor in a registry`},
		{"a bucket", "s3::https://s3-eu-west-1.amazonaws.com/b/k.zip", Pin{Ref: "v2"}, "", `its source is neither in git nor in a registry`},
		{"a password", "git::https://u:hunter2@h.example/p.git?ref=v1", Pin{Ref: "v 2"}, "", `the ref "v 2" is none that git can have: git allows no ' ' in it`},
		{"a password stays", "git::https://u:hunter2@h.example/p.git?ref=v1", Pin{Ref: "v2"}, "git::https://u:hunter2@h.example/p.git?ref=v2", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			for file, layout := range map[string]string{
				"main.tf":        "module \"a\" {\n  source = SOURCE\n}\n",
				"main.tofu":      "module \"a\" {\r\n\tsource\t= SOURCE\t\r\n}",
				"main.tf.json":   "{\"module\": {\"a\": {\"source\": SOURCE, \"x\": 1}}}",
				"main.tofu.json": "\ufeff{\r\n\"module\": [{\"a\": {\"source\":SOURCE}}]}",
				"bom.tf":         "\ufeffmodule \"a\" {\n  source = (SOURCE)\n}",
				"terragrunt.hcl": "terraform {\n  source = SOURCE\n}\n",
				"c/terragrunt.hcl": "terraform {\n  source = get_env(\"X\") == \"\" ? \"../x\" : SOURCE\n}\n" +
					"inputs = { x = \"SOURCE\" }\n",
			} {
				in := tree{file: strings.ReplaceAll(layout, "SOURCE", `"`+c.before+`"`)}
				if strings.Contains(file, "c/") {
					in["x/main.tf"] = ""
				}
				g, calls := in.load()
				call := calls[len(calls)-1]
				got, err := Set(g, call, c.pin)
				if c.after == "" {
					var r *Refused
					if !errors.As(err, &r) || c.reason != "" && r.Reason != c.reason {
						t.Fatalf("%s: %v, %v", file, got, err)
					}
					if strings.Contains(err.Error(), "hunter2") {
						t.Errorf("%s: a secret in %s", file, err)
					}
					continue
				}
				if err != nil {
					t.Fatalf("%s: %s", file, err)
				}
				want := strings.Replace(in[file], `"`+c.before+`"`, `"`+c.after+`"`, 1)
				if after := in.applied(t, got.Edits); after[file] != want {
					t.Errorf("%s:\n%s", file, cmp.Diff(want, after[file]))
				} else if g, calls = after.load(); calls[len(calls)-1].Source.String() != c.after {
					t.Errorf("%s: it reads %s", file, calls[len(calls)-1].Source)
				} else if again, err := Set(g, calls[len(calls)-1], c.pin); err != nil || len(again.Edits) > 0 {
					t.Errorf("%s: a second time %v, %v", file, again, err)
				}
			}
		})
	}
}

// An edit is as small as what is to be changed.
func TestEditIsSmall(t *testing.T) {
	text := `module "a" { source = "git::https://h.example/p.git//s?depth=1&ref=v1.2.3&x=y" }`
	in := tree{"main.tf": text}
	g, calls := in.load()
	got, err := Set(g, calls[0], Pin{Ref: "v1.3.0", DropDepth: true})
	if err != nil {
		t.Fatal(err)
	}
	var parts []string
	for _, e := range got.Edits {
		parts = append(parts, text[e.Start:e.End]+" -> "+string(e.New))
	}
	if d := cmp.Diff([]string{"depth=1& -> ", "v1.2.3 -> v1.3.0"}, parts); d != "" {
		t.Error(d)
	}
}
