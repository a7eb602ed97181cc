package repo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Ensure makes the commits present, with all of their trees. It asks the
// remote only where one is missing: for all branches and tags first, then by
// its id for a commit that none of them leads to, which a remote need not
// give. From then on the mirror keeps them, whatever becomes of the tag.
//
// A mirror that is damaged is made anew. Of what the remote no longer has, the
// commits that can still be read are taken over.
//
// A failure of the remote is a *RemoteError; that of a commit which the remote
// does not have, or gives to nobody, has TroubleUnreachable, and comes when
// all the others are present.
func (m *Mirror) Ensure(ctx context.Context, want ...Want) error {
	for _, w := range want {
		if w.Commit.IsZero() {
			return fmt.Errorf("no commit is given for %q of %s", w.Ref, RedactURL(m.url))
		}
	}
	if len(want) == 0 {
		return nil
	}
	release, err := m.cache.inUse(ctx, m.name)
	if err != nil {
		return err
	}
	defer release()
	held := m.holds(ctx, want)
	if held && m.keeps(want) {
		return nil
	}
	unlock, err := m.cache.changing(ctx, m.name)
	if err != nil {
		if held && readOnly(err) {
			return nil // a cache that can only be read loses nothing either
		}
		return err
	}
	defer unlock()
	// A git that outlived its terrier works in one of these directories. It
	// fails, and nobody waits for it.
	if err := m.cache.sweep(m.name); err != nil {
		return fmt.Errorf("clean up in the cache: %w", err)
	}
	if refs, err := readPackedRefs(m.path); err == nil && m.holds(ctx, want) {
		if err := m.keep(refs, want); err != nil && !readOnly(err) {
			return fmt.Errorf("write the mirror %s: %w", m.path, err)
		}
		return nil
	}

	grow := m.intact() && m.tipsThere(ctx)
	err = m.fetch(ctx, grow, want)
	if err != nil && grow && ctx.Err() == nil && m.suspect(ctx, err) {
		err = m.fetch(ctx, false, want)
	}
	if err != nil {
		m.forget()
	}
	return err
}

// holds reports whether all that is wanted is in the mirror.
func (m *Mirror) holds(ctx context.Context, want []Want) bool {
	if !m.intact() {
		return false
	}
	for _, w := range want {
		if m.verify(ctx, m.path, w.Commit) != nil {
			return false
		}
	}
	return true
}

// keeps reports whether all that is wanted is on the list of what is kept.
func (m *Mirror) keeps(want []Want) bool {
	refs, err := readPackedRefs(m.path)
	for _, w := range want {
		if _, ok := refs[mirrorKeep+w.Commit.String()]; !ok || err != nil {
			return false
		}
	}
	return true
}

// keep puts it there.
func (m *Mirror) keep(refs map[string]Ref, want []Want) error {
	for _, w := range want {
		refs[mirrorKeep+w.Commit.String()] = Ref{w.Commit, w.Commit}
	}
	return writePackedRefs(m.path, refs)
}

func (m *Mirror) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.verified)
}

// tipsThere reports whether the mirror has what its refs name. Where it has
// not, git would tell the remote that it does.
func (m *Mirror) tipsThere(ctx context.Context) bool {
	refs, err := readPackedRefs(m.path)
	if err != nil {
		return false
	}
	var ids strings.Builder
	for _, ref := range refs {
		fmt.Fprintf(&ids, "%s\n%s\n", ref.Object, ref.Commit)
	}
	out, err := run(ctx, ownCommand(ctx, m.path, "cat-file", "--batch-check=%(objectname)"), strings.NewReader(ids.String()))
	return err == nil && !strings.Contains(string(out), " missing\n")
}

