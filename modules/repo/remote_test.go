package repo

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestCheckRemoteURL(t *testing.T) {
	for _, url := range []string{
		"https://git.example.com/a/b.git", "http://127.0.0.1:8080/b.git", "ssh://git@h:2222/a/b.git", "ssh://h/~u/b.git", "git://h/b.git",
		"file:///srv/a b.git", "/srv/b.git", "git@h:a/b.git", "h:b.git", "ssh://[::1]/b.git", "ssh://git@h/a@-b.git",
	} {
		if err := CheckRemoteURL(url); err != nil {
			t.Errorf("%s: %v", url, err)
		}
	}
	for url, want := range map[string]string{
		"":                              "neither a URL nor an absolute path",
		"b.git":                         "neither a URL nor an absolute path",
		"../b.git":                      "neither a URL nor an absolute path",
		"./a:b":                         "neither a URL nor an absolute path",
		"--upload-pack=touch x":         "read as an option",
		"-oProxyCommand=x:b":            "read as an option",
		"ssh://-oProxyCommand=x/b":      "read as an option",
		"ssh://git@-oProxyCommand=x/b":  "read as an option",
		"git@-oProxyCommand=x:b":        "read as an option",
		"ext::sh -c 'touch x'":          "runs a program",
		"codecommit::eu-west-1://x":     "runs a program",
		"fd::7/x":                       "runs a program",
		"ftp://h/b.git":                 "a scheme that is none of",
		"SSH://h/b.git":                 "a scheme that is none of",
		"https://h/b\n.git":             "control character",
		"https://h:port/secret":         "not a URL",
		"https://u:secret@h/b.git":      "password or a token",
		"https://secret@h/b.git":        "password or a token",
		"ssh://git:secret@h/b.git":      "password or a token",
		"https://h/b.git?token=secret":  "password or a token",
		"http://git:secret@h:80/b.git?": "password or a token",
	} {
		if err := CheckRemoteURL(url); err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %q", url, err, want)
		}
	}
}

// git's words in the locale C, as they came from real remotes.
func TestTrouble(t *testing.T) {
	for words, want := range map[string]Trouble{
		"fatal: unable to access 'https://h/b.git/': The requested URL returned error: 403":                                                                    TroubleRefused,
		"error: RPC failed; HTTP 403 curl 22 The requested URL returned error: 403\nsend-pack: unexpected disconnect while reading sideband packet":            TroubleRefused,
		"remote: Permission to a/b.git denied to ada.\nfatal: unable to access 'https://github.com/a/b.git/': The requested URL returned error: 403":           TroubleRefused,
		"fatal: Authentication failed for 'https://h/b.git/'":                                                                                                  TroubleCredentials,
		"fatal: could not read Username for 'https://h': terminal prompts disabled":                                                                            TroubleCredentials,
		"git@h: Permission denied (publickey).\nfatal: Could not read from remote repository.":                                                                 TroubleCredentials,
		"Host key verification failed.\nfatal: Could not read from remote repository.":                                                                         TroubleCredentials,
		"fatal: repository 'https://h/b.git/' not found":                                                                                                       TroubleMissing,
		"fatal: '/srv/b.git' does not appear to be a git repository\nfatal: Could not read from remote repository.":                                            TroubleMissing,
		"remote: The project you were looking for could not be found or you don't have permission to view it.\nfatal: repository 'https://h/b.git/' not found": TroubleMissing,
		"ERROR: Repository not found.\nfatal: Could not read from remote repository.":                                                                          TroubleMissing,
		"error: RPC failed; curl 52 Empty reply from server\nfatal: the remote end hung up unexpectedly":                                                       TroubleLost,
		"error: RPC failed; curl 56 Recv failure: Connection reset by peer":                                                                                    TroubleLost,
		"error: RPC failed; HTTP 502 curl 22 The requested URL returned error: 502":                                                                            TroubleLost,
		"client_loop: send disconnect: Broken pipe\nfatal: the remote end hung up unexpectedly":                                                                TroubleLost,
		"Connection to h closed by remote host.\nfatal: early EOF":                                                                                             TroubleLost,
		"fatal: unable to access 'https://h/': Could not resolve host: h":                                                                                      TroubleOther,
		"fatal: unable to access 'https://h/': Failed to connect to h port 443: Connection refused":                                                            TroubleOther,
		"error: failed to push some refs to 'https://h/503.git'":                                                                                               TroubleOther,
	} {
		if got := troubleIn(words); got != want {
			t.Errorf("%q: got %s, want %s", words, got, want)
		}
	}
}

