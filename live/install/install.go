// Package install puts the modules of a stack where terraform would put them,
// from the mirrors of their repositories, and runs terraform init only where
// something is left for it to do.
//
// It starts no process itself, decides nothing about plans, and writes nowhere
// but in a stack's own .terraform directory, in its record of what it did
// below .terrier/init, and in the cache. What it cannot do exactly as
// terraform does it leaves to terraform init, and says why.
package install

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"

	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Registry is what is asked of module registries; *registry.Client answers.
type Registry interface {
	Versions(ctx context.Context, host, namespace, name, system string) ([]string, error)
	Download(ctx context.Context, host, namespace, name, system, version string) (address string, err error)
	Archive(ctx context.Context, address string) (fs.FS, error)
}

// An Installer prepares stacks. It asks each remote once at most, keeps the
// packages open that it has read, and may be used by several goroutines.
type Installer struct {
	// Cache has the mirrors. The provider cache is below it, where the user
	// has none.
	Cache *repo.Cache
	// Lock is the lock file, nil where there is none.
	Lock *lock.File
	// Registry is called once, and only where a registry is to be asked.
	Registry func() (Registry, error)
	// Product and Version are those of the terraform that will plan, and Path
	// is where it is: terraform.Terraform has them.
	Path, Product, Version string
	// Offline says to ask no remote and no registry for modules.
	Offline bool
	// Off says to leave everything to terraform init.
	Off bool
	// Env is the environment that terraform gets, each entry "NAME=value"; nil
	// for the process's. What it says of CLI configuration and provider caches
	// counts.
	Env []string

	registryOnce sync.Once
	registry     Registry
	registryErr  error
	plainOnce    sync.Once
	plainWhy     string
	plainErr     error

	mu    sync.Mutex // of all below
	store *fetch.Store
	asked map[string]*answer
	known map[string]map[string]repo.Ref // by the mirror's path
	pkgs  map[pkgKey]*pkg
	dirs  map[string]chan struct{} // stacks that are somebody's; closed when they are not
}

// pkgKey is a mirror's path and a commit.
type pkgKey struct{ mirror, commit string }

// InitOptions are how terraform init is to run.
type InitOptions struct {
	// Reconfigure is -reconfigure: what .terraform says of a backend is not
	// this one.
	Reconfigure bool
	// ReadonlyLock is -lockfile=readonly: there is a .terraform.lock.hcl.
	ReadonlyLock bool
	// Get lets terraform install modules. Without it, -get=false, it uses what
	// is there.
	Get bool
	// Env is added to the environment: TF_PLUGIN_CACHE_DIR, the user's or, where
	// there is none, one below the cache. Prepare sees to it that terraform's
	// provider cache has one writer at a time.
	Env []string
	// Unset are names to take out of the environment.
	Unset []string
}

// An Input is one stack that is to be planned.
type Input struct {
	// Root is the directory of terrier.hcl or the git root, absolute: local
	// modules stand in it, and .terrier/init is below it.
	Root string
	// Stack is the stack's directory, relative to Root, with slashes; "." for
	// the root itself.
	Stack string
	// Workspace, BackendConfig and Backend are the backend that the stack is
	// initialised with: the workspace ("" leaves terraform's default), the
	// arguments of -backend-config (a file that exists, relative to the
	// stack's directory, or KEY=VALUE), and anything else of which a change
	// asks for another initialisation (the account, the role). They may hold
	// credentials: only a digest is kept.
	Workspace     string
	BackendConfig []string
	Backend       string
	// Init runs terraform init in the stack's directory, with the arguments
	// for BackendConfig: terraform.Terraform's Init, in a session.
	Init func(ctx context.Context, o InitOptions) error
}

// A Module is one module call of a stack, or of a module in it.
type Module struct {
	Key     string // "vpc", "vpc.subnets"
	Source  string // as terraform records it; it may hold credentials
	Version string // of a registry module, else ""
	Dir     string // relative to the stack's directory, with slashes

	// Address is the package as the lock file calls it (lock.Address), without
	// credentials, Subdir the directory in it, and Ref what it is called by: a
	// git ref, or a version constraint. All are "" for a local module.
	Address, Subdir, Ref string
	// Commit is what was checked out, 40 hexadecimal digits; "" for a local
	// module, and for what is in no git repository.
	Commit string
	// Locked says that the commit is the lock file's.
	Locked bool
}

// A Prepared is a stack that can be planned.
type Prepared struct {
	Modules []Module // sorted by key
	// Initialised says that terraform init has run.
	Initialised bool
	// Cheap says that the modules are from the mirrors, or unchanged since
	// then; false where terraform init has fetched them.
	Cheap bool
	// Unchanged says that nothing was done at all.
	Unchanged bool
	// Why says why terraform init has fetched the modules, "" where it has not.
	Why string
	// Notes are sentences for the user: modules that nothing locks.
	Notes   []string
	release func()
}

// Release lets others prepare the same directory. A stack that is planned in
// several environments has one .terraform: until it is planned, nobody may
// initialise it for another. It may be called twice.
func (p *Prepared) Release() {
	if p != nil && p.release != nil {
		p.release()
	}
}

// A LockMismatch is a module that is not what the lock file says it is: a tag
// has been moved. Nothing may be planned.
type LockMismatch struct {
	Stack, Key    string
	Source, Ref   string // as the lock file has them
	Locked, Found string // commits
}

func (e *LockMismatch) Error() string {
	found := "commit " + e.Found
	if e.Found == "" {
		found = "nothing that can be compared"
	}
	return fmt.Sprintf("%s: module %q is not what %s says: %s at %q is locked to commit %s, and there is %s\nhint: find out who moved it; `terrier lock --check` shows all that moved, and `terrier lock --update MODULE` takes what is there now",
		e.Stack, e.Key, lock.Name, e.Source, e.Ref, e.Locked, found)
}

// A NotLocked is a module that the lock file has no entry for. Nothing may be
// planned.
type NotLocked struct {
	Stack, Key  string
	Source, Ref string // as a lock file would have them
	File        string // where the call stands, relative to its package or the root
	Line        int
}

func (e *NotLocked) Error() string {
	return fmt.Sprintf("%s: %s:%d: module %q is not in %s: %s at %q\nhint: run `terrier lock` and commit %s", e.Stack, e.File, e.Line, e.Key, lock.Name, e.Source, e.Ref, lock.Name)
}

// ErrOutside is a .terraform directory that leads out of its stack.
var ErrOutside = errors.New("it leads out of the stack's directory")
