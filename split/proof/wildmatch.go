package proof

import "strings"

// maxSteps bounds the work of one match: stars upon stars can make it grow
// beyond any time.
const maxSteps = 100_000

// The results of a match, as in git: an abort says that no later place of the
// text, or none before the next **, can match either.
type matching int

const (
	matchYes matching = iota
	matchNo
	matchAbort
	matchAbortToStars
)

// A glob matches paths as git's wildmatch does. No library of ours agrees with
// git on ranges, backslashes and where ** counts, and the difference would be
// an attribute that is seen where git sees none.
type glob struct {
	pathname bool // * and ? do not match a slash
	steps    int
}

// wildmatch reports whether the whole text matches. It is not ok where the
// work was given up.
func wildmatch(pattern, text string, pathname bool) (matched, ok bool) {
	g := &glob{pathname: pathname}
	m := g.match(pattern, text)
	return m == matchYes, g.steps <= maxSteps
}

// at returns a byte, 0 after the end.
func at(s string, i int) byte {
	if i < 0 || i >= len(s) {
		return 0
	}
	return s[i]
}

func (g *glob) match(p, text string) matching {
	i, t := 0, 0
	for ; i < len(p); i, t = i+1, t+1 {
		if g.steps++; g.steps > maxSteps {
			return matchAbort
		}
		c, in := p[i], at(text, t)
		if in == 0 && c != '*' {
			return matchAbort
		}
		switch c {
		case '?':
			if g.pathname && in == '/' {
				return matchNo
			}
		case '*':
			m, atSlash := g.star(p, text, &i, &t)
			if !atSlash {
				return m
			}
		case '[':
			m := g.set(p, in, &i)
			if m != matchYes {
				return m
			}
		case '\\':
			if i++; in != at(p, i) {
				return matchNo
			}
		default:
			if in != c {
				return matchNo
			}
		}
	}
	if t < len(text) {
		return matchNo
	}
	return matchYes
}

// star matches from a * on. With atSlash the match goes on behind the slashes
// that i and t then stand at.
func (g *glob) star(p, text string, i, t *int) (m matching, atSlash bool) {
	slashes := !g.pathname
	before := *i - 1
	if *i++; at(p, *i) == '*' {
		for at(p, *i) == '*' {
			*i++
		}
		end := at(p, *i)
		if g.pathname && (before < 0 || p[before] == '/') && (end == 0 || end == '/' || end == '\\' && at(p, *i+1) == '/') {
			if end == '/' && g.match(p[*i+1:], text[*t:]) == matchYes {
				return matchYes, false
			}
			slashes = true
		}
	}
	switch rest := text[*t:]; {
	case *i >= len(p):
		if !slashes && strings.Contains(rest, "/") {
			return matchAbortToStars, false
		}
		return matchYes, false
	case !slashes && p[*i] == '/':
		slash := strings.IndexByte(rest, '/')
		if slash < 0 {
			return matchAbort, false
		}
		*t += slash
		return matchYes, true
	}
	for ; *t < len(text); *t++ {
		if g.steps++; g.steps > maxSteps {
			return matchAbort, false
		}
		m := g.match(p[*i:], text[*t:])
		if m != matchNo {
			if !slashes || m != matchAbortToStars {
				return m, false
			}
		} else if !slashes && text[*t] == '/' {
			return matchAbortToStars, false
		}
	}
	return matchAbort, false
}

// set matches one byte with a bracket expression, and leaves i at its end.
func (g *glob) set(p string, in byte, i *int) matching {
	*i++
	c := at(p, *i)
	negated := c == '!' || c == '^'
	if negated {
		*i++
		c = at(p, *i)
	}
	matched := false
	for before := byte(0); ; {
		switch {
		case c == 0:
			return matchAbort
		case c == '\\':
			*i++
			if c = at(p, *i); c == 0 {
				return matchAbort
			}
			matched = matched || in == c
		case c == '-' && before != 0 && at(p, *i+1) != 0 && p[*i+1] != ']':
			*i++
			if c = p[*i]; c == '\\' {
				*i++
				if c = at(p, *i); c == 0 {
					return matchAbort
				}
			}
			matched = matched || in >= before && in <= c
			c = 0
		case c == '[' && at(p, *i+1) == ':':
			from := *i + 2
			end := strings.IndexByte(p[from:], ']')
			if end < 0 {
				return matchAbort
			}
			name, isClass := strings.CutSuffix(p[from:from+end], ":")
			if !isClass {
				matched = matched || in == '['
				break // a [ among others
			}
			is, known := classes[name]
			if !known {
				return matchAbort
			}
			matched = matched || is(in)
			*i, c = from+end, 0
		default:
			matched = matched || in == c
		}
		before = c
		*i++
		if c = at(p, *i); c == ']' {
			break
		}
	}
	if matched == negated || g.pathname && in == '/' {
		return matchNo
	}
	return matchYes
}

func isLower(c byte) bool { return c >= 'a' && c <= 'z' }
func isUpper(c byte) bool { return c >= 'A' && c <= 'Z' }
func isDigit(c byte) bool { return c >= '0' && c <= '9' }
func isGraph(c byte) bool { return c > ' ' && c < 0x7f }
func isAlnum(c byte) bool { return isLower(c) || isUpper(c) || isDigit(c) }

var classes = map[string]func(byte) bool{
	"alnum": isAlnum, "alpha": func(c byte) bool { return isLower(c) || isUpper(c) }, "blank": func(c byte) bool { return c == ' ' || c == '\t' },
	"cntrl": func(c byte) bool { return c < ' ' || c == 0x7f }, "digit": isDigit, "graph": isGraph, "lower": isLower,
	"print": func(c byte) bool { return c >= ' ' && c < 0x7f }, "punct": func(c byte) bool { return isGraph(c) && !isAlnum(c) },
	"space": func(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }, "upper": isUpper,
	"xdigit": func(c byte) bool { return isDigit(c) || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F' },
}
