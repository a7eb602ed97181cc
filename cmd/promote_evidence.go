package cmd

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/versions"
)

// A promotion is one run of promote.
type promotion struct {
	*pinsRun
	o      promoteOptions
	soak   time.Duration
	from   *estate
	others []*estate // those that come right before --to, too
	lines  map[string]*mainline
	open   []func()
}

// An estate is one environment, and what tells which versions it runs.
type estate struct {
	name   string
	run    *versionsRun // of the clone that it is in
	now    *reading     // the files there, as they are
	whole  bool         // the clone is this environment, and has no name for it
	exempt map[string]bool
	// records are those of the clone where the environment has any, with own,
	// its name in them; else main is the main branch.
	records []runs.Record
	own     string
	main    *mainline
}

// gather finds the environments and what tells of them.
func (p *promotion) gather(ctx context.Context, before []string) error {
	p.lines = map[string]*mainline{}
	here := readingOf(p.versionsRun, p.cfg)
	for _, name := range before {
		e := &estate{name: name, run: p.versionsRun, now: here}
		if name == p.o.from {
			p.from = e
			if p.o.fromDir != "" {
				if err := p.elsewhere(ctx, e); err != nil {
					return err
				}
			}
		} else {
			p.others = append(p.others, e)
		}
	}
	return p.evidence(ctx)
}

func (p *promotion) release() {
	for _, f := range p.open {
		f()
	}
	p.open = nil
}

// elsewhere reads the environment from another clone: by its own configuration
// or, where that has no environments, the whole of it.
func (p *promotion) elsewhere(ctx context.Context, e *estate) error {
	other := *p.app
	other.chdir, other.config = p.o.fromDir, ""
	if !filepath.IsAbs(p.o.fromDir) {
		other.chdir = filepath.Join(p.chdir, p.o.fromDir)
	}
	cfg, err := other.loadConfig()
	if err != nil {
		return fmt.Errorf("--from-dir: %w", err)
	}
	if len(cfg.Environments) == 0 {
		cfg.Environments = []*EnvironmentConfig{{Name: e.name, Stacks: []string{"**", "."}}}
		e.whole = true
	} else if !slices.Contains(cfg.Order(), e.name) {
		return fmt.Errorf("--from-dir %s: its %s has no environment %s\nhint: it has %s", p.o.fromDir, configName, e.name, strings.Join(cfg.Order(), ", "))
	}
	if e.run, err = other.openVersions(ctx, cfg, "", []string{e.name}, nil); err != nil {
		return fmt.Errorf("--from-dir: %w", err)
	}
	p.open = append(p.open, e.run.close)
	for _, u := range e.run.unread {
		u.Source = filepath.ToSlash(filepath.Join(p.o.fromDir, u.Source))
		p.unread = append(p.unread, u)
	}
	e.now = readingOf(e.run, cfg)
	return nil
}

// evidence decides for each environment what tells which versions it runs.
func (p *promotion) evidence(ctx context.Context) error {
	if len(p.from.now.stacks(p.from.name).all) == 0 {
		return fmt.Errorf("%s has no stack in this clone\nhint: --from-dir DIR names the clone that it is in", p.from.name)
	}
	p.others = slices.DeleteFunc(p.others, func(e *estate) bool {
		away := len(e.now.stacks(e.name).all) == 0
		if away {
			p.promotion().Mentioned = append(p.promotion().Mentioned, fmt.Sprintf("%s comes before %s as well, has no stack in this clone, and was not looked at", e.name, p.o.to))
		}
		return away
	})
	if err := p.exempts(); err != nil {
		return err
	}
	read := map[string]*runs.File{}
	for _, e := range append([]*estate{p.from}, p.others...) {
		root := e.run.cfg.Root
		file := read[root]
		if file == nil {
			var err error
			if file, err = runs.Read(root); err != nil {
				return err
			}
			read[root] = file
			if len(file.Damaged) > 0 {
				p.promotion().Mentioned = append(p.promotion().Mentioned, damaged(file.Damaged))
			}
		}
		for _, own := range []string{e.name, ""} {
			if (own != "" || e.whole) && e.records == nil && runs.Of(file.Records, own) {
				e.records, e.own = file.Records, own
			}
		}
		said := report.Evidence{Environment: e.name, Kind: report.EvidenceRuns}
		if e.records != nil {
			if p.o.base != "" && e == p.from {
				return fmt.Errorf("--base: %s has run records (%s), and those say what it runs\nhint: leave --base out", e.name, runs.Name)
			}
		} else {
			var err error
			if e.main, err = p.line(ctx, e); err != nil {
				return err
			}
			// Who calls what is asked of both from here on.
			if _, err := e.main.reading(ctx, e.main.tip.ID); err != nil {
				return err
			}
			said = report.Evidence{Environment: e.name, Kind: report.EvidenceMain, Branch: e.main.name, Commit: e.main.tip.ID.String()}
		}
		p.promotion().Evidence = append(p.promotion().Evidence, said)
	}
	return nil
}

