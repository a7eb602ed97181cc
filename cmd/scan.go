package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

func (a *app) scanCommand() *cobra.Command {
	var rev string
	cmd := &cobra.Command{
		Use:   "scan",
		Short: "Show the modules, stacks, calls and hazards of a monorepo",
		Long: `Scan reads every Terraform file of the repository (.tf, .tf.json, .tofu,
.tofu.json, terragrunt.hcl) and shows which directories are stacks and which are
modules, who calls what, and what stands in the way of a split. It runs nothing,
writes nothing, and needs neither git, nor the network, nor a configuration.

Each hazard has a severity: block (the module it names stays when the monorepo
is split), warn (something cannot be proved) and info.`,
		Example: "  terrier scan\n  terrier scan --format json | jq '.hazards[] | select(.severity == \"block\")'\n  terrier scan --format mermaid > graph.mmd",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.scan(cmd.Context(), rev)
		},
	}
	cmd.Flags().StringVar(&rev, "rev", "", "scan this `revision` of the git repository, not the files on disk")
	a.formatFlag(cmd, "text", "json", "dot", "mermaid")
	return cmd
}

func (a *app) scan(ctx context.Context, rev string) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	fsys, name, done, err := a.source(ctx, rev)
	if err != nil {
		return err
	}
	defer done()
	graph := modules.Load(fsys, cfg.roleOf)
	scan := report.NewScan(name, graph, cfg.Environment)
	if err := report.WriteScan(a.stdout, scan, a.format, a.style(a.stdout)); err != nil {
		return err
	}
	if len(scan.Modules) == 0 {
		return nil
	}
	steps := []report.Step{a.planStep()}
	if cfg.Path == "" {
		steps = append([]report.Step{{Command: a.command("init"), Why: "writes a commented terrier.hcl"}}, steps...)
	}
	a.next(steps...)
	return nil
}

// planStep shows what a split would do.
func (a *app) planStep() report.Step {
	return report.Step{Command: a.command("split --out ../split --dry-run"), Why: "what would move where"}
}

// source is what scan and init read: the files below the git root (or, with
// no git, below the directory itself), or a revision. done releases it.
func (a *app) source(ctx context.Context, rev string) (fsys fs.FS, name string, done func(), err error) {
	dir, err := filepath.Abs(a.chdir)
	if err != nil {
		return nil, "", nil, err
	}
	root := gitRoot(dir)
	if rev == "" && root != "" {
		return workTree(ctx, root), filepath.Base(root), func() {}, nil
	}
	r, err := repo.Open(ctx, dir)
	if err != nil && !errors.Is(err, repo.ErrShallow) { // one commit is enough
		// No git, or a repository without a commit: the directory is enough.
		if rev == "" && (errors.Is(err, repo.ErrNotRepository) || errors.Is(err, repo.ErrNoCommits)) {
			return os.DirFS(dir), filepath.Base(dir), func() {}, nil
		}
		return nil, "", nil, err
	}
	if rev == "" {
		rev = "HEAD" // a bare repository has no files on disk
	}
	commit, err := r.Resolve(ctx, rev)
	if err != nil {
		return nil, "", nil, err
	}
	tree, err := r.At(ctx, commit)
	if err != nil {
		return nil, "", nil, err
	}
	return tree, fmt.Sprintf("%s at %.12s", filepath.Base(dir), commit.ID), func() { tree.Close() }, nil
}

// workTree is the files below root without those that git ignores: what is
// built or downloaded there is not part of the repository. Where git cannot
// tell, all of them.
func workTree(ctx context.Context, root string) fs.FS {
	fsys := os.DirFS(root)
	r, err := repo.Open(ctx, root)
	if r == nil || err != nil && !errors.Is(err, repo.ErrNoCommits) && !errors.Is(err, repo.ErrShallow) {
		return fsys
	}
	if real, err := filepath.EvalSymlinks(root); err != nil || r.Root != real {
		return fsys
	}
	ignored, err := r.Ignored(ctx)
	if err != nil {
		return fsys
	}
	return repo.Without(fsys, ignored)
}

// gitRoot walks up to the directory that holds .git; "" where there is none.
func gitRoot(dir string) string {
	for {
		if _, err := os.Lstat(filepath.Join(dir, ".git")); err == nil {
			return dir
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}
