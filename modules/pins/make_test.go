package pins

import (
	"bytes"
	"context"
	"io/fs"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/rewrite"
	"github.com/terrier-iac/terrier/modules/versions"
)

const vpc = "git::https://git.example.com/vpc.git?ref="

// call is a module block.
func call(name, source string) string {
	return "module \"" + name + "\" {\n  source = \"" + source + "\"\n}\n"
}

// loadMap is load for files with symlinks, whose text begins with "-> ".
func loadMap(t *testing.T, files map[string]string, environmentsOf func(string) []string) (*Tree, *versions.Set) {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		if target, ok := strings.CutPrefix(text, "-> "); ok {
			fsys[name] = &fstest.MapFile{Data: []byte(target), Mode: fs.ModeSymlink | 0o777}
			continue
		}
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
	}
	parsed, _ := hclparse.LoadCalls(fsys)
	tree := &Tree{Graph: graphOf(parsed), Load: graphOf}
	set := versions.New(versions.Input{
		Graph: tree.Graph, Calls: lint.Calls(&lint.Input{Graph: tree.Graph}),
		Environments: []string{"qa", "prod"}, EnvironmentsOf: environmentsOf,
	})
	for _, m := range set.Modules {
		if !m.Registry {
			m.Learn(refs(t))
		}
	}
	return tree, set
}

// movesTo are the moves of the calls that are named, each to a version; the
// others stay. A call is named by its block, "terraform" for terragrunt's.
func movesTo(t *testing.T, set *versions.Set, to map[string]string) []*Move {
	t.Helper()
	var out []*Move
	for _, p := range Places(set, nil) {
		version := to[p.use().Call.Name()]
		if version == "" {
			continue
		}
		r := p.Module.Release(version)
		if r == nil {
			r = &versions.Release{Tag: version}
		}
		b := Bump{Versions: map[*versions.Module]*versions.Release{p.Module: r}, Back: true}
		moves, skipped := b.Choose([]*Place{p})
		if len(moves) != 1 {
			t.Fatalf("%s does not move: %+v", p.use().Call.Name(), skipped)
		}
		out = append(out, moves...)
	}
	return out
}

// proved holds a result against the tree: it is read anew in full, and every
// call must have what its edit says, or what it had.
func proved(t *testing.T, tree *Tree, moves []*Move, r *Result) {
	t.Helper()
	files := map[string][]byte{}
	var last string
	for _, c := range r.Changes {
		if c.Path <= last {
			t.Errorf("changes are not sorted: %s behind %s", c.Path, last)
		}
		last = c.Path
		before, err := fs.ReadFile(tree.Graph.Tree.FS, c.Path)
		if err != nil || !bytes.Equal(before, c.Before) {
			t.Errorf("%s was not %q: %v", c.Path, c.Before, err)
		}
		if bytes.Equal(c.Before, c.After) {
			t.Errorf("%s does not change", c.Path)
		}
		files[c.Path] = c.After
		var edits []hclparse.Edit
		for _, e := range r.Edits {
			for _, b := range e.bytes {
				if b.File == c.Path && !slices.ContainsFunc(edits, func(o hclparse.Edit) bool { return o.Start == b.Start && o.End == b.End }) {
					edits = append(edits, b.Edit)
				}
			}
		}
		outside(t, c, edits)
	}
	parsed, _ := hclparse.LoadCalls(hclparse.Overlay(tree.Graph.Tree.FS, files))
	now := lint.Calls(&lint.Input{Graph: graphOf(parsed)})
	before := lint.Calls(&lint.Input{Graph: tree.Graph})
	if len(now) != len(before) {
		t.Fatalf("%d calls, and %d before", len(now), len(before))
	}
	type at struct {
		file, name string
		line       int
	}
	made := map[at]*Move{}
	for _, e := range r.Edits {
		for _, u := range e.Move.Uses {
			made[at{u.Call.File().Real, u.Call.Name(), u.Call.Line()}] = e.Move
		}
	}
	for i, b := range before {
		a := now[i]
		want := b.Source.String()
		if m := made[at{b.File().Real, b.Name(), b.Line()}]; m != nil && m.Module.Registry {
			if a.Version == b.Version || !versions.Allows(a.Version, m.To) {
				t.Errorf("%s has version %q, and was to have %s", b.Module(), a.Version, m.To.Version)
			}
			continue
		} else if m != nil {
			changed, err := b.Source.WithRef(m.Pin.Ref)
			if err != nil {
				t.Fatal(err)
			}
			want = changed.String()
		}
		if a.Source.String() != want || a.Known != b.Known || a.Head != b.Head || a.Tail != b.Tail || a.Version != b.Version {
			t.Errorf("%s of %s has %q, want %q", b.Module(), b.Dir, a.Source, want)
		}
	}
	// Each move is made, or is among the skipped.
	if len(r.Edits)+len(r.Skipped) != len(moves) {
		t.Errorf("%d edits and %d skipped of %d moves", len(r.Edits), len(r.Skipped), len(moves))
	}
}

