package repo

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"
)

// A Remote is a repository somewhere else, reached through the user's own
// git: credential helpers, ssh's configuration, proxies and insteadOf work as
// they do on the command line. Hooks of this machine are off, and nothing asks
// on the terminal: an askpass program or a credential helper is asked.
type Remote struct {
	// URL is where it is, as the user wrote it.
	URL string
	// GitDir is the local repository that is pushed from; Refs needs none.
	GitDir string
	// Silence is how long git may say nothing, its progress included, before
	// it is ended; 0 is for ever.
	Silence time.Duration

	dir     string    // where git runs; "" is GitDir
	options []string  // git's own, before the subcommand
	secret  *userinfo // of URL, which does not hold it
	said    string    // what git said, as of the last run that failed in nothing
}

// A Ref is what a branch or a tag points to. Commit differs from Object for
// an annotated tag: it is what that leads to in the end.
type Ref struct{ Object, Commit Hash }

// A RefUpdate is one ref that a push is to make or to move forward.
type RefUpdate struct {
	Name   string // full: refs/heads/main
	Object Hash   // in the local repository
}

// Trouble is what a remote's failure means to who decides what to do next.
type Trouble string

const (
	TroubleOther       Trouble = "other"       // what git says is all there is
	TroubleLost        Trouble = "lost"        // the connection broke: what was done is not known
	TroubleSilent      Trouble = "silent"      // nothing came for Remote.Silence: what was done is not known
	TroubleMissing     Trouble = "missing"     // there is no such repository, or it is hidden
	TroubleCredentials Trouble = "credentials" // no credentials, or wrong ones
	TroubleRefused     Trouble = "refused"     // the remote does not want it: rights, hooks, protected refs
	TroubleChanged     Trouble = "changed"     // a ref is not there as it was when the remote was read
	TroubleUnreachable Trouble = "unreachable" // there is no such commit, or it is given to nobody: no branch or tag leads to it
)

// A RemoteError is a remote that did not do what it was asked. It wraps the
// *GitError where git has spoken.
type RemoteError struct {
	Trouble Trouble
	Err     error // bears no credentials
}

func (e *RemoteError) Error() string { return e.Err.Error() }
func (e *RemoteError) Unwrap() error { return e.Err }