func (p *promotion) promotion() *report.Promotion { return p.pinsRun.promotion }

func damaged(lines []int) string {
	var texts []string
	for i, n := range lines {
		if i == 5 {
			texts = append(texts, fmt.Sprintf("%d more", len(lines)-i))
			break
		}
		texts = append(texts, fmt.Sprint(n))
	}
	noun := "line"
	if len(lines) > 1 {
		noun = "lines"
	}
	return fmt.Sprintf("%s: %s %s hold no record, and do not count", runs.Name, noun, strings.Join(texts, ", "))
}

// exempts finds the stacks that --exempt names.
func (p *promotion) exempts() error {
	all := p.from.now.stacks(p.from.name).all
	p.from.exempt = map[string]bool{}
	for i, g := range p.o.exempt {
		reason := p.o.reasons[min(i, len(p.o.reasons)-1)]
		found := false
		for _, s := range all {
			ok, _ := doublestar.Match(strings.TrimSuffix(g, "/"), s)
			if !ok && strings.TrimSuffix(g, "/") != s {
				continue
			}
			if found = true; !p.from.exempt[s] {
				p.from.exempt[s] = true
				p.exempted = append(p.exempted, report.Exempted{Stack: s, Reason: reason})
			}
		}
		if !found {
			return fmt.Errorf("--exempt %s: %s has no such stack\nhint: it has %s", g, p.from.name, list(all))
		}
	}
	slices.SortFunc(p.exempted, func(a, b report.Exempted) int { return cmp.Compare(a.Stack, b.Stack) })
	return nil
}

// line is the main branch of the clone that an environment is in.
func (p *promotion) line(ctx context.Context, e *estate) (*mainline, error) {
	dir, err := filepath.Abs(e.run.chdir)
	if err != nil {
		return nil, err
	}
	if l := p.lines[dir]; l != nil {
		return l, nil
	}
	r, err := repo.Open(ctx, dir)
	if err != nil && !errors.Is(err, repo.ErrShallow) {
		return nil, fmt.Errorf("%s has no run records, and what is merged cannot be read: %w", e.name, err)
	}
	l := &mainline{run: e.run, repo: r, at: map[repo.Hash]*reading{}}
	if p.o.base != "" && e == p.from {
		l.name = p.o.base
		l.tip, err = r.Resolve(ctx, p.o.base)
	} else {
		l.name, l.tip, err = r.MainBranch(ctx)
		if errors.Is(err, repo.ErrNoMain) {
			err = fmt.Errorf("%s has no run records, and %w\nhint: --base REV names it", e.name, err)
		}
	}
	if err != nil {
		return nil, err
	}
	p.lines[dir] = l
	return l, nil
}

// running is what --from runs of each module that --to calls as well.
func (p *promotion) running(ctx context.Context) (map[*versions.Module]pins.Running, error) {
	out := map[*versions.Module]pins.Running{}
	for _, m := range p.set.Modules {
		r, err := p.runs(ctx, p.from, m, p.soak)
		if err != nil {
			return nil, err
		}
		for _, o := range p.others {
			if r.Release == nil || r.Reason != "" || !o.calls(m) {
				continue
			}
			other, err := p.runs(ctx, o, m, 0)
			if err != nil {
				return nil, err
			}
			switch {
			case other.Reason != "":
				r.Reason, r.Hint = fmt.Sprintf("%s comes before %s as well: %s", o.name, p.o.to, other.Reason), other.Hint
			case !other.Same(r):
				r.Reason = fmt.Sprintf("%s comes before %s as well, and has %s, not %s", o.name, p.o.to, other.Release.Version, r.Release.Version)
				r.Hint = fmt.Sprintf("bring %s to one version in all that come before %s", m.Name, p.o.to)
			}
		}
		out[m] = r
	}
	return out, nil
}

// calls reports whether the environment calls a module, in its files as they are
// or on its main branch.
func (e *estate) calls(m *versions.Module) bool {
	if len(e.now.uses(e, m)) > 0 {
		return true
	}
	return e.main != nil && len(e.main.at[e.main.tip.ID].uses(e, m)) > 0
}

// runs is what an environment runs of a module.
func (p *promotion) runs(ctx context.Context, e *estate, m *versions.Module, soak time.Duration) (pins.Running, error) {
	declared := pins.Runs(m, e.name, e.now.uses(e, m))
	if e.main == nil {
		if declared.Release != nil {
			p.applied(e, m, &declared, soak)
		}
		return declared, nil
	}
	merged, err := e.main.reading(ctx, e.main.tip.ID)
	if err != nil {
		return declared, err
	}
	uses := merged.uses(e, m)
	r := pins.Runs(m, e.name, uses)
	newest := declared.Release
	for _, u := range e.now.uses(e, m) {
		if u.Release != nil && (newest == nil || newest.Version.LessThan(u.Release.Version)) {
			newest = u.Release
		}
	}
	switch {
	case len(uses) == 0 && declared.Release == nil:
		return declared, nil
	case len(uses) == 0:
		declared.Reason, declared.Hint = fmt.Sprintf("%s is in the work tree, not on %s", declared.Release.Version, e.main.name), "merge it first"
		return declared, nil
	case r.Release == nil:
		r.Reason += ", on " + e.main.name
		return r, nil
	case newest != nil && r.Release.Version.LessThan(newest.Version):
		r.Reason, r.Hint = fmt.Sprintf("%s is in the work tree, not on %s", newest.Version, e.main.name), "merge it first"
		r.Release = newest
		return r, nil
	case declared.Release != nil && !declared.Same(r):
		r.Notes = append(r.Notes, fmt.Sprintf("the work tree has %s in %s", declared.Release.Version, e.name))
	}
	if soak > 0 {
		return r, p.soaked(ctx, e, m, &r, soak)
	}
	return r, nil
}

