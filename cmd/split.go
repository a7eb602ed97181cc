package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/terraform"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/split"
)

type splitOptions struct {
	out, rev, only, verify      string
	check                       string
	dryRun, noHistory, noFollow bool
	tags, docs                  bool
}

func (a *app) splitCommand() *cobra.Command {
	var o splitOptions
	cmd := &cobra.Command{
		Use:   "split --out DIR | --check DIR",
		Short: "Split the monorepo into tagged module repositories and pinned stacks",
		Long: `Split writes, from a commit and without touching the monorepo:

  DIR/modules/NAME.git  a bare repository for each module, with its history, its
                        own calls pinned, and an annotated tag
  DIR/live/live         the monorepo's own history, and one commit on top that
                        removes the modules and pins every call to its tag
  DIR/split.json        the plan, every tip and tag, and the proof

Then it reads what it wrote, with other code, and proves that every stack's tree
of modules and every file in it is the same, the rewritten sources aside. What
cannot move is named with file and line, and stays; what cannot be proved is
named too. Nothing in terrier.hcl is required: without a remote, sources are
file:// URLs, so that the result works on this machine at once.

Interrupted at any point, the same command again completes it.

--check DIR proves a finished split again, from DIR/split.json and the git
objects of the monorepo alone: -C may be any clone or bare mirror of it. What
was altered since in the record or in a repository is named.

Exit codes: 0 all is split and proved; 2 done, but something is blocked or not
proved; 1 an error. --verify get and --verify plan run terraform, and so the
repository's code.`,
		Example: "  terrier split --out ../split --dry-run\n  terrier split --out ../split\n  terrier split --out ../split --only 'modules/vpc' --verify plan\n  terrier split --check ../split -C ../mirror.git",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.check != "" {
				return a.checkSplit(cmd.Context(), o.check)
			}
			return a.split(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.out, "out", "", "write the repositories to this `directory` (new, empty, or an earlier run's)")
	f.StringVar(&o.rev, "rev", "HEAD", "split this `revision`")
	f.StringVar(&o.only, "only", "", "extract only the modules whose path matches this `glob` (** matches any depth)")
	f.BoolVar(&o.dryRun, "dry-run", false, "show the plan and write nothing")
	f.BoolVar(&o.noHistory, "no-history", false, "begin each package with one commit, without its history")
	f.BoolVar(&o.noFollow, "no-follow", false, "do not follow a module's directory through renames")
	f.BoolVar(&o.tags, "tags", false, "carry the monorepo's tags over, as monorepo/TAG or as carried_tag in terrier.hcl says")
	f.BoolVar(&o.docs, "docs", false, "also rewrite the sources in the HCL code blocks of Markdown files")
	f.StringVar(&o.verify, "verify", "static", "`how` to prove the result: static, get (also terraform get), plan (also terraform plan)")
	f.StringVar(&o.check, "check", "", "prove again the finished split in this `directory`")
	cmd.MarkFlagsOneRequired("out", "check")
	for _, other := range []string{"out", "rev", "only", "dry-run", "no-history", "no-follow", "verify"} {
		cmd.MarkFlagsMutuallyExclusive("check", other)
	}
	a.formatFlag(cmd, "text", "json")
	return cmd
}

func (a *app) split(ctx context.Context, o splitOptions) error {
	j, err := a.openSplit(ctx, o)
	if err != nil {
		return err
	}
	defer j.tree.Close()
	sc := j.cfg.splitConfig(o)
	if o.docs {
		if sc.Own, err = j.repo.Remotes(ctx); err != nil {
			return err
		}
	}
	if o.tags {
		if sc.Tags, err = j.repo.Tags(ctx); err != nil {
			return err
		}
	}
	plan, diags := split.NewPlan(j.commit, j.graph, sc)
	j.graph = nil // every file's syntax tree: the plan is all that is needed of it
	if err := a.show(diags, nil); err != nil {
		return err
	}
	if o.dryRun {
		return a.done(report.WritePlan(a.stdout, plan, a.format, a.style(a.stdout)), len(plan.Blocked)+len(plan.Unproved) > 0)
	}
	release, err := split.Claim(ctx, o.out, plan, func() { a.say("Waiting for another run that still writes to %s.", o.out) })
	if err != nil {
		return err
	}
	defer release()
	bar := a.progress()
	defer bar.Done()
	result, err := split.Run(ctx, j.repo, j.commit, j.tree, plan, o.out, steps(bar))
	if err != nil {
		return err
	}
	proof, err := split.Verify(ctx, j.repo, plan, result, o.out, steps(bar))
	if err != nil {
		return err
	}
	if j.tf != nil {
		if err := a.askTerraform(ctx, j, o, plan, proof, bar); err != nil {
			return err
		}
	}
	bar.Done()
	if err := split.Finish(o.out, plan, result, proof); err != nil {
		return err
	}
	err = report.WriteSplit(a.stdout, report.Split{Out: o.out, Plan: plan, Result: result, Proof: proof}, a.format, a.style(a.stdout))
	return a.done(err, len(plan.Blocked) > 0 || len(plan.Unproved) > 0 || !proof.OK())
}

// checkSplit proves a finished split again.
func (a *app) checkSplit(ctx context.Context, dir string) error {
	d, err := split.ReadDocument(dir)
	if err != nil {
		return err
	}
	r, err := repo.Open(ctx, a.chdir)
	if r == nil { // one that is shallow, or has no branch, may have the commit
		return fmt.Errorf("the monorepo, which the split is compared with: %w", err)
	}
	bar := a.progress()
	defer bar.Done()
	proof, err := split.Verify(ctx, r, &d.Plan, &d.Result, dir, steps(bar))
	if err != nil {
		return err
	}
	bar.Done()
	err = report.WriteSplit(a.stdout, report.Split{Out: dir, Plan: &d.Plan, Result: &d.Result, Proof: proof, Checked: true}, a.format, a.style(a.stdout))
	return a.done(err, len(d.Plan.Unproved) > 0 || !proof.OK())
}

// done ends a command that has reported: found makes the exit code 2.
func (a *app) done(err error, found bool) error {
	if err == nil && found {
		return errFound
	}
	return err
}

// A splitJob is everything that a split reads.
type splitJob struct {
	cfg    *Config
	repo   *repo.Repo
	commit *repo.Commit
	tree   *repo.TreeFS
	graph  *modules.Graph
	tf     *terraform.Terraform // nil with --verify static
}

// openSplit checks what can be checked before any work, then loads the
// commit's tree.
func (a *app) openSplit(ctx context.Context, o splitOptions) (*splitJob, error) {
	j := &splitJob{}
	var err error
	if j.cfg, err = a.loadConfig(); err != nil {
		return nil, err
	}
	switch o.verify {
	case "static":
	case "get", "plan":
		if j.tf, err = terraform.Find(a.tfPath); err != nil {
			return nil, err
		}
	default:
		return nil, fmt.Errorf("--verify %q is not one of static, get, plan", o.verify)
	}
	if j.repo, err = repo.Open(ctx, a.chdir); err != nil {
		return nil, err
	}
	if err = split.CheckOutside(o.out, j.repo.Root, j.repo.GitDir); err != nil {
		return nil, err
	}
	if j.commit, err = j.repo.Resolve(ctx, o.rev); err != nil {
		return nil, err
	}
	if dirty, err := j.repo.Dirty(ctx); err != nil {
		return nil, err
	} else if dirty {
		a.say("Note: the work tree has changes that are not committed. Commit %.12s is split, without them.", j.commit.ID)
	}
	if j.tree, err = j.repo.At(ctx, j.commit); err != nil {
		return nil, err
	}
	if err = refuseHostile(j.tree); err != nil {
		j.tree.Close()
		return nil, err
	}
	tree, _ := hclparse.Load(j.tree) // what does not parse is a hazard of the plan
	j.graph = modules.NewGraph(tree, j.cfg.roleOf)
	return j, nil
}

// refuseHostile refuses a tree that must not reach a work tree. A relative
// symlink that climbs out is not among that: it writes nothing outside, stays
// as it is, and the hazards name it.
func refuseHostile(tree *repo.TreeFS) error {
	var found *repo.TreeError
	if err := tree.Check(); !errors.As(err, &found) {
		return err
	}
	for _, p := range found.Problems {
		if p.Kind != repo.ProblemEscapingSymlink {
			return fmt.Errorf("the commit's tree is refused: %q: %s (%s)\nhint: such a path can write outside a checkout; remove it in a commit of its own, and split that", p.Path, p.Detail, p.Kind)
		}
	}
	return nil
}

// askTerraform lets terraform itself load every stack, before and after.
func (a *app) askTerraform(ctx context.Context, j *splitJob, o splitOptions, plan *split.Plan, proof *split.Proof, bar *report.Progress) error {
	a.say("--verify %s runs %s %s on the repository's code.", o.verify, j.tf.Product, j.tf.Version)
	if len(plan.Live) == 0 {
		return errors.New("--verify " + o.verify + " needs stacks, and this repository has none")
	}
	work, err := os.MkdirTemp("", "terrier-verify-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	pair := terraform.Pair{Before: filepath.Join(work, "before"), After: filepath.Join(work, "after")}
	if err := j.tree.WriteTo(pair.Before); err != nil {
		return err
	}
	// All live repositories in one tree: every path is where it was.
	for _, l := range plan.Live {
		if err := checkoutHead(ctx, filepath.Join(o.out, filepath.FromSlash(l.Repository)), filepath.Join(pair.After, filepath.FromSlash(l.Root))); err != nil {
			return err
		}
	}
	for _, pkg := range plan.Packages {
		pair.Moved = append(pair.Moved, pkg.Modules...)
		for _, s := range plan.Stacks {
			for _, m := range pkg.Modules {
				if modules.Within(s.Path, m) {
					pair.Moved = append(pair.Moved, s.Path) // it stayed where the module left
				}
			}
		}
	}
	pair.Options = map[string]terraform.Options{}
	for _, s := range plan.Stacks {
		pair.Stacks = append(pair.Stacks, s.Path)
		pair.Options[s.Path] = j.cfg.terraformOptions(s.Environment)
	}
	step := bar.Step("terraform " + o.verify)
	compare := j.tf.CompareGet
	if o.verify == "plan" {
		compare = j.tf.ComparePlan
	}
	results, err := compare(ctx, pair, func(done, total int, _ string) { step(done, total) })
	if err != nil {
		return err
	}
	for _, r := range results {
		proof.Add(o.verify, split.TerraformResult{Path: r.Path, Status: r.Status, Detail: r.Detail})
	}
	return nil
}

// checkoutHead writes the files of a written repository's tip.
func checkoutHead(ctx context.Context, gitRepo, dir string) error {
	r, err := repo.Open(ctx, gitRepo)
	if err != nil {
		return err
	}
	c, err := r.Resolve(ctx, "HEAD")
	if err != nil {
		return err
	}
	t, err := r.At(ctx, c)
	if err != nil {
		return err
	}
	defer t.Close()
	return t.WriteTo(dir)
}

func steps(bar *report.Progress) split.Progress {
	started := map[string]func(done, total int){}
	return func(step string, done, total int) {
		if started[step] == nil {
			started[step] = bar.Step(step)
		}
		started[step](done, total)
	}
}

// splitConfig turns the file and the flags into what a split decides by.
func (c *Config) splitConfig(o splitOptions) split.Config {
	out, err := filepath.Abs(o.out)
	if err != nil {
		out = o.out
	}
	sc := split.Config{
		Version: c.Modules.Version, Tag: c.Modules.TagFor, CarriedTag: c.Modules.CarriedTagFor, Env: c.Environment,
		Source: c.Modules.SourceFor, Remote: c.Modules.RemoteFor, LiveURL: c.Live.RemoteFor,
		Names: map[string]string{}, Keep: map[string]string{}, Group: map[string]string{},
		Only: o.only, Docs: o.docs, NoHistory: o.noHistory, Follow: !o.noFollow,
		Name: c.Identity.Name, Email: c.Identity.Email,
	}
	local := func(name string) string { return filepath.Join(out, "modules", name+".git") }
	switch c.Modules.Layout {
	case LayoutOne:
		sc.All = "modules"
	case LayoutInPlace:
		sc.All, sc.InPlace = "monorepo", true
		local = func(string) string { return filepath.Join(out, "live", "live") }
	}
	if !c.Modules.Configured() {
		// With no remote, callers get the bare repository on this machine, so
		// that the result works at once.
		sc.Source = func(name string) (string, error) {
			u := url.URL{Scheme: "file", Path: filepath.ToSlash(local(name))}
			return "git::" + u.String(), nil
		}
		sc.Remote = func(string) (string, error) { return "", nil }
	}
	sc.Environments = map[string]split.Environment{}
	for _, e := range c.Environments {
		files := slices.Clone(e.VarFiles)
		for _, b := range e.BackendConfig {
			if !strings.Contains(b, "=") {
				files = append(files, b)
			}
		}
		sc.Environments[e.Name] = split.Environment{Repo: e.Repo, Root: e.Root, Files: files}
	}
	for dir, m := range c.Module {
		if m.Name != "" {
			sc.Names[dir] = m.Name
		}
		if m.Keep {
			sc.Keep[dir] = fmt.Sprintf("%s:%d", filepath.Base(c.Path), m.Range.Start.Line)
		}
		sc.Group[dir] = m.Group
	}
	return sc
}

// terraformOptions are what the stacks of an environment are planned with.
func (c *Config) terraformOptions(environment string) terraform.Options {
	for _, e := range c.Environments {
		if e.Name == environment {
			return terraform.Options{Workspace: e.Workspace, VarFiles: e.VarFiles, BackendConfig: e.BackendConfig}
		}
	}
	return terraform.Options{}
}

// roleOf is what the configuration says a directory is; "" leaves it to the
// rules.
func (c *Config) roleOf(dir string) modules.Role {
	if s := c.Stack(dir); s != nil {
		return modules.Role(s.Role)
	}
	return ""
}
