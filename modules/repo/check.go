package repo

import (
	"cmp"
	"errors"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
)

// The kinds of TreeProblem.
const (
	ProblemDotGit          = "dot-git"          // a name that some file system takes for .git, or a symlink for .gitmodules
	ProblemDot             = "dot"              // a name that is empty, . or .., or more than a name
	ProblemSymlinkParent   = "symlink-parent"   // a path below a symlink
	ProblemDuplicate       = "duplicate"        // two entries of one path, or a path below a file
	ProblemAbsoluteSymlink = "absolute-symlink" // a target that does not depend on where the tree is
	ProblemEscapingSymlink = "escaping-symlink" // a target outside the tree
	ProblemBackslash       = "backslash"        // a name that is a path on Windows
)

// A TreeProblem is a reason not to write a tree to a disk.
type TreeProblem struct {
	Path   string
	Kind   string // one of the Problem constants
	Detail string
}

// A TreeError is everything that CheckTree finds in one tree, sorted by path.
type TreeError struct{ Problems []TreeProblem }

func (e *TreeError) Error() string {
	const shown = 5
	var b strings.Builder
	b.WriteString("the tree holds paths that must not be written to a disk:")
	for i, p := range e.Problems {
		if i == shown {
			fmt.Fprintf(&b, "\n  and %d more", len(e.Problems)-shown)
			break
		}
		fmt.Fprintf(&b, "\n  %q: %s: %s", p.Path, p.Kind, p.Detail)
	}
	b.WriteString("\nhint: remove them from the monorepo, in a commit, and split that")
	return b.String()
}

// CheckTree looks for entries that would make writing the tree dangerous, or
// that mean another thing on another file system. It returns nil or a
// *TreeError.
//
// It takes .git in every spelling that git itself refuses: in any case, as
// NTFS reads it (git~1, trailing dots and spaces, streams, backslashes), as
// HFS+ reads it (code points that it ignores). Targets of symlinks are
// followed through the tree's other symlinks.
func CheckTree(entries []TreeEntry) error { return checkTree(entries, false) }

