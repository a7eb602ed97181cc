// Package promotion knows whether an environment may have the versions that the
// one before it runs: the order of environments, what the one before really
// runs, by run records or by its main branch, since when, and what the move
// changes.
//
// It writes nothing, asks no remote, and leaves it to package pins to choose and
// to make the moves.
package promotion

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/bmatcuk/doublestar/v4"
	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/versions"
)

// A Clone is a repository that environments are in, as it was read.
type Clone struct {
	Dir   string        // of the repository, or in it
	Root  string        // absolute; run records and lock file are there
	Set   *versions.Set // of the files as they are
	Graph *modules.Graph
	// Environments and EnvironmentsOf are as in versions.Input.
	Environments   []string
	EnvironmentsOf func(dir string) []string
	// AccountOf is the name of an environment's account, "" for none; it may be
	// nil. What There does not say, Here may.
	AccountOf func(environment string) string
	// Load reads the files of another commit in the same way.
	Load func(fs.FS) (*modules.Graph, hcl.Diagnostics)
	// Whole says that all of it is one environment, and that it has no name for
	// that: its run records may have none either.
	Whole bool
}

// A Question is a promotion to look at.
type Question struct {
	From, To string
	Before   []string // those that To comes right behind, From among them
	Here     *Clone   // the one of To and, without There, of all
	There    *Clone   // the one of From; nil for Here
	Base     string   // From's main branch, a revision; "" for what the clone says
	Soak     time.Duration
	Exempt   []Exemption
	Now      func() time.Time // the clock
}

// An Exemption is a stack of From that does not count, or a glob over several.
type Exemption struct{ Stack, Reason string }

// Evidence says from what is known which versions an environment runs: from its
// main branch, or from the run records.
type Evidence struct {
	Environment string
	Branch      string // "" for run records
	Commit      string // of the branch, 40 hexadecimal digits
}

// A Promotion is what is known of the environments before To.
type Promotion struct {
	// Evidence is that of From, then of the others that To comes right behind.
	Evidence []Evidence
	// Exempted are the stacks that do not count, sorted.
	Exempted []Exemption
	// Notes are what else there is to say, a sentence's part each.
	Notes []string

	q      Question
	from   *environment
	others []*environment
	lines  map[string]*mainline // by Dir

	identities map[[2]string]string // of recorded modules, by source and subdirectory
}

// An environment is one, and what tells which versions it runs.
type environment struct {
	name   string
	clone  *Clone
	now    *reading // the files there, as they are
	exempt map[string]bool
	// records are those of the clone where the environment has any; else main is
	// the main branch.
	records runs.History
	main    *mainline
}

// Gather finds the environments before To, and for each what tells which
// versions it runs.
func Gather(ctx context.Context, q Question) (*Promotion, error) {
	p := &Promotion{q: q, lines: map[string]*mainline{}, identities: map[[2]string]string{}}
	here := readingOf(q.Here, q.Here.Set, q.Here.Graph)
	for _, name := range q.Before {
		e := &environment{name: name, clone: q.Here, now: here}
		if name != q.From {
			p.others = append(p.others, e)
			continue
		}
		p.from = e
		if q.There != nil {
			e.clone, e.now = q.There, readingOf(q.There, q.There.Set, q.There.Graph)
		}
	}
	if len(p.from.now.stacks(p.from.name).all) == 0 {
		return nil, fmt.Errorf("%s has no stack in this clone\nhint: --from-dir DIR names the clone that it is in", p.from.name)
	}
	if len(here.stacks(q.To).all) == 0 {
		return nil, fmt.Errorf("%s has no stack in this clone\nhint: the globs of its block in terrier.hcl (stacks) say which are its own", q.To)
	}
	p.others = slices.DeleteFunc(p.others, func(e *environment) bool {
		away := len(e.now.stacks(e.name).all) == 0
		if away {
			p.Notes = append(p.Notes, fmt.Sprintf("%s comes before %s as well, has no stack in this clone, and was not looked at", e.name, q.To))
		}
		return away
	})
	if err := p.exempts(); err != nil {
		return nil, err
	}
	return p, p.evidence(ctx)
}

