package modules

import (
	"path"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

// decideRoles applies the rules in the order in which they are written:
//
//	R1 a backend or cloud block, and nobody calls it      → stack
//	R2 target of a local source                           → module; private where
//	   every caller is in the one stack that it stands in, and stays there
//	R3 below examples/, tests/ or fixtures/               → example
//	R4 uncalled, with a provider block                    → stack
//	R5 uncalled, below modules/, _modules/ or *-modules/  → orphan
//	R6 has a terragrunt source                            → stack
//	R7 no stack anywhere                                  → Graph.Library
//	R8 holds only files that others symlink to            → snippet
//	R9 else                                               → undecided
func (g *Graph) decideRoles(roleOf RoleOf) {
	shared := g.linkTargets()
	for _, d := range g.Dirs {
		if roleOf != nil {
			if r := roleOf(d.Path); r != "" {
				d.Role, d.Rule = r, "config"
				continue
			}
		}
		called := len(d.Callers) > 0
		switch {
		case d.Backend != "" && !called:
			d.Role, d.Rule = RoleStack, "R1"
		case called:
			d.Role, d.Rule = RoleModule, "R2"
		case g.terragrunt.isUnit(d):
			d.Role, d.Rule = RoleStack, "R6"
		case !hasTerraform(d.Config):
			d.Role, d.Rule = RoleSettings, "R6"
		case hasTerragrunt(d.Config):
			d.Role, d.Rule = RoleStack, "R6"
		case hasSegment(d.Path, isExampleDir):
			d.Role, d.Rule = RoleExample, "R3"
		case onlyShared(d.Config, shared):
			d.Role, d.Rule = RoleSnippet, "R8"
		case len(d.Config.Providers) > 0:
			d.Role, d.Rule = RoleStack, "R4"
		case hasSegment(path.Dir(d.Path), isModulesDir):
			d.Role, d.Rule = RoleOrphan, "R5"
		default:
			d.Role, d.Rule = RoleUndecided, "R9"
		}
	}
	for _, d := range g.Dirs {
		if d.Role == RoleModule && d.Rule == "R2" && g.isPrivate(d) {
			d.Role = RolePrivate
		}
	}
	g.unhidePrivate()
	g.Library = true
	for _, d := range g.Dirs {
		if d.Role == RoleStack {
			g.Library = false
		}
	}
}

// isPrivate reports whether every caller stands in the tree of the one stack
// (or example) that d itself stands in. A stack inside that stack is a stack
// of its own: what both call is shared.
func (g *Graph) isPrivate(d *Dir) bool {
	owner, ok := g.owner(d.Path)
	if !ok || owner == d.Path {
		return false
	}
	for _, c := range d.Callers {
		if o, ok := g.owner(c); !ok || o != owner {
			return false
		}
	}
	return true
}

// unhidePrivate makes modules of private ones that a module or an orphan
// calls, or an example inside one: through it other stacks reach them, and it
// would leave without them.
func (g *Graph) unhidePrivate() {
	moves := func(p string) bool {
		for ; ; p = path.Dir(p) {
			if d := g.Dirs[p]; d != nil {
				switch d.Role {
				case RoleModule, RoleOrphan:
					return true
				case RoleStack:
					return false // it stays where it stands
				}
			}
			if p == "." {
				return false
			}
		}
	}
	for changed := true; changed; {
		changed = false
		for _, d := range g.Dirs {
			if d.Role != RolePrivate || d.Rule == "config" {
				continue
			}
			for _, c := range d.Callers {
				if moves(c) {
					d.Role, changed = RoleModule, true
				}
			}
		}
	}
}

// owner returns the nearest directory at or above p that is a stack or an
// example.
func (g *Graph) owner(p string) (string, bool) {
	for {
		if d := g.Dirs[p]; d != nil && (d.Role == RoleStack || d.Role == RoleExample) {
			return p, true
		}
		if p == "." {
			return "", false
		}
		p = path.Dir(p)
	}
}

func hasTerragrunt(m *hclparse.Module) bool {
	for _, f := range m.Files {
		if f.Syntax == hclparse.Terragrunt {
			return true
		}
	}
	return false
}

// linkTargets returns the files that symlinks elsewhere lead to.
func (g *Graph) linkTargets() map[string]bool {
	out := map[string]bool{}
	for link := range g.links {
		if p, ok := g.Follow(link); ok && path.Dir(p) != path.Dir(link) {
			out[p] = true
		}
	}
	return out
}

func onlyShared(m *hclparse.Module, shared map[string]bool) bool {
	for _, f := range m.Files {
		if !shared[f.Path] {
			return false
		}
	}
	return len(m.Files) > 0
}

func hasSegment(p string, is func(string) bool) bool {
	for _, s := range strings.Split(p, "/") {
		if is(s) {
			return true
		}
	}
	return false
}

func isExampleDir(s string) bool {
	return s == "examples" || s == "tests" || s == "fixtures"
}

func isModulesDir(s string) bool {
	return s == "modules" || s == "_modules" || strings.HasSuffix(s, "-modules")
}

// StackOf returns the stack that dir is, or stands in; "" where it is in none,
// or in an example first.
func (g *Graph) StackOf(dir string) string {
	if owner, ok := g.owner(dir); ok && g.Dirs[owner].Role == RoleStack {
		return owner
	}
	return ""
}
