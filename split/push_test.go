package split

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/fixtures"
	"github.com/terrier-iac/terrier/fixtures/githttp"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split/proof"
)

// pushable splits "plain" (vpc calls subnets, live calls vpc) with remotes at
// https://git.example.com/.
func pushable(t *testing.T) string {
	t.Helper()
	ctx := t.Context()
	mono, out := filepath.Join(t.TempDir(), "mono"), filepath.Join(t.TempDir(), "out")
	if err := fixtures.Write(ctx, "plain", mono); err != nil {
		t.Fatal(err)
	}
	r, err := repo.Open(ctx, mono)
	if err != nil {
		t.Fatal(err)
	}
	commit, err := r.Resolve(ctx, "HEAD")
	if err != nil {
		t.Fatal(err)
	}
	fsys, err := r.At(ctx, commit)
	if err != nil {
		t.Fatal(err)
	}
	defer fsys.Close()
	tree, _ := hclparse.Load(fsys)
	c := testConfig(out)
	at := func(name string) (string, error) { return "https://git.example.com/" + name + ".git", nil }
	c.Remote, c.LiveURL = at, at
	plan, diags := NewPlan(commit, modules.NewGraph(tree, nil), c)
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	claimDir(t, out, plan)
	res, err := Run(ctx, r, commit, fsys, plan, out, nil)
	if err != nil {
		t.Fatal(err)
	}
	proof, err := Verify(ctx, r, plan, res, out, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := Finish(out, plan, res, proof); err != nil {
		t.Fatal(err)
	}
	return out
}

// A pushWorld is a finished split and a git server with an empty repository
// for each of it.
type pushWorld struct {
	t      *testing.T
	dir    string
	doc    *Document
	server *githttp.Server
	config string // the user's git configuration
}

func newPushWorld(t *testing.T, dir string) *pushWorld {
	t.Helper()
	doc, err := ReadDocument(dir)
	if err != nil {
		t.Fatal(err)
	}
	s, err := githttp.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	w := &pushWorld{t, dir, doc, s, filepath.Join(t.TempDir(), "gitconfig")}
	for _, name := range []string{"subnets.git", "vpc.git", "live.git"} {
		if _, err := s.Create(t.Context(), name); err != nil {
			t.Fatal(err)
		}
	}
	for _, kv := range os.Environ() {
		if name, _, _ := strings.Cut(kv, "="); strings.HasPrefix(name, "GIT_") || name == "SSH_ASKPASS" {
			t.Setenv(name, "")
			os.Unsetenv(name)
		}
	}
	t.Setenv("HOME", t.TempDir())
	t.Setenv("GIT_CONFIG_NOSYSTEM", "1")
	t.Setenv("GIT_CONFIG_GLOBAL", w.config)
	w.configure(s.GitConfig() + w.instead(""))
	return w
}

// instead is the configuration that leads git.example.com to the server; user
// ("name:password@") goes before its host.
func (w *pushWorld) instead(user string) string {
	return fmt.Sprintf("[url \"%s/\"]\n\tinsteadOf = https://git.example.com/\n", strings.Replace(w.server.URL, "://", "://"+user, 1))
}

func (w *pushWorld) configure(text string) {
	w.t.Helper()
	if err := os.WriteFile(w.config, []byte(text), 0o666); err != nil {
		w.t.Fatal(err)
	}
}

func (w *pushWorld) push(c PushConfig) []Pushed {
	w.t.Helper()
	if c.Jobs == 0 {
		c.Jobs = 4
	}
	if c.Silence == 0 {
		c.Silence = 20 * time.Second
	}
	got, err := Push(w.t.Context(), w.dir, w.doc, c)
	if err != nil {
		w.t.Fatal(err)
	}
	return got
}

// at is a repository on the server, local the one of the split.
func (w *pushWorld) at(name string) string { return filepath.Join(w.server.Dir, name+".git") }
func (w *pushWorld) local(name string) string {
	if name == "live" {
		return filepath.Join(w.dir, "live", "live")
	}
	return filepath.Join(w.dir, "modules", name+".git")
}

// held is what the server holds, by repository.
func (w *pushWorld) held() map[string]string {
	w.t.Helper()
	m := map[string]string{}
	for _, name := range []string{"live", "subnets", "vpc"} {
		if _, err := os.Stat(w.at(name)); err == nil {
			m[name] = git(w.t, w.at(name), "for-each-ref", "--format=%(objectname) %(refname)")
		}
	}
	return m
}

// send pushes something of a local repository by hand.
func (w *pushWorld) send(name, from, to string) {
	w.t.Helper()
	git(w.t, w.local(name), "push", "-q", w.at(name), from+":"+to)
}

// foreign makes an unrelated commit on the server.
func (w *pushWorld) foreign(name string) string {
	w.t.Helper()
	tree := git(w.t, w.at(name), "hash-object", "-t", "tree", "-w", os.DevNull)
	return git(w.t, w.at(name), "commit-tree", "-m", "another beginning", tree)
}

// posts counts the pushes that reached the server.
func (w *pushWorld) posts(name string) int {
	n := 0
	for _, r := range w.server.Requests() {
		if r.User != "" && r.Path == "/"+name+".git/git-receive-pack" {
			n++
		}
	}
	return n
}

func statuses(got []Pushed) string {
	var s []string
	for _, p := range got {
		s = append(s, p.Name+" "+string(p.Status))
	}
	return strings.Join(s, ", ")
}

// about is what is said of one repository.
func about(got []Pushed, name string) string {
	for _, p := range got {
		if p.Name == name {
			return p.Reason + "\n" + p.Hint
		}
	}
	return ""
}

const (
	allPushed = "live pushed, subnets pushed, vpc pushed"
	allThere  = "live up-to-date, subnets up-to-date, vpc up-to-date"
)

// TestPushFaults does to vpc's remote what remotes do, and then, with the
// cause away, looks whether the same push completes what was left.
func TestPushFaults(t *testing.T) {
	retryDelay = 20 * time.Millisecond
	dir := pushable(t)
	const receive = "/vpc.git/git-receive-pack"
	for _, tc := range []struct {
		name   string
		fault  func(w *pushWorld)
		config PushConfig
		want   string   // statuses
		says   []string // of vpc
		posts  int      // to vpc
		mend   func(w *pushWorld)
		then   string // statuses after it; "" where nothing can mend it
	}{
		{
			name: "no fault", fault: func(*pushWorld) {}, want: allPushed, posts: 1, then: allThere,
		},
		{
			name:  "forbids",
			fault: func(w *pushWorld) { w.server.Break(receive, githttp.Forbid, 1) },
			want:  "live refused, subnets pushed, vpc refused", says: []string{"403", "rights"}, posts: 1,
			then: "live pushed, subnets up-to-date, vpc pushed",
		},
		{
			name: "a hook declines",
			fault: func(w *pushWorld) {
				hook := "#!/bin/sh\necho 'no releases on a Friday' >&2\nexit 1\n"
				if err := os.WriteFile(filepath.Join(w.at("vpc"), "hooks", "pre-receive"), []byte(hook), 0o777); err != nil {
					t.Fatal(err)
				}
			},
			want: "live refused, subnets pushed, vpc refused", says: []string{"no releases on a Friday", "pre-receive hook declined"}, posts: 1,
			mend: func(w *pushWorld) { os.Remove(filepath.Join(w.at("vpc"), "hooks", "pre-receive")) },
			then: "live pushed, subnets up-to-date, vpc pushed",
		},
		{
			name:  "hangs when it is read",
			fault: func(w *pushWorld) { w.server.Break("/vpc.git/info/refs?service=git-upload-pack", githttp.Hang, 1) },
			want:  "live refused, subnets pushed, vpc failed", says: []string{"no word from the remote for 4s", "--timeout"}, config: PushConfig{Silence: 4 * time.Second},
			then: "live pushed, subnets up-to-date, vpc pushed",
		},
		{
			name:  "hangs when it is pushed to",
			fault: func(w *pushWorld) { w.server.Break(receive, githttp.Hang, 1) },
			want:  "live refused, subnets pushed, vpc failed", says: []string{"no word from the remote for 4s"}, posts: 1, config: PushConfig{Silence: 4 * time.Second},
			then: "live pushed, subnets up-to-date, vpc pushed",
		},
		{
			name:  "drops once before it does anything",
			fault: func(w *pushWorld) { w.server.Break(receive, githttp.Drop, 1) },
			want:  allPushed, posts: 2,
		},
		{
			name:  "drops whenever it is pushed to",
			fault: func(w *pushWorld) { w.server.Break(receive, githttp.Drop, 3) },
			want:  "live refused, subnets pushed, vpc failed", says: []string{"the same command again"}, posts: 3,
			then: "live pushed, subnets up-to-date, vpc pushed",
		},
		{
			name:  "drops once when it is read",
			fault: func(w *pushWorld) { w.server.Break("/vpc.git/", githttp.Drop, 1) },
			want:  allPushed, posts: 1,
		},
		{
			name:  "takes it and drops",
			fault: func(w *pushWorld) { w.server.Break(receive, githttp.DropReply, 1) },
			want:  allPushed, posts: 1, then: allThere,
		},
		{
			name:  "takes it and drops amid the answer",
			fault: func(w *pushWorld) { w.server.Break(receive, githttp.CutReply, 1) },
			want:  allPushed, posts: 1, then: allThere,
		},
		{
			name: "takes it, drops, and cannot be read again",
			fault: func(w *pushWorld) {
				w.server.Break(receive, githttp.DropReply, 1)
				hook := "#!/bin/sh\nmv \"$PWD\" \"$PWD.away\"\n"
				if err := os.WriteFile(filepath.Join(w.at("vpc"), "hooks", "post-receive"), []byte(hook), 0o777); err != nil {
					t.Fatal(err)
				}
			},
			want: "live refused, subnets pushed, vpc failed", says: []string{"what it holds is not known", "the same command again"}, posts: 1,
			mend: func(w *pushWorld) { os.Rename(w.at("vpc")+".away", w.at("vpc")) },
			then: "live pushed, subnets up-to-date, vpc up-to-date",
		},
		{
			name: "holds the tag on another commit",
			fault: func(w *pushWorld) {
				git(t, w.at("vpc"), "tag", "v1.0.0", w.foreign("vpc"))
			},
			want: "live refused, subnets pushed, vpc refused", says: []string{"tag v1.0.0 is on commit ", " there, and on ", "never moved"},
			mend: func(w *pushWorld) { git(t, w.at("vpc"), "tag", "-d", "v1.0.0") },
			then: "live pushed, subnets up-to-date, vpc pushed",
		},
		{
			name:  "holds the tag on the same commit, without its message",
			fault: func(w *pushWorld) { w.send("vpc", "v1.0.0^{commit}", "refs/tags/v1.0.0") },
			want:  allPushed, posts: 1, then: allThere,
		},
		{
			name:  "holds the tag alone",
			fault: func(w *pushWorld) { w.send("vpc", "v1.0.0", "refs/tags/v1.0.0") },
			want:  allPushed, posts: 1,
		},
		{
			name:  "holds an older commit",
			fault: func(w *pushWorld) { w.send("vpc", "main~1", "refs/heads/main") },
			want:  allPushed, posts: 1,
		},
		{
			name:  "holds an older commit on another branch",
			fault: func(w *pushWorld) { w.send("vpc", "main~1", "refs/heads/old") },
			want:  allPushed, posts: 1,
		},
		{
			name: "holds unrelated history",
			fault: func(w *pushWorld) {
				git(t, w.at("vpc"), "update-ref", "refs/heads/main", w.foreign("vpc"))
			},
			want: "live refused, subnets pushed, vpc refused", says: []string{"main is at ", "which is not in the history of ", "never forces"},
		},
		{
			name: "holds unrelated history on another branch",
			fault: func(w *pushWorld) {
				git(t, w.at("vpc"), "update-ref", "refs/heads/master", w.foreign("vpc"))
			},
			want: "live refused, subnets pushed, vpc refused", says: []string{"another history: master is at "},
		},
		{
			name: "is not there",
			fault: func(w *pushWorld) {
				os.Rename(w.at("vpc"), w.at("gone"))
			},
			want: "live refused, subnets pushed, vpc failed", says: []string{"not found", "--create"},
			mend: func(w *pushWorld) { os.Rename(w.at("gone"), w.at("vpc")) },
			then: "live pushed, subnets up-to-date, vpc pushed",
		},
		{
			name:  "cannot take all or nothing",
			fault: func(w *pushWorld) { git(t, w.at("vpc"), "config", "receive.advertiseAtomic", "false") },
			want:  allPushed, posts: 1,
		},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newPushWorld(t, dir)
			tc.fault(w)
			before := w.held()
			got := w.push(tc.config)
			if statuses(got) != tc.want {
				t.Errorf("got %s, want %s\n%s", statuses(got), tc.want, about(got, "vpc"))
			}
			for _, text := range tc.says {
				if !strings.Contains(about(got, "vpc"), text) {
					t.Errorf("%q is not said: %s", text, about(got, "vpc"))
				}
			}
			if n := w.posts("vpc"); n != tc.posts {
				t.Errorf("%d pushes to vpc, want %d", n, tc.posts)
			}
			// A repository that was not pushed is as it was.
			for _, p := range got {
				if now, ok := w.held()[p.Name]; ok && p.Status != PushPushed && now != before[p.Name] {
					t.Errorf("%s is %s, and its remote changed:\n%s", p.Name, p.Status, now)
				}
			}
			if left := running(t, w.server.URL); left != "" {
				t.Errorf("still there: %s", left)
			}
			if tc.mend != nil {
				tc.mend(w)
			}
			if tc.then == "" {
				return
			}
			if got := w.push(PushConfig{}); statuses(got) != tc.then {
				t.Errorf("after that %s, want %s\n%s", statuses(got), tc.then, about(got, "vpc"))
			}
			if a, b := git(t, w.at("vpc"), "rev-parse", "main", "v1.0.0^{commit}"), git(t, w.local("vpc"), "rev-parse", "main", "v1.0.0^{commit}"); a != b {
				t.Errorf("the remote holds %s, want %s", a, b)
			}
			if tc.then == allThere {
				return
			}
			if got := w.push(PushConfig{}); statuses(got) != allThere {
				t.Errorf("in the end %s\n%s", statuses(got), about(got, "vpc"))
			}
		})
	}
}

