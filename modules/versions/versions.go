// Package versions knows who uses which version of which module: the calls of
// a tree by module and environment, what a pin means as a release, which
// releases there are, and how far behind a call is.
//
// It writes nothing, and asks a remote only in Ask and Unchanged. What a rule
// would find wrong with a call is for package lint to say.
package versions

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Set is the modules that a tree calls.
type Set struct {
	// Environments are those of Input, in its order, and last "" where a call
	// is in none.
	Environments []string
	// Modules are sorted by name. What stands in the tree itself is not among
	// them: it has no version.
	Modules []*Module
	// Unknown are the calls whose source no file tells, or not all of it, or
	// that is no address, by file and line. One of which only the ref is not
	// known is among the uses of its module, too.
	Unknown []Unknown
	// Local and Other are how many calls were left out: of modules in the tree
	// itself, and of what has no versions that anybody could ask for (archives,
	// buckets).
	Local, Other int
	// Failures are the remotes and registries that did not answer, sorted.
	Failures []Failure
	// Moved are the repositories that their forge has elsewhere than the
	// sources say, sorted; Ask finds them.
	Moved []Moved

	ports ports
}

// A Module is one module outside of the tree, in whatever spellings it is
// called.
type Module struct {
	// Name is short, and no other module of the set has it: the last part of
	// the subdirectory, else the repository's name, else as much of the address
	// as is needed.
	Name string
	// ID is the repository and the subdirectory (modules.Identity), without a
	// registry that is the default one; the prefix too, where one repository's
	// root has several.
	ID string
	// Source is the address that most calls have, without subdirectory, ref
	// and credentials; Sources are all of them, sorted.
	Source  string
	Sources []string
	Subdir  string
	// Registry says that it comes from a module registry, else it does from
	// git.
	Registry bool
	// Prefix is what stands before the version in the tags of its releases:
	// "vpc/" of vpc/v1.2.3.
	Prefix string
	// Uses are its calls, by environment, file and line. A call that several
	// environments reach is there once for each.
	Uses []*Use
	// Releases are the known ones, the oldest first. Whole says that these are
	// all that there are, as of the last time the remote was read.
	Releases []Release
	Whole    bool

	repository string   // modules.RepositoryIdentity
	own        []string // see modules.TagPrefixes
	every      []*Use   // those that Keep has taken out, too

	refs   map[string]repo.Ref // of the repository, by full name; nil where they are not known
	all    []Release           // the release tags among them, once somebody has asked
	locked []Release           // what the lock file knows of the repository
}

// A Use is a call of a module in an environment.
type Use struct {
	// Call is the call as Terraform would have it; Written is the one of the
	// file, which is another for terragrunt's tfr:// addresses alone.
	Call, Written *lint.Call

	Environment string // "" for none
	// Release is what the pin means: that of a tag or of an exact version, of
	// a commit that of the tag on it, of a range the locked one. Nil where
	// nothing tells.
	Release *Release
	// Ref is the ref or the version argument as it is written, "" for none.
	Ref string
	// Computed says that the ref is made of what no file tells. Ref is "".
	Computed bool
	// Commit is the full commit, "" where it is not known.
	Commit string
	File   string // where the source or, for a registry module, the version stands
	Line   int
}

// Version is the version without prefix and v ("1.2.3"), "" where it is not
// known.
func (u *Use) Version() string {
	if u.Release == nil {
		return ""
	}
	return u.Release.Version.String()
}

// Shown is the version or, where there is none, the ref; a commit in short.
func (u *Use) Shown() string {
	switch {
	case u.Release != nil:
		return u.Version()
	case u.Call.Pin == hclparse.PinCommit:
		return strings.ToLower(u.Ref)[:12]
	case u.Computed:
		return "computed"
	case u.Ref == "":
		return "no version"
	}
	return u.Ref
}

// An Unknown is a call whose source cannot be followed.
type Unknown struct {
	File         string
	Line         int
	Module       string // `module "vpc"`
	Source       string // the expression, without credentials
	Reason       string // as part of a sentence
	Environments []string

	of *Module // nil where that is not known
}

// Placed reports whether the module is known, so that the call is among its
// uses, too.
func (u *Unknown) Placed() bool { return u.of != nil }

// A Failure is a remote or a registry that did not do what it was asked, or
// could not be.
type Failure struct {
	Source  string // without credentials
	Summary string
	Hint    string
}

// A Moved is a repository that was renamed or moved on its forge: who asks for
// it is sent on, until somebody else gets the old name.
type Moved struct {
	Source string // as the sources have it, without subdirectory, ref and credentials: see Module.Sources
	To     string // a URL that git takes, without credentials
}

