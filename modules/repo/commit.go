package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// A Commit is a commit, with its identities as they are written in it.
type Commit struct {
	ID, Tree          Hash
	Parents           []Hash
	Author, Committer Signature
	// Encoding is the encoding header, "" for UTF-8.
	Encoding string
	// Message is everything after the header, as it is.
	Message string
}

// A Signature is who and when, uninterpreted.
type Signature struct {
	Name, Email string
	When        int64  // seconds since 1970, UTC
	Zone        string // "+0100"; "" is written as +0000
}

// String gives the form of a commit's header. What would break out of that
// form (line breaks, angle brackets, NUL) is left out.
func (s Signature) String() string {
	zone := s.Zone
	if zone == "" {
		zone = "+0000"
	}
	return fmt.Sprintf("%s <%s> %d %s", strings.TrimSpace(plain(s.Name)), strings.TrimSpace(plain(s.Email)), s.When, plain(zone))
}

func plain(s string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '\n', '\r', 0, '<', '>':
			return -1
		}
		return r
	}, s)
}

// Resolve finds the commit that rev names: anything that git takes for a
// revision. A tag gives the commit that it points to. The error of a rev that
// names no commit wraps ErrRevision; of HEAD on an unborn branch ErrNoCommits;
// of a commit that is missing it is a *MissingObjectError. All of them name
// rev.
func (r *Repo) Resolve(ctx context.Context, rev string) (*Commit, error) {
	if rev == "" || strings.ContainsAny(rev, "\x00\n") {
		return nil, fmt.Errorf("revision %q %w", rev, ErrRevision)
	}
	// rev is resolved alone, and peeled after: `:/text` and the like take all
	// that follows for theirs.
	out, err := run(ctx, r.command(ctx, "rev-parse", "--verify", "--end-of-options", rev), nil)
	if err != nil {
		var ge *GitError
		if !errors.As(err, &ge) {
			return nil, err
		}
		if rev == "HEAD" {
			branch, err := run(ctx, r.command(ctx, "symbolic-ref", "--quiet", "HEAD"), nil)
			if err == nil {
				return nil, fmt.Errorf("revision %q: %w on %s\nhint: name a branch, a tag or a commit with --rev", rev, ErrNoCommits, strings.TrimSpace(string(branch)))
			}
		}
		if strings.Contains(ge.Stderr, "ambiguous") {
			return nil, fmt.Errorf("revision %q %w: it is ambiguous\nhint: give more digits, or the full name of the ref", rev, ErrRevision)
		}
		return nil, fmt.Errorf("revision %q %w in %s\nhint: `git -C %s log --all --oneline` lists what there is; a branch of a remote is named origin/BRANCH, and may have to be fetched", rev, ErrRevision, r.place(), r.place())
	}
	id, err := ParseHash(strings.TrimSpace(string(out)))
	if err != nil {
		return nil, fmt.Errorf("revision %q %w: it is no single revision", rev, ErrRevision)
	}
	return r.readCommit(ctx, rev, id)
}

// place is how messages name the repository.
func (r *Repo) place() string {
	if r.Root != "" {
		return r.Root
	}
	return r.GitDir
}

// readCommit reads the commit that id is, or is a tag of.
func (r *Repo) readCommit(ctx context.Context, rev string, id Hash) (*Commit, error) {
	out, err := run(ctx, r.command(ctx, "cat-file", "--batch"), strings.NewReader(id.String()+"^{commit}\n"))
	if err != nil {
		return nil, fmt.Errorf("revision %q: %w", rev, asMissing(err))
	}
	head, data, _ := bytes.Cut(out, []byte("\n"))
	fields := strings.Fields(string(head))
	if len(fields) != 3 || fields[1] != "commit" {
		// Either it is no commit, or it is not there: the object tells.
		kind, err := run(ctx, r.command(ctx, "cat-file", "-t", id.String()), nil)
		if err != nil {
			if ctx.Err() != nil {
				return nil, err
			}
			return nil, fmt.Errorf("revision %q: %w", rev, &MissingObjectError{ID: id})
		}
		return nil, fmt.Errorf("revision %q %w: it is a %s", rev, ErrRevision, strings.TrimSpace(string(kind)))
	}
	c := &Commit{}
	if c.ID, err = ParseHash(fields[0]); err != nil {
		return nil, fmt.Errorf("revision %q: %w", rev, err)
	}
	if err := c.parse(bytes.TrimSuffix(data, []byte("\n"))); err != nil {
		return nil, fmt.Errorf("revision %q: commit %s: %w", rev, c.ID, err)
	}
	return c, nil
}

// parse reads a commit object's content. Unknown headers, and signatures, are
// passed over.
func (c *Commit) parse(data []byte) error {
	head, message, _ := strings.Cut(string(data), "\n\n")
	c.Message = message
	for _, line := range strings.Split(head, "\n") {
		key, value, _ := strings.Cut(line, " ")
		var err error
		switch key {
		case "tree":
			c.Tree, err = ParseHash(value)
		case "parent":
			var p Hash
			if p, err = ParseHash(value); err == nil {
				c.Parents = append(c.Parents, p)
			}
		case "author":
			c.Author = parseSignature(value)
		case "committer":
			c.Committer = parseSignature(value)
		case "encoding":
			c.Encoding = value
		}
		if err != nil {
			return fmt.Errorf("header %q: %w", key, err)
		}
	}
	if c.Tree.IsZero() {
		return errors.New("it has no tree")
	}
	return nil
}

// parseSignature reads "NAME <EMAIL> SECONDS ZONE". Old repositories hold
// broken ones, so what cannot be read is left empty.
func parseSignature(s string) Signature {
	var sig Signature
	end := strings.LastIndexByte(s, '>')
	if end < 0 {
		sig.Name = s
		return sig
	}
	who, when := s[:end], strings.Fields(s[end+1:])
	if name, email, ok := strings.Cut(who, "<"); ok {
		sig.Name, sig.Email = strings.TrimSuffix(name, " "), email
	} else {
		sig.Name = who
	}
	if len(when) > 0 {
		sig.When, _ = strconv.ParseInt(when[0], 10, 64)
	}
	if len(when) > 1 {
		sig.Zone = when[1]
	}
	return sig
}

// ParseCommit reads an object of type "commit", as Reader.Objects gives it.
func ParseCommit(o Object) (*Commit, error) {
	if o.Type != "commit" {
		return nil, fmt.Errorf("%s is a %s, not a commit", o.ID, o.Type)
	}
	c := &Commit{ID: o.ID}
	if err := c.parse(o.Data); err != nil {
		return nil, fmt.Errorf("commit %s: %w", o.ID, err)
	}
	return c, nil
}
