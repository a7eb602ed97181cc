package release

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/Masterminds/semver/v3"

	"github.com/terrier-iac/terrier/modules/change"
)

// A Request is what is to be released, and how.
type Request struct {
	// Modules are directories or names; without any it is the directory that the
	// user is in. All is every module that changed since its last release.
	Modules []string
	All     bool
	Level   change.Level    // at least; "" for what the changes call for
	Version *semver.Version // of one module; nil for the next
	Pre     string          // makes pre-releases of this name; "" for none
	// Dependents takes in the modules that use those.
	Dependents bool
	// AnyBranch allows a commit that the default branch does not have.
	AnyBranch bool
}

// A Plan is what would be released. It is only made where nothing is refused.
type Plan struct {
	Releases []*Release // in the order in which they are made
	Refused  []error    // why nothing of it is made
	Skipped  []Skipped  // dependents that cannot follow
	Nothing  []Skipped  // that have nothing to release

	request string // see digest
}

// Skipped is a module that is not released.
type Skipped struct {
	Name, Dir string
	Reason    string // a sentence without its full stop
}

// A planning is a plan in the making.
type planning struct {
	*Checkout
	Request
	*Plan
}

// Plan decides what is released, and what the repository's state forbids. What
// the user cannot mean is an error; a module that does not parse is an
// UnparsedError.
func (c *Checkout) Plan(ctx context.Context, r Request) (*Plan, error) {
	p := &planning{c, r, &Plan{request: r.digest(c.at)}}
	if err := p.decide(ctx); err != nil {
		return nil, err
	}
	return p.Plan, p.refuseState(ctx)
}

// decide fills p.Releases, in the order in which they are made.
func (p *planning) decide(ctx context.Context) error {
	named, err := p.named(ctx, p.Request)
	if err != nil {
		return err
	}
	links, uses := p.links(named)
	var order []string
	if p.Dependents && p.Pre == "" {
		order, err = After(named, uses)
	} else {
		in := map[string]bool{}
		for _, dir := range named {
			in[dir] = true
		}
		order, err = Order(in, uses)
	}
	if errors.Is(err, ErrCycle) {
		p.Refused = append(p.Refused, err)
		return nil
	} else if err != nil {
		return err
	}
	done := map[string]*candidate{}
	for _, dir := range order {
		m, err := p.one(ctx, dir, slices.Contains(named, dir), links[dir], done)
		if err != nil {
			return err
		}
		if m != nil {
			done[dir] = m
			p.Releases = append(p.Releases, m.release)
		}
	}
	return nil
}

// one decides about one module; nil is no release.
func (p *planning) one(ctx context.Context, dir string, asked bool, links []moduleLink, done map[string]*candidate) (*candidate, error) {
	var used []moduleLink
	for _, l := range links {
		if done[l.to] != nil {
			used = append(used, l)
		}
	}
	if !asked && len(used) == 0 {
		return nil, nil
	}
	h, err := p.history(dir)
	if err != nil {
		p.refuse(err)
		return nil, nil
	}
	if !asked && h.Newest == nil {
		return nil, nil // it is not released by itself
	}
	m, err := p.open(ctx, dir, h, p.Pre != "")
	if err != nil {
		return nil, err
	}
	if m.changed {
		if err := p.judge(ctx, m); err != nil {
			return nil, err
		}
	}
	m.release.Asked = asked
	for _, l := range used {
		stop, err := p.follow(ctx, m, l, done[l.to])
		if err != nil {
			return nil, err
		}
		if stop != "" {
			p.skip(&p.Skipped, dir, stop)
			return nil, nil
		}
	}
	if !m.changed && len(m.release.Pins) == 0 {
		if asked {
			p.skip(&p.Nothing, dir, "nothing changed since "+h.Base(p.Pre != "").Name)
		}
		return nil, nil
	}
	w := p.wish(asked)
	// What nobody sees is no release, unless one is asked for, or it makes a
	// pre-release final.
	if b := m.release.Previous; b != nil && m.release.Level == change.None && w.Level == "" && w.Version == nil && b == h.Newest && (b.Version.Prerelease() == "" || p.Pre != "") {
		p.skip(&p.Nothing, dir, fmt.Sprintf("nothing that a caller sees changed since %s; --level patch releases it all the same", b.Name))
		return nil, nil
	}
	if err := p.choose(m, w); err != nil {
		p.refuse(err)
		return nil, nil
	}
	return m, nil
}

func (p *planning) refuse(err error) { p.Refused = append(p.Refused, err) }

// follow takes the release of a module that m uses into account. stop says why
// m cannot follow.
func (p *planning) follow(ctx context.Context, m *candidate, l moduleLink, used *candidate) (stop string, err error) {
	tag := used.release.Tag
	if !slices.Contains(m.release.Uses, tag) {
		m.release.Uses = append(m.release.Uses, tag)
	}
	from := used.history.Base(false)
	if l.pinned {
		if from = used.history.Find(l.call.Release.Version); from == nil || !from.Version.LessThan(used.release.Version) {
			return "", nil
		}
	}
	if from == nil {
		return "", nil // it had no release before
	}
	was, err := p.was(ctx, from, used.dir)
	if err != nil {
		return "", err
	}
	old, _, err := p.load(ctx, from.Commit, was, from.Name)
	if err != nil {
		return "", err
	}
	if b := p.breaks(l, old, used.version); b != nil {
		return fmt.Sprintf("it cannot take %s as it is: %s (%s:%d)", tag, b.Summary, b.File, b.Line), nil
	}
	if !l.pinned {
		if m.changed {
			m.release.Add(Reason{Level: change.Patch, Source: FromDependency, Summary: fmt.Sprintf("it calls %s, which is %s now", used.release.Name, tag), File: l.call.File().Path, Line: l.call.Line()})
		}
		return "", nil
	}
	m.release.Pins = append(m.release.Pins, Pin{File: l.call.File().Path, Line: l.call.Line(), Call: l.call.Name(), From: l.call.Source.Ref, To: refFor(l, tag)})
	m.release.Add(Reason{Level: change.Patch, Source: FromDependency, Summary: fmt.Sprintf("it takes %s instead of %s", tag, from.Name), File: l.call.File().Path, Line: l.call.Line()})
	for _, r := range Inner(change.Versions(old, used.version), used.release.Name) {
		m.release.Add(r)
	}
	return "", nil
}

// wish is what the user asks for; of dependents nothing.
func (p *planning) wish(asked bool) Wish {
	if !asked {
		return Wish{First: p.cfg.First}
	}
	return Wish{Level: p.Level, Version: p.Version, Pre: p.Pre, First: p.cfg.First}
}

// skip notes a module that is not released.
func (p *planning) skip(to *[]Skipped, dir, reason string) {
	*to = append(*to, Skipped{p.shown(dir), dir, reason})
}
