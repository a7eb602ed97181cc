package versions

import (
	"cmp"
	"regexp"
	"slices"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Release is a version that a module has or had.
type Release struct {
	Version *semver.Version
	Prefix  string // of its tag, without tags/
	// Tag is the tag's name; of a registry the version as that writes it.
	Tag string
	// Commit is where the tag leads, "" where that is not known.
	Commit string
}

// Prerelease reports whether it is one: 2.0.0-rc1.
func (r *Release) Prerelease() bool { return r.Version.Prerelease() != "" }

// newRelease reads a tag, or a ref that may say tags/ before it.
func newRelease(tag, commit string) *Release {
	tag = strings.TrimPrefix(tag, "refs/")
	r, ok := modules.ParseRelease(strings.TrimPrefix(tag, "tags/"))
	if !ok {
		return nil
	}
	return &Release{Version: r.Version, Prefix: r.Prefix, Tag: strings.TrimPrefix(tag, "tags/"), Commit: strings.ToLower(commit)}
}

// newVersion reads a registry's version, or an exact version argument.
func newVersion(text string) *Release {
	text = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(text), "="))
	v, err := semver.NewVersion(text)
	if err != nil {
		return nil
	}
	return &Release{Version: v, Tag: text}
}

// releaseOf is what a call's pin means, as far as the file and the lock tell.
func releaseOf(c *lint.Call, file *lock.File) *Release {
	address := lock.Address(c.Source)
	switch c.Pin {
	case hclparse.PinTag:
		r := newRelease(c.Source.Ref, "")
		if e := file.Find(address, c.Source.Ref); r != nil && e != nil {
			r.Commit = e.Commit
		}
		return r
	case hclparse.PinExact:
		return newVersion(c.Version)
	case hclparse.PinRange, hclparse.PinNone:
		if e := file.Find(address, c.Version); e != nil && c.Source.Kind == hclparse.KindRegistry {
			return newVersion(e.Version)
		}
	case hclparse.PinCommit:
		var at []*Release
		if e := file.Find(address, c.Source.Ref); e != nil {
			for _, tag := range e.Tags {
				if r := newRelease(tag, e.Commit); r != nil {
					at = append(at, r)
				}
			}
		}
		return releaseAt(c, at, nil, false)
	}
	return nil
}

// releaseAt is the release that a full commit is: the one that the comment
// behind it names, where that is on the commit or nothing is known to be; else
// the highest of the module's tags that are. all are the known releases of the
// repository, every one that there is where whole is set: a comment that names
// one which is elsewhere, or which then nobody has, is stale.
func releaseAt(c *lint.Call, at, all []*Release, whole bool) *Release {
	own := modules.TagPrefixes(c.Source.Repository, c.Source.Subdir)
	var said *Release
	if c.Comment != nil {
		if said = newRelease(c.Comment.Text, c.Source.Ref); said != nil && said.Prefix != "" && !slices.Contains(own, said.Prefix) && c.Source.Subdir != "" {
			said = nil // another module's
		}
	}
	same := func(r *Release) bool {
		return said != nil && r.Version.Equal(said.Version) && (r.Prefix == said.Prefix || said.Prefix == "" && slices.Contains(own, r.Prefix))
	}
	at = slices.DeleteFunc(slices.Clone(at), func(r *Release) bool { return !ofModule(r, c.Source, own) && !same(r) })
	if i := slices.IndexFunc(at, same); i >= 0 {
		return at[i]
	}
	if len(at) > 0 {
		return slices.MaxFunc(at, compareReleases)
	}
	if said == nil || slices.ContainsFunc(all, same) {
		return nil
	}
	if whole && !slices.ContainsFunc(all, func(r *Release) bool { return r.Version.Equal(said.Version) }) {
		return nil
	}
	return said
}

// ofModule reports whether a release can be one of the called module: in a
// repository of many those of the others are not.
func ofModule(r *Release, s hclparse.Source, own []string) bool {
	return s.Subdir == "" || slices.Contains(own, r.Prefix)
}