// outside holds that the bytes beside the edits are those that were there.
func outside(t *testing.T, c lint.Change, edits []hclparse.Edit) {
	t.Helper()
	slices.SortFunc(edits, func(a, b hclparse.Edit) int { return a.Start - b.Start })
	old, now, from := 0, 0, c.After
	for _, e := range edits {
		n := e.Start - old
		if now+n > len(from) || !bytes.Equal(c.Before[old:e.Start], from[now:now+n]) || !bytes.HasPrefix(from[now+n:], e.New) {
			t.Errorf("%s: more than the edits has changed: %q to %q", c.Path, c.Before, c.After)
			return
		}
		old, now = e.End, now+n+len(e.New)
	}
	if !bytes.Equal(c.Before[old:], from[now:]) {
		t.Errorf("%s: more than the edits has changed: %q to %q", c.Path, c.Before, c.After)
	}
	if c.Fixes != len(edits) {
		t.Errorf("%s: %d fixes, %d edits", c.Path, c.Fixes, len(edits))
	}
}

// Moves are made, or stay with the reason that is given. want are the files
// that change, and how the text old in them reads then; skipped are the calls
// that stay, by name, and why.
func TestMake(t *testing.T) {
	local := "locals {\n  v = \"v1.0.0\"\n}\n"
	unit := "include \"root\" {\n  path = find_in_parent_folders(\"common.hcl\")\n}\n"
	common := "terraform {\n  source = \"" + vpc + "v1.0.0\"\n}\n"
	both := func(string) []string { return []string{"qa", "prod"} }
	byDir := func(dir string) []string {
		if strings.HasPrefix(dir, "qa") {
			return []string{"qa"}
		}
		return []string{"prod"}
	}
	for _, c := range []struct {
		name         string
		files        map[string]string
		environments func(string) []string
		keep         string            // only the calls in this environment
		to           map[string]string // version by call
		want         map[string]string // "old => new" by file
		skipped      map[string]string // by call, the reason
	}{
		{
			name:  "one local, both calls",
			files: map[string]string{"main.tf": local + call("a", vpc+"${local.v}") + call("b", vpc+"${local.v}")},
			to:    map[string]string{"a": "1.1.0", "b": "1.1.0"},
			want:  map[string]string{"main.tf": "v1.0.0 => v1.1.0"},
		}, {
			name:    "one local, one call",
			files:   map[string]string{"main.tf": local + call("a", vpc+"${local.v}") + call("b", vpc+"${local.v}")},
			to:      map[string]string{"a": "1.1.0"},
			skipped: map[string]string{"a": `its ref is written where module "b" (main.tf:8) has its own`},
		}, {
			name:    "one local, the other call",
			files:   map[string]string{"main.tf": local + call("a", vpc+"${local.v}") + call("b", vpc+"${local.v}")},
			to:      map[string]string{"b": "1.1.0"},
			skipped: map[string]string{"b": `its ref is written where module "a" (main.tf:5) has its own`},
		}, {
			name:  "one local, two versions",
			files: map[string]string{"main.tf": local + call("a", vpc+"${local.v}") + call("b", vpc+"${local.v}")},
			to:    map[string]string{"a": "1.1.0", "b": "1.2.0"},
			skipped: map[string]string{
				"a": `its ref is written where module "b" (main.tf:2) has its own, which would become another`,
				"b": `its ref is written where module "a" (main.tf:2) has its own, which would become another`,
			},
		}, {
			name:    "through two locals, one call",
			files:   map[string]string{"main.tf": local + "locals {\n  w = local.v\n}\n" + call("a", vpc+"${local.v}") + call("b", vpc+"${local.w}") + call("c", vpc+"v1.0.0")},
			to:      map[string]string{"a": "1.1.0", "c": "1.1.0"},
			want:    map[string]string{"main.tf": "ref=v1.0.0 => ref=v1.1.0"},
			skipped: map[string]string{"a": `its ref is written where module "b" (main.tf:11) has its own`},
		}, {
			name:    "a function that hides where the text is from",
			files:   map[string]string{"main.tf": local + call("a", vpc+"${local.v}") + call("b", vpc+`${replace(local.v, ".", ".")}`) + call("c", vpc+"v1.0.0")},
			to:      map[string]string{"a": "1.1.0", "c": "1.1.0"},
			want:    map[string]string{"main.tf": "ref=v1.0.0 => ref=v1.1.0"},
			skipped: map[string]string{"a": `its ref is written where module "b" (main.tf:8) has its own`},
		}, {
			name:  "const variable",
			files: map[string]string{"main.tf": "variable \"v\" {\n  const   = true\n  default = \"v1.0.0\"\n}\n" + call("a", vpc+"${var.v}")},
			to:    map[string]string{"a": "1.1.0"},
			want:  map[string]string{"main.tf": "v1.0.0 => v1.1.0"},
		}, {
			name:  "terragrunt include, all units",
			files: map[string]string{"common.hcl": common, "qa/terragrunt.hcl": unit, "prod/terragrunt.hcl": unit},
			to:    map[string]string{"terraform": "1.1.0"},
			want:  map[string]string{"common.hcl": "v1.0.0 => v1.1.0"},
		}, {
			name:         "terragrunt include, one environment",
			files:        map[string]string{"common.hcl": common, "qa/terragrunt.hcl": unit, "prod/terragrunt.hcl": unit},
			environments: byDir, keep: "qa",
			to:      map[string]string{"terraform": "1.1.0"},
			skipped: map[string]string{"terraform": "it serves prod, too"},
		}, {
			name: "terragrunt locals, one unit's own name of them",
			files: map[string]string{
				"common.hcl":          "locals {\n  v = \"v1.0.0\"\n}\n",
				"qa/terragrunt.hcl":   "include \"root\" {\n  path   = \"../common.hcl\"\n  expose = true\n}\nterraform {\n  source = \"" + vpc + "${include.root.locals.v}\"\n}\n",
				"z/main.tf":           call("z", vpc+"v1.0.0"),
				"prod/terragrunt.hcl": "include \"root\" {\n  path   = \"../common.hcl\"\n  expose = true\n}\nterraform {\n  source = \"" + vpc + "${include.root.locals.v}\"\n}\n",
			},
			to:   map[string]string{"terraform": "1.1.0", "z": "1.1.0"},
			want: map[string]string{"common.hcl": "v1.0.0 => v1.1.0", "z/main.tf": "v1.0.0 => v1.1.0"},
		}, {
			name: "override",
			files: map[string]string{
				"main.tf":     "module \"a\" {\n  source  = \"a/b/c\"\n  version = \"1.0.0\"\n}\n",
				"override.tf": "module \"a\" {\n  version = \"1.1.0\"\n}\n",
			},
			to:   map[string]string{"a": "1.2.0"},
			want: map[string]string{"override.tf": "1.1.0 => 1.2.0"},
		}, {
			name:  "symlinked file",
			files: map[string]string{"shared/m.tf": call("a", vpc+"v1.0.0"), "qa/m.tf": "-> ../shared/m.tf", "prod/m.tf": "-> ../shared/m.tf"},
			to:    map[string]string{"a": "1.1.0"},
			want:  map[string]string{"shared/m.tf": "v1.0.0 => v1.1.0"},
		}, {
			name:         "symlinked file, one environment",
			files:        map[string]string{"shared/m.tf": call("a", vpc+"v1.0.0"), "qa/m.tf": "-> ../shared/m.tf", "prod/m.tf": "-> ../shared/m.tf"},
			environments: byDir, keep: "qa",
			to:      map[string]string{"a": "1.1.0"},
			skipped: map[string]string{"a": "it serves prod, too"},
		}, {
			name: "symlinked locals",
			files: map[string]string{
				"shared/l.tf": local, "qa/l.tf": "-> ../shared/l.tf", "prod/l.tf": "-> ../shared/l.tf",
				"qa/main.tf": call("a", vpc+"${local.v}"), "prod/main.tf": call("b", vpc+"${local.v}"),
			},
			to:      map[string]string{"a": "1.1.0"},
			skipped: map[string]string{"a": `its ref is written where module "b" (prod/main.tf:2) has its own`},
		}, {
			name: "symlinked locals, both",
			files: map[string]string{
				"shared/l.tf": local, "qa/l.tf": "-> ../shared/l.tf", "prod/l.tf": "-> ../shared/l.tf",
				"qa/main.tf": call("a", vpc+"${local.v}"), "prod/main.tf": call("b", vpc+"${local.v}"),
			},
			to:   map[string]string{"a": "1.1.0", "b": "1.1.0"},
			want: map[string]string{"shared/l.tf": "v1.0.0 => v1.1.0"},
		}, {
			name:         "shared by environments that are all named",
			files:        map[string]string{"main.tf": call("a", vpc+"v1.0.0")},
			environments: both,
			to:           map[string]string{"a": "1.1.0"},
			want:         map[string]string{"main.tf": "v1.0.0 => v1.1.0"},
		}, {
			name:         "shared by environments, one named",
			files:        map[string]string{"main.tf": call("a", vpc+"v1.0.0")},
			environments: both, keep: "prod",
			to:      map[string]string{"a": "1.1.0"},
			skipped: map[string]string{"a": "it serves qa, too"},
		}, {
			name:    "broken file",
			files:   map[string]string{"main.tf": call("a", vpc+"v1.0.0") + "<<<<<<< HEAD\n", "b.tf": call("b", vpc+"v1.0.0")},
			to:      map[string]string{"a": "1.1.0", "b": "1.1.0"},
			want:    map[string]string{"b.tf": "v1.0.0 => v1.1.0"},
			skipped: map[string]string{"a": "its file has errors, so that what stands there is not sure"},
		}, {
			name:    "broken file that is included",
			files:   map[string]string{"common.hcl": "locals {\n  v = \"v1.0.0\"\n}\n=======\n", "qa/terragrunt.hcl": "include \"root\" {\n  path   = \"../common.hcl\"\n  expose = true\n}\nterraform {\n  source = \"" + vpc + "${include.root.locals.v}\"\n}\n"},
			to:      map[string]string{"terraform": "1.1.0"},
			skipped: map[string]string{"terraform": "its version is written in common.hcl, which has errors"},
		}, {
			name:    "broken file with the local",
			files:   map[string]string{"l.tf": local + "<<<<<<< HEAD\n", "a.tf": call("a", vpc+"${local.v}")},
			to:      map[string]string{"a": "1.1.0"},
			skipped: map[string]string{"a": "its version is written in l.tf, which has errors"},
		}, {
			name: "JSON",
			files: map[string]string{
				"main.tf.json": "{\"module\": {\"a\": {\"source\": \"" + vpc + "v1.0.0\"},\n \"b\": [{\"source\": \"" + vpc + "v1.0.0\", \"x\": \"v1.0.0\"}]}}\n",
			},
			to:   map[string]string{"b": "1.1.0"},
			want: map[string]string{"main.tf.json": "v1.0.0\", \"x => v1.1.0\", \"x"},
		}, {
			name: "several removals in one round, and the rest",
			files: map[string]string{
				"a/main.tf": local + call("a", vpc+"${local.v}") + call("x", vpc+"${local.v}"),
				"b/main.tf": local + call("b", vpc+"${local.v}") + call("y", vpc+"${local.v}"),
				"c/main.tf": call("c", vpc+"v1.0.0"),
			},
			to:   map[string]string{"a": "1.1.0", "b": "1.1.0", "c": "1.1.0"},
			want: map[string]string{"c/main.tf": "v1.0.0 => v1.1.0"},
			skipped: map[string]string{
				"a": `its ref is written where module "x" (a/main.tf:8) has its own`,
				"b": `its ref is written where module "y" (b/main.tf:8) has its own`,
			},
		}, {
			name:  "nothing",
			files: map[string]string{"main.tf": call("a", vpc+"v1.0.0")},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree, set := loadMap(t, c.files, c.environments)
			err := set.Ask(t.Context(), versions.Asker{Registry: func() (versions.Registry, error) { return answer{"1.0.0", "1.1.0", "1.2.0"}, nil }, Remotes: everywhere{t}})
			if err != nil {
				t.Fatal(err)
			}
			if c.keep != "" {
				set.Keep([]string{c.keep}, nil)
			}
			moves := movesTo(t, set, c.to)
			r, err := tree.Make(moves)
			if err != nil {
				t.Fatal(err)
			}
			proved(t, tree, moves, r)
			if len(r.Changes) != len(c.want) {
				t.Errorf("%d files change, want %d: %+v", len(r.Changes), len(c.want), r.Skipped)
			}
			for _, change := range r.Changes {
				old, now, _ := strings.Cut(c.want[change.Path], " => ")
				if want := strings.Replace(string(change.Before), old, now, 1); string(change.After) != want {
					t.Errorf("%s is %s\nwant %s", change.Path, change.After, want)
				}
			}
			if len(r.Skipped) != len(c.skipped) {
				t.Errorf("skipped %+v", r.Skipped)
			}
			for _, s := range r.Skipped {
				name := strings.Trim(strings.TrimPrefix(s.Call, "module "), `"`)
				if s.Call == "the terragrunt source" {
					name = "terraform"
				}
				if s.Reason != c.skipped[name] || !s.Asked || s.Hint == "" {
					t.Errorf("%s stays: %q, %q, want %q", name, s.Reason, s.Hint, c.skipped[name])
				}
			}
		})
	}
}

