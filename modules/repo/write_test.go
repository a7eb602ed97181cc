package repo

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

var terrier = Signature{Name: "terrier", Email: "terrier@localhost", When: 1112912053, Zone: "+0200"}

// liveSpec is the monorepo plus one commit and a tag, as a split makes it.
func liveSpec(t testing.TB, dir string) Spec {
	t.Helper()
	r := open(t, dir)
	c := resolve(t, r, "HEAD")
	blob := HashObject("blob", []byte("pinned\n"))
	root, trees, err := EditTree(t.Context(), catFile{t, dir}, c.Tree, map[string]TreeEdit{
		"modules":           {Delete: true},
		"live/prod/main.tf": {Mode: ModeFile, Blob: blob.ID},
	})
	if err != nil {
		t.Fatal(err)
	}
	commit := CommitObject(root, []Hash{c.ID}, terrier, terrier, "split\n")
	tag := TagObject(commit.ID, "v1.0.0", terrier, "v1.0.0\n")
	unreachable := HashObject("blob", []byte("in no tree\n"))
	return Spec{
		Objects: append(trees, blob, commit, tag, unreachable, commit),
		Refs:    map[string]Hash{"refs/heads/main": commit.ID, "refs/tags/v1.0.0": tag.ID},
		Head:    "refs/heads/main",
		Borrow:  r.GitDir,
	}
}

// wholeAndClean checks what holds for every repository that we write.
func wholeAndClean(t *testing.T, dir string) {
	t.Helper()
	cmd := exec.Command("git", "fsck", "--full", "--strict", "--no-progress", "--no-dangling")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("fsck: %v\n%s", err, out)
	}
	objects := strings.Split(sh(t, dir, "cat-file", "--batch-all-objects", "--batch-check=%(objectname)"), "\n")
	reachable := strings.Split(sh(t, dir, "rev-list", "--objects", "--no-object-names", "--all"), "\n")
	slices.Sort(objects)
	slices.Sort(reachable)
	if !slices.Equal(objects, reachable) {
		t.Errorf("%d objects, %d reachable", len(objects), len(reachable))
	}
	gitDir := sh(t, dir, "rev-parse", "--absolute-git-dir")
	var files []string
	err := filepath.WalkDir(gitDir, func(p string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			rel, _ := filepath.Rel(gitDir, p)
			if strings.HasPrefix(rel, "objects/pack/pack-") {
				rel = "objects/pack/*" + filepath.Ext(rel)
			}
			if rel != "objects/pack/*.rev" { // a newer git writes one
				files = append(files, rel)
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"HEAD", "config", "objects/pack/*.idx", "objects/pack/*.pack", "packed-refs"}
	if filepath.Base(gitDir) == ".git" {
		want = []string{"HEAD", "config", "index", "objects/pack/*.idx", "objects/pack/*.pack", "packed-refs"}
	}
	if !slices.Equal(files, want) {
		t.Errorf("files %q, want %q", files, want)
	}
}

func noTemp(t *testing.T, parent string) {
	t.Helper()
	entries, err := os.ReadDir(parent)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), tempPrefix) {
			t.Errorf("%s is left", e.Name())
		}
	}
}