// evidence decides for each environment what tells which versions it runs.
func (p *Promotion) evidence(ctx context.Context) error {
	read := map[string]*runs.File{}
	for _, e := range append([]*environment{p.from}, p.others...) {
		file := read[e.clone.Root]
		if file == nil {
			var err error
			if file, err = runs.Read(e.clone.Root, p.about); err != nil {
				return err
			}
			read[e.clone.Root] = file
			if len(file.Damaged) > 0 {
				p.Notes = append(p.Notes, damaged(file.Damaged))
			}
		}
		p.records(e, file.Records)
		said := Evidence{Environment: e.name}
		if len(e.records) > 0 {
			if p.q.Base != "" && e == p.from {
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
			said.Branch, said.Commit = e.main.name, e.main.tip.ID.String()
		}
		p.Evidence = append(p.Evidence, said)
	}
	return nil
}

// about reports whether a record may be of an environment before To: of a
// million the others are not worth the memory.
func (p *Promotion) about(r *runs.Record) bool {
	return r.Environment == "" && p.from.clone.Whole || slices.Contains(p.q.Before, r.Environment)
}

// records takes the records of an environment. One of another account tells
// nothing of this one.
func (p *Promotion) records(e *environment, all []runs.Record) {
	account := ""
	for _, c := range []*Clone{e.clone, p.q.Here} {
		if account == "" && c.AccountOf != nil {
			account = c.AccountOf(e.name)
		}
	}
	var others []string
	for _, own := range []string{e.name, ""} {
		if own == "" && !e.clone.Whole || len(e.records) > 0 {
			continue
		}
		e.records = runs.HistoryOf(all, func(r *runs.Record) bool {
			if r.Environment != own {
				return false
			}
			if account == "" || r.Account == "" || r.Account == account {
				return true
			}
			if !slices.Contains(others, r.Account) {
				others = append(others, r.Account)
			}
			return false
		})
	}
	if len(others) > 0 {
		slices.Sort(others)
		p.Notes = append(p.Notes, fmt.Sprintf("%s: records of %s in the account %s do not count: it is in %s", runs.Name, e.name, strings.Join(others, ", "), account))
	}
}

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

// exempts finds the stacks that do not count.
func (p *Promotion) exempts() error {
	all := p.from.now.stacks(p.from.name).all
	p.from.exempt = map[string]bool{}
	for _, x := range p.q.Exempt {
		found := false
		for _, s := range all {
			if !x.names(s) {
				continue
			}
			if found = true; !p.from.exempt[s] {
				p.from.exempt[s] = true
				p.Exempted = append(p.Exempted, Exemption{Stack: s, Reason: x.Reason})
			}
		}
		if !found {
			of := ""
			for _, other := range p.from.clone.Environments {
				if other != p.from.name && slices.ContainsFunc(p.from.now.stacks(other).all, x.names) {
					of = fmt.Sprintf(": it names those of %s", other)
					break
				}
			}
			return fmt.Errorf("--exempt %s: %s has no such stack%s\nhint: it has %s", x.Stack, p.from.name, of, quoted(all))
		}
	}
	slices.SortFunc(p.Exempted, func(a, b Exemption) int { return cmp.Compare(a.Stack, b.Stack) })
	return nil
}

// names reports whether it is about a stack.
func (x Exemption) names(stack string) bool {
	glob := strings.TrimSuffix(x.Stack, "/")
	ok, _ := doublestar.Match(glob, stack)
	return ok || glob == stack
}

// quoted are names for a sentence, not too many.
func quoted(names []string) string {
	const shown = 10
	var out []string
	for _, n := range names[:min(shown, len(names))] {
		out = append(out, fmt.Sprintf("%q", n))
	}
	text := strings.Join(out, ", ")
	if n := len(names) - shown; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}

// Calls reports whether From calls a module, in its files as they are or on its
// main branch.
func (p *Promotion) Calls(m *versions.Module) bool { return p.from.calls(m) }

func (e *environment) calls(m *versions.Module) bool {
	if len(e.now.uses(e, m)) > 0 {
		return true
	}
	return e.main != nil && len(e.main.at[e.main.tip.ID].uses(e, m)) > 0
}

// Shared are the modules of a promotion.
type Shared struct {
	Modules  []*versions.Module // that both environments call
	From, To []string           // names of those that only the one calls, sorted
}

// Share finds the modules that both environments call; the set is that of To's
// clone.
func (p *Promotion) Share(set *versions.Set) Shared {
	s := Shared{Modules: []*versions.Module{}}
	here := map[string]bool{}
	for _, m := range set.Modules {
		here[m.ID] = true
		to := slices.ContainsFunc(m.Uses, func(u *versions.Use) bool { return u.Environment == p.q.To })
		switch from := p.Calls(m); {
		case from && to:
			s.Modules = append(s.Modules, m)
		case from:
			s.From = append(s.From, m.Name)
		case to:
			s.To = append(s.To, m.Name)
		}
	}
	if p.q.There != nil {
		for _, m := range p.q.There.Set.Modules {
			if !here[m.ID] {
				s.From = append(s.From, m.Name)
			}
		}
	}
	slices.Sort(s.From)
	slices.Sort(s.To)
	return s
}

// Running is what From runs of each of the modules; the releases that they have
// are the known ones. Where To comes right behind others, all of those that call
// a module must have the same.
func (p *Promotion) Running(ctx context.Context, all []*versions.Module) (map[*versions.Module]pins.Running, error) {
	out := map[*versions.Module]pins.Running{}
	for _, m := range all {
		r, err := p.runs(ctx, p.from, m, p.q.Soak)
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
				r.Reason, r.Hint = fmt.Sprintf("%s comes before %s as well: %s", o.name, p.q.To, other.Reason), other.Hint
			case !other.Same(r):
				r.Reason = fmt.Sprintf("%s comes before %s as well, and has %s, not %s", o.name, p.q.To, other.Release.Version, r.Release.Version)
				r.Hint = fmt.Sprintf("bring %s to one version in all that come before %s", m.Name, p.q.To)
			}
		}
		out[m] = r
	}
	return out, nil
}

// runs is what an environment runs of a module.
func (p *Promotion) runs(ctx context.Context, e *environment, m *versions.Module, soak time.Duration) (pins.Running, error) {
	uses := e.now.uses(e, m)
	r := pins.Runs(m, e.name, uses)
	switch {
	case e.main != nil:
		return p.merged(ctx, e, m, r, soak)
	case r.Release != nil && p.provable(e, m, e.now.stacksOf(e, uses), &r):
		p.applied(e, m, &r, soak)
	}
	return r, nil
}

// provable holds a release back of which no stack is left that could have it.
func (p *Promotion) provable(e *environment, m *versions.Module, stacks []string, r *pins.Running) bool {
	switch {
	case len(stacks) == 0:
		r.Reason = fmt.Sprintf("no stack of %s is known to make the call, so that nothing tells whether it runs %s", e.name, r.Release.Version)
	case !slices.ContainsFunc(stacks, func(s string) bool { return !e.exempt[s] }):
		r.Reason = fmt.Sprintf("every stack of %s that calls it is exempt, so that nothing tells whether %s works there", e.name, r.Release.Version)
		r.Hint = fmt.Sprintf("`terrier bump %s@%s --env %s` moves it all the same", m.Name, r.Release.Version, p.q.To)
	default:
		return true
	}
	return false
}