// An edit that would not be read as it was to be is not made, whatever made
// it: nobody but the proof stands between a wrong edit and the file.
func TestMakeProof(t *testing.T) {
	files := map[string]string{
		"a/main.tf": call("a", vpc+"v1.0.0"), "b/main.tf": call("b", vpc+"v1.0.0"), "c/main.tf": call("c", vpc+"v1.0.0"),
		"0/main.tf": call("d", vpc+"v1.0.0"), // moves before it
	}
	span := func(text string) (start, end int) {
		start = strings.Index(text, "v1.0.0")
		return start, start + len("v1.0.0")
	}
	start, end := span(files["a/main.tf"])
	for _, c := range []struct {
		name string
		file string
		edit hclparse.Edit
		want string // the only reason; "" for an edit that is as it should be
	}{
		{name: "right", file: "a/main.tf", edit: hclparse.Edit{Start: start, End: end, New: []byte("v1.1.0")}},
		{name: "another version", file: "a/main.tf", edit: hclparse.Edit{Start: start, End: end, New: []byte("v1.2.0")}, want: "what it would be written as is not read as v1.1.0"},
		{name: "nothing", file: "a/main.tf", edit: hclparse.Edit{Start: start, End: start}, want: "what it would be written as is not read as v1.1.0"},
		{name: "another module", file: "a/main.tf", edit: hclparse.Edit{Start: start - len("vpc.git?ref="), End: end, New: []byte("eks.git?ref=v1.1.0")}, want: "what it would be written as is not read as v1.1.0"},
		{name: "another file", file: "b/main.tf", edit: hclparse.Edit{Start: start, End: end, New: []byte("v1.1.0")}, want: "what it would be written as is not read as v1.1.0"},
		{name: "the call goes", file: "a/main.tf", edit: hclparse.Edit{Start: 0, End: len(files["a/main.tf"])}, want: "the tree has other calls once it is written"},
		{name: "the call is another", file: "a/main.tf", edit: hclparse.Edit{Start: len("module \""), End: len("module \"a"), New: []byte("z")}, want: "the tree has other calls once it is written"},
		{name: "no syntax", file: "a/main.tf", edit: hclparse.Edit{Start: start, End: end, New: []byte("v1.1.0\n")}, want: "a/main.tf would have errors"},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree, set := loadMap(t, files, nil)
			moves := movesTo(t, set, map[string]string{"a": "1.1.0", "c": "1.1.0", "d": "1.1.0"})
			var edits []*Edit
			for _, m := range moves {
				set, err := rewrite.Set(tree.Graph, m.use().Call, m.Pin)
				if err != nil {
					t.Fatal(err)
				}
				if m.use().Call.Name() == "a" {
					set.Edits = []rewrite.Edit{{File: c.file, Line: 2, Edit: c.edit}}
				}
				edits = append(edits, m.edit(set))
			}
			r := &Result{}
			if err := tree.prove(edits, r); err != nil {
				t.Fatal(err)
			}
			proved(t, tree, moves, r)
			switch {
			case c.want == "" && len(r.Skipped) > 0 || c.want != "" && (len(r.Skipped) != 1 || r.Skipped[0].Reason != c.want || r.Skipped[0].Call != `module "a"`):
				t.Errorf("skipped %+v, want %q", r.Skipped, c.want)
			case r.Changes[0].Path != "0/main.tf" || r.Changes[len(r.Changes)-1].Path != "c/main.tf":
				t.Error("the right edits are not made")
			}
		})
	}
}

// everywhere answers for every remote as load does.
type everywhere struct{ t *testing.T }

func (k everywhere) Refs(context.Context, string) (map[string]repo.Ref, *repo.Mirror, error) {
	return refs(k.t), &repo.Mirror{}, nil
}

// A file that somebody saves between the reading and the edits is not edited as
// if it were the one that was read: who writes the change sees another file.
func TestMakeChangedMeanwhile(t *testing.T) {
	text := call("a", vpc+"v1.0.0")
	tree, set := loadMap(t, map[string]string{"live/main.tf": text}, nil)
	moves := movesTo(t, set, map[string]string{"a": "1.1.0"})
	tree.Graph.Tree.FS.(fstest.MapFS)["live/main.tf"].Data = []byte("# a new line\n" + text)
	r, err := tree.Make(moves)
	if err != nil {
		t.Fatal(err)
	}
	if len(r.Changes) != 1 || string(r.Changes[0].Before) != text || string(r.Changes[0].After) != call("a", vpc+"v1.1.0") {
		t.Errorf("%+v", r.Changes)
	}
}
