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

// applied holds what the files say against the run records.
func (p *Promotion) applied(e *environment, m *versions.Module, r *pins.Running, soak time.Duration) {
	uses := e.now.uses(e, m)
	identity := modules.Identity(uses[0].Call.Source)
	var missing []string
	var since time.Time
	for _, stack := range e.now.stacksOf(e, uses) {
		if e.exempt[stack] {
			continue
		}
		s := runs.Stand(e.records, stack, e.own, func(all []runs.Module) bool {
			own := recorded(all, identity, m)
			return len(own) > 0 && !slices.ContainsFunc(own, func(x runs.Module) bool { return !isAt(x, *r) })
		})
		switch {
		case s.Settled == nil:
			missing = append(missing, stack+" was never applied, as far as the records go")
		case s.Pending != nil && s.Pending.Action == runs.Apply:
			missing = append(missing, fmt.Sprintf("the apply of %s failed (%s)", stack, minute(s.Pending.Time)))
		case s.Pending != nil:
			missing = append(missing, fmt.Sprintf("%s has changes to apply (planned %s)", stack, minute(s.Pending.Time)))
		case !s.At:
			missing = append(missing, fmt.Sprintf("%s was applied with %s (%s)", stack, shownRecorded(recorded(s.Settled.Modules, identity, m)), minute(s.Settled.Time)))
		case s.Since.After(since):
			since = s.Since
		}
	}
	if len(missing) > 0 {
		text := missing[0]
		if n := len(missing) - 1; n > 0 {
			text += fmt.Sprintf(", and %d more", n)
		}
		r.Reason = fmt.Sprintf("%s is not applied in %s: %s", r.Release.Version, e.name, text)
		r.Hint = "apply it there first; --exempt STACK --reason TEXT leaves a stack out"
		return
	}
	p.wait(e, r, since, soak, "")
}

// recorded are the modules of a record that are the one at hand.
func recorded(all []runs.Module, identity string, m *versions.Module) []runs.Module {
	var out []runs.Module
	for _, x := range all {
		s, err := hclparse.ParseSource(x.Source)
		if err != nil {
			continue
		}
		s.Subdir = x.Subdir
		if modules.Identity(s) != identity {
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