// applied holds what the files say against the run records.
func (p *promotion) applied(e *estate, m *versions.Module, r *pins.Running, soak time.Duration) {
	uses := e.now.uses(e, m)
	identity := modules.Identity(uses[0].Call.Source)
	var missing []string
	var since time.Time
	for _, stack := range e.now.stacksOf(e, uses) {
		if e.exempt[stack] {
			continue
		}
		s := runs.Stand(e.records, stack, e.own, func(all []runs.Module) bool {
			own := recorded(all, identity, m)
			return len(own) > 0 && !slices.ContainsFunc(own, func(x runs.Module) bool { return !isAt(x, *r) })
		})
		switch {
		case s.Settled == nil:
			missing = append(missing, stack+" was never applied, as far as the records go")
		case s.Pending != nil && s.Pending.Action == runs.Apply:
			missing = append(missing, fmt.Sprintf("the apply of %s failed (%s)", stack, minute(s.Pending.Time)))
		case s.Pending != nil:
			missing = append(missing, fmt.Sprintf("%s has changes to apply (planned %s)", stack, minute(s.Pending.Time)))
		case !s.At:
			missing = append(missing, fmt.Sprintf("%s was applied with %s (%s)", stack, shownRecorded(recorded(s.Settled.Modules, identity, m)), minute(s.Settled.Time)))
		case s.Since.After(since):
			since = s.Since
		}
	}
	if len(missing) > 0 {
		text := missing[0]
		if n := len(missing) - 1; n > 0 {
			text += fmt.Sprintf(", and %d more", n)
		}
		r.Reason = fmt.Sprintf("%s is not applied in %s: %s", r.Release.Version, e.name, text)
		r.Hint = "apply it there first; --exempt STACK --reason TEXT leaves a stack out"
		return
	}
	p.wait(e, r, since, soak, "")
}

// wait holds a release back that has not been there for long enough. beyond
// says that it may have been there for longer, and why nobody can tell.
func (p *promotion) wait(e *estate, r *pins.Running, since time.Time, soak time.Duration, beyond string) {
	if soak == 0 || since.IsZero() {
		return
	}
	age := p.now().Sub(since)
	if age >= soak {
		return
	}
	r.Reason = fmt.Sprintf("it is in %s since %s, %s; --soak wants %s", e.name, minute(since), cmp.Or(hours(age), "0 min"), hours(soak))
	r.Hint = beyond
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }

// recorded are the modules of a record that are the one at hand.
func recorded(all []runs.Module, identity string, m *versions.Module) []runs.Module {
	var out []runs.Module
	for _, x := range all {
		s, err := hclparse.ParseSource(x.Source)
		if err != nil {
			continue
		}
		s.Subdir = x.Subdir
		if modules.Identity(s) != identity {
			continue
		}
		// Modules of one repository's root differ by the prefix of their tags.
		if release, ok := parseRef(x.Ref); ok && !m.Registry && x.Subdir == "" && release.Prefix != m.Prefix {
			continue
		}
		out = append(out, x)
	}
	return out
}

func parseRef(ref string) (modules.Release, bool) {
	return modules.ParseRelease(strings.TrimPrefix(strings.TrimPrefix(ref, "refs/"), "tags/"))
}

// isAt reports whether a recorded module is a release: by its commit, where both
// are known.
func isAt(x runs.Module, r pins.Running) bool {
	if x.Commit != "" && r.Commit != "" {
		return strings.EqualFold(x.Commit, r.Commit)
	}
	release, ok := parseRef(x.Ref)
	return ok && release.Prefix == r.Release.Prefix && release.Version.Equal(r.Release.Version) && release.Version.Metadata() == r.Release.Version.Metadata()
}

func shownRecorded(all []runs.Module) string {
	var out []string
	for _, x := range all {
		text := x.Ref
		if x.Commit != "" && !strings.EqualFold(x.Commit, x.Ref) {
			text = strings.TrimSpace(text + " " + x.Commit[:min(12, len(x.Commit))])
		}
		out = append(out, cmp.Or(text, "no version"))
	}
	if len(out) == 0 {
		return "none of it"
	}
	return strings.Join(out, " and ")
}
