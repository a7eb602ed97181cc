package pins

import (
	"fmt"
	"io/fs"
	"regexp"
	"sort"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/rewrite"
	"github.com/terrier-iac/terrier/modules/versions"
)

// A Pinning says how the pins of calls are to be written: as commits, or as
// tags. No version changes by it.
type Pinning struct {
	// Tags writes tags in the place of commits, else commits are written in the
	// place of tags, and exact versions in that of ranges.
	Tags bool
	// Locked is the commit that the lock file has for a ref of the call's
	// repository; "" for none.
	Locked func(u *versions.Use, ref string) string
	// Full finds the commit of which the call's ref is the beginning. The text
	// of its error is part of a sentence, with a hint or without.
	Full func(m *versions.Module, u *versions.Use) (string, error)
	// Graph is of the tree that the calls are in.
	Graph *modules.Graph
}

// Choose decides for each place: a move, or why it stays.
func (n Pinning) Choose(places []*Place) (moves []*Move, skipped []Skip) {
	for _, p := range places {
		move, stop := n.decide(p.Module, p.use())
		if stop != nil {
			skipped = append(skipped, p.skip(stop.asked, stop.reason, stop.hint))
			continue
		}
		move.Place = p
		moves = append(moves, move)
	}
	return moves, skipped
}

// A stop is why a call stays; see Skip.
type stop struct {
	asked        bool
	reason, hint string
}

func stay(format string, args ...any) *stop { return &stop{reason: fmt.Sprintf(format, args...)} }

// refused is a stop that leaves undone what was asked for.
func refused(hint, format string, args ...any) *stop {
	return &stop{asked: true, reason: fmt.Sprintf(format, args...), hint: hint}
}

// shortCommit is the beginning of a commit, as go-getter sees one.
var shortCommit = regexp.MustCompile(`^[0-9A-Fa-f]{7,39}$`)

// decide makes the move of one use. It looks at nothing of the call but its
// source, its version and the comment.
func (n Pinning) decide(m *versions.Module, u *versions.Use) (*Move, *stop) {
	switch pin := u.Call.Pin; {
	case u.Computed:
		return nil, refused("set it by hand, where it comes from", "its ref is made of what no file tells")
	case m.Registry && n.Tags:
		return nil, stay("a registry's versions are no commits")
	case m.Registry:
		return exact(m, u)
	case n.Tags && pin == hclparse.PinCommit:
		return n.toTag(m, u)
	case n.Tags && n.short(m, u):
		return nil, refused(fmt.Sprintf("`terrier pin --commit %s` makes it whole first", m.Name), "%s is no whole commit", u.Ref)
	case n.Tags:
		return nil, stay("it is at no commit")
	case pin == hclparse.PinCommit:
		return nil, stay("it is at a commit")
	case pin == hclparse.PinTag:
		return n.toCommit(m, u)
	case n.short(m, u):
		return n.toWhole(m, u)
	}
	return nil, refused(toRelease(m), "%s", unknownPin(u))
}

// toRelease is the hint for a call that is at no release.
func toRelease(m *versions.Module) string {
	if r := m.Newest(false); r != nil {
		return fmt.Sprintf("`terrier bump %s@%s --allow-downgrade` moves it to a release", m.Name, r.Version)
	}
	return "a release can be pinned; this may be another commit tomorrow"
}

// tagName is the name of the tag that a ref says.
func tagName(ref string) string {
	return strings.TrimPrefix(strings.TrimPrefix(ref, "refs/"), "tags/")
}

// lockedTag is the commit that the lock has for a tag, in whatever spelling.
func (n Pinning) lockedTag(u *versions.Use, tag string) string {
	for _, prefix := range []string{"", "tags/", "refs/tags/"} {
		if c := n.Locked(u, prefix+tag); c != "" {
			return strings.ToLower(c)
		}
	}
	return ""
}

// shadowed refuses a ref, as it is written or to be written, in whose place git
// would take a branch: where it is asked for a shallow clone, it looks for a
// branch of the name first, and the branch that a clone begins with (HEAD) goes
// before tags.
func shadowed(m *versions.Module, u *versions.Use, ref string) *stop {
	branch, ok := m.Ref("refs/heads/" + ref)
	if !ok {
		return nil
	}
	if depth(u) {
		return refused("take depth= out, once you know which of the two is meant", "a branch has the name %s, too, and with depth= git takes the branch", ref)
	}
	tag, _ := m.Ref("refs/tags/" + tagName(ref))
	if head, _ := m.Ref("HEAD"); head == branch && tag != branch && !usualDefault(m, head) {
		return refused("?ref=tags/"+tagName(ref)+" means the tag, once you know which of the two is meant", "the default branch may have the name %s, too, and git takes the branch", ref)
	}
	return nil
}

