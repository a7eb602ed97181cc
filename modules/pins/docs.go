package pins

import (
	"bytes"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/rewrite"
	"github.com/terrier-iac/terrier/modules/versions"
)

// Docs says which sources in Markdown files follow the calls: those of the
// fences that show Terraform code.
type Docs struct {
	Set *versions.Set
	// Keep says which files count, by their path in the tree; nil for all.
	Keep func(file string) bool
	// Environments are those of a directory; nil for none.
	Environments func(dir string) []string
	// To is the pin that a use of a module in a document is to have, and the
	// release that this is, nil where its version stays. The pin is nil where
	// the use stays as it is. Only git sources are asked for; the use has
	// nothing but Ref, Release and, in Call, Source, Pin and Comment.
	To func(m *versions.Module, u *versions.Use) (*rewrite.Pin, *versions.Release)
}

// maxDoc is how long a document may be in which somebody wrote the fences.
const maxDoc = 4 << 20

// history matches the names of documents that tell how it was: the versions in
// them are meant.
var history = regexp.MustCompile(`(?i)^(?:change[-_]?log|changes|history|news|release[-_]?notes|releases|upgrad|migrat)`)

// Docs adds to a result of Make what becomes of the documents in the tree. A
// source that cannot be followed, a fence that does not parse and a file that
// cannot be read stay as they are.
func (t *Tree) Docs(r *Result, d Docs) error {
	byID := map[string][]*versions.Module{}
	for _, m := range d.Set.Modules {
		if len(m.Uses) > 0 && !m.Registry {
			id := modules.Identity(m.Uses[0].Call.Source)
			byID[id] = append(byID[id], m)
		}
	}
	if len(byID) == 0 {
		return nil
	}
	for _, e := range t.Graph.Tree.Entries {
		if e.Mode != 0 || !isDoc(e.Path) || d.Keep != nil && !d.Keep(e.Path) {
			continue
		}
		src := t.doc(e.Path)
		if src == nil {
			continue
		}
		if err := d.file(r, byID, e.Path, src); err != nil {
			return err
		}
	}
	slices.SortFunc(r.Changes, func(a, b lint.Change) int { return strings.Compare(a.Path, b.Path) })
	r.sort()
	return nil
}

func isDoc(p string) bool {
	ext := strings.ToLower(path.Ext(p))
	return (ext == ".md" || ext == ".markdown") && !history.MatchString(path.Base(p))
}

// doc are the bytes of a document that may hold a source, else nil.
func (t *Tree) doc(p string) []byte {
	info, err := fs.Stat(t.Graph.Tree.FS, p)
	if err != nil || info.Size() > maxDoc {
		return nil
	}
	src, err := fs.ReadFile(t.Graph.Tree.FS, p)
	if err != nil || len(src) > maxDoc || !bytes.Contains(src, []byte("ref=")) {
		return nil
	}
	return src
}

// file makes the edits of one document.
func (d Docs) file(r *Result, byID map[string][]*versions.Module, p string, src []byte) error {
	sources := hclparse.FindDocSources(src)
	edits := map[int]*Edit{} // by the source's index
	next := 0
	made := rewrite.Docs(p, src, func(s hclparse.Source) (rewrite.Pin, bool) {
		// It asks for each source that is found, in order.
		at := sources[next]
		next++
		if s.Kind != hclparse.KindGit {
			return rewrite.Pin{}, false
		}
		u := &versions.Use{Call: &lint.Call{Source: s, Known: true, Pin: s.Pin(""), Comment: lint.CommentBehind(src, at.End)}, Ref: s.Ref}
		m := docModule(byID[modules.Identity(s)], u)
		if m == nil {
			return rewrite.Pin{}, false
		}
		pin, to := d.To(m, u)
		if pin == nil {
			return rewrite.Pin{}, false
		}
		e := &Edit{Module: m.Name, Environments: []string{""}, File: p, Line: at.Line, From: s.Ref, To: pin.Ref}
		if e.FromVersion = u.Version(); to != nil {
			e.ToVersion = to.Version.String()
		} else {
			e.ToVersion = e.FromVersion
		}
		if d.Environments != nil {
			if envs := d.Environments(path.Dir(p)); len(envs) > 0 {
				e.Environments = envs
			}
		}
		edits[next-1] = e
		return *pin, true
	})
	var bytesOf []hclparse.Edit
	for _, b := range made {
		i := owner(sources, b)
		if edits[i] == nil {
			continue // never: an edit stands in its source, or behind it
		}
		edits[i].bytes = append(edits[i].bytes, b)
		bytesOf = append(bytesOf, b.Edit)
	}
	if len(bytesOf) == 0 {
		return nil
	}
	after, err := hclparse.Apply(src, bytesOf)
	if err != nil {
		return fmt.Errorf("%s: %w", p, err)
	}
	now := hclparse.FindDocSources(after)
	if len(now) != len(sources) {
		return nil
	}
	for i, s := range sources {
		want := s.Source.Ref
		if e := edits[i]; e != nil && len(e.bytes) > 0 {
			want = e.To
		}
		if tagName(now[i].Source.Ref) != tagName(want) || modules.Identity(now[i].Source) != modules.Identity(s.Source) {
			return nil // as with calls: what is not read back is not written
		}
	}
	for i := range sources {
		if e := edits[i]; e != nil && len(e.bytes) > 0 {
			r.Edits = append(r.Edits, *e)
		}
	}
	r.Changes = append(r.Changes, lint.Change{Path: p, Before: src, After: after, Fixes: len(bytesOf)})
	return nil
}

