package rules

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

// shallow reports whether terraform clones with a depth. go-getter then runs
// `git clone --depth N --branch REF`, else `git clone` and `git checkout REF`,
// and the two look for REF in other places.
func shallow(c *lint.Call) bool {
	for _, q := range c.Source.Query {
		if q.Key == "depth" {
			n, err := strconv.Atoi(q.Value)
			return err == nil && n > 0
		}
	}
	return false
}

// tagNames are the full names of the tags that a ref can mean, in the order in
// which git looks for them (gitrevisions(7)): tags/1.2.3 is the tag 1.2.3.
func tagNames(ref string, shallow bool) []string {
	switch {
	case shallow:
		return []string{"refs/tags/" + ref}
	case strings.HasPrefix(ref, "refs/"):
		return []string{ref}
	case strings.HasPrefix(ref, "tags/"):
		return []string{"refs/" + ref, "refs/tags/" + ref}
	}
	return []string{"refs/tags/" + ref}
}

// findTag returns the tag that a ref means in a remote, by its short name.
func findTag(refs map[string]repo.Ref, ref string, shallow bool) (name string, tag repo.Ref, ok bool) {
	for _, full := range tagNames(ref, shallow) {
		if tag, ok = refs[full]; ok {
			return strings.TrimPrefix(full, "refs/tags/"), tag, true
		}
	}
	return "", repo.Ref{}, false
}

// tagName is a ref without what only says that it is a tag.
func tagName(ref string) string {
	ref = strings.TrimPrefix(ref, "refs/")
	return strings.TrimPrefix(ref, "tags/")
}

// short is a commit as a sentence has it.
func short(commit string) string { return commit[:min(len(commit), 12)] }

// allAnswered reports whether the refs of every git repository that is called
// are known, so that what a rule does not find in them is not there.
func allAnswered(in *lint.Input) bool {
	for _, c := range in.Graph.Calls {
		if s := c.Source(); s.Kind == hclparse.KindGit && lock.Address(s) != "" {
			if _, ok := in.Refs[lock.Address(s)]; !ok {
				return false
			}
		}
	}
	return in.Refs != nil
}

// lockedAndAnswered reports that there is a lock too.
func lockedAndAnswered(in *lint.Input) bool { return in.Lock != nil && allAnswered(in) }

// A releaseTag is a tag of a remote that reads as a release.
type releaseTag struct {
	name   string
	commit string
	modules.Release
}

// facts are what a rule asks of remotes and the lock, looked up once.
type facts struct {
	*lint.Pass
	releases map[string][]releaseTag // by address
	at       map[string][]string     // names by address and commit
}

func newFacts(p *lint.Pass) *facts {
	return &facts{Pass: p, releases: map[string][]releaseTag{}, at: map[string][]string{}}
}

// releasesOf are the release tags of a call's repository, by name; known is
// false where it was not asked.
func (f *facts) releasesOf(c *lint.Call) (tags []releaseTag, known bool) {
	refs, ok := f.Remote(c)
	if !ok {
		return nil, false
	}
	address := lock.Address(c.Source)
	if tags, ok := f.releases[address]; ok {
		return tags, true
	}
	for full, r := range refs {
		name, isTag := strings.CutPrefix(full, "refs/tags/")
		if !isTag {
			continue
		}
		if release, ok := modules.ParseRelease(name); ok {
			tags = append(tags, releaseTag{name, r.Commit.String(), release})
		}
	}
	slices.SortFunc(tags, func(a, b releaseTag) int { return cmp.Compare(a.name, b.name) })
	f.releases[address] = tags
	for _, t := range tags {
		key := address + "\x00" + t.commit
		f.at[key] = append(f.at[key], t.name)
	}
	return tags, true
}

