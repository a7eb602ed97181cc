package repo

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// state is all that a commit must leave alone: refs, reflogs, index, files.
func state(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	for _, args := range [][]string{{"for-each-ref"}, {"rev-parse", "--symbolic-full-name", "HEAD"}, {"reflog", "--all"}, {"ls-files", "-s"}, {"status", "--porcelain", "--ignored"}, {"diff"}, {"worktree", "list", "--porcelain"}} {
		b.WriteString(sh(t, dir, append([]string{"-c", "core.hooksPath=/dev/null"}, args...)...) + "\n")
	}
	return b.String()
}

// hooked puts a hook that leaves a mark at each of git's names.
func hooked(t testing.TB, gitDir string) (mark string) {
	t.Helper()
	mark = filepath.Join(t.TempDir(), "hook-ran")
	if err := os.MkdirAll(filepath.Join(gitDir, "hooks"), 0o777); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"pre-commit", "commit-msg", "prepare-commit-msg", "post-commit", "reference-transaction", "post-index-change", "pre-push", "post-rewrite", "post-checkout"} {
		if err := os.WriteFile(filepath.Join(gitDir, "hooks", name), []byte("#!/bin/sh\necho "+name+" >>"+mark+"\nexit 1\n"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	return mark
}

func notThere(t testing.TB, mark string) {
	t.Helper()
	if data, err := os.ReadFile(mark); err == nil {
		t.Errorf("ran: %s", data)
	}
}

func TestCommitFiles(t *testing.T) {
	dir := newMonorepo(t)
	mark := hooked(t, filepath.Join(dir, ".git"))
	// Neither a dirty file nor a dirty index is in its way, nor part of it.
	put(t, dir, map[string]string{"README.md": "dirty\n", "staged.tf": "staged\n"})
	sh(t, dir, "-c", "core.hooksPath=/dev/null", "add", "staged.tf")
	before := state(t, dir)
	r := open(t, dir)
	parent := resolve(t, r, "HEAD")
	ids, err := r.CommitFiles(t.Context(), parent.ID, []NewCommit{
		{Message: "prod: vpc v2\n\n# a line with a hash\nfaçade\n", Files: map[string][]byte{
			"modules/vpc/run.sh": []byte("#!/bin/sh\necho\r\n"), "live/prod/ünïcode.tf": []byte("u\n"), "live/prod/a b\tc.json": []byte("[]"),
			"-x/--leading.tf": []byte("dash"), "new/deep/er.tf": nil,
		}},
		{Message: "qa", Files: map[string][]byte{"live/prod/main.tf": []byte("qa"), "-x/--leading.tf": []byte("dash 2")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(ids) != 2 {
		t.Fatalf("%d commits", len(ids))
	}
	sh(t, dir, "fsck", "--strict", ids[1].String())
	one, two := ids[0].String(), ids[1].String()
	for _, c := range [][]string{
		{one + "^", parent.ID.String()}, {two + "^", one},
	} {
		if got := sh(t, dir, "rev-parse", c[0]); got != c[1] {
			t.Errorf("%s: %s, want %s", c[0], got, c[1])
		}
	}
	if got, want := sh(t, dir, "-c", "core.quotePath=false", "diff-tree", "-r", "--no-commit-id", "--name-status", one),
		"A\t-x/--leading.tf\nM\t\"live/prod/a b\\tc.json\"\nM\tlive/prod/ünïcode.tf\nM\tmodules/vpc/run.sh\nA\tnew/deep/er.tf"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := sh(t, dir, "ls-tree", "-r", one, "modules/vpc/run.sh", "new"); !strings.HasPrefix(got, "100755 ") || !strings.Contains(got, "\n100644 ") {
		t.Errorf("modes: %s", got)
	}
	if got, want := sh(t, dir, "log", "-1", "--format=%an %ae %ad|%cn %ce %cd|%G?|%B", "--date=raw", one),
		"A U Thor author@example.com 1112911993 -0700|C O Mitter committer@example.com 1112912053 +0200|N|prod: vpc v2\n\n# a line with a hash\nfaçade"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	raw, err := run(t.Context(), r.command(t.Context(), "cat-file", "blob", one+":modules/vpc/run.sh"), nil)
	if err != nil || string(raw) != "#!/bin/sh\necho\r\n" {
		t.Errorf("%q %v", raw, err)
	}
	if got := state(t, dir); got != before {
		t.Errorf("changed:\n%s\nfrom:\n%s", got, before)
	}
	notThere(t, mark)
}

func TestCommitFilesRefuses(t *testing.T) {
	dir := newMonorepo(t)
	r := open(t, dir)
	parent := resolve(t, r, "HEAD").ID
	before := state(t, dir)
	for path, want := range map[string]string{
		"live/prod/vpc.tf":         "it is a symlink",
		"live/dir/main.tf":         "live/dir is a symlink",
		"sub":                      "it is a submodule",
		"sub/main.tf":              "sub is a submodule",
		"modules":                  "it is a directory",
		"README.md/main.tf":        "README.md is a file",
		"../out.tf":                "no path in a repository",
		"/etc/out.tf":              "no path in a repository",
		"a/../../out.tf":           "no path in a repository",
		"":                         "no path in a repository",
		".":                        "no path in a repository",
		".git/hooks/pre-commit":    ".git on some file system",
		"a/.GIT/config":            ".git on some file system",
		"a\x00b":                   "NUL",
		"modules/vpc/main.tf/x.tf": "modules/vpc/main.tf is a file",
	} {
		_, err := r.CommitFiles(t.Context(), parent, []NewCommit{{Message: "m", Files: map[string][]byte{path: []byte("x")}}})
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", path, err, want)
		}
	}
	same := NewCommit{Message: "m", Files: map[string][]byte{"README.md": []byte("hello again\n")}}
	for name, c := range map[string]NewCommit{"no files": {Message: "m"}, "the same bytes": same} {
		if _, err := r.CommitFiles(t.Context(), parent, []NewCommit{c}); !errors.Is(err, ErrNothingChanged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, m := range []string{"", " \n", "a\x00b"} {
		if _, err := r.CommitFiles(t.Context(), parent, []NewCommit{{Message: m, Files: same.Files}}); err == nil {
			t.Errorf("message %q is taken", m)
		}
	}
	if _, err := r.CommitFiles(t.Context(), Hash{1}, []NewCommit{same}); err == nil {
		t.Error("a parent that is not there is taken")
	}
	if got := state(t, dir); got != before {
		t.Errorf("changed:\n%s", got)
	}
}

func TestCommitFilesNoIdentity(t *testing.T) {
	dir := newMonorepo(t)
	r := open(t, dir)
	for _, name := range []string{"GIT_AUTHOR_NAME", "GIT_AUTHOR_EMAIL", "GIT_COMMITTER_NAME", "GIT_COMMITTER_EMAIL"} {
		t.Setenv(name, "")
		os.Unsetenv(name)
	}
	parent := resolve(t, r, "HEAD").ID
	c := []NewCommit{{Message: "m", Files: map[string][]byte{"a.tf": nil}}}
	if _, err := r.CommitFiles(t.Context(), parent, c); !errors.Is(err, ErrNoIdentity) || !strings.Contains(err.Error(), "hint: git config") {
		t.Errorf("%v", err)
	}
	if err := r.CreateTag(t.Context(), "v9", parent, "m"); !errors.Is(err, ErrNoIdentity) {
		t.Errorf("%v", err)
	}
	sh(t, dir, "config", "user.name", "Ünï")
	sh(t, dir, "config", "user.email", "u@example.com")
	ids, err := r.CommitFiles(t.Context(), parent, c)
	if err != nil {
		t.Fatal(err)
	}
	if got := sh(t, dir, "log", "-1", "--format=%an %ce", ids[0].String()); got != "Ünï u@example.com" {
		t.Errorf("got %q", got)
	}
}

// signing sets git up to sign with a new ssh key.
func signing(t testing.TB, dir string) (key string) {
	t.Helper()
	keys := t.TempDir()
	key = filepath.Join(keys, "key")
	if out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "c", "-f", key).CombinedOutput(); err != nil {
		t.Fatalf("%v %s", err, out)
	}
	pub, err := os.ReadFile(key + ".pub")
	if err != nil {
		t.Fatal(err)
	}
	put(t, keys, map[string]string{"allowed": "committer@example.com " + string(pub)})
	for k, v := range map[string]string{"gpg.format": "ssh", "user.signingKey": key + ".pub", "gpg.ssh.allowedSignersFile": filepath.Join(keys, "allowed"), "commit.gpgSign": "true", "tag.gpgSign": "true"} {
		sh(t, dir, "config", k, v)
	}
	return key
}

func TestCommitFilesSigned(t *testing.T) {
	dir := newMonorepo(t)
	key := signing(t, dir)
	r := open(t, dir)
	parent := resolve(t, r, "HEAD").ID
	c := []NewCommit{{Message: "one", Files: map[string][]byte{"a.tf": nil}}, {Message: "two", Files: map[string][]byte{"b.tf": nil}}}
	ids, err := r.CommitFiles(t.Context(), parent, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range ids {
		sh(t, dir, "verify-commit", id.String())
	}
	if err := r.CreateTag(t.Context(), "v2", ids[1], "# Heading\n\n- a\n"); err != nil {
		t.Fatal(err)
	}
	sh(t, dir, "verify-tag", "v2")
	if got := sh(t, dir, "cat-file", "tag", "v2"); !strings.Contains(got, "\n\n# Heading\n\n- a\n-----BEGIN SSH SIGNATURE-----") {
		t.Errorf("got %s", got)
	}
	if err := os.Remove(key); err != nil {
		t.Fatal(err)
	}
	if _, err := r.CommitFiles(t.Context(), parent, c); !errors.Is(err, ErrSigning) || !strings.Contains(err.Error(), "hint: ") {
		t.Errorf("%v", err)
	}
	if err := r.CreateTag(t.Context(), "v3", ids[1], "m"); !errors.Is(err, ErrSigning) {
		t.Errorf("%v", err)
	}
	if _, ok, _ := r.refValue(t.Context(), "refs/tags/v3"); ok {
		t.Error("the tag is there without a signature")
	}
}

// TestCommitFilesFromWorkTree holds the blobs to those that git add makes of
// the same files.
func TestCommitFilesFromWorkTree(t *testing.T) {
	dir := newMonorepo(t)
	put(t, dir, map[string]string{
		".gitattributes": "*.crlf.tf text eol=crlf\n*.raw.tf -text\n*.utf16.tf text working-tree-encoding=UTF-16LE-BOM\n*.id.tf ident\n*.secret.tf filter=crypt\n",
		"old.tf":         "a\r\nb\r\n", "lf.tf": "a\nb\n", "x.crlf.tf": "a\nb\n", "x.raw.tf": "a\r\n", "x.id.tf": "# $Id$\n", "x.secret.tf": "s\n", "d/e f.tf": "1\n",
	})
	sh(t, dir, "add", ".")
	sh(t, dir, "commit", "-q", "-m", "attributes")
	sh(t, dir, "config", "core.autocrlf", "true")
	mark := filepath.Join(t.TempDir(), "filter-ran")
	sh(t, dir, "config", "filter.crypt.clean", "touch "+mark+"; cat")
	r := open(t, dir)
	files := map[string][]byte{
		"old.tf": []byte("a\r\nB\r\n"), "lf.tf": []byte("a\r\nB\r\n"), "x.crlf.tf": []byte("a\r\nB\r\n"), "x.raw.tf": []byte("a\r\nB\r\n"),
		"x.id.tf": []byte("# $Id: 0123 $ B\n"), "new.tf": []byte("n\r\n"), "x.utf16.tf": []byte("\xff\xfea\x00\n\x00"), "d/e f.tf": []byte("2\r\n"), "d/mixed.tf": []byte("1\r\n2\n"),
	}
	before := state(t, dir)
	_ = os.Remove(mark) // git status may have run it
	parent := resolve(t, r, "HEAD").ID
	ids, err := r.CommitFiles(t.Context(), parent, []NewCommit{{Message: "m", Files: files, FromWorkTree: true}})
	if err != nil {
		t.Fatal(err)
	}
	notThere(t, mark)
	if got := state(t, dir); got != before {
		t.Errorf("changed:\n%s", got)
	}
	if blob := sh(t, dir, "cat-file", "blob", ids[0].String()+":old.tf"); blob != "a\r\nB" {
		t.Errorf("a file with CRLF in its blob: %q", blob)
	}
	if blob := sh(t, dir, "cat-file", "blob", ids[0].String()+":lf.tf"); blob != "a\nB" {
		t.Errorf("a file with LF in its blob: %q", blob)
	}
	for name, data := range files {
		put(t, dir, map[string]string{name: string(data)})
		sh(t, dir, "add", name)
	}
	if got, want := sh(t, dir, "rev-parse", ids[0].String()+"^{tree}"), sh(t, dir, "write-tree"); got != want {
		t.Errorf("not as git add:\n%s", sh(t, dir, "diff-tree", "-r", got, want))
	}
	_ = os.Remove(mark)
	_, err = r.CommitFiles(t.Context(), parent, []NewCommit{{Message: "m", Files: map[string][]byte{"x.secret.tf": []byte("t\n")}, FromWorkTree: true}})
	if err == nil || !strings.Contains(err.Error(), `through the filter "crypt"`) {
		t.Errorf("%v", err)
	}
	notThere(t, mark)
}

// TestCommitFilesPlaces makes commits in a linked work tree, a bare
// repository and a shallow clone.
func TestCommitFilesPlaces(t *testing.T) {
	dir := newMonorepo(t)
	base := t.TempDir()
	linked, bare, shallow := filepath.Join(base, "linked"), filepath.Join(base, "bare"), filepath.Join(base, "shallow")
	sh(t, dir, "worktree", "add", "-q", "-b", "other", linked)
	sh(t, "", "clone", "-q", "--bare", dir, bare)
	sh(t, "", "clone", "-q", "--depth=1", "file://"+dir, shallow)
	for _, where := range []string{linked, bare, shallow} {
		r, err := Open(t.Context(), where)
		if err != nil && !errors.Is(err, ErrShallow) {
			t.Fatal(err)
		}
		parent := resolve(t, r, "HEAD").ID
		for i, fromWorkTree := range []bool{false, true} {
			ids, err := r.CommitFiles(t.Context(), parent, []NewCommit{{Message: "m", Files: map[string][]byte{"README.md": fmt.Append(nil, i)}, FromWorkTree: fromWorkTree}})
			if err != nil {
				t.Errorf("%s: %v", where, err)
				continue
			}
			name := fmt.Sprintf("bump/%d", i)
			if err := r.SetBranch(t.Context(), name, ids[0], Hash{}, "terrier bump: x"); err != nil {
				t.Errorf("%s: %v", where, err)
			}
			if got := sh(t, where, "show", name+":README.md"); got != fmt.Sprint(i) {
				t.Errorf("%s: %q", where, got)
			}
		}
	}
	r := open(t, bare)
	if err := r.Advance(t.Context(), Hash{1}, Hash{2}, "m"); err == nil {
		t.Error("a bare repository advances")
	}
	if dirty, err := r.DirtyFiles(t.Context(), []string{"README.md"}); err != nil || dirty != nil {
		t.Errorf("%v %v", dirty, err)
	}
}

// TestCommitFilesPartialClone holds that what a clone lacks is not needed, or
// named; nothing is fetched.
func TestCommitFilesPartialClone(t *testing.T) {
	dir := newMonorepo(t)
	put(t, dir, map[string]string{".gitattributes": "*.tf text\n"})
	sh(t, dir, "add", ".")
	sh(t, dir, "commit", "-q", "-m", "attributes")
	sh(t, dir, "config", "uploadpack.allowFilter", "true")
	for filter, fromWorkTree := range map[string]bool{"blob:none": false, "tree:0": false, "blob:none ": true} {
		clone := filepath.Join(t.TempDir(), "clone")
		sh(t, "", "clone", "-q", "--no-checkout", "--filter="+strings.TrimSpace(filter), "file://"+dir, clone)
		sh(t, clone, "config", "core.autocrlf", "true")
		r := open(t, clone)
		ids, err := r.CommitFiles(t.Context(), resolve(t, r, "HEAD").ID, []NewCommit{{Message: "m", Files: map[string][]byte{"live/prod/main.tf": []byte("new\r\n")}, FromWorkTree: fromWorkTree}})
		var missing *MissingObjectError
		switch {
		case filter == "blob:none":
			if err != nil {
				t.Errorf("%s: %v", filter, err)
			} else if got := sh(t, clone, "diff-tree", "-r", "--name-only", ids[0].String()+"^", ids[0].String()); got != "live/prod/main.tf" {
				t.Errorf("%s: %s", filter, got)
			}
		case !errors.As(err, &missing):
			t.Errorf("%s, from a work tree: %t: %v %v", filter, fromWorkTree, ids, err)
		}
	}
}
