package lock

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A meaning is what a ref is on a remote.
type meaning struct {
	kind   Kind
	commit repo.Hash
	// short says that the ref looks like the first digits of a commit, which
	// is to be looked for in the objects. Where there is none, branch is what
	// it is, if branched.
	short, branched bool
	branch          repo.Hash
}

var (
	// errNoRef is a remote that has no such ref.
	errNoRef = errors.New("the remote has no such ref")
	// errWhich is a ref of which it cannot be told what git would take.
	errWhich = errors.New("the ref is ambiguous")

	fullID  = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)
	shortID = regexp.MustCompile(`^[0-9a-fA-F]{4,39}$`)
)

// shallow reports whether terraform clones a source with --depth: go-getter
// reads a depth that is no number as none.
func shallow(s hclparse.Source) bool {
	for _, p := range s.Query {
		if name, err := url.QueryUnescape(p.Key); err != nil || name != "depth" {
			continue
		}
		value, err := url.QueryUnescape(p.Value)
		if err != nil {
			continue
		}
		n, err := strconv.Atoi(value)
		return err == nil && n > 0
	}
	return false
}

// means finds what terraform gets for a ref. refs are the remote's, by full
// name, and "HEAD".
//
// With depth, go-getter runs `git clone --depth N --branch REF`, which takes
// the branch of that name, else the tag, and nothing else. Without, it runs
// `git clone` and then `git checkout REF` in the clone, where the only branch
// is the remote's default; it is taken first. Then come a full commit, what
// gitrevisions(7) makes of a name in a clone (so that a tag wins over any
// other branch), the digits of a commit, and a branch of the remote.
func means(refs map[string]repo.Ref, ref string, shallow bool) (meaning, error) {
	get := func(kind Kind, name string) (meaning, bool) {
		r, ok := refs[name]
		return meaning{kind: kind, commit: r.Commit}, ok
	}
	if ref == "" {
		if m, ok := get(KindDefault, "HEAD"); ok {
			return m, nil
		}
		if len(refs) == 0 {
			return meaning{}, fmt.Errorf("%w: the repository is empty", errNoRef)
		}
		return meaning{}, fmt.Errorf("%w: it has no default branch", errNoRef)
	}
	if shallow {
		for _, try := range []struct {
			kind Kind
			name string
		}{{KindBranch, "refs/heads/" + ref}, {KindTag, "refs/tags/" + ref}} {
			if m, ok := get(try.kind, try.name); ok {
				return m, nil
			}
		}
		if shortID.MatchString(ref) || fullID.MatchString(ref) {
			return meaning{}, fmt.Errorf("%w: with depth in the source git takes the name of a branch or of a tag, and no commit", errNoRef)
		}
		return meaning{}, errNoRef
	}

	isDefault, err := defaultBranch(refs, ref)
	if err != nil {
		return meaning{}, err
	}
	if isDefault {
		m, _ := get(KindBranch, "refs/heads/"+ref)
		return m, nil
	}
	if fullID.MatchString(ref) {
		id, err := repo.ParseHash(strings.ToLower(ref))
		if err == nil && id.IsZero() {
			err = errNoRef
		}
		return meaning{kind: KindCommit, commit: id}, err
	}
	for _, name := range []string{ref, "refs/" + ref, "refs/tags/" + ref, "refs/heads/" + ref, "refs/remotes/" + ref, "refs/remotes/" + ref + "/HEAD"} {
		m, ok, err := inClone(refs, name)
		if ok || err != nil {
			return m, err
		}
	}
	m, ok := get(KindBranch, "refs/heads/"+ref)
	switch {
	case shortID.MatchString(ref):
		return meaning{kind: KindCommit, short: true, branched: ok, branch: m.commit}, nil
	case ok:
		return m, nil
	case strings.ContainsAny(ref, "~^:@"):
		// gitrevisions(7): a name cannot hold the first three, nor "@{".
		return meaning{}, fmt.Errorf("%w, and what git makes of such an expression only a clone can tell\nhint: write a tag or a full commit", errNoRef)
	}
	return meaning{}, errNoRef
}

