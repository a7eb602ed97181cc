package pins

import (
	"fmt"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/rewrite"
	"github.com/terrier-iac/terrier/modules/versions"
)

// A Level says how far a bump may go where no version is named.
type Level string

const (
	Allowed Level = ""       // the newest release that the configuration and a registry call's own range allow
	Patch   Level = "patch"  // the newest that the configuration allows with the same major and minor number
	Minor   Level = "minor"  // the newest that it allows with the same major number
	Major   Level = "major"  // the newest that it allows; a range moves along
	Latest  Level = "latest" // the newest of all, allowed or not
)

// A Bump says what calls are to move to.
type Bump struct {
	// Versions are the releases of the modules that have one named; the level
	// decides for all others.
	Versions map[*versions.Module]*versions.Release
	Level    Level
	// Constraints are what the configuration allows. A named version outside of
	// it is not taken.
	Constraints []versions.Constraint
	Pre         bool // pre-releases count
	// Back allows a move to an older release, and one from a ref of which
	// nobody can tell whether it is older.
	Back bool
}

// Choose decides for each place: a move, or why it stays.
func (b Bump) Choose(places []*Place) (moves []*Move, skipped []Skip) {
	for _, p := range places {
		move, skip := b.choose(p)
		if move != nil {
			moves = append(moves, move)
		} else {
			skipped = append(skipped, *skip)
		}
	}
	return moves, skipped
}

func (b Bump) choose(p *Place) (*Move, *Skip) {
	stay := func(asked bool, reason, hint string) (*Move, *Skip) {
		s := p.skip(asked, reason, hint)
		return nil, &s
	}
	u, m := p.use(), p.Module
	named := b.Versions[m]
	switch cur := u.Release; {
	case u.Computed:
		return stay(true, "its ref is made of what no file tells", "set it by hand, where it comes from")
	case !m.Whole && named == nil:
		return stay(true, "which releases there are, nobody has told", "")
	case len(m.Releases) == 0 && m.Registry:
		return stay(true, "its registry lists no version of it", "")
	case len(m.Releases) == 0:
		return stay(true, "no tag of its repository reads as a version of it", "`terrier release` makes the first one")
	case cur != nil && cur.Prefix != m.Prefix && !m.Registry:
		return stay(true, fmt.Sprintf("%s is no release of it, whose tags begin with %q", cur.Tag, m.Prefix), "")
	}
	to, why, asked := b.target(p)
	if to == nil {
		return stay(asked, why, "")
	}
	move := &Move{Place: p, To: to}
	if m.Registry {
		move.Pin.Version = to.Tag
		if u.Call.Pin == hclparse.PinRange && versions.Allows(u.Ref, to) {
			return stay(false, fmt.Sprintf("its constraint %q allows %s as it is", u.Ref, to.Version), "")
		}
		if u.Ref == "" {
			return stay(true, "it has no version argument", fmt.Sprintf("write version = %q there", to.Version))
		}
	} else {
		move.Pin = gitPin(p, to)
	}
	switch cur := u.Release; {
	case cur != nil && cur.Version.GreaterThan(to.Version):
		if !b.Back {
			return stay(named != nil, fmt.Sprintf("%s is newer than %s", cur.Version, to.Version), "--allow-downgrade goes back")
		}
		move.Notes = append(move.Notes, "goes back")
	case cur != nil && cur.Version.Equal(to.Version) && cur.Version.Metadata() == to.Version.Metadata():
		return stay(false, "it is at "+cur.Version.String(), "")
	case cur == nil && !m.Registry && !b.Back:
		return stay(true, unknownPin(u)+", and nobody can tell whether "+to.Version.String()+" is newer", "--allow-downgrade takes it all the same")
	}
	if !m.Registry && u.Call.Pin == hclparse.PinCommit && to.Commit == "" {
		return stay(true, "which commit "+to.Tag+" is, nobody has told, and a commit does not become a tag", "run it without --offline")
	}
	if !m.Registry && move.Pin.Ref == to.Tag {
		if s := shadowed(m, u, spelledAs(u.Ref, to.Tag)); s != nil {
			return stay(s.asked, s.reason, s.hint)
		}
	}
	return move, nil
}

