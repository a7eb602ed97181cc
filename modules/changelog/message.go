package changelog

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/terrier-iac/terrier/modules/repo"
)

// An Entry is what one commit says of itself.
type Entry struct {
	// Type is the commit's type, in lower case: "feat", "fix" and so on. It is
	// "revert" for what git revert writes, and "" for a message that is no
	// conventional commit.
	Type string
	// Scope is what stands in parentheses behind the type, "" for nothing.
	Scope string
	// Description is the rest of the first line, a "(#123)" at its end
	// included; of a message without a type all of it.
	Description string
	// Breaking says that there is a "!" before the colon, or a footer BREAKING
	// CHANGE, of which BreakingText is the text, on one line.
	Breaking     bool
	BreakingText string
	// Reverts is the commit that it takes back, in hexadecimal digits, perhaps
	// not all of them; "" for none.
	Reverts string
	// Commit is the commit; Parse leaves it zero.
	Commit repo.Hash
	// Merge says that it stands for what a merge has brought.
	Merge bool
}

// The bounds of what is taken from a message, in characters. A first line is
// meant to have 72.
const (
	mostHeader = 200
	mostText   = 1000
	mostWord   = 40
)

var (
	header = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*)(?:\(([^()]*)\))?(!)?: +(\S.*)$`)
	// A footer begins with a token, then ": " or " #".
	breakingFooter = regexp.MustCompile(`^BREAKING[ -]CHANGES?:\s*(.*)$`)
	footer         = regexp.MustCompile(`^(?:[A-Za-z][A-Za-z0-9-]*(?:: | #)|BREAKING[ -]CHANGES?:)`)
	// What git revert, GitHub and GitLab write.
	revertSubject = regexp.MustCompile(`^Revert "(.*)"(.*)$`)
	revertBody    = regexp.MustCompile(`(?m)^This reverts (?:commit|merge request \S+ commit) ([0-9a-f]{7,40})\b`)
	refsFooter    = regexp.MustCompile(`(?mi)^Refs?: ([0-9a-f]{7,40})\b`)
	mergeSubject  = regexp.MustCompile(`^Merge (?:pull request #([0-9]+) from |branch |remote-tracking branch |tag |commit |branches )`)
	mergeRequest  = regexp.MustCompile(`(?m)^See merge request \S*!([0-9]+)$`)
)

// Parse reads a commit's message as a conventional commit. It is false where it
// is none; the entry has then the message's first line as its description, and
// what a footer says is broken.
//
// A message is foreign input: control characters, and characters that turn
// around the text about them, are left out, credentials in addresses are
// masked, and what is beyond all measure is cut.
//
// The form is that of https://www.conventionalcommits.org/en/v1.0.0/. More than
// that: a type may be in any case and is any word; BREAKING CHANGES and a
// footer in the midst of the body count, as the parsers of others have it, and
// so does one in a message without a type, since it can only be meant.
func Parse(message string) (Entry, bool) {
	first, body := split(message)
	e := Entry{Description: tidy(first, mostHeader)}
	e.Breaking, e.BreakingText = breaking(body)
	if m := revertSubject.FindStringSubmatch(first); m != nil {
		e.Type = "revert"
		e.Description = tidy(m[1]+m[2], mostHeader)
		e.Breaking, e.BreakingText = false, "" // of the message that it quotes
		e.Reverts = reverted(body)
		return e, true
	}
	m := header.FindStringSubmatch(first)
	if m == nil || utf8.RuneCountInString(m[1]) > mostWord || m[1] == "BREAKING-CHANGE" {
		return e, false
	}
	e.Type = strings.ToLower(m[1])
	e.Scope = tidy(m[2], mostWord)
	e.Description = tidy(m[4], mostHeader)
	e.Breaking = e.Breaking || m[3] != ""
	if e.Type == "feature" {
		e.Type = "feat"
	}
	if e.Type == "revert" {
		e.Reverts = reverted(body)
	}
	return e, true
}

// parseMerge reads the message of a merge: the forges write the title of the
// request below a first line of their own.
func parseMerge(message string) (Entry, bool) {
	first, body := split(message)
	m := mergeSubject.FindStringSubmatch(first)
	if m == nil {
		return Parse(message)
	}
	title, rest := split(body)
	if title == "" {
		e, _ := Parse(message)
		return e, false
	}
	request := ""
	if m[1] != "" {
		request = "#" + m[1]
	} else if r := mergeRequest.FindStringSubmatch(rest); r != nil {
		request = "!" + r[1]
	}
	e, ok := Parse(title + "\n\n" + rest)
	if request != "" && !strings.Contains(e.Description, request) {
		e.Description += " (" + request + ")"
	}
	return e, ok
}

// split takes the first line that holds something.
func split(message string) (first, rest string) {
	message = strings.TrimLeft(strings.ReplaceAll(message, "\r\n", "\n"), " \t\r\n")
	first, rest, _ = strings.Cut(message, "\n")
	return strings.TrimSpace(first), rest
}

func reverted(body string) string {
	if m := revertBody.FindStringSubmatch(body); m != nil {
		return m[1]
	}
	if m := refsFooter.FindStringSubmatch(body); m != nil {
		return strings.ToLower(m[1])
	}
	return ""
}

// breaking finds what the footers say is broken.
func breaking(body string) (bool, string) {
	var text []string
	found, inside := false, false
	for line := range strings.Lines(body) {
		line = strings.TrimSpace(line)
		switch m := breakingFooter.FindStringSubmatch(line); {
		case m != nil:
			found, inside = true, true
			text = append(text, m[1])
		case footer.MatchString(line):
			inside = false
		case inside:
			text = append(text, line)
		}
	}
	return found, tidy(strings.Join(text, " "), mostText)
}

// tidy makes a text one line that can be shown anywhere.
func tidy(text string, most int) string {
	// A word of a megabyte need not be looked at.
	if len(text) > 8*most {
		text = text[:8*most]
	}
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case r == utf8.RuneError, unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r):
			return -1
		}
		return r
	}, text)
	text = strings.Join(strings.Fields(repo.RedactURL(text)), " ")
	if r := []rune(text); len(r) > most {
		text = string(r[:most-1]) + "…"
	}
	return text
}

// decode gives a message in UTF-8. Of the encodings that a commit can name the
// one is read that is of any number, Latin-1; the others' letters beyond ASCII
// are lost.
func decode(c *repo.Commit) string {
	if utf8.ValidString(c.Message) {
		return c.Message
	}
	switch strings.ToLower(c.Encoding) {
	case "iso-8859-1", "iso8859-1", "latin1", "latin-1":
		out := make([]rune, 0, len(c.Message))
		for _, b := range []byte(c.Message) {
			out = append(out, rune(b))
		}
		return string(out)
	}
	return strings.ToValidUTF8(c.Message, "")
}
