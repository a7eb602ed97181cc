// Package history extracts the history of directories: one pass over the
// commits of a repository, every directory's own history out. It only
// computes; it writes nothing.
//
// # Which commits are kept
//
// A commit is kept where its directory differs from that of its new parents.
// Merges follow the rule of git subtree split (git 2.39): a merge is left out
// where one new parent has the same directory and the other brings nothing
// that this one does not have already. With Options.Follow off the tip is
// the very commit that "git subtree split --prefix" makes, but for these
// cases:
//
//   - A directory that went away and came back. git subtree maps a commit
//     without the directory to the commit of the monorepo itself, and so
//     drags the monorepo's whole history into the split. Here the directory's
//     removal is a commit with an empty tree, as git filter-repo has it; the
//     commits before it stay ancestors. New commits never point to a commit of
//     the monorepo.
//   - A merge of three or more. Of the parents with another tree git subtree
//     looks at the last only, and loses what an earlier one brings; here all count.
//   - A path that git subtree cannot take: one that was a file or a symbolic
//     link in some commit, one that git quotes (not ASCII, a newline, a quote).
//     A path that is not a directory counts as not there.
//   - Commits whose messages claim an earlier "git subtree" join
//     (git-subtree-dir, git-subtree-split) are taken as they are.
//   - The bytes of some commits. Author, committer, both dates, the encoding
//     header and the message are here as they were, byte for byte. git subtree
//     goes through git log, sh and git commit-tree, which strip names of blanks,
//     dots, commas, quotes, backslashes and the like at their ends, normalise
//     dates and time zones (-0000), re-encode names and messages to UTF-8 and
//     drop the encoding header, cut a message at a NUL, and fail where a name
//     is empty.
//
// Signatures (gpgsig, gpgsig-sha256), mergetag and every header that is not
// known are dropped: they speak of a commit that the new one no longer is.
//
// The path "." is the repository as a whole: each commit is kept, and one that
// has none of those headers among itself and its ancestors keeps its id.
//
// # Several paths
//
// A filter of several paths, or of one below its root, has trees of its own: in
// each commit what stands at its paths, files and directories alike, at their
// places below its root, and nothing else. A directory in which nothing stands
// is not there. The rule of keeping is the same, and a commit in which nothing
// stands at any of the paths is a gap. The trees are those that git filter-repo
// makes with a --path for each and a --path-rename of the root.
//
// # Renames
//
// With Options.Follow a directory that comes into being where another one went
// away goes on with the other's history: see follow.go for the rule. What stood
// at the older path stands, in the split, at the present one, so that "git log"
// of a file shows its past and not one commit that adds all. The same goes for
// each directory among several paths, but for one that came from another of
// them, which is there already; single files are not followed. A filter of
// several paths whose root is "." keeps the monorepo's paths, and so it keeps
// them in its past as well, unless Options.FollowRoot asks for the other.
package history

import (
	"context"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
)

// A Filter says what one repository is to hold.
type Filter struct {
	// Root is the directory that becomes the repository's root; "." is the monorepo's.
	Root string
	// Paths are what is held: everything at or below each. They are at or below
	// Root. With Root alone the monorepo's trees are used as they are; else a
	// path may be a directory in one commit and a file, a symbolic link or a
	// submodule in another.
	Paths []string
}

// Holds reports whether the filter lets the path p through.
func (f Filter) Holds(p string) bool {
	return slices.ContainsFunc(f.Paths, func(held string) bool { return within(held, p) })
}

// A Split is the history that one filter lets through.
type Split struct {
	// Filter is what was asked for, in clean spelling, sorted, with no path
	// below another.
	Filter Filter
	// Tip is the newest new commit; zero where the directory never existed.
	Tip repo.Hash
	// Tree is the tip's tree: the directory at the tip of the monorepo (of
	// several paths what they hold there), or the empty tree where it is gone there.
	Tree repo.Hash
	// Commits counts the commits in New.
	Commits int
	// New is what the tip needs beside the trees and blobs of the monorepo,
	// each once and after what it refers to: the trees of several paths, the
	// empty tree, where a gap needs it, and the new commits, parents first.
	New []repo.Object
	// Map tells which commit of the monorepo became which of New, ancestors
	// first. Two that differ only outside the directory can become one.
	Map []Pair
	// Gaps counts the commits in which the directory went away.
	Gaps int
	// Followed has the renames that were followed, newest first.
	Followed []Rename
	// At tells for each commit of Options.At which of New stands for it: the
	// newest that is it or an ancestor of it and holds the same. It is zero
	// where the directory is not there in that commit. A commit that is not in
	// the tip's history is missing. With no Tip there is no map.
	At map[repo.Hash]repo.Hash
}

