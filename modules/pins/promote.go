package pins

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/versions"
)

// A Promote moves the calls of an environment to the versions that the one
// before it runs.
type Promote struct {
	From string // the environment before
	// Running are the modules that From calls. One that is not among them stays,
	// and nothing is said of it.
	Running     map[*versions.Module]Running
	Constraints []versions.Constraint // as of Bump
}

// Running is what an environment runs of a module.
type Running struct {
	// Release is the one that all of its calls have; nil where there is no such.
	Release *versions.Release
	// Commit is the release's commit as one of the calls has it, "" where none
	// does.
	Commit string
	// Reason says why the release is not to be taken, as part of a sentence;
	// Hint is the next step. Without a release there is a reason.
	Reason, Hint string
	Notes        []string // for the moves to it
}

// Runs tells which release an environment's calls of a module have. The
// releases of m are those that are known; the uses may be of another reading of
// the same module, of an older commit say.
func Runs(m *versions.Module, environment string, uses []*versions.Use) Running {
	type at struct {
		release *versions.Release
		places  []string
	}
	var all []*at
	r := Running{}
	for _, u := range uses {
		place := fmt.Sprintf("%s:%d", u.File, u.Line)
		release := known(m, u)
		switch {
		case u.Computed:
			return Running{Reason: fmt.Sprintf("%s has it at a ref that no file tells (%s)", environment, place), Hint: "give the call there a release"}
		case release == nil && m.Registry:
			return Running{Reason: fmt.Sprintf("which version %s runs, its constraint %q does not tell (%s)", environment, u.Ref, place), Hint: "`terrier lock` writes down what it means, `terrier pin` makes it one version"}
		case release == nil && u.Ref == "":
			return Running{Reason: fmt.Sprintf("%s has it without a ref (%s)", environment, place), Hint: "give the call there a release"}
		case release == nil:
			shown := u.Ref
			if u.Call.Pin == hclparse.PinCommit {
				shown = shown[:12]
			}
			return Running{Reason: fmt.Sprintf("%s has it at %s, which is no release (%s)", environment, shown, place), Hint: "give the call there a release"}
		}
		i := slices.IndexFunc(all, func(a *at) bool { return sameRelease(a.release, release) })
		if i < 0 {
			all, i = append(all, &at{release: release}), len(all)
		}
		all[i].places = append(all[i].places, place)
		if u.Call.Pin == hclparse.PinCommit {
			r.Commit = u.Commit
		}
	}
	switch len(all) {
	case 0:
		return Running{Reason: environment + " does not call it"}
	case 1:
		r.Release, r.Commit = all[0].release, cmp.Or(all[0].release.Commit, r.Commit)
		return r
	}
	slices.SortFunc(all, func(a, b *at) int { return a.release.Version.Compare(b.release.Version) })
	var texts []string
	for _, a := range all {
		text := fmt.Sprintf("%s (%s", a.release.Version, a.places[0])
		if n := len(a.places) - 1; n > 0 {
			text += fmt.Sprintf(" and %d more", n)
		}
		texts = append(texts, text+")")
	}
	return Running{Reason: fmt.Sprintf("%s runs several versions: %s", environment, list(texts)), Hint: fmt.Sprintf("bring them to one first: `terrier bump %s@VERSION --env %s`", m.Name, environment)}
}

// known is the release of a use as the module has it: only there are all of its
// tags and their commits. Of a commit it is the one that is on it, whatever the
// comment behind it says; nil where the release of the comment is elsewhere.
func known(m *versions.Module, u *versions.Use) *versions.Release {
	var said, at *versions.Release
	for i := range m.Releases {
		r := &m.Releases[i]
		if u.Release != nil && sameRelease(r, u.Release) {
			said = r
		}
		if u.Commit != "" && strings.EqualFold(r.Commit, u.Commit) {
			at = r // the newest
		}
	}
	switch {
	case u.Call.Pin != hclparse.PinCommit && u.Release != nil:
		return cmp.Or(said, u.Release)
	case said != nil && (said.Commit == "" || strings.EqualFold(said.Commit, u.Commit)):
		return said
	case at != nil:
		return at
	case said != nil:
		return nil
	}
	return u.Release
}

func sameRelease(a, b *versions.Release) bool {
	return a.Prefix == b.Prefix && a.Version.Equal(b.Version) && a.Version.Metadata() == b.Version.Metadata()
}

// Choose decides for each place: a move, or why it stays.
func (b Promote) Choose(places []*Place) (moves []*Move, skipped []Skip) {
	for _, p := range places {
		running, ok := b.Running[p.Module]
		if !ok {
			continue
		}
		move, skip := b.choose(p, running)
		if move != nil {
			moves = append(moves, move)
		} else {
			skipped = append(skipped, *skip)
		}
	}
	return moves, skipped
}

func (b Promote) choose(p *Place, running Running) (*Move, *Skip) {
	stay := func(reason, hint string) (*Move, *Skip) {
		s := p.skip(true, reason, hint)
		return nil, &s
	}
	u, to := p.use(), running.Release
	if slices.ContainsFunc(p.Others, func(o *versions.Use) bool { return o.Environment == b.From }) {
		// Whatever From runs here, the other environment has it, too.
		s := p.skip(false, b.From+" makes the same call", "")
		return nil, &s
	}
	if to == nil {
		return stay(running.Reason, running.Hint)
	}
	release := *to
	release.Commit = cmp.Or(release.Commit, running.Commit)
	cur := known(p.Module, u)
	switch {
	case u.Computed:
	case cur == nil && u.Commit != "" && strings.EqualFold(u.Commit, release.Commit):
		s := p.skip(false, "it is at the commit of "+to.Version.String(), "")
		return nil, &s
	case cur == nil && !p.Module.Registry:
		return stay(unknownPin(u)+", and nobody can tell whether "+to.Version.String()+" is newer",
			fmt.Sprintf("`terrier bump %s@%s --allow-downgrade` takes it all the same", p.Module.Name, to.Version))
	case cur != nil && cur.Prefix == to.Prefix && cur.Version.GreaterThan(to.Version):
		return stay(fmt.Sprintf("it would go back: %s is newer than the %s that %s has", cur.Version, to.Version, b.From), "`terrier bump --allow-downgrade` goes back")
	}
	move, skip := Bump{Versions: map[*versions.Module]*versions.Release{p.Module: &release}, Constraints: b.Constraints}.choose(p)
	switch {
	case skip != nil:
		return nil, skip
	case running.Reason != "":
		return stay(running.Reason, running.Hint)
	case u.Call.Pin == hclparse.PinCommit && release.Commit == "" && !p.Module.Registry:
		return stay("which commit "+to.Tag+" is, nobody has told", "run it without --offline, or `terrier lock` first")
	}
	move.Notes = append(move.Notes, running.Notes...)
	return move, nil
}

// Same reports whether two environments run one release.
func (r Running) Same(o Running) bool {
	return r.Release != nil && o.Release != nil && sameRelease(r.Release, o.Release)
}
