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
// # Renames
//
// With Options.Follow a directory that comes into being where another one went
// away goes on with the other's history: see follow.go for the rule.
package history

import (
	"context"
	"fmt"
	"path"
	"strings"

	"github.com/terrier-iac/terrier/modules/repo"
)

// A Split is the history of one directory.
type Split struct {
	Path string
	// Tip is the newest new commit; zero where the directory never existed.
	Tip repo.Hash
	// Tree is the tip's tree: the directory at the tip of the monorepo, or
	// the empty tree where it is gone there.
	Tree repo.Hash
	// Commits counts the commits in New.
	Commits int
	// New is what the tip needs beside the trees and blobs of the monorepo,
	// each after what it refers to: the empty tree, where a gap needs it, and
	// the new commits, parents first.
	New []repo.Object
	// Map tells which commit of the monorepo became which of New, ancestors
	// first. Two that differ only outside the directory can become one.
	Map []Pair
	// Gaps counts the commits in which the directory went away.
	Gaps int
	// Followed has the renames that were followed, newest first.
	Followed []Rename
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
	// Progress, where set, is called now and then with how much is done of
	// what total. Both are without unit; done never falls.
	Progress func(done, total int)
}

// Extract splits the history of tip into those of paths: slash-separated,
// relative to the repository's root, "." for the root itself. One path may be
// within another. The result has one Split for each path, in their order, and
// is the same whatever other paths are asked for.
//
// An object that the repository lacks is a *repo.MissingObjectError.
func Extract(ctx context.Context, rd repo.Reader, tip repo.Hash, paths []string, o Options) ([]Split, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	e := &engine{rd: rd, follow: o.Follow, report: o.Progress, pkgs: map[string]int{}, treeIDs: map[repo.Hash]uint32{},
		links: map[root]int{}, examined: map[root]bool{}}
	if o.Follow {
		e.memory = map[repo.Hash][]byte{}
	}
	e.trees = append(e.trees, repo.Hash{}) // index 0: not there
	e.emptyTree = e.internTree(emptyTreeID)
	wanted := make([]int, len(paths))
	for i, p := range paths {
		clean, err := cleanPath(p)
		if err != nil {
			return nil, err
		}
		wanted[i] = e.addPackage(clean, always)
	}
	if err := e.walk(ctx, tip); err != nil {
		return nil, err
	}
	if err := e.plan(ctx); err != nil {
		return nil, err
	}
	if err := e.make(ctx); err != nil {
		return nil, err
	}
	splits := make([]Split, len(paths))
	for i, p := range wanted {
		splits[i] = e.split(p)
	}
	return splits, nil
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