// owner is the index of the source that an edit stands in, or behind.
func owner(sources []hclparse.DocSource, b rewrite.Edit) int {
	i := 0
	for j, s := range sources {
		if s.Start <= b.Start {
			i = j
		}
	}
	return i
}

// docModule is the module that a use in a document shows, and gives the use
// its release. Of several at a repository's root it is the one with the prefix
// of the ref.
func docModule(all []*versions.Module, u *versions.Use) *versions.Module {
	for _, m := range all {
		switch u.Call.Pin {
		case hclparse.PinTag:
			read, ok := modules.ParseRelease(tagName(u.Ref))
			if !ok || read.Prefix != m.Prefix && len(all) > 1 {
				continue
			}
			u.Release = &versions.Release{Version: read.Version, Prefix: read.Prefix, Tag: tagName(u.Ref)}
		case hclparse.PinCommit:
			on := m.TagsOn(u.Ref)
			if c := u.Call.Comment; c != nil {
				on = slices.DeleteFunc(m.TagsNamed(c.Text), func(r versions.Release) bool { return !strings.EqualFold(r.Commit, u.Ref) })
			}
			if len(on) > 0 {
				u.Release = &on[0]
			}
		}
		return m
	}
	return nil
}

// Docs gives documents the release that the calls of their module go to: To
// of Docs. r is what became of the calls. A module of which no call moves, or
// is there already, has its documents as they are; so has a document that is
// at a newer release, or at none.
func (b Bump) Docs(r *Result) func(*versions.Module, *versions.Use) (*rewrite.Pin, *versions.Release) {
	moves := follows(r)
	return func(m *versions.Module, u *versions.Use) (*rewrite.Pin, *versions.Release) {
		if !moves[m.Name] || u.Release == nil || u.Release.Prefix != m.Prefix {
			return nil, nil
		}
		p := &Place{Module: m, Uses: []*versions.Use{u}}
		to, _, _ := b.target(p)
		return docPin(p, to)
	}
}

// Moved gives documents the newest release that calls of their module have
// moved to, and is To of Docs for moves that somebody else chose. r is what
// became of them.
func Moved(r *Result) func(*versions.Module, *versions.Use) (*rewrite.Pin, *versions.Release) {
	newest := map[string]*versions.Release{}
	for _, e := range r.Edits {
		if e.Move == nil || e.Move.To == nil {
			continue
		}
		if old := newest[e.Module]; old == nil || e.Move.To.Version.GreaterThan(old.Version) {
			newest[e.Module] = e.Move.To
		}
	}
	return func(m *versions.Module, u *versions.Use) (*rewrite.Pin, *versions.Release) {
		if u.Release == nil || u.Release.Prefix != m.Prefix {
			return nil, nil
		}
		return docPin(&Place{Module: m, Uses: []*versions.Use{u}}, newest[m.Name])
	}
}

// docPin is the pin for a document that is at an older release.
func docPin(p *Place, to *versions.Release) (*rewrite.Pin, *versions.Release) {
	if to == nil || !to.Version.GreaterThan(p.use().Release.Version) {
		return nil, nil
	}
	pin := gitPin(p, to)
	return &pin, to
}

// follows are the modules, by name, of which calls have moved or are where
// they should be.
func follows(r *Result) map[string]bool {
	out := map[string]bool{}
	for _, e := range r.Edits {
		out[e.Module] = true
	}
	for _, s := range r.Skipped {
		if !s.Asked {
			out[s.Module] = true
		}
	}
	return out
}

// Docs writes the pins of documents as those of calls: To of Docs.
func (n Pinning) Docs() func(*versions.Module, *versions.Use) (*rewrite.Pin, *versions.Release) {
	return func(m *versions.Module, u *versions.Use) (*rewrite.Pin, *versions.Release) {
		move, stop := n.decide(m, u)
		if stop != nil {
			return nil, nil
		}
		return &move.Pin, nil
	}
}
