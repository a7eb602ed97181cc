package fingerprint

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
)

// sealed begins what stands for a value that is not to be read. A text of the
// plan's own that begins so gets plain before it, so that none passes for a
// sealed one.
const (
	sealed = "hmac-sha256:"
	plain  = "plain:"
)

// A sealer copies values, and seals in them what is sensitive.
type sealer struct {
	key     []byte
	secrets *secrets
}

// seal gives the HMAC of a value and of where it stands: two places with one
// secret do not look alike, and neither type nor length shows.
func (s *sealer) seal(path []string, v any) string {
	h := hmac.New(sha256.New, s.key)
	h.Write(encode(path))
	h.Write([]byte{0})
	h.Write(encode(v))
	return sealed + hex.EncodeToString(h.Sum(nil))
}

func at(path []string, key string) []string { return append(slices.Clip(path), key) }

// text copies a text in clear.
func text(t string) string {
	if strings.HasPrefix(t, sealed) || strings.HasPrefix(t, plain) {
		return plain + t
	}
	return t
}

// value copies a value, sealed where the marks say so and where it holds one of
// the plan's secrets.
func (s *sealer) value(path []string, v any, m *marks) any {
	if m != nil && m.all {
		return s.seal(path, v)
	}
	switch v := v.(type) {
	case nil:
		return nil
	case map[string]any:
		if s.secretKeys(v) {
			return s.seal(path, v)
		}
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[text(k)] = s.value(at(path, k), e, m.kid(k))
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			k := strconv.Itoa(i)
			c[i] = s.value(at(path, k), e, m.kid(k))
		}
		return c
	case string:
		if m.any() || s.secrets.in(v) {
			return s.seal(path, v)
		}
		return text(v)
	case json.Number:
		if m.any() || s.secrets.exact[v.String()] {
			return s.seal(path, v)
		}
		return v
	}
	if m.any() { // marks for the parts of what has none
		return s.seal(path, v)
	}
	return v
}

// unknowns copies after_unknown. What is sensitive is always there, and sealed:
// terraform lists the parts of collections only, which tells a list from a
// string, and its length.
func (s *sealer) unknowns(path []string, v any, m *marks) any {
	if m != nil && m.all {
		return s.seal(path, v)
	}
	switch v := v.(type) {
	case map[string]any:
		if s.secretKeys(v) {
			return s.seal(path, v)
		}
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[text(k)] = s.unknowns(at(path, k), e, m.kid(k))
		}
		if m != nil {
			for k, e := range m.kids {
				if _, there := v[k]; !there && e.all {
					c[text(k)] = s.seal(at(path, k), nil)
				}
			}
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			k := strconv.Itoa(i)
			c[i] = s.unknowns(at(path, k), e, m.kid(k))
		}
		return c
	case string:
		return s.seal(path, v) // not terraform's
	}
	return v
}

// keyPath copies a path into a value, such as replace_paths has: from where it
// goes into what is sensitive it is sealed, since a key can be a secret.
func (s *sealer) keyPath(path []string, v any, m *marks) any {
	steps, ok := v.([]any)
	if !ok {
		return s.seal(path, v)
	}
	c := []any{}
	for i, step := range steps {
		if m != nil && m.all {
			return append(c, s.seal(path, steps[i:]))
		}
		switch step := step.(type) {
		case string:
			if s.secrets.in(step) {
				return append(c, s.seal(path, steps[i:]))
			}
			c, m = append(c, text(step)), m.kid(step)
		case json.Number:
			c, m = append(c, step), m.kid(step.String())
		default:
			return append(c, s.seal(path, steps[i:]))
		}
	}
	return c
}

// markers copies marks, and seals what is none, or has a secret for a key.
func (s *sealer) markers(path []string, v any) any {
	switch v := v.(type) {
	case bool:
		return v
	case map[string]any:
		if s.secretKeys(v) {
			return s.seal(path, v)
		}
		c := make(map[string]any, len(v))
		for k, e := range v {
			c[text(k)] = s.markers(at(path, k), e)
		}
		return c
	case []any:
		c := make([]any, len(v))
		for i, e := range v {
			c[i] = s.markers(at(path, strconv.Itoa(i)), e)
		}
		return c
	}
	return s.seal(path, v)
}

func (s *sealer) secretKeys(m map[string]any) bool {
	for k := range m {
		if s.secrets.in(k) {
			return true
		}
	}
	return false
}
