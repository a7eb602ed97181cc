package versions

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

func tags(names ...string) []*Release {
	var out []*Release
	for _, n := range names {
		if r := newRelease(n, ""); r != nil {
			out = append(out, r)
		}
	}
	return out
}

// line writes a row: current, allowed, latest, behind.
func line(r *Row) string {
	text := func(r *Release) string {
		if r == nil {
			return "-"
		}
		return r.Tag
	}
	return fmt.Sprintf("%s %s %s %d", r.Uses[0].Shown(), text(r.Allowed), text(r.Latest), r.Behind)
}

func TestOutdated(t *testing.T) {
	const vpc = "git::https://git.example.com/terraform/vpc.git"
	for name, test := range map[string]struct {
		call       string
		tags       []string
		constraint string
		pre        bool
		want       string
	}{
		"newest":               {call("m", vpc+"?ref=v1.2.0"), []string{"v1.0.0", "v1.2.0"}, "", false, "1.2.0 v1.2.0 v1.2.0 0"},
		"behind":               {call("m", vpc+"?ref=v1.0.0"), []string{"v1.0.0", "v1.1.0", "v1.2.0", "v2.0.0"}, "", false, "1.0.0 v2.0.0 v2.0.0 3"},
		"numbers, not text":    {call("m", vpc+"?ref=v1.9.0"), []string{"v1.9.0", "v1.10.0"}, "", false, "1.9.0 v1.10.0 v1.10.0 1"},
		"constraint":           {call("m", vpc+"?ref=v1.0.0"), []string{"v1.0.0", "v1.9.0", "v2.0.0"}, "~> 1.2", false, "1.0.0 v1.9.0 v2.0.0 2"},
		"none allowed":         {call("m", vpc+"?ref=v1.0.0"), []string{"v1.0.0", "v2.0.0"}, ">= 3", false, "1.0.0 - v2.0.0 1"},
		"allowed is older":     {call("m", vpc+"?ref=v2.0.0"), []string{"v1.0.0", "v2.0.0"}, "~> 1.0", false, "2.0.0 v2.0.0 v2.0.0 0"},
		"pre-release":          {call("m", vpc+"?ref=v1.0.0"), []string{"v1.0.0", "v1.1.0-rc1"}, "", false, "1.0.0 v1.0.0 v1.0.0 0"},
		"pre-release, asked":   {call("m", vpc+"?ref=v1.0.0"), []string{"v1.0.0", "v1.1.0-rc1"}, "", true, "1.0.0 v1.1.0-rc1 v1.1.0-rc1 1"},
		"asked, constraint":    {call("m", vpc+"?ref=v1.0.0"), []string{"v1.0.0", "v1.1.0-rc1"}, "~> 1.0", true, "1.0.0 v1.1.0-rc1 v1.1.0-rc1 1"},
		"on a pre-release":     {call("m", vpc+"?ref=v2.0.0-rc1"), []string{"v1.0.0", "v2.0.0-rc1", "v2.0.0-rc2"}, "", false, "2.0.0-rc1 v2.0.0-rc2 v2.0.0-rc2 1"},
		"capital V":            {call("m", vpc+"?ref=V4.4.0"), []string{"V4.4.0", "V4.5.0"}, "", false, "4.4.0 V4.5.0 V4.5.0 1"},
		"tags/":                {call("m", vpc+"?ref=tags/1.0.0"), []string{"1.0.0", "1.1.0"}, "", false, "1.0.0 1.1.0 1.1.0 1"},
		"with and without v":   {call("m", vpc+"?ref=1.0.0"), []string{"1.0.0", "v1.1.0", "1.1.0"}, "", false, "1.0.0 1.1.0 1.1.0 1"},
		"own name":             {call("m", vpc+"?ref=vpc-v1.0.0"), []string{"vpc-v1.0.0", "vpc-v1.1.0", "dns-v9.0.0"}, "", false, "1.0.0 vpc-v1.1.0 vpc-v1.1.0 1"},
		"shared repository":    {call("m", vpc+"//dns?ref=dns/v1.0.0"), []string{"dns/v1.0.0", "dns/v1.1.0", "eks/v9.0.0", "v8.0.0"}, "", false, "1.0.0 dns/v1.1.0 dns/v1.1.0 1"},
		"shared, a branch":     {call("m", vpc+"//modules/dns?ref=main"), []string{"dns-v1.0.0", "dns-v1.1.0", "eks-v9.0.0"}, "", false, "main dns-v1.1.0 dns-v1.1.0 -1"},
		"shared, whole tags":   {call("m", vpc+"//dns?ref=v1.0.0"), []string{"v1.0.0", "v1.1.0"}, "", false, "1.0.0 v1.1.0 v1.1.0 1"},
		"branch":               {call("m", vpc+"?ref=main"), []string{"v1.0.0"}, "", false, "main v1.0.0 v1.0.0 -1"},
		"no ref":               {call("m", vpc), []string{"v1.0.0"}, "", false, "no version v1.0.0 v1.0.0 -1"},
		"no tags":              {call("m", vpc+"?ref=main"), nil, "", false, "main - - -1"},
		"tags of no version":   {call("m", vpc+"?ref=v1.0.0"), []string{"v1", "latest", "nightly-2024"}, "", false, "1.0.0 - - -1"},
		"its tag is gone":      {call("m", vpc+"?ref=v1.1.0"), []string{"v1.0.0", "v1.2.0"}, "", false, "1.1.0 v1.2.0 v1.2.0 1"},
		"registry":             {call("m", "a/b/c", `version = "1.0.0"`), []string{"1.0.0", "1.1.0", "2.0.0"}, "", false, "1.0.0 2.0.0 2.0.0 2"},
		"registry, a range":    {call("m", "a/b/c", `version = "~> 1.0"`), []string{"1.0.0", "1.1.0", "2.0.0"}, "", false, "~> 1.0 1.1.0 2.0.0 1"},
		"range, newest":        {call("m", "a/b/c", `version = ">= 1.0"`), []string{"1.0.0", "1.1.0", "2.0.0"}, "", false, ">= 1.0 2.0.0 2.0.0 0"},
		"range, constraint":    {call("m", "a/b/c", `version = ">= 1.0"`), []string{"1.0.0", "1.1.0", "2.0.0"}, "< 2.0", false, ">= 1.0 1.1.0 2.0.0 1"},
		"registry, no version": {call("m", "a/b/c"), []string{"1.0.0", "2.0.0"}, "", false, "no version 2.0.0 2.0.0 0"},
	} {
		t.Run(name, func(t *testing.T) {
			s := load(t, nil, map[string]string{"live/qa/a/main.tf": test.call})
			m := s.Modules[0]
			m.learn(tags(test.tags...), true)
			rules := Rules{Pre: test.pre}
			if test.constraint != "" {
				rules.Constraints = []Constraint{{"other", "~> 9.0"}, {m.Name, test.constraint}}
			}
			rows := s.Outdated(rules)
			if len(rows) != 1 || line(rows[0]) != test.want {
				t.Errorf("got %s, want %s", line(rows[0]), test.want)
			}
		})
	}
}

