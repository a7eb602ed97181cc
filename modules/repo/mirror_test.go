package repo

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/fixtures/githttp"
)

// A forge is a server with one repository, vpc.git, and the work tree that it
// is pushed from.
type forge struct {
	*githttp.Server
	work, bare string
}

// newForge serves two releases, v1.0.0 (annotated) and v1.1.0, on main. The
// user's credential helper knows the password.
func newForge(t testing.TB) *forge {
	t.Helper()
	s, err := githttp.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	f := &forge{Server: s, work: filepath.Join(realDir(t), "vpc")}
	if f.bare, err = s.Create(t.Context(), "vpc.git"); err != nil {
		t.Fatal(err)
	}
	config := filepath.Join(t.TempDir(), "gitconfig")
	if err := os.WriteFile(config, []byte(s.GitConfig()), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	sh(t, "", "init", "-q", "-b", "main", f.work)
	f.commit(t, "one")
	sh(t, f.work, "tag", "-a", "-m", "first", "v1.0.0")
	f.commit(t, "two")
	sh(t, f.work, "tag", "v1.1.0")
	f.push(t)
	return f
}

// commit commits a file of that content, and returns the commit.
func (f *forge) commit(t testing.TB, content string) Hash {
	t.Helper()
	put(t, f.work, map[string]string{"main.tf": "# " + content + "\r\n", "sub/empty.tf": "", "sub/" + content + ".tf": "# " + content + "\n"})
	sh(t, f.work, "add", "-A")
	sh(t, f.work, "commit", "-q", "-m", content)
	return f.id(t, "HEAD")
}

func (f *forge) id(t testing.TB, rev string) Hash {
	t.Helper()
	h, err := ParseHash(sh(t, f.work, "rev-parse", rev+"^{commit}"))
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// push makes the server hold what the work tree does, and no more.
func (f *forge) push(t testing.TB) {
	t.Helper()
	sh(t, f.work, "push", "-q", "--force", "--prune", f.bare, "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*")
}

// fetches counts the requests for objects so far.
func (f *forge) fetches() int {
	n := 0
	for _, r := range f.Requests() {
		if r.Method == "POST" && r.User != "" {
			n++
		}
	}
	return n
}

func newCache(t testing.TB) *Cache {
	return &Cache{Dir: filepath.Join(realDir(t), "cache"), Silence: 30 * time.Second}
}

func mirrorOf(t testing.TB, c *Cache, url string) *Mirror {
	t.Helper()
	m, err := c.Mirror(url)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func ensure(t testing.TB, m *Mirror, ids ...Hash) {
	t.Helper()
	if err := m.Ensure(t.Context(), wants(ids)...); err != nil {
		t.Fatal(err)
	}
	whole(t, m, ids...)
}

func wants(ids []Hash) []Want {
	var w []Want
	for _, id := range ids {
		w = append(w, Want{Commit: id})
	}
	return w
}

// whole has git itself judge the mirror, and checks that it has the commits
// and nothing that is left over.
func whole(t testing.TB, m *Mirror, ids ...Hash) {
	t.Helper()
	fresh := &Mirror{cache: m.cache, url: m.url, name: m.name, path: m.path, verified: map[Hash]bool{}}
	for _, id := range ids {
		if !fresh.Has(t.Context(), id) {
			t.Errorf("the mirror does not have %s", id)
		}
	}
	sh(t, m.path, "fsck", "--full", "--strict", "--no-dangling")
	if left, err := os.ReadDir(m.cache.mirrors()); err != nil || len(left) != 1 {
		t.Errorf("beside the mirror there is %v %v", left, err)
	}
	if sh(t, m.path, "rev-parse", "--is-bare-repository", "--is-shallow-repository") != "true\nfalse" {
		t.Error("the mirror is not a bare and full repository")
	}
}

func TestMirrorFromTheNetwork(t *testing.T) {
	f := newForge(t)
	sh(t, f.work, "branch", "feature/x")
	sh(t, f.work, "update-ref", "refs/merge-requests/1/head", "HEAD")
	f.push(t)
	m := mirrorOf(t, newCache(t), f.URL+"/vpc.git")
	v1, v2 := f.id(t, "v1.0.0"), f.id(t, "v1.1.0")

	// Before anything was fetched.
	if known, err := m.Known(t.Context()); err != nil || len(known) != 0 {
		t.Errorf("known of nothing: %v %v", known, err)
	}
	if _, err := m.Resolve(t.Context(), "v1.0.0"); !errors.Is(err, ErrRevision) {
		t.Errorf("resolved in nothing: %v", err)
	}
	if _, err := m.At(t.Context(), v1); !errors.As(err, new(*MissingObjectError)) || m.Has(t.Context(), v1) {
		t.Errorf("a tree of nothing: %v", err)
	}
	refs, err := m.Refs(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(m.cache.Dir); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("looking has made the cache: %v", err)
	}

	ensure(t, m, v1, v2)
	known, err := m.Known(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]Ref{
		"HEAD": {v2, v2}, "refs/heads/main": {v2, v2}, "refs/heads/feature/x": {v2, v2}, "refs/tags/v1.1.0": {v2, v2},
		"refs/tags/v1.0.0": {mustHash(t, sh(t, f.work, "rev-parse", "v1.0.0")), v1},
	} {
		if refs[name] != want || known[name] != want {
			t.Errorf("%s: the remote says %v, the mirror %v; want %v", name, refs[name], known[name], want)
		}
	}
	if len(refs) != 5 || len(known) != 5 {
		t.Errorf("%d refs there, %d here", len(refs), len(known))
	}
	for rev, want := range map[string]Hash{
		"v1.0.0": v1, "tags/v1.0.0": v1, "refs/tags/v1.0.0": v1, "main": v2, "feature/x": v2, "heads/main": v2, "HEAD": v2,
		v1.String(): v1, strings.ToUpper(v1.String()): v1, v1.String()[:7]: v1, refs["refs/tags/v1.0.0"].Object.String(): v1,
	} {
		if got, err := m.Resolve(t.Context(), rev); got != want || err != nil {
			t.Errorf("%s: %s %v", rev, got, err)
		}
	}
	for _, rev := range []string{"", "v9", "--all", "main~1", "config", "packed-refs", "terrier/head", "refs/terrier/head", "0000", "../HEAD", "a\nb"} {
		if got, err := m.Resolve(t.Context(), rev); !errors.Is(err, ErrRevision) {
			t.Errorf("%q: %s %v", rev, got, err)
		}
	}
	if _, err := m.Resolve(t.Context(), strings.Repeat("1", 40)); !errors.As(err, new(*MissingObjectError)) {
		t.Errorf("a commit that is not there: %v", err)
	}
	tree, err := m.At(t.Context(), v1)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := tree.ReadFile("main.tf"); string(b) != "# one\r\n" || err != nil {
		t.Errorf("main.tf: %q %v", b, err)
	}
	if err := tree.Close(); err != nil {
		t.Error(err)
	}
	if tags, err := m.TagsOf(t.Context(), v1); !slices.Equal(tags, []string{"v1.0.0"}) || err != nil {
		t.Errorf("tags of %s: %v %v", v1, tags, err)
	}

	// What is there is not asked for again, by another process neither.
	before := len(f.Requests())
	ensure(t, mirrorOf(t, m.cache, f.URL+"/vpc.git"), v1, v2)
	if n := len(f.Requests()); n != before {
		t.Errorf("%d requests for what is there", n-before)
	}
	// The history is all there.
	if got := sh(t, m.path, "rev-list", "--count", v2.String()); got != "2" {
		t.Errorf("%s commits", got)
	}
}

// A tag that has moved, and one that is gone: what was locked stays.
func TestMirrorKeeps(t *testing.T) {
	f := newForge(t)
	c := newCache(t)
	m := mirrorOf(t, c, f.URL+"/vpc.git")
	v1, v2 := f.id(t, "v1.0.0"), f.id(t, "v1.1.0")
	ensure(t, m, v1, v2)

	sh(t, f.work, "checkout", "-q", "--orphan", "again")
	moved := f.commit(t, "three")
	sh(t, f.work, "branch", "-f", "main", "again")
	sh(t, f.work, "tag", "-f", "v1.0.0")
	sh(t, f.work, "tag", "-d", "v1.1.0")
	f.push(t)
	sh(t, f.bare, "reflog", "expire", "--expire=now", "--all")
	sh(t, f.bare, "gc", "-q", "--prune=now")

	ensure(t, m, v1, v2, moved)
	known, err := m.Known(t.Context())
	if err != nil || known["refs/tags/v1.0.0"].Commit != moved || known["refs/tags/v1.1.0"] != (Ref{}) {
		t.Errorf("known: %v %v", known, err)
	}
	if got, err := m.Resolve(t.Context(), v1.String()[:8]); got != v1 || err != nil {
		t.Errorf("the old commit: %s %v", got, err)
	}
	// They outlive what git would clean up, and a mirror that is made anew.
	sh(t, m.path, "reflog", "expire", "--expire=now", "--all")
	sh(t, m.path, "-c", "gc.auto=1", "gc", "-q", "--prune=now")
	whole(t, m, v1, v2, moved)
	if err := os.WriteFile(filepath.Join(m.path, "config"), []byte("[core]\n\tbare = true\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	again := mirrorOf(t, c, f.URL+"/vpc.git")
	if again.Has(t.Context(), v1) {
		t.Error("a mirror with another configuration is trusted")
	}
	ensure(t, again, moved)
	whole(t, again, v1, v2, moved)
}

// What no ref leads to is asked for by its id.
func TestMirrorCommitByID(t *testing.T) {
	for _, serves := range []bool{true, false} {
		t.Run(fmt.Sprint(serves), func(t *testing.T) {
			f := newForge(t)
			sh(t, f.work, "checkout", "-q", "-b", "gone")
			alone := f.commit(t, "alone")
			f.push(t)
			sh(t, f.work, "checkout", "-q", "main")
			sh(t, f.work, "branch", "-D", "gone")
			f.push(t)
			if !serves {
				// The old protocol asks whether the server wants to.
				t.Setenv("GIT_CONFIG_COUNT", "1")
				t.Setenv("GIT_CONFIG_KEY_0", "protocol.version")
				t.Setenv("GIT_CONFIG_VALUE_0", "0")
			}
			m := mirrorOf(t, newCache(t), f.URL+"/vpc.git")
			v1 := f.id(t, "v1.0.0")
			nowhere := mustHash(t, strings.Repeat("12", 20))
			err := m.Ensure(t.Context(), Want{"v9", nowhere}, Want{"alone", alone}, Want{"v1.0.0", v1})
			var re *RemoteError
			if !errors.As(err, &re) || re.Trouble != TroubleUnreachable || !strings.Contains(err.Error(), nowhere.String()+` (for "v9")`) ||
				strings.Contains(err.Error(), alone.String()) == serves {
				t.Errorf("got %v", err)
			}
			whole(t, m, v1)
			if m.Has(t.Context(), alone) != serves || m.Has(t.Context(), nowhere) {
				t.Errorf("has the commit that no ref leads to: %v", !serves)
			}
			// It is no reason to make the mirror anew.
			info, err := os.Stat(m.path)
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Ensure(t.Context(), Want{"v9", nowhere}); !errors.As(err, &re) || re.Trouble != TroubleUnreachable {
				t.Errorf("again: %v", err)
			}
			if now, err := os.Stat(m.path); err != nil || !os.SameFile(info, now) {
				t.Error("the mirror was made anew")
			}
		})
	}
}

func TestMirrorFaults(t *testing.T) {
	for fault, want := range map[githttp.Fault]Trouble{
		githttp.Forbid: TroubleRefused, githttp.Hang: TroubleSilent, githttp.Drop: TroubleLost, githttp.CutReply: TroubleLost,
	} {
		for _, part := range []string{"vpc.git/info/refs", "vpc.git/git-upload-pack"} {
			t.Run(string(fault)+" "+part[8:], func(t *testing.T) {
				f := newForge(t)
				m := mirrorOf(t, newCache(t), f.URL+"/vpc.git")
				m.cache.Silence = 2 * time.Second
				v1 := f.id(t, "v1.0.0")
				f.Break(part, fault, -1)
				var re *RemoteError
				if _, err := m.Refs(t.Context()); !errors.As(err, &re) || re.Trouble != want && (re.Trouble != TroubleOther || fault == githttp.Hang) {
					t.Errorf("refs: %v", err)
				}
				err := m.Ensure(t.Context(), Want{"v1.0.0", v1})
				if !errors.As(err, &re) || re.Trouble != want && (re.Trouble != TroubleOther || fault == githttp.Hang) {
					t.Errorf("ensure: %v", err)
				}
				if m.Has(t.Context(), v1) {
					t.Error("has it")
				}
				if left, _ := os.ReadDir(m.cache.mirrors()); len(left) != 0 {
					t.Errorf("left: %v", left)
				}
				if strings.Contains(err.Error(), githttp.Password) {
					t.Errorf("the password is told: %v", err)
				}
			})
		}
	}
	// A mirror that is there is not touched by a remote that fails.
	f := newForge(t)
	m := mirrorOf(t, newCache(t), f.URL+"/vpc.git")
	v1 := f.id(t, "v1.0.0")
	ensure(t, m, v1)
	v3 := f.commit(t, "three")
	f.push(t)
	f.Break("vpc.git/git-upload-pack", githttp.CutReply, 1)
	if err := m.Ensure(t.Context(), Want{Commit: v3}); err == nil {
		t.Error("a cut reply is no error")
	}
	whole(t, m, v1)
	ensure(t, m, v1, v3)

	gone := mirrorOf(t, m.cache, f.URL+"/nothing.git")
	var re *RemoteError
	if _, err := gone.Refs(t.Context()); !errors.As(err, &re) || re.Trouble != TroubleMissing || !strings.Contains(err.Error(), "hint: there is no such repository") {
		t.Errorf("no repository: %v", err)
	}
	closed, err := githttp.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	if _, err := mirrorOf(t, m.cache, closed.URL+"/vpc.git").Refs(t.Context()); !errors.As(err, &re) || re.Trouble != TroubleOther {
		t.Errorf("no server: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := m.Refs(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestMirrorDamage(t *testing.T) {
	packs := func(t *testing.T, m *Mirror) []string {
		t.Helper()
		p, err := filepath.Glob(filepath.Join(m.path, "objects", "pack", "*.pack"))
		if err != nil || len(p) == 0 {
			t.Fatalf("packs: %v %v", p, err)
		}
		return p
	}
	change := func(t *testing.T, file string, f func(b []byte) []byte) {
		t.Helper()
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(os.Chmod(file, 0o666), os.WriteFile(file, f(b), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	for name, damage := range map[string]func(t *testing.T, m *Mirror){
		"truncated pack": func(t *testing.T, m *Mirror) {
			for _, p := range packs(t, m) {
				change(t, p, func(b []byte) []byte { return b[:len(b)/2] })
			}
		},
		"one byte": func(t *testing.T, m *Mirror) {
			p := packs(t, m)[0]
			change(t, p, func(b []byte) []byte { b[len(b)-40] ^= 0x55; return b })
		},
		"no pack":  func(t *testing.T, m *Mirror) { os.Remove(packs(t, m)[0]) },
		"no index": func(t *testing.T, m *Mirror) { os.Remove(strings.TrimSuffix(packs(t, m)[0], "pack") + "idx") },
		"empty config": func(t *testing.T, m *Mirror) {
			change(t, filepath.Join(m.path, "config"), func([]byte) []byte { return nil })
		},
		"another remote": func(t *testing.T, m *Mirror) {
			change(t, filepath.Join(m.path, "config"), func(b []byte) []byte { return bytes.Replace(b, []byte("vpc.git"), []byte("x.git"), 1) })
		},
		"a hook in the config": func(t *testing.T, m *Mirror) {
			change(t, filepath.Join(m.path, "config"), func(b []byte) []byte { return append(b, "[core]\n\thooksPath = /tmp\n"...) })
		},
		"bad refs": func(t *testing.T, m *Mirror) {
			change(t, filepath.Join(m.path, "packed-refs"), func(b []byte) []byte { return b[:len(b)-9] })
		},
		"no refs":    func(t *testing.T, m *Mirror) { os.Remove(filepath.Join(m.path, "packed-refs")) },
		"no HEAD":    func(t *testing.T, m *Mirror) { os.Remove(filepath.Join(m.path, "HEAD")) },
		"no objects": func(t *testing.T, m *Mirror) { os.RemoveAll(filepath.Join(m.path, "objects")) },
		"a file": func(t *testing.T, m *Mirror) {
			os.RemoveAll(m.path)
			put(t, m.cache.mirrors(), map[string]string{m.name: "x"})
		},
		"loose ref": func(t *testing.T, m *Mirror) {
			put(t, m.path, map[string]string{"refs/tags/v1.0.0": strings.Repeat("1", 40) + "\n"})
		},
		"lock files": func(t *testing.T, m *Mirror) {
			put(t, m.path, map[string]string{"packed-refs.lock": "", "config.lock": "", "packed-refs.tmp-1": "x", "objects/pack/tmp_pack_x": "x"})
		},
		"left over": func(t *testing.T, m *Mirror) {
			put(t, m.cache.mirrors(), map[string]string{leftover(m.name) + "1/objects/pack/tmp_pack_x": "x"})
		},
		"borrowed ones": func(t *testing.T, m *Mirror) {
			put(t, m.path, map[string]string{"objects/info/alternates": "/nowhere\n"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newForge(t)
			c := newCache(t)
			m := mirrorOf(t, c, f.URL+"/vpc.git")
			v1, v2 := f.id(t, "v1.0.0"), f.id(t, "v1.1.0")
			ensure(t, m, v1, v2)
			damage(t, m)
			if err := mirrorOf(t, c, f.URL+"/vpc.git").Ensure(t.Context(), wants([]Hash{v1, v2})...); err != nil {
				t.Fatal(err)
			}
			if name != "left over" { // which is cleaned up when something is fetched
				whole(t, m, v1, v2)
			}

			// And where something new is wanted, too.
			v3 := f.commit(t, "three")
			f.push(t)
			damage(t, m)
			ensure(t, mirrorOf(t, c, f.URL+"/vpc.git"), v3, v1, v2)
			known, err := m.Known(t.Context())
			if err != nil || known["refs/heads/main"].Commit != v3 {
				t.Errorf("known: %v %v", known, err)
			}
		})
	}
}

func TestMirrorLocal(t *testing.T) {
	f := newForge(t)
	c := newCache(t)
	v1 := f.id(t, "v1.0.0")
	for _, url := range []string{"file://" + f.bare, f.bare, "file://" + f.work} {
		m := mirrorOf(t, c, url)
		if err := m.Ensure(t.Context(), Want{Commit: v1}); err != nil || !m.Has(t.Context(), v1) {
			t.Errorf("%s: %v", url, err)
		}
	}
	for _, url := range []string{"file:///etc", "/etc", "file:///etc/passwd", "file:///nowhere", "file://" + filepath.Join(f.work, "sub")} {
		var re *RemoteError
		m := mirrorOf(t, c, url)
		if _, err := m.Refs(t.Context()); !errors.As(err, &re) || re.Trouble != TroubleMissing || !strings.Contains(err.Error(), "is no git repository") {
			t.Errorf("%s: %v", url, err)
		}
		if err := m.Ensure(t.Context(), Want{Commit: v1}); !errors.As(err, &re) || re.Trouble != TroubleMissing {
			t.Errorf("%s: %v", url, err)
		}
	}
	// A commit that nothing is on, a repository with nothing in it.
	empty := t.TempDir()
	sh(t, empty, "init", "-q", "--bare", ".")
	m := mirrorOf(t, c, empty)
	if refs, err := m.Refs(t.Context()); len(refs) != 0 || err != nil {
		t.Errorf("an empty repository: %v %v", refs, err)
	}
	var re *RemoteError
	if err := m.Ensure(t.Context(), Want{Commit: v1}); !errors.As(err, &re) || re.Trouble != TroubleUnreachable {
		t.Errorf("an empty repository: %v", err)
	}
	// Its HEAD names a branch that is not born.
	sh(t, f.bare, "symbolic-ref", "HEAD", "refs/heads/nowhere")
	m = mirrorOf(t, newCache(t), f.bare)
	ensure(t, m, v1)
	long := t.TempDir()
	sh(t, long, "init", "-q", "--object-format=sha256", ".")
	sh(t, long, "commit", "-q", "--allow-empty", "-m", "x")
	for _, err := range []error{mirrorOf(t, c, long).Ensure(t.Context(), Want{Commit: v1}), func() error { _, err := mirrorOf(t, c, long).Refs(t.Context()); return err }()} {
		if !errors.Is(err, ErrObjectFormat) {
			t.Errorf("a SHA-256 remote: %v", err)
		}
	}
}

func TestMirrorRefuses(t *testing.T) {
	c := newCache(t)
	for _, url := range []string{
		"", "vpc.git", "../vpc.git", "--upload-pack=touch x", "ext::sh -c 'touch x'", "codecommit::eu-west-1://x", "git::https://h/b.git", "ftp://h/b.git",
		"https://h/b\n.git", "ssh://-oProxyCommand=x/b", "https://h/b.git?token=secret", "ssh://git:secret@h/b.git", "https://u:secr%0aet@h/b.git",
		"https://u:secret%@h/b.git", "https://u:secret%zz@h/b.git", "https://secret@-h/b.git", "https://secret@/\x01",
	} {
		if m, err := c.Mirror(url); err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "secr%") {
			t.Errorf("%q: %v %v", url, m, err)
		}
	}
	if _, err := (&Cache{Dir: "relative"}).Mirror("https://h/b.git"); err == nil {
		t.Error("a relative cache directory is taken")
	}
	// The names are plain, and one URL has one, whoever asks.
	names := map[string]string{}
	for _, url := range []string{"https://h/a/b.git", "https://h/a/b", "https://h/a/../b", "/srv/.git", "git@h:a/b.git", "ssh://git@h:22/~u/ü.git", "https://h/" + strings.Repeat("x/", 300)} {
		m := mirrorOf(t, c, url)
		if names[m.name] != "" || !isMirror.MatchString(m.name) || strings.HasPrefix(m.name, ".") || strings.HasPrefix(m.name, "-") {
			t.Errorf("%s: %s", url, m.name)
		}
		names[m.name] = url
	}
	a, b := mirrorOf(t, c, "https://h/a/b.git"), mirrorOf(t, c, "https://u:p%40ss@h/a/b.git")
	if a.name != b.name || b.url != a.url || *b.secret != (userinfo{"u", "p@ss", true}) {
		t.Errorf("%+v and %+v", a, b)
	}
}

// A password in the URL gets to the server, and nowhere else.
func TestMirrorSecret(t *testing.T) {
	f := newForge(t)
	// The user's own helper has another password, which is wrong, and must
	// not be given ours to store.
	stored := filepath.Join(t.TempDir(), "stored")
	config := filepath.Join(t.TempDir(), "gitconfig")
	helper := fmt.Sprintf("[credential]\n\thelper = \"!f() { cat >>%s; test $1 = get && printf 'username=eve\\\\npassword=wrong\\\\n'; }; f\"\n", stored)
	if err := os.WriteFile(config, []byte(helper), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	t.Setenv("GIT_CONFIG_COUNT", "1")
	t.Setenv("GIT_CONFIG_KEY_0", "url."+f.URL+"/.insteadOf")
	t.Setenv("GIT_CONFIG_VALUE_0", "https://git.example.com/")
	v1 := f.id(t, "v1.0.0")
	c := newCache(t)
	c.Silence = 3 * time.Second
	host := strings.TrimPrefix(f.URL, "http://")
	m := mirrorOf(t, c, "http://"+githttp.User+":"+githttp.Password+"@"+host+"/vpc.git")

	// While git waits for the server, everybody may look.
	f.Break("vpc.git/git-upload-pack", githttp.Hang, 1)
	done := make(chan error)
	go func() { done <- m.Ensure(t.Context(), Want{Commit: v1}) }()
	seen := 0
	for waiting := true; waiting; {
		select {
		case err := <-done:
			waiting = false
			if !errors.As(err, new(*RemoteError)) || strings.Contains(err.Error(), githttp.Password) {
				t.Errorf("a remote that hangs: %v", err)
			}
		case <-time.After(20 * time.Millisecond):
			seen += argvHas(t, config, githttp.Password)
		}
	}
	if seen == 0 {
		t.Error("no process of git was seen")
	}
	ensure(t, m, v1)
	if _, err := m.Refs(t.Context()); err != nil {
		t.Error(err)
	}
	if b, err := os.ReadFile(stored); err == nil {
		t.Errorf("the user's helper was asked, or told: %s", b)
	}
	secrets := []string{githttp.Password, base64.StdEncoding.EncodeToString([]byte(githttp.User + ":" + githttp.Password))}
	err := filepath.WalkDir(c.Dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(p)
		for _, s := range secrets {
			if bytes.Contains(b, []byte(s)) || strings.Contains(p, s) {
				t.Errorf("%s holds the password", p)
			}
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
	// A wrong one is not made good by anybody else's.
	var re *RemoteError
	wrong := mirrorOf(t, newCache(t), "http://"+githttp.User+":nope-7@"+host+"/vpc.git")
	if _, err := wrong.Refs(t.Context()); !errors.As(err, &re) || re.Trouble != TroubleCredentials || strings.Contains(err.Error(), "nope-7") || !strings.Contains(err.Error(), "the credentials in the source's URL") {
		t.Errorf("a wrong password: %v", err)
	}
	// A name alone: the user's helper has the password.
	t.Setenv("GIT_CONFIG_GLOBAL", filepath.Join(t.TempDir(), "own"))
	if err := os.WriteFile(os.Getenv("GIT_CONFIG_GLOBAL"), []byte(f.GitConfig()), 0o666); err != nil {
		t.Fatal(err)
	}
	named := mirrorOf(t, newCache(t), "http://"+githttp.User+"@"+host+"/vpc.git")
	if _, err := named.Refs(t.Context()); err != nil {
		t.Errorf("a name alone: %v", err)
	}
	// The user's own insteadOf is there, beside ours.
	if _, err := mirrorOf(t, newCache(t), "https://"+githttp.User+":x@git.example.com/vpc.git").Refs(t.Context()); err != nil {
		t.Errorf("insteadOf: %v", err)
	}
}

func TestCacheListAndClean(t *testing.T) {
	f := newForge(t)
	c := newCache(t)
	if list, err := c.List(t.Context()); len(list) != 0 || err != nil {
		t.Errorf("nothing: %v %v", list, err)
	}
	if list, err := c.Clean(t.Context(), 0); len(list) != 0 || err != nil {
		t.Errorf("clean nothing: %v %v", list, err)
	}
	v1 := f.id(t, "v1.0.0")
	a, b := mirrorOf(t, c, f.URL+"/vpc.git"), mirrorOf(t, c, f.bare)
	for _, m := range []*Mirror{a, b} {
		if err := m.Ensure(t.Context(), Want{Commit: v1}); err != nil {
			t.Fatal(err)
		}
	}
	put(t, c.mirrors(), map[string]string{"notes.git/x": "mine", leftover(a.name) + "1/x": "x", ".tmp-mine/x": "mine"})
	list, err := c.List(t.Context())
	if err != nil || len(list) != 2 || list[0].Address != f.bare || list[1].Address != f.URL+"/vpc.git" || list[1].Path != a.path ||
		list[1].Size < 500 || time.Since(list[1].LastUsed) > time.Minute {
		t.Errorf("%+v %v", list, err)
	}
	if err := os.Chtimes(filepath.Join(c.locks(), b.name+".use"), longAgo, longAgo); err != nil {
		t.Fatal(err)
	}
	removed, err := c.Clean(t.Context(), 24*time.Hour)
	if err != nil || len(removed) != 1 || removed[0].Path != b.path {
		t.Errorf("the old one: %+v %v", removed, err)
	}
	tree, err := a.At(t.Context(), v1)
	if err != nil {
		t.Fatal(err)
	}
	if removed, err := c.Clean(t.Context(), 0); len(removed) != 0 || err != nil || !a.Has(t.Context(), v1) {
		t.Errorf("one in use: %+v %v", removed, err)
	}
	if err := tree.Close(); err != nil {
		t.Error(err)
	}
	if removed, err := c.Clean(t.Context(), 0); len(removed) != 1 || err != nil || a.Has(t.Context(), v1) {
		t.Errorf("all: %+v %v", removed, err)
	}
	left, err := os.ReadDir(c.mirrors())
	if err != nil || len(left) != 2 {
		t.Errorf("left: %v %v", left, err)
	}
	ensure2 := mirrorOf(t, c, f.URL+"/vpc.git")
	if err := ensure2.Ensure(t.Context(), Want{Commit: v1}); err != nil {
		t.Error(err)
	}
}

func TestCacheDir(t *testing.T) {
	t.Setenv("TERRIER_CACHE_DIR", "")
	t.Setenv("XDG_CACHE_HOME", "/x")
	if dir, err := CacheDir(); filepath.Base(dir) != "terrier" || err != nil {
		t.Errorf("%s %v", dir, err)
	}
	t.Setenv("TERRIER_CACHE_DIR", "here")
	if dir, err := CacheDir(); !filepath.IsAbs(dir) || filepath.Base(dir) != "here" || err != nil {
		t.Errorf("%s %v", dir, err)
	}
}

// Old history that fails git's checks harmlessly is taken, hostile history is
// not.
func TestMirrorChecks(t *testing.T) {
	f := newForge(t)
	blob := sh(t, f.work, "rev-parse", "HEAD:main.tf")
	object := func(kind, content string) string {
		t.Helper()
		return shIn(t, f.bare, content, "hash-object", "-w", "-t", kind, "--literally", "--stdin")
	}
	raw := mustHash(t, blob)
	sub := mustHash(t, object("tree", "100644 a\x00"+string(raw[:])))
	padded := object("tree", "040000 sub\x00"+string(sub[:]))
	old := object("commit", "tree "+padded+"\nauthor A <a@example.com> 1112911993 -7000000\ncommitter A <a@example.com>1112911993 +0000\n\nold\n")
	sh(t, f.bare, "update-ref", "refs/tags/old", old)
	m := mirrorOf(t, newCache(t), f.URL+"/vpc.git")
	if err := m.Ensure(t.Context(), Want{"old", mustHash(t, old)}); err != nil || !m.Has(t.Context(), mustHash(t, old)) {
		t.Errorf("an old history: %v", err)
	}
	for name, tree := range map[string]string{
		".git": "100644 .git\x00", "git~1": "100644 git~1\x00", "..": "100644 ..\x00", "a slash": "100644 a/b\x00",
	} {
		bad := object("commit", "tree "+object("tree", tree+string(raw[:]))+"\nauthor A <a@example.com> 1112911993 +0000\ncommitter A <a@example.com> 1112911993 +0000\n\nbad\n")
		sh(t, f.bare, "update-ref", "refs/heads/bad", bad)
		var re *RemoteError
		if err := m.Ensure(t.Context(), Want{"bad", mustHash(t, bad)}); !errors.As(err, &re) || !strings.Contains(err.Error(), "fails git's own checks") {
			t.Errorf("%s: %v", name, err)
		}
		if m.Has(t.Context(), mustHash(t, bad)) || !m.Has(t.Context(), mustHash(t, old)) {
			t.Errorf("%s: what it has", name)
		}
		sh(t, f.bare, "update-ref", "-d", "refs/heads/bad")
	}
}

// A server that only has files gives objects one by one.
func TestMirrorDumbServer(t *testing.T) {
	f := newForge(t)
	sh(t, f.bare, "update-server-info")
	s := httptest.NewServer(http.FileServer(http.Dir(filepath.Dir(f.bare))))
	defer s.Close()
	m := mirrorOf(t, newCache(t), s.URL+"/vpc.git")
	v1 := f.id(t, "v1.0.0")
	ensure(t, m, v1)
	v3 := f.commit(t, "three")
	f.push(t)
	sh(t, f.bare, "update-server-info")
	ensure(t, m, v1, v3)
	if refs, err := m.Refs(t.Context()); err != nil || refs["refs/heads/main"].Commit != v3 {
		t.Errorf("%v %v", refs, err)
	}
}

// Of a remote that is shallow itself, or lacks objects, what it does not have
// is an error, and the mirror does not pretend to have it.
func TestMirrorOfPart(t *testing.T) {
	f := newForge(t)
	v1, v2 := f.id(t, "v1.0.0"), f.id(t, "v1.1.0")
	shallow := filepath.Join(t.TempDir(), "shallow.git")
	sh(t, "", "clone", "-q", "--bare", "--depth=1", "--branch=main", "file://"+f.bare, shallow)
	m := mirrorOf(t, newCache(t), shallow)
	var re *RemoteError
	if err := m.Ensure(t.Context(), Want{"v1.0.0", v1}); !errors.As(err, &re) || re.Trouble != TroubleUnreachable {
		t.Errorf("a shallow remote: %v", err)
	}
	// What it has is whole, as far as trees go.
	if err := m.Ensure(t.Context(), Want{"main", v2}); err != nil || !m.Has(t.Context(), v2) {
		t.Errorf("the tip of a shallow remote: %v", err)
	}
	if m.Has(t.Context(), v1) {
		t.Error("it has what is not there")
	}
	sh(t, f.bare, "config", "uploadpack.allowFilter", "true")
	partial := filepath.Join(t.TempDir(), "partial.git")
	sh(t, "", "clone", "-q", "--bare", "--filter=blob:none", "file://"+f.bare, partial)
	sh(t, partial, "remote", "set-url", "origin", "/nowhere")
	m = mirrorOf(t, newCache(t), partial)
	if err := m.Ensure(t.Context(), Want{"v1.0.0", v1}); !errors.As(err, new(*RemoteError)) || m.Has(t.Context(), v1) {
		t.Errorf("a partial remote: %v", err)
	}
}
