package install

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/gofrs/flock"
	goversion "github.com/hashicorp/go-version"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// env is a variable of terraform's environment.
func (i *Installer) env(name string) string {
	env := i.Env
	if env == nil {
		return os.Getenv(name)
	}
	value := ""
	for _, kv := range env {
		if n, v, ok := strings.Cut(kv, "="); ok && n == name {
			value = v // the last one counts
		}
	}
	return value
}

// cliFiles are the files of terraform's CLI configuration.
func (i *Installer) cliFiles() []string {
	if f := i.env("TF_CLI_CONFIG_FILE"); f != "" {
		return []string{f}
	}
	home := i.env("HOME")
	if home == "" {
		home, _ = os.UserHomeDir()
	}
	if home == "" {
		return nil
	}
	files := []string{filepath.Join(home, ".terraformrc"), filepath.Join(home, ".tofurc")}
	for _, pattern := range []string{"*.tfrc", "*.tfrc.json"} {
		more, _ := filepath.Glob(filepath.Join(home, ".terraform.d", pattern))
		files = append(files, more...)
	}
	return files
}

// cliDigest tells of the CLI configuration: which mirrors and caches there are.
func (i *Installer) cliDigest() string {
	h := sha256.New()
	for _, name := range i.cliFiles() {
		data, err := os.ReadFile(name)
		fmt.Fprintf(h, "%q %d %v\n", name, len(data), err != nil)
		_, _ = h.Write(data)
	}
	fmt.Fprintf(h, "%q", i.env("TF_PLUGIN_CACHE_DIR"))
	return fmt.Sprintf("%x", h.Sum(nil))
}

var pluginCacheDir = regexp.MustCompile(`(?m)^\s*"?plugin_cache_dir"?\s*[=:]\s*"((?:[^"\\]|\\.)*)"`)

// providerCache is the directory that terraform keeps providers in for all
// stacks: the user's, or one below the cache.
func (s *stack) providerCache() (string, error) {
	dir := s.i.env("TF_PLUGIN_CACHE_DIR")
	for _, name := range s.i.cliFiles() {
		if dir != "" {
			break
		}
		if data, err := os.ReadFile(name); err == nil {
			if m := pluginCacheDir.FindSubmatch(data); m != nil {
				dir = os.Expand(string(m[1]), s.i.env)
			}
		}
	}
	switch {
	case dir == "":
		dir = filepath.Join(s.i.Cache.Dir, "providers")
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return "", fmt.Errorf("the provider cache: %w", err)
		}
	case !filepath.IsAbs(dir):
		dir = filepath.Join(s.dir, dir) // as terraform finds it
	}
	return dir, nil
}

// init runs terraform init. terraform's provider cache takes one writer at a
// time: who has all providers of its lock file in there reads, beside other
// readers; who has not writes, alone.
func (s *stack) init(ctx context.Context, reconfigure, get bool) error {
	dir, err := s.providerCache()
	if err != nil {
		return err
	}
	_, err = s.root.Stat(".terraform.lock.hcl")
	o := InitOptions{Reconfigure: reconfigure, ReadonlyLock: err == nil, Get: get, Env: []string{"TF_PLUGIN_CACHE_DIR=" + dir}, Unset: []string{"TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE"}}

	locks := filepath.Join(s.i.Cache.Dir, "provider-locks")
	if err := os.MkdirAll(locks, 0o700); err != nil {
		return fmt.Errorf("the provider cache: %w", err)
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real // one cache in two spellings has one lock
	}
	l := flock.New(filepath.Join(locks, digest(dir)[:32]+".lock"), flock.SetPermissions(0o600))
	take := l.TryLockContext
	if s.providersCached(dir) {
		take = l.TryRLockContext
	}
	if _, err := take(ctx, 20*time.Millisecond); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return fmt.Errorf("lock the provider cache: %w", err)
	}
	defer l.Close()
	if s.in.Init == nil {
		return errors.New("terraform init cannot be run")
	}
	return s.in.Init(ctx, o)
}

// providersCached reports whether the cache has each provider of the lock
// file.
func (s *stack) providersCached(cache string) bool {
	src, err := s.root.ReadFile(".terraform.lock.hcl")
	if err != nil {
		return false // init chooses the versions
	}
	f, diags := hclsyntax.ParseConfig(src, ".terraform.lock.hcl", hcl.InitialPos)
	if diags.HasErrors() {
		return false
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok {
		return false
	}
	for _, b := range body.Blocks {
		if b.Type != "provider" || len(b.Labels) != 1 || !fs.ValidPath(b.Labels[0]) {
			return false
		}
		a := b.Body.Attributes["version"]
		if a == nil {
			return false
		}
		version, ok := literal(a.Expr)
		if !ok || !fs.ValidPath(version) {
			return false
		}
		entries, err := os.ReadDir(filepath.Join(cache, filepath.FromSlash(b.Labels[0]), version, runtime.GOOS+"_"+runtime.GOARCH))
		if err != nil || len(entries) == 0 {
			return false
		}
	}
	return true
}

// reconfigure reports whether .terraform may speak of another backend.
func (s *stack) reconfigure(old, now *stamp) bool {
	if _, err := s.root.Stat(".terraform/terraform.tfstate"); err != nil {
		return false
	}
	return old == nil || !old.Ran || old.Backend != now.Backend || old.State != s.stateDigest()
}

// backendDigest tells of all that says where the state is.
func (s *stack) backendDigest(block string) string {
	all := []string{s.in.Workspace, s.in.Backend, block}
	for _, arg := range s.in.BackendConfig {
		name := arg
		if !filepath.IsAbs(name) {
			name = filepath.Join(s.dir, filepath.FromSlash(arg))
		}
		data, err := os.ReadFile(name) // KEY=VALUE is hardly a file
		all = append(all, arg, fmt.Sprint(err == nil), string(data))
	}
	return digest(all...)
}

// stateProvider is a provider in a state file.
var stateProvider = regexp.MustCompile(`"provider":\s*"(?:[^"\\]|\\.)*provider\[\\"([^"\\]*)\\"\]`)

// stateIsBuiltin reports whether nothing that terraform has left here needs an
// init: no backend, no workspace, and in the local state no resource of a
// provider that would have to be installed.
func (s *stack) stateIsBuiltin() bool {
	for _, name := range []string{".terraform/terraform.tfstate", ".terraform/environment", ".terraform.lock.hcl"} {
		if _, err := s.root.Lstat(name); !errors.Is(err, fs.ErrNotExist) {
			return false
		}
	}
	data, err := s.root.ReadFile("terraform.tfstate")
	if errors.Is(err, fs.ErrNotExist) {
		return true
	}
	if err != nil {
		return false
	}
	providers := stateProvider.FindAllSubmatch(data, -1)
	return len(providers) == strings.Count(string(data), `"provider":`) && !slices.ContainsFunc(providers, func(m [][]byte) bool { return string(m[1]) != builtinProvider })
}

// sameVersion compares a version with terraform's spelling of it.
func sameVersion(a, b string) bool {
	v, err := goversion.NewVersion(a)
	return a == b || err == nil && v.String() == b
}