// A Pair is a commit of the monorepo and the new commit that it became.
type Pair struct{ Old, New repo.Hash }

// A Rename is a directory that became another one.
type Rename struct {
	From, To string
	Commit   repo.Hash // the monorepo's
}

// Options are how Extract works.
type Options struct {
	// Follow follows renames of the directories.
	Follow bool
	// FollowRoot has Follow apply to filters of several paths whose Root is "." as well.
	FollowRoot bool
	// At are commits of the monorepo to find in the splits, see Split.At: what
	// tags and branches point to. It costs no reading.
	At []repo.Hash
	// Progress, where set, is called now and then with how much is done of
	// what total. Both are without unit; done never falls.
	Progress func(done, total int)
}

// Extract splits the history of tip into those that filters let through. Paths
// are slash-separated and relative to the repository's root, "." for the root
// itself. One filter's may be within another's. The result has one Split for
// each filter, in their order, and is the same whatever other filters there are.
//
// An object that the repository lacks is a *repo.MissingObjectError.
func Extract(ctx context.Context, rd repo.Reader, tip repo.Hash, filters []Filter, o Options) ([]Split, error) {
	if len(filters) == 0 {
		return nil, nil
	}
	e := &engine{rd: rd, report: o.Progress, byPath: map[string]int{}, at: map[int32]bool{},
		links: map[root]int{}, linksOf: map[int][]root{}, origins: map[appearance]string{}, movedTo: map[int]int{}}
	clean := make([]Filter, len(filters))
	for i, f := range filters {
		var err error
		if clean[i], err = cleanFilter(f); err != nil {
			return nil, err
		}
	}
	if err := e.walk(ctx, tip, o.At); err != nil {
		return nil, err
	}
	e.valueIDs = make(map[value]int32, 2*len(e.commits))
	e.values = append(make([]value, 0, 2*len(e.commits)), value{}) // index 0: nothing
	e.emptyTree = e.intern(value{emptyTreeID, treeMode})
	wanted := make([]int, len(filters))
	for i, f := range clean {
		if len(f.Paths) == 1 && f.Paths[0] == f.Root {
			wanted[i] = e.addPlain(f.Root, always, o.Follow)
			continue
		}
		mounts := make([]mount, len(f.Paths))
		for k, p := range f.Paths {
			mounts[k] = mount{place: placeOf(f.Root, p), from: []source{{path: p}}}
		}
		wanted[i] = e.addComposed(f.Root, mounts, o.Follow && (f.Root != "." || o.FollowRoot), nil)
	}
	if err := e.plan(ctx); err != nil {
		return nil, err
	}
	if err := e.make(ctx); err != nil {
		return nil, err
	}
	splits := make([]Split, len(filters))
	for i, p := range wanted {
		splits[i] = e.split(p, clean[i])
	}
	return splits, nil
}

// cleanFilter checks a filter and gives its one spelling.
func cleanFilter(f Filter) (Filter, error) {
	root, err := cleanPath(f.Root)
	if err != nil {
		return f, err
	}
	if len(f.Paths) == 0 {
		return f, fmt.Errorf("split: a filter of %q with no paths\nhint: the root itself is the path that means all of it", f.Root)
	}
	var paths []string
	for _, p := range f.Paths {
		if p, err = cleanPath(p); err != nil {
			return f, err
		}
		if !within(root, p) {
			return f, fmt.Errorf("split: the path %q is not below %q, which is to be the repository's root", p, root)
		}
		if p == root {
			return Filter{root, []string{root}}, nil
		}
		paths = append(paths, p)
	}
	// With a slash at the end what is below a path follows it.
	slices.SortFunc(paths, func(a, b string) int { return strings.Compare(a+"/", b+"/") })
	kept := paths[:0]
	for _, p := range paths {
		if n := len(kept); n == 0 || !within(kept[n-1], p) {
			kept = append(kept, p)
		}
	}
	return Filter{root, kept}, nil
}

// cleanPath checks a path and gives its one spelling.
func cleanPath(p string) (string, error) {
	clean := path.Clean(p)
	switch {
	case p == "":
		return "", fmt.Errorf("split: an empty path\nhint: \".\" is the whole repository")
	case path.IsAbs(p), clean == "..", strings.HasPrefix(clean, "../"):
		return "", fmt.Errorf("split: the path %q is not inside the repository\nhint: give it relative to the repository's root", p)
	case strings.ContainsRune(p, 0):
		return "", fmt.Errorf("split: the path %q holds a NUL, which no path in git does", p)
	}
	return clean, nil
}
