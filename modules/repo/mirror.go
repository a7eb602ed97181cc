package repo

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// A Mirror is a bare copy of a remote repository in a Cache: all of its
// branches and tags, under the names that they have there, and the commits
// that somebody asked for. It may be used by several goroutines.
//
// Readers never wait, and what they have open stays as it was: a fetch works
// in a directory of its own, then adds its pack to the mirror and puts the new
// list of refs in the place of the old one, by renaming. A mirror's refs are
// those of one moment, therefore, and a process that is killed leaves it
// whole.
//
// The history comes along in full. To begin with depth=1 costs a seventh of
// the time (0.4 s for 3.1 s, and 10 MB for 41, of a repository of 22,000
// commits), but the differences between two releases need history, short
// commits need all of it, and terraform itself clones in full, once for each
// stack that uses the module.
type Mirror struct {
	cache  *Cache
	url    string // without credentials
	secret *userinfo
	name   string
	path   string

	mu         sync.Mutex
	verified   map[Hash]bool // objects that were read, those below them included
	redirected string        // see Redirected
}

// A Want is a commit that is to be in a mirror.
type Want struct {
	// Ref is what it is wanted for, for messages: a tag or a branch as the
	// user wrote it. It may be "".
	Ref    string
	Commit Hash
}

// The refs of a mirror that the remote does not have under this name.
const (
	mirrorHead = "refs/terrier/head"  // the remote's HEAD
	mirrorKeep = "refs/terrier/keep/" // commits that were wanted
)

// URL is the remote's address without credentials.
func (m *Mirror) URL() string { return m.url }

// Path is where the mirror is, or will be.
func (m *Mirror) Path() string { return m.path }

// remote reaches the remote from a repository, "" for none.
func (m *Mirror) remote(gitDir string) *Remote {
	return &Remote{URL: m.url, GitDir: gitDir, Silence: m.cache.Silence, secret: m.secret}
}

// Refs asks the remote, once, for its branches and tags, by their full names,
// and for the commit of its HEAD, named "HEAD". The mirror is neither needed
// nor changed. A failure is a *RemoteError, or the context's; an empty
// repository is one over HTTP, where it cannot be told from a broken answer.
func (m *Mirror) Refs(ctx context.Context) (map[string]Ref, error) {
	// Without patterns git lists all there is, merge requests too; with
	// --heads and --tags there would be no HEAD.
	remote := m.remote("")
	out, err := remote.run(ctx, "ls-remote", "--end-of-options", m.url)
	if err != nil {
		return nil, m.explain(err)
	}
	m.noteRedirect(ctx, remote.said)
	all, err := parseRefs(out)
	if err != nil {
		return nil, &RemoteError{TroubleOther, err}
	}
	refs := make(map[string]Ref, len(all))
	for name, ref := range all {
		if name == "HEAD" || strings.HasPrefix(name, "refs/heads/") || strings.HasPrefix(name, "refs/tags/") {
			refs[name] = ref
		}
	}
	if len(refs) == 0 && m.overHTTP() {
		return nil, m.saidNothing()
	}
	return refs, nil
}

// saidNothing is the error of a remote without any ref over HTTP. Where the
// connection breaks before the answer, git takes the server for one that has
// only files to give, and the missing file for a list that is empty.
func (m *Mirror) saidNothing() error {
	return &RemoteError{TroubleLost, fmt.Errorf("%s has listed neither a branch nor a tag: the answer was cut off, or the repository is empty\nhint: try again; `git ls-remote` with this address shows what comes", RedactURL(m.url))}
}

// overHTTP reports whether the remote is asked over HTTP.
func (m *Mirror) overHTTP() bool {
	return strings.HasPrefix(m.url, "http://") || strings.HasPrefix(m.url, "https://")
}

// Known returns the refs as they were at the last fetch, as Refs does, with
// no network. They are all of one moment. It is empty where there is no
// mirror, or a damaged one, which the next Ensure makes anew.
func (m *Mirror) Known(ctx context.Context) (map[string]Ref, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	known := map[string]Ref{}
	if !m.intact() {
		return known, nil
	}
	all, err := readPackedRefs(m.path)
	if err != nil {
		return known, nil // the same kind of damage
	}
	for name, ref := range all {
		switch {
		case name == mirrorHead:
			known["HEAD"] = ref
		case strings.HasPrefix(name, "refs/heads/"), strings.HasPrefix(name, "refs/tags/"):
			known[name] = ref
		}
	}
	return known, nil
}

