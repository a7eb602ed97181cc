package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/user"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live"
	"github.com/terrier-iac/terrier/live/account"
	"github.com/terrier-iac/terrier/live/approval"
	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/guard"
	"github.com/terrier-iac/terrier/live/install"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/share"
	"github.com/terrier-iac/terrier/live/static"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

// An estateRun is what plan, apply and status know before they begin: the files,
// what guards them, the units in their order, and the records.
type estateRun struct {
	app    *app
	cfg    *Config
	root   string // of the files, absolute
	fsys   fs.FS
	graph  *modules.Graph
	guards *Guarding
	estate *estate.Estate
	made   *estate.Files // what its units are made of
	tree   live.Tree
	repo   *repo.Repo // nil outside of git
	opener *moduleOpener
	store  *store.Store
	share  *share.Share // nil where runs are not shared
	by     string
	// terraform is findTerraform, under way; nil where nobody needs it yet.
	terraform func() (*terraform.Terraform, error)
}

// openEstate reads the files and what is known of them. base is a revision whose
// configuration guards, "" for the main branch.
func (a *app) openEstate(ctx context.Context, base string) (*estateRun, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	e := &estateRun{app: a, cfg: cfg}
	if e.root, err = a.lintRoot(); err != nil {
		return nil, err
	}
	if e.guards, err = a.guarding(ctx, cfg, base); err != nil {
		return nil, err
	}
	if a.terraformAhead {
		e.terraform = async(e.findTerraform)
	}
	if err := e.readTree(ctx); err != nil {
		return nil, err
	}
	e.fsys = workTree(ctx, e.root)
	tree, diags := hclparse.LoadCalls(e.fsys, "terraform_remote_state")
	tightenGC(len(tree.Entries))
	e.graph = modules.NewGraph(tree, cfg.roleOf)
	if err := e.show(errorsOf(diags)); err != nil {
		return nil, err
	}
	c := cfg.EstateConfig(e.guards.After)
	c.Variables = variables(os.Environ())
	if e.opener, err = a.moduleOpener(ctx, cfg.Root); err != nil {
		return nil, err
	}
	e.opener.readAhead(e.graph)
	c.Open = e.opener.open
	e.estate, diags = estate.Discover(e.fsys, e.graph, c)
	if err := e.show(errorsOf(diags)); err != nil {
		return nil, err
	}
	e.made = estate.NewFiles(e.graph, e.estate)
	if e.tree.Commit != "" {
		hidden, err := e.hidden(ctx)
		if err != nil {
			return nil, err
		}
		e.tree.Dirty = slices.Compact(slices.Sorted(slices.Values(append(e.tree.Dirty, hidden...))))
	}
	if err := e.openStore(ctx); err != nil {
		return nil, err
	}
	return e, nil
}

// errorsOf leaves the errors; warnings are for lint.
func errorsOf(diags hcl.Diagnostics) hcl.Diagnostics {
	return slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool { return d.Severity != hcl.DiagError })
}

// show shows the errors of files, which end the command: what is not read cannot
// be guarded.
func (e *estateRun) show(diags hcl.Diagnostics) error {
	files := map[string]*hcl.File{}
	for _, d := range diags {
		if d.Subject != nil {
			if data, err := fs.ReadFile(e.fsys, d.Subject.Filename); err == nil {
				files[d.Subject.Filename] = &hcl.File{Bytes: data}
			}
		}
	}
	return e.app.show(diags, files)
}

// variables are the TF_VAR_* of an environment.
func variables(environ []string) map[string]string {
	out := map[string]string{}
	for _, kv := range environ {
		if name, value, ok := strings.Cut(kv, "="); ok && strings.HasPrefix(name, "TF_VAR_") {
			out[strings.TrimPrefix(name, "TF_VAR_")] = value
		}
	}
	return out
}

