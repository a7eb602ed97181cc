package cmd

import (
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/versions"
)

type listOptions struct {
	remote       bool
	environments []string
	names        []string
}

func (a *app) listCommand() *cobra.Command {
	var o listOptions
	cmd := &cobra.Command{
		Use:   "list [MODULE…]",
		Short: "Show which environment runs which version of which module",
		Long: `List shows each module that the repository calls from elsewhere, and at which
versions each environment has it: git sources by their tag, by the tag that is
on a pinned commit (as the cache, the lock or the comment behind it has it), or
by branch; registry modules by their version. Sources that mean one repository
are one module, however they are spelled; //subdirectories are modules of their
own.

An environment that is behind another is marked, with the number of releases
between: those that the lock and the mirrors in your cache know or, with
--remote, all that there are. Without --remote nobody is asked.

A call in a shared module counts in each environment that reaches it. Modules
of the repository itself have no version and are left out. A stack that no
environment of terrier.hcl has is in the column "-".

MODULE is a name from the list, a repository's name, host/path, an address, or a
glob over host/path; quote it.`,
		Example:           "  terrier list\n  terrier list vpc --env prod --format json\n  terrier list 'gitlab.example.com/terraform/*' --remote\n  terrier list --format cyclonedx > modules.cdx.json",
		ValidArgsFunction: a.completeModules,
		RunE: func(cmd *cobra.Command, args []string) error {
			o.names = args
			return a.list(cmd.Context(), o)
		},
	}
	cmd.Flags().BoolVar(&o.remote, "remote", false, "ask the remotes and registries for their releases")
	cmd.Flags().StringSliceVar(&o.environments, "env", nil, "only these `environments`; - is none")
	a.formatFlag(cmd, report.ListFormats()...)
	return cmd
}

// list is the journey: load, group, learn, report.
func (a *app) list(ctx context.Context, o listOptions) error {
	cfg, err := a.loadConfig()
	if err != nil {
		return err
	}
	v, err := a.openVersions(ctx, cfg, "", o.environments, o.names)
	if err != nil {
		return err
	}
	defer v.close()
	if err := v.learn(ctx, false); err != nil {
		return err
	}
	if o.remote {
		err = v.learn(ctx, true)
	}
	if err != nil {
		return err
	}
	build, _ := buildInfo()
	l := report.NewList(v.set, v.name, build, v.unread, o.remote)
	if err := report.WriteList(a.stdout, l, a.format, a.style(a.stdout)); err != nil {
		return err
	}
	v.adviseEnvironments()
	v.nextOfList()
	return v.done(false)
}

// A versionsRun is one reading of who uses which module.
type versionsRun struct {
	*app
	cfg    *Config
	name   string // what is read, for people
	set    *versions.Set
	asker  versions.Asker
	store  *fetch.Store       // asks each remote once, for whoever opens modules
	unread []report.ListError // files that could not be read, so that calls may be missing

	fsys  fs.FS
	graph *modules.Graph
	calls []*lint.Call                  // of graph
	found map[string][]*versions.Module // what the names of the command line mean
	close func()                        // releases fsys
}

// openVersions reads the work tree, or a revision, and the lock, and leaves
// what was named.
func (a *app) openVersions(ctx context.Context, cfg *Config, rev string, environments, names []string) (*versionsRun, error) {
	fsys, name, done, err := a.source(ctx, rev)
	if err != nil {
		return nil, err
	}
	v := &versionsRun{app: a, cfg: cfg, name: name, fsys: fsys, close: done}
	if err := v.read(environments, names); err != nil {
		done()
		return nil, err
	}
	return v, nil
}

func (v *versionsRun) read(environments, names []string) error {
	file, err := v.readLock(v.cfg.Root)
	if err != nil {
		return err
	}
	var diags hcl.Diagnostics
	v.graph, diags = v.load(v.fsys)
	v.calls = lint.Calls(&lint.Input{Graph: v.graph})
	v.set = versions.New(versions.Input{
		Graph: v.graph, Calls: v.calls, Lock: file, Environments: v.cfg.Order(), EnvironmentsOf: v.cfg.EnvironmentsOf,
	})
	v.showUnread(v.fsys, diags)
	return v.keep(environments, names)
}

