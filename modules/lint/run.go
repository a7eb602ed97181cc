package lint

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"slices"

	"github.com/bmatcuk/doublestar/v4"
)

// Run applies the rules and returns what they find, sorted by file, place and
// rule, without what the settings turn off and what the files ignore. Ignores
// that hit nothing, are past their date or make no sense are findings too.
func Run(in *Input, rules []*Rule) []Finding {
	var found []Finding
	all := Calls(in)
	shared := map[string]any{}
	for _, r := range rules {
		if r.Check != nil { // nil for those that Run itself reports
			r.Check(&Pass{Input: in, Rule: r, Calls: all, settings: in.Settings.Rules[r.Name], found: &found, shared: shared})
		}
	}
	found = once(in, found)
	in.settle(found)
	found, own := applyIgnores(in, rules, found)
	in.settle(own)
	found = slices.DeleteFunc(append(found, own...), func(f Finding) bool { return f.Severity == Off })
	sortFindings(found)
	fingerprint(found)
	return found
}

// settle gives each finding the severity that the settings say, Off to those
// that they exclude.
func (in *Input) settle(found []Finding) {
	for i := range found {
		f := &found[i]
		set := in.Settings.Rules[f.Rule]
		if matchesAny(in.Settings.Exclude, f.Range.Filename) || matchesAny(set.Exclude, f.Range.Filename) {
			f.Severity = Off
			continue
		}
		if set.Severity != "" {
			f.Severity = set.Severity
		}
		if s, ok := in.Settings.Environments[in.environmentOf(f.Range.Filename)][f.Rule]; ok {
			f.Severity = s
		}
	}
}

// environmentOf is the environment of the stack that a file is in, or of its
// directory.
func (in *Input) environmentOf(file string) string {
	if in.Environment == nil {
		return ""
	}
	dir := path.Dir(file)
	if stack := in.Graph.StackOf(dir); stack != "" {
		dir = stack
	}
	return in.Environment(dir)
}

func matchesAny(globs []string, file string) bool {
	return slices.ContainsFunc(globs, func(g string) bool {
		ok, err := doublestar.Match(g, file)
		return ok && err == nil
	})
}

// once drops what was found twice in the same bytes: in a file and in a
// symlink to it, or in one that several units include. The file itself is
// kept before a link to it.
func once(in *Input, found []Finding) []Finding {
	real := in.links()
	place := func(f Finding) string { return placeOf(real, f) }
	slices.SortStableFunc(found, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(place(a), place(b)), compareFindings(a, b))
	})
	seen := map[string]int{}
	var out []Finding
	for _, f := range found {
		key := fmt.Sprintf("%s\x00%s\x00%d\x00%d\x00%s", f.Rule, place(f), f.Range.Start.Byte, f.Range.End.Byte, f.Summary)
		if i, ok := seen[key]; ok {
			if real[f.Range.Filename] == "" {
				out[i] = f
			}
			continue
		}
		seen[key] = len(out)
		out = append(out, f)
	}
	return out
}

// links are the configuration files that are symlinks, with the file that each
// leads to.
func (in *Input) links() map[string]string {
	real := map[string]string{}
	for _, m := range in.Graph.Tree.Modules {
		for _, f := range m.Files {
			if f.Real != f.Path {
				real[f.Path] = f.Real
			}
		}
	}
	return real
}

// placeOf is the file whose bytes a finding is in.
func placeOf(links map[string]string, f Finding) string {
	if r := links[f.Range.Filename]; r != "" {
		return r
	}
	return f.Range.Filename
}

func sortFindings(found []Finding) { slices.SortStableFunc(found, compareFindings) }

func compareFindings(a, b Finding) int {
	return cmp.Or(
		cmp.Compare(a.Range.Filename, b.Range.Filename),
		cmp.Compare(a.Range.Start.Line, b.Range.Start.Line),
		cmp.Compare(a.Range.Start.Column, b.Range.Start.Column),
		cmp.Compare(a.Rule, b.Rule),
		cmp.Compare(a.Range.End.Byte, b.Range.End.Byte),
		cmp.Compare(a.Summary, b.Summary),
		cmp.Compare(a.Detail, b.Detail),
	)
}

// fingerprint names each finding by its rule, file and subject; of several
// that are alike, by which of them it is as well.
func fingerprint(found []Finding) {
	alike := map[string]int{}
	for i := range found {
		f := &found[i]
		key := f.Rule + "\x00" + f.Range.Filename + "\x00" + f.Subject
		sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%d", key, alike[key]))
		alike[key]++
		f.Fingerprint = hex.EncodeToString(sum[:])
	}
}