// readTree reads where the work tree stands. Outside of git it is nowhere.
func (e *estateRun) readTree(ctx context.Context) error {
	r, err := repo.Open(ctx, e.root)
	switch {
	case errors.Is(err, repo.ErrNotRepository):
		e.by = loginName()
		return nil
	case err != nil && !errors.Is(err, repo.ErrShallow) && !errors.Is(err, repo.ErrNoCommits):
		return err
	}
	unborn := errors.Is(err, repo.ErrNoCommits)
	e.repo = r
	if e.by, err = r.UserEmail(ctx); err != nil {
		return err
	}
	if ci := approval.CI(os.Getenv); ci != nil && ci.User != "" {
		e.by = ci.User
	} else if e.by == "" {
		e.by = loginName()
	}
	if e.tree.Branch, err = r.CurrentBranch(ctx); err != nil || unborn {
		return err
	}
	head, err := r.Resolve(ctx, "HEAD")
	if err != nil {
		return err
	}
	e.tree.Commit = head.ID.String()
	if e.tree.Branches, err = r.BranchesWith(ctx, head.ID); err != nil {
		return err
	}
	changed, err := r.ChangedSince(ctx, "HEAD")
	if err != nil {
		return err
	}
	e.tree.Dirty = slices.DeleteFunc(changed, estate.Own)
	return nil
}

func loginName() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

func (e *estateRun) openStore(ctx context.Context) error {
	var err error
	if e.store, err = openStore(e.cfg); err != nil {
		return err
	}
	e.share, err = openShare(ctx, e.guards.Runs())
	return err
}

// records are those of this clone and, where runs are shared, of all.
func (e *estateRun) records(ctx context.Context) ([]runs.Record, error) {
	file, err := runs.Read(e.cfg.Root, nil)
	if err != nil {
		return nil, err
	}
	if len(file.Damaged) > 0 {
		e.app.say("%s: %d damaged lines are passed over", runs.Name, len(file.Damaged))
	}
	if e.share == nil {
		return file.Records, nil
	}
	shared, damaged, err := e.share.Records(ctx, 0, nil)
	if err != nil {
		return nil, err
	}
	for _, d := range damaged {
		e.app.say("%s is no record, and is passed over", d)
	}
	return runs.Merge(file.Records, shared), nil
}

// record keeps records here and, where runs are shared, there.
func (e *estateRun) record(ctx context.Context, records ...runs.Record) error {
	if err := runs.Append(e.cfg.Root, records...); err != nil {
		return err
	}
	if !e.shares() {
		return nil
	}
	for _, r := range records {
		if err := e.share.Append(ctx, r); err != nil {
			return err
		}
	}
	return nil
}

// shares reports whether what is planned here is for others too. A job that has
// not the key which seals runs, such as one of a merge request, reads what is
// shared and plans for itself: it needs no right to write there.
func (e *estateRun) shares() bool { return e.share != nil && e.store.Team() }

// selection are the flags that choose units.
type selection struct {
	environments, accounts, stacks []string
	changedSince                   string
	why                            bool
}

func (s *selection) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringSliceVar(&s.environments, "env", nil, "only these `environments`")
	f.StringSliceVar(&s.accounts, "account", nil, "only these `accounts`")
	f.StringSliceVar(&s.stacks, "stack", nil, "only the stacks that match these `globs`")
}

// choose are the units that the flags mean, with the reasons.
func (e *estateRun) choose(ctx context.Context, s selection) ([]*estate.Unit, estate.Selection, error) {
	sel := estate.Selection{Environments: s.environments, Accounts: s.accounts, Stacks: s.stacks}
	if s.changedSince != "" {
		changed, err := e.changed(ctx, s.changedSince)
		if err != nil {
			return nil, sel, fmt.Errorf("--changed-since: %w", err)
		}
		sel.Changed = changed
	}
	units, err := e.estate.Select(sel)
	return units, sel, err
}

// behind says why a unit has changed since a commit that it stands at, "" where
// it has not.
func (e *estateRun) behind() func(ctx context.Context, u *estate.Unit, commit string) (string, error) {
	if e.repo == nil {
		return nil
	}
	var mu sync.Mutex
	since := map[string]map[string][]estate.Reason{}
	return func(ctx context.Context, u *estate.Unit, commit string) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		switch commit {
		case e.tree.Commit:
			return "", nil // that nothing else is there, the guard dirty says
		case "":
			return "the records do not say at which commit", nil
		}
		all, ok := since[commit]
		if !ok {
			var err error
			all, err = e.changed(ctx, commit)
			if errors.Is(err, repo.ErrRevision) || errors.Is(err, repo.ErrUnrelated) || errors.Is(err, repo.ErrShallow) {
				return "this clone does not have the commit that it stands at, " + commit[:min(len(commit), 12)], nil
			} else if err != nil {
				return "", err
			}
			since[commit] = all
		}
		if reasons := all[u.Name()]; len(reasons) > 0 {
			return report.ReasonText(reasons[0]), nil
		}
		return "", nil
	}
}