// suspect reports whether a fetch may have failed for what the mirror holds,
// and not for the remote.
func (m *Mirror) suspect(ctx context.Context, err error) bool {
	var re *RemoteError
	if !errors.As(err, &re) {
		return true
	}
	switch re.Trouble {
	case TroubleOther:
		return !unreachable.MatchString(re.Error()) && !noConnection.MatchString(re.Error())
	case TroubleUnreachable:
		// It might be that we believe to have it.
		_, err := run(ctx, ownCommand(ctx, m.path, "rev-list", "--all", "--quiet"), nil)
		return err != nil
	}
	return false
}

var (
	// unreachable is what git says of a commit that it cannot have by its id.
	unreachable  = regexp.MustCompile(`not our ref|unadvertised object|(?i)couldn't find remote ref [0-9a-f]{40}`)
	noConnection = regexp.MustCompile(`(?i)could ?n[o']t resolve|failed to connect|connection refused`)
	noHead       = regexp.MustCompile(`(?i)couldn't find remote ref HEAD`)
	fsckError    = regexp.MustCompile(`(?i)fsck error`)
	otherFormat  = regexp.MustCompile(`mismatched algorithms`)
)

// fetchOptions are what the user's configuration must not change. Of the
// checks that transfer.fsckObjects makes, those are off that the old history
// of honest repositories fails, and that concern nobody who only reads trees:
// the same three that GitLab's servers leave out. The user's own fetch.fsck
// settings are heard.
var fetchOptions = []string{
	"-c", "transfer.fsckObjects=true", "-c", "fetch.fsckObjects=true",
	"-c", "fetch.fsck.badTimezone=ignore", "-c", "fetch.fsck.missingSpaceBeforeDate=ignore", "-c", "fetch.fsck.zeroPaddedFilemode=ignore",
	"-c", "fetch.unpackLimit=1", "-c", "transfer.unpackLimit=1", // always a pack, which is moved as one
	"-c", "core.protectNTFS=true", "-c", "core.protectHFS=true",
	"-c", "core.logAllRefUpdates=false", "-c", "gc.auto=0", "-c", "maintenance.auto=false",
	"-c", "fetch.writeCommitGraph=false", "-c", "transfer.bundleURI=false", "-c", "fetch.output=full",
}

// fetch brings what the remote has now, and what is wanted, in a directory of
// its own, and then makes it the mirror's: added to what the mirror holds
// (grow), or in its place. What of want cannot be had does not stop the rest.
func (m *Mirror) fetch(ctx context.Context, grow bool, want []Want) error {
	tmp, err := os.MkdirTemp(m.cache.mirrors(), leftover(m.name))
	if err != nil {
		return fmt.Errorf("make a mirror: %w", err)
	}
	defer os.RemoveAll(tmp)
	old, err := m.prepare(tmp, grow)
	if err != nil {
		return fmt.Errorf("make a mirror: %w", err)
	}
	remote := m.remote(tmp)
	remote.options = fetchOptions
	get := func(refspecs ...string) error {
		_, err := remote.run(ctx, slices.Concat([]string{"fetch", "--progress", "--prune", "--force", "--no-tags", "--no-write-fetch-head",
			"--no-recurse-submodules", "--no-show-forced-updates", "--end-of-options", m.url}, refspecs)...)
		return err
	}
	all := []string{"+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"}
	err = get(append(all, "+HEAD:"+mirrorHead)...)
	if err != nil && noHead.MatchString(err.Error()) {
		err = get(all...) // the HEAD of the remote names a branch that is not born
	}
	if err != nil {
		return m.explain(err)
	}
	m.noteRedirect(ctx, remote.said)

	refs, err := OwnRefs(ctx, tmp)
	if err != nil {
		return fmt.Errorf("read what was fetched: %w", err)
	}
	if m.overHTTP() && !slices.ContainsFunc(slices.Collect(maps.Keys(refs)), func(name string) bool { return !strings.HasPrefix(name, "refs/terrier/") }) {
		return m.saidNothing()
	}

	var missed []error
	var kept []Hash
	for _, w := range want {
		err := m.verify(ctx, tmp, w.Commit)
		if errors.As(err, new(*MissingObjectError)) && !errors.Is(err, errDamaged) {
			if err = get("+" + w.Commit.String() + ":" + mirrorKeep + w.Commit.String()); err == nil {
				err = m.verify(ctx, tmp, w.Commit)
			}
		}
		switch {
		case err == nil:
			kept = append(kept, w.Commit)
		case ctx.Err() != nil:
			return err
		case unreachable.MatchString(err.Error()):
			missed = append(missed, &RemoteError{TroubleUnreachable, m.lacks(w)})
		default:
			return m.explain(err)
		}
	}
	for name, ref := range old {
		if !grow && strings.HasPrefix(name, mirrorKeep) && m.salvage(ctx, tmp, ref.Commit) {
			kept = append(kept, ref.Commit)
		}
	}
	for _, id := range kept {
		refs[mirrorKeep+id.String()] = Ref{id, id}
	}
	if err := packLoose(ctx, tmp); err != nil {
		return fmt.Errorf("%s: %w", RedactURL(m.url), err)
	}
	if err := m.publish(tmp, grow, refs); err != nil {
		if diskFull(tmp) {
			err = fmt.Errorf("%w: %w", ErrDiskFull, err)
		}
		return fmt.Errorf("write the mirror %s: %w", m.path, err)
	}
	return errors.Join(missed...)
}

