package fingerprint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// maxDepth bounds how deep the JSON may be: terraform's own values are a dozen
// levels, and each level is a frame of ours.
const maxDepth = 500

// decode reads JSON and refuses what two readers could take for two things: a
// key that is there twice, text that is not UTF-8, half a surrogate pair, more
// after the end. Numbers stay as they are written.
func decode(data []byte) (any, error) {
	if !utf8.Valid(data) {
		return nil, errors.New("it is not UTF-8")
	}
	if surrogates(data) {
		return nil, errors.New("it has an escaped surrogate, which terraform never writes")
	}
	if !json.Valid(data) {
		return nil, errors.New("it is not JSON")
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.UseNumber()
	v, err := decodeValue(dec, 0)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, errors.New("there is more behind its end")
	}
	return v, nil
}

func decodeValue(dec *json.Decoder, depth int) (any, error) {
	if depth > maxDepth {
		return nil, fmt.Errorf("it is more than %d levels deep", maxDepth)
	}
	tok, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch tok {
	case json.Delim('{'):
		m := map[string]any{}
		for dec.More() {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			k, ok := key.(string)
			if !ok {
				return nil, errors.New("a key is not a string")
			}
			if _, twice := m[k]; twice {
				return nil, errors.New("an object has a key twice")
			}
			if m[k], err = decodeValue(dec, depth+1); err != nil {
				return nil, err
			}
		}
		_, err = dec.Token()
		return m, err
	case json.Delim('['):
		l := []any{}
		for dec.More() {
			v, err := decodeValue(dec, depth+1)
			if err != nil {
				return nil, err
			}
			l = append(l, v)
		}
		_, err = dec.Token()
		return l, err
	}
	return tok, nil
}

// surrogates finds \ud800 to \udfff. encoding/json reads each half that stands
// alone as U+FFFD, so that several texts would be one.
func surrogates(data []byte) bool {
	for i := 0; i+1 < len(data); i++ {
		if data[i] != '\\' {
			continue
		}
		if data[i+1] == 'u' && i+3 < len(data) && data[i+2]|0x20 == 'd' && strings.IndexByte("89abcdefABCDEF", data[i+3]) >= 0 {
			return true
		}
		i++ // what follows is escaped, a backslash too
	}
	return false
}

// encode writes canonical JSON: sorted keys, no white space, one line.
func encode(v any) []byte {
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		// What decode gave can be encoded.
		panic("fingerprint: " + err.Error())
	}
	return bytes.TrimSuffix(buf.Bytes(), []byte("\n"))
}
