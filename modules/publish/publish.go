// Package publish brings changes of pins into git and to a forge: as commits,
// one for each stage, to a branch, from there to a remote, and to people as a
// merge request.
//
// It does not decide what moves, and computes no edit (package pins has done
// so). It writes no file of a work tree: whoever commits on the branch that is
// checked out gives it a function that does.
package publish

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/terrier-iac/terrier/modules/forge"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Config says where changes are to go.
type Config struct {
	Repo *repo.Repo
	// Branch is where the commits go, by its short name. "" is the branch that
	// is checked out: the files in the work tree change with it.
	Branch string
	// Push says to push the branch to Remote: its name or its URL.
	Push   bool
	Remote string
	// Request says to open a merge request of the branch into Target, "" for
	// the remote's default branch. It takes a Branch, and is pushed first.
	Request bool
	Target  string
	// Cache has the mirror in which a shallow clone looks at the branch that its
	// remote has already; it is asked for only then.
	Cache func() (*repo.Cache, error)
	// Getenv is where the forge, its host and the token come from.
	Getenv func(name string) string
}

// A Destination is where changes go. Nothing is written before Commit.
type Destination struct {
	// Branch is the short name of the branch; "" is a detached HEAD.
	Branch string
	// Base is the commit that the changes come after: of a merge request the
	// target branch as it was last fetched, else HEAD.
	Base *repo.Commit

	config Config
	url    string // of the remote
	forge  *forge.Forge
	target string
	tip    repo.Hash // once there are commits
	made   int       // so many
}

// requestTimeout is how long a forge may take to answer.
const requestTimeout = 30 * time.Second

// Open finds out where changes are to go: whatever is missing for that is said
// before anything is computed. It may ask the remote for its default branch.
func Open(ctx context.Context, c Config) (*Destination, error) {
	c.Push = c.Push || c.Request
	d := &Destination{Branch: c.Branch, config: c}
	var err error
	if c.Push {
		if d.url, err = c.Repo.RemoteURL(ctx, c.Remote); err != nil {
			if !errors.Is(err, repo.ErrNoRemote) || !strings.ContainsAny(c.Remote, ":/") {
				return nil, fmt.Errorf("--remote %w\nhint: git remote -v lists them", err)
			}
			d.url = c.Remote
		}
	}
	if c.Request {
		if err := d.openForge(ctx); err != nil {
			return nil, err
		}
	}
	if d.Base, err = d.base(ctx); err != nil {
		return nil, err
	}
	if d.Apart() {
		return d, c.Repo.CheckBranch(ctx, d.Branch)
	}
	if d.Branch, err = c.Repo.CurrentBranch(ctx); err != nil {
		return nil, err
	}
	if d.Branch == "" && c.Push {
		return nil, errors.New("HEAD is on no branch, so there is nothing to push to\nhint: git switch BRANCH, or name a --branch")
	}
	return d, nil
}

// Apart reports whether the changes go to a branch that is not checked out, so
// that they are made on Base and not in the work tree.
func (d *Destination) Apart() bool { return d.config.Branch != "" }

// openForge finds the forge and its token.
func (d *Destination) openForge(ctx context.Context) error {
	kind := forge.KindOf(d.url, d.config.Getenv)
	if kind == "" {
		return fmt.Errorf("nothing says which forge %s is at\nhint: set GITLAB_HOST, GH_HOST or GITEA_HOST to its host, and the token that goes there", repo.RedactURL(d.url))
	}
	var err error
	if d.forge, err = forge.New(forge.Config{Kind: kind, Getenv: d.config.Getenv, Timeout: requestTimeout}); err != nil {
		return err
	}
	if d.target = d.config.Target; d.target == "" {
		d.target, err = d.config.Repo.DefaultBranch(ctx, d.config.Remote)
	}
	return err
}

func (d *Destination) base(ctx context.Context) (*repo.Commit, error) {
	if d.config.Request && d.target != "" {
		c, err := d.config.Repo.Resolve(ctx, "refs/remotes/"+d.config.Remote+"/"+d.target)
		if err == nil {
			return c, nil
		}
		if !errors.Is(err, repo.ErrRevision) {
			return nil, err
		}
	}
	return d.config.Repo.Resolve(ctx, "HEAD")
}