// unknownPin says what a pin is that is no release.
func unknownPin(u *versions.Use) string {
	switch {
	case u.Ref == "":
		return "it has no ref"
	case u.Call.Pin == hclparse.PinRange:
		return fmt.Sprintf("what its constraint %q leads to, no lock tells", u.Ref)
	case u.Call.Pin == hclparse.PinCommit && u.Call.Comment != nil:
		return fmt.Sprintf("no release is on %s, whatever its comment says", u.Shown())
	case u.Call.Pin == hclparse.PinCommit:
		return fmt.Sprintf("no release is on %s", u.Shown())
	}
	return fmt.Sprintf("its ref %s is no release", u.Ref)
}

// gitPin writes a release in the way in which the place has its own.
func gitPin(p *Place, to *versions.Release) rewrite.Pin {
	pin := rewrite.Pin{Ref: to.Tag, Comment: to.Tag}
	if p.use().Call.Pin == hclparse.PinCommit && to.Commit != "" {
		pin.Ref = to.Commit
	}
	if c := p.use().Call.Comment; c != nil {
		pin.Comment = like(c.Text, to)
	}
	return pin
}

// spelledAs is a tag behind what stands before the one that is written now:
// tags/ or refs/tags/.
func spelledAs(old, tag string) string {
	for _, prefix := range []string{"refs/tags/", "tags/"} {
		if strings.HasPrefix(old, prefix) {
			return prefix + tag
		}
	}
	return tag
}

// like spells a release as a comment does: with or without the prefix of its
// tag, and v.
func like(text string, to *versions.Release) string {
	if to.Prefix != "" && !strings.HasPrefix(text, to.Prefix) {
		spelled := strings.TrimPrefix(to.Tag, to.Prefix)
		if text != "" && text[0] >= '0' && text[0] <= '9' {
			return to.Version.Original()
		}
		return spelled
	}
	if rest := strings.TrimPrefix(text, to.Prefix); rest != "" && rest[0] >= '0' && rest[0] <= '9' {
		return to.Prefix + strings.TrimLeft(to.Version.Original(), "vV")
	}
	return to.Tag
}

// target is the release that a place moves to, or why there is none; asked
// says that this leaves undone what was asked for.
func (b Bump) target(p *Place) (to *versions.Release, why string, asked bool) {
	m, cur := p.Module, p.use().Release
	constraint := b.constraint(m)
	if named := b.Versions[m]; named != nil {
		if constraint != "" && !versions.Allows(constraint, named) {
			return nil, fmt.Sprintf("terrier.hcl allows %s, and not %s", constraint, named.Version), true
		}
		return named, "", false
	}
	pre := b.Pre || cur != nil && cur.Prerelease()
	level := b.Level
	if level == Latest {
		constraint = ""
	}
	if (level == Patch || level == Minor) && cur == nil {
		return nil, unknownPin(p.use()) + ", so it has no " + string(level) + " releases", true
	}
	// Where nobody says how far, the range that the call has is what is allowed,
	// too: "~> 4.0" is left to lead where it leads.
	own := ""
	if u := p.use(); level == Allowed && m.Registry && u.Call.Pin == hclparse.PinRange && versions.CheckConstraint(u.Ref) == nil {
		own = u.Ref
	}
	for i := len(m.Releases) - 1; i >= 0; i-- {
		r := &m.Releases[i]
		switch {
		case r.Prerelease() && !pre:
		case own != "" && !versions.Allows(own, r):
		case constraint != "" && !versions.Allows(constraint, r):
		case level == Patch && (r.Version.Major() != cur.Version.Major() || r.Version.Minor() != cur.Version.Minor()):
		case level == Minor && r.Version.Major() != cur.Version.Major():
		default:
			return r, "", false
		}
	}
	if own != "" {
		return nil, fmt.Sprintf("no release is what its constraint %q and terrier.hcl allow", own), true
	}
	if constraint != "" {
		return nil, fmt.Sprintf("terrier.hcl allows %s, and no release is that", constraint), true
	}
	return nil, "there is no such release", level != Patch && level != Minor
}

func (b Bump) constraint(m *versions.Module) string {
	for _, c := range b.Constraints {
		if m.Matches(c.Module) {
			return c.Version
		}
	}
	return ""
}