func (v *versionsRun) load(fsys fs.FS) (*modules.Graph, hcl.Diagnostics) {
	tree, diags := hclparse.LoadCalls(fsys)
	tightenGC(len(tree.Entries))
	return modules.NewGraph(tree, v.cfg.roleOf), diags
}

// showUnread shows the errors of files that cannot be read. Warnings are for
// lint.
func (v *versionsRun) showUnread(fsys fs.FS, diags hcl.Diagnostics) {
	diags = slices.DeleteFunc(diags, func(d *hcl.Diagnostic) bool { return d.Severity != hcl.DiagError })
	files := map[string]*hcl.File{}
	for _, d := range diags {
		unread := report.ListError{Summary: d.Summary}
		if d.Subject == nil {
			v.unread = append(v.unread, unread)
			continue
		}
		unread.Source = fmt.Sprintf("%s:%d", d.Subject.Filename, d.Subject.Start.Line)
		v.unread = append(v.unread, unread)
		if data, err := fs.ReadFile(fsys, d.Subject.Filename); err == nil {
			files[d.Subject.Filename] = &hcl.File{Bytes: data}
		}
	}
	_ = v.show(diags, files) // the report comes all the same
}

// keep leaves what the command line names.
func (v *versionsRun) keep(environments, names []string) error {
	var envs []string
	for _, e := range environments {
		if e == "-" {
			e = ""
		}
		if e != "" && !slices.Contains(v.set.Environments, e) {
			return v.noEnvironment(e)
		}
		envs = append(envs, e)
	}
	var named []*versions.Module
	v.found = map[string][]*versions.Module{}
	for _, name := range names {
		found, err := v.set.Find(name)
		if err != nil {
			return err
		}
		v.found[name] = found
		named = append(named, found...)
	}
	v.set.Keep(envs, named)
	return nil
}

func (v *versionsRun) noEnvironment(name string) error {
	known := v.cfg.Order()
	if len(known) == 0 {
		return fmt.Errorf("--env %s: no environments are configured\nhint: %s proposes them, and they look like this: environment %q { stacks = [\"live/%s/**\"] }", name, v.command("init"), name, name)
	}
	hint := "it has " + strings.Join(known, ", ")
	if near := suggest(name, known); near != "" {
		hint = fmt.Sprintf("did you mean %s? It has %s", near, strings.Join(known, ", "))
	}
	return fmt.Errorf("--env %s: there is no such environment in %s\nhint: %s", name, configName, hint)
}

// learn finds out which releases there are: of the mirrors, or of the remotes
// themselves.
func (v *versionsRun) learn(ctx context.Context, remote bool) error {
	var err error
	if v.store, err = v.fetchStore(!remote); err != nil {
		if !remote {
			return nil // the lock is enough
		}
		return err
	}
	v.asker = versions.Asker{
		Cache:    v.store.Cache,
		Remotes:  v.store,
		Registry: func() (versions.Registry, error) { return registry.New(registry.Options{}) },
	}
	if !remote {
		return v.set.Cached(ctx, v.asker.Cache)
	}
	bar := v.progress()
	defer bar.Done()
	v.asker.Progress = steps(bar)
	return v.set.Ask(ctx, v.asker)
}

// adviseEnvironments says how environments come to be, where there are none.
func (v *versionsRun) adviseEnvironments() {
	if len(v.cfg.Environments) > 0 || len(v.set.Modules) == 0 {
		return
	}
	v.say("No environments are configured, so all calls are in one column. In %s: environment \"prod\" { stacks = [\"live/prod/**\"] }", configName)
	if v.cfg.Path == "" {
		v.next(report.Step{Command: v.command("init"), Why: "proposes environments"})
	}
}

// done gives the exit code: what could not be read or asked is an error.
func (v *versionsRun) done(found bool) error {
	if len(v.unread) > 0 || len(v.set.Failures) > 0 {
		return errShown
	}
	return v.app.done(nil, found)
}
