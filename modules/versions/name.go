package versions

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/bmatcuk/doublestar/v4"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lock"
)

// name gives each module the shortest name that no other has, and sorts them.
func (s *Set) name() {
	open := slices.Clone(s.Modules)
	for level := 0; len(open) > 0; level++ {
		byName := map[string][]*Module{}
		for _, m := range open {
			names := m.names()
			m.Name = names[min(level, len(names)-1)]
			byName[m.Name] = append(byName[m.Name], m)
		}
		var again []*Module
		for _, m := range open {
			if len(byName[m.Name]) > 1 && level < 3 {
				again = append(again, m)
			}
		}
		open = again
	}
	slices.SortFunc(s.Modules, func(a, b *Module) int {
		if c := strings.Compare(a.Name, b.Name); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
}

// SetOf is a set of the modules that sources are of, by which names are
// understood as those of any other set: its modules have no uses. Of each module
// one of its sources comes back. What is in no repository is left out.
func SetOf(sources []hclparse.Source) (*Set, map[*Module]hclparse.Source) {
	s := &Set{}
	byKey, of := map[string]*Module{}, map[*Module]hclparse.Source{}
	for _, source := range sources {
		address, id := lock.Address(source), identity(source)
		if address == "" || id == "" {
			continue
		}
		release, _ := modules.ParseRelease(source.Ref)
		key, prefix, own := keyOf(source, release.Prefix)
		if byKey[key] == nil {
			m := newModule(source, key, prefix, own)
			m.Source = strings.TrimPrefix(address, defaultRegistry)
			byKey[key], of[m] = m, source
			s.Modules = append(s.Modules, m)
		}
	}
	s.name()
	return s, of
}

// keyOf tells modules apart. One repository's root, and the tags of several
// modules: each tag has the tree of its own module at the root.
func keyOf(source hclparse.Source, prefix string) (key, own string, prefixes []string) {
	prefixes = modules.TagPrefixes(source.Repository, source.Subdir)
	if source.Subdir == "" && source.Kind == hclparse.KindGit && !slices.Contains(prefixes, prefix) {
		return identity(source) + "@" + prefix, prefix, prefixes
	}
	return identity(source), "", prefixes
}

func newModule(source hclparse.Source, key, prefix string, own []string) *Module {
	return &Module{
		ID: strings.TrimPrefix(key, defaultRegistry), Subdir: source.Subdir, Registry: source.Kind == hclparse.KindRegistry,
		Prefix: prefix, repository: modules.RepositoryIdentity(source), own: own,
	}
}

// names are what a module may be called, the shortest first.
func (m *Module) names() []string {
	repository, _, _ := strings.Cut(m.ID, "//")
	repository, _, _ = strings.Cut(repository, "@")
	parts := strings.Split(strings.TrimSuffix(repository, ".git"), "/")
	base := m.base()
	switch {
	case m.Subdir != "":
		return []string{path.Base(m.Subdir), base + "//" + m.Subdir, m.ID}
	case strings.Contains(m.ID, "@") && strings.Trim(m.Prefix, "/-") != "":
		own := strings.Trim(m.Prefix, "/-")
		return []string{own, base + "@" + own, m.ID}
	case m.Registry && len(parts) >= 2:
		return []string{base, strings.Join(parts[len(parts)-2:], "/"), m.ID}
	case len(parts) >= 2:
		return []string{base, strings.Join(parts[len(parts)-2:], "/"), m.ID}
	}
	return []string{base, m.ID}
}

// Matches reports whether a name of a command line or a configuration means
// the module: its short name, its repository's name or address in any
// spelling, each with //subdirectory or without (then all modules of the
// repository), or a glob over what ID has ("gitlab.example.com/terraform/*").
func (m *Module) Matches(name string) bool {
	id := plain(name)
	if name == m.Name || id == "" {
		return name == m.Name && name != ""
	}
	repository, _, _ := strings.Cut(m.ID, "//")
	repository, _, _ = strings.Cut(repository, "@")
	for _, known := range append(m.names(), repository, portless(repository), plain(m.Source), strings.Split(m.names()[len(m.names())-1], "//")[0]) {
		known = strings.TrimSuffix(known, ".git")
		if known == id {
			return true
		}
		if strings.ContainsAny(id, "*?[{") {
			if ok, err := doublestar.Match(id, known); ok && err == nil {
				return true
			}
		}
	}
	return m.base() == id
}

// base is the name of the module's repository; of a registry's
// namespace/name/system it is the second.
func (m *Module) base() string {
	repository, _, _ := strings.Cut(m.ID, "//")
	repository, _, _ = strings.Cut(repository, "@")
	parts := strings.Split(strings.TrimSuffix(repository, ".git"), "/")
	if m.Registry && len(parts) >= 2 {
		return parts[len(parts)-2]
	}
	return parts[len(parts)-1]
}

// Called reports whether a name is one of the module's own, and not just one of
// its repository: its short name, with as much of its address before it as
// makes it longer, or its address in any spelling.
func (m *Module) Called(name string) bool {
	id := plain(name)
	return name != "" && name == m.Name || id != "" && slices.ContainsFunc(m.names(), func(known string) bool {
		return strings.TrimSuffix(known, ".git") == id
	})
}

// registryName is the NAME of a repository called terraform-PROVIDER-NAME, as
// registries want it (developer.hashicorp.com/terraform/registry/modules/publish).
func registryName(base string) string {
	if part := strings.SplitN(base, "-", 3); len(part) == 3 && part[0] == "terraform" {
		return part[2]
	}
	return base
}

// plain is an address as ID has it: no getter, scheme, user, query, port or
// .git.
func plain(name string) string {
	forced := name
	if strings.Contains(name, "://") && !strings.Contains(name, "::") {
		forced = "git::" + name // terraform takes a plain URL for an archive's
	}
	if s, err := hclparse.ParseSource(forced); err == nil && (s.Kind == hclparse.KindGit || s.Kind == hclparse.KindRegistry) {
		if id := identity(s); id != "" {
			return strings.TrimPrefix(id, defaultRegistry)
		}
	}
	name, _, _ = strings.Cut(strings.TrimPrefix(name, "git::"), "?")
	if _, rest, ok := strings.Cut(name, "://"); ok {
		name = rest
	}
	return strings.TrimSuffix(strings.TrimSuffix(name, "/"), ".git")
}

// Named returns the modules that a name means: the one with that short name,
// else those that it matches (see Matches), else those of a repository
// terraform-PROVIDER-NAME.
func (s *Set) Named(name string) []*Module {
	var found, loose []*Module
	for _, m := range s.Modules {
		if m.Name == name {
			return []*Module{m}
		}
		switch {
		case m.Matches(name):
			found = append(found, m)
		case name != "" && registryName(m.names()[0]) == plain(name):
			loose = append(loose, m)
		}
	}
	if len(found) > 0 {
		return found
	}
	return loose
}

// Find is Named, and for none an error that names the nearest.
func (s *Set) Find(name string) ([]*Module, error) {
	if found := s.Named(name); len(found) > 0 {
		return found, nil
	}
	hint := "`terrier list` shows the modules that are called"
	if near := s.Nearest(name); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	return nil, fmt.Errorf("nothing calls a module %q\nhint: %s", hclparse.Redact(name), hint)
}

// Ambiguous is an error where a name leads to several modules (found) and says
// neither that it means a whole repository nor, as a glob, that it means all:
// who changes calls must not change those of a namesake.
func Ambiguous(name string, found []*Module) error {
	id := plain(name)
	if len(found) < 2 || strings.ContainsAny(id, "*?[{") {
		return nil
	}
	one := true
	var names []string
	for _, m := range found {
		address := strings.TrimSuffix(strings.TrimPrefix(m.repository, defaultRegistry), ".git")
		one = one && m.repository == found[0].repository && (id == m.base() || id == address)
		names = append(names, m.Name)
	}
	if one {
		return nil
	}
	slices.Sort(names)
	if n := len(names) - 5; n > 0 {
		names = append(names[:5], fmt.Sprintf("%d more", n))
	}
	return fmt.Errorf("%q may be any of %d modules: %s\nhint: name the one that you mean, or several; a quoted glob means all that it matches", hclparse.Redact(name), len(found), strings.Join(names, ", "))
}

// Nearest is the name of the module that is most like name; "" where none is
// near.
func (s *Set) Nearest(name string) string {
	// Of two that are as near, the one of the name's own length: letters change
	// places more often than they come or go.
	best, least := "", 4*(len(name)/3+2)
	for _, m := range s.Modules {
		for _, known := range m.names() {
			longer := min(3, max(len(name)-len(known), len(known)-len(name)))
			if d := 4*levenshtein.Distance(name, known, nil) + longer; d < least {
				best, least = m.Name, d
			}
		}
	}
	return best
}
