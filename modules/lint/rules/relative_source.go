package rules

import (
	"fmt"
	"path"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
)

var relativeSource = &lint.Rule{
	Name:     "relative-source",
	Summary:  "A relative path that leads out of its stack or its package",
	Severity: lint.Error,
	Fixes:    true,
	Check: func(p *lint.Pass) {
		library := p.Pinned == nil && !stateful(p.Graph)
		borders := p.Graph.Candidates(p.Choice)
		several, shared := ambiguous(p), sharedDirs(p.Graph)
		for _, c := range p.Calls {
			if c.Overridden || c.Target == "" || c.Problem != modules.ProblemNone {
				continue
			}
			if _, keep := keeps(p, c.Target); keep {
				continue // the configuration wants it to be called so
			}
			from := leaves(p, borders, shared, c)
			if from == "" {
				continue
			}
			summary := fmt.Sprintf("%s leads out of %s, to %s", upper(c.Module()), from, shown(c.Target))
			if library && !applied(c) {
				// A stack whose backend is written at init looks like a
				// library's recipe; one inside a module is one.
				if borders.Of(c.Dir) == "" && c.Stack != "" && borders.Of(path.Dir(c.Stack)) == "" {
					p.Report(at(c, lint.Info, summary, fmt.Sprintf("If %s is applied, so that it has a state of its own, write stack %q { role = \"stack\" } into terrier.hcl: then this is an error.", shown(c.Stack), c.Stack)))
				}
				continue
			}
			p.ReportCall(c, c.SourceRange(), pin(p, c, several), "%s",
				"What is there changes for all its callers at once, and without review of each. Call a release of it.", summary)
		}
	},
}

// applied reports whether a call is in what somebody applies, backend or not:
// the configuration has it in an environment, or its path has the name of one,
// or is below live/.
func applied(c *lint.Call) bool {
	if c.Environment != "" {
		return true
	}
	for _, segment := range strings.Split(c.Dir, "/") {
		if modules.EnvironmentName(segment) || segment == "live" {
			return true
		}
	}
	return false
}

// stateful reports whether anything in the tree has a state of its own: a
// backend, a terragrunt unit, a stack by configuration. A provider block alone
// (R4) is what the examples and recipes of a library have as well; such a
// repository is one package, unless a configuration makes several of it. So is
// one whose only units or backends are examples.
func stateful(g *modules.Graph) bool {
	for _, d := range g.Dirs {
		if d.Role == modules.RoleStack && d.Rule != "R4" && !trial(d.Path) {
			return true
		}
	}
	return false
}

// keeps is where the configuration says that a directory stays.
func keeps(p *lint.Pass, dir string) (where string, ok bool) {
	for kept, at := range p.Choice.Keep {
		if modules.Within(dir, kept) {
			return at, true
		}
	}
	return "", false
}

// leaves names what a call leads out of, "" where it stays inside.
func leaves(p *lint.Pass, borders *modules.Borders, shared map[string]bool, c *lint.Call) string {
	if fixture(c.Dir) {
		return ""
	}
	if key := borders.Of(c.Dir); key != "" {
		if borders.Of(c.Target) == key {
			return ""
		}
		// A module that nobody outside its stack uses, an orphan or what that
		// calls, is not released from there.
		if c.Stack != "" && modules.Within(c.Target, c.Stack) && !shared[c.Dir] {
			return ""
		}
		return "the package of " + shown(key)
	}
	if _, keep := keeps(p, c.Dir); c.Stack != "" && !keep {
		if modules.Within(c.Target, c.Stack) || trial(c.Stack) && p.Graph.Dirs[c.Stack].Rule != "R1" {
			return ""
		}
		return "its stack " + shown(c.Stack)
	}
	d := p.Graph.Dirs[c.Dir]
	switch {
	case d == nil, modules.Within(c.Target, c.Dir):
		return ""
	case d.Role == modules.RoleExample, d.Role == modules.RoleSnippet, d.Role == modules.RoleIgnore:
		// An example outside every package shows the module as it is here; a
		// snippet's path counts from where it is linked to.
		return ""
	}
	if inExample(p, c.Dir) {
		return ""
	}
	return "its directory " + shown(c.Dir)
}

// sharedDirs are the directories inside a stack that something outside of it
// calls, directly or through others.
func sharedDirs(g *modules.Graph) map[string]bool {
	shared := map[string]bool{}
	var work []string
	reach := func(dir string) {
		if !shared[dir] {
			shared[dir] = true
			work = append(work, dir)
		}
	}
	for _, d := range g.Sorted() {
		from := g.StackOf(d.Path)
		for _, to := range d.Callees {
			if stack := g.StackOf(to); stack != "" && stack != from {
				reach(to)
			}
		}
	}
	for len(work) > 0 {
		dir := work[len(work)-1]
		work = work[:len(work)-1]
		if d := g.Dirs[dir]; d != nil {
			for _, to := range d.Callees {
				reach(to)
			}
		}
	}
	return shared
}

// inExample reports whether a directory is below an example.
func inExample(p *lint.Pass, dir string) bool {
	for ; dir != "."; dir = path.Dir(dir) {
		if d := p.Graph.Dirs[dir]; d != nil && d.Role == modules.RoleExample {
			return true
		}
	}
	return false
}

// A literal is one by its file and first byte.
type literal struct {
	file string
	at   int
}

// ambiguous are the literals that stand for several targets: those of files
// that symlinks lead to from elsewhere, or that several units include.
func ambiguous(p *lint.Pass) map[literal]bool {
	targets := map[literal]string{}
	out := map[literal]bool{}
	for _, c := range p.Calls {
		l := literal{c.File().Real, c.SourceRange().Start.Byte}
		if t, ok := targets[l]; ok && t != c.Target {
			out[l] = true
		}
		targets[l] = c.Target
	}
	return out
}

// pin is the edit that writes the source of the target's newest release; nil
// where there is none, or where one literal stands for several targets.
func pin(p *lint.Pass, c *lint.Call, several map[literal]bool) *lint.Fix {
	if p.Pinned == nil || !c.Local() {
		return nil
	}
	_, start, ok := c.Literal()
	if !ok {
		return nil
	}
	source, ok := p.Pinned(c.Target)
	if !ok {
		return nil
	}
	r := c.SourceRange()
	if several[literal{c.File().Real, r.Start.Byte}] {
		return nil
	}
	text := hclparse.QuoteNative(source)
	if c.File().Syntax == hclparse.JSON {
		text = hclparse.QuoteJSON(source)
	}
	return &lint.Fix{
		Summary: fmt.Sprintf("Call the newest release of %s", shown(c.Target)),
		Edits:   []hclparse.Edit{{Start: start - 1, End: r.End.Byte, New: text}},
	}
}

// shown is a directory in a sentence.
func shown(dir string) string {
	if dir == "." {
		return "the root of the repository"
	}
	return dir
}
