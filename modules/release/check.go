package release

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"

	"github.com/terrier-iac/terrier/modules"
)

// A Question is which tag is to be judged.
type Question struct {
	// Tag need not be there yet. "" is that of Version or, where that is nil,
	// those on the commit.
	Tag     string
	Version *semver.Version
	// Module is a directory or a name, "" for the one that the tag is of; with
	// Version it is the directory that the user is in.
	Module string
}

// A Verdict is what a tag would have to be.
type Verdict struct {
	Tag string // that was judged
	// Release has the right version and tag, the lowest that would do, where
	// that is another; "" and nil where there is none.
	Release *Release
	Wrong   error // why the tag is wrong; nil where it is right
}

// Check judges tags, and makes nothing. A question without an answer, as of a
// tag that is no release, is an error.
func (c *Checkout) Check(ctx context.Context, q Question) ([]Verdict, error) {
	tags, err := c.asked(q)
	if err != nil {
		return nil, err
	}
	var out []Verdict
	for _, t := range tags {
		m, wrong, err := c.judgeTag(ctx, t)
		if err != nil {
			return nil, err
		}
		out = append(out, Verdict{t.name, m.release, wrong})
	}
	return out, nil
}

// A checkedTag is a tag that is to be judged, and the module that it is of.
type checkedTag struct {
	name    string
	dir     string
	release modules.Release
}

// asked are the tags that are to be judged.
func (c *Checkout) asked(q Question) ([]checkedTag, error) {
	dir := ""
	if q.Module != "" {
		var err error
		if dir, err = c.directory(q.Module); err != nil {
			return nil, err
		}
	}
	if q.Tag == "" && q.Version != nil {
		if dir == "" {
			dir = c.at
		}
		if !c.configured(dir) {
			return nil, errNoModule(dir)
		}
		h, err := c.history(dir)
		if err != nil {
			return nil, err
		}
		tag, err := c.spell(&candidate{dir: dir, history: h}, q.Version)
		if err != nil {
			return nil, err
		}
		return []checkedTag{{tag, dir, modules.Release{Prefix: h.Prefix, Version: q.Version}}}, nil
	}
	if q.Tag != "" {
		r, ok := modules.ParseRelease(q.Tag)
		if !ok {
			return nil, fmt.Errorf("the tag %q is no release: it does not end in a semantic version\nhint: run --check for release tags alone, v1.2.3 or vpc/v1.2.3", q.Tag)
		}
		of, err := c.moduleOf(r.Prefix, dir)
		if err != nil {
			return nil, fmt.Errorf("the tag %q: %w", q.Tag, err)
		}
		return []checkedTag{{q.Tag, of, r}}, nil
	}
	var out []checkedTag
	for _, t := range c.all.Tags {
		if t.Commit != c.Head.ID {
			continue
		}
		if of, err := c.moduleOf(t.Prefix, dir); err == nil {
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
func (c *Checkout) moduleOf(prefix, dir string) (string, error) {
	if dir != "" {
		if !slices.Contains(c.all.Prefixes(dir), prefix) {
			return "", fmt.Errorf("it is none of %s, whose tags begin with %s", c.shown(dir), c.all.Prefixes(dir)[0])
		}
		return dir, nil
	}
	best, rank := []string(nil), 1<<30
	for _, d := range append([]string{"."}, c.all.Dirs...) {
		i := slices.Index(c.all.Prefixes(d), prefix)
		if i < 0 || i > rank || !c.configured(d) || slices.Contains(best, d) {
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

// judgeTag finds out what a tag would have to be; wrong says why it is not.
func (c *Checkout) judgeTag(ctx context.Context, t checkedTag) (m *candidate, wrong, err error) {
	h := NewHistory(t.release.Prefix, c.all.Tags).Without(t.release.Version)
	if m, err = c.open(ctx, t.dir, h, false); err != nil {
		return nil, nil, err
	}
	if err := c.judge(ctx, m); err != nil {
		return nil, nil, err
	}
	v, wrong := Next(h, m.release.Level, Wish{Version: t.release.Version})
	if wrong == nil {
		m.release.Version, m.release.Tag = v, t.name
		return m, nil, nil
	}
	if least, err := Next(h, m.release.Level, Wish{}); err == nil {
		m.release.Version = least
		if m.release.Tag, err = c.spell(m, least); err != nil {
			return nil, nil, err
		}
	}
	return m, fmt.Errorf("%s: %w", t.name, wrong), nil
}
