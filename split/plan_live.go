package split

import (
	"path"
	"sort"

	"github.com/terrier-iac/terrier/modules"
)

// liveRepository is where what stays is written, below the output directory.
const liveRepository = "live/live"

// pinBranch is the branch of the monorepo on which its callers are pinned.
const pinBranch = "terrier/pin-modules"

// rest fills in what the packages leave: blocked modules, the live
// repository, stacks, and the findings.
func (pl *planner) rest(p *Plan) {
	for dir, why := range pl.blocked {
		b := &Blocked{Path: dir, Reasons: []Finding{}}
		for _, h := range why {
			b.Reasons = append(b.Reasons, finding(h))
		}
		sortFindings(b.Reasons)
		p.Blocked = append(p.Blocked, b)
	}
	sort.Slice(p.Blocked, func(i, j int) bool { return p.Blocked[i].Path < p.Blocked[j].Path })

	pl.lives(p)

	type line struct {
		file string
		n    int
	}
	rewritten := map[line]bool{} // in documentation
	for _, e := range p.Edits {
		if e.Doc {
			rewritten[line{e.File, e.Line}] = true
		}
	}
	unproved := map[string][]Finding{}
	for _, h := range pl.hazards {
		inPackage := pl.borders.Of(h.Dir) != "" || pl.borders.Of(path.Dir(h.File)) != ""
		switch {
		case h.ID == "mention" || h.ID == "readme-source":
			// One pattern may cover many modules.
			last := len(p.Mentions) - 1
			if pl.borders.Of(h.Dir) != "" && !p.InPlace && !rewritten[line{h.File, h.Line}] && (last < 0 || p.Mentions[last] != finding(h)) {
				p.Mentions = append(p.Mentions, finding(h))
			}
		case h.Unproved && (inPackage || movesNothing[h.ID]):
			p.Unproved = append(p.Unproved, finding(h))
			unproved[h.Dir] = append(unproved[h.Dir], finding(h))
		case h.Severity != modules.Block:
			p.Notes = append(p.Notes, finding(h))
		}
	}
	for _, d := range pl.g.Sorted() {
		if d.Role != modules.RoleStack || pl.borders.Of(d.Path) != "" {
			continue
		}
		s := &Stack{Path: d.Path, Backend: d.Backend, Repository: pl.repository(pl.borders.Owner(d.Path)), Unproved: []Finding{}}
		if pl.c.Env != nil {
			s.Environment, s.Account = pl.c.Env(d.Path)
		}
		for _, dir := range pl.closure(d.Path) {
			s.Unproved = append(s.Unproved, unproved[dir]...)
		}
		p.Stacks = append(p.Stacks, s)
	}
}

// movesNothing are the findings that leave a stack unproved even where
// nothing of it moves: what it calls is not known.
var movesNothing = map[string]bool{"computed-source": true, "own-commit": true, "invalid-source": true, "dangling-source": true, "source-outside": true, "parse-error": true, "unevaluated-path": true, "file-of-module": true, "directory-name": true, "git-metadata": true}

// lives lists the live repositories: the one of all that nobody else owns,
// then those of environments.
func (pl *planner) lives(p *Plan) {
	add := func(o modules.Owner, l *Live) {
		if pl.c.LiveURL != nil {
			l.Remote, _ = pl.c.LiveURL(l.Name)
		}
		l.Repository, l.Branch, l.owner = pl.repository(o), "main", o
		p.Live = append(p.Live, l)
	}
	if p.InPlace {
		l := &Live{Name: "live", Root: ".", Environments: []string{}}
		add(modules.Owner{}, l)
		l.Branch = pinBranch
		for _, pkg := range p.Packages {
			l.Remote = pkg.Remote
		}
		return
	}
	names := pl.borders.Lives()
	if !p.Library && len(names) == 0 || pl.somethingStays() {
		add(modules.Owner{}, &Live{Name: "live", Root: ".", Environments: []string{}})
	}
	for _, name := range names {
		o := modules.Owner{Live: name}
		add(o, &Live{Name: name, Root: pl.closures[o].Root, Environments: pl.environmentsOf(name), Paths: pl.closures[o].Owns})
	}
}

func (pl *planner) somethingStays() bool {
	for _, e := range pl.g.Tree.Entries {
		if pl.borders.Owner(e.Path) == (modules.Owner{}) {
			return true
		}
	}
	return false
}

// closure returns the directories that a stack loads, itself first.
func (pl *planner) closure(dir string) []string {
	seen := map[string]bool{dir: true}
	list := []string{dir}
	for i := 0; i < len(list); i++ {
		if d := pl.g.Dirs[list[i]]; d != nil {
			for _, to := range d.Callees {
				if !seen[to] {
					seen[to] = true
					list = append(list, to)
				}
			}
		}
	}
	return list
}

func sortFindings(f []Finding) {
	sort.Slice(f, func(i, j int) bool {
		a, b := f[i], f[j]
		if a.File != b.File {
			return a.File < b.File
		}
		if a.Line != b.Line {
			return a.Line < b.Line
		}
		return a.ID+a.Summary < b.ID+b.Summary
	})
}