// tagsAt are the release tags that lead to the full commit of a call, sorted;
// known says that there is somebody to ask. The remote of today comes before
// the lock, which may be older than a tag.
func (f *facts) tagsAt(c *lint.Call) (tags []string, known bool) {
	if _, ok := f.releasesOf(c); ok {
		return f.at[lock.Address(c.Source)+"\x00"+strings.ToLower(c.Source.Ref)], true
	}
	if e := f.Locked(c); e != nil && len(e.Tags) > 0 {
		return slices.Sorted(slices.Values(e.Tags)), true
	}
	return nil, false
}

// ownPrefixes are what may stand before the version of a release of the
// called module: nothing, or the name of its directory or repository.
func ownPrefixes(c *lint.Call) []string {
	out := []string{""}
	name := func(p string) {
		p = strings.TrimSuffix(strings.Trim(p, "/"), ".git")
		if at := strings.LastIndexByte(p, '/'); at >= 0 {
			out = append(out, p+"/", p+"-")
			p = p[at+1:]
		}
		if p != "" {
			out = append(out, p+"/", p+"-")
		}
	}
	name(c.Source.Subdir)
	name(c.Source.Repository)
	return out
}

// sameRelease reports whether a version in a comment stands for a release: the
// same version, and no other module's name before it.
func sameRelease(comment, of modules.Release, own []string) bool {
	return comment.Version.Original() == of.Version.Original() &&
		(comment.Prefix == of.Prefix || tagName(comment.Prefix) == tagName(of.Prefix) || slices.Contains(own, comment.Prefix))
}

// A judgement is what is known about the comment behind a full commit.
type judgement int

const (
	believed judgement = iota // nothing speaks against it
	right                     // the release that it names is at the commit
	stale                     // another is, or the one that it names is elsewhere
	foreign                   // it is no version of the module, or there is none
)

// judge holds the comment behind a full commit against lock and remote. at are
// the releases of the module at the commit; elsewhere is where the release that
// the comment names is, nil where that is at the commit or not known.
func (f *facts) judge(c *lint.Call) (j judgement, at []string, elsewhere *releaseTag) {
	own := ownPrefixes(c)
	var said modules.Release
	ok := false
	if c.Comment != nil {
		said, ok = modules.ParseRelease(c.Comment.Text)
	}
	// In a repository of many modules the releases of the others say nothing.
	ofModule := func(r modules.Release) bool {
		return c.Source.Subdir == "" || slices.Contains(own, tagName(r.Prefix)) || ok && r.Prefix == said.Prefix
	}
	tags, _ := f.tagsAt(c)
	prefixes := own
	for _, t := range tags {
		r, isRelease := modules.ParseRelease(t)
		if !isRelease || !ofModule(r) {
			continue
		}
		if at = append(at, t); ok && sameRelease(said, r, own) {
			j = right
		}
		prefixes = append(prefixes, r.Prefix)
	}
	if j == right {
		return right, at, nil
	}
	all, _ := f.releasesOf(c)
	for i, t := range all {
		if ok && ofModule(t.Release) && sameRelease(said, t.Release, own) {
			elsewhere = &all[i]
			break
		}
	}
	switch {
	case !ok || elsewhere == nil && !slices.Contains(prefixes, said.Prefix):
		return foreign, at, nil
	case len(at) > 0 || elsewhere != nil:
		return stale, at, elsewhere
	}
	return believed, nil, nil
}

// releaseAt is the release that a call has: its tag's, or that of the comment
// behind a full commit unless it is known to be stale, or that of the only
// release tag on the commit; or the registry version. Nil where nothing tells.
func (f *facts) releaseAt(c *lint.Call) *modules.Release {
	if c.Pin != hclparse.PinCommit {
		if c.Release == nil {
			return nil
		}
		return normal(*c.Release)
	}
	j, at, _ := f.judge(c)
	if j == right || j == believed {
		r, _ := modules.ParseRelease(c.Comment.Text)
		return normal(r)
	}
	if len(at) == 1 {
		r, _ := modules.ParseRelease(at[0])
		return normal(r)
	}
	return nil
}

// normal is a release whose prefix does not say that it is a tag.
func normal(r modules.Release) *modules.Release {
	r.Prefix = tagName(r.Prefix)
	return &r
}