// The documented example of keilerkonzept/terraform-module-versions, with the
// tags of the day that it was written. Where terrier says something else, why.
func TestDocumentedExample(t *testing.T) {
	s := load(t, nil, map[string]string{
		"main.tf": call("consul", "hashicorp/consul/aws", `version = "> 0.1.0"`) +
			call("consul_github_https", "github.com/hashicorp/terraform-aws-consul", `version = "0.7.3"`) +
			call("consul_github_ssh", "git@github.com:hashicorp/terraform-aws-consul?ref=0.1.0", `version = "0.1.0"`) +
			call("example_git_ssh", "git::ssh://git@github.com/keilerkonzept/terraform-module-versions?ref=0.10.0", `version = "~> 0.10"`),
		"0.12.x.tf": call("consul_aws", "hashicorp/consul/aws", `version = ">=0.5.0,<=1.0.0"`),
	})
	for _, m := range s.Modules {
		switch {
		case m.Registry:
			m.learn(tags("0.0.1", "0.1.0", "0.7.3", "0.7.4"), true)
		case m.Subdir == "" && strings.Contains(m.ID, "consul"):
			m.learn(tags("v0.0.1", "v0.1.0", "v0.7.3", "v0.7.4"), true)
		default:
			m.learn(tags("0.9.0", "0.10.0"), true)
		}
	}
	got := map[string]string{}
	for _, r := range s.Outdated(Rules{}) {
		for _, u := range r.Uses {
			got[u.Call.Name()] = line(r)
		}
	}
	for name, want := range map[string]string{
		// | ? | consul_aws | >=0.5.0,<=1.0.0 |  | 0.7.4 | 0.7.4 |: agreed. The
		// question mark stands for a range: nothing is behind, init takes 0.7.4.
		"consul_aws": ">=0.5.0,<=1.0.0 0.7.4 0.7.4 0",
		// | ? | consul | > 0.1.0 |  | 0.7.4 | 0.7.4 |: agreed.
		"consul": "> 0.1.0 0.7.4 0.7.4 0",
		// | (Y) | consul_github_https | 0.7.3 |  | 0.7.3 | 0.7.4 |: the newest
		// agrees. Terraform refuses version for a git source, and takes the
		// default branch: so nothing holds it at 0.7.3. What does, is a
		// constraint of terrier.hcl.
		"consul_github_https": "no version v0.7.4 v0.7.4 -1",
		// Not in its table of updates, since version = "0.1.0" allows nothing
		// else. It is two releases behind, and git
		// sources have no version.
		"consul_github_ssh": "0.1.0 v0.7.4 v0.7.4 2",
		// Not in its table: it is the newest. Agreed.
		"example_git_ssh": "0.10.0 0.10.0 0.10.0 0",
	} {
		if got[name] != want {
			t.Errorf("%s: got %s, want %s", name, got[name], want)
		}
	}
	// With the constraint where terrier has it, the row agrees in full.
	for _, r := range s.Outdated(Rules{Constraints: []Constraint{{"github.com/hashicorp/terraform-aws-consul", "0.7.3"}}}) {
		if r.Uses[0].Call.Name() == "consul_github_https" && (r.Allowed == nil || r.Allowed.Version.String() != "0.7.3" || r.Latest.Version.String() != "0.7.4") {
			t.Errorf("got %s", line(r))
		}
	}
}

