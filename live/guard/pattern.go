package guard

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A Pattern is a type or an address that is protected.
type Pattern struct {
	text    string
	modules []step // empty for any module
	typ     string
	name    *step // nil for all of the type
}

// A step is a name in an address, and its index as terraform writes it (`0`,
// `"eu"`), "" without one.
type step struct{ name, index string }

// ParsePattern reads a pattern: a type ("aws_db_instance") or an address
// ("aws_s3_bucket.logs", "module.x.aws_db_instance.main"). An address without
// an index is that of each instance, one without a module is in any module, and
// one with modules begins at the root. An error says what is wrong.
func ParsePattern(text string) (Pattern, error) {
	fail := func(why string) (Pattern, error) {
		return Pattern{}, fmt.Errorf("protect: %s %s\nhint: a type (\"aws_db_instance\") or an address (\"aws_s3_bucket.logs\", \"module.x.aws_db_instance.main\")", strconv.Quote(text), why)
	}
	steps, err := parseSteps(text)
	if err != nil {
		return fail("is no address: " + err.Error())
	}
	p := Pattern{text: text}
	for len(steps) > 0 && steps[0].name == "module" {
		if steps[0].index != "" || len(steps) < 2 {
			return fail("is no address: no name follows module")
		}
		p.modules, steps = append(p.modules, steps[1]), steps[2:]
	}
	if len(steps) == 0 {
		return fail("is a module: what is protected is a type or a resource in it")
	}
	if steps[0].name == "data" {
		return fail("is a data source, which nothing destroys")
	}
	if steps[0].index != "" {
		return fail("has an index behind the type")
	}
	p.typ = steps[0].name
	switch len(steps) {
	case 1:
		if len(p.modules) > 0 {
			return fail("has no name behind the type")
		}
	case 2:
		p.name = &steps[1]
	default:
		return fail("has more than a type and a name")
	}
	return p, nil
}

// String is the text that was parsed.
func (p Pattern) String() string { return p.text }

// match says whether the pattern is of an address.
func (p Pattern) match(a address) bool {
	if p.typ != a.typ {
		return false
	}
	if len(p.modules) > 0 {
		if len(p.modules) != len(a.modules) {
			return false
		}
		for i, m := range p.modules {
			if !m.match(a.modules[i]) {
				return false
			}
		}
	}
	return p.name == nil || p.name.match(a.name)
}

func (s step) match(other step) bool {
	return s.name == other.name && (s.index == "" || s.index == other.index)
}

// An address is that of a resource instance, apart.
type address struct {
	modules []step
	typ     string
	name    step
}

// parseAddress reads the address of an instance that is no data source.
func parseAddress(text string) (address, error) {
	var a address
	steps, err := parseSteps(text)
	if err != nil {
		return a, err
	}
	for len(steps) > 2 && steps[0].name == "module" && steps[0].index == "" {
		a.modules, steps = append(a.modules, steps[1]), steps[2:]
	}
	if len(steps) != 2 || steps[0].index != "" {
		return a, fmt.Errorf("it has no type and name")
	}
	a.typ, a.name = steps[0].name, steps[1]
	return a, nil
}

// parseSteps cuts an address at its dots. A key in brackets may hold any
// character, as terraform writes it: a number or a quoted string.
func parseSteps(text string) ([]step, error) {
	var steps []step
	rest := text
	for {
		end := strings.IndexAny(rest, ".[")
		if end < 0 {
			end = len(rest)
		}
		s := step{name: rest[:end]}
		if !hclsyntax.ValidIdentifier(s.name) {
			return nil, fmt.Errorf("%s is no name", strconv.Quote(s.name))
		}
		rest = rest[end:]
		if strings.HasPrefix(rest, "[") {
			var err error
			if s.index, rest, err = cutIndex(rest[1:]); err != nil {
				return nil, err
			}
		}
		steps = append(steps, s)
		if rest == "" {
			return steps, nil
		}
		if rest[0] != '.' {
			return nil, fmt.Errorf("something follows an index")
		}
		rest = rest[1:]
	}
}

// cutIndex reads an index up to its bracket.
func cutIndex(text string) (index, rest string, err error) {
	i := 0
	if strings.HasPrefix(text, `"`) {
		for i = 1; i < len(text) && text[i] != '"'; i++ {
			if text[i] == '\\' {
				i++
			}
		}
		i++
	} else {
		for i < len(text) && text[i] >= '0' && text[i] <= '9' {
			i++
		}
	}
	if i == 0 || i >= len(text) || text[i] != ']' {
		return "", "", fmt.Errorf("an index is neither a number nor a quoted text")
	}
	return text[:i], text[i+1:], nil
}

// clean makes a word of a text that may hold anything.
func clean(s string) string {
	var b strings.Builder
	for i, r := range []rune(s) {
		if i == 300 {
			b.WriteString("…")
			break
		}
		if unicode.IsPrint(r) {
			b.WriteRune(r)
		} else {
			q := strconv.QuoteRune(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}
