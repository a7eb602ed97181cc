package modules

import (
	"path"
	"regexp"
	"strings"

	"github.com/go-git/go-git/v5/config"
)

// modulesName is the file at a repository's root in which git says where its
// submodules come from (gitmodules(5)).
const modulesName = ".gitmodules"

// A Submodule is a directory of the tree that is another repository's commit.
type Submodule struct {
	Path string
	// Name and URL are what .gitmodules says of it; "" where it says nothing.
	Name, URL string
}

// plainValue matches what git writes in a configuration file as it is.
var plainValue = regexp.MustCompile(`^[A-Za-z0-9@:/+_.~-][A-Za-z0-9@:/+_.~ -]*$`)

// Submodules returns the submodules of the tree, by path.
func (g *Graph) Submodules() []Submodule {
	var out []Submodule
	entries := config.NewModules()
	if data := g.readFile(modulesName); data != nil {
		if entries.Unmarshal(data) != nil {
			entries = config.NewModules()
		}
	}
	for _, e := range g.Tree.Entries {
		if e.Mode == 0 || e.Target != "" {
			continue
		}
		s := Submodule{Path: e.Path}
		for _, m := range entries.Submodules {
			if path.Clean(m.Path) == e.Path {
				s.Name, s.URL = m.Name, m.URL
			}
		}
		out = append(out, s)
	}
	return out
}

// Why says why a submodule cannot go with a package; "" where it can: its
// entry in .gitmodules goes along.
func (s Submodule) Why() string {
	switch {
	case secretUser(s.URL):
		return "its address holds a password or a token"
	case s.URL == "":
		return "the monorepo's .gitmodules does not say where it comes from"
	case strings.HasPrefix(s.URL, "./") || strings.HasPrefix(s.URL, "../"):
		return "it comes from an address that is relative to the monorepo's own"
	case !plainValue.MatchString(s.URL) || !plainValue.MatchString(s.Path) || !plainValue.MatchString(s.Name) || strings.Contains(s.URL, "::"):
		return "its name, path or address has characters that need quoting, or runs a program"
	}
	return ""
}

// secretUser reports whether an address names a user with a password, in
// whatever form git takes, or over HTTP any user: there it often is a token.
func secretUser(address string) bool {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		scheme, rest = "", address
	}
	authority, _, _ := strings.Cut(rest, "/")
	at := strings.LastIndexByte(authority, '@')
	return at >= 0 && (strings.Contains(authority[:at], ":") || strings.HasPrefix(strings.ToLower(scheme), "http"))
}

// submoduleHazards names the submodules, and those that cannot go with the
// package they are in: terraform loads no package of which git does not know
// where a submodule comes from.
func (g *Graph) submoduleHazards(b *Borders) []Hazard {
	var out []Hazard
	for _, s := range g.Submodules() {
		h := Hazard{ID: "submodule", Severity: Info, File: s.Path, Dir: path.Dir(s.Path), Summary: "a git submodule: carried as it is"}
		if p := b.Of(h.Dir); p != "" {
			h.Dir, h.Summary = p, "a git submodule inside a module: carried, with its entry in .gitmodules"
			if why := s.Why(); why != "" {
				h.Severity, h.Summary = Block, "a git submodule inside a module cannot be carried: "+why
			}
		}
		out = append(out, h)
	}
	return out
}
