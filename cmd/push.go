package cmd

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/forge"
	"github.com/terrier-iac/terrier/split"
)

type pushOptions struct {
	dryRun             bool
	only               string
	create, visibility string
	jobs               int
	timeout            time.Duration
}

func (a *app) pushCommand() *cobra.Command {
	var o pushOptions
	cmd := &cobra.Command{
		Use:   "push DIR",
		Short: "Push the repositories of a split to their remotes",
		Long: `Push sends what "terrier split --out DIR" wrote to the remotes of terrier.hcl:
of each repository its branch (main, but for the layout "in-place") and the tags
that the split recorded, and nothing else. A module goes after the modules that
it pins, live repositories last. To see it first: --dry-run.

It never forces. What is there already is skipped; a tag on another commit, or
a branch that ours does not build on, is refused with both ids, nothing is
pushed to that repository or to those that need it, and the others go on. After
a lost connection or a silent remote the remote is read again, and what it
holds is the result. Half done, the same command again completes it.

It runs your own git: credential helpers, askpass programs, ssh's configuration
and agent, proxies and insteadOf all work. Hooks do not run, and git asks
nothing on the terminal, since several run at a time.

--create makes missing projects first, through the forge's API. Projects that
are there are never changed, and groups are never made. The token is sent only
to the host that the environment binds it to:

  gitlab  GITLAB_TOKEN            GITLAB_HOST, CI_SERVER_URL, CI_SERVER_HOST,
                                  else gitlab.com
  github  GH_TOKEN, GITHUB_TOKEN  GH_HOST, GITHUB_SERVER_URL, else github.com
          (GH_ENTERPRISE_TOKEN first, where that is not GitHub's own)
  gitea   GITEA_TOKEN             GITEA_HOST, GITEA_SERVER_URL

A split with a mismatch in its proof is refused, and so is a repository that was
altered after it.

Exit codes: 0 all is there, and with --dry-run all that is not can go; 2
something is refused; 1 an error.`,
		Example: "  terrier push ../split --dry-run\n  terrier push ../split\n  terrier push ../split --only 'modules/**'\n  GITLAB_TOKEN=… terrier push ../split --create gitlab",
		Args:    cobra.ExactArgs(1),
		RunE:    func(cmd *cobra.Command, args []string) error { return a.push(cmd.Context(), args[0], o) },
	}
	f := cmd.Flags()
	f.BoolVar(&o.dryRun, "dry-run", false, "read the remotes and show what would be pushed where")
	f.StringVar(&o.only, "only", "", "push only the repositories whose name or path in DIR matches this `glob`")
	f.StringVar(&o.create, "create", "", "create missing projects on this `forge`: gitlab, github, gitea")
	f.StringVar(&o.visibility, "visibility", "private", "`who` can see created projects: private, internal, public")
	f.IntVarP(&o.jobs, "jobs", "j", 4, "push this `many` repositories at a time")
	f.DurationVar(&o.timeout, "timeout", 5*time.Minute, "end a git or a request whose remote has been silent for this `long`")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

func (a *app) push(ctx context.Context, dir string, o pushOptions) error {
	c, err := o.config()
	if err != nil {
		return err
	}
	doc, err := split.ReadDocument(dir)
	if err != nil {
		return err
	}
	bar := a.progress()
	defer bar.Done()
	c.Progress = steps(bar)
	pushed, err := split.Push(ctx, dir, doc, c)
	bar.Done()
	if err != nil {
		return err
	}
	if err := report.WritePush(a.stdout, report.Push{Repositories: pushed, DryRun: o.dryRun}, a.format, a.style(a.stdout)); err != nil {
		return err
	}
	refused := false
	for _, p := range pushed {
		switch p.Status {
		case split.PushFailed:
			return errShown
		case split.PushRefused:
			refused = true
		}
	}
	if o.dryRun && !refused {
		a.next(report.Step{Command: "the same command without --dry-run", Why: "sends it"})
	}
	return a.done(nil, refused)
}

// config turns the flags into what a push decides by.
func (o pushOptions) config() (split.PushConfig, error) {
	c := split.PushConfig{Only: o.only, DryRun: o.dryRun, Jobs: o.jobs, Silence: o.timeout}
	switch {
	case o.jobs < 1:
		return c, fmt.Errorf("--jobs %d: it takes one at least", o.jobs)
	case o.timeout <= 0:
		return c, fmt.Errorf("--timeout %v: it takes more than nothing, 5m say", o.timeout)
	case o.create == "":
		return c, nil
	}
	f, err := forge.New(forge.Config{Kind: forge.Kind(o.create), Visibility: forge.Visibility(o.visibility), Getenv: os.Getenv, Timeout: o.timeout})
	if err != nil {
		return c, fmt.Errorf("--create %s: %w", o.create, err)
	}
	c.Projects = f
	return c, nil
}
