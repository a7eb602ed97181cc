package publish

import "regexp"

// inert makes what a module's authors wrote fit for the message of a commit in
// another repository: it closes no issue there when it is merged, and calls
// nobody. A space does it, which everybody sees: what is not seen (see
// forge.Neutral) git's pager would show as <U+200B>.
//
// Sources: docs.gitlab.com "Default closing pattern", docs.github.com "Linking a
// pull request to an issue".
func inert(text string) string {
	text = closing.ReplaceAllString(text, "$1$2 $3")
	return mention.ReplaceAllString(text, "$1@ $2")
}

var (
	// A word that closes, then a number of this or another project, or the
	// address of an issue.
	closing = regexp.MustCompile(`(?i)\b((?:clos(?:e[sd]?|ing)|fix(?:e[sd]|ing)?|resolv(?:e[sd]?|ing)|implement(?:s|ed|ing)?):?\s+(?:issues?:?\s+)?)((?:[\w.-]+(?:/[\w.-]+)+)?#|GH-|https?:)(\d|//)`)
	mention = regexp.MustCompile(`(^|[^\w@])@(\w)`)
)
