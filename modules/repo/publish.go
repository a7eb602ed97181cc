package repo

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"
)

// pushSilence is how long a remote of the user's may say nothing. Hooks of
// forges are slow, but tell so.
const pushSilence = 5 * time.Minute

// Remote returns a remote of the repository by its name, or any by its URL
// (an absolute path is one). What CheckRemoteURL refuses is refused, but for a
// password in the configured URL of a named remote, which git reads by itself:
// it is on no command line. The Silence is five minutes.
func (r *Repo) Remote(ctx context.Context, remote string) (*Remote, error) {
	rem := &Remote{URL: remote, GitDir: r.WorkTreeDir(), Silence: pushSilence, dir: r.Root}
	_, err := r.RemoteURL(ctx, remote)
	switch {
	case err == nil:
		return rem, nil
	case !errors.Is(err, ErrNoRemote):
		return nil, err
	}
	if err := CheckRemoteURL(remote); err != nil {
		if !strings.ContainsAny(remote, ":/") {
			return nil, fmt.Errorf("%q: %w\nhint: git remote -v lists the remotes; a URL will do as well", remote, ErrNoRemote)
		}
		return nil, err
	}
	return rem, nil
}

// ErrNoRemote says that the repository has no remote of a name.
var ErrNoRemote = errors.New("is no remote of the repository")

// RemoteURL returns where a push to the remote of this name goes: its push
// URL, else its URL, the first one, as it is configured. It may hold
// credentials (see RedactURL), and insteadOf has not been applied. Where there
// is none the error wraps ErrNoRemote.
func (r *Repo) RemoteURL(ctx context.Context, name string) (string, error) {
	// What is no name for git must not be looked up either.
	if name == "" || name[0] == '-' || strings.ContainsAny(name, "\x00\n") {
		return "", fmt.Errorf("%q: %w", RedactURL(name), ErrNoRemote)
	}
	for _, key := range []string{"pushurl", "url"} {
		out, err := run(ctx, r.command(ctx, "config", "--null", "--get-all", "remote."+name+"."+key), nil)
		if err != nil {
			var exit *exec.ExitError
			if errors.As(err, &exit) && exit.ExitCode() == 1 {
				continue
			}
			return "", err
		}
		if url, _, _ := strings.Cut(string(out), "\x00"); url != "" {
			return url, nil
		}
	}
	return "", fmt.Errorf("%q: %w", RedactURL(name), ErrNoRemote)
}

// DefaultBranch returns the short name of the branch that a remote's HEAD
// names: as the last clone or `git remote set-head` saw it, else as the remote
// says. "" is a remote that does not say.
func (r *Repo) DefaultBranch(ctx context.Context, remote string) (string, error) {
	rem, err := r.Remote(ctx, remote)
	if err != nil {
		return "", err
	}
	if tracking := "refs/remotes/" + remote + "/"; !badRef.MatchString(tracking + "HEAD") {
		ref, err := r.symbolicRef(ctx, tracking+"HEAD")
		if err != nil {
			return "", err
		}
		if name, ok := strings.CutPrefix(ref, tracking); ok {
			if _, there, err := r.refValue(ctx, ref); err != nil || there {
				return name, err
			}
		}
	}
	out, err := rem.run(ctx, "ls-remote", "--symref", "--end-of-options", rem.URL, "HEAD")
	if err != nil {
		return "", err
	}
	for line := range strings.SplitSeq(string(out), "\n") {
		target, name, _ := strings.Cut(line, "\t")
		if target, ok := strings.CutPrefix(target, "ref: "+branchPrefix); ok && name == "HEAD" {
			return target, nil
		}
	}
	return "", nil
}

// FetchCommits brings the commits of a remote's branch into the repository, and
// nothing else: no ref, FETCH_HEAD included, changes, and no hook runs. remote
// is as in Remote; a failure is a *RemoteError.
func (r *Repo) FetchCommits(ctx context.Context, remote, branch string) error {
	rem, err := r.Remote(ctx, remote)
	if err != nil {
		return err
	}
	if err := r.checkBranchName(ctx, branch); err != nil {
		return err
	}
	_, err = rem.run(ctx, "-c", "fetch.writeCommitGraph=false", "fetch", "--progress", "--no-tags", "--no-prune", "--refmap=", "--no-write-fetch-head",
		"--no-recurse-submodules", "--no-auto-maintenance", "--no-show-forced-updates", "--end-of-options", rem.URL, branchPrefix+branch)
	return err
}

