package pins

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/versions"
)

// id is a commit of one digit.
func id(digit string) string { return strings.Repeat(digit, 40) }

// remote is what the stand-in repository has: two tags on one commit, tags of
// two modules, a moving tag, a tag and a branch of one name.
var remote = map[string]string{
	"HEAD": "9", "refs/heads/main": "9", "refs/heads/v1.0.0": "9",
	"refs/tags/v1.0.0": "1", "refs/tags/v1.1.0": "2", "refs/tags/1.1.0": "2", "refs/tags/v1.2.0-rc1": "3", "refs/tags/v1.2.0": "3",
	"refs/tags/v1": "2", "refs/tags/v1.3.0+b1": "4", "refs/tags/V2.0.0": "5",
	"refs/tags/eks/v3.0.0": "6", "refs/tags/dns/v4.0.0": "6", "refs/tags/dns/v4.1.0": "7",
	"refs/tags/net/v1.0.0": "8", "refs/tags/net/v1.1.0-rc.1": "8", "refs/tags/net/v1.1.0-rc.2": "8",
}

func refs(t *testing.T) map[string]repo.Ref {
	t.Helper()
	out := map[string]repo.Ref{}
	for name, digit := range remote {
		h, err := repo.ParseHash(id(digit))
		if err != nil {
			t.Fatal(err)
		}
		out[name] = repo.Ref{Object: h, Commit: h}
	}
	return out
}

// load reads a tree as the command does; the remotes answer where known is
// set.
func load(t *testing.T, files map[string]string, file *lock.File, known bool) (*Tree, *versions.Set) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	parsed, _ := hclparse.LoadCalls(fsys)
	tree := &Tree{Graph: graphOf(parsed), Load: graphOf}
	set := versions.New(versions.Input{Graph: tree.Graph, Calls: lint.Calls(&lint.Input{Graph: tree.Graph}), Lock: file})
	for _, m := range set.Modules {
		if known && !m.Registry {
			m.Learn(refs(t))
		}
	}
	return tree, set
}

func pinning(g *modules.Graph, file *lock.File, tags bool) Pinning {
	return Pinning{
		Tags: tags, Graph: g,
		Locked: func(u *versions.Use, ref string) string {
			if e := file.Find(lock.Address(u.Call.Source), ref); e != nil {
				return e.Commit
			}
			return ""
		},
		Full: func(_ *versions.Module, u *versions.Use) (string, error) {
			if c := u.Ref[:1]; id(c)[:len(u.Ref)] == u.Ref {
				return id(c), nil
			}
			return "", errors.New("nobody knows it\nhint: ask")
		},
	}
}

