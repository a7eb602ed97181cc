package proof

import (
	"bytes"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
)

// attributesFile is where git looks for attributes, in each directory.
const attributesFile = ".gitattributes"

// Longer lines and files are not read, as in git.
const maxAttributeLine = 2048

// An attributeRule is one line of a .gitattributes file: what it gives to the
// paths that its pattern matches, or to a macro of its name.
type attributeRule struct {
	dir      string // of the file
	pattern  string
	basename bool // the pattern has no slash, and is for names
	macro    string
	states   []attributeState
}

// An attributeState is an attribute's name and value: stateSet, stateUnset,
// stateUnspecified, or what follows =.
type attributeState struct{ name, value string }

// No value of a line can begin with a blank.
const (
	stateSet         = " set"
	stateUnset       = " unset"
	stateUnspecified = " unspecified"
)

const attributeBlank = " \t\r\n"

// parseAttributes reads a .gitattributes file. A macro may stand only at the
// repository's root; a line that git would not take counts for nothing.
func parseAttributes(data []byte, dir string) []attributeRule {
	var rules []attributeRule
	for _, line := range strings.Split(string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))), "\n") {
		line, _, _ = strings.Cut(line, "\x00")
		if len(line) >= maxAttributeLine {
			continue
		}
		line = strings.TrimLeft(line, attributeBlank)
		if line == "" || line[0] == '#' {
			continue
		}
		r := attributeRule{dir: dir}
		name, rest, quoted := unquoteC(line)
		if !quoted {
			end := strings.IndexAny(line, attributeBlank)
			if end < 0 {
				end = len(line)
			}
			name, rest = line[:end], line[end:]
		}
		if macro, ok := strings.CutPrefix(name, "[attr]"); ok && macro != "" {
			if dir != "." || !attributeName(macro) {
				continue
			}
			r.macro = macro
		}
		if !r.readStates(rest) {
			continue
		}
		if r.macro == "" {
			if strings.HasPrefix(name, "!") || strings.HasSuffix(name, "/") {
				continue // not for files
			}
			r.pattern, r.basename = name, !strings.Contains(name, "/")
		}
		rules = append(rules, r)
	}
	return rules
}

func (r *attributeRule) readStates(text string) bool {
	for _, field := range strings.FieldsFunc(text, func(c rune) bool { return strings.ContainsRune(attributeBlank, c) }) {
		name, value, has := strings.Cut(field, "=")
		s := attributeState{name, stateSet}
		switch {
		case name != "" && name[0] == '-':
			s = attributeState{name[1:], stateUnset}
		case name != "" && name[0] == '!':
			s = attributeState{name[1:], stateUnspecified}
		case has:
			s.value = value
		}
		if !attributeName(s.name) {
			return false // one that is wrong makes git leave out the line
		}
		r.states = append(r.states, s)
	}
	return true
}

