package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func newReader(t testing.TB, dir string) Reader {
	t.Helper()
	rd, err := open(t, dir).Reader(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { rd.Close() })
	return rd
}

func mustHash(t testing.TB, s string) Hash {
	t.Helper()
	h, err := ParseHash(s)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// mergeRepo has a merge of three, a second root and a signed commit. It returns its tip.
func mergeRepo(t testing.TB) (dir, tip string) {
	dir = realDir(t)
	sh(t, dir, "init", "-q", "-b", "main")
	put(t, dir, map[string]string{"a": "1"})
	sh(t, dir, "add", "a")
	tree := sh(t, dir, "write-tree")
	root := shIn(t, dir, "root", "commit-tree", tree)
	other := shIn(t, dir, "other root", "commit-tree", tree)
	one := shIn(t, dir, "one", "commit-tree", tree, "-p", root)
	signed := shIn(t, dir, "tree "+tree+"\nparent "+root+"\nauthor A <a@example.com> 1 +0000\ncommitter A <a@example.com> 1 +0000\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n commit "+root+"\n -----END PGP SIGNATURE-----\n\ncommit "+other+"\n",
		"hash-object", "-t", "commit", "-w", "--stdin")
	tip = shIn(t, dir, "merge", "commit-tree", tree, "-p", one, "-p", signed, "-p", other)
	sh(t, dir, "update-ref", "refs/heads/main", tip)
	return dir, tip
}

func TestReaderWalk(t *testing.T) {
	dir, tip := mergeRepo(t)
	// What the user sets for log and rev-list does not show.
	for k, v := range map[string]string{
		"log.showSignature": "true", "log.decorate": "full", "format.pretty": "full", "log.date": "relative",
		"color.ui": "always", "log.follow": "true", "core.commitGraph": "true",
	} {
		sh(t, dir, "config", k, v)
	}
	rd := newReader(t, dir)
	walk := func() []string {
		var lines []string
		seen := map[Hash]bool{}
		err := rd.Walk(context.Background(), mustHash(t, tip), func(c CommitInfo) error {
			line := fmt.Sprint(c.ID, " ", c.Tree)
			for _, p := range c.Parents {
				if !seen[p] {
					t.Errorf("%s comes before its parent %s", c.ID, p)
				}
				line += " " + p.String()
			}
			seen[c.ID] = true
			lines = append(lines, line)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		return lines
	}
	want := strings.Split(sh(t, dir, "-c", "color.ui=never", "log", "--no-show-signature", "--no-decorate", "--topo-order", "--reverse", "--format=%H %T %P", tip), "\n")
	for i := range want {
		want[i] = strings.TrimSpace(want[i])
	}
	if got := walk(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	sh(t, dir, "commit-graph", "write", "--reachable")
	if got := walk(); strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("with a commit-graph got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestReaderWalkErrors(t *testing.T) {
	dir, tip := mergeRepo(t)
	rd := newReader(t, dir)
	ctx := context.Background()
	stop := errors.New("stop")
	n := 0
	if err := rd.Walk(ctx, mustHash(t, tip), func(CommitInfo) error { n++; return stop }); err != stop || n != 1 {
		t.Errorf("visit's error: %v after %d", err, n)
	}
	none := func(CommitInfo) error { t.Error("visited"); return nil }
	var missing *MissingObjectError
	if err := rd.Walk(ctx, Hash{1}, none); !errors.As(err, &missing) || missing.ID != (Hash{1}) {
		t.Errorf("no such commit: %v", err)
	}
	// A parent that is not there: nothing is visited, and the error says which.
	root := sh(t, dir, "rev-parse", tip+"^1^1")
	if err := os.Remove(filepath.Join(dir, ".git", "objects", root[:2], root[2:])); err != nil {
		t.Fatal(err)
	}
	if err := rd.Walk(ctx, mustHash(t, tip), none); !errors.As(err, &missing) || missing.ID != mustHash(t, root) {
		t.Errorf("a parent that is not there: %v", err)
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if err := rd.Walk(cancelled, mustHash(t, tip), none); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	rd.Close()
	if err := rd.Walk(ctx, mustHash(t, tip), none); err == nil {
		t.Error("walks after Close")
	}
	if err := rd.Objects(ctx, nil, nil); err == nil {
		t.Error("reads after Close")
	}
}

// A line longer than the reader's buffer: a merge of 4,000.
func TestReaderWalkWideMerge(t *testing.T) {
	dir := realDir(t)
	sh(t, dir, "init", "-q", "-b", "main")
	var in strings.Builder
	const n = 4000
	for i := range n {
		fmt.Fprintf(&in, "commit refs/heads/line\nmark :%d\ncommitter A <a@example.com> %d +0000\ndata 1\nx\n", i+1, i)
	}
	in.WriteString("commit refs/heads/main\ncommitter A <a@example.com> 1 +0000\ndata 1\nx\n")
	for i := range n {
		fmt.Fprintf(&in, "%s :%d\n", map[bool]string{true: "from", false: "merge"}[i == 0], i+1)
	}
	shIn(t, dir, in.String(), "fast-import", "--quiet")
	widest := 0
	err := newReader(t, dir).Walk(context.Background(), mustHash(t, sh(t, dir, "rev-parse", "main")), func(c CommitInfo) error {
		widest = max(widest, len(c.Parents))
		return nil
	})
	// fast-import gives a merge no more than it can.
	if want := len(strings.Fields(sh(t, dir, "rev-list", "-1", "--parents", "main"))) - 1; err != nil || widest != want || want < 3500 {
		t.Errorf("%d parents, want %d; %v", widest, want, err)
	}
}

func TestReaderObjects(t *testing.T) {
	dir, tip := mergeRepo(t)
	rd := newReader(t, dir)
	ctx := context.Background()
	// Of all kinds and sizes, with bytes that look like git's own answers.
	contents := []string{"", "\n", "x", "\n\n", strings.Repeat("\x00\xff\n", 70_000), strings.Repeat("z", 3<<20), "0123 missing\n", "after a large one"}
	var ids []Hash
	var want []Object
	add := func(kind string, data []byte, id string) {
		ids = append(ids, mustHash(t, id))
		want = append(want, Object{mustHash(t, id), kind, data})
	}
	for _, c := range contents {
		add("blob", []byte(c), shIn(t, dir, c, "hash-object", "-w", "--stdin"))
	}
	sh(t, dir, "tag", "-m", "a tag", "v1", tip)
	for rev, kind := range map[string]string{"main": "commit", "main^{tree}": "tree", "v1": "tag"} {
		id := sh(t, dir, "rev-parse", rev)
		data, err := run(ctx, open(t, dir).command(ctx, "cat-file", kind, id), nil)
		if err != nil {
			t.Fatal(err)
		}
		add(kind, data, id)
	}
	// Some come twice, and there are far more than a pipe holds.
	for len(ids) < 30_000 {
		i := len(ids) % 4
		ids, want = append(ids, ids[i]), append(want, want[i])
	}
	n := 0
	err := rd.Objects(ctx, ids, func(o Object) error {
		w := want[n]
		n++
		if o.ID != w.ID || o.Type != w.Type || !bytes.Equal(o.Data, w.Data) {
			t.Errorf("object %d: got %s %s of %d bytes, want %s %s of %d", n, o.Type, o.ID, len(o.Data), w.Type, w.ID, len(w.Data))
		}
		return nil
	})
	if err != nil || n != len(ids) {
		t.Errorf("%d of %d objects, %v", n, len(ids), err)
	}
	stop := errors.New("stop")
	n = 0
	if err := rd.Objects(ctx, ids, func(Object) error { n++; return stop }); err != stop || n != 1 {
		t.Errorf("visit's error: %v after %d", err, n)
	}
	if err := rd.Objects(ctx, nil, func(Object) error { return stop }); err != nil {
		t.Errorf("nothing asked for: %v", err)
	}
	// Cancelled midway: it ends, and says why.
	cancelled, cancel := context.WithCancel(ctx)
	defer cancel()
	start := time.Now()
	if err := rd.Objects(cancelled, ids, func(Object) error { cancel(); time.Sleep(time.Millisecond); return cancelled.Err() }); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if d := time.Since(start); d > 20*time.Second {
		t.Errorf("it took %v to stop", d)
	}
}

func TestReaderMissingObjects(t *testing.T) {
	dir, tip := mergeRepo(t)
	there := mustHash(t, tip)
	gone := Hash{0xab, 0xcd}
	check := func(t *testing.T, rd Reader, ids []Hash, missing Hash, before int) {
		t.Helper()
		n := 0
		err := rd.Objects(context.Background(), ids, func(Object) error { n++; return nil })
		var m *MissingObjectError
		if !errors.As(err, &m) || m.ID != missing || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("got %v, want %s missing", err, missing)
		}
		if n != before {
			t.Errorf("%d were visited before it, want %d", n, before)
		}
	}
	t.Run("full", func(t *testing.T) {
		rd := newReader(t, dir)
		check(t, rd, []Hash{there, there, gone, there}, gone, 2)
		// The reader goes on working.
		n := 0
		if err := rd.Objects(context.Background(), []Hash{there}, func(Object) error { n++; return nil }); err != nil || n != 1 {
			t.Errorf("after that: %d, %v", n, err)
		}
	})
	t.Run("partial clone", func(t *testing.T) {
		// It must not go to the network for what is missing, only say so.
		clone := realDir(t)
		sh(t, dir, "config", "uploadpack.allowFilter", "true")
		sh(t, clone, "clone", "-q", "--no-checkout", "--filter=tree:0", "file://"+dir, ".")
		tree := mustHash(t, sh(t, dir, "rev-parse", tip+"^{tree}"))
		check(t, newReader(t, clone), []Hash{there, tree, there}, tree, 1)
	})
	t.Run("damaged", func(t *testing.T) {
		blob := shIn(t, dir, "some bytes to damage", "hash-object", "-w", "--stdin")
		file := filepath.Join(dir, ".git", "objects", blob[:2], blob[2:])
		if err := os.Chmod(file, 0o666); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("no zlib"), 0o666); err != nil {
			t.Fatal(err)
		}
		n := 0
		err := newReader(t, dir).Objects(context.Background(), []Hash{there, mustHash(t, blob)}, func(Object) error { n++; return nil })
		if err == nil || n != 1 {
			t.Errorf("%d objects, %v", n, err)
		}
	})
}

// Replace refs and grafts change neither the walk nor the objects.
func TestReaderReadsWhatIsThere(t *testing.T) {
	dir, tip := mergeRepo(t)
	one := sh(t, dir, "rev-parse", tip+"^1")
	sh(t, dir, "replace", tip, one)
	if err := os.WriteFile(filepath.Join(dir, ".git", "info", "grafts"), []byte(tip+"\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	rd := newReader(t, dir)
	n := 0
	if err := rd.Walk(context.Background(), mustHash(t, tip), func(CommitInfo) error { n++; return nil }); err != nil || n != 5 {
		t.Errorf("%d commits, want 5; %v", n, err)
	}
	err := rd.Objects(context.Background(), []Hash{mustHash(t, tip)}, func(o Object) error {
		if !bytes.HasSuffix(o.Data, []byte("\nmerge")) {
			t.Errorf("got %q", o.Data)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}
