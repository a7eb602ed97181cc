package repo

import (
	"errors"
	"regexp"
)

var (
	// ErrNotRepository says that a directory is in no git repository.
	ErrNotRepository = errors.New("not a git repository")
	// ErrNoCommits says that HEAD names a branch that has no commit yet.
	ErrNoCommits = errors.New("the repository has no commits")
	// ErrShallow says that the repository holds only a part of its history.
	ErrShallow = errors.New("the repository is a shallow clone\nhint: run `git fetch --unshallow` in it, then again")
	// ErrObjectFormat says that the repository's object ids are not SHA-1.
	ErrObjectFormat = errors.New("the repository uses an object format other than SHA-1")
	// ErrRevision says that a revision names no commit.
	ErrRevision = errors.New("names no commit")
)

// missingObject matches what git says, in the locale C, of an object that it
// cannot find.
var missingObject = regexp.MustCompile(`(?:could not fetch|unable to read|missing (?:blob|tree|commit|tag)(?: object)?|unable to read tree|bad tree object|Could not read|unable to load root tree for commit|unable to get size of|unable to read sha1 file of [^\n]*|object|bad object) '?\(?([0-9a-f]{40})\b`)

// asMissing turns a failure of git for want of an object into a
// *MissingObjectError that wraps nothing; every other error is returned as it
// is.
func asMissing(err error) error {
	var ge *GitError
	if !errors.As(err, &ge) {
		return err
	}
	if id, ok := missingIn(ge.Stderr); ok {
		return &MissingObjectError{ID: id}
	}
	return err
}

// missingIn finds the object that git misses in what it said.
func missingIn(stderr string) (Hash, bool) {
	m := missingObject.FindStringSubmatch(stderr)
	if m == nil {
		return Hash{}, false
	}
	id, err := ParseHash(m[1])
	return id, err == nil
}
