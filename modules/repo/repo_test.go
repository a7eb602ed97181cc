package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"
)

// longAgo is no time that a file of a test has by itself.
var longAgo = time.Unix(1_000_000_000, 0)

// TestMain gives git no configuration but what a test sets, and fixed
// identities and dates.
func TestMain(m *testing.M) {
	if os.Getenv("MIRROR_CHILD") != "" {
		os.Exit(mirrorChild()) // as a process of its own: see mirror_process_test.go
	}
	home, err := os.MkdirTemp("", "repo-test-home")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "GIT_") {
			os.Unsetenv(name)
		}
	}
	for k, v := range map[string]string{
		"HOME": home, "XDG_CONFIG_HOME": filepath.Join(home, ".config"),
		"GIT_CONFIG_GLOBAL": filepath.Join(home, "gitconfig"), "GIT_CONFIG_NOSYSTEM": "1",
		"GIT_AUTHOR_NAME": "A U Thor", "GIT_AUTHOR_EMAIL": "author@example.com", "GIT_AUTHOR_DATE": "1112911993 -0700",
		"GIT_COMMITTER_NAME": "C O Mitter", "GIT_COMMITTER_EMAIL": "committer@example.com", "GIT_COMMITTER_DATE": "1112912053 +0200",
	} {
		os.Setenv(k, v)
	}
	code := m.Run()
	os.RemoveAll(home)
	os.Exit(code)
}

// sh runs git in dir and returns its output, trimmed.
func sh(t testing.TB, dir string, args ...string) string {
	t.Helper()
	return shIn(t, dir, "", args...)
}

// shIn is sh with something on stdin.
func shIn(t testing.TB, dir, stdin string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", args...)
	cmd.Dir = dir
	cmd.Stdin = strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return strings.TrimSpace(string(out))
}

// put writes files, by slash path below dir.
func put(t testing.TB, dir string, files map[string]string) {
	t.Helper()
	for name, content := range files {
		p := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(content), 0o666); err != nil {
			t.Fatal(err)
		}
	}
}