// Each call is written as it should be, or stays for the reason that is given.
func TestPinning(t *testing.T) {
	const g = `"git::https://git.example.com/vpc.git?`
	const sub = `"git::https://git.example.com/m.git//`
	locked := func(kind lock.Kind, ref, commit string, tags ...string) *lock.File {
		return &lock.File{Entries: []*lock.Entry{{Address: "git::https://git.example.com/vpc.git", Ref: ref, Kind: kind, Commit: commit, Tags: tags}}}
	}
	for _, c := range []struct {
		name, source, want string // want is the source line, or "! " and the reason
		tags, unknown      bool
		lock               *lock.File
	}{
		{name: "tag", source: g + `ref=v1.0.0"`, want: g + `ref=` + id("1") + `" # v1.0.0`},
		{name: "upper case v", source: g + `ref=V2.0.0"`, want: g + `ref=` + id("5") + `" # V2.0.0`},
		{name: "tags/", source: g + `ref=tags/v1.1.0"`, want: g + `ref=` + id("2") + `" # tags/v1.1.0`},
		{name: "refs/tags/", source: g + `ref=refs/tags/v1.1.0"`, want: g + `ref=` + id("2") + `" # refs/tags/v1.1.0`},
		{name: "the other tag of a commit", source: g + `ref=1.1.0"`, want: g + `ref=` + id("2") + `" # 1.1.0`},
		{name: "depth", source: g + `ref=v1.1.0&depth=1"`, want: g + `ref=` + id("2") + `" # v1.1.0`},
		{name: "other parameters stay", source: g + `a=1&depth=1&ref=v1.1.0&b=2"`, want: g + `a=1&ref=` + id("2") + `&b=2" # v1.1.0`},
		{name: "a wrong comment", source: g + `ref=v1.1.0" # v1.0.0`, want: g + `ref=` + id("2") + `" # v1.1.0`},
		{name: "another comment", source: g + `ref=v1.1.0" # why`, want: g + `ref=` + id("2") + `" # why`},
		{name: "metadata", source: g + `ref=v1.3.0%2Bb1"`, want: g + `ref=` + id("4") + `"`},
		{name: "a module's own tag", source: sub + `dns?ref=dns/v4.0.0"`, want: sub + `dns?ref=` + id("6") + `" # dns/v4.0.0`},
		{name: "commit", source: g + `ref=` + id("1") + `"`, want: "! it is at a commit"},
		{name: "short", source: g + `ref=2222222"`, want: g + `ref=` + id("2") + `" # v1.1.0`},
		{name: "short, unknown", source: g + `ref=2223333"`, want: "! which commit 2223333 is, is not known: nobody knows it"},
		{name: "short, true comment", source: g + `ref=2222222" # 1.1.0`, want: g + `ref=` + id("2") + `" # 1.1.0`},
		{name: "short, wrong comment", source: g + `ref=2222222" # v1.0.0`, want: "! its comment says v1.0.0, which is at " + id("1") + " and not at " + id("2")},
		{name: "short, locked", source: g + `ref=2223333"`, lock: locked(lock.KindCommit, "2223333", "2223333"+id("2")[7:]), want: g + `ref=2223333` + id("2")[7:] + `"`},
		{name: "branch", source: g + `ref=main"`, want: "! its ref main is no release"},
		{name: "moving tag", source: g + `ref=v1"`, want: "! its ref v1 is no release"},
		{name: "no ref", source: `"git::https://git.example.com/vpc.git"`, want: "! it has no ref"},
		{name: "no such tag", source: g + `ref=v8.0.0"`, want: "! its repository has no tag v8.0.0"},
		{name: "a branch's name, shallow", source: g + `depth=1&ref=v1.0.0"`, want: "! a branch has the name v1.0.0, too, and with depth= git takes the branch"},
		{name: "option", source: g + `ref=--upload-pack=x"`, want: "! its ref --upload-pack=x is no release"},
		{name: "locked", source: g + `ref=v1.0.0"`, lock: locked(lock.KindTag, "v1.0.0", id("1")), want: g + `ref=` + id("1") + `" # v1.0.0`},
		{name: "moved", source: g + `ref=v1.0.0"`, lock: locked(lock.KindTag, "v1.0.0", id("8")), want: "! the tag v1.0.0 has moved: the lock has " + id("8") + ", its repository has " + id("1")},
		{name: "moved, in another spelling", source: g + `ref=tags/v1.0.0"`, lock: locked(lock.KindTag, "v1.0.0", id("8")), want: "! the tag v1.0.0 has moved: the lock has " + id("8") + ", its repository has " + id("1")},
		{name: "offline, locked", source: g + `ref=v1.0.0"`, unknown: true, lock: locked(lock.KindTag, "v1.0.0", id("8")), want: g + `ref=` + id("8") + `" # v1.0.0`},
		{name: "offline", source: g + `ref=v1.0.0"`, unknown: true, want: "! which commit v1.0.0 is, nobody has told"},

		{name: "back by comment", tags: true, source: g + `ref=` + id("2") + `" # 1.1.0`, want: g + `ref=1.1.0"`},
		{name: "back by comment, tags/", tags: true, source: g + `ref=` + id("2") + `" # tags/v1.1.0`, want: g + `ref=tags/v1.1.0"`},
		{name: "back, comment without v", tags: true, source: g + `ref=` + id("1") + `" # 1.0.0`, want: g + `ref=v1.0.0"`},
		{name: "back, no comment", tags: true, source: g + `ref=` + id("2") + `"`, want: g + `ref=v1.1.0"`},
		{name: "back, pre-release and release", tags: true, source: g + `ref=` + id("3") + `"`, want: g + `ref=v1.2.0"`},
		{name: "back, upper case", tags: true, source: g + `ref=` + strings.ToUpper(id("1")) + `"`, want: g + `ref=v1.0.0"`},
		{name: "back, prefix of the module", tags: true, source: sub + `dns?ref=` + id("6") + `"`, want: sub + `dns?ref=dns/v4.0.0"`},
		{name: "back, comment without prefix", tags: true, source: sub + `dns?ref=` + id("7") + `" # v4.1.0`, want: sub + `dns?ref=dns/v4.1.0"`},
		{name: "back, of the other modules only", tags: true, source: sub + `rds?ref=` + id("6") + `"`, want: "! no release is on " + id("6")[:12]},
		{name: "back, another comment", tags: true, source: g + `ref=` + id("1") + `" # why`, want: g + `ref=v1.0.0" # why`},
		{name: "back, ignored", tags: true, source: g + `ref=` + id("1") + `" # v1.0.0 # terrier:ignore x y`, want: g + `ref=v1.0.0" # terrier:ignore x y`},
		{name: "back, a lie", tags: true, source: g + `ref=` + id("2") + `" # v1.0.0`, want: "! its comment says v1.0.0, which is at " + id("1") + " and not at " + id("2")},
		{name: "back, no such tag", tags: true, source: g + `ref=` + id("2") + `" # v8.0.0`, want: "! its comment says v8.0.0, which is no tag of its repository; on " + id("2") + " is v1.1.0"},
		{name: "back, no release", tags: true, source: g + `ref=` + id("9") + `"`, want: "! no release is on " + id("9")[:12]},
		{name: "back, moved", tags: true, source: g + `ref=` + id("1") + `"`, lock: locked(lock.KindTag, "v1.0.0", id("8")), want: "! the tag v1.0.0 has moved: the lock has " + id("8") + ", its repository has " + id("1")},
		{name: "back, offline", tags: true, unknown: true, source: g + `ref=` + id("1") + `" # v1.0.0`, want: "! where the tag v1.0.0 of its comment is, nobody has told"},
		{name: "back, offline, locked", tags: true, unknown: true, source: g + `ref=` + id("1") + `" # v1.0.0`, lock: locked(lock.KindCommit, id("1"), id("1"), "v1.0.0"), want: g + `ref=v1.0.0"`},
		{name: "back, a tag", tags: true, source: g + `ref=v1.0.0"`, want: "! it is at no commit"},
		{name: "back, short", tags: true, source: g + `ref=2222222"`, want: "! 2222222 is no whole commit"},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "module \"x\" {\n  source = %s\n}\n"
			tree, set := load(t, map[string]string{"main.tf": fmt.Sprintf(text, c.source)}, c.lock, !c.unknown)
			moves, skipped := pinning(tree.Graph, c.lock, c.tags).Choose(Places(set, nil))
			r, err := tree.Make(moves)
			if err != nil {
				t.Fatal(err)
			}
			r.Add(skipped)
			if reason, ok := strings.CutPrefix(c.want, "! "); ok {
				if len(r.Skipped) != 1 || r.Skipped[0].Reason != reason || len(r.Changes) > 0 {
					t.Errorf("got %+v, %d changes", r.Skipped, len(r.Changes))
				}
				return
			}
			if len(r.Changes) != 1 {
				t.Fatalf("nothing moves: %+v", r.Skipped)
			}
			if got, want := string(r.Changes[0].After), fmt.Sprintf(text, c.want); got != want {
				t.Errorf("got %swant %s", got, want)
			}
		})
	}
}

