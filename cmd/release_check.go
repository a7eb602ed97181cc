package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/release"
)

// ciTag is the tag that a CI system runs for.
func ciTag(o releaseOptions) string {
	if o.to != "" {
		return ""
	}
	if tag := os.Getenv("CI_COMMIT_TAG"); tag != "" {
		return tag
	}
	if os.Getenv("GITHUB_REF_TYPE") == "tag" {
		return os.Getenv("GITHUB_REF_NAME")
	}
	return ""
}

// check judges tags, and makes nothing.
func (j *releaseJob) check(ctx context.Context) error {
	tags, err := j.checked()
	if err != nil {
		return err
	}
	r := report.Release{Check: true}
	var bad []error
	for _, t := range tags {
		m, err := j.judgeTag(ctx, t)
		if m == nil {
			return err
		}
		r.Releases = append(r.Releases, *m.release)
		r.Checked = append(r.Checked, report.ReleaseChecked{Tag: t.name, OK: err == nil})
		if err != nil {
			bad = append(bad, err)
		}
	}
	r.Refused = bad
	if err := report.WriteRelease(j.stdout, r, j.format, j.style(j.stdout)); err != nil {
		return err
	}
	for _, err := range bad {
		report.Error(j.stderr, err, j.style(j.stderr))
	}
	return j.done(nil, len(bad) > 0)
}

// A checkedTag is a tag that is to be judged, and the module that it is of.
type checkedTag struct {
	name    string
	dir     string
	release modules.Release
}

// checked are the tags that are to be judged.
func (j *releaseJob) checked() ([]checkedTag, error) {
	dir := ""
	if len(j.o.modules) > 0 {
		var err error
		if dir, err = j.directory(j.o.modules[0]); err != nil {
			return nil, err
		}
	}
	if j.o.to != "" {
		if dir == "" {
			dir = j.at
		}
		if !j.configured(dir) {
			return nil, fmt.Errorf("%s is no module\nhint: name the module's directory", dir)
		}
		h, err := j.history(dir)
		if err != nil {
			return nil, err
		}
		tag, err := j.spell(&judged{dir: dir, history: h}, j.o.version)
		if err != nil {
			return nil, err
		}
		return []checkedTag{{tag, dir, modules.Release{Prefix: h.Prefix, Version: j.o.version}}}, nil
	}
	if j.o.tag != "" {
		r, ok := modules.ParseRelease(j.o.tag)
		if !ok {
			return nil, fmt.Errorf("the tag %q is no release: it does not end in a semantic version\nhint: run --check for release tags alone, v1.2.3 or vpc/v1.2.3", j.o.tag)
		}
		of, err := j.moduleOf(r.Prefix, dir)
		if err != nil {
			return nil, fmt.Errorf("the tag %q: %w", j.o.tag, err)
		}
		return []checkedTag{{j.o.tag, of, r}}, nil
	}
	var out []checkedTag
	for _, t := range j.all.Tags {
		if t.Commit != j.head.ID {
			continue
		}
		if of, err := j.moduleOf(t.Prefix, dir); err == nil {
			out = append(out, checkedTag{t.Name, of, modules.Release{Prefix: t.Prefix, Version: t.Version}})
		}
	}
	if len(out) == 0 {
		return nil, errors.New("there is no tag to judge: none is on HEAD, and CI names none\nhint: --tag names one, --to a version")
	}
	return out, nil
}

// moduleOf is the module whose tags begin so; dir is the one that the user
// names, "" for none.
func (j *releaseJob) moduleOf(prefix, dir string) (string, error) {
	if dir != "" {
		if !slices.Contains(j.all.Prefixes(dir), prefix) {
			return "", fmt.Errorf("it is none of %s, whose tags begin with %s", shownDir(dir, j.name), j.all.Prefixes(dir)[0])
		}
		return dir, nil
	}
	best, rank := []string(nil), 1<<30
	for _, d := range append([]string{"."}, j.all.Dirs...) {
		i := slices.Index(j.all.Prefixes(d), prefix)
		if i < 0 || i > rank || !j.configured(d) || slices.Contains(best, d) {
			continue
		}
		if i < rank {
			best, rank = nil, i
		}
		best = append(best, d)
	}
	switch len(best) {
	case 1:
		return best[0], nil
	case 0:
		return "", errors.New("no module of this repository has tags that begin so\nhint: name the module's directory")
	}
	return "", fmt.Errorf("it could be of %d modules\nhint: name the module's directory", len(best))
}

// judgeTag finds out what a tag would have to be. The error says why it is
// wrong; without a result it is one of another kind.
func (j *releaseJob) judgeTag(ctx context.Context, t checkedTag) (*judged, error) {
	h := release.NewHistory(t.release.Prefix, j.all.Tags).Without(t.release.Version)
	m, err := j.open(ctx, t.dir, h)
	if err != nil {
		return nil, err
	}
	if err := j.judge(ctx, m); err != nil {
		return nil, err
	}
	v, err := release.Next(h, m.release.Level, release.Wish{Version: t.release.Version})
	if err == nil {
		m.release.Version, m.release.Tag = v, t.name
		return m, nil
	}
	least, leastErr := release.Next(h, m.release.Level, release.Wish{})
	if leastErr == nil {
		m.release.Version = least
		if m.release.Tag, leastErr = j.spell(m, least); leastErr != nil {
			return nil, leastErr
		}
	}
	return m, fmt.Errorf("%s: %w", t.name, err)
}