// PushBranch pushes a local branch to a remote, by its name or its URL, under
// the same name. It never forces; but with replace the remote's branch may be
// anything that is at exactly that commit (--force-with-lease). No hook of
// this machine runs.
//
// A failure is a *RemoteError, which says by its Trouble what is the matter:
// TroubleChanged is a branch that is elsewhere or cannot be moved forward,
// TroubleRefused a hook, a protected branch or rights.
func (r *Repo) PushBranch(ctx context.Context, remote, branch string, replace *Hash) error {
	rem, err := r.Remote(ctx, remote)
	if err != nil {
		return err
	}
	at, ok, err := r.Branch(ctx, branch)
	if err == nil && !ok {
		err = fmt.Errorf("there is no branch %s here", branch)
	}
	if err != nil {
		return err
	}
	ref := branchPrefix + branch
	var lease []string
	if replace != nil {
		lease = []string{"--force-with-lease=" + ref + ":" + replace.String()}
	}
	err = rem.push(ctx, []RefUpdate{{Name: ref, Object: at}}, lease...)
	var re *RemoteError
	if !errors.As(err, &re) {
		return err
	}
	hint := ""
	switch {
	case re.Trouble == TroubleChanged && replace != nil:
		hint = "somebody else has moved the branch there: fetch it and look, or choose another name"
	case re.Trouble == TroubleChanged:
		hint = "the branch there has commits that are not in this one, and terrier does not force: choose another name, or delete it there"
	case re.Trouble == TroubleRefused && strings.Contains(re.Error(), "[remote rejected]"):
		hint = "a hook or the protection of the branch there does not let it in: push another branch, and open a merge request"
	case re.Trouble == TroubleRefused:
		hint = "you may not push there: ask for the rights, or push to a fork"
	case re.Trouble == TroubleCredentials:
		hint = "git found no credentials that the remote takes: `git push` by hand shows what it asks for"
	case re.Trouble == TroubleMissing:
		hint = "there is no such repository, or it is hidden from you: git remote -v shows the addresses"
	case re.Trouble == TroubleLost || re.Trouble == TroubleSilent:
		hint = "whether the branch arrived is not known; the same command again finds out"
	default:
		return err
	}
	return &RemoteError{re.Trouble, fmt.Errorf("%w\nhint: %s", re.Err, hint)}
}

// ErrTagExists says that there is a tag of this name already.
var ErrTagExists = errors.New("is there already")

// CreateTag makes an annotated tag of a commit in the user's name, signed
// where git is configured to (tag.gpgSign, tag.forceSignAnnotated). The message
// is taken as it is: a line that begins with # stays. An existing tag is an
// error that wraps ErrTagExists, whatever it points to; a signature that fails
// one that wraps ErrSigning, and no identity is ErrNoIdentity.
func (r *Repo) CreateTag(ctx context.Context, name string, target Hash, message string) error {
	ref := "refs/tags/" + name
	if name == "" || name == "HEAD" || name[0] == '-' || strings.HasPrefix(name, "refs/") || badRef.MatchString(ref) {
		return fmt.Errorf("%q is no name of a tag\nhint: letters, digits, - and /, as in vpc/v1.2.0", name)
	}
	if _, err := run(ctx, r.command(ctx, "check-ref-format", ref), nil); err != nil {
		return fmt.Errorf("%q is no name of a tag: %w", name, err)
	}
	if strings.TrimSpace(message) == "" || strings.ContainsRune(message, 0) {
		return fmt.Errorf("the tag %s: its message is empty, or holds a NUL", name)
	}
	exists := func() (error, bool) {
		at, ok, err := r.refValue(ctx, ref)
		if ok {
			err = fmt.Errorf("the tag %s %w (%s)\nhint: release another version; terrier moves no tag", name, ErrTagExists, at)
		}
		return err, err != nil
	}
	if err, ok := exists(); ok {
		return err
	}
	c, err := r.readCommit(ctx, target.String(), target)
	if err != nil {
		return err
	}
	if err := r.checkIdentity(ctx, "GIT_COMMITTER_IDENT"); err != nil {
		return err
	}
	sign := false
	for _, key := range []string{"tag.gpgSign", "tag.forceSignAnnotated"} {
		on, err := r.configured(ctx, key)
		if err != nil {
			return err
		}
		sign = sign || on
	}
	message = strings.ToValidUTF8(strings.TrimSuffix(message, "\n"), "\uFFFD") + "\n"
	// No --annotate, which would turn tag.forceSignAnnotated off; a message
	// alone makes an annotated tag.
	_, err = run(ctx, r.byUser(ctx, "tag", "--cleanup=verbatim", "-F", "-", "--end-of-options", name, c.ID.String()), strings.NewReader(message))
	var ge *GitError
	switch {
	case err == nil && sign:
		return r.holdSigned(ctx, name, ref, message)
	case err == nil:
		return nil
	case sign && errors.As(err, &ge) && signingFailed.MatchString(ge.Stderr):
		err = notSigned(err)
	}
	if e, ok := exists(); ok { // made meanwhile
		return e
	}
	return fmt.Errorf("the tag %s: %w", name, err)
}

// holdSigned takes a tag away that has no signature: git (2.39 at least) makes
// one and says nothing when ssh-keygen failed.
func (r *Repo) holdSigned(ctx context.Context, name, ref, message string) error {
	ctx = context.WithoutCancel(ctx)
	id, _, err := r.refValue(ctx, ref)
	if err != nil {
		return err
	}
	data, err := run(ctx, r.command(ctx, "cat-file", "tag", id.String()), nil)
	if err != nil || !strings.HasSuffix(string(data), "\n\n"+message) {
		return err // what follows the message is the signature
	}
	err = notSigned(fmt.Errorf("git made the tag %s without a signature, and it was taken away", name))
	_, undo := run(ctx, r.byUser(ctx, "update-ref", "-d", ref, id.String()), nil)
	return errors.Join(err, undo)
}
