package versions

import "slices"

// A Skew is an environment that runs an older release of a module than
// another.
type Skew struct {
	Environment string
	Release     *Release // its oldest that is behind
	Ahead       string   // the environment with the newest release
	Newest      *Release // that one
	// Behind is how many releases are between, Newest included; AtLeast says
	// that there may be more, which nobody has read.
	Behind  int
	AtLeast bool
}

// Skews says who is behind whom, by environment in the order of Uses.
func (m *Module) Skews() []Skew {
	ahead := m.ahead()
	if ahead == nil {
		return nil
	}
	// A mirror may be older than the newest release in use.
	whole := m.Whole && slices.ContainsFunc(m.Releases, func(r Release) bool { return r.Version.Equal(ahead.Release.Version) })
	var out []Skew
	for _, u := range m.Uses {
		n, ok := m.Between(u.Release, ahead.Release, true)
		if !ok || n == 0 {
			continue
		}
		s := Skew{u.Environment, u.Release, ahead.Environment, ahead.Release, n, !whole}
		i := slices.IndexFunc(out, func(o Skew) bool { return o.Environment == u.Environment })
		switch {
		case i < 0:
			out = append(out, s)
		case out[i].Behind < n:
			out[i] = s
		}
	}
	return out
}

// ahead is the use with the newest release in use of the module's line; nil
// where no release is known. What is in no environment runs nowhere that is
// known of, and counts only where nothing is in one.
func (m *Module) ahead() *Use {
	named := slices.ContainsFunc(m.every, func(u *Use) bool { return u.Environment != "" && u.Release != nil })
	var best *Use
	for _, u := range m.every {
		if u.Release == nil || u.Release.Prefix != m.Prefix || named && u.Environment == "" {
			continue
		}
		if best == nil || u.Release.Version.GreaterThan(best.Release.Version) {
			best = u
		}
	}
	return best
}

// Behind is how many releases a use is behind the newest one in use.
func (m *Module) Behind(u *Use) int {
	ahead := m.ahead()
	if ahead == nil {
		return 0
	}
	n, _ := m.Between(u.Release, ahead.Release, true)
	return n
}
