package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/backend"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/repo"
)

type backendOptions struct {
	stacks, environments                []string
	check, dryRun, diff, force, migrate bool
}

func (a *app) backendCommand() *cobra.Command {
	var o backendOptions
	cmd := &cobra.Command{
		Use:   "backend",
		Short: "Write or check the backend block of each stack",
		Long: `Backend holds the S3 backend of every stack against backend "s3" of terrier.hcl,
and writes what is missing or differs: a new file backend.tf where there is no
backend, else the arguments alone, with every other byte as it was. Arguments
that the configuration does not name stay. Files of backend_config count as
terraform merges them, and are written where an argument stands in them.

No state is moved. What would make terraform look for a state at another place
(another bucket, key or workspace_key_prefix) is left as it is, and the commands
that move the state are shown; --migrate, the second of them, writes it. A
backend of another type is never changed.

Two stacks with one state are refused. Exit code 2: something differs (--check),
or is left as it is.`,
		Example: "  terrier backend --check\n  terrier backend --diff --stack 'live/prod/**'\n  terrier backend --migrate --stack live/prod/network",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.backend(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.BoolVar(&o.check, "check", false, "report what differs, write nothing")
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be written, write nothing")
	f.BoolVar(&o.diff, "diff", false, "show the change as a diff, write nothing")
	f.StringSliceVar(&o.stacks, "stack", nil, "only these `stacks`: directories or globs, from the repository's root")
	f.StringSliceVar(&o.environments, "env", nil, "only stacks of these `environments`; - is none")
	f.BoolVar(&o.migrate, "migrate", false, "also write what makes terraform look for a state at another place")
	f.BoolVar(&o.force, "force", false, "also change files with changes that are not committed")
	cmd.MarkFlagsMutuallyExclusive("check", "dry-run", "diff")
	cmd.MarkFlagsMutuallyExclusive("check", "migrate")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

// backend is the journey: load, compare, write, report.
func (a *app) backend(ctx context.Context, o backendOptions) error {
	if o.diff && a.format != "text" {
		return errors.New("--diff shows the change in place of the report\nhint: --dry-run --format json tells it to a program")
	}
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	root, err := a.lintRoot()
	if err != nil {
		return err
	}
	writes := !o.check && !o.dryRun && !o.diff
	if writes {
		if err := a.resumeRewrite(root); err != nil {
			return err
		}
	}
	fsys, name, done, err := a.source(ctx, "")
	if err != nil {
		return err
	}
	defer done()
	tree, diags := hclparse.LoadCalls(fsys)
	graph := modules.NewGraph(tree, cfg.roleOf)
	stacks, without, err := cfg.backendStacks(graph)
	if err != nil {
		return err
	}
	selected, err := o.selection(cfg, stacks)
	if err != nil {
		return err
	}
	plan, err := backend.New(tree, stacks, backend.Options{
		Migrate: o.migrate, Select: selected,
		OnDisk: func(name string) bool {
			_, err := os.Lstat(filepath.Join(root, filepath.FromSlash(name)))
			return err == nil
		},
	})
	if err != nil {
		return err
	}
	changes := backendChanges(plan)
	if writes && len(changes) > 0 {
		if err := a.writeBackends(ctx, root, plan, changes, o.force); err != nil {
			return err
		}
	}
	a.sayUnread(diags, len(plan.Findings))
	if o.diff {
		if err := report.WriteFixes(a.stdout, changes, a.style(a.stdout)); err != nil {
			return err
		}
		if len(changes) == 0 {
			a.say("Nothing changes. --check says what was found.")
		}
	} else {
		b := report.NewBackend(name, plan, without, writes, !o.check, o.migrate)
		if err := report.WriteBackend(a.stdout, b, a.format, a.style(a.stdout)); err != nil {
			return err
		}
	}
	return a.done(nil, len(plan.Duplicates) > 0 || slices.ContainsFunc(plan.Findings, func(f backend.Finding) bool {
		return f.Open(!o.check)
	}))
}

// sayUnread says that configuration could not be read, so that there may be
// more stacks than are shown.
func (a *app) sayUnread(diags interface{ HasErrors() bool }, found int) {
	if diags.HasErrors() {
		a.say("Some files of the repository cannot be read; `%s` names them. Backends were looked at: %d.", a.command("lint"), found)
	}
}

// backendStacks are the stacks with what their backends should be. without is
// how many have an environment for which no backend is configured.
func (c *Config) backendStacks(g *modules.Graph) (out []backend.Stack, without int, err error) {
	if c.Backend == nil && !slices.ContainsFunc(c.Environments, func(e *EnvironmentConfig) bool { return e.Backend != nil }) {
		return nil, 0, fmt.Errorf("no backend is configured, so that there is nothing to hold stacks against\nhint: in %s: backend \"s3\" { bucket = \"acme-terraform-state\" }", configName)
	}
	for dir, d := range g.Dirs {
		if d.Role != modules.RoleStack {
			continue
		}
		environments := c.EnvironmentsOf(dir)
		if len(environments) == 0 {
			environments = []string{""}
		}
		s := backend.Stack{Dir: dir}
		for _, env := range environments {
			u := backend.Unit{Name: dir, Environment: env, Account: c.AccountOf(env)}
			if len(environments) > 1 {
				u.Name += "@" + env
			}
			if e := c.environment(env); e != nil {
				u.Workspace, u.BackendConfig = e.Workspace, e.BackendConfig
			}
			want, err := c.BackendFor(dir, env)
			switch {
			case err != nil:
				u.Want.Why = err.Error()
			case want == nil:
				without++
				continue
			default:
				u.Want = want.want()
			}
			s.Units = append(s.Units, u)
		}
		if len(s.Units) > 0 {
			slices.SortFunc(s.Units, func(a, b backend.Unit) int { return strings.Compare(a.Name, b.Name) })
			out = append(out, s)
		}
	}
	slices.SortFunc(out, func(a, b backend.Stack) int { return strings.Compare(a.Dir, b.Dir) })
	return out, without, nil
}

// want is the block's arguments.
func (b *StackBackend) want() backend.Want {
	w := backend.Want{Type: "s3", Attributes: map[string]string{}, File: filepath.ToSlash(b.Range.Filename), Line: b.Range.Start.Line}
	if b.key != nil {
		w.File, w.Line = filepath.ToSlash(b.key.rng.Filename), b.key.rng.Start.Line
	}
	for name, v := range map[string]string{
		"bucket": b.Bucket, "key": b.Key, "region": b.Region, "dynamodb_table": b.DynamoDBTable, "kms_key_id": b.KMSKeyID,
		"assume_role.role_arn": b.RoleARN, "workspace_key_prefix": b.WorkspaceKeyPrefix, "profile": b.Profile,
	} {
		if v != "" {
			w.Attributes[name] = v
		}
	}
	for name, v := range map[string]*bool{"use_lockfile": b.UseLockfile, "encrypt": b.Encrypt} {
		if v != nil {
			w.Attributes[name] = fmt.Sprint(*v)
		}
	}
	return w
}

// selection is what --stack and --env leave; nil for all.
func (o backendOptions) selection(cfg *Config, stacks []backend.Stack) (func(string) bool, error) {
	if len(o.stacks)+len(o.environments) == 0 {
		return nil, nil
	}
	for _, env := range o.environments {
		if env != "-" && cfg.environment(env) == nil {
			var known []string
			for _, e := range cfg.Environments {
				known = append(known, e.Name)
			}
			return nil, fmt.Errorf("--env %s: there is no such environment in %s\nhint: it has %s", env, configName, strings.Join(known, ", "))
		}
	}
	matched := make([]bool, len(o.stacks))
	chosen := map[string]bool{}
	for i, g := range o.stacks {
		g = path.Clean(filepath.ToSlash(g))
		if !doublestar.ValidatePattern(g) {
			return nil, fmt.Errorf("--stack %q is no glob", o.stacks[i])
		}
		for _, s := range stacks {
			for _, u := range s.Units {
				if s.Dir == g || u.Name == g || doublestar.MatchUnvalidated(g, s.Dir) {
					matched[i], chosen[u.Name] = true, true
				}
			}
		}
		if !matched[i] {
			return nil, fmt.Errorf("--stack %s: no stack with a configured backend is there\nhint: %s", o.stacks[i], "paths count from the repository's root, * is within a directory, ** any depth")
		}
	}
	out := map[string]bool{}
	for _, s := range stacks {
		for _, u := range s.Units {
			env := u.Environment
			if env == "" {
				env = "-"
			}
			out[u.Name] = (len(o.stacks) == 0 || chosen[u.Name]) && (len(o.environments) == 0 || slices.Contains(o.environments, env))
		}
	}
	return func(unit string) bool { return out[unit] }, nil
}

func backendChanges(p *backend.Plan) []lint.Change {
	var out []lint.Change
	for _, c := range p.Changes {
		out = append(out, lint.Change{Path: c.Path, Before: c.Before, After: c.After})
	}
	return out
}

// writeBackends writes the changes, all or none. A new file is made empty
// first, which terraform reads as nothing, so that it is replaced like the
// others; what a killed process leaves of it the next one fills.
func (a *app) writeBackends(ctx context.Context, dir string, p *backend.Plan, changes []lint.Change, force bool) (err error) {
	var old []string
	for _, c := range p.Changes {
		if !c.New {
			old = append(old, c.Path)
		}
	}
	if err := allCommitted(ctx, dir, old, force); err != nil {
		return err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return err
	}
	defer root.Close()
	var made []string
	defer func() {
		if err == nil {
			return
		}
		for _, name := range made {
			if info, e := root.Lstat(name); e == nil && info.Mode().IsRegular() && info.Size() == 0 {
				_ = root.Remove(name)
			}
		}
	}()
	for _, c := range p.Changes {
		if !c.New {
			continue
		}
		name := filepath.FromSlash(c.Path)
		f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
		if errors.Is(err, fs.ErrExist) {
			if info, e := root.Lstat(name); e == nil && info.Mode().IsRegular() && info.Size() == 0 {
				continue
			}
			return fmt.Errorf("%s is there by now, and nothing is written\nhint: the same command again looks at it", c.Path)
		}
		if err != nil {
			return err
		}
		made = append(made, name)
		if err := f.Close(); err != nil {
			return err
		}
	}
	return rewriteFiles(dir, changes)
}

// allCommitted refuses to mix changes with others that are not committed.
func allCommitted(ctx context.Context, dir string, paths []string, force bool) error {
	if force || len(paths) == 0 {
		return nil
	}
	g, err := repo.Open(ctx, dir)
	if errors.Is(err, repo.ErrNotRepository) || errors.Is(err, repo.ErrNoCommits) {
		return nil // there is nothing to compare with
	}
	if err != nil && !errors.Is(err, repo.ErrShallow) {
		return err
	}
	dirty, err := g.DirtyFiles(ctx, paths)
	if err != nil || len(dirty) == 0 {
		return err
	}
	named := strings.Join(dirty[:min(3, len(dirty))], ", ")
	if n := len(dirty) - 3; n > 0 {
		named += fmt.Sprintf(" and %d more", n)
	}
	return fmt.Errorf("%s: changed and not committed, and nothing is written\nhint: commit or stash them, or --force", named)
}
