package fetch

import (
	"path"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	goversion "github.com/hashicorp/go-version"
)

// Nearest are the three names most like name, by the closest of their forms.
func Nearest(name string, names []string, forms func(string) []string) []string {
	type near struct {
		name     string
		distance int
	}
	var all []near
	for _, n := range names {
		best := 1 << 30
		for _, f := range forms(n) {
			best = min(best, levenshtein.Distance(name, f, nil))
		}
		all = append(all, near{n, best})
	}
	slices.SortFunc(all, func(a, b near) int {
		if a.distance != b.distance {
			return a.distance - b.distance
		}
		return strings.Compare(b.name, a.name) // of equals the higher version
	})
	var out []string
	for _, n := range all[:min(3, len(all))] {
		out = append(out, n.name)
	}
	return out
}

// NearestVersions are the three tags nearest to a version: by their numbers
// where it has some, else by how they are spelled.
func NearestVersions(rev string, tags []string) []string {
	want := numbers(rev)
	if want == nil {
		return Nearest(rev, tags, func(s string) []string { return []string{s, path.Base(s)} })
	}
	// How far in each number; of equals the more alike, then the higher.
	key := func(tag string) []int64 {
		n := numbers(tag)
		if n == nil {
			return []int64{1 << 40}
		}
		out := make([]int64, 0, 7)
		for i := range want {
			out = append(out, max(want[i]-n[i], n[i]-want[i]))
		}
		out = append(out, int64(levenshtein.Distance(rev, tag, nil)))
		for i := range n {
			out = append(out, -n[i])
		}
		return out
	}
	sorted := slices.Clone(tags)
	slices.SortFunc(sorted, func(a, b string) int {
		if c := slices.Compare(key(a), key(b)); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
	return sorted[:min(3, len(sorted))]
}

// numbers are the three numbers of what ends in a version; nil for what does
// not.
func numbers(tag string) []int64 {
	at := strings.LastIndexAny(tag, "/-") + 1
	v, err := goversion.NewVersion(tag[at:])
	if err != nil {
		if v, err = goversion.NewVersion(tag[strings.LastIndex(tag, "/")+1:]); err != nil {
			return nil
		}
	}
	return v.Segments64()[:3]
}
