package fetch

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// TagPrefixes are those of tags of the module in dir, the most certain first:
// more, which are known, then those of its directory, then none.
func TagPrefixes(dir string, more []string) []string {
	out := slices.Clone(more)
	if dir != "." && dir != "" {
		base := path.Base(dir)
		out = append(out, dir+"/", base+"/", base+"-")
	}
	return append(out, "", "tags/")
}

// OwnTag is the tag that a version of a module means: rev behind the first of
// the prefixes that any tag has, with a v or without; "" for none.
func OwnTag(rev string, prefixes, tags []string) string {
	has := map[string]bool{}
	for _, t := range tags {
		has[t] = true
	}
	for _, p := range prefixes {
		for _, form := range []string{p + rev, p + "v" + rev, p + strings.TrimPrefix(rev, "v")} {
			if has[form] {
				return form
			}
		}
	}
	return ""
}

// NoRevision is the error of a revision that is not there. where is a
// repository in a sentence, which has the tags; the nearest are named.
func NoRevision(rev, module, where string, tags []string) error {
	hint := where + " has no tags"
	if near := NearestVersions(rev, tags); len(near) > 0 {
		hint = "the nearest tags: " + strings.Join(near, ", ")
	}
	return fmt.Errorf("%s has no revision %q of %s\nhint: %s", where, rev, module, hint)
}
