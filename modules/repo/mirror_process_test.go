package repo

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/fixtures/githttp"
)

// mirrorChild is this test's binary as another terrier: MIRROR_CHILD holds the
// cache, the URL, and the commits that it wants. It reads each tree.
func mirrorChild() int {
	args := strings.Fields(os.Getenv("MIRROR_CHILD"))
	err := func() error {
		ctx := context.Background()
		m, err := (&Cache{Dir: args[0], Silence: 30 * time.Second}).Mirror(args[1])
		if err != nil {
			return err
		}
		for _, arg := range args[2:] {
			id, err := ParseHash(arg)
			if err != nil {
				return err
			}
			if err := m.Ensure(ctx, Want{Commit: id}); err != nil {
				return err
			}
			tree, err := m.At(ctx, id)
			if err != nil {
				return err
			}
			for _, e := range tree.Entries() {
				if _, err := tree.ReadFile(e.Path); err != nil {
					return err
				}
			}
			if err := tree.Close(); err != nil {
				return err
			}
		}
		return nil
	}()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func child(m *Mirror, ids ...Hash) (*exec.Cmd, *bytes.Buffer) {
	args := []string{m.cache.Dir, m.url}
	for _, id := range ids {
		args = append(args, id.String())
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), "MIRROR_CHILD="+strings.Join(args, " "))
	var said bytes.Buffer
	cmd.Stderr = &said
	return cmd, &said
}

// argvHas looks through the processes whose environment has the word mine, and
// fails where the arguments of one have secret. It returns how many of them
// are git's remote helpers.
func argvHas(t *testing.T, mine, secret string) int {
	t.Helper()
	n := 0
	procs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil || len(procs) == 0 {
		t.Fatalf("processes: %v %v", procs, err)
	}
	for _, p := range procs {
		env, err := os.ReadFile(p + "/environ")
		if err != nil || !bytes.Contains(env, []byte(mine)) {
			continue
		}
		argv, err := os.ReadFile(p + "/cmdline")
		if err != nil {
			continue
		}
		if bytes.Contains(argv, []byte("remote-http")) {
			n++
		}
		if bytes.Contains(argv, []byte(secret)) {
			t.Errorf("everybody can see %q", argv)
		}
	}
	return n
}

// Six processes at once on one mirror: all get what they want, and the remote
// is asked as often as there is something new, not six times.
func TestMirrorProcesses(t *testing.T) {
	f := newForge(t)
	m := mirrorOf(t, newCache(t), f.URL+"/vpc.git")
	ids := []Hash{f.id(t, "v1.0.0"), f.id(t, "v1.1.0")}
	run := func() {
		t.Helper()
		var all sync.WaitGroup
		for range 6 {
			all.Go(func() {
				cmd, said := child(m, ids...)
				if err := cmd.Run(); err != nil {
					t.Errorf("%v: %s", err, said)
				}
			})
		}
		all.Wait()
		whole(t, m, ids...)
	}
	run()
	first := f.fetches()
	run()
	if n := f.fetches(); n != first {
		t.Errorf("what was there was fetched: %d requests, then %d", first, n)
	}
	for i := range 3 {
		ids = append(ids, f.commit(t, "more"+strconv.Itoa(i)))
	}
	f.push(t)
	run()
	if n := f.fetches() - first; n > first {
		t.Errorf("one fetch took %d requests, one for what is new %d", first, n)
	}
}

// A tree that is open stays whole while another process fetches, and one that
// is killed leaves nothing that is in the way of the next.
func TestMirrorKilled(t *testing.T) {
	f := newForge(t)
	m := mirrorOf(t, newCache(t), f.URL+"/vpc.git")
	v1 := f.id(t, "v1.0.0")
	kill := func(after func(), ids ...Hash) {
		t.Helper()
		cmd, _ := child(m, ids...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		after()
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait()
	}
	asked := func(part string) func() {
		before := len(f.Requests())
		return func() {
			for range 500 {
				for _, r := range f.Requests()[before:] {
					if r.User != "" && strings.Contains(r.Path, part) {
						return
					}
				}
				time.Sleep(10 * time.Millisecond)
			}
			t.Errorf("nobody asked for %s", part)
		}
	}
	// While the remote keeps it waiting: with no mirror yet, and with one.
	for round := range 2 {
		want := v1
		if round == 1 {
			want = f.commit(t, "hung")
			f.push(t)
		}
		for _, part := range []string{"vpc.git/info/refs", "vpc.git/git-upload-pack"} {
			f.Break(part, githttp.Hang, 1)
			kill(asked(part), want)
			if m.Has(t.Context(), want) {
				t.Errorf("%s: it has what never came", part)
			}
			if round == 1 {
				sh(t, m.path, "fsck", "--full", "--strict", "--no-dangling")
			}
		}
		ensure(t, m, v1, want)
	}

	// And at any other moment.
	tree, err := m.At(t.Context(), v1)
	if err != nil {
		t.Fatal(err)
	}
	var took time.Duration
	ids := []Hash{v1}
	for i := range 16 {
		for j := range 40 {
			put(t, f.work, map[string]string{fmt.Sprintf("f%d/%d.tf", i, j): strings.Repeat(fmt.Sprintf("# %d %d\n", i, j*i), 200)})
		}
		id := f.commit(t, "kill"+strconv.Itoa(i))
		sh(t, f.work, "tag", "kill/"+strconv.Itoa(i))
		f.push(t)
		ids = append(ids, id)
		if i == 0 {
			begin := time.Now()
			ensure(t, m, id)
			took = time.Since(begin)
			continue
		}
		kill(func() { time.Sleep(took * time.Duration(i) / 12) }, id)
		sh(t, m.path, "fsck", "--full", "--strict", "--no-dangling")
		if known, err := m.Known(t.Context()); err != nil || known["refs/tags/v1.0.0"].Commit != v1 {
			t.Fatalf("after a kill: %v %v", known, err)
		}
		if i%3 == 0 {
			ensure(t, mirrorOf(t, m.cache, m.url), ids...)
		}
	}
	ensure(t, mirrorOf(t, m.cache, m.url), ids...)
	if b, err := tree.ReadFile("main.tf"); string(b) != "# one\r\n" || err != nil {
		t.Errorf("the tree that was open: %q %v", b, err)
	}
	if err := tree.Close(); err != nil {
		t.Error(err)
	}
}