func attributeName(name string) bool {
	if name == "" || name[0] == '-' {
		return false
	}
	for i := range len(name) {
		if c := name[i]; !isAlnum(c) && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}

// unquoteC reads a C-style string at the front of a line.
func unquoteC(line string) (text, rest string, ok bool) {
	if line[0] != '"' {
		return "", "", false
	}
	var out []byte
	for i := 1; i < len(line); i++ {
		switch c := line[i]; c {
		case '"':
			return string(out), line[i+1:], true
		case '\\':
			i++
			if j := strings.IndexByte(`abfnrtv\"`, at(line, i)); j >= 0 && at(line, i) != 0 {
				out = append(out, "\a\b\f\n\r\t\v\\\""[j])
				continue
			}
			if i+2 >= len(line) {
				return "", "", false
			}
			n := 0
			for k, limit := range []byte{'3', '7', '7'} {
				d := line[i+k]
				if d < '0' || d > limit {
					return "", "", false
				}
				n = n<<3 | int(d-'0')
			}
			i += 2
			out = append(out, byte(n))
		default:
			out = append(out, c)
		}
	}
	return "", "", false
}

// matches reports whether the rule is for a path, a full one; it is not ok
// where that cannot be told.
func (r *attributeRule) matches(p string) (matched, ok bool) {
	if r.basename {
		return wildmatch(r.pattern, path.Base(p), false)
	}
	if !within(p, r.dir) || p == r.dir {
		return false, true
	}
	if r.dir != "." {
		p = p[len(r.dir)+1:]
	}
	pattern := strings.TrimPrefix(r.pattern, "/")
	// git compares what comes before the first special character by itself,
	// and so ** counts as a directory's even right behind it.
	n := strings.IndexAny(pattern, `*?[\`)
	if n < 0 {
		return pattern == p, true
	}
	if !strings.HasPrefix(p, pattern[:n]) {
		return false, true
	}
	return wildmatch(pattern[n:], p[n:], true)
}

// attributes are the rules of one tree by directory.
type attributes struct {
	rules  map[string][]attributeRule
	macros map[string][]attributeState
	opaque bool // a pattern was given up
}

// readAttributes reads all the attributes of a tree. root, where it is not
// nil, stands for the file at the root.
func (s *snapshot) readAttributes(root []byte) *attributes {
	a := &attributes{rules: map[string][]attributeRule{}}
	for _, f := range s.files {
		if path.Base(f.path) != attributesFile || !f.regular() || f.path == attributesFile && root != nil {
			continue
		}
		// One that cannot be read is told among the files.
		if data, err := s.st.read(f.id, plumbing.BlobObject); err == nil {
			a.rules[path.Dir(f.path)] = parseAttributes(data, path.Dir(f.path))
		}
	}
	if root != nil {
		a.rules["."] = parseAttributes(root, ".")
	}
	a.expand()
	return a
}

// expand reads the macros, of which git has one built in.
func (a *attributes) expand() {
	a.macros = map[string][]attributeState{"binary": {{"diff", stateUnset}, {"merge", stateUnset}, {"text", stateUnset}}}
	for _, r := range a.rules["."] {
		if r.macro != "" {
			a.macros[r.macro] = r.states // the last one counts
		}
	}
}

// of returns the attributes of a file. What is not in it is unspecified.
func (a *attributes) of(p string) map[string]string {
	out := map[string]string{}
	var fill func(states []attributeState)
	fill = func(states []attributeState) {
		for _, s := range slices.Backward(states) {
			if _, ok := out[s.name]; ok {
				continue // what comes later, or stands deeper, has won
			}
			out[s.name] = s.value
			if s.value == stateSet {
				fill(a.macros[s.name])
			}
		}
	}
	for d := path.Dir(p); ; d = path.Dir(d) {
		for i := len(a.rules[d]) - 1; i >= 0; i-- {
			r := &a.rules[d][i]
			if r.macro != "" {
				continue
			}
			matched, ok := r.matches(p)
			a.opaque = a.opaque || !ok
			if matched {
				fill(r.states)
			}
		}
		if d == "." {
			break
		}
	}
	for name, value := range out {
		if value == stateUnspecified {
			delete(out, name)
		}
	}
	return out
}

// A conversion is what a checkout does to a file's bytes, on whatever machine.
type conversion struct {
	lines    string // how line ends are taken: binary, text, auto, and the end that is asked for
	ident    bool
	filter   string
	encoding string
}

// conversionOf follows git's convert.c.
func conversionOf(attrs map[string]string) conversion {
	action := func(value string) string {
		switch value {
		case stateSet:
			return "text"
		case stateUnset:
			return "binary"
		case "auto":
			return "auto"
		case "input":
			return "text lf"
		}
		return ""
	}
	c := conversion{lines: action(attrs["text"]), ident: attrs["ident"] == stateSet}
	if c.lines == "" {
		c.lines = action(attrs["crlf"])
	}
	if eol := attrs["eol"]; c.lines != "binary" && (eol == "lf" || eol == "crlf") {
		if c.lines != "auto" {
			c.lines = "text"
		}
		c.lines += " " + eol
	}
	if f := attrs["filter"]; f != stateSet && f != stateUnset {
		c.filter = f
	}
	c.encoding = attrs["working-tree-encoding"]
	return c
}

// extends reports whether an attributes file is another with more lines around
// it.
func extends(was, is []byte) bool { return bytes.Contains(is, was) }

// exporting are attributes that change what git archive makes of a repository:
// lines that were added must not give them anew.
var exporting = []string{"export-ignore", "export-subst"}

// gitAttributes lets each repository have attributes at its root that the
// monorepo gave it from above, where it needs them: what they do to its files
// is then compared as any other.
func (ck *checker) gitAttributes() {
	for _, a := range ck.afters {
		f, ok := a.file(attributesFile)
		if !ok || f.mode != 0o100644 {
			continue
		}
		p := a.origin(attributesFile)
		was, had := ck.mono.file(p)
		if had = had && ck.holds(a, p); had && was.id == f.id {
			continue
		}
		root := []byte{}
		if had {
			root, _ = ck.mono.st.read(was.id, plumbing.BlobObject)
			if data, err := a.st.read(f.id, plumbing.BlobObject); err != nil || !extends(root, data) {
				continue // told among the files
			}
		}
		needed := ck.differing(a, a.readAttributes(root), nil, nil)
		switch {
		case !needed && had:
			ck.failFile(a.index, "bytes-changed", p, 0, "has other bytes in %s, and no file there needs another attribute", a.repository)
		case needed && !had:
			a.mark(attributesFile)
		}
	}
}

// compareAttributes checks that a checkout of each file gives the same bytes
// as one of the monorepo: that the attributes which matter to them are equal.
func (ck *checker) compareAttributes() error {
	for _, a := range ck.afters {
		if a.root == nil {
			continue
		}
		var names []string
		if f, ok := a.file(attributesFile); ok {
			if was, had := ck.mono.file(a.origin(attributesFile)); !had || was.id != f.id {
				names = exporting
			}
		}
		ck.differing(a, a.readAttributes(nil), names, func(f file, what string) {
			ck.failFile(a.index, "attributes-changed", a.origin(f.path), 0, "is checked out otherwise from %s: %s", a.repository, what)
		})
		if ck.ctx.Err() != nil {
			return ck.ctx.Err()
		}
	}
	return nil
}

// differing reports whether a file of the repository would be checked out
// otherwise than in the monorepo, with the given attributes; names are others
// that it must not set anew. Without tell it stops at the first.
func (ck *checker) differing(a *after, now *attributes, names []string, tell func(f file, what string)) bool {
	if ck.attributes == nil {
		ck.attributes = ck.mono.readAttributes(nil)
	}
	if len(ck.attributes.rules) == 0 && len(now.rules) == 0 {
		return false
	}
	found := false
	for i, f := range a.files {
		if !f.regular() || !a.known[i] && f.path != attributesFile || ck.ctx.Err() != nil {
			continue
		}
		// A symlink that became a file has the bytes that its target had.
		before, after := ck.attributes.of(a.meaning(f.path)), now.of(f.path)
		was, is := conversionOf(before), conversionOf(after)
		if was.ident != is.ident && !a.hasIdent(f) {
			was.ident = is.ident
		}
		what := ""
		if was != is {
			what = fmt.Sprintf("line ends, encoding, ident and filter are %s, in the monorepo %s", is, was)
		}
		for _, name := range names {
			if after[name] == stateSet && before[name] != stateSet && what == "" {
				what = "attribute " + name + " is set, and is not in the monorepo"
			}
		}
		if ck.attributes.opaque || now.opaque {
			what = "a pattern of its attributes is too involved to be compared"
		}
		if what == "" {
			continue
		}
		if found = true; tell == nil {
			return true
		}
		tell(f, what)
	}
	return found
}

func (c conversion) String() string {
	return fmt.Sprintf("%q", []string{c.lines, c.encoding, map[bool]string{true: "ident"}[c.ident], c.filter})
}

// hasIdent reports whether the ident attribute would change a file: it
// replaces $Id$ and $Id: …$, and nothing else.
func (a *after) hasIdent(f file) bool {
	data, err := a.st.read(f.id, plumbing.BlobObject)
	return err != nil || bytes.Contains(data, []byte("$Id"))
}