// CheckRemoteURL judges where a push goes. It refuses what git would read as
// an option, or would run a program for (ext::, and every other helper that is
// named by a double colon), schemes that are not git's own, and passwords,
// which everybody on the machine could see in the list of processes. Its
// errors do not hold the address.
func CheckRemoteURL(remote string) error {
	option := errors.New("the remote's address has a part that begins with -, which is read as an option")
	switch {
	case strings.ContainsFunc(remote, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("the remote's address holds a control character")
	case strings.HasPrefix(remote, "-"):
		return option
	case remoteHelper.MatchString(remote):
		return errors.New("the remote's address names a remote helper (NAME::), which runs a program")
	}
	if scheme, _, ok := strings.Cut(remote, "://"); ok {
		u, err := url.Parse(remote)
		switch {
		case !slices.Contains([]string{"ssh", "https", "http", "git", "file"}, scheme):
			return errors.New("the remote's address has a scheme that is none of ssh, https, http, git and file")
		case err != nil:
			return errors.New("the remote's address is not a URL")
		case strings.HasPrefix(u.Host, "-"):
			return option
		case u.User != nil && withoutCredentials(remote) != u.String(), redact(remote) != remote:
			return errors.New("the remote's address holds a password or a token\nhint: take it out and revoke it; git asks its credential helper when it needs one")
		}
		return nil
	}
	host, _, ok := strings.Cut(remote, ":")
	switch {
	case filepath.IsAbs(remote):
		return nil
	case !ok || host == "" || strings.Contains(host, "/"):
		return errors.New("the remote's address is neither a URL nor an absolute path")
	case strings.Contains(host, "@-"):
		return option
	}
	return nil
}

var remoteHelper = regexp.MustCompile(`^[^/?#@\[:]*::`)

// RedactURL is a URL, or a text with URLs in it, that can be shown.
func RedactURL(text string) string { return redact(text) }

// Refs reads the remote's branches and tags, by their full names. A failure
// is a *RemoteError, or the context's.
func (r *Remote) Refs(ctx context.Context) (map[string]Ref, error) {
	out, err := r.run(ctx, "ls-remote", "--heads", "--tags", "--end-of-options", r.URL)
	if err != nil {
		return nil, err
	}
	refs, err := parseRefs(out)
	if err != nil {
		return nil, &RemoteError{TroubleOther, err}
	}
	return refs, nil
}

// Push makes the refs, or moves them forward. It never forces, and the remote
// takes all of them or none where it can. What a remote holds after a failure
// only reading it again can tell. A failure is a *RemoteError, or the
// context's.
func (r *Remote) Push(ctx context.Context, updates []RefUpdate) error {
	err := r.push(ctx, updates, "--atomic")
	var ge *GitError
	if errors.As(err, &ge) && strings.Contains(ge.Stderr, "does not support --atomic") {
		err = r.push(ctx, updates)
	}
	return err
}

func (r *Remote) push(ctx context.Context, updates []RefUpdate, options ...string) error {
	// What the user's configuration might add to the refs that are named
	// here, is turned off. The progress tells a slow remote from a dead one.
	args := slices.Concat([]string{"push", "--porcelain", "--progress", "--no-verify", "--no-follow-tags", "--recurse-submodules=no"}, options,
		[]string{"--end-of-options", r.URL})
	for _, u := range updates {
		if !strings.HasPrefix(u.Name, "refs/") || badRef.MatchString(u.Name) || u.Object.IsZero() {
			return &RemoteError{TroubleOther, fmt.Errorf("%q is no name of a ref", u.Name)}
		}
		args = append(args, u.Object.String()+":"+u.Name)
	}
	out, err := r.run(ctx, args...)
	var re *RemoteError
	if !errors.As(err, &re) || re.Trouble == TroubleSilent {
		return err
	}
	var ge *GitError
	if !errors.As(err, &ge) {
		return err
	}
	// git says of each ref what became of it: "!\tfrom:to\t[rejected] (why)".
	var said []string
	for _, line := range strings.Split(string(out), "\n") {
		fields := strings.SplitN(line, "\t", 3)
		if len(fields) != 3 || fields[0] != "!" {
			continue
		}
		_, name, _ := strings.Cut(fields[1], ":")
		said = append(said, name+": "+fields[2])
		switch {
		case strings.HasPrefix(fields[2], "[remote rejected]"):
			re.Trouble = TroubleRefused
		case strings.HasPrefix(fields[2], "[rejected]"):
			re.Trouble = TroubleChanged // git then hangs up by itself
		case strings.HasPrefix(fields[2], "[remote failure]") && re.Trouble == TroubleOther:
			re.Trouble = TroubleLost // it did not report
		}
	}
	if len(said) > 0 {
		re.Err = &GitError{Command: ge.Command, Stderr: redact(strings.TrimSpace(strings.Join(said, "\n") + "\n" + ge.Stderr)), Err: ge.Err}
	}
	return re
}

// What a remote can make us keep, in bytes: of refs, and of words, which are
// looked through for credentials before anybody sees them.
const (
	maxOutput = 64 << 20
	maxWords  = 1 << 20
)

// remoteGrace is how long git and what it started have to end by themselves.
const remoteGrace = 2 * time.Second

var errSilent = errors.New("the remote was silent")

// run runs git for the remote. After a failure what git wrote comes back as
// well.
func (r *Remote) run(ctx context.Context, args ...string) ([]byte, error) {
	inner, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := r.command(inner, args...)
	alive := func() {}
	if r.Silence > 0 {
		timer := time.AfterFunc(r.Silence, func() { cancel(errSilent) })
		defer timer.Stop()
		alive = func() { timer.Reset(r.Silence) }
	}
	stdout, stderr := &heard{alive: alive, most: maxOutput}, &heard{alive: alive, most: maxWords}
	cmd.Stdout, cmd.Stderr = stdout, stderr

	detach(cmd)
	// The kill runs in a timer's goroutine, which must not outlive the
	// process: its id would be another's.
	var kill *time.Timer
	cmd.Cancel = func() error {
		kill = time.AfterFunc(remoteGrace, func() { killGroup(cmd) })
		return endGroup(cmd)
	}
	cmd.WaitDelay = remoteGrace + time.Second
	err := cmd.Run()
	if kill != nil {
		kill.Stop()
		killGroup(cmd) // what the first signal did not reach
	}
	out := stdout.buf.Bytes()
	switch {
	case ctx.Err() != nil:
		return out, fmt.Errorf("git %s: %w", args[0], context.Cause(ctx))
	case context.Cause(inner) == errSilent:
		return out, &RemoteError{TroubleSilent, fmt.Errorf("git %s: no word from the remote for %v, so it was ended", args[0], r.Silence)}
	case err == nil:
		r.said = withoutProgress(stderr.buf.String())
		return out, nil
	}
	words := withoutProgress(stderr.buf.String())
	err = gitError(ctx, cmd, words, err)
	return out, &RemoteError{troubleIn(words), err}
}

// command prepares the user's own git. Of git's variables those stay that say
// how to reach a remote; those that point to a repository, and those that
// trace, which may show credentials, do not.
func (r *Remote) command(ctx context.Context, args ...string) *exec.Cmd {
	env := append(userEnv(), remoteEnv()...)
	if r.secret != nil {
		env = append(env, r.secret.env(r.URL)...)
	}
	gitDir, dir := r.GitDir, r.GitDir
	if gitDir == "" {
		// Not even one that the working directory happens to be in.
		gitDir, dir = os.DevNull, os.TempDir()
	}
	cmd := gitCommand(ctx, env, slices.Concat([]string{"--git-dir=" + gitDir}, r.options, args)...)
	// This one is for the network: which protocols it may use is between git
	// and its user.
	cmd.Env = slices.DeleteFunc(cmd.Env, func(kv string) bool { return kv == "GIT_ALLOW_PROTOCOL=none" })
	if v, ok := os.LookupEnv("GIT_ALLOW_PROTOCOL"); ok {
		cmd.Env = append(cmd.Env, "GIT_ALLOW_PROTOCOL="+v)
	}
	if cmd.Dir = dir; r.dir != "" {
		cmd.Dir = r.dir
	}
	return cmd
}

func remoteEnv() []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		for _, keep := range []string{"GIT_SSH", "GIT_ASKPASS", "GIT_SSL_", "GIT_PROXY_", "GIT_HTTP_", "GIT_PROTOCOL_FROM_USER"} {
			if strings.HasPrefix(name, keep) {
				env = append(env, kv)
				break
			}
		}
	}
	return env
}

