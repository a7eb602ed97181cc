package repo

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A LineOrigin is the commit that a line of a file comes from.
type LineOrigin struct {
	Commit Hash
	When   int64 // of the author, seconds since 1970, UTC
	// AtLeast says that the history of a shallow clone ends at the commit: the
	// line may be older.
	AtLeast bool
}

// ErrNoLine is a file, or a line of one, that a commit does not have.
var ErrNoLine = errors.New("there is no such line")

// LineSince finds the commit that a line of a file, counted from 1, comes
// from, as git blame does; path is relative to the root. What is not in rev is
// ErrNoLine. The work tree is not looked at, and no filter is run.
func (r *Repo) LineSince(ctx context.Context, rev, path string, line int) (LineOrigin, error) {
	if strings.HasPrefix(rev, "-") || line < 1 {
		return LineOrigin{}, fmt.Errorf("%s:%d: %w", path, line, ErrNoLine)
	}
	// A configuration that hides commits from blame (blame.ignoreRevsFile)
	// would hide who changed a lock.
	out, err := run(ctx, r.command(ctx, "blame", "--porcelain", "--no-textconv", "--ignore-revs-file=", fmt.Sprintf("-L%d,%d", line, line), rev, "--", path), nil)
	if err != nil {
		var ge *GitError
		if errors.As(err, &ge) && (strings.Contains(ge.Stderr, "no such path") || strings.Contains(ge.Stderr, "has only") || strings.Contains(ge.Stderr, "bad revision")) {
			return LineOrigin{}, fmt.Errorf("%s:%d: %w", path, line, ErrNoLine)
		}
		return LineOrigin{}, err
	}
	head, rest, _ := strings.Cut(string(out), "\n")
	id, _, _ := strings.Cut(head, " ")
	o := LineOrigin{}
	if o.Commit, err = ParseHash(id); err != nil {
		return LineOrigin{}, fmt.Errorf("git blame %s: %w", path, err)
	}
	for l := range strings.Lines(rest) {
		l = strings.TrimSuffix(l, "\n")
		if strings.HasPrefix(l, "\t") {
			break // the line itself: what follows is not git's to say
		}
		if when, ok := strings.CutPrefix(l, "author-time "); ok {
			if o.When, err = strconv.ParseInt(when, 10, 64); err != nil {
				return LineOrigin{}, fmt.Errorf("git blame %s: %w", path, err)
			}
		}
		if l == "boundary" { // of a root commit too
			shallow, err := run(ctx, r.command(ctx, "rev-parse", "--is-shallow-repository"), nil)
			o.AtLeast = err == nil && strings.TrimSpace(string(shallow)) == "true"
		}
	}
	return o, nil
}

// FileAt reads a file of a commit; rev is anything that git takes for one, and
// path relative to the root. A file that is not there is ErrNoLine.
func (r *Repo) FileAt(ctx context.Context, rev, path string) ([]byte, error) {
	if strings.HasPrefix(rev, "-") {
		return nil, fmt.Errorf("%s: %w", path, ErrNoLine)
	}
	out, err := run(ctx, r.command(ctx, "cat-file", "blob", rev+":"+path), nil)
	var ge *GitError
	if errors.As(err, &ge) {
		return nil, fmt.Errorf("%s: %w", path, ErrNoLine)
	}
	return out, err
}