func depth(u *versions.Use) bool {
	_, _, ok := u.Call.Source.ParamSpan("depth")
	return ok
}

// usualDefault reports whether HEAD may well be a branch that is called as
// default branches are: remotes say only its commit.
func usualDefault(m *versions.Module, head string) bool {
	for _, name := range []string{"main", "master"} {
		if c, ok := m.Ref("refs/heads/" + name); ok && c == head {
			return true
		}
	}
	return false
}

// toCommit writes the commit of a tag in its place.
func (n Pinning) toCommit(m *versions.Module, u *versions.Use) (*Move, *stop) {
	tag := tagName(u.Ref)
	locked := n.lockedTag(u, tag)
	commit, ok := m.Ref("refs/tags/" + tag)
	if _, branch := m.Ref("refs/heads/" + u.Ref); !ok && branch {
		return nil, refused(toRelease(m), "its ref %s is a branch", u.Ref)
	}
	switch {
	case ok && locked != "" && locked != commit:
		return nil, moved(m, tag, locked, commit)
	case ok:
	case m.Whole:
		return nil, refused(nearest(m, tag), "its repository has no tag %s", tag)
	case locked == "":
		return nil, refused("", "which commit %s is, nobody has told", tag)
	default:
		commit = locked
	}
	if s := shadowed(m, u, u.Ref); s != nil {
		return nil, s
	}
	return n.commit(u, commit, u.Ref), nil
}

func moved(m *versions.Module, tag, locked, now string) *stop {
	return refused(fmt.Sprintf("ask who moved it; where the new commit is right, `terrier lock --update %s` takes it", m.Name),
		"the tag %s has moved: the lock has %s, its repository has %s", tag, locked, now)
}

// nearest is the hint for a tag that is none: the releases on both sides.
func nearest(m *versions.Module, tag string) string {
	want, ok := modules.ParseRelease(tag)
	at := len(m.Releases)
	if ok {
		at = sort.Search(at, func(i int) bool { return m.Releases[i].Version.GreaterThan(want.Version) })
	}
	var near []string
	for _, r := range m.Releases[max(0, at-2):min(len(m.Releases), at+2)] {
		near = append(near, r.Tag)
	}
	if len(near) == 0 {
		return "it has no release at all"
	}
	return "the nearest: " + strings.Join(near, ", ")
}

// commit is the move to a commit, with a comment that says what it is.
func (n Pinning) commit(u *versions.Use, commit, comment string) *Move {
	move := &Move{Pin: rewrite.Pin{Ref: commit, Comment: comment, AddComment: comment != "", DropDepth: true}}
	if depth(u) {
		move.Notes = append(move.Notes, "depth= is taken out: git makes no shallow clone of a commit")
	}
	// What no tool reads as a version comment must not stand there as if.
	if c := lint.CommentBehind([]byte(" # "+comment), 0); comment != "" && (c == nil || c.Text != comment) {
		move.Pin.Comment, move.Pin.AddComment = "", false
		move.Notes = append(move.Notes, "no comment can say "+comment+": it would not be read as a version")
	}
	return move
}

// short reports whether the ref is the beginning of a commit, and no name.
func (n Pinning) short(m *versions.Module, u *versions.Use) bool {
	if u.Call.Pin != hclparse.PinBranch || !shortCommit.MatchString(u.Ref) {
		return false
	}
	_, tag := m.Ref("refs/tags/" + u.Ref)
	_, branch := m.Ref("refs/heads/" + u.Ref)
	return !tag && !branch
}

// toWhole writes all digits of a commit, and the release that is on it.
func (n Pinning) toWhole(m *versions.Module, u *versions.Use) (*Move, *stop) {
	commit := strings.ToLower(n.Locked(u, u.Ref))
	if !strings.HasPrefix(commit, strings.ToLower(u.Ref)) {
		// The lock may be of a time when it was the name of a branch.
		full, err := n.Full(m, u)
		if err != nil {
			reason, hint, _ := strings.Cut(err.Error(), "\nhint: ")
			return nil, refused(hint, "which commit %s is, is not known: %s", u.Ref, reason)
		}
		commit = full
	}
	comment := ""
	on := m.TagsOn(commit)
	if n.comment(u) != "" {
		said, _, stop := n.said(m, u, commit)
		if stop != nil {
			return nil, stop
		}
		comment = said
	} else if len(on) > 0 {
		comment = on[0].Tag
	}
	move := n.commit(u, commit, comment)
	if len(on) > 0 {
		move.To = &on[0]
	}
	return move, nil
}