// Has reports whether the commit is in the mirror with all of its tree. Every
// object of it is read, and its id computed, once in a process: what is
// damaged is not there. Submodules do not count. It does not use the network.
func (m *Mirror) Has(ctx context.Context, commit Hash) bool {
	if !m.intact() {
		return false
	}
	release, err := m.cache.inUse(ctx, m.name)
	if err != nil {
		return false
	}
	defer release()
	return m.verify(ctx, m.path, commit) == nil
}

var (
	fullCommit  = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)
	shortCommit = regexp.MustCompile(`^[0-9a-fA-F]{4,39}$`)
)

// Resolve finds the commit that rev names in the mirror, with no network: a
// full commit, HEAD, a tag, a branch (of one name the tag is taken, as git
// checkout does in a new clone), a ref's name with "refs/" or without
// ("tags/v1"), or four or more digits of a commit, in this order.
//
// The error of a rev that names no commit, or several, wraps ErrRevision; of a
// full commit that is not there it is a *MissingObjectError.
func (m *Mirror) Resolve(ctx context.Context, rev string) (Hash, error) {
	if fullCommit.MatchString(rev) {
		id, err := ParseHash(strings.ToLower(rev))
		if err != nil {
			return Hash{}, err
		}
		if !m.intact() {
			return Hash{}, fmt.Errorf("revision %q: %w", rev, &MissingObjectError{ID: id})
		}
		return m.commitOf(ctx, rev, id)
	}
	known, err := m.Known(ctx)
	if err != nil {
		return Hash{}, err
	}
	names := []string{"refs/tags/" + rev, "refs/heads/" + rev, rev, "refs/" + rev}
	if rev == "HEAD" {
		names = []string{"HEAD"}
	}
	for _, name := range names {
		if ref, ok := known[name]; ok {
			return m.commitOf(ctx, rev, ref.Commit)
		}
	}
	none := fmt.Errorf("revision %q %w in the mirror of %s", rev, ErrRevision, RedactURL(m.url))
	if !shortCommit.MatchString(rev) || !m.intact() {
		return Hash{}, none
	}
	release, err := m.cache.inUse(ctx, m.name)
	if err != nil {
		return Hash{}, err
	}
	defer release()
	out, err := run(ctx, ownCommand(ctx, m.path, "rev-parse", "--verify", "--end-of-options", rev+"^{commit}"), nil)
	if err != nil {
		var ge *GitError
		switch {
		case !errors.As(err, &ge):
			return Hash{}, err
		case strings.Contains(ge.Stderr, "ambiguous"):
			return Hash{}, fmt.Errorf("%w: it is ambiguous\nhint: give all 40 digits of the commit", none)
		}
		return Hash{}, none
	}
	return ParseHash(strings.TrimSpace(string(out)))
}

// commitOf checks that id is a commit.
func (m *Mirror) commitOf(ctx context.Context, rev string, id Hash) (Hash, error) {
	release, err := m.cache.inUse(ctx, m.name)
	if err != nil {
		return Hash{}, err
	}
	defer release()
	c, err := (&Repo{GitDir: m.path}).readCommit(ctx, rev, id)
	if err != nil {
		return Hash{}, err
	}
	return c.ID, nil
}

// At opens the tree of a commit, from the blobs as they are, with no network.
// A commit that is not there is a *MissingObjectError: see Ensure. Until the
// tree is closed the mirror is not removed.
func (m *Mirror) At(ctx context.Context, commit Hash) (*TreeFS, error) {
	if !m.intact() {
		return nil, fmt.Errorf("the mirror of %s: %w", RedactURL(m.url), &MissingObjectError{ID: commit})
	}
	release, err := m.cache.inUse(ctx, m.name)
	if err != nil {
		return nil, err
	}
	r := &Repo{GitDir: m.path}
	c, err := r.readCommit(ctx, commit.String(), commit)
	if err == nil && c.ID != commit {
		err = fmt.Errorf("%s %w: it is a tag", commit, ErrRevision)
	}
	var t *TreeFS
	if err == nil {
		t, err = r.At(ctx, c)
	}
	if err != nil {
		release()
		return nil, fmt.Errorf("the mirror of %s: %w", RedactURL(m.url), err)
	}
	t.release = sync.OnceFunc(release)
	return t, nil
}

