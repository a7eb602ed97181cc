// Package terraform is the terraform (or tofu) process: finding it, running
// it, reading what it writes, and comparing what it makes of two trees.
//
// It is the only package that starts terraform. It knows nothing of stacks,
// environments or releases, parses configuration only to set the source
// literals of module calls aside, and applies saved plans only (ApplyPlan).
//
// terraform-exec is not used to start the process: it takes an environment
// only without TF_VAR_* and otherwise lets TF_CLI_ARGS through, empties
// TF_LOG, and waits for ever on a grandchild (git, a provider) that holds
// terraform's output open after an interrupt.
package terraform

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"sync"
	"time"
)

// EnvPath names the environment variable that holds the path of the binary
// where no flag does.
const EnvPath = "TERRIER_TF_PATH"

// Grace is how long an interrupted terraform may take to end by itself. After
// it, the process and its children are killed.
const Grace = 20 * time.Second

// ErrNotFound says that there is no terraform to run. Its text names what to
// do about it.
var ErrNotFound = errors.New("terraform not found\n" +
	"hint: install Terraform (https://developer.hashicorp.com/terraform/install) or OpenTofu (https://opentofu.org/docs/intro/install/), " +
	"or name the binary with --tf-path or " + EnvPath)

// The products that a binary can be.
const (
	ProductTerraform = "terraform"
	ProductTofu      = "tofu"
)

// A Terraform is one binary, found and asked for its version. It is safe for
// use by several goroutines.
type Terraform struct {
	Path    string // absolute
	Product string // ProductTerraform or ProductTofu
	Version string // "1.11.4"

	// grace is Grace where it is zero.
	grace time.Duration
	// initMu keeps two inits apart: they may share a plugin cache
	// (TF_PLUGIN_CACHE_DIR, plugin_cache_dir), which terraform does not lock.
	initMu sync.Mutex
}

// Find finds the binary: the path or name in flag, else in TERRIER_TF_PATH,
// else terraform on PATH, else tofu on PATH. It runs it twice to learn its
// version and product. The error wraps ErrNotFound when there is none; a
// binary that is named and missing is never replaced by another.
func Find(flag string) (*Terraform, error) {
	path, err := lookPath(flag)
	if err != nil {
		return nil, err
	}
	// A binary that is no terraform may do anything, also never end.
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	t := &Terraform{Path: path, grace: time.Second}
	if err := t.identify(ctx); err != nil {
		return nil, err
	}
	t.grace = 0
	return t, nil
}

// lookPath resolves the binary to an absolute path.
func lookPath(flag string) (string, error) {
	name, from := flag, "--tf-path"
	if name == "" {
		name, from = os.Getenv(EnvPath), EnvPath
	}
	if name != "" {
		path, err := exec.LookPath(name)
		if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
			return "", fmt.Errorf("%s %s: no such program: %w", from, name, ErrNotFound)
		}
		if err != nil && !errors.Is(err, exec.ErrDot) {
			return "", fmt.Errorf("%s %s: %w\nhint: it must be an executable file", from, name, err)
		}
		return filepath.Abs(path)
	}
	for _, name := range []string{ProductTerraform, ProductTofu} {
		path, err := exec.LookPath(name)
		if err == nil {
			return filepath.Abs(path)
		}
		if !errors.Is(err, exec.ErrNotFound) {
			return "", fmt.Errorf("%s on PATH: %w\nhint: name the binary with --tf-path", name, err)
		}
	}
	return "", ErrNotFound
}

// headline is the first line of `terraform version`. The JSON form does not
// tell which product it is, and the binary's name lies where one is a link to
// the other.
var headline = regexp.MustCompile(`(?m)^(Terraform|OpenTofu) v[0-9]`)

// identify fills in Version and Product. It runs in the current directory:
// version managers (tfenv, asdf) choose by it.
func (t *Terraform) identify(ctx context.Context) error {
	var text []byte
	var textErr error
	var wait sync.WaitGroup
	wait.Go(func() { text, textErr = t.run(ctx, "", "version") })
	out, err := t.run(ctx, "", "version", "-json")
	wait.Wait()
	if err != nil {
		return err
	}
	var v struct {
		Version string `json:"terraform_version"`
	}
	if err := json.Unmarshal(out, &v); err != nil || v.Version == "" {
		return fmt.Errorf("%s: `version -json` does not answer as terraform 0.13 or newer does\nhint: name another binary with --tf-path", t.Path)
	}
	if textErr != nil {
		return textErr
	}
	m := headline.FindSubmatch(text)
	if m == nil {
		return fmt.Errorf("%s: `version` names neither Terraform nor OpenTofu\nhint: name another binary with --tf-path", t.Path)
	}
	t.Version, t.Product = v.Version, ProductTerraform
	if string(m[1]) == "OpenTofu" {
		t.Product = ProductTofu
	}
	return nil
}
