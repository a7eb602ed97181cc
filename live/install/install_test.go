package install

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/terrier-iac/terrier/fixtures/githttp"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/terraform"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

var findTerraform = sync.OnceValues(func() (*terraform.Terraform, error) { return terraform.Find("") })

// A bench has a server of git repositories, a registry, and a root with stacks.
type bench struct {
	t       testing.TB
	tf      *terraform.Terraform
	dir     string
	root    string
	git     *githttp.Server
	rc      string
	modules map[string][]string // of the registry: versions
}

func newBench(t testing.TB) *bench {
	t.Helper()
	tf, err := findTerraform()
	if err != nil {
		t.Fatal(err)
	}
	dir, err := filepath.EvalSymlinks(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	b := &bench{t: t, tf: tf, dir: dir, root: filepath.Join(dir, "root"), modules: map[string][]string{}}
	for _, d := range []string{"root", "home", "cache"} {
		if err := os.Mkdir(filepath.Join(dir, d), 0o777); err != nil {
			t.Fatal(err)
		}
	}
	if b.git, err = githttp.Start(filepath.Join(dir, "git")); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(b.git.Close)
	reg := httptest.NewServer(http.HandlerFunc(b.serveRegistry))
	t.Cleanup(reg.Close)
	b.rc = filepath.Join(dir, "rc")
	b.write("rc", fmt.Sprintf("host \"registry.terraform.io\" {\n  services = {\n    \"modules.v1\" = %[1]q\n  }\n}\nhost \"reg.example.com\" {\n  services = {\n    \"modules.v1\" = %[1]q\n  }\n}\n", reg.URL+"/v1/modules/"))
	for name, value := range map[string]string{
		"HOME": filepath.Join(dir, "home"), "XDG_CONFIG_HOME": filepath.Join(dir, "home"), "GIT_CONFIG_GLOBAL": os.DevNull, "GIT_CONFIG_NOSYSTEM": "1",
		"TF_CLI_CONFIG_FILE": b.rc, "CHECKPOINT_DISABLE": "1", "TF_IN_AUTOMATION": "1", "TF_INPUT": "0", "TF_PLUGIN_CACHE_DIR": "",
		"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": "!f() { echo username=" + githttp.User + "; echo password=" + githttp.Password + "; }; f",
	} {
		t.Setenv(name, value)
	}
	return b
}

func (b *bench) serveRegistry(w http.ResponseWriter, r *http.Request) {
	part := strings.Split(strings.TrimPrefix(r.URL.Path, "/v1/modules/"), "/") // ns name system versions | ns name system V download
	versions := b.modules[strings.Join(part[:min(3, len(part))], "/")]
	switch {
	case len(part) == 4 && versions != nil:
		var list []map[string]string
		for _, v := range versions {
			list = append(list, map[string]string{"version": strings.Fields(v)[0]})
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(map[string]any{"modules": []any{map[string]any{"versions": list}}})
	case len(part) == 5 && versions != nil:
		for _, v := range versions {
			if f := strings.Fields(v); sameVersion(f[0], part[3]) || f[0] == part[3] {
				w.Header().Set("X-Terraform-Get", f[1])
			}
		}
		w.WriteHeader(http.StatusNoContent)
	default:
		http.NotFound(w, r)
	}
}

func (b *bench) run(dir string, args ...string) string {
	b.t.Helper()
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Dir = dir
	out, err := cmd.CombinedOutput()
	if err != nil {
		b.t.Fatalf("%v in %s: %v\n%s", args, dir, err, out)
	}
	return strings.TrimSpace(string(out))
}

// write writes a file below the bench's directory: "-> target" is a symlink,
// and "#!" begins what is executable.
func (b *bench) write(name, content string) {
	b.t.Helper()
	file := filepath.Join(b.dir, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		b.t.Fatal(err)
	}
	_ = os.Remove(file)
	var err error
	if target, ok := strings.CutPrefix(content, "-> "); ok {
		err = os.Symlink(target, file)
	} else {
		mode := os.FileMode(0o666)
		if strings.HasPrefix(content, "#!") {
			mode = 0o777
		}
		err = os.WriteFile(file, []byte(content), mode)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

// repo makes or adds to a repository that the server has, commits files, and
// tags the commit, which it returns.
func (b *bench) repo(name, tag string, files map[string]string) string {
	b.t.Helper()
	work := filepath.Join(b.dir, "work", name)
	commit := func(args ...string) string {
		return b.run(work, append([]string{"git", "-c", "user.name=a", "-c", "user.email=a@example.com"}, args...)...)
	}
	if _, err := os.Stat(work); err != nil {
		bare, err := b.git.Create(b.t.Context(), name+".git")
		if err != nil {
			b.t.Fatal(err)
		}
		if err := os.MkdirAll(work, 0o777); err != nil {
			b.t.Fatal(err)
		}
		b.run(work, "git", "init", "-q", "-b", "main", ".")
		b.run(work, "git", "remote", "add", "origin", bare)
	}
	for f, content := range files {
		b.write("work/"+name+"/"+f, content)
	}
	b.run(work, "git", "add", "-A", "-f")
	commit("commit", "-q", "--allow-empty", "-m", "change")
	if tag != "" {
		commit("tag", "-f", "-a", "-m", tag, tag)
	}
	b.run(work, "git", "push", "-q", "-f", "origin", "HEAD:main", "--tags")
	return b.run(work, "git", "rev-parse", "HEAD")
}

func (b *bench) source(name, rest string) string {
	return "git::" + b.git.URL + "/" + name + ".git" + rest
}

func (b *bench) installer() *Installer {
	b.t.Helper()
	i := &Installer{
		Cache:    &repo.Cache{Dir: filepath.Join(b.dir, "cache")},
		Registry: func() (Registry, error) { return registry.New(registry.Options{}) },
		Path:     b.tf.Path, Product: b.tf.Product, Version: b.tf.Version,
	}
	b.t.Cleanup(func() { _ = i.Close() })
	return i
}

// input is a stack whose init is terraform's. calls counts it.
func (b *bench) input(stack string, calls *int, more ...string) Input {
	var mu sync.Mutex
	return Input{Root: b.root, Stack: stack, Init: func(ctx context.Context, o InitOptions) error {
		mu.Lock()
		if calls != nil {
			*calls++
		}
		mu.Unlock()
		args := append([]string{"init", "-no-color", "-input=false"}, more...)
		if o.Reconfigure {
			args = append(args, "-reconfigure")
		}
		if o.ReadonlyLock {
			args = append(args, "-lockfile=readonly")
		}
		if !o.Get {
			args = append(args, "-get=false")
		}
		cmd := exec.CommandContext(ctx, b.tf.Path, args...)
		cmd.Dir = filepath.Join(b.root, stack)
		cmd.Env = append(os.Environ(), o.Env...)
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("%w\n%s", err, out)
		}
		return nil
	}}
}

func (b *bench) prepare(i *Installer, in Input) *Prepared {
	b.t.Helper()
	p, err := i.Prepare(b.t.Context(), in)
	if err != nil {
		b.t.Fatal(err)
	}
	p.Release()
	return p
}

// listing is everything below a directory, .git aside: modes, bytes, targets.
func listing(t testing.TB, dir string) string {
	t.Helper()
	var out strings.Builder
	err := filepath.WalkDir(dir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, _ := filepath.Rel(dir, p)
		if d.IsDir() && d.Name() == ".git" {
			return fs.SkipDir
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		mode := info.Mode()
		if rel == "modules.json" {
			mode |= 0o044 // with credentials in it ours is the user's alone
		}
		fmt.Fprintf(&out, "%v %s", mode, rel)
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, _ := os.Readlink(p)
			fmt.Fprintf(&out, " -> %s", target)
		case info.Mode().IsRegular():
			data, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			fmt.Fprintf(&out, " %q", data)
		}
		out.WriteByte('\n')
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return out.String()
}

// reset takes away what was made for a stack.
func (b *bench) reset(stack string) {
	b.t.Helper()
	if err := errors.Join(os.RemoveAll(filepath.Join(b.root, stack, ".terraform")), os.RemoveAll(filepath.Join(b.root, ".terrier"))); err != nil {
		b.t.Fatal(err)
	}
}

// plan is the JSON of a plan without its time.
func (b *bench) plan(stack string) string {
	b.t.Helper()
	dir := filepath.Join(b.root, stack)
	out := filepath.Join(b.dir, "plan")
	b.run(dir, b.tf.Path, "plan", "-no-color", "-input=false", "-out="+out)
	cmd := exec.Command(b.tf.Path, "show", "-json", out)
	cmd.Dir = dir
	data, err := cmd.Output()
	if err != nil {
		b.t.Fatal(err)
	}
	return normalise(b.t, data)
}

// normalise drops the timestamp of a plan, and puts in order what terraform
// writes in none: lists of modules by address, and relevant attributes.
func normalise(t testing.TB, data []byte) string {
	t.Helper()
	var v map[string]any
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	delete(v, "timestamp")
	order(v)
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

func order(v any) {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			order(x)
			if list, ok := x.([]any); ok && (k == "child_modules" || k == "relevant_attributes") {
				slices.SortFunc(list, func(a, b any) int {
					x, _ := json.Marshal(a)
					y, _ := json.Marshal(b)
					return bytes.Compare(x, y)
				})
			}
		}
	case []any:
		for _, x := range v {
			order(x)
		}
	}
}

// both prepares a stack in the cheap way and by terraform init, and compares
// all that they leave, and where asked the plans.
func (b *bench) both(stack string, lockFile *lock.File, plans bool) (cheap, off *Prepared) {
	b.t.Helper()
	at := filepath.Join(b.root, stack, ".terraform")
	i := b.installer()
	i.Lock = lockFile
	cheap = b.prepare(i, b.input(stack, nil))
	if !cheap.Cheap {
		b.t.Fatalf("%s: left to init: %s", stack, cheap.Why)
	}
	ours := listing(b.t, filepath.Join(at, "modules"))
	oursPlan := ""
	if plans {
		oursPlan = b.plan(stack)
	}
	b.reset(stack)
	i = b.installer()
	i.Off = true
	i.Lock = lockFile
	off = b.prepare(i, b.input(stack, nil))
	theirs := listing(b.t, filepath.Join(at, "modules"))
	theirsPlan := ""
	if plans {
		theirsPlan = b.plan(stack)
	}
	if ours != theirs {
		b.t.Errorf("%s: files differ\n--- ours\n%s\n--- terraform's\n%s", stack, ours, theirs)
	}
	if oursPlan != theirsPlan {
		b.t.Errorf("%s: plans differ\n--- ours\n%s\n--- terraform's\n%s", stack, oursPlan, theirsPlan)
	}
	if !slices.Equal(commits(cheap), commits(off)) {
		b.t.Errorf("%s: commits differ\n%s\n%s", stack, commits(cheap), commits(off))
	}
	b.reset(stack)
	return cheap, off
}

func commits(p *Prepared) []string {
	var out []string
	for _, m := range p.Modules {
		out = append(out, fmt.Sprintf("%s %s %s %s %s", m.Key, m.Source, m.Version, m.Dir, m.Commit))
	}
	return out
}

func call(name, source string, more ...string) string {
	return fmt.Sprintf("module %q {\n  source = %q\n%s}\n", name, source, strings.Join(more, "\n")+"\n")
}

const where = "output \"where\" {\n  value = path.module\n}\nresource \"terraform_data\" \"x\" {\n  input = [path.module, fileset(path.module, \"*.t*\"), fileexists(\"${path.module}/run.sh\")]\n}\n"

// lockOf makes a lock file of what a stack calls.
func (b *bench) lockOf(entries ...*lock.Entry) *lock.File {
	f := &lock.File{Entries: entries}
	f.Sort()
	return f
}

func (b *bench) entry(source, ref string, kind lock.Kind, commit string) *lock.Entry {
	b.t.Helper()
	s, err := hclparse.ParseSource(source)
	if err != nil {
		b.t.Fatal(err)
	}
	return &lock.Entry{Address: lock.Address(s), Ref: ref, Kind: kind, Commit: commit, Hash: "h1:x"}
}