// heard keeps what git writes, and tells that it did. Once there is too much
// it takes no more, which ends git.
type heard struct {
	buf   bytes.Buffer
	alive func()
	most  int
}

func (h *heard) Write(p []byte) (int, error) {
	h.alive()
	if h.buf.Len()+len(p) > h.most {
		return 0, errors.New("the remote says too much")
	}
	return h.buf.Write(p)
}

var progressLine = regexp.MustCompile(`^(?:remote: )?(?:Enumerating objects|Counting objects|Compressing objects|Writing objects|Receiving objects|Unpacking objects|Checking connectivity|Resolving deltas|Delta compression|Total \d)` +
	// What became of each ref that was fetched.
	`|^From \S|^ (?:[*+=t-]|  [0-9a-f]+\.\.)`)

// withoutProgress leaves of what git said the lines that are neither progress
// nor advice: one that was painted over, with a carriage return, is as it was
// last.
func withoutProgress(s string) string {
	var kept []string
	for _, line := range strings.Split(s, "\n") {
		line = strings.TrimRight(line, " \r")
		line = line[strings.LastIndexByte(line, '\r')+1:]
		// git clears to the end of the line after what the remote says.
		line = strings.TrimRight(strings.TrimSuffix(line, "\x1b[K"), " ")
		if line != "" && line != "remote:" && !strings.HasPrefix(line, "hint: ") && !progressLine.MatchString(line) {
			kept = append(kept, line)
		}
	}
	return strings.Join(kept, "\n")
}

