package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/versions"
)

type pinOptions struct {
	pinsOptions
	commit, tags bool
}

func (a *app) pinCommand() *cobra.Command {
	var o pinOptions
	cmd := &cobra.Command{
		Use:   "pin [MODULE…]",
		Short: "Pin calls to commits, or back to tags",
		Long: `Pin writes the pins of calls in another way; no version changes by it. With no
MODULE all calls are pinned.

--commit, which is the default, writes the full commit in the place of a release
tag, and the tag in a comment behind it: ?ref=<40 digits>" # v1.2.3. A commit
cannot be moved, as a tag can. Short commits become whole. depth= is taken out,
since git makes no shallow clone of a commit. Of a registry module a range
becomes the exact version that the lock has or else terraform init would take.

--tags goes the way back: to the tag that the comment says or, where there is
none, to the highest release of the module on that commit.

A tag that is not on the commit that the lock has for it, and a comment that
names a tag which is on another commit, are refused: both are named. Branches,
moving tags (v1, latest) and calls without a ref stay: pinning what nobody has
released is for you to decide (bump moves it to a release).

All files are written, or none. A file with changes that are not committed is
not touched without --force.

Exit codes: 0 all that was asked for is done; 2 something was left as it is, and
the report says why; 1 an error.`,
		Example:           "  terrier pin\n  terrier pin vpc --env prod --diff\n  terrier pin --tags --path live/sandbox",
		ValidArgsFunction: a.completeModules,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.pin(cmd.Context(), o, args)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.commit, "commit", false, "write full commits, with the version in a comment (the default)")
	f.BoolVar(&o.tags, "tags", false, "write the tags of the commits")
	o.selectFlags(cmd)
	o.writeFlags(cmd)
	cmd.MarkFlagsMutuallyExclusive("commit", "tags")
	a.formatFlag(cmd, report.PinsFormats()...)
	return cmd
}

// pin is the journey: load, ask, decide, make, write, report.
func (a *app) pin(ctx context.Context, o pinOptions, names []string) error {
	if len(names) == 0 {
		o.all = true // it changes no version
	}
	if err := o.check(names, a.format, "pin"); err != nil {
		return err
	}
	r, err := a.openPins(ctx, o.pinsOptions, "pin", names)
	if err != nil {
		return err
	}
	defer r.close()
	pinning, err := r.pinning(ctx, o)
	if err != nil {
		return err
	}
	moves, skipped := pinning.Choose(r.places())
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := r.make(moves, skipped); err != nil {
		return err
	}
	if err := r.docs(pinning.Docs()); err != nil {
		return err
	}
	return r.finish(ctx, "pin")
}

func (r *pinsRun) pinning(ctx context.Context, o pinOptions) (pins.Pinning, error) {
	file, err := r.readLock(r.cfg.Root)
	if err != nil {
		return pins.Pinning{}, err
	}
	return pins.Pinning{
		Tags: o.tags, Graph: r.graph,
		Locked: func(u *versions.Use, ref string) string {
			if e := file.Find(lock.Address(u.Call.Source), ref); e != nil {
				return e.Commit
			}
			return ""
		},
		Full: func(m *versions.Module, u *versions.Use) (string, error) { return r.full(ctx, m, u) },
	}, nil
}

// full finds a commit by its first digits; that takes the history.
func (r *pinsRun) full(ctx context.Context, m *versions.Module, u *versions.Use) (string, error) {
	if r.asker.Cache == nil {
		return "", errors.New("there is no directory for mirrors\nhint: set TERRIER_CACHE_DIR")
	}
	mirror, err := r.asker.Cache.Mirror(lock.RemoteURL(u.Call.Source))
	if err != nil {
		return "", err
	}
	id, err := mirror.ResolveShort(ctx, u.Ref)
	head, known := m.Ref("HEAD")
	if err != nil && !r.o.offline && errors.Is(err, repo.ErrRevision) && known {
		commit, e := repo.ParseHash(head)
		if e != nil {
			return "", e
		}
		bar := r.progress()
		step := bar.Step("fetch " + repo.RedactURL(m.Source))
		step(0, 1)
		e = mirror.Ensure(ctx, repo.Want{Ref: "HEAD", Commit: commit})
		step(1, 1)
		bar.Done()
		if e != nil {
			return "", e
		}
		id, err = mirror.ResolveShort(ctx, u.Ref)
	}
	if err == nil {
		return id.String(), nil
	}
	if errors.Is(err, repo.ErrRevision) && !strings.Contains(err.Error(), "ambiguous") {
		if r.o.offline {
			return "", errors.New("no mirror in the cache has it\nhint: run it once without --offline")
		}
		return "", fmt.Errorf("no branch or tag of its repository leads to it")
	}
	return "", err
}