// The comment behind the text that the ref stands in says it as well.
func TestPinningCommentOfLocal(t *testing.T) {
	text := "locals {\n  v = \"" + id("2") + "\" # 1.1.0\n}\nmodule \"a\" {\n  source = \"git::https://git.example.com/vpc.git?ref=${local.v}\"\n}\n"
	tree, set := load(t, map[string]string{"main.tf": text}, nil, true)
	moves, skipped := pinning(tree.Graph, nil, true).Choose(Places(set, nil))
	if len(moves) != 1 || moves[0].Pin.Ref != "1.1.0" {
		t.Errorf("%+v, %+v", moves, skipped)
	}
}

// A range becomes one version: the locked one, else the newest that it allows.
func TestPinningRegistry(t *testing.T) {
	for _, c := range []struct{ version, locked, want string }{
		{`"~> 1.0"`, "", `"1.2.0"`},
		{`"~> 1.0"`, "1.1.0", `"1.1.0"`},
		{`">= 1.0, < 1.2"`, "", `"1.1.0"`},
		{`"~> 1.0"`, "1.1.5", "! the lock has 1.1.5 for \"~> 1.0\", which its registry has no more"},
		{`"~> 7.0"`, "", "! no version of it is \"~> 7.0\""},
		{`"1.0.0"`, "", "! it is at one version"},
		{`"= 1.0.0"`, "", "! it is at one version"},
		{``, "", "! it has no version argument"},
	} {
		line := ""
		if c.version != "" {
			line = "  version = " + c.version + "\n"
		}
		text := "module \"x\" {\n  source  = \"a/b/c\"\n" + line + "}\n"
		var file *lock.File
		if c.locked != "" {
			file = &lock.File{Entries: []*lock.Entry{{Address: "registry.terraform.io/a/b/c", Ref: strings.Trim(c.version, `"`), Kind: lock.KindVersion, Version: c.locked}}}
		}
		tree, set := load(t, map[string]string{"main.tf": text}, file, true)
		err := set.Ask(t.Context(), versions.Asker{Registry: func() (versions.Registry, error) {
			return answer{"1.0.0", "1.1.0", "1.2.0", "1.3.0-rc1", "2.0.0"}, nil
		}})
		if err != nil {
			t.Fatal(err)
		}
		moves, skipped := pinning(tree.Graph, file, false).Choose(Places(set, nil))
		r, err := tree.Make(moves)
		if err != nil {
			t.Fatal(err)
		}
		r.Add(skipped)
		got := ""
		switch {
		case len(r.Changes) == 1:
			_, got, _ = strings.Cut(string(r.Changes[0].After), "version = ")
			got, _, _ = strings.Cut(got, "\n")
		case len(r.Skipped) == 1:
			got = "! " + r.Skipped[0].Reason
		}
		if got != c.want {
			t.Errorf("%s, locked %q: %s, want %s", c.version, c.locked, got, c.want)
		}
	}
}

func graphOf(t *hclparse.Tree) *modules.Graph { return modules.NewGraph(t, nil) }

// An answer is a registry whose modules all have these versions.
type answer []string

func (l answer) Versions(context.Context, string, string, string, string) ([]string, error) {
	return l, nil
}
