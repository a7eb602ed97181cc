package lock

import (
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/agext/levenshtein"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// Named returns the addresses that a module's name means, of those that the
// lock file has and the calls lead to: its repository's or registry module's
// base name, the whole address, or host/path, each with or without //sub. A
// name that means several modules, or none, is an error that lists them. One
// module in several spellings (ssh and https) is one.
func Named(name string, calls []Call, f *File) ([]string, error) {
	type module struct {
		id, base  string
		addresses []string
	}
	var known []*module
	add := func(s hclparse.Source, address string) {
		if address == "" {
			return
		}
		id := modules.RepositoryIdentity(s)
		i := slices.IndexFunc(known, func(m *module) bool { return m.id == id })
		if i < 0 {
			known = append(known, &module{id: id, base: baseName(s)})
			i = len(known) - 1
		}
		if m := known[i]; !slices.Contains(m.addresses, address) {
			m.addresses = append(m.addresses, address)
		}
	}
	for _, c := range calls {
		add(c.Source, Address(c.Source))
	}
	if f != nil {
		for _, e := range f.Entries {
			if s, err := hclparse.ParseSource(e.Address); err == nil {
				add(s, e.Address)
			}
		}
	}
	slices.SortFunc(known, func(a, b *module) int { return strings.Compare(a.id, b.id) })

	plain, _, _ := strings.Cut(name, "?")
	whole := ""
	if s, err := hclparse.ParseSource(name); err == nil {
		whole = Address(s)
	}
	scheme := ""
	if i := strings.Index(plain, "://"); i >= 0 {
		scheme, plain = plain[:i+3], plain[i+3:]
	}
	plain, _, _ = strings.Cut(plain, "//")
	plain = strings.TrimSuffix(strings.TrimSuffix(plain, "/"), ".git")
	var matches []*module
	for _, m := range known {
		if slices.Contains(m.addresses, whole) {
			return []string{whole}, nil
		}
		if scheme == "" && (m.id == plain || m.base == plain || strings.TrimSuffix(m.id, ".git") == plain) {
			matches = append(matches, m)
		}
	}
	switch len(matches) {
	case 1:
		slices.Sort(matches[0].addresses)
		return matches[0].addresses, nil
	case 0:
		return nil, unknownModule(name, plain, len(known), func(i int) (id, base string) { return known[i].id, known[i].base })
	}
	var ids []string
	for _, m := range matches {
		ids = append(ids, m.id)
	}
	return nil, fmt.Errorf("%q names %d modules: %s\nhint: name one of them in full", shownName(name), len(ids), strings.Join(ids, ", "))
}

func unknownModule(name, plain string, n int, at func(int) (id, base string)) error {
	type candidate struct {
		name     string
		distance int
	}
	var near []candidate
	for i := range n {
		id, base := at(i)
		near = append(near, candidate{id, min(levenshtein.Distance(plain, id, nil), levenshtein.Distance(plain, base, nil))})
	}
	slices.SortStableFunc(near, func(a, b candidate) int { return a.distance - b.distance })
	hint := "`terrier lock` locks what the code calls"
	var names []string
	for _, c := range near[:min(3, len(near))] {
		names = append(names, c.name)
	}
	if len(names) > 0 {
		hint = "the nearest: " + strings.Join(names, ", ")
	}
	return fmt.Errorf("nothing calls a module %q, and the lock file has none\nhint: %s", shownName(name), hint)
}

func shownName(name string) string { return redacted(name) }

// baseName is the last part of a repository's path, or a registry module's
// name.
func baseName(s hclparse.Source) string {
	if part := strings.Split(s.Repository, "/"); s.Kind == hclparse.KindRegistry && len(part) == 3 {
		return part[1]
	}
	return strings.TrimSuffix(path.Base(s.Repository), ".git")
}

var plainWord = regexp.MustCompile(`^\w[\w.-]*$`)

// word is what --update takes for the package, in a command that somebody may
// copy: nothing that a shell would read otherwise.
func (p *pkg) word() string {
	if name := baseName(p.call.Source); plainWord.MatchString(name) {
		return name
	}
	return "MODULE"
}
