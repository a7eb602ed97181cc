package change

import (
	"fmt"
	"sort"
	"strings"

	"github.com/hashicorp/go-version"
)

// A shift is how the versions that two constraints allow compare.
type shift struct {
	lost, gained bool
	// whole says that no version is left of a major release of which there
	// were some, or that one above what is left is gone.
	whole bool
}

// versions is what two version constraints have in common. ok is false where
// one of them cannot be read.
//
// They are compared at every version where one of them can change its answer:
// those that they name, and their neighbours.
func versions(old, new string) (s shift, ok bool) {
	a, err1 := constraints(old)
	b, err2 := constraints(new)
	if err1 != nil || err2 != nil {
		return shift{}, false
	}
	all := probes(old + "," + new)
	sort.Sort(version.Collection(all))
	was, left := map[int64]bool{}, map[int64]bool{} // by major release
	below := false                                  // the last one that was allowed is so
	for _, v := range all {
		x, y := a.Check(v), b.Check(v)
		s.lost = s.lost || x && !y
		s.gained = s.gained || y && !x
		major := v.Segments64()[0]
		if major == 0 { // 0.12 is to 0.11 what 2 is to 1
			major = -1 - v.Segments64()[1]
		}
		was[major] = was[major] || x
		left[major] = left[major] || x && y
		s.whole = s.whole || x && !y && below
		below = below || x && y
	}
	for major := range was {
		s.whole = s.whole || was[major] && !left[major]
	}
	return s, true
}

func constraints(text string) (version.Constraints, error) {
	if strings.TrimSpace(text) == "" {
		return version.Constraints{}, nil
	}
	return version.NewConstraint(text)
}

// farAway is a number that no real version has.
const farAway = 99_999

func probes(text string) []*version.Version {
	var out []*version.Version
	add := func(s string) {
		if v, err := version.NewVersion(s); err == nil {
			out = append(out, v)
		}
	}
	add("0.0.0")
	add(fmt.Sprintf("%d.0.0", farAway))
	for _, part := range strings.Split(text, ",") {
		part = strings.TrimSpace(strings.TrimLeft(strings.TrimSpace(part), "=!<>~ "))
		v, err := version.NewVersion(part)
		if err != nil {
			continue
		}
		add(part)
		s := v.Segments64()
		for len(s) < 3 {
			s = append(s, 0)
		}
		a, b, c := s[0], s[1], s[2]
		for _, n := range [][3]int64{
			{a, b, c}, {a, b, c - 1}, {a, b, c + 1}, {a, b, farAway}, {a, b - 1, farAway}, {a, b + 1, 0}, {a, b + 1, 1},
			{a, farAway, farAway}, {a - 1, farAway, farAway}, {a + 1, 0, 0}, {a + 1, 0, 1},
		} {
			if n[0] >= 0 && n[1] >= 0 && n[2] >= 0 {
				add(fmt.Sprintf("%d.%d.%d", n[0], n[1], n[2]))
			}
		}
	}
	return out
}
