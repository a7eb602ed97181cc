package promotion

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/versions"
)

// skew is how far the clocks of those who write records may be ahead.
const skew = 10 * time.Minute

// applied holds what the files say against the run records.
func (p *Promotion) applied(e *environment, m *versions.Module, r *pins.Running, soak time.Duration) {
	uses := e.now.uses(e, m)
	var missing []lack
	var since time.Time
	for _, stack := range e.now.stacksOf(e, uses) {
		if e.exempt[stack] {
			continue
		}
		at, why := p.stands(e, stack, modules.Identity(uses[0].Call.Source), m, *r)
		if why != nil {
			missing = append(missing, *why)
		} else if at.After(since) {
			since = at
		}
	}
	if len(missing) > 0 {
		text := missing[0].reason
		if n := len(missing) - 1; n > 0 {
			text += fmt.Sprintf(", and %d more", n)
		}
		r.Reason = fmt.Sprintf("%s is not applied in %s: %s", r.Release.Version, e.name, text)
		r.Hint = cmp.Or(missing[0].hint, "apply it there first; --exempt STACK --reason TEXT leaves a stack out")
		return
	}
	p.wait(e, r, since, soak, "")
}

// A lack says why a stack does not have a release.
type lack struct{ reason, hint string }

// stands is since when a stack has a release, by its records.
func (p *Promotion) stands(e *environment, stack, identity string, m *versions.Module, r pins.Running) (time.Time, *lack) {
	s := e.records.Stand(stack, func(all []runs.Module) bool {
		own := p.recorded(all, identity, m)
		return len(own) > 0 && !slices.ContainsFunc(own, func(x runs.Module) bool { return !isAt(x, r) })
	})
	why := &lack{}
	switch {
	case s.Last != nil && s.Last.Time.After(p.q.Now().Add(skew)):
		// It would be the newest for as long, whatever is done now.
		why.reason = fmt.Sprintf("the newest record of %s is of %s, which is still to come", stack, minute(s.Last.Time))
		why.hint = "the clock of run " + s.Last.Run + " was wrong: correct its time in " + runs.Name
	case s.Gone != nil && s.Pending == nil:
		why.reason = fmt.Sprintf("%s was destroyed (%s)", stack, minute(s.Gone.Time))
	case s.Settled == nil && s.Pending == nil:
		why.reason = stack + " was never applied, as far as the records go"
	case s.Pending != nil && s.Pending.Action == runs.Plan && s.Settled == nil && s.Gone == nil:
		why.reason = fmt.Sprintf("%s was never applied, only planned (%s)", stack, minute(s.Pending.Time))
	case s.Pending != nil && s.Pending.Action == runs.Plan:
		why.reason = fmt.Sprintf("%s has changes to apply (planned %s)", stack, minute(s.Pending.Time))
	case s.Pending != nil:
		why.reason = fmt.Sprintf("the %s of %s failed (%s)", s.Pending.Action, stack, minute(s.Pending.Time))
	case !s.At:
		why.reason = fmt.Sprintf("%s was applied with %s (%s)", stack, shownRecorded(p.recorded(s.Settled.Modules, identity, m)), minute(s.Settled.Time))
	default:
		return s.Since, nil
	}
	return time.Time{}, why
}

// recorded are the modules of a record that are the one at hand.
func (p *Promotion) recorded(all []runs.Module, identity string, m *versions.Module) []runs.Module {
	var out []runs.Module
	for _, x := range all {
		if p.identity(x) != identity {
			continue
		}
		// Modules of one repository's root differ by the prefix of their tags.
		if release, ok := parseRef(x.Ref); ok && !m.Registry && x.Subdir == "" && release.Prefix != m.Prefix {
			continue
		}
		out = append(out, x)
	}
	return out
}

// identity is modules.Identity of a recorded module, "" for what is no source.
// Thousands of records have the same few.
func (p *Promotion) identity(x runs.Module) string {
	at := [2]string{x.Source, x.Subdir}
	id, ok := p.identities[at]
	if !ok {
		if s, err := hclparse.ParseSource(x.Source); err == nil {
			s.Subdir = x.Subdir
			id = modules.Identity(s)
		}
		p.identities[at] = id
	}
	return id
}

func parseRef(ref string) (modules.Release, bool) {
	return modules.ParseRelease(strings.TrimPrefix(strings.TrimPrefix(ref, "refs/"), "tags/"))
}

// isAt reports whether a recorded module is a release: by its commit, where both
// are known.
func isAt(x runs.Module, r pins.Running) bool {
	if x.Commit != "" && r.Commit != "" {
		return strings.EqualFold(x.Commit, r.Commit)
	}
	release, ok := parseRef(x.Ref)
	return ok && release.Prefix == r.Release.Prefix && release.Version.Equal(r.Release.Version) && release.Version.Metadata() == r.Release.Version.Metadata()
}

func shownRecorded(all []runs.Module) string {
	var out []string
	for _, x := range all {
		text := x.Ref
		if x.Commit != "" && !strings.EqualFold(x.Commit, x.Ref) {
			text = strings.TrimSpace(text + " " + x.Commit[:min(12, len(x.Commit))])
		}
		out = append(out, cmp.Or(text, "no version"))
	}
	if len(out) == 0 {
		return "none of it"
	}
	return strings.Join(out, " and ")
}