type fakeRegistry struct {
	asked atomic.Int32
	err   map[string]error // by host
}

func (f *fakeRegistry) Versions(_ context.Context, host, namespace, name, system string) ([]string, error) {
	f.asked.Add(1)
	if err := f.err[host]; err != nil {
		return nil, err
	}
	return []string{"2.0.0-rc1", "1.1.0", "1.0.0", "nonsense"}, nil
}

// git runs git in a repository of its own.
func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-C", dir}, args...)...)
	cmd.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL=/dev/null", "GIT_CONFIG_NOSYSTEM=1",
		"GIT_AUTHOR_NAME=a", "GIT_AUTHOR_EMAIL=a@example.com", "GIT_COMMITTER_NAME=a", "GIT_COMMITTER_EMAIL=a@example.com")
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// write puts files into a repository, commits, and tags.
func write(t *testing.T, dir string, files map[string]string, tags ...string) string {
	t.Helper()
	if _, err := os.Stat(dir); err != nil {
		if err := os.MkdirAll(dir, 0o777); err != nil {
			t.Fatal(err)
		}
		git(t, dir, "init", "-q", "-b", "main")
	}
	for name, text := range files {
		p := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(p), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(p, []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	git(t, dir, "add", "-A")
	git(t, dir, "commit", "-q", "--allow-empty", "-m", "x")
	for _, tag := range tags {
		git(t, dir, "tag", tag)
	}
	return git(t, dir, "rev-parse", "HEAD")
}

// One shared repository: what a new tag changes, and what it does not.
func TestUnchanged(t *testing.T) {
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	dir := filepath.Join(t.TempDir(), "modules.git")
	write(t, dir, map[string]string{"vpc/main.tf": "# 1\n", "dns/main.tf": call("lib", "../lib"), "lib/main.tf": "# 1\n", "eks/main.tf": "# 1\n"}, "vpc/v1.0.0", "dns/v1.0.0", "eks/v1.0.0")
	write(t, dir, map[string]string{"vpc/main.tf": "# 2\n", "lib/main.tf": "# 2\n"}, "vpc/v1.1.0", "dns/v1.1.0", "eks/v1.1.0")
	root := filepath.Join(t.TempDir(), "root.git")
	write(t, root, map[string]string{"main.tf": "# 1\n"}, "v1.0.0", "v1.0.1")
	write(t, root, map[string]string{"main.tf": "# 2\n"}, "v1.1.0")
	src := "git::file://" + dir
	files := map[string]string{"main.tf": call("a", src+"//vpc?ref=vpc/v1.0.0") + call("b", src+"//dns?ref=dns/v1.0.0") + call("c", src+"//eks?ref=eks/v1.0.0") +
		call("d", "git::file://"+root+"?ref=v1.0.0")}
	asker := Asker{Cache: &repo.Cache{Dir: t.TempDir()}}
	run := func(a Asker, constraints ...Constraint) string {
		s := load(t, nil, files)
		if err := s.Ask(context.Background(), a); err != nil {
			t.Fatal(err)
		}
		rows := s.Outdated(Rules{Constraints: constraints})
		if err := s.Unchanged(context.Background(), rows, a); err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, r := range rows {
			same := "?"
			if r.Unchanged != nil {
				same = fmt.Sprint(*r.Unchanged)
			}
			out = append(out, r.Module.Name+" "+same)
		}
		return strings.Join(out, ", ")
	}
	offline := asker
	offline.Offline = true
	for _, step := range []struct {
		what string
		got  func() string
		want string
	}{
		{"offline, nothing is known", func() string { return run(offline) }, "dns ?, eks ?, root ?, vpc ?"},
		{"what dns calls has changed", func() string { return run(asker) }, "dns false, eks true, root ?, vpc false"},
		{"two tags on one commit", func() string { return run(asker, Constraint{"root", "~> 1.0.0"}) }, "dns false, eks true, root true, vpc false"},
		{"offline, from the mirror", func() string { return run(offline) }, "dns false, eks true, root ?, vpc false"},
	} {
		if got := step.got(); got != step.want {
			t.Errorf("%s: got %s, want %s", step.what, got, step.want)
		}
	}
}

// A release without the module's directory is said to have none; a symlink on
// the way there may lead to one.
func TestGone(t *testing.T) {
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	dir := filepath.Join(t.TempDir(), "shared.git")
	write(t, dir, map[string]string{"modules/auth/main.tf": "# 1\n", "modules/stays/main.tf": "# 1\n", "modules/deep/er/main.tf": "# 1\n", "linked/vpc/main.tf": "# 1\n"}, "v1.0.0")
	git(t, dir, "rm", "-q", "-r", "modules/auth", "modules/deep", "linked")
	if err := os.Symlink("modules", filepath.Join(dir, "linked")); err != nil {
		t.Fatal(err)
	}
	write(t, dir, map[string]string{"modules/authority/main.tf": "# 2\n", "modules/stays/main.tf": "# 2\n"}, "v2.0.0")
	src := "git::file://" + dir
	s := load(t, nil, map[string]string{"main.tf": call("a", src+"//modules/auth?ref=v1.0.0") + call("b", src+"//modules/stays?ref=v1.0.0") +
		call("c", src+"//modules/deep/er?ref=v1.0.0") + call("d", src+"//linked/vpc?ref=v1.0.0") + call("e", src+"?ref=v1.0.0")})
	asker := Asker{Cache: &repo.Cache{Dir: t.TempDir()}}
	if err := s.Ask(t.Context(), asker); err != nil {
		t.Fatal(err)
	}
	rows := s.Outdated(Rules{})
	if err := s.Unchanged(t.Context(), rows, asker); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		if r.Gone {
			got = append(got, r.Module.Subdir)
		}
	}
	slices.Sort(got)
	if want := "modules/auth modules/deep/er"; strings.Join(got, " ") != want {
		t.Errorf("gone are %v, want %s", got, want)
	}
}

// Each repository and registry module is asked once; what does not answer is
// named, once for a host that is down.
func TestAsk(t *testing.T) {
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	dir := filepath.Join(t.TempDir(), "vpc.git")
	write(t, dir, map[string]string{"main.tf": "", "sub/main.tf": ""}, "v1.0.0", "v1.1.0")
	gone := "git::file:///nowhere/gone.git"
	s := load(t, nil, map[string]string{
		"live/qa/a/main.tf": call("a", "git::file://"+dir+"?ref=v1.0.0") + call("b", "git::file://"+dir+"//sub?ref=v1.0.0") + call("c", gone+"?ref=v1.0.0") +
			call("d", "a/b/c", `version = "1.0.0"`) + call("e", "a/b/c//modules/x", `version = "1.0.0"`) +
			call("f", "down.example.com/a/b/c", `version = "1.0.0"`) + call("g", "down.example.com/a/d/c", `version = "1.0.0"`),
		"live/prod/a/main.tf": call("a", "git::file://"+dir+"?ref=v1.1.0") + call("d", "a/b/c", `version = "1.1.0"`),
	})
	fake := &fakeRegistry{err: map[string]error{"down.example.com": &registry.Error{Reason: registry.ReasonDown, Err: errors.New("it does not answer\nhint: wait")}}}
	made := 0
	asks := 0
	err := s.Ask(context.Background(), Asker{
		Cache:    &repo.Cache{Dir: t.TempDir()},
		Registry: func() (Registry, error) { made++; return fake, nil },
		Progress: func(_ string, _, total int) { asks = total },
	})
	if err != nil {
		t.Fatal(err)
	}
	if made != 1 || fake.asked.Load() != 2 || asks != 5 {
		t.Errorf("%d clients, %d registry questions, %d in all", made, fake.asked.Load(), asks)
	}
	if len(s.Failures) != 2 || s.Failures[0].Source != "down.example.com" || s.Failures[0].Hint != "wait" || s.Failures[1].Source != gone {
		t.Errorf("%+v", s.Failures)
	}
	var got []string
	for _, r := range s.Outdated(Rules{}) {
		got = append(got, r.Module.Name+" "+r.Environment+" "+line(r))
	}
	for _, w := range []string{"vpc qa 1.0.0 v1.1.0 v1.1.0 1", "vpc prod 1.1.0 v1.1.0 v1.1.0 0", "sub qa 1.0.0 v1.1.0 v1.1.0 1", "gone qa 1.0.0 - - -1", "x qa 1.0.0 1.1.0 1.1.0 1"} {
		if !strings.Contains(strings.Join(got, "\n")+"\n", w+"\n") {
			t.Errorf("%s is not in\n%s", w, strings.Join(got, "\n"))
		}
	}
}

// Of two spellings of one repository the other is asked where one cannot be
// read.
func TestAskOtherSpelling(t *testing.T) {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "vpc.git"), map[string]string{"main.tf": ""}, "v1.1.0")
	config := filepath.Join(dir, "gitconfig")
	text := fmt.Sprintf("[url \"file://%s/\"]\n\tinsteadOf = https://git.example.com/\n[url \"file:///nowhere/\"]\n\tinsteadOf = ssh://git@git.example.com/\n", dir)
	if err := os.WriteFile(config, []byte(text), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	s := load(t, nil, map[string]string{"main.tf": call("a", "git@git.example.com:vpc.git?ref=v1.0.0") + call("b", "git@git.example.com:vpc.git?ref=v1.0.0") +
		call("c", "git::https://git.example.com/vpc.git?ref=v1.0.0")})
	if err := s.Ask(context.Background(), Asker{Cache: &repo.Cache{Dir: t.TempDir()}}); err != nil {
		t.Fatal(err)
	}
	if len(s.Failures) > 0 || !s.Modules[0].Whole || s.Modules[0].Newest(false).Tag != "v1.1.0" {
		t.Errorf("%+v %+v", s.Failures, s.Modules[0].Releases)
	}
}

