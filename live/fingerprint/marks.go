package fingerprint

import (
	"encoding/json"
	"strconv"
	"strings"
)

// Marks say which parts of a value are sensitive, as before_sensitive,
// after_sensitive and sensitive_values do.
type marks struct {
	all  bool
	kids map[string]*marks // by key, or by index of a list
}

// readMarks reads JSON marks. What is none (not there, null, a number) marks
// all: whoever does not say what is sensitive may not be shown.
func readMarks(v any) *marks {
	switch v := v.(type) {
	case bool:
		return &marks{all: v}
	case map[string]any:
		m := &marks{kids: map[string]*marks{}}
		for k, e := range v {
			m.kids[k] = readMarks(e)
		}
		return m
	case []any:
		m := &marks{kids: map[string]*marks{}}
		for i, e := range v {
			m.kids[strconv.Itoa(i)] = readMarks(e)
		}
		return m
	}
	return &marks{all: true}
}

func (m *marks) kid(key string) *marks {
	if m == nil {
		return nil
	}
	return m.kids[key]
}

// any is true where a part of the value is sensitive.
func (m *marks) any() bool {
	if m == nil || m.all {
		return m != nil
	}
	for _, k := range m.kids {
		if k.any() {
			return true
		}
	}
	return false
}

func union(a, b *marks) *marks {
	switch {
	case a == nil:
		return b
	case b == nil:
		return a
	case a.all || b.all:
		return &marks{all: true}
	}
	u := &marks{kids: map[string]*marks{}}
	for k, e := range a.kids {
		u.kids[k] = union(e, b.kids[k])
	}
	for k, e := range b.kids {
		if _, done := u.kids[k]; !done {
			u.kids[k] = e
		}
	}
	return u
}

// Secrets are the sensitive texts of one plan. A provider may copy one into an
// attribute that nobody marked (terraform_data does, from input to output), so
// a value that holds one of them is sealed wherever it stands.
type secrets struct {
	exact map[string]bool
	// The longer ones by their first bytes, to find them inside other texts.
	within map[string][]string
}

// Shorter texts than these are words of everyday (on, eu, prod): to seal all
// that hold one would hide the plan and no secret.
const (
	minExact  = 3
	minWithin = 6
)

func newSecrets() *secrets {
	return &secrets{exact: map[string]bool{}, within: map[string][]string{}}
}

// add takes all texts of a sensitive value, keys too.
func (s *secrets) add(v any) {
	switch v := v.(type) {
	case string:
		s.text(v)
	case json.Number:
		s.text(v.String())
	case []any:
		for _, e := range v {
			s.add(e)
		}
	case map[string]any:
		for k, e := range v {
			s.text(k)
			s.add(e)
		}
	}
}

func (s *secrets) text(t string) {
	if len(t) < minExact || s.exact[t] {
		return
	}
	s.exact[t] = true
	if len(t) >= minWithin {
		s.within[t[:minWithin]] = append(s.within[t[:minWithin]], t)
	}
}

// marked takes the parts of a value that marks say.
func (s *secrets) marked(v any, m *marks) {
	if !m.any() {
		return
	}
	if m.all {
		s.add(v)
		return
	}
	switch v := v.(type) {
	case map[string]any:
		for k, e := range v {
			s.marked(e, m.kid(k))
		}
	case []any:
		for i, e := range v {
			s.marked(e, m.kid(strconv.Itoa(i)))
		}
	default:
		s.add(v)
	}
}

// in says whether a text is or holds a secret.
func (s *secrets) in(t string) bool {
	if s.exact[t] {
		return true
	}
	for i := 0; i+minWithin <= len(t); i++ {
		for _, secret := range s.within[t[i:i+minWithin]] {
			if strings.HasPrefix(t[i:], secret) {
				return true
			}
		}
	}
	return false
}
