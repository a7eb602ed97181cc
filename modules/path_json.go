package modules

import (
	"bytes"
	"encoding/json"
)

// A jsonString is one string value of a JSON document, with the names of the
// objects' members that lead to it; arrays on the way have none.
type jsonString struct {
	keys []string
	text string
	line int // of the value's end
}

// jsonStrings lists the string values of a document, in order. A document
// that is damaged gives those before the damage.
func jsonStrings(src []byte) []jsonString {
	src = bytes.TrimPrefix(src, []byte("\xef\xbb\xbf"))
	dec := json.NewDecoder(bytes.NewReader(src))
	var out []jsonString
	type level struct {
		object bool
		key    string
		atKey  bool // a member's name comes next
	}
	var levels []level
	line, counted := 1, 0
	for {
		tok, err := dec.Token()
		if err != nil {
			return out
		}
		top := len(levels) - 1
		switch t := tok.(type) {
		case json.Delim:
			if t == '{' || t == '[' {
				levels = append(levels, level{object: t == '{', atKey: t == '{'})
				continue
			}
			levels = levels[:top]
			top--
		case string:
			if top >= 0 && levels[top].object && levels[top].atKey {
				levels[top].key, levels[top].atKey = t, false
				continue
			}
			at := min(int(dec.InputOffset()), len(src))
			line, counted = line+bytes.Count(src[counted:at], []byte("\n")), at
			v := jsonString{text: t, line: line}
			for _, l := range levels {
				if l.object {
					v.keys = append(v.keys, l.key)
				}
			}
			out = append(out, v)
		}
		if top >= 0 && levels[top].object {
			levels[top].atKey = true // the value is whole
		}
	}
}
