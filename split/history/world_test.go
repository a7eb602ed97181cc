package history

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/repo"
)

// Nothing of the user's git takes part: not here, and not in the git that
// package repo starts.
func TestMain(m *testing.M) {
	home, err := os.MkdirTemp("", "history")
	if err != nil {
		panic(err)
	}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "GIT_") {
			os.Unsetenv(name)
		}
	}
	for name, value := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": home, "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1", "LC_ALL": "C", "TZ": "UTC",
	} {
		os.Setenv(name, value)
	}
	code := m.Run()
	os.RemoveAll(home)
	os.Exit(code)
}

// A world is a repository of the test's own.
type world struct {
	t       testing.TB
	dir     string
	ids     map[string]repo.Hash // by the commit's name
	commits []commitSpec
	tip     repo.Hash
}

// A commitSpec is a commit to make.
type commitSpec struct {
	name    string
	parents string            // names, separated by spaces
	files   map[string]string // all of its tree. "link:" and "sub:" start a symbolic link and a submodule
	msg     string            // the name where it is empty
	time    int               // seconds after the start; its position in minutes where it is 0
}

// newWorld makes a repository of commits. Its branch main is the last one.
func newWorld(t testing.TB, commits ...commitSpec) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), ids: map[string]repo.Hash{}, commits: commits}
	w.git(nil, "init", "-q", "--template=", "-b", "main", ".")
	if len(commits) == 0 {
		return w
	}
	var in bytes.Buffer
	mark := map[string]int{}
	for i, c := range commits {
		mark[c.name] = i + 1
		msg, time := c.msg, c.time
		if msg == "" {
			msg = c.name + "\n"
		}
		if time == 0 {
			time = 60 * i
		}
		fmt.Fprintf(&in, "reset refs/heads/main\ncommit refs/heads/main\nmark :%d\n", i+1)
		fmt.Fprintf(&in, "author A U Thor <author@example.com> %d +0100\ncommitter C O Mitter <c@example.com> %d -0330\n", 1600000000+time, 1600000100+time)
		fmt.Fprintf(&in, "data %d\n%s\n", len(msg), msg)
		for k, p := range strings.Fields(c.parents) {
			fmt.Fprintf(&in, "%s :%d\n", map[bool]string{true: "from", false: "merge"}[k == 0], mark[p])
		}
		in.WriteString("deleteall\n")
		for _, name := range slices.Sorted(maps.Keys(c.files)) {
			quoted := `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`).Replace(name) + `"`
			data := c.files[name]
			if id, ok := strings.CutPrefix(data, "sub:"); ok {
				fmt.Fprintf(&in, "M 160000 %s %s\n", id, quoted)
				continue
			}
			mode := "100644"
			if target, ok := strings.CutPrefix(data, "link:"); ok {
				mode, data = "120000", target
			}
			fmt.Fprintf(&in, "M %s inline %s\ndata %d\n%s\n", mode, quoted, len(data), data)
		}
	}
	marks := filepath.Join(w.dir, "marks")
	w.git(in.Bytes(), "fast-import", "--quiet", "--export-marks="+marks)
	data, err := os.ReadFile(marks)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(string(data)), "\n") {
		var n int
		var id string
		if _, err := fmt.Sscanf(line, ":%d %s", &n, &id); err != nil {
			t.Fatal(err)
		}
		w.ids[commits[n-1].name] = w.hash(id)
	}
	w.tip = w.ids[commits[len(commits)-1].name]
	return w
}

// linear gives commits that follow one another, of trees written as "path=data path=data".
func linear(trees ...string) []commitSpec {
	var commits []commitSpec
	for i, tree := range trees {
		c := commitSpec{name: fmt.Sprintf("c%d", i+1), files: files(tree)}
		if i > 0 {
			c.parents = commits[i-1].name
		}
		commits = append(commits, c)
	}
	return commits
}

// files reads "path=data path=data".
func files(tree string) map[string]string {
	f := map[string]string{}
	for _, kv := range strings.Fields(tree) {
		name, data, _ := strings.Cut(kv, "=")
		f[name] = data
	}
	return f
}

func (w *world) hash(s string) repo.Hash {
	w.t.Helper()
	id, err := repo.ParseHash(strings.TrimSpace(s))
	if err != nil {
		w.t.Fatal(err)
	}
	return id
}

// git runs git in the world and returns its output.
func (w *world) git(stdin []byte, args ...string) string {
	w.t.Helper()
	out, err := w.tryGit(stdin, args...)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func (w *world) tryGit(stdin []byte, args ...string) (string, error) {
	cmd := exec.Command("git", args...)
	cmd.Dir = w.dir
	cmd.Stdin = bytes.NewReader(stdin)
	var stderr strings.Builder
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("git %q: %v\n%s", args, err, stderr.String())
	}
	return string(out), nil
}

// rawCommit writes a commit object as it is.
func (w *world) rawCommit(data string) repo.Hash {
	w.t.Helper()
	return w.hash(w.git([]byte(data), "hash-object", "-t", "commit", "-w", "--stdin", "--literally"))
}

