package change

import (
	"fmt"
	"strings"

	"github.com/hashicorp/go-version"
)

// versions is what two version constraints have in common. ok is false where
// one of them cannot be read.
//
// They are compared at every version where one of them can change its answer:
// those that they name, and their neighbours.
func versions(old, new string) (lost, gained, ok bool) {
	a, err1 := constraints(old)
	b, err2 := constraints(new)
	if err1 != nil || err2 != nil {
		return false, false, false
	}
	for _, v := range probes(old + "," + new) {
		was, is := a.Check(v), b.Check(v)
		lost = lost || was && !is
		gained = gained || is && !was
	}
	return lost, gained, true
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
