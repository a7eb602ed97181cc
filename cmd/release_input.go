package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/release"
	"github.com/terrier-iac/terrier/modules/repo"
)

// releaseConfig is what terrier.hcl says of releases.
func releaseConfig(cfg *Config, own map[string]bool) (release.Config, error) {
	first, err := semver.StrictNewVersion(cfg.Modules.Version)
	if err != nil {
		return release.Config{}, err
	}
	names := map[string]string{}
	for dir, m := range cfg.Module {
		names[dir] = m.Name
	}
	tag := cfg.Modules.tag
	return release.Config{
		File: configName, Role: cfg.roleOf, Names: names, First: first, Tag: cfg.Modules.TagFor,
		Spells: tag != nil, Named: tag != nil && tag.uses("name"),
		OwnTags: tag != nil || cfg.Modules.Layout != LayoutPerModule, Own: own,
	}, nil
}

// openRelease opens the repository, and reads what terrier.hcl says.
func (a *app) openRelease(ctx context.Context) (release.Config, *repo.Repo, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return release.Config{}, nil, err
	}
	r, err := repo.Open(ctx, a.chdir)
	switch {
	case errors.Is(err, repo.ErrShallow):
		return release.Config{}, nil, fmt.Errorf("the clone is shallow, so that its last release cannot be told\nhint: git fetch --unshallow --tags; in CI GIT_DEPTH: 0 (GitLab), fetch-depth: 0 (actions/checkout)")
	case err != nil:
		return release.Config{}, nil, err
	}
	in, err := releaseConfig(cfg, ownSources(ctx, r))
	return in, r, err
}

// resumeRelease completes what the same command, when it was ended, has not
// made, and says so.
func (a *app) resumeRelease(ctx context.Context, o releaseOptions, r *repo.Repo) error {
	if o.check || o.dryRun {
		return nil
	}
	if r.Root != "" {
		if err := a.resumeRewrite(r.Root); err != nil {
			return err
		}
	}
	made, err := release.Resume(ctx, r, a.chdir, o.request(), o.making(ctx, r))
	if made == nil || err != nil {
		return err
	}
	what := "all was made"
	if len(made.Tags) > 0 {
		what = "made now: " + strings.Join(made.Tags, ", ")
	}
	if made.Sent {
		what += "; pushed to " + hclparse.Redact(o.push)
	}
	a.say("Completed what an earlier release, which was ended, had left: %s.", what)
	if !made.Sent {
		a.next(report.Step{Command: pushCommand("origin", made.Refs), Why: "sends it"})
	}
	return nil
}

// pushCommand sends refs.
func pushCommand(remote string, refs []string) string {
	words := []string{"git push --atomic", shell(remote)}
	for _, ref := range refs {
		words = append(words, shell(ref))
	}
	return strings.Join(words, " ")
}

// ciTag is the tag that a CI system runs for.
func ciTag() string {
	if tag := os.Getenv("CI_COMMIT_TAG"); tag != "" {
		return tag
	}
	if os.Getenv("GITHUB_REF_TYPE") == "tag" {
		return os.Getenv("GITHUB_REF_NAME")
	}
	return ""
}

// request is what the flags ask for.
func (o *releaseOptions) request() release.Request {
	return release.Request{
		Modules: o.modules, All: o.all, Level: change.Level(o.level), Version: o.version, Pre: o.pre,
		Dependents: o.dependents, AnyBranch: o.anyBranch,
	}
}

// question is which tag --check judges.
func (o *releaseOptions) question() release.Question {
	q := release.Question{Tag: o.tag, Version: o.version}
	if len(o.modules) > 0 {
		q.Module = o.modules[0]
	}
	return q
}

// making is what a release is made with.
func (o *releaseOptions) making(ctx context.Context, r *repo.Repo) release.Making {
	m := release.Making{Remote: o.push, TagMessage: report.TagMessage, PinMessage: report.PinMessage}
	if r.Root != "" {
		m.WorkTree = workTree(ctx, r.Root)
		m.Rewrite = func(changes []lint.Change) error { return rewriteFiles(r.Root, changes) }
	}
	return m
}

// releaseTrouble puts an error of a release into this command's words.
func (a *app) releaseTrouble(err error) error {
	var unparsed *release.UnparsedError
	var partial *release.PartialError
	var unsent *release.UnsentError
	switch {
	case errors.As(err, &unparsed):
		s := a.style(a.stderr)
		report.Diagnostics(a.stderr, unparsed.Diagnostics, unparsed.Files, s.Width, s.Color)
	case errors.As(err, &partial):
		text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
		rest := "the same command again makes the rest"
		if hint != "" {
			rest = hint + "; then " + rest
		}
		return fmt.Errorf("%s\nMade so far: %s\nhint: %s", text, strings.Join(partial.Made, ", "), rest)
	case errors.As(err, &unsent):
		text, _, _ := strings.Cut(err.Error(), "\nhint: ")
		hint := fmt.Sprintf("all is made here; %s sends it", pushCommand(hclparse.Redact(unsent.Remote), unsent.Refs))
		if re := (*repo.RemoteError)(nil); errors.As(err, &re) && re.Trouble == repo.TroubleRefused && strings.HasPrefix(unsent.Refs[0], "refs/heads/") {
			hint += "; where the branch takes no push, delete the tags, reset the branch, and release with --dependents=false"
		}
		return fmt.Errorf("%s\nhint: %s", text, hint)
	}
	return err
}