// countingRemotes counts who is asked for which repository.
type countingRemotes struct {
	*fetch.Store
	asked atomic.Int32
}

func (c *countingRemotes) Refs(ctx context.Context, url string) (map[string]repo.Ref, *repo.Mirror, error) {
	c.asked.Add(1)
	return c.Store.Refs(ctx, url)
}

// A store that modules are opened with afterwards has the answers; offline
// nobody asks it.
func TestAskRemotes(t *testing.T) {
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	dir := filepath.Join(t.TempDir(), "vpc.git")
	write(t, dir, map[string]string{"main.tf": "variable \"a\" {}\n"}, "v1.0.0", "v1.1.0")
	files := map[string]string{"main.tf": call("a", "git::file://"+dir+"?ref=v1.0.0") + call("b", "git::file://"+dir+"//sub?ref=v1.0.0")}
	cache := &repo.Cache{Dir: t.TempDir()}
	steps := 0
	remotes := &countingRemotes{Store: &fetch.Store{Cache: cache, Progress: func(string, int, int) { steps++ }}}
	s := load(t, nil, files)
	if err := s.Ask(t.Context(), Asker{Cache: cache, Remotes: remotes}); err != nil || len(s.Failures) > 0 {
		t.Fatal(err, s.Failures)
	}
	if n := len(s.Modules[0].Releases); n != 2 || remotes.asked.Load() != 1 {
		t.Errorf("%d releases, asked %d times", n, remotes.asked.Load())
	}
	st, err := remotes.Compare(t.Context(), s.Modules[1].Uses[0].Call.Source, "1.0.0", "1.1.0", nil)
	if err != nil || steps != 2 {
		t.Errorf("%v; %d steps, want the two of one question: %+v", err, steps, st)
	}
	if err := load(t, nil, files).Ask(t.Context(), Asker{Cache: cache, Remotes: remotes, Offline: true}); err != nil || remotes.asked.Load() != 1 {
		t.Errorf("offline: %v, asked %d times", err, remotes.asked.Load())
	}
}