func (m *Mirror) lacks(w Want) error {
	what := w.Commit.String()
	if w.Ref != "" && w.Ref != what {
		what += fmt.Sprintf(" (for %q)", w.Ref)
	}
	return fmt.Errorf("%s has no commit %s, or gives it to nobody: no branch and no tag leads to it\nhint: it may have been rewritten or never pushed; pin a commit that a branch or a tag of the remote holds", RedactURL(m.url), what)
}

// prepare makes a repository to fetch into. One that is to grow stands on the
// mirror's objects, and has its refs for git to offer. The refs that there
// were come back.
func (m *Mirror) prepare(tmp string, grow bool) (map[string]Ref, error) {
	for _, d := range []string{"objects/pack", "objects/info", "refs"} {
		if err := os.MkdirAll(filepath.Join(tmp, filepath.FromSlash(d)), 0o777); err != nil {
			return nil, err
		}
	}
	files := map[string]string{"HEAD": mirrorHEAD, "config": mirrorConfig(m.url)}
	if grow {
		files["objects/info/alternates"] = quoteAlternate(filepath.Join(m.path, "objects")) + "\n"
	}
	for name, content := range files {
		if err := os.WriteFile(filepath.Join(tmp, filepath.FromSlash(name)), []byte(content), 0o666); err != nil {
			return nil, err
		}
	}
	old, err := readPackedRefs(m.path)
	if err != nil || !grow {
		return old, nil // of a damaged mirror we take what there is
	}
	return old, writePackedRefs(tmp, old)
}

// salvage takes a commit over from the mirror as it was, if it can be read.
func (m *Mirror) salvage(ctx context.Context, tmp string, id Hash) bool {
	if m.verify(ctx, tmp, id) == nil {
		return true
	}
	cmd := ownCommand(ctx, tmp, "-c", "fetch.unpackLimit=1", "-c", "transfer.fsckObjects=true", "-c", "uploadpack.allowAnySHA1InWant=true",
		"fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--end-of-options", m.path, "+"+id.String()+":"+mirrorKeep+id.String())
	cmd.Env = slices.DeleteFunc(cmd.Env, func(kv string) bool { return strings.HasPrefix(kv, "GIT_ALLOW_PROTOCOL=") })
	cmd.Env = append(cmd.Env, "GIT_ALLOW_PROTOCOL=file")
	_, err := run(ctx, cmd, nil)
	return err == nil && m.verify(ctx, tmp, id) == nil
}

