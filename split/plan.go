// Package split takes a monorepo apart: it plans which module becomes which
// repository, extracts each with its history, pins every call, writes the live
// repository, and asks package proof whether nothing else changed.
//
// It never writes to the monorepo, runs no Terraform, and prints nothing.
package split

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

// Config is what a user decides about a split. The functions turn a package's
// name into addresses; each may be called for any name.
type Config struct {
	Version string                                     // the first release, "1.0.0"
	Source  func(name string) (string, error)          // what callers get, without //sub and ?ref=
	Remote  func(name string) (string, error)          // where push goes; "" where there is none
	Tag     func(name, version string) (string, error) // the release's tag
	// CarriedTag names a tag of the monorepo in what is split from it.
	CarriedTag func(tag string) (string, error)
	Tags       []repo.Tag                        // of the monorepo, to be carried over
	LiveURL    func(name string) (string, error) // the live repository's remote; "" where there is none
	Env        func(stack string) (environment, account string)
	// Environments that have a live repository of their own, by name.
	Environments map[string]Environment
	Names        map[string]string // fixed package names by directory
	// All is the name of the package that all modules share; "" where each has
	// its own.
	All string
	// InPlace leaves every file where it is: the modules get tags, and their
	// callers are pinned to those. All is then the monorepo's name.
	InPlace     bool
	Keep        map[string]string // directories that stay in live, and where that is written
	Group       map[string]string // module directory to the group that it shares a package in
	Only        string            // glob over module directories; "" for all
	Docs        bool              // rewrite the sources that Markdown files show
	Own         []string          // addresses of the monorepo itself
	NoHistory   bool
	Follow      bool
	Name, Email string // who commits and tags
}

// An Environment is what a split needs to know of one.
type Environment struct {
	Repo string // its live repository's name; "" for the one of all else
	Root string // the directory that becomes that repository's root; "" for the monorepo's
	// Files are what its stacks are planned with, relative to each stack.
	Files []string
}

// A Plan is the whole decision, before anything is written. It is plain data:
// paths are relative to the monorepo's root, `/`-separated; lists are sorted.
type Plan struct {
	Commit   string     `json:"commit"`
	Tree     string     `json:"tree"`
	Library  bool       `json:"library"`
	History  bool       `json:"history"`
	Docs     bool       `json:"docs"`
	Follow   bool       `json:"follow"`
	InPlace  bool       `json:"in_place"`
	Identity Identity   `json:"identity"`
	Packages []*Package `json:"packages"`
	Blocked  []*Blocked `json:"blocked"`
	Live     []*Live    `json:"live"`
	// Tags are the monorepo's that are carried over, where they are in the
	// history that is split.
	Tags     []CarriedTag `json:"carried_tags"`
	Edits    []Edit       `json:"edits"`
	Stacks   []*Stack     `json:"stacks"`
	Unproved []Finding    `json:"unproved"`
	Mentions []Finding    `json:"mentions"`
	// Submodules are the git submodules of the tree, by path.
	Submodules []Submodule `json:"submodules"`
	// Other paths of the tree that are worth naming.
	Notes []Finding `json:"notes"`
}

// Identity is who the commits and tags that Terrier makes are by.
type Identity struct {
	Name  string `json:"name"`
	Email string `json:"email"`
}

// A Package is what becomes a module repository: a module's directory, or
// several that cannot be apart, and copies of the files outside that they
// reach.
type Package struct {
	Name string `json:"name"`
	// Path is the module's directory, the first of several.
	Path string `json:"path"`
	// Root is the monorepo's directory that is the repository's root: Path in
	// the simple case, else the closest common folder of all that it holds, each
	// at its place below. A caller of directory D has what leads from Root to D
	// after `//`.
	Root string `json:"root"`
	// Owns are the paths that leave live for this package: its directories, and
	// where a stack stands inside one, the parts around that.
	Owns       []string `json:"owns"`
	Copies     []Copy   `json:"copies"`     // files that it holds beside, at their places below Root
	Links      []Link   `json:"links"`      // symlinks that led elsewhere
	Group      string   `json:"group"`      // the configuration's, "" for none
	Repository string   `json:"repository"` // below the output directory
	Source     string   `json:"source"`     // what a call's source begins with
	Remote     string   `json:"remote"`
	Version    string   `json:"version"`
	Tag        string   `json:"tag"` // "" where each module has one of its own
	// Tags are the releases of the modules in a package of all.
	Tags     []ModuleTag `json:"tags"`
	Requires []string    `json:"requires"` // names of the packages it calls
	Modules  []string    `json:"modules"`  // module directories inside, Path included

	dirs []string // that share it
}

// A ModuleTag is the release of one of the modules in a package.
type ModuleTag struct {
	Path string `json:"path"`
	Name string `json:"name"`
	Tag  string `json:"tag"`
}

// A Submodule is a directory that is another repository's commit.
type Submodule struct {
	Path string `json:"path"`
	Name string `json:"name"` // as .gitmodules has it
	URL  string `json:"url"`
}

// A CarriedTag is a tag of the monorepo that the split repositories get, each
// on the commit that stands for its own.
type CarriedTag struct {
	Name string `json:"name"` // in the monorepo
	As   string `json:"as"`   // in what is split from it

	tag repo.Tag
}

