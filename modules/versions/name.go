package versions

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/bmatcuk/doublestar/v4"

	"github.com/terrier-iac/terrier/hclparse"
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

// names are what a module may be called, the shortest first.
func (m *Module) names() []string {
	repository, _, _ := strings.Cut(m.ID, "//")
	repository, _, _ = strings.Cut(repository, "@")
	parts := strings.Split(strings.TrimSuffix(repository, ".git"), "/")
	base := parts[len(parts)-1]
	if m.Registry && len(parts) >= 2 {
		base = parts[len(parts)-2] // of namespace/name/system
	}
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
	for _, known := range append(m.names(), repository, plain(m.Source), strings.Split(m.names()[len(m.names())-1], "//")[0]) {
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
	base := repository[strings.LastIndexByte(repository, '/')+1:]
	return strings.TrimSuffix(base, ".git") == id
}

// plain is an address as ID has it: no getter, scheme, user, query, port or
// .git.
func plain(name string) string {
	if s, err := hclparse.ParseSource(name); err == nil && (s.Kind == hclparse.KindGit || s.Kind == hclparse.KindRegistry) {
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

// Find returns the modules that a name means (see Matches). None is an error
// that names the nearest.
func (s *Set) Find(name string) ([]*Module, error) {
	var found []*Module
	for _, m := range s.Modules {
		if m.Name == name {
			return []*Module{m}, nil
		}
		if m.Matches(name) {
			found = append(found, m)
		}
	}
	if len(found) > 0 {
		return found, nil
	}
	hint := "`terrier list` shows the modules that are called"
	if near := s.Nearest(name); near != "" {
		hint = fmt.Sprintf("did you mean %s?", near)
	}
	return nil, fmt.Errorf("nothing calls a module %q\nhint: %s", hclparse.Redact(name), hint)
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