// An Input is what New groups.
type Input struct {
	Graph *modules.Graph
	Calls []*lint.Call
	Lock  *lock.File // nil for none
	// Environments are all of them, in the order in which they are shown.
	Environments []string
	// EnvironmentsOf gives the environments of a stack, or of a directory that
	// is in none: several where one code serves them all. Nil for no
	// environments.
	EnvironmentsOf func(dir string) []string
}

// New groups the calls. Calls of the tree's own modules are followed to what
// those call: a call in a shared module counts in each environment that
// reaches it. Nothing is asked of anybody; releases are those of the lock.
func New(in Input) *Set {
	s := &Set{ports: portsOf(in.Calls)}
	reach := reached(in)
	byKey := map[string]*Module{}
	links := map[string]string{}
	for _, m := range in.Graph.Tree.Modules {
		for _, f := range m.Files {
			links[f.Path] = f.Real
		}
	}
	for _, c := range in.Calls {
		written := c
		c = AsTerraform(c)
		d := in.Graph.Dirs[c.Dir]
		if c.Overridden || d == nil || d.Role == modules.RoleIgnore {
			continue
		}
		envs := reach[c.Dir]
		if c.Call.Terragrunt != nil && c.Target != "" || c.Known && c.Source.Kind == hclparse.KindLocal {
			s.Local++
			continue
		}
		if why := unfollowed(c); why != "" {
			s.Unknown = append(s.Unknown, Unknown{
				File: c.File().Path, Line: c.SourceRange().Start.Line, Module: c.Module(), Source: c.Redacted(), Reason: why, Environments: envs,
			})
			part := withoutRef(c)
			if part == c {
				continue
			}
			c = part
		}
		address, id := lock.Address(c.Source), modules.Identity(c.Source)
		if address == "" || id == "" {
			s.Other++
			continue
		}
		release := releaseOf(c, in.Lock)
		of := ""
		if release != nil {
			of = release.Prefix
		}
		key, prefix, own := keyOf(c.Source, of)
		key = s.ports.mark(key, c.Source)
		m := byKey[key]
		if m == nil {
			m = newModule(c.Source, key, prefix, own)
			m.repository = s.ports.mark(m.repository, c.Source)
			byKey[key] = m
			s.Modules = append(s.Modules, m)
		}
		if c.Head != "" {
			s.Unknown[len(s.Unknown)-1].of = m
		}
		m.add(c, written, address, release, envs, links, in.Lock)
	}
	for _, m := range s.Modules {
		m.settle(in)
	}
	s.name()
	s.count(in)
	s.fromLock(in.Lock)
	slices.SortFunc(s.Unknown, func(a, b Unknown) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Module, b.Module))
	})
	s.Unknown = slices.CompactFunc(s.Unknown, func(a, b Unknown) bool {
		return a.File == b.File && a.Line == b.Line && a.Module == b.Module
	})
	return s
}

// unfollowed says why a call's source leads nowhere; "" where it leads
// somewhere.
func unfollowed(c *lint.Call) string {
	switch {
	case c.Known:
	case withoutRef(c).Known:
		return "its ref is made of what no file tells"
	default:
		return "it is made of what no file tells"
	}
	if _, err := hclparse.ParseSource(c.Source.String()); err != nil {
		return "it is no address that terraform takes"
	}
	return ""
}

// withoutRef is a call of which all but the ref is known, as one without; any
// other call is returned as it is.
func withoutRef(c *lint.Call) *lint.Call {
	at := max(strings.LastIndex(c.Head, "?ref="), strings.LastIndex(c.Head, "&ref="))
	if c.Known || at < 0 {
		return c
	}
	s, err := hclparse.ParseSource(c.Head[:at])
	if err != nil || s.Kind != hclparse.KindGit || s.Ref != "" {
		return c
	}
	own := *c
	own.Source, own.Known = s, true
	return &own
}

// defaultRegistry is what terraform puts before an address that names no host.
const defaultRegistry = "registry.terraform.io/"

func (m *Module) add(c, written *lint.Call, address string, release *Release, envs []string, links map[string]string, file *lock.File) {
	m.Sources = append(m.Sources, strings.TrimPrefix(address, defaultRegistry))
	at, ref := c.SourceRange(), c.Source.Ref
	at.Filename = c.File().Path
	if m.Registry {
		if ref = c.Version; c.VersionRange.Filename != "" {
			at = c.VersionRange
		}
	} else if ref != "" {
		at.Start = c.ParamRange("ref").Start
	}
	u := Use{Call: c, Written: written, Release: release, Ref: ref, Computed: !m.Registry && ref == "" && c.Computed && c.Head != "", File: realFile(links, at), Line: at.Start.Line}
	if c.Pin == hclparse.PinCommit {
		u.Commit = strings.ToLower(c.Source.Ref)
	} else if e := file.Find(address, ref); e != nil && !u.Computed {
		u.Commit = e.Commit
	}
	for _, env := range envs {
		use := u
		use.Environment = env
		m.Uses = append(m.Uses, &use)
	}
}