// A Copy is a file or symlink that one repository holds and another owns.
type Copy struct {
	Path   string `json:"path"`
	Owner  string `json:"owner"`  // the repository that owns it: "live/live", "modules/x.git"
	Digest string `json:"digest"` // "sha256:…" of the blob's bytes
}

// A Link is a symlink that leads out of its repository: what it leads to, a
// file or a directory, takes its place.
type Link struct {
	Path   string `json:"path"`
	Target string `json:"target"`

	files []modules.Placed
}

// Blocked is a module that stays in live, and why.
type Blocked struct {
	Path    string    `json:"path"`
	Reasons []Finding `json:"reasons"`
}

// Live is a repository of stacks.
type Live struct {
	Name       string `json:"name"`
	Repository string `json:"repository"`
	// Environments are those that have this repository for themselves; none
	// for the one of all else.
	Environments []string `json:"environments"`
	Remote       string   `json:"remote"`
	Branch       string   `json:"branch"`
	// Root is the monorepo's directory that is the repository's root: "."
	// unless a prefix is stripped.
	Root string `json:"root"`
	// Paths are what it holds, with extracted history; nil is all that nobody
	// else owns, on the monorepo's own history.
	Paths  []string `json:"paths"`
	Copies []Copy   `json:"copies"` // files of modules that what stays reaches
	Links  []Link   `json:"links"`  // symlinks that led to modules

	owner modules.Owner
}

// An Edit is one source string that changes.
type Edit struct {
	File    string `json:"file"` // where it stands afterwards: it may be in the place of a symlink
	Line    int    `json:"line"`
	Module  string `json:"module"`  // the module block's name
	Package string `json:"package"` // name of the package that the file is in; "" for live
	Live    string `json:"live"`    // name of an environment's own live repository; "" for the one of all else
	From    string `json:"from"`
	To      string `json:"to"`
	Doc     bool   `json:"doc,omitempty"` // shown in a Markdown file: nothing calls it

	start, end int
	syntax     hclparse.Syntax
	real       string // where the monorepo has the file's bytes
	requires   string // name of the package that it calls
}

// A Stack is a root module of live.
type Stack struct {
	Path        string `json:"path"`
	Environment string `json:"environment"`
	Account     string `json:"account"`
	Backend     string `json:"backend"`
	Repository  string `json:"repository"` // the live repository that it is in
	// Unproved are the findings in its tree that the proof cannot judge.
	Unproved []Finding `json:"unproved"`
}

// A Finding is a hazard as the plan and the proof show it.
type Finding struct {
	ID      string `json:"id"`
	File    string `json:"file"`
	Line    int    `json:"line"`
	Summary string `json:"summary"`
}

func finding(h modules.Hazard) Finding {
	return Finding{ID: h.ID, File: h.File, Line: h.Line, Summary: h.Summary}
}

// NewPlan decides what becomes a package, what stays and which sources change.
// It reads the graph of the commit's tree and nothing else. The diagnostics
// are errors of the configuration: two packages of one name, an address that
// cannot be made.
func NewPlan(commit *repo.Commit, g *modules.Graph, c Config) (*Plan, hcl.Diagnostics) {
	p := &Plan{
		Commit: commit.ID.String(), Tree: commit.Tree.String(), Library: g.Library, History: !c.NoHistory, Docs: c.Docs, Follow: c.Follow && !c.NoHistory, InPlace: c.InPlace,
		Identity: Identity{c.Name, c.Email},
		Packages: []*Package{}, Tags: []CarriedTag{}, Submodules: []Submodule{}, Blocked: []*Blocked{}, Live: []*Live{}, Edits: []Edit{}, Stacks: []*Stack{},
		Unproved: []Finding{}, Mentions: []Finding{}, Notes: []Finding{},
	}
	for _, sub := range g.Submodules() {
		if sub.Why() == "" {
			p.Submodules = append(p.Submodules, Submodule{sub.Path, sub.Name, sub.URL})
		}
	}
	pl := newPlanner(g, c)
	if diags := pl.checkOnly(); diags.HasErrors() {
		return nil, diags
	}
	if diags := pl.packages(p); diags.HasErrors() {
		return nil, diags
	}
	if diags := p.carry(c); diags.HasErrors() {
		return nil, diags
	}
	pl.sources(p)
	if c.Docs {
		pl.docs(p)
	}
	pl.rest(p)
	if diags := pl.holdings(p); diags.HasErrors() {
		return nil, diags
	}
	return p, nil
}

// carry names the tags that are carried over. One whose new name git or an
// address would not take, or that another has, is an error.
func (p *Plan) carry(c Config) hcl.Diagnostics {
	var diags hcl.Diagnostics
	taken := map[string]string{}
	for _, pkg := range p.Packages {
		for _, tag := range pkg.releases() {
			taken[tag] = "of the first release of " + pkg.Name
		}
	}
	for _, t := range c.Tags {
		as, err := c.CarriedTag(t.Name)
		if other, ok := taken[as]; err == nil && ok {
			err = fmt.Errorf("the tags %s and %s would both be %s", other, t.Name, as)
		}
		if err != nil {
			diags = append(diags, &hcl.Diagnostic{Severity: hcl.DiagError, Summary: "A tag cannot be carried over", Detail: err.Error() + "\n\nhint: say another carried_tag in the modules block of terrier.hcl, or leave --tags out"})
			continue
		}
		taken[as] = t.Name
		p.Tags = append(p.Tags, CarriedTag{Name: t.Name, As: as, tag: t})
	}
	return diags
}
