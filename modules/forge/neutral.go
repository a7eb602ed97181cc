package forge

import (
	"regexp"
	"strings"
	"unicode"
)

// apart is put between two characters that mean something together: a
// zero-width space. It is seen neither in text nor in code, and a backslash
// would not do: GitHub looks for mentions in what Markdown has made of it.
const apart = '\u200b'

// Neutral makes text of others (a commit message, a changelog) fit for a body:
// it reads the same, and nothing that it says is acted upon.
//
//   - quick actions of GitLab and commands of bots: "/merge" at the start of a
//     line, which GitLab carries out from a description;
//   - mentions: @user, @org/team, @all;
//   - references, which tell the other issue, and close it after "Closes":
//     #1, o/r#1, GH-1, GL-1, ABC-1 (Jira), !1, &1, $1, [issue:1], and the
//     addresses of issues, requests and the like (they end up as links that
//     lead nowhere);
//   - HTML and its entities ("<!--" would hide what comes after), and images,
//     which end up as links;
//   - control characters, and those that turn the direction of writing.
//
// The rest of Markdown stays, and a code fence that is left open is closed.
// Names of commits stay as they are: they become links and tell nobody but
// GitLab's page of the commit, and people copy them.
//
// Sources: GitLab's lib/gitlab/quick_actions/extractor.rb (a command is
// "^/name", in any case of letters, carriage returns taken out before) and
// docs.gitlab.com/user/markdown "GitLab-specific references"; docs.github.com
// "Autolinked references and URLs"; docs.gitea.com "Automatically linked
// references".
func Neutral(text string) string {
	in := []rune(visible(text))
	at := func(i int) rune {
		if i < 0 || i >= len(in) {
			return '\n'
		}
		return in[i]
	}
	var out strings.Builder
	start := true // nothing on this line so far but what may stand before a command
	for i, r := range in {
		out.WriteRune(r)
		if acts(in[:i], r, at(i+1), start) {
			out.WriteRune(apart)
		}
		start = r == '\n' || start && (strings.ContainsRune(" \t>-+*#.()[]|`~_\ufeff", r) || r == apart || isDigit(r))
	}
	s := out.String()
	if fence := openFence(s); fence != "" {
		s = strings.TrimSuffix(s, "\n") + "\n" + fence + "\n"
	}
	return s
}

// acts reports whether r and next, after what is before them, are the start of
// something that a forge acts upon.
func acts(before []rune, r, next rune, start bool) bool {
	switch r {
	case '/':
		return start && unicode.IsLetter(next) || isDigit(next) && numbered[word(before)]
	case '@':
		// user@host is none: no forge takes a letter or a digit before it.
		return !unicode.IsSpace(next) && next != apart && (len(before) == 0 || !isAlnum(before[len(before)-1]))
	case '#', '$':
		return isDigit(next)
	case '!':
		return isDigit(next) || next == '['
	case '&':
		return isAlnum(next) || next == '#'
	case '<':
		return unicode.IsLetter(next) || strings.ContainsRune("/!?", next)
	case ':':
		// [issue:1], [epic:1], [vulnerability:1] of GitLab.
		s := strings.TrimSuffix(string(before[max(0, len(before)-40):]), "\\")
		return isDigit(next) && bracketed.MatchString(s)
	case '-':
		return isDigit(next) && ticket.MatchString(word(before))
	}
	return false
}

// ticket is what stands before the number of an issue elsewhere: GH, GL, and
// the key of a project of Jira.
var ticket = regexp.MustCompile(`^(?:[A-Z][A-Z0-9_]+|(?i:gh|gl))$`)

// bracketed is what stands before the number in GitLab's long form.
var bracketed = regexp.MustCompile(`\[[A-Za-z_]+$`)

// numbered are the parts of an address before the number of something that
// can be referred to.
var numbered = map[string]bool{
	"issues": true, "pull": true, "pulls": true, "discussions": true,
	"merge_requests": true, "work_items": true, "epics": true, "snippets": true,
	"incidents": true, "incident": true, "details": true, "vulnerabilities": true,
}

// word is the word at the end of s. A backslash after it is passed over: "GH\-1"
// is GH-1 to GitHub, which reads what Markdown has made of it.
func word(s []rune) string {
	if n := len(s); n > 0 && s[n-1] == '\\' {
		s = s[:n-1]
	}
	i := len(s)
	for i > 0 && isWord(s[i-1]) {
		i--
	}
	return string(s[i:])
}

func isDigit(r rune) bool { return '0' <= r && r <= '9' }
func isAlnum(r rune) bool { return isDigit(r) || 'a' <= r|0x20 && r|0x20 <= 'z' }
func isWord(r rune) bool  { return isAlnum(r) || r == '_' }

// visible is s with \n at the ends of its lines and without characters that
// are not seen but change what is.
func visible(s string) string {
	s = strings.ReplaceAll(strings.ToValidUTF8(s, "\ufffd"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case strings.ContainsRune("\n\r\v\f\u0085\u2028\u2029", r):
			return '\n'
		case unicode.IsControl(r), '\u202a' <= r && r <= '\u202e', '\u2066' <= r && r <= '\u2069':
			return -1
		}
		return r
	}, s)
}

// A fence is what starts or ends a block of code (spec.commonmark.org "Fenced
// code blocks"): up to three spaces, its characters, and a word about the code.
var fenceLine = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})(.*)$")

// openFence is the line that ends the block of code in which s ends, "" where
// it ends in none.
func openFence(s string) string {
	open := ""
	for line := range strings.Lines(s) {
		m := fenceLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		switch {
		case m == nil:
		case open == "":
			if m[1][0] == '~' || !strings.Contains(m[2], "`") {
				open = m[1]
			}
		case m[1][0] == open[0] && len(m[1]) >= len(open) && strings.TrimSpace(m[2]) == "":
			open = ""
		}
	}
	return open
}
