package versions

import (
	"cmp"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

// Learn takes the branches and tags of the module's repository, by their full
// names: all that there are.
func (m *Module) Learn(refs map[string]repo.Ref) {
	m.learn(tagsOf(refs), true)
	m.refs, m.all = refs, nil
}

// Ref is the commit of a ref of the module's repository, by its full name:
// refs/tags/v1.2.3, refs/heads/main, HEAD. It is false where there is none,
// and where nobody has told (see Whole).
func (m *Module) Ref(full string) (commit string, ok bool) {
	r, ok := m.refs[full]
	if !ok {
		return "", false
	}
	return r.Commit.String(), true
}

// TagsOn are the known release tags of the module on a full commit: those that
// begin as its tags do first, of these the highest version, of one version the
// tag that is spelled as the others are: those that calls have or, where none
// has any, those of the repository.
func (m *Module) TagsOn(commit string) []Release {
	usual := m.tagSpelling()
	var out []Release
	for _, r := range m.tags() {
		if r.Commit != "" && strings.EqualFold(r.Commit, commit) && (m.Subdir == "" || m.rank(&r) < 2) {
			out = append(out, r)
		}
	}
	slices.SortFunc(out, func(a, b Release) int {
		other := func(r *Release) int {
			if r.spelling() == usual {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(m.rank(&a), m.rank(&b)), b.Version.Compare(a.Version),
			cmp.Compare(b.Version.Metadata(), a.Version.Metadata()), cmp.Compare(other(&a), other(&b)), compareReleases(&b, &a))
	})
	return out
}

// TagsNamed are the known release tags that a comment behind a commit can
// mean, the one that has the very name first: of the same version, and with
// the prefix that the comment has, or one of the module's where it has none.
func (m *Module) TagsNamed(text string) []Release {
	said, ok := modules.ParseRelease(strings.TrimPrefix(strings.TrimPrefix(text, "refs/"), "tags/"))
	if !ok {
		return nil
	}
	name := strings.TrimPrefix(strings.TrimPrefix(text, "refs/"), "tags/")
	var out []Release
	for _, r := range m.tags() {
		if r.Version.Original() == said.Version.Original() && (r.Prefix == said.Prefix || said.Prefix == "" && m.rank(&r) < 2) {
			out = append(out, r)
		}
	}
	slices.SortStableFunc(out, func(a, b Release) int {
		other := func(r *Release) int {
			if r.Tag == name {
				return 0
			}
			return 1
		}
		return cmp.Or(cmp.Compare(other(&a), other(&b)), cmp.Compare(m.rank(&a), m.rank(&b)), cmp.Compare(a.Tag, b.Tag))
	})
	return out
}

// rank is how much a tag is the module's own: 0 for one of its releases, 1
// where its name allows it, 2 where it is another module's.
func (m *Module) rank(r *Release) int {
	switch {
	case r.Prefix == m.Prefix:
		return 0
	case slices.Contains(m.own, r.Prefix):
		return 1
	}
	return 2
}

// tagSpelling is what most tags have between prefix and version.
func (m *Module) tagSpelling() string {
	times := map[string]int{}
	for _, u := range m.every {
		if u.Call.Pin == hclparse.PinTag && u.Release != nil {
			times[u.Release.spelling()]++
		}
	}
	if len(times) == 0 {
		for _, r := range m.tags() {
			times[r.spelling()]++
		}
	}
	best := "v"
	for s, n := range times {
		if n > times[best] || n == times[best] && s > best {
			best = s
		}
	}
	return best
}

// tags are the release tags of the repository, or what else is known of them.
func (m *Module) tags() []Release {
	if m.refs == nil {
		return m.locked // and not what comments say
	}
	if m.all == nil {
		for _, r := range tagsOf(m.refs) {
			m.all = append(m.all, *r)
		}
	}
	return m.all
}