// checkTree is CheckTree; complete says that every directory has an entry, so
// that a name with a slash in it is known from a path.
func checkTree(entries []TreeEntry, complete bool) error {
	var problems []TreeProblem
	add := func(e TreeEntry, kind, format string, args ...any) {
		problems = append(problems, TreeProblem{Path: e.Path, Kind: kind, Detail: fmt.Sprintf(format, args...)})
	}
	leaves := make(map[string]*TreeEntry, len(entries)) // what nothing can be below
	links := map[string]string{}
	seen := make(map[string]bool, len(entries))
	for i := range entries {
		e := &entries[i]
		if seen[e.Path] {
			add(*e, ProblemDuplicate, "there is another entry of this path")
		}
		seen[e.Path] = true
		if e.Mode == ModeSymlink {
			links[e.Path] = e.Target
		}
		if e.Mode != ModeTree && (leaves[e.Path] == nil || e.Mode == ModeSymlink) {
			leaves[e.Path] = e
		}
	}
	for _, e := range entries {
		if up := path.Dir(e.Path); complete && up != "." && up != ".." && !seen[up] {
			add(e, ProblemDot, "one name with a slash in it")
		}
		names := strings.Split(e.Path, "/")
		for i, name := range names {
			last := i == len(names)-1
			if kind, detail := checkName(name, last && e.Mode == ModeSymlink); kind != "" {
				add(e, kind, "%s", detail)
				break
			}
		}
		if strings.Contains(e.Path, `\`) {
			add(e, ProblemBackslash, "on Windows \\ separates directories")
		}
		for i := range e.Path {
			if e.Path[i] != '/' {
				continue
			}
			if l := leaves[e.Path[:i]]; l != nil {
				if l.Mode == ModeSymlink {
					add(e, ProblemSymlinkParent, "it would be written through the symlink %q", l.Path)
				} else {
					add(e, ProblemDuplicate, "%q, above it, is no directory", l.Path)
				}
				break
			}
		}
		if e.Mode == ModeSymlink {
			if kind, detail := checkTarget(e, links); kind != "" {
				add(e, kind, "%s", detail)
			}
		}
	}
	if problems == nil {
		return nil
	}
	slices.SortStableFunc(problems, func(a, b TreeProblem) int {
		return cmp.Or(strings.Compare(a.Path, b.Path), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Detail, b.Detail))
	})
	return &TreeError{Problems: slices.Compact(problems)}
}

// checkName judges one name of a path.
func checkName(name string, symlink bool) (kind, detail string) {
	switch name {
	case "":
		return ProblemDot, "an empty name"
	case ".", "..":
		return ProblemDot, "the name " + name
	}
	// On Windows each part between backslashes is a name, up to a stream and
	// without the spaces at its end.
	for _, part := range strings.Split(name, `\`) {
		bare, _, _ := strings.Cut(part, ":")
		if bare = strings.TrimRight(bare, " "); bare == "." || bare == ".." {
			return ProblemDot, fmt.Sprintf("%q is the name %s on Windows", name, bare)
		}
		if isDotGit(part) {
			return ProblemDotGit, fmt.Sprintf("%q is .git on some file system", name)
		}
		if symlink && isDotGitmodules(part) {
			return ProblemDotGit, fmt.Sprintf("%q, a symlink, is .gitmodules on some file system", name)
		}
	}
	return "", ""
}

// isDotGit and isDotGitmodules follow is_ntfs_dotgit and is_hfs_dotgit of
// git, both applied whatever this machine is: the tree travels.
func isDotGit(name string) bool {
	ntfs := ntfsName(name)
	return ntfs == ".git" || ntfs == "git~1" || hfsName(name) == ".git"
}

func isDotGitmodules(name string) bool {
	ntfs := ntfsName(name)
	return ntfs == ".gitmodules" || shortGitmodules.MatchString(ntfs) || hfsName(name) == ".gitmodules"
}

// shortGitmodules are the 8.3 names that NTFS may give to .gitmodules.
var shortGitmodules = regexp.MustCompile(`^(gitmod~[1-4]|gi7eba?[0-9]*~[0-9]+)$`)

// ntfsName is a name as NTFS reads it, in lower case: without a stream, and
// without the dots and spaces at its end.
func ntfsName(name string) string {
	name, _, _ = strings.Cut(name, ":")
	return strings.ToLower(strings.TrimRight(name, ". "))
}

// hfsName is a name as HFS+ reads it, in lower case: without the code points
// that it ignores.
func hfsName(name string) string {
	return strings.ToLower(strings.Map(func(r rune) rune {
		switch {
		case r >= 0x200c && r <= 0x200f, r >= 0x202a && r <= 0x202e, r >= 0x206a && r <= 0x206f, r == 0xfeff:
			return -1
		}
		return r
	}, name))
}

var driveLetter = regexp.MustCompile(`^[A-Za-z]:`)

// checkTarget judges where a symlink leads to.
func checkTarget(e TreeEntry, links map[string]string) (kind, detail string) {
	if e.Size > maxTarget {
		return ProblemEscapingSymlink, fmt.Sprintf("a target of %d bytes", e.Size)
	}
	if strings.HasPrefix(e.Target, "/") || strings.HasPrefix(e.Target, `\`) || driveLetter.MatchString(e.Target) {
		return ProblemAbsoluteSymlink, fmt.Sprintf("it points to %q", e.Target)
	}
	if escapes(e.Path, e.Target, links) {
		return ProblemEscapingSymlink, fmt.Sprintf("it points to %q, outside the tree", e.Target)
	}
	return "", ""
}

// escapes follows a relative target from the symlink at name, through other
// symlinks, and reports whether the way leaves the tree. A way that ends at an
// absolute symlink does not: that one is a problem of its own.
func escapes(name, target string, links map[string]string) bool {
	// Linux gives up at 40 symlinks on one way.
	hops := 40
	at := strings.Split(name, "/")
	at = at[:len(at)-1]
	todo := splitTarget(target)
	for len(todo) > 0 {
		part := todo[0]
		todo = todo[1:]
		switch part {
		case "", ".":
			continue
		case "..":
			if len(at) == 0 {
				return true
			}
			at = at[:len(at)-1]
			continue
		}
		next, ok := links[strings.Join(append(slices.Clone(at), part), "/")]
		if !ok {
			at = append(at, part)
			continue
		}
		if hops--; hops == 0 || path.IsAbs(next) {
			return false
		}
		todo = append(splitTarget(next), todo...)
	}
	return false
}

// splitTarget cuts a target at both kinds of separator.
func splitTarget(target string) []string {
	return strings.FieldsFunc(target, func(r rune) bool { return r == '/' || r == '\\' })
}

// refused is the part of a CheckTree error that is never written to a disk:
// all but escaping symlinks, which git itself writes and which reach what they
// reached in the monorepo, and backslashes, which are plain bytes of a name
// where they are not separators.
func refused(err error, windows bool) error {
	var te *TreeError
	if !errors.As(err, &te) {
		return err
	}
	var rest []TreeProblem
	for _, p := range te.Problems {
		if p.Kind == ProblemEscapingSymlink || p.Kind == ProblemBackslash && !windows {
			continue
		}
		rest = append(rest, p)
	}
	if rest == nil {
		return nil
	}
	return &TreeError{Problems: rest}
}
