package estate

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/fixtures"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// simulated is an estate of n stacks in four environments, one after the other:
// ten stacks are a team's, of which each reads the state of the one before it
// and all read those of a network; a tenth of them say after as well.
func simulated(n int) (fstest.MapFS, Config) {
	fsys := fstest.MapFS{"modules/m/main.tf": {Data: []byte("variable \"x\" {}\n")}}
	envs := []string{"dev", "qa", "staging", "prod"}
	after := map[string][]string{}
	of := map[string][]string{}
	state := func(key string) string {
		return fmt.Sprintf("data \"terraform_remote_state\" \"r%d\" {\n  backend = \"s3\"\n  config = {\n    bucket = local.bucket\n    key    = \"%s.tfstate\"\n  }\n}\n", len(key)*31+int(key[len(key)-1]), key)
	}
	for i := range n {
		env := envs[i%len(envs)]
		dir := fmt.Sprintf("live/%s/team%04d/s%d", env, i/len(envs)/10, i/len(envs)%10)
		key := func(s int) string { return fmt.Sprintf("%s/team%04d/s%d", env, i/len(envs)/10, s) }
		text := fmt.Sprintf("terraform {\n  backend \"s3\" {\n    bucket = \"state\"\n    key    = \"%s.tfstate\"\n  }\n}\nlocals { bucket = \"state\" }\nmodule \"m\" {\n  source = \"../../../../modules/m\"\n  x      = 1\n}\n", key(i/len(envs)%10))
		if s := i / len(envs) % 10; s > 0 {
			text += state(key(s - 1))
			if s == 9 {
				after[dir] = []string{fmt.Sprintf("live/%s/team%04d/s[0-4]", env, i/len(envs)/10)}
			}
		}
		if i >= len(envs)*10 {
			text += state(env + "/team0000/s0")
		}
		fsys[dir+"/main.tf"] = &fstest.MapFile{Data: []byte(text)}
		of[dir] = []string{env}
	}
	c := Config{
		EnvironmentsOf: func(s string) []string { return of[s] },
		After:          func(s string) []string { return after[s] },
	}
	for i, e := range envs {
		env := Environment{Name: e, Account: "acc-" + e}
		if i > 0 {
			env.After = []string{envs[i-1]}
		}
		c.Environments = append(c.Environments, env)
	}
	return fsys, c
}

// work orders, selects and explains an estate, and gives how many edges and
// reasons it met.
func work(t testing.TB, e *Estate) int {
	order, err := e.Order()
	if err != nil {
		t.Fatal(err)
	}
	s := Selection{Environments: []string{"qa", "prod"}, Stacks: []string{"live/*/team*/s[1-9]"}}
	units, err := e.Select(s)
	if err != nil {
		t.Fatal(err)
	}
	met := len(order)
	for _, u := range units {
		met += len(e.Why(s, u))
	}
	for _, u := range e.Units {
		met += len(e.edges[u])
	}
	return met
}

// indexed is a MapFS that does not go through all its files for each directory.
type indexed struct {
	fstest.MapFS
	dirs map[string][]fs.DirEntry
}

func (f indexed) ReadDir(name string) ([]fs.DirEntry, error) { return f.dirs[name], nil }

type dirEntry string

func (d dirEntry) Name() string               { return string(d) }
func (d dirEntry) IsDir() bool                { return path.Ext(string(d)) == "" }
func (d dirEntry) Info() (fs.FileInfo, error) { return nil, fs.ErrInvalid }
func (d dirEntry) Type() fs.FileMode {
	if d.IsDir() {
		return fs.ModeDir
	}
	return 0
}

func load(t testing.TB, n int) (*modules.Graph, Config) {
	t.Helper()
	fsys, c := simulated(n)
	f := indexed{fsys, map[string][]fs.DirEntry{}}
	seen := map[string]bool{".": true}
	for _, name := range slices.Sorted(maps.Keys(fsys)) {
		for ; !seen[name]; name = path.Dir(name) {
			seen[name] = true
			f.dirs[path.Dir(name)] = append(f.dirs[path.Dir(name)], dirEntry(path.Base(name)))
		}
	}
	tree, _ := hclparse.LoadCalls(f, "terraform_remote_state")
	return modules.NewGraph(tree, nil), c
}

// The work grows with the stacks, not with their square: ten times as many cost
// no more than fifteen times as much CPU.
func TestScale(t *testing.T) {
	cost := func(n, times int) (discovered, worked float64) {
		g, c := load(t, n)
		start := fixtures.CPUSeconds(t)
		e, diags := Discover(nil, g, c)
		discovered = fixtures.CPUSeconds(t) - start
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		start = fixtures.CPUSeconds(t)
		for range times {
			if met := work(t, e); len(e.Units) != n || met < 3*n || len(e.External)+len(e.Unresolved)+len(e.Unread) != 0 {
				t.Fatalf("%d units, %d met, %v %v", len(e.Units), met, e.External, e.Unresolved)
			}
		}
		return discovered, (fixtures.CPUSeconds(t) - start) / float64(times)
	}
	cost(1000, 1) // what is made once
	d1, w1 := cost(1000, 50)
	d10, w10 := cost(10_000, 5)
	t.Logf("CPU of 1,000 stacks: discovered in %.3f s, ordered, selected and explained in %.4f s; of 10,000: %.3f s, %.4f s", d1, w1, d10, w10)
	if d10 > 15*d1 {
		t.Errorf("to discover ten times as many stacks costs %.1f times as much", d10/d1)
	}
	if w10 > 15*w1 {
		t.Errorf("to order ten times as many stacks costs %.1f times as much", w10/w1)
	}
}

func BenchmarkEstate(b *testing.B) {
	g, c := load(b, 10_000)
	b.Run("discover", func(b *testing.B) {
		for b.Loop() {
			_, _ = Discover(nil, g, c)
		}
	})
	e, _ := Discover(nil, g, c)
	b.Run("order", func(b *testing.B) {
		for b.Loop() {
			if _, err := e.Order(); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("order select explain", func(b *testing.B) {
		start := fixtures.CPUSeconds(b)
		for b.Loop() {
			work(b, e)
		}
		b.ReportMetric((fixtures.CPUSeconds(b)-start)/float64(b.N), "cpu-s/op")
	})
}

// Nothing changed in fifty stacks, from loading the tree to the answer.
func BenchmarkNothingChanged(b *testing.B) {
	h := newHome(b)
	fsys, c := simulated(50)
	var archive strings.Builder
	for name, f := range fsys {
		fmt.Fprintf(&archive, "-- %s --\n%s\n", name, f.Data)
	}
	h.repository("mono", archive.String())
	for b.Loop() {
		if got := h.changed("HEAD", &c, &c, nil); got != "" {
			b.Fatal(got)
		}
	}
}
