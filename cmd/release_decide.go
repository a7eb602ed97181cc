package cmd

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/release"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A moduleLink is a call of one module of the repository by another.
type moduleLink struct {
	call *lint.Call
	to   string // the module's directory
	sub  string // what is called of it, relative to it
	// pinned says that it is by a tag of this repository; else by a path.
	pinned bool
}

// decide fills j.releases, in the order in which they are made.
func (j *releaseJob) decide(ctx context.Context) error {
	named, err := j.named(ctx)
	if err != nil {
		return err
	}
	links, uses := j.links(named)
	var order []string
	if j.o.dependents && j.o.pre == "" {
		order, err = release.After(named, uses)
	} else {
		in := map[string]bool{}
		for _, dir := range named {
			in[dir] = true
		}
		order, err = release.Order(in, uses)
	}
	if errors.Is(err, release.ErrCycle) {
		j.refused = append(j.refused, err)
		return nil
	} else if err != nil {
		return err
	}
	done := map[string]*judged{}
	for _, dir := range order {
		m, err := j.one(ctx, dir, slices.Contains(named, dir), links[dir], done)
		if err != nil {
			return err
		}
		if m != nil {
			done[dir] = m
			j.releases = append(j.releases, m.release)
		}
	}
	return nil
}

// one decides about one module; nil is no release.
func (j *releaseJob) one(ctx context.Context, dir string, asked bool, links []moduleLink, done map[string]*judged) (*judged, error) {
	var used []moduleLink
	for _, l := range links {
		if done[l.to] != nil {
			used = append(used, l)
		}
	}
	if !asked && len(used) == 0 {
		return nil, nil
	}
	h, err := j.history(dir)
	if err != nil {
		j.refuse(err)
		return nil, nil
	}
	if !asked && h.Newest == nil {
		return nil, nil // it is not released by itself
	}
	m, err := j.open(ctx, dir, h)
	if err != nil {
		return nil, err
	}
	if m.changed {
		if err := j.judge(ctx, m); err != nil {
			return nil, err
		}
	}
	m.release.Asked = asked
	for _, l := range used {
		stop, err := j.follow(ctx, m, l, done[l.to])
		if err != nil {
			return nil, err
		}
		if stop != "" {
			j.skip(&j.skipped, dir, stop)
			return nil, nil
		}
	}
	if !m.changed && len(m.release.Pins) == 0 {
		if asked {
			j.skip(&j.nothing, dir, "nothing changed since "+h.Base(j.o.pre != "").Name)
		}
		return nil, nil
	}
	w := j.wish(asked)
	// What nobody sees is no release, unless one is asked for, or it makes a
	// pre-release final.
	if b := m.release.Previous; b != nil && m.release.Level == change.None && w.Level == "" && w.Version == nil && b == h.Newest {
		j.skip(&j.nothing, dir, fmt.Sprintf("nothing that a caller sees changed since %s; --level patch releases it all the same", b.Name))
		return nil, nil
	}
	if err := j.choose(m, w); err != nil {
		j.refuse(err)
		return nil, nil
	}
	return m, nil
}

func (j *releaseJob) refuse(err error) { j.refused = append(j.refused, err) }