// extract splits directories out of the world and checks what holds for every result.
func (w *world) extract(o Options, paths ...string) []Split {
	w.t.Helper()
	return w.filter(o, only(paths...)...)
}

// filter splits what filters let through out of the world, as extract does.
func (w *world) filter(o Options, filters ...Filter) []Split {
	w.t.Helper()
	splits, err := w.tryExtract(o, filters...)
	if err != nil {
		w.t.Fatal(err)
	}
	if len(splits) != len(filters) {
		w.t.Fatalf("%d splits of %d filters", len(splits), len(filters))
	}
	for i := range splits {
		if !reflect.DeepEqual(splits[i].Filter, filters[i]) {
			w.t.Errorf("split %d is of %q, want %q", i, splits[i].Filter, filters[i])
		}
		w.check(&splits[i])
	}
	return splits
}

// only are the filters of single directories.
func only(paths ...string) []Filter {
	var filters []Filter
	for _, p := range paths {
		filters = append(filters, Filter{p, []string{p}})
	}
	return filters
}

func (w *world) tryExtract(o Options, filters ...Filter) ([]Split, error) {
	ctx := context.Background()
	r, err := repo.Open(ctx, w.dir)
	if err != nil {
		return nil, err
	}
	rd, err := r.Reader(ctx)
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	return Extract(ctx, rd, w.tip, filters, o)
}

// check holds a split against its own word.
func (w *world) check(s *Split) {
	w.t.Helper()
	have := map[repo.Hash]bool{}
	commits := 0
	for _, o := range s.New {
		if objectID(o.Type, o.Data) != o.ID {
			w.t.Errorf("%q: object %s has another id", s.Filter, o.ID)
		}
		if have[o.ID] {
			w.t.Errorf("%q: %s is there twice", s.Filter, o.ID)
		}
		have[o.ID] = true
		if o.Type != "commit" {
			continue
		}
		commits++
		for _, p := range parentsOf(o.Data) {
			if !have[p] {
				w.t.Errorf("%q: %s comes before its parent %s", s.Filter, o.ID, p)
			}
		}
	}
	if commits != s.Commits {
		w.t.Errorf("%q: Commits is %d, New has %d", s.Filter, s.Commits, commits)
	}
	if commits == 0 != s.Tip.IsZero() {
		w.t.Errorf("%q: %d commits, tip %s", s.Filter, commits, s.Tip)
	}
	reached := map[repo.Hash]bool{}
	todo := []repo.Hash{s.Tip}
	byID := s.commits()
	for len(todo) > 0 && commits > 0 {
		id := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if reached[id] {
			continue
		}
		reached[id] = true
		data, ok := byID[id]
		if !ok {
			w.t.Errorf("%q: %s is not in New", s.Filter, id)
			return
		}
		if id == s.Tip && treeOf(data) != s.Tree {
			w.t.Errorf("%q: Tree is %s, the tip's %s", s.Filter, s.Tree, treeOf(data))
		}
		todo = append(todo, parentsOf(data)...)
	}
	if commits > 0 && len(reached) != commits {
		w.t.Errorf("%q: of %d commits %d are reachable from the tip", s.Filter, commits, len(reached))
	}
	mapped := map[repo.Hash]bool{}
	for _, p := range s.Map {
		mapped[p.New] = true
		if !reached[p.New] {
			w.t.Errorf("%q: the map names %s, which is not there", s.Filter, p.New)
		}
	}
	if len(mapped) != commits {
		w.t.Errorf("%q: the map names %d of %d commits", s.Filter, len(mapped), commits)
	}
}

// commits are the new commits' bytes by id.
func (s *Split) commits() map[repo.Hash][]byte {
	m := map[repo.Hash][]byte{}
	for _, o := range s.New {
		if o.Type == "commit" {
			m[o.ID] = o.Data
		}
	}
	return m
}

func header(data []byte, name string) []string {
	head, _, _ := strings.Cut(string(data), "\n\n")
	var values []string
	for _, line := range strings.Split(head, "\n") {
		if v, ok := strings.CutPrefix(line, name+" "); ok {
			values = append(values, v)
		}
	}
	return values
}

func treeOf(data []byte) repo.Hash {
	id, _ := repo.ParseHash(header(data, "tree")[0])
	return id
}

func parentsOf(data []byte) []repo.Hash {
	var ids []repo.Hash
	for _, p := range header(data, "parent") {
		id, _ := repo.ParseHash(p)
		ids = append(ids, id)
	}
	return ids
}

// show draws a history, newest first: each commit's subject, a star where the
// tree is empty, and its parents'.
func (s *Split) show() string {
	byID := s.commits()
	subject := func(id repo.Hash) string {
		_, msg, _ := strings.Cut(string(byID[id]), "\n\n")
		line, _, _ := strings.Cut(msg, "\n")
		if treeOf(byID[id]) == emptyTreeID {
			line += "*"
		}
		return line
	}
	var lines []string
	for i := len(s.New) - 1; i >= 0; i-- {
		if o := s.New[i]; o.Type == "commit" {
			line := subject(o.ID)
			for _, p := range parentsOf(o.Data) {
				line += " <" + subject(p)
			}
			lines = append(lines, line)
		}
	}
	return strings.Join(lines, ", ")
}

