package rules

import (
	"cmp"
	"slices"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

var promotionOrder = &lint.Rule{
	Name:     "promotion-order",
	Summary:  "An environment that is ahead of the one that it comes after",
	Severity: lint.Warn,
	Needs:    lint.NeedConfig,
	Ready:    func(in *lint.Input) bool { return len(in.After) > 0 && in.Environment != nil },
	Check: func(p *lint.Pass) {
		if len(p.After) == 0 || p.Environment == nil {
			return
		}
		m := &promotion{facts: newFacts(p), uses: map[string]map[string][]use{}}
		m.collect()
		for _, env := range sorted(m.uses) {
			m.check(env)
		}
	},
}

// A use is a call that an environment's stacks reach; release is nil where
// its version cannot be compared.
type use struct {
	call    *lint.Call
	release *modules.Release
}

type promotion struct {
	*facts
	uses map[string]map[string][]use // by environment and module
}

func (m *promotion) collect() {
	dirs := map[string][]string{}
	for _, d := range m.Graph.Sorted() {
		dir := d.Path
		if s := m.Graph.StackOf(dir); s != "" {
			dir = s
		}
		if env := m.Environment(dir); env != "" {
			dirs[env] = append(dirs[env], d.Path)
		}
	}
	calls := index(m.Pass, false)
	for env, starts := range dirs {
		m.uses[env] = map[string][]use{}
		for _, dir := range reached(m.Input, starts...) {
			for _, c := range calls[dir] {
				if !c.Known {
					continue
				}
				if id := modules.Identity(c.Source); id != "" {
					m.uses[env][id] = append(m.uses[env][id], use{c, m.releaseAt(c)})
				}
			}
		}
	}
}

// check compares each module of an environment with the nearest environments
// before it that use the module too: it goes through no other on its way.
func (m *promotion) check(env string) {
	for _, id := range sorted(m.uses[env]) {
		ahead := map[*lint.Call][]lint.Related{}
		first := map[*lint.Call]string{}
		for _, before := range m.before(env, id) {
			for _, u := range m.uses[env][id] {
				newest, ok := newestOf(m.uses[before][id], u.release)
				if !ok || u.release.Version.Compare(newest.release.Version) <= 0 {
					continue
				}
				if first[u.call] == "" {
					first[u.call] = before
				}
				ahead[u.call] = append(ahead[u.call], where(newest.call, "the newest in "+before+", "+newest.release.Version.Original()))
			}
		}
		for _, u := range m.uses[env][id] {
			if related := ahead[u.call]; related != nil {
				m.report(u, env, first[u.call], related)
				delete(ahead, u.call)
			}
		}
	}
}

func (m *promotion) report(u use, env, before string, related []lint.Related) {
	c := u.call
	at := c.SourceRange()
	switch {
	case c.Version != "" && c.VersionRange.Filename == c.File().Path:
		at = c.VersionRange
	case c.Version == "":
		at = c.ParamRange("ref")
	}
	at.Filename = c.File().Path
	m.Report(lint.Finding{
		Range:   at,
		Subject: env + " " + c.Subject(),
		Summary: env + " has " + u.release.Version.Original() + " of " + c.Module() + ", and " + before + ", which comes before it, has " + related[0].Text[len("the newest in "+before+", "):],
		Detail:  "A version goes through " + before + " first, so that it has run there before it gets to " + env + ". Bump it there, or take the older one here.",
		Related: related,
	})
}

// before are the nearest environments before env that use a module, sorted.
func (m *promotion) before(env, id string) []string {
	seen := map[string]bool{env: true}
	found := map[string]bool{}
	queue := slices.Clone(m.After[env])
	for i := 0; i < len(queue); i++ {
		e := queue[i]
		if seen[e] {
			continue
		}
		seen[e] = true
		if len(m.uses[e][id]) > 0 {
			found[e] = true
			continue
		}
		queue = append(queue, m.After[e]...)
	}
	return sorted(found)
}

// newestOf is the newest of the uses whose releases can be compared with a
// release: those of one prefix.
func newestOf(uses []use, with *modules.Release) (use, bool) {
	var best use
	if with == nil {
		return best, false
	}
	for _, u := range uses {
		if u.release == nil {
			// It may be newer than all others.
			return use{}, false
		}
		if u.release.Prefix == with.Prefix && (best.call == nil || u.release.Version.Compare(best.release.Version) > 0) {
			best = u
		}
	}
	return best, best.call != nil
}

func sorted[K cmp.Ordered, V any](m map[K]V) []K {
	out := make([]K, 0, len(m))
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}