func TestWriteBare(t *testing.T) {
	mono := newMonorepo(t)
	traces := leaveTraces(t)
	s := liveSpec(t, mono)
	s.Origin = "https://user:token@gitlab.example.com/x/\"y\".git"
	// Names that mean something to git's list of alternates.
	odd := filepath.Join(realDir(t), `a:b "c\ d`)
	if err := os.Rename(mono, odd); err != nil {
		t.Fatal(err)
	}
	s.Borrow = filepath.Join(odd, ".git")
	dir := filepath.Join(realDir(t), "modules", `x:"y`, "live.git")
	if err := WriteBare(t.Context(), dir, s); err != nil {
		t.Fatal(err)
	}
	noTemp(t, filepath.Dir(dir))
	// Self-contained: the monorepo is not needed any more.
	if err := os.Rename(odd, odd+" is gone"); err != nil {
		t.Fatal(err)
	}
	wholeAndClean(t, dir)
	if got := sh(t, dir, "rev-parse", "--is-bare-repository"); got != "true" {
		t.Errorf("bare: %s", got)
	}
	if got, want := sh(t, dir, "rev-parse", "HEAD", "v1.0.0^{commit}"), s.Refs["refs/heads/main"].String(); got != want+"\n"+want {
		t.Errorf("HEAD and tag: %s, want %s", got, want)
	}
	if got := sh(t, dir, "rev-list", "--count", "main"); got != "3" {
		t.Errorf("%s commits", got)
	}
	if got := sh(t, dir, "config", "remote.origin.url"); got != "https://gitlab.example.com/x/%22y%22.git" {
		t.Errorf("origin %q", got)
	}
	if got := sh(t, dir, "for-each-ref", "--format=%(refname) %(objecttype) %(*objectname)"); got != "refs/heads/main commit \nrefs/tags/v1.0.0 tag "+s.Refs["refs/heads/main"].String() {
		t.Errorf("refs: %q", got)
	}
	if got := traces(); got != nil {
		t.Errorf("these ran: %v", got)
	}
	if info, err := os.Stat(dir); err != nil || info.Mode().Perm()&0o055 == 0 {
		t.Errorf("mode of the directory: %v, %v", info.Mode(), err)
	}
	// It clones, with the tag, over git's own transport.
	clone := filepath.Join(realDir(t), "clone")
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	sh(t, "", "clone", "-q", "file://"+dir, clone)
	if got := sh(t, clone, "tag"); got != "v1.0.0" {
		t.Errorf("tags of the clone: %s", got)
	}

	if err := WriteBare(t.Context(), dir, s); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("over an existing one: %v", err)
	}
}

func TestWriteBareOfNewObjectsAlone(t *testing.T) {
	blob := HashObject("blob", []byte(strings.Repeat("a line\n", 40_000)))
	tree := HashObject("tree", append([]byte("100644 f\x00"), blob.ID[:]...))
	first := CommitObject(tree.ID, nil, terrier, terrier, "one\n")
	empty := HashObject("tree", nil)
	second := CommitObject(empty.ID, []Hash{first.ID}, terrier, terrier, "none left\n")
	dir := filepath.Join(realDir(t), "new.git")
	s := Spec{
		Objects: []Object{second, blob, tree, empty, first},
		Refs:    map[string]Hash{"refs/heads/main": second.ID, "refs/tags/old": first.ID},
		Head:    "refs/heads/main",
	}
	if err := WriteBare(t.Context(), dir, s); err != nil {
		t.Fatal(err)
	}
	wholeAndClean(t, dir)
	if got := sh(t, dir, "cat-file", "-s", "main~1:f"); got != "280000" {
		t.Errorf("blob of %s bytes", got)
	}
}

func TestWriteBareRefuses(t *testing.T) {
	mono := newMonorepo(t)
	good := liveSpec(t, mono)
	with := func(change func(*Spec)) Spec {
		s := good
		s.Refs = map[string]Hash{}
		for k, v := range good.Refs {
			s.Refs[k] = v
		}
		s.Objects = slices.Clone(good.Objects)
		change(&s)
		return s
	}
	main := good.Refs["refs/heads/main"]
	for name, test := range map[string]struct {
		spec Spec
		says string
	}{
		"no refs":          {with(func(s *Spec) { s.Refs = nil }), "no refs"},
		"head is no ref":   {with(func(s *Spec) { s.Head = "refs/heads/other" }), "refs/heads/other"},
		"head is a tag":    {with(func(s *Spec) { s.Head = "refs/tags/v1.0.0" }), "refs/tags/v1.0.0"},
		"zero":             {with(func(s *Spec) { s.Refs["refs/tags/z"] = Hash{} }), "refs/tags/z"},
		"dot dot":          {with(func(s *Spec) { s.Refs["refs/tags/../../x"] = main }), "no name of a ref"},
		"line break":       {with(func(s *Spec) { s.Refs["refs/tags/a\nb"] = main }), "no name of a ref"},
		"lock":             {with(func(s *Spec) { s.Refs["refs/tags/a.lock"] = main }), "no name of a ref"},
		"not a ref":        {with(func(s *Spec) { s.Refs["HEAD"] = main }), "no name of a ref"},
		"file and dir":     {with(func(s *Spec) { s.Refs["refs/heads/main/x"] = main }), "cannot be in one"},
		"wrong id":         {with(func(s *Spec) { s.Objects[0].Data = []byte("x") }), "in truth"},
		"wrong type":       {with(func(s *Spec) { s.Objects[0].Type = "note" }), "note"},
		"no such object":   {with(func(s *Spec) { s.Refs["refs/tags/x"] = Hash{1} }), "0100000000000000000000000000000000000000"},
		"origin":           {with(func(s *Spec) { s.Origin = "x\n[core]\n\tsshCommand = evil" }), "line break"},
		"nothing borrowed": {with(func(s *Spec) { s.Borrow = "" }), ""},
		"borrowed commits": {with(func(s *Spec) { s.OwnCommits = true }), "is not new"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, rd := range []Reader{nil, newReader(t, mono)} {
				parent := filepath.Join(realDir(t), "out")
				dir := filepath.Join(parent, "x.git")
				test.spec.Reader = rd
				err := WriteBare(t.Context(), dir, test.spec)
				if err == nil || !strings.Contains(err.Error(), test.says) || !strings.Contains(err.Error(), dir) {
					t.Errorf("with %T: got %v", rd, err)
				}
				if _, err := os.Lstat(dir); !errors.Is(err, fs.ErrNotExist) {
					t.Errorf("with %T: %s is there: %v", rd, dir, err)
				}
				noTemp(t, parent)
			}
		})
	}

	t.Run("missing blob", func(t *testing.T) {
		id := sh(t, mono, "rev-parse", "HEAD~1:README.md")
		if err := os.Remove(filepath.Join(mono, ".git/objects", id[:2], id[2:])); err != nil {
			t.Fatal(err)
		}
		for _, rd := range []Reader{nil, newReader(t, mono)} {
			good.Reader = rd
			err := WriteBare(t.Context(), filepath.Join(t.TempDir(), "x"), good)
			var mo *MissingObjectError
			if !errors.As(err, &mo) || mo.ID.String() != id {
				t.Errorf("with %T: got %v", rd, err)
			}
		}
	})
}