// TagsOf returns the names (without refs/tags/) of the known tags that lead
// to the commit, sorted. See Known for what is known.
func (m *Mirror) TagsOf(ctx context.Context, commit Hash) ([]string, error) {
	known, err := m.Known(ctx)
	if err != nil {
		return nil, err
	}
	var tags []string
	for name, ref := range known {
		if tag, ok := strings.CutPrefix(name, "refs/tags/"); ok && ref.Commit == commit {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	return tags, nil
}

// intact reports whether there is a mirror, of this URL, configured as one of
// ours is. What it holds is for verify to tell.
func (m *Mirror) intact() bool {
	config, err := os.ReadFile(filepath.Join(m.path, "config"))
	if err != nil || string(config) != mirrorConfig(m.url) {
		return false
	}
	head, err := os.ReadFile(filepath.Join(m.path, "HEAD"))
	if err != nil || string(head) != mirrorHEAD {
		return false
	}
	// Neither borrowed objects nor refs beside the list.
	for _, foreign := range []string{"objects/info/alternates", "refs/heads", "refs/tags", "shallow"} {
		if _, err := os.Lstat(filepath.Join(m.path, filepath.FromSlash(foreign))); err == nil {
			return false
		}
	}
	info, err := os.Stat(filepath.Join(m.path, "objects", "pack"))
	return err == nil && info.IsDir()
}

// mirrorHEAD is a file that every repository has. The remote's HEAD is the ref
// mirrorHead.
const mirrorHEAD = "ref: refs/heads/main\n"

// mirrorConfig is a mirror's configuration file. That of the user, which says
// how to reach the remote, is git's own to read.
func mirrorConfig(url string) string {
	return "[core]\n\trepositoryformatversion = 0\n\tbare = true\n\tprotectNTFS = true\n\tprotectHFS = true\n" +
		"[gc]\n\tauto = 0\n[maintenance]\n\tauto = false\n[transfer]\n\tfsckObjects = true\n" +
		"[remote \"origin\"]\n\turl = " + configQuote(url) + "\n"
}

// configQuote writes a value of a git configuration. CheckRemoteURL has refused
// control characters.
func configQuote(s string) string {
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(s) + `"`
}

// configuredURL reads the URL back.
func configuredURL(gitDir string) (string, bool) {
	config, err := os.ReadFile(filepath.Join(gitDir, "config"))
	_, line, ok := strings.Cut(string(config), "\turl = \"")
	line, rest, closed := strings.Cut(line, "\"\n")
	if err != nil || !ok || !closed || rest != "" {
		return "", false
	}
	return strings.NewReplacer(`\\`, `\`, `\"`, `"`).Replace(line), true
}

// userinfo is what a URL says of who is asking.
type userinfo struct {
	name, password string
	complete       bool // there is a password, be it empty
}

// takeCredentials takes the user and the password out of an http or https URL;
// every other byte stays. Its errors do not hold the address.
func takeCredentials(raw string) (string, *userinfo, error) {
	scheme, rest, ok := strings.Cut(raw, "://")
	if !ok || scheme != "http" && scheme != "https" {
		return raw, nil, nil
	}
	end := strings.IndexAny(rest, "/?#")
	if end < 0 {
		end = len(rest)
	}
	at := strings.LastIndexByte(rest[:end], '@')
	if at < 0 {
		return raw, nil, nil
	}
	name, password, complete := strings.Cut(rest[:at], ":")
	var u userinfo
	var errs [2]error
	u.name, errs[0] = url.PathUnescape(name)
	u.password, errs[1] = url.PathUnescape(password)
	u.complete = complete
	if errors.Join(errs[:]...) != nil || strings.ContainsFunc(u.name+u.password, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", nil, errors.New("the remote's address holds a user or a password that git cannot be told\nhint: take it out; git asks its credential helper when it needs one")
	}
	return scheme + "://" + rest[at+1:], &u, nil
}