// changed are the units that changed since a revision: since the commit that it
// and HEAD have in common, as a merge request shows it.
func (e *estateRun) changed(ctx context.Context, rev string) (map[string][]estate.Reason, error) {
	if e.repo == nil {
		return nil, repo.ErrNotRepository
	}
	dir, err := repo.CacheDir()
	if err != nil {
		return nil, err
	}
	now := e.cfg.EstateConfig(e.guards.After)
	in := estate.ChangedInput{
		Repo: e.repo, Rev: rev, Graph: e.graph, Estate: e.estate, New: &now, Cache: &repo.Cache{Dir: dir, Silence: remoteSilence},
		ConfigFile: e.fromRoot(e.cfg.Path), LockFile: e.fromRoot(filepath.Join(e.cfg.Root, lock.Name)),
	}
	base, err := e.repo.MergeBase(ctx, rev)
	if err != nil {
		return nil, err
	}
	if old := e.configAt(ctx, base.String(), in.ConfigFile); old != nil {
		c := old.EstateConfig(nil)
		in.Old = &c
	}
	return estate.Changed(ctx, in)
}

// fromRoot is an absolute path as seen from the root, with slashes; "" for one
// outside of it, and for none.
func (e *estateRun) fromRoot(name string) string {
	if name == "" {
		return ""
	}
	// The file need not be there.
	rel, inside := within(resolved(e.root), filepath.Join(resolved(filepath.Dir(name)), filepath.Base(name)))
	if !inside {
		return ""
	}
	return rel
}

// configAt is the configuration as a commit has it; nil where it has none that
// can be read: then all that the file says counts as changed. One that is in no
// commit is as it is.
func (e *estateRun) configAt(ctx context.Context, commit, file string) *Config {
	if file == "" {
		return e.cfg
	}
	src, err := e.repo.FileAt(ctx, commit, file)
	if err != nil {
		return nil
	}
	c, diags, _ := parseConfig(src, commit+":"+file)
	if diags.HasErrors() {
		return nil
	}
	return c
}

// operation finds terraform and puts together what plans and applies are made
// with.
func (e *estateRun) operation(ctx context.Context, o operateOptions) (*live.Operation, error) {
	how := e.guards.Terraform()
	if e.terraform == nil {
		e.terraform = e.findTerraform
	}
	tf, err := e.terraform()
	if err != nil {
		return nil, err
	}
	lockFile, err := e.app.readLock(e.cfg.Root)
	if err != nil {
		return nil, err
	}
	dir, err := repo.CacheDir()
	if err != nil {
		return nil, err
	}
	records, err := e.records(ctx)
	if err != nil {
		return nil, err
	}
	source := approval.New(approval.Options{Getenv: os.Getenv, Store: e.store, Timeout: remoteSilence})
	op := &live.Operation{
		Root: e.root, Home: e.cfg.Root, FS: os.DirFS(e.root), Static: static.NewTree(e.graph), Estate: e.estate, Tree: e.tree, Terraform: tf,
		Installer: &install.Installer{
			Cache: &repo.Cache{Dir: dir, Silence: remoteSilence}, Lock: lockFile, Path: tf.Path, Product: tf.Product, Version: tf.Version, Off: o.plainInit,
			Registry: func() (install.Registry, error) { return registry.New(registry.Options{}) },
		},
		Broker: &account.Broker{Now: e.app.now}, Store: e.store, Settings: e.settings, Files: e.files, Behind: e.behind(),
		Records: records, Record: e.record, Jobs: o.jobsOr(how.Parallelism), Timeout: how.Timeout, By: e.by, Now: e.app.now, Environ: os.Environ(),
		Approved: func(ctx context.Context, run *store.Run, s *store.Stack, r guard.Rules) (*guard.Refusal, error) {
			_, refusal := e.approvals(ctx, source, run, s, r)
			return refusal, nil
		},
	}
	if o.timeout > 0 {
		op.Timeout = o.timeout
	}
	return op, nil
}

// findTerraform finds the terraform to plan and apply with.
func (e *estateRun) findTerraform() (*terraform.Terraform, error) {
	flag := e.app.tfPath
	if flag == "" && os.Getenv(terraform.EnvPath) == "" {
		flag = e.guards.Terraform().Path
	}
	return terraform.Find(flag)
}