// compareReleases orders by version, then by tag: of two spellings of one
// version the shorter prefix comes last.
func compareReleases(a, b *Release) int {
	return cmp.Or(a.Version.Compare(b.Version), cmp.Compare(a.Version.Metadata(), b.Version.Metadata()),
		cmp.Compare(len(b.Prefix), len(a.Prefix)), cmp.Compare(b.Tag, a.Tag))
}

// tagsOf are the release tags among the refs of a remote.
func tagsOf(refs map[string]repo.Ref) []*Release {
	var out []*Release
	for full, r := range refs {
		if tag, ok := strings.CutPrefix(full, "refs/tags/"); ok {
			if release := newRelease(tag, r.Commit.String()); release != nil && !strings.HasPrefix(tag, "tags/") {
				out = append(out, release)
			}
		}
	}
	slices.SortFunc(out, compareReleases)
	return out
}

// fromLock takes the releases that are in use, and those that the lock file
// names.
func (s *Set) fromLock(file *lock.File) {
	byRepository := map[string][]*Release{}
	if file == nil {
		file = &lock.File{}
	}
	for _, e := range file.Entries {
		src, err := hclparse.ParseSource(e.Address)
		if err != nil {
			continue
		}
		id := s.ports.mark(modules.RepositoryIdentity(src), src)
		add := func(r *Release) {
			if r != nil {
				byRepository[id] = append(byRepository[id], r)
			}
		}
		switch e.Kind {
		case lock.KindTag:
			add(newRelease(e.Ref, e.Commit))
		case lock.KindVersion:
			add(newVersion(e.Version))
		}
		for _, tag := range e.Tags {
			add(newRelease(tag, e.Commit))
		}
	}
	for _, m := range s.Modules {
		m.learn(byRepository[m.repository], false)
		for _, r := range byRepository[m.repository] {
			m.locked = append(m.locked, *r)
		}
	}
}

// learn takes releases of the module's repository. whole says that there are
// no others.
func (m *Module) learn(all []*Release, whole bool) {
	m.refine(all, whole)
	var known []*Release
	at := map[string]int{}
	add := func(r *Release) {
		if r == nil || r.Prefix != m.Prefix {
			return
		}
		switch i, ok := at[r.Tag]; {
		case !ok:
			at[r.Tag] = len(known)
			known = append(known, r)
		case known[i].Commit == "":
			known[i] = r
		}
	}
	for _, r := range all {
		add(r)
	}
	if !whole {
		for i := range m.Releases {
			add(&m.Releases[i])
		}
		for _, u := range m.every {
			add(u.Release)
		}
	}
	// v1.2.3 and 1.2.3 are one release with two tags: that one counts which is
	// spelled as most calls have theirs.
	usual := m.usualSpelling()
	slices.SortStableFunc(known, func(a, b *Release) int {
		n := cmp.Or(a.Version.Compare(b.Version), cmp.Compare(a.Version.Metadata(), b.Version.Metadata()))
		if x, y := a.spelling() == usual, b.spelling() == usual; n == 0 && x != y {
			if x {
				return -1
			}
			return 1
		}
		return cmp.Or(n, compareReleases(a, b))
	})
	known = slices.CompactFunc(known, func(a, b *Release) bool {
		return a.Version.Equal(b.Version) && a.Version.Metadata() == b.Version.Metadata()
	})
	m.Releases = m.Releases[:0]
	for _, r := range known {
		m.Releases = append(m.Releases, *r)
	}
	m.Whole = m.Whole || whole
}

// spelling is what a tag has between its prefix and its version: "v", "V" or
// nothing.
func (r *Release) spelling() string {
	return strings.TrimSuffix(strings.TrimPrefix(r.Tag, r.Prefix), r.Version.Original())
}

func (m *Module) usualSpelling() string {
	times := map[string]int{}
	for _, u := range m.every {
		if u.Release != nil {
			times[u.Release.spelling()]++
		}
	}
	best := "v"
	for s, n := range times {
		if n > times[best] || n == times[best] && s < best {
			best = s
		}
	}
	return best
}