// publish makes what was fetched the mirror's.
func (m *Mirror) publish(tmp string, grow bool, refs map[string]Ref) error {
	if grow {
		if err := movePacks(filepath.Join(tmp, "objects", "pack"), filepath.Join(m.path, "objects", "pack")); err != nil {
			return err
		}
		return writePackedRefs(m.path, refs)
	}
	// What git has left there, refs in files of their own among it, is not a
	// mirror's.
	if err := errors.Join(os.RemoveAll(filepath.Join(tmp, "refs")), os.RemoveAll(filepath.Join(tmp, "logs"))); err != nil {
		return err
	}
	if err := os.Mkdir(filepath.Join(tmp, "refs"), 0o777); err != nil {
		return err
	}
	if err := writePackedRefs(tmp, refs); err != nil {
		return err
	}
	gone := filepath.Join(m.cache.mirrors(), leftover(m.name)+"old")
	if err := os.Rename(m.path, gone); err == nil {
		defer os.RemoveAll(gone)
	}
	return os.Rename(tmp, m.path)
}

// packLoose makes a pack of objects that came one by one, from a server that
// has only files to give. None of git's checks was made of them.
func packLoose(ctx context.Context, gitDir string) error {
	loose, err := fs.Glob(os.DirFS(gitDir), "objects/[0-9a-f][0-9a-f]")
	if err != nil || len(loose) == 0 {
		return err
	}
	if _, err := run(ctx, ownCommand(ctx, gitDir, "fsck", "--no-dangling", "--no-progress"), nil); err != nil {
		return err
	}
	_, err = run(ctx, ownCommand(ctx, gitDir, "repack", "-q", "-d", "-l"), nil)
	return err
}

// movePacks moves the packs of one directory to another. git finds a pack by
// its index, which comes last.
func movePacks(from, to string) error {
	entries, err := os.ReadDir(from)
	if err != nil {
		return err
	}
	packs := map[string][]string{}
	for _, e := range entries {
		base, ext, _ := strings.Cut(e.Name(), ".")
		if strings.HasPrefix(base, "pack-") {
			packs[base] = append(packs[base], ext)
		}
	}
	for _, base := range slices.Sorted(maps.Keys(packs)) {
		for _, ext := range []string{"pack", "rev", "idx"} {
			if !slices.Contains(packs[base], ext) {
				continue
			}
			// A pack is named by what it holds: one of that name is the same,
			// and may be in use, unless it is cut short.
			if err := os.Rename(filepath.Join(from, base+"."+ext), filepath.Join(to, base+"."+ext)); err != nil {
				return err
			}
		}
	}
	return nil
}

// explain adds to a failure of the remote what can be done about it.
func (m *Mirror) explain(err error) error {
	var re *RemoteError
	if !errors.As(err, &re) {
		return err
	}
	said := re.Error()
	hint := ""
	switch {
	case otherFormat.MatchString(said):
		return &RemoteError{re.Trouble, fmt.Errorf("%s: %w", RedactURL(m.url), ErrObjectFormat)}
	case fsckError.MatchString(said):
		hint = "\nhint: an object of the remote's history fails git's own checks (git fsck); if you trust it, set fetch.fsck.MESSAGE-ID to ignore in your git configuration"
	case re.Trouble == TroubleMissing && m.local():
		hint = "\nhint: the address names a file or a directory on this machine that is no git repository"
	case re.Trouble == TroubleMissing:
		hint = "\nhint: there is no such repository, or you may not see it: try `git ls-remote` with this address"
	case re.Trouble == TroubleCredentials && m.secret != nil:
		hint = "\nhint: the remote does not take the credentials in the source's URL; a credential helper of git is a better place for them"
	case re.Trouble == TroubleCredentials:
		hint = "\nhint: git asks its credential helper, or ssh's agent: `git ls-remote` with this address tells whether they answer"
	}
	return &RemoteError{re.Trouble, fmt.Errorf("%s: %w%s", RedactURL(m.url), re.Err, hint)}
}

// local reports whether the remote is on this machine.
func (m *Mirror) local() bool {
	return strings.HasPrefix(m.url, "file://") || filepath.IsAbs(m.url)
}