// async starts f, and gives what waits for its answer.
func async[T any](f func() (T, error)) func() (T, error) {
	done := make(chan struct{})
	var v T
	var err error
	go func() {
		defer close(done)
		v, err = f()
	}()
	return func() (T, error) {
		<-done
		return v, err
	}
}

// approvals asks whether a plan has the approvals that the rules want, and gives
// those that count.
func (e *estateRun) approvals(ctx context.Context, source approval.Source, run *store.Run, s *store.Stack, r guard.Rules) ([]approval.Person, *guard.Refusal) {
	environment, refusal := e.guards.ApprovedIn(s.Path, s.Environment)
	if refusal != nil {
		return nil, refusal
	}
	return approval.Check(ctx, source, approval.Want{Run: run, Stack: s, Environment: environment, Manifest: e.manifest(run)}, r)
}

// manifest is where a run's manifest is, from the top of the checkout.
func (e *estateRun) manifest(run *store.Run) string {
	name := ".terrier/runs/" + run.ID + "/run.json"
	if rel, inside := within(e.root, e.cfg.Root); inside && rel != "." {
		return rel + "/" + name
	}
	return name
}

// settings are what guards a unit.
func (e *estateRun) settings(u *estate.Unit) (live.Settings, error) {
	s := live.Settings{Rules: e.guards.Rules(u.Stack, u.Environment), Pins: e.guards.Providers(u.Stack)}
	s.StatePlanRole, s.StateApplyRole = e.guards.StateRoles(u.Stack, u.Environment)
	a, refusal := e.guards.Account(u.Stack, u.Environment)
	if refusal != nil {
		s.Refusals = append(s.Refusals, *refusal)
	}
	if a != nil {
		s.Account = &account.Account{Name: a.Name, ID: a.ID, Also: a.Also, PlanRole: a.PlanRole, ApplyRole: a.ApplyRole, Duration: a.Duration, ExternalID: a.ExternalID}
	}
	return s, nil
}

// refuseDuplicates refuses two of the chosen units with one state: each would
// destroy what is the other's.
func (e *estateRun) refuseDuplicates(units []*estate.Unit) error {
	for _, group := range e.estate.SharedStates() {
		if !slices.ContainsFunc(group, func(u *estate.Unit) bool { return slices.Contains(units, u) }) {
			continue
		}
		return sharedState(group)
	}
	return nil
}

// notes says what the order and the guards do not rest on, once.
func (e *estateRun) notes(units []*estate.Unit) {
	if e.guards.Note != "" && e.cfg.Path != "" {
		e.app.say("note: %s", e.guards.Note)
	}
	for _, w := range e.guards.Weakened {
		e.app.say("note: %s: this branch is weaker than %s, and that does not count: %s", w.Where, e.guards.Rev, w.What)
	}
	unresolved, unread := e.unknown(units)
	for _, line := range orderNotes(unresolved, unread, e.app.verbose) {
		e.app.say("note: %s", line)
	}
}

// operateOptions are the flags that plan and apply share.
type operateOptions struct {
	selection
	base      string
	jobs      int
	timeout   time.Duration
	plainInit bool
}

func (o *operateOptions) flags(cmd *cobra.Command) {
	o.selection.flags(cmd)
	f := cmd.Flags()
	f.StringVar(&o.base, "base", "", "the `revision` whose terrier.hcl guards (default: the main branch)")
	f.IntVarP(&o.jobs, "jobs", "j", 0, "so `many` stacks at a time (default: parallelism, else the number of CPUs)")
	f.DurationVar(&o.timeout, "timeout", 0, "interrupt a terraform that runs this `long` (default: timeout of terrier.hcl)")
	f.BoolVar(&o.plainInit, "plain-init", false, "leave modules to terraform init, without the mirrors")
}

func (o *operateOptions) jobsOr(configured int) int {
	switch {
	case o.jobs > 0:
		return o.jobs
	case configured > 0:
		return configured
	}
	return max(2, runtime.NumCPU())
}

// view shows what happens to units while it happens.
func (e *estateRun) view(op *live.Operation) *report.Units {
	v := report.NewUnits(e.app.stderr, e.app.style(e.app.stderr), e.app.quiet)
	op.Tell = v.Tell
	return v
}
