package release

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"github.com/Masterminds/semver/v3"

	"github.com/terrier-iac/terrier/modules/change"
)

// A Wish is what the user asks for.
type Wish struct {
	Level   change.Level    // at least; "" for what the changes call for
	Version *semver.Version // this one; nil for the next
	Pre     string          // a pre-release of this name ("rc"); "" for none
	First   *semver.Version // of a module without releases
}

var (
	// ErrTooLow says that the changes call for more than was asked for.
	ErrTooLow = errors.New("is too low")
	// ErrNotAbove says that a version is not higher than the last one.
	ErrNotAbove = errors.New("is not above the last release")
	// ErrExists says that a version was released already.
	ErrExists = errors.New("is there already")
	// ErrWish says that what was asked for means nothing.
	ErrWish = errors.New("cannot be asked for")
)

var preName = regexp.MustCompile(`^[A-Za-z][0-9A-Za-z-]*$`)

// Next is the version that comes after h's, where the changes since call for a
// level. It is never lower than that; a Wish can only raise it.
//
// Below 1.0.0 what breaks raises the minor version, and the rest the patch or
// minor as ever: semver's fourth item lets everything change there, and a
// module does not become stable by breaking. A Wish for major makes it 1.0.0.
//
// After a pre-release the version that it was one of is the least.
func Next(h *History, called change.Level, w Wish) (*semver.Version, error) {
	if w.Pre != "" && !preName.MatchString(w.Pre) {
		return nil, fmt.Errorf("the pre-release %q %w\nhint: a letter, then letters, digits and dashes: rc, beta", w.Pre, ErrWish)
	}
	if w.Level != "" && w.Level.Less(called) {
		return nil, fmt.Errorf("the level %s %w: the changes since %s are %s\nhint: leave --level out, or raise it", w.Level, ErrTooLow, h.Base(false).Name, called)
	}
	if w.Level != "" && h.Newest == nil {
		return nil, fmt.Errorf("a level %w of the first release\nhint: --to names its version", ErrWish)
	}
	least := h.least(called, w)
	next := least
	switch {
	case w.Version != nil:
		next = w.Version
		if h.Newest != nil && core(next).LessThan(least) {
			return nil, fmt.Errorf("%s %w: the changes since %s are %s, which makes it %s at least\nhint: %s, or a higher one", next, ErrTooLow, h.Base(false).Name, called, least, h.Spelled(least))
		}
	case w.Pre != "":
		n := 1
		for _, t := range h.Tags {
			name, number, _ := strings.Cut(t.Version.Prerelease(), ".")
			if i, err := strconv.Atoi(number); err == nil && name == w.Pre && core(t.Version).Equal(core(least)) {
				n = max(n, i+1)
			}
		}
		v, err := core(least).SetPrerelease(fmt.Sprintf("%s.%d", w.Pre, n))
		if err != nil {
			return nil, fmt.Errorf("the pre-release %q %w: %v", w.Pre, ErrWish, err)
		}
		next = &v
	}
	if t := h.Find(next); t != nil {
		if t.Reached {
			return nil, fmt.Errorf("%s %w, on %s\nhint: no tag is moved: leave the version out, or give a higher one", t.Name, ErrExists, t.Commit.String()[:8])
		}
		return nil, fmt.Errorf("%s %w, on %s, which is not in the history of what is to be released\nhint: update the branch first, or give a version with --to", t.Name, ErrExists, t.Commit.String()[:8])
	}
	if h.Newest != nil && !next.GreaterThan(h.Newest.Version) {
		return nil, fmt.Errorf("%s %w, %s\nhint: leave the version out, or give a higher one", next, ErrNotAbove, h.Newest.Name)
	}
	return next, nil
}

// least is the lowest version, without a pre-release, that may come.
func (h *History) least(called change.Level, w Wish) *semver.Version {
	var v semver.Version
	switch {
	case h.Final != nil:
		v = Raise(h.Final.Version, called)
		if w.Level != "" {
			raised := Raise(h.Final.Version, w.Level)
			if w.Level == change.Major {
				raised = h.Final.Version.IncMajor()
			}
			if raised.GreaterThan(&v) {
				v = raised
			}
		}
	case h.Newest != nil:
		v = *core(h.Newest.Version) // pre-releases of the first
		if w.Level == change.Major && v.Major() == 0 {
			v = v.IncMajor()
		}
	case w.First != nil:
		v = *w.First
	default:
		v = *semver.New(1, 0, 0, "", "")
	}
	if h.Newest != nil && h.Newest.Version.Prerelease() != "" && core(h.Newest.Version).GreaterThan(&v) {
		v = *core(h.Newest.Version)
	}
	return &v
}

// Raise is the version after v for changes of a level; v for none.
func Raise(v *semver.Version, l change.Level) semver.Version {
	switch {
	case l == change.Major && v.Major() > 0:
		return v.IncMajor()
	case l == change.Major, l == change.Minor:
		return v.IncMinor()
	case l == change.Patch:
		return v.IncPatch()
	}
	return *v
}

// Between is the level by which b is above a.
func Between(a, b *semver.Version) change.Level {
	switch {
	case a.Major() != b.Major():
		return change.Major
	case a.Minor() != b.Minor():
		return change.Minor
	case a.Patch() != b.Patch():
		return change.Patch
	}
	return change.None
}

// core is a version without its pre-release and metadata.
func core(v *semver.Version) *semver.Version {
	return semver.New(v.Major(), v.Minor(), v.Patch(), "", "")
}
