package versions

// A place is where a call is written.
type place struct {
	file, name string
	line, byte int
}

func (u *Use) place() place {
	return place{u.File, u.Call.Name(), u.Line, u.Call.SourceRange().Start.Byte}
}

// Groups are the module's calls by the place where they are written, in the
// order of Uses; those that Keep has taken out are in others. A place where no
// use is left is not there.
func (m *Module) Groups() (uses, others [][]*Use) {
	kept := make(map[*Use]bool, len(m.Uses))
	at := map[place]int{}
	for _, u := range m.Uses {
		kept[u] = true
		i, ok := at[u.place()]
		if !ok {
			i = len(uses)
			at[u.place()] = i
			uses, others = append(uses, nil), append(others, nil)
		}
		uses[i] = append(uses[i], u)
	}
	for _, u := range m.every {
		if i, ok := at[u.place()]; ok && !kept[u] {
			others[i] = append(others[i], u)
		}
	}
	return uses, others
}
