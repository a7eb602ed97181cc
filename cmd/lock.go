package cmd

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

// remoteSilence is how long a remote may say nothing.
const remoteSilence = 5 * time.Minute

type lockOptions struct {
	check, offline bool
	update         []string
}

func (a *app) lockCommand() *cobra.Command {
	var o lockOptions
	cmd := &cobra.Command{
		Use:   "lock",
		Short: "Write down which commit each module source means, and check it",
		Long: `Lock writes ` + lock.Name + ` beside terrier.hcl, or at the git root: for
each git and registry source and its ref the commit that it means, as terraform
would take it, and a hash of all files of the package. What the packages call
themselves is locked too. It needs no "terraform init", and runs nothing that it
reads.

It adds what is missing, drops what nothing calls any more, and keeps every
entry that is there: where a tag has moved, it says so and exits 2.
--update MODULE takes what the refs of one module mean now.

--check writes nothing. Each remote is asked once (git ls-remote); what the
mirrors in your cache do not hold yet is fetched, so that hashes and nested
calls are checked too. A remote that does not answer is an error, and all else
is still checked. --offline asks nobody: hashes and nested calls are checked
against the mirrors, moved tags are not looked for, and a package that is in no
mirror counts as not proved.

` + ruleHelp() + `
Exit codes: 0 the lock is as it should be; 2 there is a problem; 1 an error.`,
		Example: "  terrier lock\n  terrier lock --check\n  terrier lock --check --offline --format json\n  terrier lock --update vpc\n  terrier lock --update gitlab.example.com/terraform/vpc",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.check && len(o.update) > 0 {
				return errors.New("--check and --update cannot be given together: one writes nothing, the other does")
			}
			return a.lock(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.check, "check", false, "write nothing; compare the lock file with the code, the remotes and the packages")
	f.StringArrayVar(&o.update, "update", nil, "lock this `module` anew: its repository's name, host/path, or whole address")
	f.BoolVar(&o.offline, "offline", false, "ask nobody; use what the mirrors in the cache know")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

// ruleHelp lists the rules for the help text.
func ruleHelp() string {
	text := "Problems:\n\n"
	for _, r := range lock.Rules() {
		text += fmt.Sprintf("  %-14s %s\n", r, lock.RuleDocs[r])
	}
	return text
}

// lock is the journey: read the code and the lock, ask, write, report.
func (a *app) lock(ctx context.Context, o lockOptions) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	if !o.check { // of files that are whole
		if err := a.resumeRewrite(cfg.Root); err != nil {
			return err
		}
	}
	old, err := a.readLock(cfg.Root)
	if err != nil {
		return err
	}
	if err := hasFiles(ctx, cfg.Root); err != nil {
		return err
	}
	fsys, _, done, err := a.source(ctx, "")
	if err != nil {
		return err
	}
	defer done()
	tree, diags := hclparse.LoadCalls(fsys)
	calls, unread := lock.Roots(modules.NewGraph(tree, cfg.roleOf), diags)
	result, err := a.runLock(ctx, o, calls, old)
	if err != nil {
		return err
	}
	result.Problems = append(unread, result.Problems...)
	if err := a.writeLock(cfg.Root, o, old, result); err != nil {
		return err
	}
	a.addSince(ctx, cfg.Root, result.Problems)
	return a.reportLock(o, len(calls), result)
}

// hasFiles refuses a bare repository: a lock file is one of the work tree.
func hasFiles(ctx context.Context, root string) error {
	if gitRoot(root) != "" {
		return nil
	}
	if r, _ := repo.Open(ctx, root); r != nil && r.Root == "" {
		return errors.New("a bare repository has no files to lock\nhint: clone it, and lock and commit there")
	}
	return nil
}

// readLock reads the lock file, and shows what is wrong with it.
func (a *app) readLock(root string) (*lock.File, error) {
	f, diags, file := lock.Read(root)
	return f, a.show(diags, map[string]*hcl.File{lock.Name: file})
}

func (a *app) runLock(ctx context.Context, o lockOptions, calls []lock.Call, old *lock.File) (*lock.Result, error) {
	bar := a.progress()
	defer bar.Done()
	config, err := lockConfig(o, bar)
	if err != nil {
		return nil, err
	}
	if config.Partial, err = a.partial(ctx); err != nil {
		return nil, err
	}
	if config.Update, err = o.updates(calls, old); err != nil {
		return nil, err
	}
	return lock.Run(ctx, calls, old, config)
}

// partial reports whether the work tree lacks files of the commit that it is of.
func (a *app) partial(ctx context.Context) (bool, error) {
	r, err := repo.Open(ctx, a.chdir)
	if r == nil || err != nil && !errors.Is(err, repo.ErrShallow) {
		return false, nil // then there is no such thing
	}
	return r.Sparse(ctx)
}

// lockConfig is how the user's cache and registries are asked.
func lockConfig(o lockOptions, bar *report.Progress) (lock.Config, error) {
	dir, err := repo.CacheDir()
	return lock.Config{
		Cache:    &repo.Cache{Dir: dir, Silence: remoteSilence},
		Registry: func() (lock.Registry, error) { return registry.New(registry.Options{}) },
		Check:    o.check,
		Offline:  o.offline,
		Progress: steps(bar),
	}, err
}

// updates turns the names of --update into the addresses that they mean.
func (o lockOptions) updates(calls []lock.Call, old *lock.File) (func(string) bool, error) {
	addresses := map[string]bool{}
	for _, name := range o.update {
		named, err := lock.Named(name, calls, old)
		if err != nil {
			return nil, fmt.Errorf("--update: %w", err)
		}
		for _, address := range named {
			addresses[address] = true
		}
	}
	return func(address string) bool { return addresses[address] }, nil
}

// writeLock writes what is new. A tree that calls nothing needs no file. One
// whose entries are all as they were keeps its bytes: comments, and the line
// ends that git has given it.
func (a *app) writeLock(root string, o lockOptions, old *lock.File, result *lock.Result) error {
	changed := len(result.Added)+len(result.Updated)+len(result.Dropped) > 0
	if o.check || !changed && (old != nil || len(result.File.Entries) == 0) {
		return nil
	}
	if err := writeLockFile(root, result.File); err != nil {
		return fmt.Errorf("write the lock file: %w", err)
	}
	return nil
}

// writeLockFile writes the lock file of a directory where its bytes change.
func writeLockFile(root string, f *lock.File) error {
	file, err := lock.Path(root)
	if err != nil {
		return err
	}
	old, err := os.ReadFile(file)
	data := f.BytesAs(old)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return writeNew(file, data)
	case err != nil || bytes.Equal(old, data):
		return err
	}
	return rewriteFiles(filepath.Dir(file), []lint.Change{{Path: filepath.Base(file), Before: old, After: data}})
}

// addSince tells since when the lock file has what has moved. Where git
// cannot tell, nothing is said.
func (a *app) addSince(ctx context.Context, root string, problems []lock.Problem) {
	if len(problems) == 0 {
		return
	}
	r, err := repo.Open(ctx, root)
	if err != nil && !errors.Is(err, repo.ErrShallow) {
		return
	}
	_ = lock.AddSince(ctx, r, root, problems)
}

func (a *app) reportLock(o lockOptions, calls int, result *lock.Result) error {
	l := report.NewLock(result, calls, o.check)
	if err := report.WriteLock(a.stdout, l, a.format, a.style(a.stdout)); err != nil {
		return err
	}
	if o.offline {
		a.say("Moved tags were not looked for: --offline asks no remote.")
	}
	if len(result.Failures) > 0 {
		return errShown
	}
	if o.check && len(result.Problems) == 0 {
		return nil
	}
	if !o.check && len(result.Added)+len(result.Dropped)+len(result.Updated) > 0 {
		a.next(report.Step{Command: "git add " + lock.Name, Why: "commit it with the code that it locks"})
	}
	return a.done(nil, len(result.Problems) > 0)
}
