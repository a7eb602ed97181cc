package publish

import (
	"bytes"
	"path"
	"slices"

	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/pins"
)

// A halfway tells the calls of a tree that has some of the changes, without
// reading it again: to read thousands of files anew for each of twenty
// environments takes ten times as long as all the rest.
//
// A directory's calls are made by its own files. So one that has none of its
// changes has the calls of before, and one that has all of them those of after.
type halfway struct {
	before, after map[string][]lock.Call // by directory
	last          map[string][]byte      // the changed files as they are in the end
	dirs          map[string][]string    // and by directory
	known         bool
}

func newHalfway(before, after []lock.Call, stages []pins.Stage) *halfway {
	h := &halfway{before: byDirectory(before), after: byDirectory(after), last: map[string][]byte{}, dirs: map[string][]string{}, known: true}
	for _, s := range stages {
		for p, data := range s.Files {
			if _, ok := h.last[p]; !ok {
				h.dirs[path.Dir(p)] = append(h.dirs[path.Dir(p)], p)
			}
			h.last[p] = data
			// Files of terragrunt are included elsewhere.
			h.known = h.known && path.Ext(p) != ".hcl"
		}
	}
	// Where a file is read through a symlink, or makes the calls of another
	// directory in some other way, these have changed without a change there.
	for dir, calls := range h.after {
		if h.dirs[dir] == nil && !slices.EqualFunc(calls, h.before[dir], sameCall) {
			h.known = false
		}
	}
	for dir := range h.before {
		h.known = h.known && (h.dirs[dir] != nil || h.after[dir] != nil)
	}
	return h
}

func byDirectory(calls []lock.Call) map[string][]lock.Call {
	out := map[string][]lock.Call{}
	for _, c := range calls {
		dir := path.Dir(c.Place.File)
		out[dir] = append(out[dir], c)
	}
	return out
}

func sameCall(a, b lock.Call) bool {
	return a.Place == b.Place && a.Version == b.Version && a.Source.String() == b.Source.String()
}

// calls are those of the tree in which these files are changed already; false
// where only the tree itself can tell.
func (h *halfway) calls(files map[string][]byte) ([]lock.Call, bool) {
	if !h.known {
		return nil, false
	}
	var out []lock.Call
	for dir, calls := range h.before {
		if h.dirs[dir] == nil {
			out = append(out, calls...)
		}
	}
	for dir, changed := range h.dirs {
		done := 0
		for _, p := range changed {
			data, ok := files[p]
			switch {
			case ok && bytes.Equal(data, h.last[p]):
				done++
			case ok:
				return nil, false
			}
		}
		switch done {
		case 0:
			out = append(out, h.before[dir]...)
		case len(changed):
			out = append(out, h.after[dir]...)
		default:
			return nil, false
		}
	}
	return out, true // lock.Run sorts them
}