// inClone finds a full name as a new clone has it.
func inClone(refs map[string]repo.Ref, name string) (meaning, bool, error) {
	kind := KindBranch
	branch, remote := strings.CutPrefix(name, "refs/remotes/origin/")
	switch {
	case name == "HEAD", branch == "HEAD" && remote:
		kind, name = KindDefault, "HEAD"
	case remote:
		name = "refs/heads/" + branch
	case strings.HasPrefix(name, "refs/tags/"):
		kind = KindTag
	case strings.HasPrefix(name, "refs/heads/"):
		if ok, err := defaultBranch(refs, strings.TrimPrefix(name, "refs/heads/")); !ok {
			return meaning{}, false, err
		}
	default:
		return meaning{}, false, nil
	}
	r, ok := refs[name]
	return meaning{kind: kind, commit: r.Commit}, ok, nil
}

// defaultBranch reports whether a branch is the remote's default. The list of
// refs has its commit only. That tells as long as no other branch is on it, or
// nothing depends on it.
func defaultBranch(refs map[string]repo.Ref, branch string) (bool, error) {
	head, born := refs["HEAD"]
	b, ok := refs["refs/heads/"+branch]
	if !born || !ok || head.Commit != b.Commit {
		return false, nil
	}
	tag, tagged := refs["refs/tags/"+branch]
	if !tagged || tag.Commit == b.Commit {
		return true, nil
	}
	for name, r := range refs {
		if strings.HasPrefix(name, "refs/heads/") && name != "refs/heads/"+branch && r.Commit == head.Commit {
			return false, fmt.Errorf("%w: a tag and a branch have this name, and git takes the branch only where it is the default, which cannot be told from here: another branch is on the same commit", errWhich)
		}
	}
	return true, nil
}

// releases are the release tags of a remote that lead to a commit, sorted.
func releases(refs map[string]repo.Ref, commit repo.Hash) []string {
	var tags []string
	for name, r := range refs {
		if tag, ok := strings.CutPrefix(name, "refs/tags/"); ok && r.Commit == commit && unsafeRef(tag) == "" {
			if _, ok := modules.ParseRelease(tag); ok {
				tags = append(tags, tag)
			}
		}
	}
	slices.Sort(tags)
	return tags
}

// Meaning finds the commit that terraform checks out for a git source, by the
// refs that its remote has (see repo.Mirror's Refs and Known): with a depth in
// the source a branch comes before a tag of its name, without it the tag does.
// The first digits of a commit are looked for in the mirror, for which all of
// the history may have to be fetched; with offline set it is not.
//
// The error of a ref that the remote does not have, or of which it cannot be
// told what git would take, wraps ErrMeaning.
func Meaning(ctx context.Context, m *repo.Mirror, refs map[string]repo.Ref, s hclparse.Source, offline bool) (Kind, repo.Hash, error) {
	found, err := means(refs, s.Ref, shallow(s))
	if err != nil {
		return "", repo.Hash{}, fmt.Errorf("%w: %w", ErrMeaning, err)
	}
	if !found.short {
		return found.kind, found.commit, nil
	}
	id, err := m.ResolveShort(ctx, s.Ref)
	if head, ok := refs["HEAD"]; ok && errors.Is(err, repo.ErrRevision) && !offline {
		// A fetch of anything brings all branches and tags.
		if err := m.Ensure(ctx, repo.Want{Ref: "HEAD", Commit: head.Commit}); err != nil {
			return "", repo.Hash{}, err
		}
		id, err = m.ResolveShort(ctx, s.Ref)
	}
	switch {
	case err == nil:
		return KindCommit, id, nil
	case !errors.Is(err, repo.ErrRevision):
		return "", repo.Hash{}, err
	case found.branched:
		return KindBranch, found.branch, nil
	}
	return "", repo.Hash{}, fmt.Errorf("%w: %w", ErrMeaning, err)
}

// ErrMeaning says that a ref means no commit of its remote.
var ErrMeaning = errors.New("there is no such revision")