// realDir is a temporary directory free of symlinks, as Open reports it.
func realDir(t testing.TB) string {
	t.Helper()
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// newMonorepo makes a repository with two commits, an annotated tag, an
// executable, symlinks and a submodule.
func newMonorepo(t testing.TB) string {
	t.Helper()
	dir := filepath.Join(realDir(t), "mono")
	sh(t, "", "init", "-q", "-b", "main", dir)
	put(t, dir, map[string]string{
		"README.md":             "hello\n",
		"modules/vpc/main.tf":   "resource \"terraform_data\" \"a\" {}\n",
		"modules/vpc/run.sh":    "#!/bin/sh\n",
		"modules/vpc.md":        "sorts between vpc and vpc/\n",
		"live/prod/main.tf":     "module \"vpc\" {\n  source = \"../../modules/vpc\"\n}\n",
		"live/prod/ünïcode.tf":  "\n",
		"live/prod/empty.tf":    "",
		"live/prod/a b\tc.json": "{}",
	})
	if err := os.Chmod(filepath.Join(dir, "modules/vpc/run.sh"), 0o777); err != nil {
		t.Fatal(err)
	}
	for name, target := range map[string]string{"live/prod/vpc.tf": "../../modules/vpc/main.tf", "live/dir": "prod", "dangling": "nowhere"} {
		if err := os.Symlink(target, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	sh(t, dir, "add", ".")
	sh(t, dir, "commit", "-q", "-m", "first\n\nbody")
	sh(t, dir, "update-index", "--add", "--cacheinfo", "160000,"+sh(t, dir, "rev-parse", "HEAD")+",sub")
	if err := os.Mkdir(filepath.Join(dir, "sub"), 0o777); err != nil {
		t.Fatal(err)
	}
	put(t, dir, map[string]string{"README.md": "hello again\n"})
	sh(t, dir, "add", "README.md")
	sh(t, dir, "commit", "-q", "-m", "second")
	sh(t, dir, "tag", "-a", "-m", "a tag", "v1")
	return dir
}

func open(t testing.TB, dir string) *Repo {
	t.Helper()
	r, err := Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func resolve(t testing.TB, r *Repo, rev string) *Commit {
	t.Helper()
	c, err := r.Resolve(t.Context(), rev)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// leaveTraces sets up a configuration, for every repository of the test, in
// which each program that git could start leaves a file. It returns a function
// that lists them.
func leaveTraces(t *testing.T) func() []string {
	t.Helper()
	traces := realDir(t)
	script := func(name string) string {
		p := filepath.Join(realDir(t), name)
		// A filter has to pass its input on.
		if err := os.WriteFile(p, []byte("#!/bin/sh\ntouch '"+traces+"/"+name+"'\ncat\n"), 0o777); err != nil {
			t.Fatal(err)
		}
		return p
	}
	hooks, template := realDir(t), realDir(t)
	if err := os.Mkdir(filepath.Join(template, "hooks"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, h := range []string{"post-checkout", "post-index-change", "reference-transaction", "pre-auto-gc", "post-commit", "fsmonitor-watchman"} {
		for _, d := range []string{hooks, filepath.Join(template, "hooks")} {
			if err := os.WriteFile(filepath.Join(d, h), []byte("#!/bin/sh\ntouch '"+traces+"/"+h+"'\n"), 0o777); err != nil {
				t.Fatal(err)
			}
		}
	}
	attributes := filepath.Join(realDir(t), "attributes")
	if err := os.WriteFile(attributes, []byte("* filter=trace\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(realDir(t), "config")
	content := fmt.Sprintf(`[core]
	hooksPath = %s
	fsmonitor = %s
	attributesFile = %s
	autocrlf = true
[init]
	templateDir = %s
[filter "trace"]
	clean = %s
	smudge = %s
	required = true
`, hooks, script("fsmonitor"), attributes, template, script("clean"), script("smudge"))
	if err := os.WriteFile(config, []byte(content), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	// The default place of attributes, which no configuration names.
	xdg := realDir(t)
	put(t, xdg, map[string]string{"git/attributes": "* filter=trace\n"})
	t.Setenv("XDG_CONFIG_HOME", xdg)
	return func() []string {
		var names []string
		entries, err := os.ReadDir(traces)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return names
	}
}

func TestOpenFindsTheRepository(t *testing.T) {
	dir := newMonorepo(t)
	want := Repo{Root: dir, GitDir: filepath.Join(dir, ".git")}
	for _, from := range []string{".", "live/prod", "live/dir", "modules/vpc", ".git", ".git/objects"} {
		r, err := Open(t.Context(), filepath.Join(dir, from))
		if err != nil {
			t.Errorf("%s: %v", from, err)
			continue
		}
		if r.Root != want.Root || r.GitDir != want.GitDir {
			t.Errorf("%s: got %q, %q; want %q, %q", from, r.Root, r.GitDir, want.Root, want.GitDir)
		}
	}

	t.Run("through a symlink", func(t *testing.T) {
		link := filepath.Join(realDir(t), "link")
		if err := os.Symlink(filepath.Join(dir, "live/prod"), link); err != nil {
			t.Fatal(err)
		}
		if r := open(t, link); r.Root != want.Root || r.GitDir != want.GitDir {
			t.Errorf("got %q, %q", r.Root, r.GitDir)
		}
	})
	t.Run("the environment points elsewhere", func(t *testing.T) {
		other := newMonorepo(t)
		for _, name := range []string{"GIT_DIR", "GIT_COMMON_DIR"} {
			t.Setenv(name, filepath.Join(other, ".git"))
		}
		t.Setenv("GIT_WORK_TREE", other)
		t.Setenv("GIT_OBJECT_DIRECTORY", filepath.Join(other, "none"))
		t.Setenv("GIT_INDEX_FILE", filepath.Join(other, "none"))
		t.Setenv("GIT_NAMESPACE", "x")
		t.Setenv("GIT_CEILING_DIRECTORIES", dir)
		r := open(t, filepath.Join(dir, "live"))
		if r.Root != want.Root || r.GitDir != want.GitDir {
			t.Errorf("got %q, %q", r.Root, r.GitDir)
		}
		resolve(t, r, "HEAD")
	})
	t.Run("bare, without a config file", func(t *testing.T) {
		bare := filepath.Join(realDir(t), "mirror")
		sh(t, "", "clone", "-q", "--mirror", dir, bare)
		if err := os.Remove(filepath.Join(bare, "config")); err != nil {
			t.Fatal(err)
		}
		r := open(t, bare)
		if r.Root != "" || r.GitDir != bare {
			t.Errorf("got %q, %q", r.Root, r.GitDir)
		}
		if dirty, err := r.Dirty(t.Context()); dirty || err != nil {
			t.Errorf("Dirty: %t, %v", dirty, err)
		}
		fsys, err := r.At(t.Context(), resolve(t, r, "main"))
		if err != nil {
			t.Fatal(err)
		}
		defer fsys.Close()
		if data, err := fsys.ReadFile("README.md"); string(data) != "hello again\n" || err != nil {
			t.Errorf("README.md: %q, %v", data, err)
		}
	})
	t.Run("linked work tree", func(t *testing.T) {
		linked := filepath.Join(realDir(t), "linked")
		sh(t, dir, "worktree", "add", "-q", "--detach", linked, "HEAD~1")
		r := open(t, linked)
		if r.Root != linked || r.GitDir != want.GitDir {
			t.Errorf("got %q, %q", r.Root, r.GitDir)
		}
		if got, want := resolve(t, r, "HEAD").ID.String(), sh(t, dir, "rev-parse", "HEAD~1"); got != want {
			t.Errorf("HEAD is %s and not its own, %s", got, want)
		}
		put(t, linked, map[string]string{"README.md": "changed here\n"})
		if dirty, err := r.Dirty(t.Context()); !dirty || err != nil {
			t.Errorf("Dirty in the linked tree: %t, %v", dirty, err)
		}
		if dirty, err := open(t, dir).Dirty(t.Context()); dirty || err != nil {
			t.Errorf("Dirty in the main tree: %t, %v", dirty, err)
		}
	})
}

func TestOpenRefuses(t *testing.T) {
	mono := newMonorepo(t)
	empty := realDir(t)
	sh(t, empty, "init", "-q")
	shallow := filepath.Join(realDir(t), "shallow")
	sh(t, "", "clone", "-q", "--depth=1", "file://"+mono, shallow)
	sha256 := realDir(t)
	sh(t, sha256, "init", "-q", "--object-format=sha256")
	file := filepath.Join(mono, "README.md")

	for _, test := range []struct {
		name, dir string
		is        error
		says      string
		repo      bool
	}{
		{"no repository", realDir(t), ErrNotRepository, "hint: ", false},
		{"a file", file, ErrNotRepository, "it is a file", false},
		{"missing", filepath.Join(mono, "none"), os.ErrNotExist, "none", false},
		{"unborn", empty, ErrNoCommits, "no commits", true},
		{"shallow", shallow, ErrShallow, "git fetch --unshallow", true},
		{"sha256", sha256, ErrObjectFormat, "sha256", false},
	} {
		t.Run(test.name, func(t *testing.T) {
			r, err := Open(t.Context(), test.dir)
			if !errors.Is(err, test.is) || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v", err)
			}
			if (r != nil) != test.repo {
				t.Errorf("repository: %v", r)
			}
		})
	}
}

func TestOpenUnbornHeadBesideOtherBranches(t *testing.T) {
	dir := newMonorepo(t)
	sh(t, dir, "symbolic-ref", "HEAD", "refs/heads/unborn")
	r := open(t, dir)
	if _, err := r.Resolve(t.Context(), "HEAD"); !errors.Is(err, ErrNoCommits) || !strings.Contains(err.Error(), "refs/heads/unborn") {
		t.Errorf("HEAD: %v", err)
	}
	resolve(t, r, "main")
}

func TestResolve(t *testing.T) {
	dir := newMonorepo(t)
	id := sh(t, dir, "rev-parse", "HEAD")
	sh(t, dir, "update-ref", "refs/heads/-x", "HEAD")
	sh(t, dir, "update-ref", "refs/heads/--all", "HEAD")
	r := open(t, dir)
	for _, rev := range []string{"HEAD", "main", "@", "refs/heads/main", id, id[:12], "v1", "v1^{}", "v1^0", "-x", "--all", ":/second", "main@{0}", "HEAD^{/second}"} {
		c, err := r.Resolve(t.Context(), rev)
		if err != nil {
			t.Errorf("%s: %v", rev, err)
		} else if c.ID.String() != id {
			t.Errorf("%s: %s, want %s", rev, c.ID, id)
		}
	}

	c := resolve(t, r, "HEAD~1")
	if got, want := c.Tree.String(), sh(t, dir, "rev-parse", "HEAD~1^{tree}"); got != want {
		t.Errorf("tree %s, want %s", got, want)
	}
	if want := (Signature{"A U Thor", "author@example.com", 1112911993, "-0700"}); c.Author != want {
		t.Errorf("author %+v", c.Author)
	}
	if want := (Signature{"C O Mitter", "committer@example.com", 1112912053, "+0200"}); c.Committer != want {
		t.Errorf("committer %+v", c.Committer)
	}
	if c.Message != "first\n\nbody\n" || len(c.Parents) != 0 {
		t.Errorf("message %q, parents %v", c.Message, c.Parents)
	}
	if p := resolve(t, r, "HEAD").Parents; len(p) != 1 || p[0] != c.ID {
		t.Errorf("parents %v", p)
	}
	// What was read is what is written.
	if o := CommitObject(c.Tree, c.Parents, c.Author, c.Committer, c.Message); o.ID != c.ID {
		t.Errorf("written again it is %s and not %s", o.ID, c.ID)
	}

	for _, rev := range []string{"", "nope", "-nope", "--help", "--git-dir=/", "HEAD..main", "^HEAD", "HEAD^{tree}", "HEAD:README.md", "HEAD:", "HEAD --", "a\nb", "HEAD\n", "a\x00b", "HEAD~99", "0000000000000000000000000000000000000000"} {
		c, err := r.Resolve(t.Context(), rev)
		if err == nil {
			t.Errorf("%q is taken for %s", rev, c.ID)
			continue
		}
		if rev == "0000000000000000000000000000000000000000" {
			if mo := (*MissingObjectError)(nil); !errors.As(err, &mo) {
				t.Errorf("%q: %v", rev, err)
			}
		} else if !errors.Is(err, ErrRevision) {
			t.Errorf("%q: %v", rev, err)
		}
		if !strings.Contains(err.Error(), fmt.Sprintf("%q", rev)) {
			t.Errorf("the error of %q does not name it: %v", rev, err)
		}
	}
}

func TestCommitParse(t *testing.T) {
	tree := strings.Repeat("1", 40)
	var c Commit
	err := c.parse([]byte("tree " + tree + "\nauthor Broken<who@x> nonsense\ncommitter No Mail\nencoding ISO-8859-1\ngpgsig -----BEGIN\n tree zz\n -----END\n\nm\n\nn"))
	if err != nil {
		t.Fatal(err)
	}
	if c.Author != (Signature{Name: "Broken", Email: "who@x"}) || c.Committer != (Signature{Name: "No Mail"}) || c.Encoding != "ISO-8859-1" || c.Message != "m\n\nn" {
		t.Errorf("%+v", c)
	}
	for _, bad := range []string{"", "tree x\n", "author a <b> 1 +0000\n\n", "tree " + tree + "\nparent 12\n"} {
		if err := new(Commit).parse([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestDirty(t *testing.T) {
	dir := newMonorepo(t)
	r := open(t, dir)
	check := func(what string, want bool) {
		t.Helper()
		if got, err := r.Dirty(t.Context()); got != want || err != nil {
			t.Errorf("%s: %t, %v", what, got, err)
		}
	}
	check("clean", false)
	put(t, dir, map[string]string{"untracked.tf": "", "sub/x": ""})
	check("untracked", false)
	put(t, dir, map[string]string{"README.md": "other\n"})
	check("changed", true)
	sh(t, dir, "add", "README.md")
	check("staged", true)
	sh(t, dir, "reset", "-q", "--hard")
	check("clean again", false)
	// A file whose time alone changed is not a change.
	if err := os.Chtimes(filepath.Join(dir, "README.md"), longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
	check("touched", false)
	if err := os.Remove(filepath.Join(dir, "README.md")); err != nil {
		t.Fatal(err)
	}
	check("deleted", true)
}

func TestReadingRunsNothingOfTheUsers(t *testing.T) {
	dir := newMonorepo(t)
	traces := leaveTraces(t)
	sh(t, dir, "config", "filter.trace.process", "false")
	// The stat data is wrong now, so that git has to look at the bytes, through
	// a filter where it may.
	if err := os.Chtimes(filepath.Join(dir, "README.md"), longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
	r := open(t, dir)
	if _, err := r.Dirty(t.Context()); err != nil {
		t.Error(err)
	}
	fsys, err := r.At(t.Context(), resolve(t, r, "HEAD"))
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	if data, err := fsys.ReadFile("README.md"); string(data) != "hello again\n" || err != nil {
		t.Errorf("README.md: %q, %v", data, err)
	}
	if got := traces(); got != nil {
		t.Errorf("these ran: %v", got)
	}
	// The traces are real: git itself leaves them.
	sh(t, dir, "config", "--unset", "filter.trace.process")
	cmd := exec.Command("git", "status")
	cmd.Dir = dir
	_ = cmd.Run()
	if got := strings.Join(traces(), " "); !strings.Contains(got, "clean") || !strings.Contains(got, "fsmonitor") {
		t.Errorf("git status ran only: %v", got)
	}
}

func TestReadingIgnoresReplaceRefsAndGrafts(t *testing.T) {
	dir := newMonorepo(t)
	r := open(t, dir)
	before := resolve(t, r, "HEAD")
	sh(t, dir, "replace", "HEAD", "HEAD~1")
	put(t, dir, map[string]string{".git/info/grafts": before.ID.String() + "\n"})
	after := resolve(t, r, "HEAD")
	if after.Tree != before.Tree || len(after.Parents) != 1 {
		t.Errorf("HEAD is %+v and was %+v", after, before)
	}
	out, err := run(t.Context(), r.command(t.Context(), "rev-list", "--count", "HEAD"), nil)
	if err != nil || strings.TrimSpace(string(out)) != "2" {
		t.Errorf("rev-list: %q, %v", out, err)
	}
}

func TestRedact(t *testing.T) {
	for in, want := range map[string]string{
		"fatal: https://user:token@host/x.git: no":       "fatal: https://REDACTED@host/x.git: no",
		"https://user:p@ss@host/x":                       "https://REDACTED@host/x",
		"git::https://h/x?sshkey=abc&ref=v1":             "git::https://h/x?sshkey=REDACTED&ref=v1",
		"s3::https://h/x?aws_access_key_secret=abc":      "s3::https://h/x?aws_access_key_secret=REDACTED",
		"https://h/x?private_token=abc&archive=zip":      "https://h/x?private_token=REDACTED&archive=zip",
		"error: author@example.com, /a@b, https://h/a@b": "error: author@example.com, /a@b, https://h/a@b",
	} {
		if got := redact(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestGitErrors(t *testing.T) {
	r := open(t, newMonorepo(t))
	_, err := run(t.Context(), r.command(t.Context(), "show-ref", "--verify", "refs/https://u:secret@host/"), nil)
	var ge *GitError
	if !errors.As(err, &ge) || ge.Command != "show-ref" || !strings.Contains(err.Error(), "REDACTED") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	long := &GitError{Command: "x", Stderr: strings.Repeat("a\n", 99) + "fatal: z", Err: errors.New("y")}
	if got := long.Error(); got != "git x: a\na\na\na\n(92 more lines)\na\na\na\nfatal: z (y)" {
		t.Errorf("got %q", got)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Resolve(ctx, "HEAD"); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	if runtime.GOOS != "windows" {
		t.Setenv("PATH", t.TempDir())
		if _, err := Open(t.Context(), r.Root); !errors.Is(err, exec.ErrNotFound) || !strings.Contains(err.Error(), "hint: ") {
			t.Errorf("no git: %v", err)
		}
	}
}