// follow takes the release of a module that m uses into account. stop says why
// m cannot follow.
func (j *releaseJob) follow(ctx context.Context, m *judged, l moduleLink, used *judged) (stop string, err error) {
	tag := used.release.Tag
	if !slices.Contains(m.release.Uses, tag) {
		m.release.Uses = append(m.release.Uses, tag)
	}
	from := used.history.Base(false)
	if l.pinned {
		if from = used.history.Find(l.call.Release.Version); from == nil || !from.Version.LessThan(used.release.Version) {
			return "", nil
		}
	}
	if from == nil {
		return "", nil // it had no release before
	}
	old, _, err := j.load(ctx, from.Commit, used.dir, from.Name)
	if err != nil {
		return "", err
	}
	if b := j.breaks(l, old, used.version); b != nil {
		return fmt.Sprintf("it cannot take %s as it is: %s (%s:%d)", tag, b.Summary, b.File, b.Line), nil
	}
	if !l.pinned {
		if m.changed {
			m.release.Add(release.Reason{Level: change.Patch, Source: release.FromDependency, Summary: fmt.Sprintf("it calls %s, which is %s now", used.release.Name, tag), File: l.call.File().Path, Line: l.call.Line()})
		}
		return "", nil
	}
	m.release.Pins = append(m.release.Pins, release.Pin{File: l.call.File().Path, Line: l.call.Line(), Call: l.call.Name(), From: l.call.Source.Ref, To: j.refFor(l, tag)})
	m.release.Add(release.Reason{Level: change.Patch, Source: release.FromDependency, Summary: fmt.Sprintf("it takes %s instead of %s", tag, from.Name), File: l.call.File().Path, Line: l.call.Line()})
	for _, r := range release.Inner(change.Versions(old, used.version), used.release.Name) {
		m.release.Add(r)
	}
	return "", nil
}

// refFor is the ref that a call gets.
func (j *releaseJob) refFor(l moduleLink, tag string) string {
	if strings.HasPrefix(l.call.Source.Ref, "tags/") || strings.HasPrefix(l.call.Source.Ref, "refs/tags/") {
		return strings.TrimSuffix(l.call.Source.Ref, strings.TrimPrefix(strings.TrimPrefix(l.call.Source.Ref, "refs/"), "tags/")) + tag
	}
	return tag
}

// breaks is where a call breaks that takes the new version; nil for nowhere.
func (j *releaseJob) breaks(l moduleLink, old, new *change.Version) *change.Break {
	from, to := old.Modules[l.sub], new.Modules[l.sub]
	if from == nil {
		return nil
	}
	at := change.Break{File: l.call.File().Path, Line: l.call.Line(), Call: l.call.Name()}
	if to == nil {
		at.Summary = fmt.Sprintf("module %q calls %s, which is gone", l.call.Name(), l.sub)
		return &at
	}
	m := j.graph.Tree.Reload(l.call.Dir)
	if m == nil {
		return nil
	}
	if l.call.Terragrunt != nil {
		return firstBreak(change.InputBreaks(m, from, to))
	}
	for _, tofu := range []bool{false, true} {
		for _, c := range m.Effective(tofu) {
			if c.Name == l.call.Name() {
				return firstBreak(change.Breaks(m, c, from, to))
			}
		}
	}
	return nil
}

func firstBreak(all []change.Break) *change.Break {
	if len(all) == 0 {
		return nil
	}
	return &all[0]
}

// links finds which modules call which, of those that have releases or are
// named: by caller, and as the directories that each one uses.
func (j *releaseJob) links(named []string) (map[string][]moduleLink, map[string][]string) {
	histories := map[string]*release.History{}
	for _, dir := range j.all.Dirs {
		if h, ok := j.all.History(dir); ok && h.Newest != nil {
			histories[dir] = h
		}
	}
	for _, dir := range named {
		if histories[dir] == nil {
			histories[dir] = &release.History{}
		}
	}
	// owner is the module that a directory is part of, "" for none.
	owner := func(dir string) string {
		for d := dir; ; d = path.Dir(d) {
			if histories[d] != nil {
				return d
			}
			if d == "." {
				return ""
			}
		}
	}
	byDir := map[string][]*lint.Call{}
	for _, c := range j.calls {
		if d := j.graph.Dirs[c.Dir]; d == nil || d.Role == modules.RoleExample {
			continue
		}
		byDir[c.Dir] = append(byDir[c.Dir], c)
	}
	links, uses := map[string][]moduleLink{}, map[string][]string{}
	for from := range histories {
		var queue []string
		for dir := range byDir {
			if owner(dir) == from {
				queue = append(queue, dir)
			}
		}
		slices.Sort(queue)
		seen := map[string]bool{}
		for ; len(queue) > 0; queue = queue[1:] {
			if seen[queue[0]] {
				continue
			}
			seen[queue[0]] = true
			for _, c := range byDir[queue[0]] {
				l, ok := j.link(c, histories, owner)
				switch {
				case !ok && c.Target != "" && owner(c.Target) == "":
					queue = append(queue, c.Target) // of no module: it is the caller's
				case ok && l.to != from && (!l.pinned || owner(c.Dir) == from):
					links[from] = append(links[from], l)
					if !slices.Contains(uses[from], l.to) {
						uses[from] = append(uses[from], l.to)
					}
				}
			}
		}
	}
	return links, uses
}

