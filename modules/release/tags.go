// Package release decides which version a module gets next, and which modules
// of the repository are released after it, and makes the tags.
//
// Open reads a repository at a commit. Plan decides, as plain data; Make makes
// what a plan says, and Check judges tags that others make. Nothing is printed,
// and nothing of the repository is run.
package release

import (
	"cmp"
	"path"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Tag is a release that was made.
type Tag struct {
	Name    string // without refs/tags/
	Prefix  string // see modules.Release
	Version *semver.Version
	Commit  repo.Hash
	// Reached says that it is in the history of what is to be released.
	Reached bool
}

// Spelling is what the tag's name has between its prefix and its version: "v",
// "V" or nothing.
func (t *Tag) Spelling() string {
	return strings.TrimSuffix(strings.TrimPrefix(t.Name, t.Prefix), t.Version.Original())
}

// Tags are those of a repository's tags that are releases, by prefix and
// version; others are left out. reached tells of a commit whether it is in the
// history of what is to be released.
func Tags(all []repo.Tag, reached func(repo.Hash) bool) []Tag {
	var out []Tag
	for _, t := range all {
		if r, ok := modules.ParseRelease(t.Name); ok {
			out = append(out, Tag{t.Name, r.Prefix, r.Version, t.Commit, reached(t.Commit)})
		}
	}
	slices.SortFunc(out, func(a, b Tag) int {
		return cmp.Or(cmp.Compare(a.Prefix, b.Prefix), a.Version.Compare(b.Version),
			cmp.Compare(a.Version.Metadata(), b.Version.Metadata()), cmp.Compare(len(b.Name), len(a.Name)), cmp.Compare(b.Name, a.Name))
	})
	return out
}

// A Repository is what modules and releases one has.
type Repository struct {
	Name string // of the root
	// Names are those that the configuration or the layout gives to modules, by
	// their directories.
	Names map[string]string
	// Configured are what the configuration says that tags begin with.
	Configured map[string]string
	Dirs       []string // of the modules
	Tags       []Tag
}

// Prefixes are what the tags of the module in dir may begin with, the most
// certain first: what is configured, its path, its name, the path with dashes, the path without the
// first directory, its last part. Of the repository's root it is nothing, or
// the repository's name.
func (r *Repository) Prefixes(dir string) []string {
	var out []string
	if p, ok := r.Configured[dir]; ok {
		out = append(out, p)
	}
	if dir == "." {
		return append(out, "", r.Name+"/", r.Name+"-")
	}
	add := func(name string) {
		for _, p := range []string{name + "/", name + "-"} {
			if name != "" && !slices.Contains(out, p) {
				out = append(out, p)
			}
		}
	}
	add(dir)
	add(r.Names[dir])
	add(strings.ReplaceAll(dir, "/", "-"))
	if _, below, ok := strings.Cut(dir, "/"); ok {
		add(below)
		add(strings.ReplaceAll(below, "/", "-"))
	}
	add(path.Base(dir))
	return out
}

// A History is the releases of one module.
type History struct {
	Prefix string
	// Tags are all of them, the lowest version first.
	Tags []Tag
	// Final is the highest one before that is no pre-release, Newest the highest
	// of all; both are in the history of what is to be released. Nil is none.
	Final, Newest *Tag
}

// History finds the releases of the module in dir: those with the first of its
// Prefixes that any tag has, and that no other module has a better claim to. It
// is false where there is none.
func (r *Repository) History(dir string) (*History, bool) {
	for i, p := range r.Prefixes(dir) {
		if !slices.ContainsFunc(r.Tags, func(t Tag) bool { return t.Prefix == p }) {
			continue
		}
		if slices.ContainsFunc(r.Dirs, func(other string) bool {
			j := slices.Index(r.Prefixes(other), p)
			return other != dir && j >= 0 && j <= i
		}) {
			continue
		}
		return NewHistory(p, r.Tags), true
	}
	return nil, false
}

// NewHistory takes the tags with a prefix.
func NewHistory(prefix string, tags []Tag) *History {
	h := &History{Prefix: prefix}
	for _, t := range tags {
		if t.Prefix == prefix {
			h.Tags = append(h.Tags, t)
		}
	}
	h.look()
	return h
}

// Without is the history as if there were no release of that version.
func (h *History) Without(v *semver.Version) *History {
	w := &History{Prefix: h.Prefix}
	for _, t := range h.Tags {
		if !t.Version.Equal(v) {
			w.Tags = append(w.Tags, t)
		}
	}
	w.look()
	return w
}

func (h *History) look() {
	for i := range h.Tags {
		t := &h.Tags[i]
		if !t.Reached {
			continue
		}
		// Of two tags of one version the first counts, v1.2.3 before 1.2.3.
		if h.Newest == nil || t.Version.GreaterThan(h.Newest.Version) {
			h.Newest = t
		}
		if t.Version.Prerelease() == "" && (h.Final == nil || t.Version.GreaterThan(h.Final.Version)) {
			h.Final = t
		}
	}
}

// Base is what a version is held against: the last final release or, where pre
// is set or there is none, the last of all; nil for none.
func (h *History) Base(pre bool) *Tag {
	if h.Final == nil || pre {
		return h.Newest
	}
	return h.Final
}

// Find is the tag of a version, in whatever spelling; nil for none.
func (h *History) Find(v *semver.Version) *Tag {
	for i := range h.Tags {
		if h.Tags[i].Version.Equal(v) {
			return &h.Tags[i]
		}
	}
	return nil
}

// Spelled is the tag of a version, spelled as the last release is, as the
// highest of all where none is in reach.
func (h *History) Spelled(v *semver.Version) string {
	like := h.Newest
	if like == nil && len(h.Tags) > 0 {
		like = &h.Tags[len(h.Tags)-1]
	}
	spelling := "v"
	if like != nil {
		spelling = like.Spelling()
	}
	return h.Prefix + spelling + v.String()
}