// running names a process whose command line holds text, "" where none does.
func running(t *testing.T, text string) string {
	t.Helper()
	found := ""
	for range 100 {
		found = ""
		files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
		for _, f := range files {
			if b, err := os.ReadFile(f); err == nil && strings.Contains(string(b), text) {
				found = strings.ReplaceAll(string(b), "\x00", " ")
			}
		}
		if found == "" {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	return found
}

// What the user's git is told to do for credentials is done, and a wrong or a
// missing password neither hangs nor shows up.
func TestPushCredentials(t *testing.T) {
	dir := pushable(t)
	askpass := filepath.Join(t.TempDir(), "askpass")
	script := fmt.Sprintf("#!/bin/sh\ncase \"$1\" in Username*) echo %s;; *) echo %s;; esac\n", githttp.User, githttp.Password)
	if err := os.WriteFile(askpass, []byte(script), 0o777); err != nil {
		t.Fatal(err)
	}
	const secret = "s3cr3t-and-wrong"
	for _, tc := range []struct {
		name   string
		config func(w *pushWorld) string
		env    map[string]string
		want   PushStatus
		says   string
	}{
		{"askpass program", func(w *pushWorld) string { return w.instead("") }, map[string]string{"GIT_ASKPASS": askpass}, PushPushed, ""},
		{"askpass in the configuration", func(w *pushWorld) string { return w.instead("") + "[core]\n\taskPass = " + askpass + "\n" }, nil, PushPushed, ""},
		{"configuration in the environment", func(w *pushWorld) string { return w.instead("") },
			map[string]string{"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "core.askPass", "GIT_CONFIG_VALUE_0": askpass}, PushPushed, ""},
		{"password in the user's own insteadOf", func(w *pushWorld) string { return w.instead(githttp.User + ":" + githttp.Password + "@") }, nil, PushPushed, ""},
		{"none", func(w *pushWorld) string { return w.instead("") }, nil, PushFailed, "give it a credential helper"},
		{"wrong", func(w *pushWorld) string { return w.instead("ada:" + secret + "@") }, nil, PushFailed, "Authentication failed"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newPushWorld(t, dir)
			w.configure(tc.config(w))
			for k, v := range tc.env {
				t.Setenv(k, v)
			}
			got := w.push(PushConfig{Only: "subnets"})
			if len(got) != 1 || got[0].Status != tc.want || !strings.Contains(about(got, "subnets"), tc.says) {
				t.Errorf("%+v", got)
			}
			all, err := json.Marshal(got)
			if err != nil || strings.Contains(string(all), secret) || strings.Contains(string(all), githttp.Password) {
				t.Errorf("%v: a password shows: %s", err, all)
			}
		})
	}
}

// The user's configuration and environment can add nothing to what is pushed,
// and no hook of this machine runs.
func TestPushExactly(t *testing.T) {
	w := newPushWorld(t, pushable(t))
	ran := filepath.Join(t.TempDir(), "ran")
	hooks := t.TempDir()
	for _, dir := range []string{hooks, filepath.Join(w.local("vpc"), "hooks")} {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, "pre-push"), []byte("#!/bin/sh\ntouch "+ran+"\nexit 1\n"), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	w.configure(w.server.GitConfig() + w.instead("") + "[core]\n\thooksPath = " + hooks + "\n[push]\n\tfollowTags = true\n\tdefault = matching\n\trecurseSubmodules = only\n")
	git(t, w.local("vpc"), "tag", "-a", "-m", "not the split's", "v0.9.0", "main~1")
	git(t, w.local("vpc"), "branch", "other", "main~1")
	elsewhere := t.TempDir()
	for k, v := range map[string]string{"GIT_DIR": elsewhere, "GIT_WORK_TREE": elsewhere, "GIT_NAMESPACE": "x", "GIT_OBJECT_DIRECTORY": elsewhere, "GIT_INDEX_FILE": elsewhere + "/i"} {
		t.Setenv(k, v)
	}
	got := w.push(PushConfig{Only: "{subnets,vpc}"})
	for _, name := range []string{"GIT_DIR", "GIT_WORK_TREE", "GIT_NAMESPACE", "GIT_OBJECT_DIRECTORY", "GIT_INDEX_FILE"} {
		os.Unsetenv(name)
	}
	if statuses(got) != "subnets pushed, vpc pushed" {
		t.Fatalf("%+v", got)
	}
	i := slices.IndexFunc(got, func(p Pushed) bool { return p.Name == "vpc" })
	want := got[i].Refs[0].Object + " refs/heads/main\n" + got[i].Refs[1].Object + " refs/tags/v1.0.0"
	if w.held()["vpc"] != want {
		t.Errorf("the remote holds\n%s\nwant\n%s", w.held()["vpc"], want)
	}
	if _, err := os.Stat(ran); err == nil {
		t.Error("a hook ran")
	}
}

// A repository that is not as the split recorded it does not leave.
func TestPushAltered(t *testing.T) {
	dir := pushable(t)
	for _, tc := range []struct {
		name  string
		alter func(w *pushWorld)
		want  string
		says  []string
	}{
		{"the tag", func(w *pushWorld) { git(t, w.local("vpc"), "tag", "-f", "-a", "-m", "x", "v1.0.0", "main~1") },
			"live refused, subnets pushed, vpc refused", []string{"refs/tags/v1.0.0 is recorded at ", ", and is at ", "altered"}},
		{"the branch", func(w *pushWorld) { git(t, w.local("vpc"), "update-ref", "refs/heads/main", "main~1") },
			"live refused, subnets up-to-date, vpc refused", []string{"refs/heads/main is recorded at "}},
		{"no tag", func(w *pushWorld) { git(t, w.local("vpc"), "tag", "-d", "v1.0.0") },
			"live refused, subnets up-to-date, vpc refused", []string{"and is not in modules/vpc.git"}},
		{"no repository", func(w *pushWorld) { os.Rename(w.local("vpc"), w.local("vpc")+".away") },
			"live refused, subnets up-to-date, vpc failed", []string{"the same `terrier split` again"}},
	} {
		w := newPushWorld(t, dir)
		if tc.name != "the tag" {
			w.push(PushConfig{Only: "subnets"})
		}
		tag, tip := git(t, w.local("vpc"), "rev-parse", "v1.0.0"), git(t, w.local("vpc"), "rev-parse", "main")
		tc.alter(w)
		got := w.push(PushConfig{})
		if statuses(got) != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, statuses(got), tc.want)
		}
		for _, text := range tc.says {
			if !strings.Contains(about(got, "vpc"), text) {
				t.Errorf("%s: %q is not said: %s", tc.name, text, about(got, "vpc"))
			}
		}
		if w.held()["vpc"] != "" || w.held()["live"] != "" {
			t.Errorf("%s: pushed: %v", tc.name, w.held())
		}
		os.Rename(w.local("vpc")+".away", w.local("vpc"))
		git(t, w.local("vpc"), "update-ref", "refs/tags/v1.0.0", tag)
		git(t, w.local("vpc"), "update-ref", "refs/heads/main", tip)
	}
	// The look-alike: all of it put back.
	if got := newPushWorld(t, dir).push(PushConfig{DryRun: true}); statuses(got) != "live would-push, subnets would-push, vpc would-push" {
		t.Errorf("put back: %+v", got)
	}
}

// What can be told from split.json alone is told before any remote is asked.
func TestPushRefusesDocument(t *testing.T) {
	dir := pushable(t)
	w := newPushWorld(t, dir)
	file := filepath.Join(dir, resultName)
	whole, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	// change edits the document, and signs its plan again where asked to.
	change := func(sign bool, f func(d *Document)) {
		t.Helper()
		d := &Document{}
		if err := json.Unmarshal(whole, d); err != nil {
			t.Fatal(err)
		}
		f(d)
		if sign {
			d.Digest = d.Plan.Digest()
		}
		d.DocumentDigest = d.digest()
		if err := writeJSON(file, d); err != nil {
			t.Fatal(err)
		}
	}
	for _, tc := range []struct {
		name string
		make func()
		want string
	}{
		{"none", func() { os.Remove(file) }, "there is no split.json"},
		{"under way", func() { os.Remove(file); os.WriteFile(filepath.Join(dir, journalName), nil, 0o666) }, "is not finished"},
		{"cut off", func() { os.WriteFile(file, whole[:len(whole)/2], 0o666) }, "not as a finished split wrote it"},
		{"of the future", func() { change(false, func(d *Document) { d.FormatVersion = "2.0" }) }, `"2.0"`},
		{"altered", func() { change(false, func(d *Document) { d.Packages[0].Tag = "v2.0.0" }) }, "not that of its plan"},
		{"without a proof", func() { change(true, func(d *Document) { d.Proof = nil }) }, "do not belong together"},
		{"without a result", func() { change(true, func(d *Document) { d.Result = Result{} }) }, "do not belong together"},
		{"outside", func() { change(true, func(d *Document) { d.Packages[0].Repository = "../x.git" }) }, "no place for a repository"},
		{"another's", func() { change(true, func(d *Document) { d.Packages[0].Name = "other" }) }, "not that of its result"},
		{"no id", func() { change(true, func(d *Document) { d.Result.Packages[0].Tip = "main" }) }, "is not an object id"},
		{"unknown package", func() { change(true, func(d *Document) { d.Packages[1].Requires = []string{"x"} }) }, `requires "x"`},
		{"circle", func() { change(true, func(d *Document) { d.Packages[0].Requires = []string{"vpc"} }) }, "requires itself"},
		{"no remote", func() { change(true, func(d *Document) { d.Live[0].Remote = "" }) }, "no remote is configured for live/live\nhint: write live { remote = "},
		{"no remotes", func() {
			change(true, func(d *Document) { d.Packages[0].Remote, d.Packages[1].Remote = "", "" })
		}, "no remote is configured for modules/subnets.git, nor for 1 more\nhint: write modules { source = "},
		{"one remote", func() { change(true, func(d *Document) { d.Packages[0].Remote = d.Packages[1].Remote }) }, "have the same remote"},
		{"an option", func() { change(true, func(d *Document) { d.Packages[0].Remote = "--upload-pack=touch /tmp/x" }) }, "read as an option"},
		{"a program", func() { change(true, func(d *Document) { d.Packages[0].Remote = "ext::sh -c touch% /tmp/x" }) }, "runs a program"},
		{"a password", func() { change(true, func(d *Document) { d.Packages[0].Remote = "https://u:hunter2@h/x.git" }) }, "holds a password"},
	} {
		tc.make()
		d, err := ReadDocument(dir)
		if err == nil {
			_, err = Push(t.Context(), dir, d, PushConfig{Jobs: 1})
		}
		if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v, want %q", tc.name, err, tc.want)
		}
		os.Remove(filepath.Join(dir, journalName))
		if err := os.WriteFile(file, whole, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	for _, only := range []string{"x", "["} {
		if _, err := Push(t.Context(), dir, w.doc, PushConfig{Only: only}); err == nil || !strings.Contains(err.Error(), "--only") {
			t.Errorf("--only %s: %v", only, err)
		}
	}
	// A proof that found something: nothing goes, whatever is asked for.
	change(true, func(d *Document) {
		d.Proof.Mismatches = append(d.Proof.Mismatches, proof.Mismatch{Kind: "wrong-ref", File: "live/prod/network/main.tf"})
	})
	if w.doc, err = ReadDocument(dir); err != nil {
		t.Fatal(err)
	}
	if got := w.push(PushConfig{}); statuses(got) != "live refused, subnets refused, vpc refused" || !strings.Contains(about(got, "vpc"), "mismatches: 1") {
		t.Errorf("%+v", got)
	}
	if n := len(w.server.Requests()); n > 0 {
		t.Errorf("%d requests were made", n)
	}
}

// A context that ends takes git with it.
func TestPushInterrupted(t *testing.T) {
	w := newPushWorld(t, pushable(t))
	w.server.Break("/subnets.git/git-receive-pack", githttp.Hang, -1)
	ctx, cancel := context.WithCancel(t.Context())
	time.AfterFunc(1500*time.Millisecond, cancel)
	begin := time.Now()
	if _, err := Push(ctx, w.dir, w.doc, PushConfig{Jobs: 4}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if d := time.Since(begin); d > 10*time.Second {
		t.Errorf("it took %v", d)
	}
	if left := running(t, w.server.URL); left != "" {
		t.Errorf("still there: %s", left)
	}
}
