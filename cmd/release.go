package cmd

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"
	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/release"
)

type releaseOptions struct {
	modules               []string
	level, to, pre, tag   string
	push                  string
	all, check, dryRun    bool
	dependents, anyBranch bool
	version               *semver.Version // of to
}

func (a *app) releaseCommand() *cobra.Command {
	var o releaseOptions
	cmd := &cobra.Command{
		Use:   "release [MODULE…]",
		Short: "Tag the next version of a module, as its changes call for",
		Long: `Release makes the next release of a module: an annotated tag on HEAD, with the
changelog as its message, signed where your git is configured to sign tags.

The version follows from what changed since the module's last tag, as "terrier
diff" judges it, raised by what the commits say (feat is minor, feat! or a
footer BREAKING CHANGE major). It is never lower; --level and --to can raise it.
Below 1.0.0 what breaks raises the minor version. A module without a tag gets
modules.version of terrier.hcl, 1.0.0 by default.

MODULE is a directory; without one it is the directory that you are in. In a
repository of many modules each has tags of its own (vpc/v1.2.3, vpc-v1.2.3):
--all releases those that changed.

Modules of the same repository that use the module come after it, as patches at
least: those that call it by a relative path as they are; those that are pinned
to its tag get the new one, in a commit of their own. A call that would break is
left alone, and named. --dependents=false leaves all of them out.

Refused, with nothing made: files that are not committed, a tag that is there
already, a version below what the changes call for, a commit that the remote's
default branch does not have (--any-branch allows it), calls in a circle. See it
first with --dry-run.

--check is for CI: it judges a tag and makes nothing. The tag is that of --tag,
the version of --to, CI_COMMIT_TAG (GitLab), GITHUB_REF_NAME (GitHub), else what
is on HEAD.

Exit codes: 0 released, or there is nothing to release, or the tag is right; 2
refused, a dependent was left out, or the tag is too low; 1 an error.`,
		Example: "  terrier release --dry-run\n  terrier release modules/vpc\n  terrier release modules/vpc --pre rc --push\n  terrier release --all --dry-run --format json\n  terrier release --check --tag v2.0.0",
		ValidArgsFunction: func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
			return nil, cobra.ShellCompDirectiveFilterDirs
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			o.modules = args
			return a.release(cmd.Context(), o)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.level, "level", "", "raise the version by this `level` at least: major, minor, patch")
	f.StringVar(&o.to, "to", "", "release this `version`, where it is high enough")
	f.StringVar(&o.pre, "pre", "", "make a pre-release of this `name`: rc gives 1.3.0-rc.1")
	f.BoolVar(&o.all, "all", false, "release every module that changed since its last tag")
	f.BoolVar(&o.dependents, "dependents", true, "release the modules that use it, too")
	f.BoolVar(&o.anyBranch, "any-branch", false, "allow a commit that the default branch does not have")
	f.StringVar(&o.push, "push", "", "push the tags, and the commits with new pins, to this `remote`")
	f.Lookup("push").NoOptDefVal = "origin"
	f.BoolVar(&o.dryRun, "dry-run", false, "show what would be released, and why; make nothing")
	f.BoolVar(&o.check, "check", false, "judge a tag; exit 2 where it is too low")
	f.StringVar(&o.tag, "tag", "", "the `tag` that --check judges; it need not be there yet")
	a.formatFlag(cmd, "text", "json", "markdown")
	return cmd
}

// release is the journey: open the repository, decide, refuse or make, report.
func (a *app) release(ctx context.Context, o releaseOptions) error {
	if err := o.settle(); err != nil {
		return err
	}
	in, r, err := a.openRelease(ctx)
	if err != nil {
		return err
	}
	if err := a.resumeRelease(ctx, o, r); err != nil {
		return a.releaseTrouble(err)
	}
	c, err := release.Open(ctx, r, in, a.chdir, o.tag)
	if err != nil {
		return err
	}
	defer c.Close()
	tightenGC(c.Files())
	if o.check {
		verdicts, err := c.Check(ctx, o.question())
		if err != nil {
			return a.releaseTrouble(err)
		}
		return a.reportCheck(verdicts)
	}
	plan, err := c.Plan(ctx, o.request())
	if err != nil {
		return a.releaseTrouble(err)
	}
	made := &release.Made{}
	if !o.dryRun && len(plan.Refused) == 0 {
		if made, err = c.Make(ctx, plan, o.making(ctx, r)); err != nil {
			return a.releaseTrouble(err)
		}
	}
	return a.reportRelease(o, plan, made)
}