// link says which module a call is of.
func (j *releaseJob) link(c *lint.Call, histories map[string]*release.History, owner func(string) string) (moduleLink, bool) {
	switch {
	case c.Target != "":
		to := owner(c.Target)
		return moduleLink{call: c, to: to, sub: below(c.Target, to)}, to != ""
	case c.Known && c.Source.Kind == hclparse.KindGit && c.Release != nil && !c.Overridden && j.own[modules.RepositoryIdentity(c.Source)]:
		sub := path.Clean("./" + c.Source.Subdir)
		to := owner(sub)
		if to == "" || histories[to].Prefix != c.Release.Prefix {
			return moduleLink{}, false
		}
		return moduleLink{call: c, to: to, sub: below(sub, to), pinned: true}, true
	}
	return moduleLink{}, false
}

// below is a directory relative to one that it is in.
func below(dir, root string) string {
	switch {
	case dir == root:
		return "."
	case root == ".":
		return dir
	}
	return strings.TrimPrefix(dir, root+"/")
}

// refuseState refuses what the repository's state forbids.
func (j *releaseJob) refuseState(ctx context.Context) error {
	// What is not committed may be what the user wants to release: it is said
	// where there is nothing else to release, too.
	if dirty, err := j.repo.Dirty(ctx); err != nil {
		return err
	} else if dirty {
		j.refuse(fmt.Errorf("there are changes that are not committed, and a release is of a commit\nhint: commit them, or put them aside: git stash; `git status` lists them"))
	} else if untracked, err := j.untracked(ctx); err != nil {
		return err
	} else if len(untracked) > 0 {
		j.refuse(fmt.Errorf("%s is not in git, and would be missing from the release\nhint: git add and commit it, or remove it", strings.Join(untracked, ", ")))
	}
	if !j.o.anyBranch && len(j.releases) > 0 {
		const remote = "refs/remotes/origin/HEAD"
		if tip, err := j.repo.Resolve(ctx, remote); err == nil && tip.ID != j.head.ID {
			found := false
			if err := j.rd.Walk(ctx, tip.ID, func(c repo.CommitInfo) error {
				found = found || c.ID == j.head.ID
				return nil
			}); err != nil {
				return err
			}
			if !found {
				j.refuse(fmt.Errorf("HEAD (%s) is not on the default branch of origin, as it was last fetched\nhint: merge or push it first, then git fetch; --any-branch releases it all the same", j.head.ID.String()[:8]))
			}
		}
	}
	return nil
}

// untracked are files of the modules that are to be released that nobody has
// added.
func (j *releaseJob) untracked(ctx context.Context) ([]string, error) {
	if j.repo.Root == "" {
		return nil, nil
	}
	paths, err := j.repo.ChangedSince(ctx, "HEAD")
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(paths, func(p string) bool {
		if !strings.HasSuffix(p, ".tf") && !strings.HasSuffix(p, ".tofu") && !strings.HasSuffix(p, ".tf.json") && !strings.HasSuffix(p, ".tofu.json") {
			return true
		}
		return !slices.ContainsFunc(j.releases, func(r *release.Release) bool { return modules.Within(p, r.Dir) })
	}), nil
}