func TestWriteWorkTree(t *testing.T) {
	mono := newMonorepo(t)
	put(t, mono, map[string]string{
		".gitattributes":   "*.crlf text eol=crlf\n*.lf text eol=lf\n*.f filter=trace\n*.utf16 text working-tree-encoding=UTF-16LE-BOM\n",
		"live/a.crlf":      "a\nb\n",
		"live/a.lf":        "a\nb\n",
		"live/raw":         "a\r\nb\r\n",
		"live/a.f":         "filtered?\n",
		"live/deep/er/x.f": "filtered?\n",
	})
	sh(t, mono, "add", ".gitattributes", "live")
	sh(t, mono, "commit", "-qm", "attributes")
	traces := leaveTraces(t)
	s := liveSpec(t, mono)
	s.Origin = "ssh://git:secret@gitlab.example.com/live.git"
	dir := filepath.Join(realDir(t), "live", "live")
	if err := WriteWorkTree(t.Context(), dir, s, "main"); err != nil {
		t.Fatal(err)
	}
	noTemp(t, filepath.Dir(dir))
	if got := traces(); got != nil {
		t.Errorf("these ran: %v", got)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	t.Setenv("XDG_CONFIG_HOME", realDir(t))
	if got := sh(t, dir, "status", "--porcelain", "--ignored"); got != "" {
		t.Errorf("status:\n%s", got)
	}
	wholeAndClean(t, dir)
	if got := sh(t, dir, "symbolic-ref", "HEAD"); got != "refs/heads/main" {
		t.Errorf("HEAD: %s", got)
	}
	for key, want := range map[string]string{
		"core.bare": "false", "core.logAllRefUpdates": "true", "core.autocrlf": "false",
		"remote.origin.url": "ssh://git@gitlab.example.com/live.git", "branch.main.merge": "refs/heads/main",
	} {
		if got := sh(t, dir, "config", key); got != want {
			t.Errorf("%s = %q, want %q", key, got, want)
		}
	}

	// The files are what git's own clone of it has, byte for byte.
	clone := filepath.Join(realDir(t), "clone")
	sh(t, "", "clone", "-q", "--no-local", dir, clone)
	if got, want := snapshot(t, dir), snapshot(t, clone); !slices.Equal(got, want) {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if data, err := os.ReadFile(filepath.Join(dir, "live/a.crlf")); string(data) != "a\r\nb\r\n" {
		t.Errorf("a.crlf: %q, %v", data, err)
	}
	if target, err := os.Readlink(filepath.Join(dir, "live/dir")); target != "prod" {
		t.Errorf("live/dir: %q, %v", target, err)
	}
	// One can go on working in it.
	put(t, dir, map[string]string{"new.tf": "x"})
	sh(t, dir, "add", "new.tf")
	sh(t, dir, "commit", "-qm", "more")
	sh(t, dir, "gc", "-q")
	sh(t, dir, "fsck", "--full", "--strict")

	if err := WriteWorkTree(t.Context(), dir, s, "main"); !errors.Is(err, fs.ErrExist) {
		t.Errorf("over an existing one: %v", err)
	}
	if err := WriteWorkTree(t.Context(), dir+"2", s, "other"); err == nil || !strings.Contains(err.Error(), "refs/heads/other") {
		t.Errorf("another branch: %v", err)
	}
}

// snapshot lists the files below dir, with mode and content.
func snapshot(t *testing.T, dir string) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		switch {
		case rel == ".git":
			return fs.SkipDir
		case d.IsDir():
			all = append(all, rel+"/")
		case d.Type() == fs.ModeSymlink:
			target, err := os.Readlink(p)
			if err != nil {
				return err
			}
			all = append(all, rel+" -> "+target)
		default:
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			info, err := d.Info()
			if err != nil {
				return err
			}
			all = append(all, rel+" "+info.Mode().String()+" "+string(data))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func TestWriteWorkTreeRefusesHostileTrees(t *testing.T) {
	mono := newMonorepo(t)
	gitDir := open(t, mono).GitDir
	for name, test := range hostile(t, mono) {
		t.Run(name, func(t *testing.T) {
			c := CommitObject(mustTree(t, mono, test.tree), nil, terrier, terrier, "x\n")
			parent := filepath.Join(realDir(t), "out")
			dir := filepath.Join(parent, "live")
			err := WriteWorkTree(t.Context(), dir, Spec{Objects: []Object{c}, Refs: map[string]Hash{"refs/heads/main": c.ID}, Borrow: gitDir}, "main")
			want := slices.DeleteFunc(slices.Clone(test.want), func(p string) bool { return strings.HasPrefix(p, ProblemBackslash) })
			if got := problems(err); !slices.Equal(got, want) {
				t.Errorf("got %v, want %q", err, want)
			}
			if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 {
				t.Errorf("written: %v, %v", entries, err)
			}
		})
	}
}

func TestWriteWorkTreeLetsEscapingLinksBe(t *testing.T) {
	mono := newMonorepo(t)
	if err := os.Symlink("../../elsewhere", filepath.Join(mono, "live/up")); err != nil {
		t.Fatal(err)
	}
	put(t, mono, map[string]string{`live/dev\x2d1.service`: "x"})
	sh(t, mono, "add", "live")
	sh(t, mono, "commit", "-qm", "up")
	dir := filepath.Join(realDir(t), "live")
	if err := WriteWorkTree(t.Context(), dir, liveSpec(t, mono), "main"); err != nil {
		t.Fatal(err)
	}
	if target, err := os.Readlink(filepath.Join(dir, "live/up")); target != "../../elsewhere" {
		t.Errorf("%q, %v", target, err)
	}
	if got := sh(t, dir, "status", "--porcelain"); got != "" {
		t.Errorf("status:\n%s", got)
	}
}

// Cancelled at any moment, there is nothing under the final name, or all.
func TestWriteCancelled(t *testing.T) {
	mono := newMonorepo(t)
	s := liveSpec(t, mono)
	start := time.Now()
	if err := WriteWorkTree(t.Context(), filepath.Join(realDir(t), "x"), s, "main"); err != nil {
		t.Fatal(err)
	}
	whole := time.Since(start)
	var cancelled, done int
	const steps = 30
	for i := range steps {
		parent := realDir(t)
		dir := filepath.Join(parent, "live")
		ctx, cancel := context.WithTimeout(t.Context(), whole*time.Duration(i)/(steps-10))
		err := WriteWorkTree(ctx, dir, s, "main")
		cancel()
		noTemp(t, parent)
		if err == nil {
			done++
			if got := sh(t, dir, "status", "--porcelain"); got != "" {
				t.Errorf("status:\n%s", got)
			}
			continue
		}
		cancelled++
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if entries, _ := os.ReadDir(parent); len(entries) > 0 {
			t.Errorf("left: %v", entries)
		}
	}
	if cancelled == 0 {
		t.Errorf("none of %d runs was cancelled", steps)
	}
	t.Logf("%d cancelled, %d done", cancelled, done)
}

// A process that is killed leaves its temporary directory, which RemoveTemp
// removes, and the next run does not mind.
func TestWriteKilled(t *testing.T) {
	if dir := os.Getenv("REPO_TEST_KILLED"); dir != "" {
		// The child: it is killed from inside, in the middle of its work.
		_ = write(dir, func(tmp string) error {
			put(t, tmp, map[string]string{"objects/pack/x": "half"})
			p, err := os.FindProcess(os.Getpid())
			if err == nil {
				err = p.Kill()
			}
			time.Sleep(time.Minute)
			return err
		})
		return
	}
	parent := realDir(t)
	dir := filepath.Join(parent, "live")
	cmd := exec.Command(os.Args[0], "-test.run=^TestWriteKilled$")
	cmd.Env = append(os.Environ(), "REPO_TEST_KILLED="+dir)
	if out, err := cmd.CombinedOutput(); err == nil {
		t.Fatalf("it was not killed:\n%s", out)
	}
	entries, err := os.ReadDir(parent)
	if err != nil || len(entries) != 1 || !strings.HasPrefix(entries[0].Name(), tempPrefix) {
		t.Fatalf("left: %v, %v", entries, err)
	}
	mono := newMonorepo(t)
	s := liveSpec(t, mono)
	if err := WriteWorkTree(t.Context(), dir, s, "main"); err != nil {
		t.Fatal(err)
	}
	put(t, parent, map[string]string{".tmp-file": "a file is not ours"})
	if err := RemoveTemp(parent); err != nil {
		t.Fatal(err)
	}
	entries, err = os.ReadDir(parent)
	if err != nil || len(entries) != 2 || entries[0].Name() != ".tmp-file" || entries[1].Name() != "live" {
		t.Errorf("left: %v, %v", entries, err)
	}
	wholeAndClean(t, dir)
	if err := RemoveTemp(filepath.Join(parent, "none")); err != nil {
		t.Errorf("a parent that is not there: %v", err)
	}
}

// Two runs give the same refs, and the same objects behind them.
func TestWriteTwice(t *testing.T) {
	mono := newMonorepo(t)
	parent := realDir(t)
	var all []string
	for _, name := range []string{"a", "b"} {
		dir := filepath.Join(parent, name)
		if err := WriteBare(t.Context(), dir, liveSpec(t, mono)); err != nil {
			t.Fatal(err)
		}
		all = append(all, sh(t, dir, "show-ref", "--head")+sh(t, dir, "cat-file", "--batch-all-objects", "--batch-check"))
	}
	if all[0] != all[1] {
		t.Errorf("got\n%s\nand\n%s", all[0], all[1])
	}
}

// A disk that fills: here the limit of a file's size, which ends git in the
// same place.
func TestWriteFailsForWantOfSpace(t *testing.T) {
	if mono := os.Getenv("REPO_TEST_FULL"); mono != "" {
		// The child, under the limit.
		s := liveSpec(t, mono)
		dir := filepath.Join(os.Getenv("REPO_TEST_FULL_OUT"), "live")
		var ge *GitError
		if err := WriteBare(t.Context(), dir, s); !errors.As(err, &ge) || ge.Command != "pack-objects" {
			t.Errorf("got %v", err)
		}
		if err := WriteWorkTree(t.Context(), dir, s, "main"); !errors.As(err, &ge) {
			t.Errorf("got %v", err)
		}
		return
	}
	mono, parent := newMonorepo(t), realDir(t)
	// Zeros would be compressed, and random numbers are not the same twice.
	var noise []byte
	for i := range 20_000 {
		id := hashObject("blob", []byte{byte(i), byte(i >> 8)})
		noise = append(noise, id[:]...)
	}
	put(t, mono, map[string]string{"noise": string(noise)})
	sh(t, mono, "add", "noise")
	sh(t, mono, "commit", "-qm", "noise")
	// 100 blocks of 512 bytes.
	cmd := exec.Command("sh", "-c", `ulimit -f 100 && exec "$0" -test.run='^TestWriteFailsForWantOfSpace$'`, os.Args[0])
	cmd.Env = append(os.Environ(), "REPO_TEST_FULL="+mono, "REPO_TEST_FULL_OUT="+parent)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
	if entries, err := os.ReadDir(parent); err != nil || len(entries) > 0 {
		t.Errorf("left: %v, %v", entries, err)
	}
}