// subtree is what git subtree split says.
func (w *world) subtree(path string) (repo.Hash, error) {
	w.t.Helper()
	// It wants the directory in the work tree, and looks no further.
	if err := os.MkdirAll(filepath.Join(w.dir, path), 0o777); err != nil {
		w.t.Fatal(err)
	}
	out, err := w.tryGit(nil, "subtree", "split", "-q", "--prefix="+path, w.tip.String())
	if err != nil {
		return repo.Hash{}, err
	}
	return w.hash(out), nil
}

// filterRepo is what git filter-repo makes of a copy: the repository, with
// HEAD at the result. ok is false where nothing is left.
func (w *world) filterRepo(f Filter) (result *world, ok bool) {
	w.t.Helper()
	c := &world{t: w.t, dir: w.t.TempDir()}
	c.git(nil, "clone", "-q", "--bare", "--shared", "--template=", w.dir, ".")
	c.git(nil, "update-ref", "refs/heads/main", w.tip.String())
	// Partial leaves out what only takes time: repacking.
	args := []string{"filter-repo", "--partial", "--force", "--quiet", "--preserve-commit-hashes", "--preserve-commit-encoding", "--prune-empty=always", "--prune-degenerate=always"}
	if len(f.Paths) == 1 && f.Paths[0] == f.Root {
		args = append(args, "--subdirectory-filter="+f.Root)
	} else {
		for _, p := range f.Paths {
			args = append(args, "--path="+p)
		}
		if f.Root != "." {
			args = append(args, "--path-rename="+f.Root+"/:")
		}
	}
	c.git(nil, args...)
	c.tip = w.hash(c.git(nil, "rev-parse", "--verify", "--quiet", "refs/heads/main"))
	return c, c.tip != w.tip
}

// filtered are the files of a commit that a filter lets through, at their
// places: what the filter means, in other words than the engine's.
func filtered(f Filter, files map[string]string) map[string]string {
	m := map[string]string{}
	for name, data := range files {
		for _, p := range f.Paths {
			if name == p || strings.HasPrefix(name, p+"/") {
				if f.Root != "." {
					name = strings.TrimPrefix(name, f.Root+"/")
				}
				m[name] = data
			}
		}
	}
	return m
}

// treeID is the id of the tree of files.
func treeID(files map[string]string) repo.Hash {
	type entry struct{ sort, data string }
	var entries []entry
	below := map[string]map[string]string{}
	for name, data := range files {
		if dir, rest, ok := strings.Cut(name, "/"); ok {
			if below[dir] == nil {
				below[dir] = map[string]string{}
			}
			below[dir][rest] = data
			continue
		}
		mode, id := "100644", objectID("blob", []byte(data))
		if target, ok := strings.CutPrefix(data, "link:"); ok {
			mode, id = "120000", objectID("blob", []byte(target))
		} else if sub, ok := strings.CutPrefix(data, "sub:"); ok {
			mode = "160000"
			id, _ = repo.ParseHash(sub)
		}
		entries = append(entries, entry{name, mode + " " + name + "\x00" + string(id[:])})
	}
	for dir, files := range below {
		id := treeID(files)
		entries = append(entries, entry{dir + "/", "40000 " + dir + "\x00" + string(id[:])})
	}
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.sort, b.sort) })
	var data []byte
	for _, e := range entries {
		data = append(data, e.data...)
	}
	return objectID("tree", data)
}

// everHeld are the trees that a filter ever let through in the tip's history,
// without repetition, the empty one included where it was there and went away.
func (w *world) everHeld(f Filter) []string {
	counts := map[string]bool{w.commits[len(w.commits)-1].name: true}
	for i := len(w.commits) - 1; i >= 0; i-- {
		if c := w.commits[i]; counts[c.name] {
			for p := range strings.FieldsSeq(c.parents) {
				counts[p] = true
			}
		}
	}
	var list []string
	ever := map[string]bool{}
	for _, c := range w.commits {
		before := false
		for p := range strings.FieldsSeq(c.parents) {
			before = before || ever[p]
		}
		m := filtered(f, c.files)
		ever[c.name] = before || len(m) > 0
		if counts[c.name] && ever[c.name] {
			list = append(list, treeID(m).String())
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// trees are the trees of all commits of c's history, without repetition.
func (w *world) trees() []string {
	w.t.Helper()
	list := strings.Fields(w.git(nil, "log", "--format=%T", w.tip.String()))
	slices.Sort(list)
	return slices.Compact(list)
}

func (s *Split) trees() []string {
	var list []string
	for _, data := range s.commits() {
		list = append(list, treeOf(data).String())
	}
	slices.Sort(list)
	return slices.Compact(list)
}
