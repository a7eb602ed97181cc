package lock

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"golang.org/x/sync/errgroup"

	"github.com/terrier-iac/terrier/modules/repo"
)

// A remote is one repository that packages come from.
type remote struct {
	mirror *repo.Mirror
	asked  bool
	refs   map[string]repo.Ref // nil where it did not answer
	down   bool                // it did not answer, and that was said
}

// askRemotes asks each remote that new packages come from, once for all of
// them, settles what their refs mean, and takes what is needed into the
// mirrors.
func (r *run) askRemotes(ctx context.Context, fresh []*pkg) error {
	work := map[*remote][]*pkg{}
	var order []*remote
	for _, p := range fresh {
		url := RemoteURL(p.source)
		if p.dead || url == "" {
			continue
		}
		m, err := r.Cache.Mirror(url)
		if err != nil {
			text, hint, _ := strings.Cut(err.Error(), "\nhint: ")
			r.lost(p, p.problem(NotLockable, hint, "%s", text))
			continue
		}
		if unsafeRef(p.source.Ref) != "" { // of a registry
			r.lost(p, p.problem(UnsafeRef, "", "the registry gives a ref that %s", unsafeRef(p.source.Ref)))
			continue
		}
		if p.remote = r.remotes[m.URL()]; p.remote == nil {
			p.remote = &remote{mirror: m}
			r.remotes[m.URL()] = p.remote
			r.askTotal++
		}
		if work[p.remote] == nil {
			order = append(order, p.remote)
		}
		work[p.remote] = append(work[p.remote], p)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(r.Jobs)
	for _, rem := range order {
		g.Go(func() error { return r.askRemote(ctx, rem, work[rem]) })
	}
	return g.Wait()
}

func (r *run) askRemote(ctx context.Context, rem *remote, pkgs []*pkg) error {
	if !rem.asked {
		rem.asked = true
		err := r.learn(ctx, rem, RemoteURL(pkgs[0].source))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			rem.refs, rem.down = nil, true
			r.fail(pkgs[0].address, err)
		}
		r.mu.Lock()
		r.asked++
		r.Progress("asking remotes", r.asked, r.askTotal)
		r.mu.Unlock()
	}
	var wants []repo.Want
	for _, p := range pkgs {
		if err := r.settle(ctx, p); err != nil {
			return err
		}
		if !p.dead && !slices.ContainsFunc(wants, func(w repo.Want) bool { return w.Commit == p.commit }) {
			wants = append(wants, repo.Want{Ref: p.source.Ref, Commit: p.commit})
		}
	}
	var ensured error
	if !r.Offline && !rem.down {
		ensured = rem.mirror.Ensure(ctx, wants...)
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	for _, p := range pkgs {
		if !p.dead {
			r.present(ctx, p, ensured)
		}
	}
	return r.reached(ctx, rem, pkgs)
}

// learn asks for a remote's refs, or takes them from who has asked. url is as
// a source has it, credentials included.
func (r *run) learn(ctx context.Context, rem *remote, url string) (err error) {
	switch {
	case r.Offline:
		rem.refs, err = rem.mirror.Known(ctx)
	case r.Remotes != nil:
		var m *repo.Mirror
		if rem.refs, m, err = r.Remotes.Refs(ctx, url); m != nil {
			rem.mirror = m // what the answer has taught it, it keeps
		}
	default:
		rem.refs, err = rem.mirror.Refs(ctx)
	}
	return err
}

// reached finds the pinned commits that no branch and no tag of the remote
// leads to. terraform clones, and then checks out, so it does not get them,
// whatever the remote gives by id: it may be one that somebody has pushed to
// a fork.
func (r *run) reached(ctx context.Context, rem *remote, pkgs []*pkg) error {
	var pinned []*pkg
	var commits []repo.Hash
	for _, p := range pkgs {
		if !p.dead && p.pinsCommit() && rem.refs != nil {
			pinned, commits = append(pinned, p), append(commits, p.commit)
		}
	}
	loose, err := rem.mirror.Unreached(ctx, rem.refs, commits...)
	if err == nil && len(loose) > 0 && !r.Offline {
		// A branch may have grown since the mirror was fetched.
		if err = r.fetchTips(ctx, rem); err == nil {
			loose, err = rem.mirror.Unreached(ctx, rem.refs, commits...)
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil {
		r.fail(pkgs[0].address, err)
		return nil
	}
	for _, p := range pinned {
		if !slices.Contains(loose, p.commit) {
			continue
		}
		q := p.problem(UnknownRef, "pin a commit that a branch or a tag holds",
			"no branch and no tag of the remote leads to the commit %.12s, so terraform does not get it; it may come from a fork, or from a branch that is gone", p.commit)
		if p.locked != nil {
			r.report(q)
		} else {
			r.lost(p, q)
		}
	}
	return nil
}

// pinsCommit reports whether it is a commit, and no name, that the source, or
// the registry's address, gives.
func (p *pkg) pinsCommit() bool {
	kind := p.kind
	if p.locked != nil {
		kind = p.locked.Kind
	}
	return kind == KindCommit || kind == KindVersion && strings.EqualFold(p.source.Ref, p.commit.String())
}

// fetchTips brings the branches that the mirror does not have as they are now.
func (r *run) fetchTips(ctx context.Context, rem *remote) error {
	var wants []repo.Want
	for name, ref := range rem.refs {
		if branch, ok := strings.CutPrefix(name, "refs/heads/"); ok && !rem.mirror.Has(ctx, ref.Commit) {
			wants = append(wants, repo.Want{Ref: branch, Commit: ref.Commit})
		}
	}
	if len(wants) == 0 {
		return nil
	}
	slices.SortFunc(wants, func(a, b repo.Want) int { return strings.Compare(a.Ref, b.Ref) })
	return rem.mirror.Ensure(ctx, wants[:1]...) // it brings all branches and tags
}

// settle decides which commit a package is read at: the lock's, or what the
// ref means now. It compares the two.
func (r *run) settle(ctx context.Context, p *pkg) error {
	if p.locked != nil && p.locked.Commit != "" {
		id, err := repo.ParseHash(p.locked.Commit)
		if err != nil {
			return fmt.Errorf("the lock of %s: %w", p.address, err)
		}
		p.commit = id
	}
	if p.locked != nil && r.Offline {
		return nil
	}
	if p.remote.down {
		if p.locked == nil {
			r.lost(p)
		}
		return nil
	}
	if r.Offline && len(p.remote.refs) == 0 {
		r.lost(p, p.problem(NotChecked, "run `terrier lock` without --offline", "it is not in the lock file, and no mirror of it is in the cache"))
		return nil
	}
	m, err := means(p.remote.refs, p.source.Ref, shallow(p.source))
	if err == nil && m.short {
		m.commit, err = r.short(ctx, p)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if m.branched && errors.Is(err, repo.ErrRevision) {
			m, err = meaning{kind: KindBranch, commit: m.branch}, nil
		}
	}
	switch {
	case err == nil:
	case errors.Is(err, errNoRef), errors.Is(err, errWhich), errors.Is(err, repo.ErrRevision):
		rule, hint := UnknownRef, "`git ls-remote` with this address shows what there is"
		if errors.Is(err, errWhich) {
			rule, hint = AmbiguousRef, "give the branch or the tag another name"
		}
		text, more, has := strings.Cut(err.Error(), "\nhint: ")
		if has {
			hint = more
		}
		q := p.problem(rule, hint, "%s", text)
		if p.locked != nil {
			q.Summary += fmt.Sprintf("; the lock has %.12s", p.locked.Commit)
			r.report(q)
			return nil // the locked commit may still be at hand
		}
		r.lost(p, q)
		return nil
	default:
		r.fail(p.address, err)
		if p.locked == nil {
			r.lost(p)
		}
		return nil
	}
	if p.locked == nil {
		p.kind, p.commit = m.kind, m.commit
		return nil
	}
	if m.commit != p.commit {
		q := p.problem(movedRule(p.locked.Kind), fmt.Sprintf("look at what changed (git diff %.12s %.12s in a clone); `terrier lock --update %s` takes it", p.locked.Commit, m.commit, p.word()),
			"%s was %.12s when it was locked, and is %.12s now", p.thing(m.kind), p.locked.Commit, m.commit)
		q.Found = m.commit.String()
		r.report(q)
	}
	if m.commit == p.commit && m.kind != p.locked.Kind && p.locked.Kind != KindVersion {
		// A branch in the place of a tag moves with the next push, and what is
		// written as a tag counts as a release.
		q := p.problem(movedRule(p.locked.Kind), "find out who did that; `terrier lock --update "+p.address+"` takes it",
			"the lock has %q as a %s, and it is a %s, on the same commit", p.ref, p.locked.Kind, m.kind)
		q.Found = m.commit.String()
		r.report(q)
	}
	for _, tag := range p.locked.Tags {
		if now, ok := p.remote.refs["refs/tags/"+tag]; ok && now.Commit != p.commit {
			q := p.problem(MovedTag, "the call pins the commit, so nothing changes; see who moved the tag, then `terrier lock --update "+p.word()+"`",
				"the tag %s led to the pinned commit %.12s when it was locked, and is %.12s now", tag, p.locked.Commit, now.Commit)
			q.Found = now.Commit.String()
			r.report(q)
		}
	}
	return nil
}

func movedRule(k Kind) Rule {
	switch k {
	case KindBranch, KindDefault:
		return MovedBranch
	case KindVersion:
		return MovedVersion
	}
	return MovedTag
}

// thing names what has moved.
func (p *pkg) thing(now Kind) string {
	switch k := p.locked.Kind; {
	case k == KindVersion:
		return "version " + p.locked.Version
	case k == KindDefault:
		return "the default branch"
	case k != now:
		return fmt.Sprintf("the %s %s, which is a %s now,", k, p.ref, now)
	default:
		return fmt.Sprintf("the %s %s", k, p.ref)
	}
}

// short finds the commit that a few digits name. All of the remote's history
// may be needed for that.
func (r *run) short(ctx context.Context, p *pkg) (repo.Hash, error) {
	m := p.remote.mirror
	id, err := m.ResolveShort(ctx, p.source.Ref)
	if err == nil || r.Offline || !errors.Is(err, repo.ErrRevision) {
		return id, err
	}
	if err := r.fetchTips(ctx, p.remote); err != nil {
		return id, err
	}
	return m.ResolveShort(ctx, p.source.Ref)
}

// present makes sure that a package's commit can be read. err is what came of
// taking it into the mirror.
func (r *run) present(ctx context.Context, p *pkg, err error) {
	m := p.remote.mirror
	if p.kind == KindCommit && p.locked == nil {
		if id, e := m.Resolve(ctx, p.commit.String()); e == nil {
			p.commit = id // of a tag's own id, what it leads to
		}
	}
	if m.Has(ctx, p.commit) {
		return
	}
	var re *repo.RemoteError
	switch {
	case errors.As(err, &re) && re.Trouble == repo.TroubleUnreachable:
		r.lost(p, p.problem(UnknownRef, "pin a commit that a branch or a tag holds", "no branch and no tag of the remote leads to the commit %.12s, so it cannot be fetched", p.commit))
	case err != nil:
		r.fail(p.address, err)
		r.lost(p)
	case r.Offline, p.remote.down:
		hint := "run it without --offline"
		if p.remote.down {
			hint = "run it again when the remote answers"
		}
		r.lost(p, p.problem(NotChecked, hint, "it is in no mirror, so neither its hash nor its own calls were checked"))
	default:
		r.fail(p.address, fmt.Errorf("the commit %s is not in the mirror", p.commit))
		r.lost(p)
	}
}