// toTag writes the tag of a commit in its place.
func (n Pinning) toTag(m *versions.Module, u *versions.Use) (*Move, *stop) {
	commit := strings.ToLower(u.Ref)
	ref, tag := "", ""
	var notes []string
	if n.comment(u) != "" {
		var stop *stop
		if ref, tag, stop = n.said(m, u, commit); stop != nil {
			return nil, stop
		}
	} else {
		on := m.TagsOn(commit)
		switch {
		case len(on) == 0 && !m.Whole:
			return nil, refused("", "which tags are on %s, nobody has told", u.Shown())
		case len(on) == 0:
			return nil, refused(toRelease(m), "no release is on %s", u.Shown())
		}
		ref, tag = on[0].Tag, on[0].Tag
		for _, r := range on[1:] {
			notes = append(notes, r.Tag+" is on that commit, too")
		}
	}
	if locked := n.lockedTag(u, tag); locked != "" && locked != commit {
		return nil, moved(m, tag, locked, commit)
	}
	if s := shadowed(m, u, ref); s != nil {
		return nil, s
	}
	return &Move{Pin: rewrite.Pin{Ref: ref}, Notes: notes}, nil
}

// comment is the version in the comment behind the source or, where the ref
// comes from somewhere else, behind the text that it stands in; "" for none.
func (n Pinning) comment(u *versions.Use) string {
	c := u.Call
	if c.Comment != nil {
		return c.Comment.Text
	}
	from, to, ok := c.Source.ParamSpan("ref")
	if !c.Computed || !ok || n.Graph == nil {
		return ""
	}
	a := n.Graph.Address(c.Call)
	if a.Text != c.Source.String() {
		return ""
	}
	for _, l := range a.Literals {
		if end := l.At + l.End - l.Start; l.At >= to || end <= from {
			continue
		}
		src, err := fs.ReadFile(n.Graph.Tree.FS, l.Path)
		if err != nil || l.End >= len(src) || src[l.End] != '"' {
			continue
		}
		if said := lint.CommentBehind(src, l.End+1); said != nil {
			return said.Text
		}
	}
	return ""
}

// said is the tag that the comment behind a commit says, as ref and as name.
// One that is not on the commit is a stop.
func (n Pinning) said(m *versions.Module, u *versions.Use, commit string) (ref, tag string, s *stop) {
	text := n.comment(u)
	all := m.TagsNamed(text)
	for _, r := range all {
		if !strings.EqualFold(r.Commit, commit) {
			continue
		}
		if r.Tag == tagName(text) {
			return text, r.Tag, nil
		}
		return r.Tag, r.Tag, nil
	}
	hint := "find out whether the commit or the comment is right, and write the other"
	switch on := m.TagsOn(commit); {
	case len(all) > 0 && all[0].Commit != "":
		return "", "", refused(hint, "its comment says %s, which is at %s and not at %s", text, all[0].Commit, commit)
	case !m.Whole:
		return "", "", refused("", "where the tag %s of its comment is, nobody has told", text)
	case len(on) > 0:
		return "", "", refused(hint, "its comment says %s, which is no tag of its repository; on %s is %s", text, commit, on[0].Tag)
	}
	return "", "", refused(hint, "its comment says %s, which is no tag of its repository; no release is on %s", text, commit)
}

// exact writes one version in the place of a range: the locked one, else what
// terraform init would take.
func exact(m *versions.Module, u *versions.Use) (*Move, *stop) {
	write := func() string {
		if r := m.Newest(false); r != nil {
			return fmt.Sprintf("write version = %q there", r.Version)
		}
		return "write a version argument there"
	}
	switch {
	case u.Ref == "" && u.Call.VersionRange.Filename != "":
		return nil, refused("set it by hand, where it comes from", "its version is made of what no file tells")
	case u.Ref == "":
		return nil, refused(write(), "it has no version argument")
	case u.Call.Pin == hclparse.PinExact:
		return nil, stay("it is at one version")
	}
	to := func(r *versions.Release, notes ...string) (*Move, *stop) {
		return &Move{To: r, Pin: rewrite.Pin{Version: r.Version.String(), Exact: true}, Notes: notes}, nil
	}
	if r := u.Release; r != nil && versions.Allows(u.Ref, r) {
		if m.Whole && m.Release(r.Version.String()) == nil {
			return nil, refused(fmt.Sprintf("`terrier lock --update %s` takes another", m.Name), "the lock has %s for %q, which its registry has no more", r.Version, u.Ref)
		}
		return to(r, "as the lock has it")
	}
	if !m.Whole {
		return nil, refused("", "which versions there are, nobody has told")
	}
	for i := len(m.Releases) - 1; i >= 0; i-- {
		if r := &m.Releases[i]; !r.Prerelease() && versions.Allows(u.Ref, r) {
			return to(r)
		}
	}
	return nil, refused("", "no version of it is %q", u.Ref)
}
