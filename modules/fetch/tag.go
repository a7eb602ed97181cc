package fetch

import (
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/modules"
)

// TagPrefixes are those of tags of the module in a repository's subdirectory,
// the most certain first: more, which are known, then those of its directory,
// then none, and last the repository's name, which says least where the
// repository has tags without.
func TagPrefixes(repository, subdir string, more []string) []string {
	dir, name := modules.TagPrefixes("", path.Clean("./"+subdir))[1:], modules.TagPrefixes(repository, "")[1:]
	return slices.Concat(more, dir, []string{"", "tags/"}, name)
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