// troubles are told by git's words in the locale C, the first that matches: a
// 403 in the middle of a push is followed by a connection that breaks.
var troubles = []struct {
	trouble Trouble
	words   *regexp.Regexp
}{
	{TroubleCredentials, regexp.MustCompile(`(?i)authentication failed|could not read (?:username|password)|(?:error:|HTTP) 401|permission denied \(|host key verification failed|terminal prompts disabled`)},
	{TroubleRefused, regexp.MustCompile(`(?i)(?:error:|HTTP) 403|permission to \S+ denied|not allowed to push`)},
	{TroubleMissing, regexp.MustCompile(`(?i)(?:error:|HTTP) 404|repository .*not found|does not appear to be a git repository|invalid gitfile format|project you were looking for could not be found`)},
	{TroubleLost, regexp.MustCompile(`(?i)hung up|unexpected disconnect|early EOF|closed by remote host|connection (?:was )?(?:reset|closed)|operation timed out|connection timed out|broken pipe|` +
		`empty reply from server|transfer closed|recv failure|send failure|SSL_(?:read|write)|recv error|not closed cleanly|non-properly terminated|curl (?:18|52|55|56|92)\b|(?:error:|HTTP) 50[234]`)},
}

func troubleIn(words string) Trouble {
	for _, t := range troubles {
		if t.words.MatchString(words) {
			return t.trouble
		}
	}
	return TroubleOther
}

// OwnRefs reads the branches and tags of a repository that we wrote, by their
// full names.
func OwnRefs(ctx context.Context, gitDir string) (map[string]Ref, error) {
	out, err := run(ctx, ownCommand(ctx, gitDir, "show-ref", "--dereference"), nil)
	if err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) && exit.ExitCode() == 1 { // there are none
			return map[string]Ref{}, nil
		}
		return nil, err
	}
	return parseRefs(out)
}

// parseRefs reads lines of an id, white space and a name; "^{}" after the
// name of a tag is what it leads to.
func parseRefs(out []byte) (map[string]Ref, error) {
	refs := map[string]Ref{}
	for sc := bufio.NewScanner(bytes.NewReader(out)); sc.Scan(); {
		id, name, ok := strings.Cut(strings.Replace(sc.Text(), "\t", " ", 1), " ")
		h, err := ParseHash(id)
		if !ok || err != nil {
			if len(id) == 64 {
				return nil, fmt.Errorf("the remote: %w\nhint: make it again with SHA-1, git's default", ErrObjectFormat)
			}
			return nil, fmt.Errorf("git listed a ref as %q", clip(sc.Bytes()))
		}
		if tag, ok := strings.CutSuffix(name, "^{}"); ok {
			refs[tag] = Ref{refs[tag].Object, h}
			continue
		}
		refs[name] = Ref{h, h}
	}
	return refs, nil
}

// Ancestors returns the history of a commit in a repository that we wrote, the
// commit included.
func Ancestors(ctx context.Context, gitDir string, commit Hash) (map[Hash]bool, error) {
	out, err := run(ctx, ownCommand(ctx, gitDir, "rev-list", commit.String()), nil)
	if err != nil {
		return nil, err
	}
	ids := map[Hash]bool{}
	for line := range strings.Lines(string(out)) {
		h, err := ParseHash(strings.TrimSuffix(line, "\n"))
		if err != nil {
			return nil, err
		}
		ids[h] = true
	}
	return ids, nil
}