// refine finds out what pins mean, now that tags and their commits are known,
// all that there are or some.
func (m *Module) refine(all []*Release, whole bool) {
	byCommit, byTag := map[string][]*Release{}, map[string]*Release{}
	for _, r := range all {
		byCommit[r.Commit] = append(byCommit[r.Commit], r)
		byTag[r.Tag] = r
	}
	for _, u := range m.every {
		switch {
		case m.Registry:
		case u.Call.Pin == hclparse.PinCommit:
			if at := byCommit[u.Commit]; len(at) > 0 || len(all) > 0 || whole {
				u.Release = releaseAt(u.Call, at, all, whole)
			}
		case u.Release != nil && byTag[u.Release.Tag] != nil:
			if u.Commit == "" {
				u.Commit = byTag[u.Release.Tag].Commit
			}
			u.Release.Commit = u.Commit
		}
	}
	own := slices.ContainsFunc(m.every, func(u *Use) bool { return u.Release != nil && u.Release.Prefix == m.Prefix })
	if own {
		return
	}
	// No call says how the module's tags begin: those of the most specific
	// name that there are any of.
	if m.Prefix = m.usualPrefix(); m.Prefix != "" || m.Registry {
		return
	}
	for _, p := range append(slices.Clone(m.own[1:]), "") {
		if slices.ContainsFunc(all, func(r *Release) bool { return r.Prefix == p }) {
			m.Prefix = p
			return
		}
	}
}

// Newest is the newest known release; nil where there is none. Pre-releases
// count where pre is set.
func (m *Module) Newest(pre bool) *Release {
	for i := len(m.Releases) - 1; i >= 0; i-- {
		if r := &m.Releases[i]; pre || !r.Prerelease() {
			return r
		}
	}
	return nil
}

// Between counts the known releases after a and up to b. It is false where
// the two are not of one line of releases.
func (m *Module) Between(a, b *Release, pre bool) (int, bool) {
	if a == nil || b == nil || a.Prefix != b.Prefix {
		return 0, false
	}
	n := 0
	for i := range m.Releases {
		r := &m.Releases[i]
		if r.Version.GreaterThan(a.Version) && !r.Version.GreaterThan(b.Version) && (pre || !r.Prerelease() || r.Version.Equal(b.Version)) {
			n++
		}
	}
	if n == 0 && b.Version.GreaterThan(a.Version) {
		n = 1 // b itself is not among the known
	}
	return n, true
}

// Release is the known release that a text means: a version, with or without
// v, or a whole tag. Nil where there is none.
//
// Where one version has several tags, a bare version means the one that is
// spelled as the calls have theirs, else the one of that very name.
func (m *Module) Release(text string) *Release {
	tag := strings.TrimPrefix(strings.TrimPrefix(text, "refs/"), "tags/")
	for i := range m.Releases {
		if m.Releases[i].Tag == tag {
			return &m.Releases[i]
		}
	}
	text = strings.TrimPrefix(tag, m.Prefix)
	want := newVersion(text)
	if want == nil || zeroBefore.MatchString(text) {
		return nil // 2024.01.02 is not the release 2024.1.2
	}
	bare := tag != "" && tag[0] >= '0' && tag[0] <= '9'
	for i := range m.Releases {
		r := &m.Releases[i]
		if !r.Version.Equal(want.Version) || want.Version.Metadata() != "" && r.Version.Metadata() != want.Version.Metadata() {
			continue
		}
		if bare && !m.Registry && r.spelling() == m.usualSpelling() {
			return r
		}
		all := m.tags()
		if i := slices.IndexFunc(all, func(o Release) bool { return o.Tag == tag && o.Prefix == m.Prefix }); i >= 0 {
			return &all[i]
		}
		return r
	}
	return nil
}

// zeroBefore finds a number that begins with a zero and is more than that.
var zeroBefore = regexp.MustCompile(`^[vV=\s]*(?:[0-9]+\.)*0[0-9]`)