// settle reads the flags.
func (o *releaseOptions) settle() error {
	switch change.Level(o.level) {
	case "", change.Major, change.Minor, change.Patch:
	default:
		return fmt.Errorf("--level %q is not one of major, minor, patch", o.level)
	}
	if o.to != "" {
		v, err := semver.StrictNewVersion(strings.TrimPrefix(o.to, "v"))
		if err != nil {
			return fmt.Errorf("--to %q is no semantic version\nhint: three numbers, as in 1.3.0", o.to)
		}
		o.version = v
	}
	// TERRIER_PUSH=true is --push.
	if on, err := strconv.ParseBool(o.push); err == nil {
		if o.push = ""; on {
			o.push = "origin"
		}
	}
	given := 0
	for _, set := range []bool{o.level != "", o.to != "", o.pre != ""} {
		if set {
			given++
		}
	}
	switch {
	case o.to != "" && given > 1:
		return fmt.Errorf("--to names the version, so that --level and --pre have no say\nhint: --to 2.0.0-rc.1 is a pre-release")
	case o.to != "" && (o.all || len(o.modules) > 1):
		return fmt.Errorf("--to is the version of one module\nhint: name that one alone")
	case o.all && len(o.modules) > 0:
		return fmt.Errorf("--all and %s cannot go together\nhint: leave one of them out", strings.Join(o.modules, " "))
	case o.tag != "" && !o.check:
		return fmt.Errorf("--tag is what --check judges\nhint: --to names the version of a release")
	case o.check && (o.level != "" || o.pre != "" || o.all || o.push != "" || o.dryRun):
		return fmt.Errorf("--check judges one tag: --level, --pre, --all, --push and --dry-run have no say")
	case o.check && len(o.modules) > 1:
		return fmt.Errorf("--check judges one tag, and so one module")
	case o.tag != "" && o.to != "":
		return fmt.Errorf("--tag and --to both name what is judged\nhint: leave one of them out")
	}
	if o.check && o.tag == "" && o.to == "" {
		o.tag = ciTag()
	}
	return nil
}

// reportRelease shows what was decided, refused and made.
func (a *app) reportRelease(o releaseOptions, plan *release.Plan, made *release.Made) error {
	r := report.Release{Plan: *plan, DryRun: o.dryRun, Made: len(made.Tags) > 0, Pushed: o.push}
	if len(plan.Refused) == 0 || o.dryRun || a.format == "json" {
		if err := report.WriteRelease(a.stdout, r, a.format, a.style(a.stdout)); err != nil {
			return err
		}
	}
	for _, err := range plan.Refused {
		report.Error(a.stderr, err, a.style(a.stderr))
	}
	a.adviseRelease(o, plan, made)
	return a.done(nil, len(plan.Refused)+len(plan.Skipped) > 0)
}

// reportCheck shows which tags are right.
func (a *app) reportCheck(verdicts []release.Verdict) error {
	if err := report.WriteReleaseCheck(a.stdout, verdicts, a.format, a.style(a.stdout)); err != nil {
		return err
	}
	wrong := false
	for _, v := range verdicts {
		if v.Wrong != nil {
			report.Error(a.stderr, v.Wrong, a.style(a.stderr))
			wrong = true
		}
	}
	return a.done(nil, wrong)
}

// adviseRelease names what comes next.
func (a *app) adviseRelease(o releaseOptions, plan *release.Plan, made *release.Made) {
	if len(plan.Refused) > 0 || len(plan.Releases) == 0 {
		return
	}
	if o.dryRun {
		a.next(report.Step{Command: "the same command without --dry-run", Why: "makes it"})
		return
	}
	outdated := report.Step{Command: "terrier outdated", Why: "in the repositories that call it"}
	if o.push != "" {
		a.next(outdated)
		return
	}
	words := []string{"git", "push", "--atomic", "origin"}
	if made.Branch != "" {
		words = append(words, shell(made.Branch))
	}
	for _, r := range plan.Releases {
		words = append(words, "tag", shell(r.Tag))
	}
	a.next(report.Step{Command: strings.Join(words, " "), Why: "sends it"}, outdated)
}