func TestWithoutProgress(t *testing.T) {
	in := "Enumerating objects: 3, done.\nCounting objects:  33% (1/3)\rCounting objects: 100% (3/3), done.\nTotal 3 (delta 0), reused 0\n" +
		"remote: Resolving deltas: 100% (1/1)\x1b[K\nremote: \x1b[K\nremote: Total confusion        \x1b[K\nremote: no releases today\x1b[K\nerror: failed to push\nhint: Updates were rejected\n"
	if got, want := withoutProgress(in), "remote: Total confusion\nremote: no releases today\nerror: failed to push"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRemoteRefs(t *testing.T) {
	dir := newMonorepo(t)
	sh(t, dir, "tag", "-a", "-m", "one", "v1.0.0")
	sh(t, dir, "tag", "-a", "-m", "of a tag", "v1.0.0-again", "v1.0.0")
	sh(t, dir, "tag", "light")
	gitDir := filepath.Join(dir, ".git")
	r := &Remote{URL: dir, GitDir: gitDir, Silence: time.Minute}
	there, err := r.Refs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	own, err := OwnRefs(t.Context(), gitDir)
	if err != nil {
		t.Fatal(err)
	}
	for _, refs := range []map[string]Ref{there, own} {
		head := sh(t, dir, "rev-parse", "HEAD")
		for name, object := range map[string]string{"refs/tags/v1.0.0": "v1.0.0", "refs/tags/v1.0.0-again": "v1.0.0-again", "refs/tags/light": "HEAD"} {
			if got := refs[name]; got.Commit.String() != head || got.Object.String() != sh(t, dir, "rev-parse", object) {
				t.Errorf("%s: %v", name, got)
			}
		}
	}

	empty := t.TempDir()
	sh(t, empty, "init", "-q", "--bare", ".")
	if own, err := OwnRefs(t.Context(), empty); len(own) != 0 || err != nil {
		t.Errorf("an empty repository: %v %v", own, err)
	}
	if _, err := OwnRefs(t.Context(), filepath.Join(empty, "gone")); err == nil {
		t.Error("no repository has no error")
	}
	long := t.TempDir()
	sh(t, long, "init", "-q", "--object-format=sha256", ".")
	sh(t, long, "commit", "-q", "--allow-empty", "-m", "x")
	var re *RemoteError
	if _, err := (&Remote{URL: long, GitDir: gitDir}).Refs(t.Context()); !errors.As(err, &re) || !errors.Is(err, ErrObjectFormat) {
		t.Errorf("a SHA-256 remote: %v", err)
	}
}

// ssh is the user's own, and it is the silence that counts: one that takes its
// time but talks is waited for, one that hangs is ended with its child.
func TestRemoteSilence(t *testing.T) {
	dir := newMonorepo(t)
	gitDir := filepath.Join(dir, ".git")
	fake := filepath.Join(t.TempDir(), "ssh")
	pid := fake + ".pid"
	t.Setenv("GIT_SSH_COMMAND", fake)
	ssh := func(script string) {
		t.Helper()
		if err := os.WriteFile(fake, []byte("#!/bin/sh\n"+script), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	ssh("for command; do :; done\nfor i in 1 2 3 4 5 6; do echo working >&2; sleep 0.5; done\neval \"$command\"\n")
	refs, err := (&Remote{URL: "ssh://git@h.example.com" + gitDir, GitDir: gitDir, Silence: 2 * time.Second}).Refs(t.Context())
	if err != nil || refs["refs/heads/main"].Object.String() != sh(t, dir, "rev-parse", "main") {
		t.Errorf("a slow ssh: %v %v", refs, err)
	}

	ssh("trap '' TERM\nsleep 300 &\necho $! >" + pid + "\nwait\nwait\n")
	var re *RemoteError
	begin := time.Now()
	_, err = (&Remote{URL: "ssh://git@h.example.com/b.git", GitDir: gitDir, Silence: time.Second}).Refs(t.Context())
	if !errors.As(err, &re) || re.Trouble != TroubleSilent || time.Since(begin) > 10*time.Second {
		t.Errorf("a silent ssh: %v after %v", err, time.Since(begin))
	}
	b, err := os.ReadFile(pid)
	if err != nil {
		t.Fatal(err)
	}
	state := func() string {
		b, err := os.ReadFile("/proc/" + strings.TrimSpace(string(b)) + "/stat")
		if err != nil || strings.Contains(string(b), ") Z ") {
			return ""
		}
		return string(b)
	}
	for range 100 {
		if state() == "" {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("its child lives: %s", state())
}

func TestPushNames(t *testing.T) {
	dir := newMonorepo(t)
	id, err := ParseHash(sh(t, dir, "rev-parse", "HEAD"))
	if err != nil {
		t.Fatal(err)
	}
	to := t.TempDir()
	sh(t, to, "init", "-q", "--bare", ".")
	r := &Remote{URL: to, GitDir: filepath.Join(dir, ".git")}
	for _, name := range []string{"main", "--mirror", "refs/heads/a:refs/heads/b", "refs/heads/a b", "refs/heads/a..b", "refs/heads/*"} {
		if err := r.Push(t.Context(), []RefUpdate{{name, id}}); err == nil || !strings.Contains(err.Error(), "no name of a ref") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := r.Push(t.Context(), []RefUpdate{{"refs/heads/-x", id}, {"refs/tags/a/v1", id}}); err != nil {
		t.Error(err)
	}
	// Without force: a branch that would go back stays.
	parent, err := ParseHash(sh(t, dir, "rev-parse", "HEAD~1"))
	if err != nil {
		t.Fatal(err)
	}
	var re *RemoteError
	if err := r.Push(t.Context(), []RefUpdate{{"refs/heads/-x", parent}}); !errors.As(err, &re) || re.Trouble != TroubleChanged {
		t.Errorf("back: %v", err)
	}
	if err := r.Push(t.Context(), []RefUpdate{{"refs/tags/a/v1", parent}}); !errors.As(err, &re) || re.Trouble != TroubleChanged {
		t.Errorf("a tag elsewhere: %v", err)
	}
	if got := sh(t, to, "for-each-ref", "--format=%(objectname)"); got != id.String()+"\n"+id.String() {
		t.Errorf("the remote holds %s", got)
	}
	ids, err := Ancestors(t.Context(), r.GitDir, parent)
	if err != nil || !ids[parent] || ids[id] || len(ids) != 1 {
		t.Errorf("the history of %s: %v %v", parent, ids, err)
	}
}