// realFile is the file whose bytes a range is in, where that is in the tree:
// a symlink's target.
func realFile(links map[string]string, at hcl.Range) string {
	if r := links[at.Filename]; r != "" {
		return r
	}
	return at.Filename
}

// settle sorts what was added, and takes out what is there twice: a file that
// several units of one environment include, say.
func (m *Module) settle(in Input) {
	order := map[string]int{}
	for i, e := range in.Environments {
		order[e] = i + 1
	}
	rank := func(env string) int {
		if r := order[env]; r > 0 {
			return r
		}
		return len(order) + 1
	}
	slices.SortStableFunc(m.Uses, func(a, b *Use) int {
		return cmp.Or(cmp.Compare(rank(a.Environment), rank(b.Environment)), cmp.Compare(a.Environment, b.Environment),
			cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Call.Module(), b.Call.Module()), cmp.Compare(a.Ref, b.Ref))
	})
	m.Uses = slices.CompactFunc(m.Uses, func(a, b *Use) bool {
		return a.Environment == b.Environment && a.File == b.File && a.Line == b.Line && a.Ref == b.Ref && a.Call.Name() == b.Call.Name()
	})
	m.every = m.Uses
	times := map[string]int{}
	for _, s := range m.Sources {
		times[s]++
	}
	slices.Sort(m.Sources)
	m.Sources = slices.Compact(m.Sources)
	m.Source = slices.MaxFunc(m.Sources, func(a, b string) int {
		return cmp.Or(cmp.Compare(times[a], times[b]), cmp.Compare(b, a))
	})
	if m.Prefix == "" {
		m.Prefix = m.usualPrefix()
	}
}

// usualPrefix is the prefix that most of the calls' releases have.
func (m *Module) usualPrefix() string {
	times := map[string]int{}
	for _, u := range m.Uses {
		if u.Release != nil {
			times[u.Release.Prefix]++
		}
	}
	best := ""
	for p, n := range times {
		if n > times[best] || n == times[best] && p < best {
			best = p
		}
	}
	return best
}

// count makes the list of environments: those of the input, and "" where a
// call is in none.
func (s *Set) count(in Input) {
	s.Environments = slices.Clone(in.Environments)
	if s.Environments == nil {
		s.Environments = []string{}
	}
	for _, m := range s.Modules {
		for _, u := range m.Uses {
			if u.Environment == "" {
				s.Environments = append(s.Environments, "")
				return
			}
		}
	}
}

// Calls is how many places call a module of the set.
func (s *Set) Calls() int {
	n := 0
	for _, m := range s.Modules {
		n += len(m.Places())
	}
	return n
}

// Places are the files and lines of the module's calls, sorted, each once.
func (m *Module) Places() []string {
	var out []string
	for _, u := range m.Uses {
		out = append(out, fmt.Sprintf("%s:%d %s", u.File, u.Line, u.Call.Module()))
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// Keep leaves what is called in the environments and of the modules that are
// named; nil for all. How far behind a use is stays as it was: the others are
// still there to be compared with.
func (s *Set) Keep(environments []string, named []*Module) {
	if environments != nil || named != nil {
		s.Local, s.Other = 0, 0 // are of the whole tree
	}
	if environments != nil {
		s.Environments = slices.DeleteFunc(s.Environments, func(e string) bool { return !slices.Contains(environments, e) })
		for _, m := range s.Modules {
			m.Uses = slices.DeleteFunc(slices.Clone(m.Uses), func(u *Use) bool { return !slices.Contains(environments, u.Environment) })
		}
		s.Unknown = slices.DeleteFunc(s.Unknown, func(u Unknown) bool {
			return !slices.ContainsFunc(u.Environments, func(e string) bool { return slices.Contains(environments, e) })
		})
	}
	if named != nil {
		s.Unknown = slices.DeleteFunc(s.Unknown, func(u Unknown) bool { return u.of != nil && !slices.Contains(named, u.of) })
	}
	s.Modules = slices.DeleteFunc(s.Modules, func(m *Module) bool {
		return len(m.Uses) == 0 || named != nil && !slices.Contains(named, m)
	})
}

// At are all calls of the module that stand where u does, one for each
// environment that reaches the place, in the order of Uses; those that Keep
// has taken out, too. A symlinked file, or one that terragrunt units include,
// is one place.
func (m *Module) At(u *Use) []*Use {
	var out []*Use
	for _, o := range m.every {
		if o.File == u.File && o.Line == u.Line && o.Call.Name() == u.Call.Name() &&
			o.Call.SourceRange().Start.Byte == u.Call.SourceRange().Start.Byte {
			out = append(out, o)
		}
	}
	return out
}
