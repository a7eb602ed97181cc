package lock

import (
	"archive/zip"
	"bytes"
	"context"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A shelf is a module registry on this machine.
type shelf struct {
	*httptest.Server
	mu       sync.Mutex
	versions string            // of every module, as JSON has them
	download map[string]string // by version
	files    map[string][]byte // by path
	down     bool
	seen     []string
}

// newShelf serves as reg.example.com for this test, to terraform and to us.
func newShelf(h *home) *shelf {
	s := &shelf{download: map[string]string{}, files: map[string][]byte{}}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.seen = append(s.seen, r.URL.Path)
		rest := strings.TrimPrefix(r.URL.Path, "/v1/acme/vpc/aws/")
		version, isDownload := strings.CutSuffix(rest, "/download")
		switch {
		case s.down:
			http.Error(w, "down", http.StatusBadRequest)
		case rest == "versions":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"modules":[{"versions":[%s]}]}`, s.versions)
		case isDownload && s.download[version] != "":
			w.Header().Set("X-Terraform-Get", s.download[version])
			w.WriteHeader(http.StatusNoContent)
		case s.files[r.URL.Path] != nil:
			_, _ = w.Write(s.files[r.URL.Path])
		default:
			http.NotFound(w, r)
		}
	}))
	h.t.Cleanup(s.Close)
	h.write(h.dir, "terraformrc", fmt.Sprintf("host \"reg.example.com\" {\n  services = {\n    \"modules.v1\" = %q\n  }\n}\n", s.URL+"/v1/"))
	return s
}

func (s *shelf) set(versions ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []string
	for _, v := range versions {
		out = append(out, fmt.Sprintf(`{"version":%q}`, v))
	}
	s.versions = strings.Join(out, ",")
}

func online() (Registry, error) { return registry.New(registry.Options{}) }

// at says where a version is.
func (s *shelf) at(version, address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.download[version] = address
}

func (s *shelf) file(path string, data []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.files[path] = data
}

func zipped(t *testing.T, files ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for i := 0; i < len(files); i += 2 {
		w, err := z.Create(files[i])
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(files[i+1])); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// A registry call is locked to a version, what the registry said of it, and
// the commit or the files that this is; the same as terraform installs.
func TestRegistry(t *testing.T) {
	h := newHome(t)
	s := newShelf(h)
	dir := h.repository("vpc", map[string]string{"main.tf": "# git\n", "aws/main.tf": "# aws\n", "aws/modules/x/main.tf": module("leaf", h.url("leaf")+"?ref=v1.0.0")})
	h.git(dir, "tag", "v1.2.0")
	leaf := h.repository("leaf", map[string]string{"main.tf": "# leaf\n"})
	h.git(leaf, "tag", "v1.0.0")
	s.set("1.0.0", "1.2.0", "1.3.0", "2.0.0-rc1")
	s.at("1.2.0", h.url("vpc")+"//aws?ref=v1.2.0")
	s.at("1.3.0", s.URL+"/files/vpc.zip//top?archive=zip&token=s3cr3t-x")
	s.file("/files/vpc.zip", zipped(t, "top/main.tf", module("leaf", h.url("leaf")+"?ref=v1.0.0"), "top/modules/x/main.tf", "# x\n", "LICENSE", "free\n"))
	const address = "reg.example.com/acme/vpc/aws"
	calls := []Call{call(t, address+"//modules/x", "~> 1.2.0"), call(t, address, ">= 1.0")}
	first := h.run(calls, nil, Config{Registry: online})
	if rules(first) != "" || len(first.Failures) > 0 {
		t.Fatalf("%+v %+v", first.Problems, first.Failures)
	}
	git, archive := first.File.Find(address, "~> 1.2.0"), first.File.Find(address, ">= 1.0")
	if git == nil || archive == nil || len(first.File.Entries) != 3 {
		t.Fatalf("%s", first.File.Bytes())
	}
	if git.Version != "1.2.0" || git.Kind != KindVersion || git.Commit != h.id(dir, "v1.2.0") || git.Download != h.url("vpc")+"//aws?ref=v1.2.0" {
		t.Errorf("%+v", git)
	}
	want := byHand(map[string]string{"top/main.tf": module("leaf", h.url("leaf")+"?ref=v1.0.0"), "top/modules/x/main.tf": "# x\n", "LICENSE": "free\n"})
	if archive.Version != "1.3.0" || archive.Commit != "" || archive.Hash != want || archive.Download != s.URL+"/files/vpc.zip//top?archive=zip" {
		t.Errorf("%+v", archive)
	}
	if _, diags := Parse(first.File.Bytes(), Name); diags.HasErrors() {
		t.Error(diags)
	}
	// Terraform installs the same.
	work := filepath.Join(h.dir, "work")
	h.write(work, "main.tf", module("a", address+"//modules/x", `version = "~> 1.2.0"`)+module("b", address, `version = ">= 1.0"`))
	terraform := exec.Command("terraform", "get")
	terraform.Dir = work
	if out, err := terraform.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if got := h.id(filepath.Join(work, ".terraform", "modules", "a"), "HEAD"); got != git.Commit {
		t.Errorf("terraform has %s", got)
	}
	if data, err := os.ReadFile(filepath.Join(work, ".terraform", "modules", "b", "top", "main.tf")); err != nil || !strings.Contains(string(data), "leaf") {
		t.Errorf("%s %v", data, err)
	}

	check := func(want string, failures int, c Config) {
		t.Helper()
		c.Registry, c.Check = online, true
		r := h.run(calls, first.File, c)
		if rules(r) != want || len(r.Failures) != failures {
			t.Errorf("%s, want %s; %+v\n%+v", rules(r), want, r.Problems, r.Failures)
		}
		if text := fmt.Sprintf("%+v %+v", r.Problems, r.Failures); strings.Contains(text, "s3cr3t") {
			t.Error(text)
		}
	}
	check("", 0, Config{})
	check("not-checked", 0, Config{Offline: true}) // the archive
	s.set("1.0.0", "1.2.0", "1.2.9", "1.3.0")
	check("moved-range", 0, Config{})
	s.at("1.2.9", h.url("vpc")+"//aws?ref=v1.2.0")
	r := h.run(calls, first.File, Config{Registry: online, Update: func(string) bool { return true }})
	if e := r.File.Find(address, "~> 1.2.0"); rules(r) != "" || e == nil || e.Version != "1.2.9" || len(r.Updated) != 1 {
		t.Errorf("%+v %+v", e, r.Updated)
	}
	s.set("1.0.0", "1.2.0", "1.3.0")
	h.commit(dir, map[string]string{"main.tf": "# other\n"})
	h.git(dir, "tag", "-f", "v1.2.0")
	check("moved-version", 0, Config{})
	s.file("/files/vpc.zip", zipped(t, "top/main.tf", "# other\n", "top/modules/x/main.tf", ""))
	check("hash-differs moved-version", 0, Config{})
	// What the registry has no more is read where the lock says that it was.
	s.set("9.0.0")
	check("hash-differs moved-range moved-version unknown-ref", 0, Config{})
	s.set()
	check("hash-differs moved-version unknown-ref unknown-ref", 0, Config{})
	s.mu.Lock()
	s.down = true
	s.mu.Unlock()
	check("moved-version", 2, Config{})
}

// A deaf registry is a host that does not answer.
type deaf struct {
	mu    sync.Mutex
	asked map[string]int
}

func (d *deaf) Versions(_ context.Context, host, _, _, _ string) ([]string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked[host]++
	return nil, &registry.Error{Reason: registry.ReasonHost, Err: fmt.Errorf("%s does not answer", host)}
}

func (d *deaf) Download(context.Context, string, string, string, string, string) (string, error) {
	return "", errNoVersion
}

func (d *deaf) Archive(context.Context, string) (fs.FS, error) { return nil, errNoVersion }

// A host that does not answer is asked once, and is one failure.
func TestRegistryDown(t *testing.T) {
	h := newHome(t)
	d := &deaf{asked: map[string]int{}}
	var calls []Call
	for _, name := range []string{"a", "b", "c"} {
		calls = append(calls, call(t, "one.example.com/x/"+name+"/aws", "1.0.0"), call(t, "two.example.com/x/"+name+"/aws", "1.0.0"))
	}
	r := h.run(calls, nil, Config{Registry: func() (Registry, error) { return d, nil }})
	if len(r.Failures) != 2 || r.Failures[0].Source != "one.example.com" || d.asked["one.example.com"] != 1 || d.asked["two.example.com"] != 1 || rules(r) != "" {
		t.Errorf("%+v %v", r, d.asked)
	}
	// A configuration that cannot be read is a failure too.
	r = h.run(calls[:1], nil, Config{Registry: func() (Registry, error) { return nil, errNoVersion }})
	if r.Complete || len(r.Failures)+len(r.Problems) == 0 {
		t.Errorf("%+v", r)
	}
}

// What a registry says is hostile input.
func TestRegistryHostile(t *testing.T) {
	h := newHome(t)
	s := newShelf(h)
	h.repository("x", map[string]string{"main.tf": ""})
	mark := filepath.Join(h.dir, "ran")
	s.set("1.0.0")
	for address, want := range map[string]string{
		"git::ext::sh -c touch% " + mark:                    "unsafe-ref",
		h.url("x") + "?ref=--upload-pack=touch%20" + mark:   "unsafe-ref",
		h.url("x") + "//../..":                              "not-lockable",
		h.url("x") + "//nothing":                            "unread-call",
		"s3::https://s3.amazonaws.com/b/x.zip":              "not-lockable",
		"hg::https://h.example.com/x":                       "not-lockable",
		"git::https://u:s3cr3t-x@127.0.0.1:1/x":             "failure",
		"git::https://h.example.com/x?private_token=s3cr3t": "not-lockable",
		"/etc": "not-lockable",
	} {
		t.Run(address, func(t *testing.T) {
			s.at("1.0.0", address)
			r := h.run([]Call{call(t, "reg.example.com/acme/vpc/aws", "1.0.0")}, nil, Config{Registry: online})
			got := rules(r)
			if len(r.Failures) > 0 {
				got = strings.TrimSpace("failure " + got)
			}
			text := fmt.Sprintf("%+v %+v", r.Problems, r.Failures)
			if got != want {
				t.Errorf("%s: %s", got, text)
			}
			if strings.Contains(text, "s3cr3t") {
				t.Error(text)
			}
			if _, err := os.Stat(mark); err == nil {
				t.Error("something ran")
			}
		})
	}
}

// Since when the lock has a commit, from its own history.
func TestSince(t *testing.T) {
	h := newHome(t)
	dir := h.repository("live", map[string]string{"main.tf": ""})
	ctx := context.Background()
	open := func(dir string) *repo.Repo {
		r, err := repo.Open(ctx, dir)
		if r == nil {
			t.Fatal(err)
		}
		return r
	}
	since := func(dir, sub string, e *Entry) string {
		t.Helper()
		s, err := SinceOf(ctx, open(dir), filepath.Join(dir, sub), e)
		if err != nil {
			t.Fatal(err)
		}
		if s == nil {
			return "unknown"
		}
		if s.Commit == "" {
			return "uncommitted"
		}
		return fmt.Sprint(s.Commit, " ", s.When, " ", s.AtLeast)
	}
	f := some()
	vpc := f.Find("git::https://h.example.com/vpc.git", "v1.2.3")
	if got := since(dir, "", vpc); got != "uncommitted" {
		t.Error(got)
	}
	h.write(dir, Name, string(f.Bytes()))
	t.Setenv("GIT_AUTHOR_DATE", "2024-05-06T07:08:09Z")
	first := h.commit(dir, nil)
	t.Setenv("GIT_AUTHOR_DATE", "2024-09-09T00:00:00Z")
	// Another entry before it moves its lines, and nothing else.
	f.Entries = append(f.Entries, &Entry{Address: "git::https://a.example.com/a.git", Ref: "v1", Kind: KindTag, Commit: someCommit, Hash: someHash})
	f.Sort()
	h.write(dir, Name, string(f.Bytes()))
	second := h.commit(dir, nil)
	want := first + " 1714979289 false"
	if got := since(dir, "", vpc); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	// An entry that is not the committed one.
	changed := *vpc
	changed.Commit = strings.Repeat("1", 40)
	if got := since(dir, "", &changed); got != "uncommitted" {
		t.Error(got)
	}
	// In a subdirectory, in a linked work tree, and in a shallow clone.
	tree := filepath.Join(h.dir, "tree")
	h.git(dir, "worktree", "add", "-q", tree)
	if got := since(tree, "", vpc); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	clone := filepath.Join(h.dir, "clone")
	h.git(h.dir, "clone", "-q", "--depth=1", "file://"+dir, clone)
	if got, want := since(clone, "", vpc), second+" 1725840000 true"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if s, err := SinceOf(ctx, nil, dir, vpc); s != nil || err != nil {
		t.Error(s, err)
	}
	if s, err := SinceOf(ctx, open(dir), t.TempDir(), vpc); s != nil || err != nil {
		t.Error(s, err)
	}
	problems := []Problem{{Rule: MovedTag, Entry: vpc}, {Rule: HashDiffers, Entry: vpc}, {Rule: MovedTag}}
	if err := AddSince(ctx, open(dir), dir, problems); err != nil || problems[0].Since == nil || problems[0].Since.Commit != first || problems[1].Since != nil {
		t.Errorf("%+v %v", problems, err)
	}
}
