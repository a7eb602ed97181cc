package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/fixtures/githttp"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/repo"
)

func git(t *testing.T, dir string, args ...string) string {
	t.Helper()
	cmd := exec.Command("git", append([]string{"-c", "user.name=Ada", "-c", "user.email=ada@example.com"}, args...)...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
	return strings.TrimSpace(string(out))
}

// commit makes a commit of the files, with the tags, and returns its id.
func commit(t *testing.T, dir string, files map[string]string, tags ...string) string {
	t.Helper()
	for name, text := range files {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte(text), 0o666); err != nil {
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

func source(t *testing.T, text string) hclparse.Source {
	t.Helper()
	s, err := hclparse.ParseSource(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A forge has modules.git with modules vpc and dns, which calls lib.
type forge struct {
	*githttp.Server
	url           string // of modules.git
	first, second string // commits
}

func newForge(t *testing.T) *forge {
	t.Helper()
	s, err := githttp.Start(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	config := filepath.Join(t.TempDir(), "gitconfig")
	if err := os.WriteFile(config, []byte(s.GitConfig()), 0o666); err != nil {
		t.Fatal(err)
	}
	t.Setenv("GIT_CONFIG_GLOBAL", config)
	if _, err := s.Create(t.Context(), "modules.git"); err != nil {
		t.Fatal(err)
	}
	f := &forge{Server: s, url: s.URL + "/modules.git"}
	work := t.TempDir()
	git(t, work, "init", "-q", "-b", "main")
	f.first = commit(t, work, map[string]string{
		"vpc/main.tf": "variable \"cidr\" {}\n", "dns/main.tf": "module \"lib\" {\n  source = \"../lib\"\n}\n", "lib/main.tf": "# 1\n", "eks/main.tf": "# 1\n",
	}, "v1.0.0", "vpc/v1.0.0", "dns-v1.0.0", "eks/v1.0.0")
	commit(t, work, map[string]string{"broken/main.tf": "variable {"}, "v1.1.0", "vpc/v1.1.0")
	f.second = commit(t, work, map[string]string{"vpc/main.tf": "variable \"azs\" {}\n", "lib/main.tf": "# 2\n", "vpc/README.md": "new"}, "v2.0.0", "vpc/v2.0.0", "dns-v2.0.0", "eks/v2.0.0")
	git(t, work, "push", "-q", f.url, "main", "--tags")
	return f
}

// asked counts how often the refs were read.
func (f *forge) asked() (n int) {
	for _, r := range f.Requests() {
		if strings.Contains(r.Path, "info/refs?service=git-upload-pack") && r.User != "" {
			n++
		}
	}
	return n
}

func TestOpen(t *testing.T) {
	f := newForge(t)
	s := &Store{Cache: &repo.Cache{Dir: t.TempDir()}}
	src := "git::" + f.url
	for _, c := range []struct {
		source, rev, label, commit string
		prefixes                   []string
	}{
		{src + "//vpc", "1.0.0", "vpc/v1.0.0", f.first, nil},
		{src + "//vpc?ref=v9", "v2.0.0", "vpc/v2.0.0", f.second, nil},
		{src + "//dns", "2.0.0", "dns-v2.0.0", f.second, nil},
		{src, "2.0.0", "v2.0.0", f.second, nil},
		{src, "2.0.0", "vpc/v2.0.0", f.second, []string{"vpc/"}},
		{src, "tags/v2.0.0", "", "", nil},
		{src, "refs/tags/v2.0.0", "refs/tags/v2.0.0", f.second, nil},
		{src + "//vpc", "main", "main", f.second, nil},
		{src + "//vpc", "HEAD", "HEAD", f.second, nil},
		{src + "//vpc", f.first, f.first, f.first, nil},
		{src + "//vpc", strings.ToUpper(f.first), strings.ToUpper(f.first), f.first, nil},
		{src + "//vpc", f.first[:9], f.first[:9], f.first, nil},
	} {
		v, err := s.Open(t.Context(), source(t, c.source), c.rev, c.prefixes)
		if c.label == "" {
			if err == nil {
				t.Errorf("%s at %s: %s", c.source, c.rev, v.Label)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s at %s: %v", c.source, c.rev, err)
			continue
		}
		if v.Label != c.label || v.Commit.String() != c.commit || v.Mirror.URL() != f.url {
			t.Errorf("%s at %s: %s, %s of %s", c.source, c.rev, v.Label, v.Commit, v.Mirror.URL())
		}
		if _, err := fs.ReadFile(v.FS, "vpc/main.tf"); err != nil {
			t.Error(err)
		}
		if err := errors.Join(v.Close(), v.Close()); err != nil {
			t.Error(err)
		}
	}
	if n := f.asked(); n != 2 {
		t.Errorf("asked %d times, want once, and once in the fetch", n)
	}
}

func TestOpenBadInput(t *testing.T) {
	f := newForge(t)
	s := &Store{Cache: &repo.Cache{Dir: t.TempDir()}, Registry: func() (Registry, error) { return &fakeRegistry{}, nil }}
	src := "git::" + strings.Replace(f.url, "://", "://ada:"+githttp.Password+"@", 1) + "//vpc"
	for _, c := range []struct{ source, rev, want string }{
		{src, "v1.2.0", "has no revision \"v1.2.0\" of 127.0.0.1/modules//vpc\nhint: the nearest tags: "},
		{src, "vpc/v3.0.0", "hint: the nearest tags: vpc/v2.0.0"},
		{src, "--upload-pack=touch x", "has no revision"},
		{src, "deadbeef", "has no revision"},
		{src, strings.Repeat("de", 20), "has no commit"},
		{src, "../../x", "has no revision"},
		{src, "", "has no revision"},
		{"./vpc", "v1", "it has no versions"},
		{"git::" + f.URL + "/none.git", "v1", "there is no such repository"},
		{"git::ext::sh -c x", "v1", ""},
		{"a/b/c", "3.0.0", "the registry registry.terraform.io has no version \"3.0.0\" of registry.terraform.io/a/b/c\nhint: the nearest versions: 2.0.0, 1.0.0"},
		{"a/b/c", "1.0.0", `is at "s3::https://x/y", which is neither git nor an archive`},
	} {
		src, err := hclparse.ParseSource(c.source)
		if err != nil {
			continue // is no address, and so nobody opens it
		}
		v, err := s.Open(t.Context(), src, c.rev, nil)
		if err == nil {
			v.Close()
			t.Errorf("%s at %s is opened as %s", c.source, c.rev, v.Label)
		} else if !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), githttp.Password) {
			t.Errorf("%s at %s: %v", c.source, c.rev, err)
		}
	}
	offline := &Store{Cache: &repo.Cache{Dir: t.TempDir()}, Offline: true}
	for text, want := range map[string]string{src: "is in the cache\nhint: run it once without --offline", "a/b/c": "only its registry knows"} {
		if _, err := offline.Open(t.Context(), source(t, text), "v1.0.0", nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("offline: %v", err)
		}
	}
}

// Thirty modules of one repository, all at once: one question, one fetch. One
// that fails is not asked again, but a context that has ended is no answer.
func TestAskedOnce(t *testing.T) {
	f := newForge(t)
	steps := 0
	s := &Store{Cache: &repo.Cache{Dir: t.TempDir()}, Progress: func(string, int, int) { steps++ }}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Open(ended, source(t, "git::"+f.url), "v1.0.0", nil); err == nil {
		t.Error("an ended context is no error")
	}
	steps = 0
	var g errgroup.Group
	for i := range 30 {
		g.Go(func() error {
			sub := []string{"vpc", "dns", "eks"}[i%3]
			st, err := s.Compare(t.Context(), source(t, "git::"+f.url+"//"+sub), "1.0.0", "2.0.0", nil)
			if err == nil && st.Same != (sub == "eks") {
				err = fmt.Errorf("%s: same is %v", sub, st.Same)
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if _, m, err := s.Refs(t.Context(), f.url); err != nil || m.URL() != f.url {
		t.Error(err)
	}
	if n := f.asked(); n != 2 || steps != 2 {
		t.Errorf("asked %d times, want once, and once in the fetch; %d steps", n, steps)
	}
	f.Break("none.git", githttp.Forbid, -1)
	before := f.asked()
	for range 3 {
		if _, err := s.Open(t.Context(), source(t, "git::"+f.URL+"/none.git"), "v1.0.0", nil); err == nil {
			t.Error("no error")
		}
	}
	if n := f.asked() - before; n != 1 {
		t.Errorf("who does not answer was asked %d times", n)
	}
}

// What a step says, and which calls break.
func TestCompare(t *testing.T) {
	f := newForge(t)
	s := &Store{Cache: &repo.Cache{Dir: t.TempDir()}}
	src := source(t, "git::"+f.url+"//vpc")
	for _, c := range []struct {
		sub, old, new string
		level         change.Level
		same          bool
	}{
		{"vpc", "1.0.0", "2.0.0", change.Major, false},
		{"vpc", "1.0.0", "1.1.0", change.None, true},
		{"vpc", "1.0.0", "1.0.0", change.None, true},
		{"vpc", "2.0.0", "1.0.0", change.Major, false}, // back
		{"dns", "1.0.0", "2.0.0", change.None, false},  // what it calls has another comment
		{"eks", "1.0.0", "2.0.0", change.None, true},
	} {
		st, err := s.Compare(t.Context(), source(t, "git::"+f.url+"//"+c.sub), c.old, c.new, nil)
		if err != nil {
			t.Errorf("%s: %v", c.sub, err)
			continue
		}
		if st.Level != c.level || st.Same != c.same || (len(st.Changes) > 0) != (c.level != change.None) {
			t.Errorf("%s %s to %s: %s, same %v, %v", c.sub, st.Old, st.New, st.Level, st.Same, st.Changes)
		}
	}
	fsys := fstest.MapFS{"live/prod/main.tf": &fstest.MapFile{Data: []byte(fmt.Sprintf("module \"vpc\" {\n  source = \"git::%s//vpc?ref=vpc/v1.0.0\"\n  cidr   = 1\n}\n", f.url))}}
	tree, _ := hclparse.LoadCalls(fsys)
	graph := modules.NewGraph(tree, nil)
	var calls []change.Called
	for _, c := range graph.Calls {
		sub, ok := change.SubmoduleOf(c.Source(), src)
		if !ok {
			t.Fatal("it is a call of the module")
		}
		calls = append(calls, change.Called{Call: c, Sub: sub})
	}
	st, err := s.Compare(t.Context(), src, "1.0.0", "2.0.0", nil)
	if err != nil {
		t.Fatal(err)
	}
	breaks, unread := st.Breaks(change.NewCallers(graph), calls)
	want := `[{live/prod/main.tf 1 vpc module "vpc" does not pass azs, which is required} {live/prod/main.tf 3 vpc module "vpc" passes cidr, which is gone}]`
	if fmt.Sprint(breaks) != want || len(unread) > 0 {
		t.Errorf("%v, unread %v", breaks, unread)
	}

	var broken *ParseError
	if _, err := s.Compare(t.Context(), source(t, "git::"+f.url+"//broken"), "v1.1.0", "v2.0.0", nil); !errors.As(err, &broken) || len(broken.Files) == 0 || broken.Label != "v1.1.0" {
		t.Errorf("broken: %v", err)
	}
	if _, err := s.Compare(t.Context(), source(t, "git::"+f.url+"//nothing"), "v1.1.0", "v2.0.0", nil); !errors.Is(err, ErrNoModule) {
		t.Errorf("nothing: %v", err)
	}
}

// A fakeRegistry has a/b/c, of which 1.0.0 is nowhere that anybody can go, and
// 1.1.0 and 2.0.0 are archives.
type fakeRegistry struct {
	listed atomic.Int32
	mu     sync.Mutex
	gone   []string
}

func (r *fakeRegistry) Versions(context.Context, string, string, string, string) ([]string, error) {
	r.listed.Add(1)
	return []string{"2.0.0", "1.1.0", "1.0.0"}, nil
}

func (r *fakeRegistry) Download(_ context.Context, _, _, _, _, version string) (string, error) {
	if version == "1.0.0" {
		return "s3::https://x/y", nil
	}
	return "https://example.com/" + version + ".tar.gz//*?archive=tar.gz", nil
}

func (r *fakeRegistry) Archive(_ context.Context, address string) (fs.FS, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.gone = append(r.gone, address)
	text, dir := "# 1\n", "mod-aaa"
	if strings.Contains(address, "2.0.0") {
		text, dir = "# 2\n", "mod-bbb"
	}
	return fstest.MapFS{
		dir + "/main.tf":           &fstest.MapFile{Data: []byte("variable \"a\" {}\n")},
		dir + "/modules/x/main.tf": &fstest.MapFile{Data: []byte("module \"y\" {\n  source = \"../y\"\n}\n")},
		dir + "/modules/y/main.tf": &fstest.MapFile{Data: []byte(text)},
		dir + "/modules/z/main.tf": &fstest.MapFile{Data: []byte("# z\n")},
	}, nil
}

// Archives have a directory that is named after the commit: it does not count.
func TestCompareArchives(t *testing.T) {
	made := 0
	fake := &fakeRegistry{}
	s := &Store{Registry: func() (Registry, error) { made++; return fake, nil }}
	for sub, same := range map[string]bool{"": false, "//modules/x": false, "//modules/y": false, "//modules/z": true} {
		st, err := s.Compare(t.Context(), source(t, "a/b/c"+sub), "v1.1.0", "2.0.0", nil)
		if err != nil {
			t.Fatal(err)
		}
		if st.Same != same || st.Old != "1.1.0" || st.New != "2.0.0" {
			t.Errorf("%q: %s to %s, same %v", sub, st.Old, st.New, st.Same)
		}
	}
	if made != 1 || fake.listed.Load() != 1 {
		t.Errorf("%d clients, %d lists", made, fake.listed.Load())
	}
}

func TestSame(t *testing.T) {
	file := func(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text), Mode: 0o644} }
	base := fstest.MapFS{"m/main.tf": file("module \"a\" {\n  source = \"../lib\"\n}\n"), "m/run.sh": file("x"), "lib/main.tf": file("# 1\n"), "other/main.tf": file("")}
	with := func(name string, f *fstest.MapFile) fstest.MapFS {
		out := fstest.MapFS{}
		for n, f := range base {
			out[n] = f
		}
		if out[name] = f; f == nil {
			delete(out, name)
		}
		return out
	}
	for _, c := range []struct {
		name     string
		after    fs.FS
		dir      string
		same, ok bool
	}{
		{"equal", base, "m", true, true},
		{"another's file", with("other/main.tf", file("# 2\n")), "m", true, true},
		{"what it calls", with("lib/main.tf", file("# 2\n")), "m", false, true},
		{"a byte", with("m/run.sh", file("y")), "m", false, true},
		{"a mode", with("m/run.sh", &fstest.MapFile{Data: []byte("x"), Mode: 0o755}), "m", false, true},
		{"a new file", with("m/new.tf", file("")), "m", false, true},
		{"a file that is gone", with("m/run.sh", nil), "m", false, true},
		{"the module is new", base, "none", false, true},
		{"it climbs out", fstest.MapFS{"main.tf": file("module \"a\" {\n  source = \"../../x\"\n}\n")}, ".", false, false},
	} {
		before := fs.FS(base)
		dir := "m"
		if c.dir == "." {
			before, dir = c.after, "."
		}
		if same, ok := Same(before, dir, c.after, c.dir); same != c.same || ok != c.ok {
			t.Errorf("%s: %v, %v", c.name, same, ok)
		}
	}
}

func TestNearestVersions(t *testing.T) {
	for _, c := range []struct {
		rev  string
		tags []string
		want string
	}{
		{"v1.9.0", []string{"v1.0.0", "v1.10.0", "v2.0.0", "latest"}, "v1.10.0 v1.0.0 v2.0.0"},
		{"latets", []string{"v1.0.0", "latest"}, "latest v1.0.0"},
		{"1.0", nil, ""},
	} {
		if got := strings.Join(NearestVersions(c.rev, c.tags), " "); got != c.want {
			t.Errorf("%s: %s, want %s", c.rev, got, c.want)
		}
	}
}

// A repository's own tags count before those that bear its name.
func TestTagPrefixes(t *testing.T) {
	for _, c := range []struct {
		repository, subdir, rev, want string
		tags                          []string
	}{
		{"acme/vpc.git", "", "1.0.0", "v1.0.0", []string{"vpc/v1.0.0", "v1.0.0"}},
		{"acme/vpc.git", "", "1.0.0", "vpc-1.0.0", []string{"vpc-1.0.0"}},
		{"acme/all.git", "modules/vpc", "1.0.0", "modules/vpc/v1.0.0", []string{"v1.0.0", "vpc/v1.0.0", "modules/vpc/v1.0.0"}},
		{"acme/all.git", "modules/aws/vpc", "1.0.0", "aws-vpc-1.0.0", []string{"v1.0.0", "aws-vpc-1.0.0"}},
		{"acme/all.git", "vpc", "1.0.0", "", []string{"dns/v1.0.0"}},
	} {
		if got := OwnTag(c.rev, TagPrefixes(c.repository, c.subdir, nil), c.tags); got != c.want {
			t.Errorf("%s//%s: %q, want %q", c.repository, c.subdir, got, c.want)
		}
	}
}
