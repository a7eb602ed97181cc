package split

import (
	"bytes"
	"compress/zlib"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/fixtures"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

// mutationsEach is how many faults are planted in the split of each fixture;
// acme, which has the most to damage, gets more of them.
const (
	mutationsEach  = 8
	mutationsAcme  = 60
	mutationsShape = 24 // other repositories of the same
)

// ownRepositories gives two environments live repositories of their own, one
// of them without its prefix.
func ownRepositories(c *Config) {
	c.Env = func(p string) (string, string) {
		for _, env := range []string{"prod", "qa"} {
			if modules.Within(p, "live/"+env) {
				return env, ""
			}
		}
		return "", ""
	}
	c.Environments = map[string]Environment{"prod": {Repo: "live-prod"}, "qa": {Repo: "live-qa", Root: "live/qa"}}
}

func oneRepository(c *Config) {
	c.All = "modules"
	c.Tag = func(name, version string) (string, error) { return name + "/v" + version, nil }
}

func inPlace(c *Config) {
	oneRepository(c)
	c.All, c.InPlace = "monorepo", true
}

// Whatever is altered in what Run wrote for any fixture, at random, the proof
// names it; and it names nothing where nothing was altered.
func TestMutations(t *testing.T) {
	type variant struct {
		name, fixture string
		change        func(*Config)
		n             int
	}
	variants := []variant{
		{"environments", "acme", ownRepositories, mutationsShape},
		{"one repository", "acme", oneRepository, mutationsShape},
		{"in place", "acme", inPlace, mutationsShape},
	}
	for _, name := range fixtures.Names() {
		n := mutationsEach
		if name == "acme" {
			n = mutationsAcme
		}
		variants = append(variants, variant{name, name, func(*Config) {}, n})
	}
	tally := make(chan map[string]int, len(variants))
	t.Run("fixtures", func(t *testing.T) {
		for i, v := range variants {
			t.Run(v.name, func(t *testing.T) {
				t.Parallel()
				n := v.n
				kinds := map[string]int{}
				m := newMutator(t, v.fixture, v.change, uint64(i))
				if p := m.verify(); len(p.Mismatches) > 0 {
					t.Fatalf("nothing is altered, and the proof says %+v", p.Mismatches)
				}
				for range n {
					m.mutate(kinds)
				}
				if p := m.verify(); len(p.Mismatches) > 0 {
					t.Fatalf("the faults were not taken back: %+v", p.Mismatches)
				}
				tally <- kinds
			})
		}
	})
	close(tally)
	all, total := map[string]int{}, 0
	for kinds := range tally {
		for k, n := range kinds {
			all[k] += n
			total += n
		}
	}
	t.Logf("%d mutations: %v", total, all)
	if total < 200 && !t.Failed() {
		t.Errorf("only %d mutations", total)
	}
	for _, kind := range []string{"a byte", "a file gone", "a file more", "a mode", "a symlink", "attributes", "a ref", "a tag", "a call", "the record"} {
		if all[kind] == 0 {
			t.Errorf("%s was never altered", kind)
		}
	}
}

// A mutator alters one thing after the other in a finished split, and takes
// it back.
type mutator struct {
	*job
	t     *testing.T
	rng   *rand.Rand
	repos []*written
}

// written is a repository that Run wrote.
type written struct {
	dir, git string
	origin   string // its root in the monorepo
	branch   string
	parents  []repo.Hash // of the last commit
	tip      *repo.Commit
	reader   repo.Reader
	files    []repo.TreeEntry
	pkg      int // index in the plan; below 0 for live
	live     int
}

func newMutator(t *testing.T, name string, change func(*Config), seed uint64) *mutator {
	m := &mutator{job: splitFixtureWith(t, name, change), t: t, rng: rand.New(rand.NewPCG(seed, 7))}
	add := func(w *written, repository, tip string) {
		ctx := context.Background()
		w.dir = filepath.Join(m.out, filepath.FromSlash(repository))
		w.git = w.dir
		if w.live >= 0 {
			w.git = filepath.Join(w.dir, ".git")
		}
		r, err := repo.Open(ctx, w.dir)
		m.must(err)
		w.tip, err = r.Resolve(ctx, tip)
		m.must(err)
		tree, err := r.At(ctx, w.tip)
		m.must(err)
		w.files = tree.Entries()
		m.must(tree.Close())
		w.reader, err = r.Reader(ctx)
		m.must(err)
		t.Cleanup(func() { w.reader.Close() })
		w.parents = w.tip.Parents
		m.repos = append(m.repos, w)
	}
	for i, p := range m.plan.Packages {
		if m.plan.InPlace {
			break // it is the live repository
		}
		add(&written{origin: p.Root, branch: "main", pkg: i, live: -1}, p.Repository, m.result.Packages[i].Tip)
	}
	for i, l := range m.plan.Live {
		add(&written{origin: l.Root, branch: l.Branch, pkg: -1, live: i}, l.Repository, m.result.Live[i].Tip)
	}
	return m
}

func (m *mutator) must(err error) {
	m.t.Helper()
	if err != nil {
		m.t.Fatal(err)
	}
}

func (m *mutator) verify() *Proof { return m.job.verify(m.t) }

// put writes a loose object.
func (m *mutator) put(w *written, o repo.Object) {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, err := fmt.Fprintf(z, "%s %d\x00%s", o.Type, len(o.Data), o.Data)
	m.must(errors.Join(err, z.Close()))
	id := o.ID.String()
	dir := filepath.Join(w.git, "objects", id[:2])
	m.must(os.MkdirAll(dir, 0o777))
	m.must(os.WriteFile(filepath.Join(dir, id[2:]), b.Bytes(), 0o666))
}

func (m *mutator) blob(w *written, id repo.Hash) []byte {
	var data []byte
	m.must(w.reader.Objects(context.Background(), []repo.Hash{id}, func(o repo.Object) error {
		data = bytes.Clone(o.Data)
		return nil
	}))
	return data
}

// setRef sets a ref, and returns what sets it back.
func (m *mutator) setRef(w *written, ref, id string) (undo func()) {
	file := filepath.Join(w.git, filepath.FromSlash(ref))
	old, err := os.ReadFile(file)
	m.must(os.MkdirAll(filepath.Dir(file), 0o777))
	m.must(os.WriteFile(file, []byte(id+"\n"), 0o666))
	return func() {
		if err != nil {
			m.must(os.Remove(file))
			return
		}
		m.must(os.WriteFile(file, old, 0o666))
	}
}

// recommit makes the last commit of a repository anew with one path altered,
// and lets all refs and the record agree with it.
func (m *mutator) recommit(w *written, p string, edit repo.TreeEdit, data []byte) (undo func()) {
	if !edit.Delete && data != nil {
		blob := repo.HashObject("blob", data)
		edit.Blob = blob.ID
		m.put(w, blob)
	}
	root, trees, err := repo.EditTree(context.Background(), w.reader, w.tip.Tree, map[string]repo.TreeEdit{p: edit})
	m.must(err)
	for _, o := range trees {
		m.put(w, o)
	}
	who := repo.Signature{Name: "T", Email: "t@example.com", When: w.tip.Committer.When, Zone: w.tip.Committer.Zone}
	c := repo.CommitObject(root, w.parents, who, who, "x\n")
	m.put(w, c)
	undos := []func(){m.setRef(w, "refs/heads/"+w.branch, c.ID.String())}
	if w.live >= 0 {
		l := &m.result.Live[w.live]
		old := *l
		undos = append(undos, func() { *l = old })
		l.Tip = c.ID.String()
	} else {
		r := &m.result.Packages[w.pkg]
		var tags []TagResult
		for _, name := range m.plan.Packages[w.pkg].releases() {
			tag := repo.TagObject(c.ID, name, who, "x\n")
			m.put(w, tag)
			undos = append(undos, m.setRef(w, "refs/tags/"+name, tag.ID.String()))
			tags = append(tags, TagResult{name, tag.ID.String()})
		}
		old := *r
		undos = append(undos, func() { *r = old })
		if r.Extracted == r.Tip {
			// The extracted tip itself is altered: there is no pin commit.
			r.Extracted = c.ID.String()
		}
		r.Tip, r.Tags = c.ID.String(), tags
	}
	return func() {
		for _, u := range undos {
			u()
		}
	}
}

var pinned = regexp.MustCompile(`\?ref=[^"&]*|modules/[a-z-]+\.git`)

// mutate alters one thing, asks for the proof, and takes it back.
func (m *mutator) mutate(kinds map[string]int) {
	m.t.Helper()
	w := m.repos[m.rng.IntN(len(m.repos))]
	f := w.files[m.rng.IntN(len(w.files))]
	what, name, undo := "", f.Path, func() {}
	wanted := ""
	switch n := m.rng.IntN(12); {
	case f.Mode == repo.ModeSubmodule && n < 6:
		what, undo = "a file gone", m.recommit(w, f.Path, repo.TreeEdit{Delete: true}, nil)
	case f.Mode == repo.ModeSymlink && n < 6:
		what, undo = "a symlink", m.recommit(w, f.Path, repo.TreeEdit{Mode: f.Mode}, append(m.blob(w, f.ID), 'x'))
	case n < 3 && f.Path != ".gitattributes": // whose bytes count by what they say
		data := m.blob(w, f.ID)
		if len(data) == 0 {
			data = []byte{'x'}
		} else {
			at := m.rng.IntN(len(data))
			data[at] ^= byte(1 + m.rng.IntN(255))
		}
		what, undo = "a byte", m.recommit(w, f.Path, repo.TreeEdit{Mode: f.Mode}, data)
	case n <= 3:
		what, undo = "a file gone", m.recommit(w, f.Path, repo.TreeEdit{Delete: true}, nil)
	case n == 4:
		name = path.Join(path.Dir(f.Path), fmt.Sprintf("more-%d.tf", m.rng.IntN(100)))
		what, undo = "a file more", m.recommit(w, name, repo.TreeEdit{Mode: repo.ModeFile}, []byte("# more\n"))
	case n == 5:
		mode := map[uint32]uint32{repo.ModeFile: repo.ModeExecutable, repo.ModeExecutable: repo.ModeFile}[f.Mode]
		what, undo = "a mode", m.recommit(w, f.Path, repo.TreeEdit{Mode: mode, Blob: f.ID}, nil)
	case n == 6:
		name = ".gitattributes"
		data := []byte("*.tf text eol=crlf\n")
		for _, g := range w.files {
			if g.Path == name {
				data = append(m.blob(w, g.ID), data...)
			}
		}
		what, undo = "attributes", m.recommit(w, name, repo.TreeEdit{Mode: repo.ModeFile}, data)
	case n == 7 && len(w.parents) > 0:
		what, name, undo = "a ref", "", m.setRef(w, "refs/heads/"+w.branch, w.parents[0].String())
		wanted = map[bool]string{true: "live-branch", false: "main-moved"}[w.live >= 0]
	case n == 8 && w.pkg >= 0:
		tag := m.plan.Packages[w.pkg].releases()[0]
		what, name, wanted = "a tag", "", "ambiguous-tag"
		undo = m.setRef(w, "refs/heads/"+tag, w.tip.ID.String())
		if len(w.parents) > 0 {
			undo()
			undo, wanted = m.setRef(w, "refs/tags/"+tag, w.parents[0].String()), "tag-moved"
		}
	case n == 9:
		what, name, wanted = "the record", "", ""
		r := *m.result
		b, err := json.Marshal(r)
		m.must(err)
		undo = func() {
			*m.result = Result{}
			m.must(json.Unmarshal(b, m.result))
		}
		other := strings.Repeat("1", 40)
		if w.live >= 0 {
			m.result.Live[w.live].Tip = other
		} else {
			m.result.Packages[w.pkg].Tip = other
		}
	default:
		// A call that was pinned; where the repository has none, a file.
		for _, i := range m.rng.Perm(len(w.files)) {
			g := w.files[i]
			if !strings.HasSuffix(g.Path, ".tf") || g.Mode != repo.ModeFile {
				continue
			}
			data := m.blob(w, g.ID)
			if at := pinned.FindIndex(data); at != nil {
				data = append(append(bytes.Clone(data[:at[0]]), []string{"?ref=v9.9.9", "?ref=main", "modules/none.git", "//x?ref=v1.0.0"}[m.rng.IntN(4)]...), data[at[1]:]...)
				what, name, undo = "a call", g.Path, m.recommit(w, g.Path, repo.TreeEdit{Mode: g.Mode}, data)
				break
			}
		}
		if what == "" {
			what, undo = "a file gone", m.recommit(w, f.Path, repo.TreeEdit{Delete: true}, nil)
		}
	}
	kinds[what]++
	p := m.verify()
	undo()
	file := path.Join(w.origin, name)
	found := false
	for _, x := range p.Mismatches {
		switch {
		case name == "": // a ref or the record: the repository is named
			found = found || x.Kind == wanted || wanted == "" && strings.Contains(x.Summary, filepath.Base(w.dir))
		case path.Base(name) == ".gitattributes":
			found = found || x.File == file || x.Kind == "attributes-changed"
		default:
			found = found || x.File == file
		}
	}
	if !found || p.OK() {
		m.t.Errorf("%s (%s in %s) was not named: %+v", what, file, filepath.Base(w.dir), p.Mismatches)
	}
}