// What the lock and a mirror know needs nobody.
func TestCached(t *testing.T) {
	t.Setenv("GIT_CONFIG_GLOBAL", os.DevNull)
	dir := filepath.Join(t.TempDir(), "vpc.git")
	commit := write(t, dir, map[string]string{"main.tf": ""}, "v1.0.0", "v1.1.0", "v1.2.0")
	src := "git::file://" + dir
	file := &lock.File{Entries: []*lock.Entry{{Address: "registry.terraform.io/a/b/c", Ref: "~> 1.0", Kind: lock.KindVersion, Version: "1.3.0"}}}
	files := map[string]string{"live/qa/a/main.tf": call("a", src+"?ref=v1.2.0") + call("b", "a/b/c", `version = "~> 1.0"`), "live/prod/a/main.tf": call("a", src+"?ref="+commit) + call("c", src+"?ref=v1.0.0")}
	cache := &repo.Cache{Dir: t.TempDir()}
	m, err := cache.Mirror("file://" + dir)
	if err != nil {
		t.Fatal(err)
	}
	id, _ := repo.ParseHash(commit)
	if err := m.Ensure(context.Background(), repo.Want{Commit: id}); err != nil {
		t.Fatal(err)
	}
	s := load(t, file, files)
	if err := s.Cached(context.Background(), cache); err != nil {
		t.Fatal(err)
	}
	want := "c qa=1.3.0 live/qa/a/main.tf:6\nvpc qa=1.2.0 live/qa/a/main.tf:2\nvpc prod=1.2.0 live/prod/a/main.tf:2\nvpc prod=1.0.0 live/prod/a/main.tf:5\n"
	got := strings.ReplaceAll(shown(s), "b qa=", "c qa=")
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	for _, m := range s.Modules {
		if sk := m.Skews(); !m.Registry && (len(sk) != 1 || sk[0].Behind != 2 || sk[0].AtLeast) {
			t.Errorf("%+v", sk)
		}
	}
}

func TestCheckConstraint(t *testing.T) {
	for _, ok := range []string{"~> 1.2", ">= 1.0, < 2.0", "1.2.3", "!= 1.4.0"} {
		if err := CheckConstraint(ok); err != nil {
			t.Errorf("%s: %v", ok, err)
		}
	}
	for _, bad := range []string{"", " ", "latest", "~> v", "^1.2"} {
		if err := CheckConstraint(bad); err == nil || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}
