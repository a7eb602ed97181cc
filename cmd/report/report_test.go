package report

import (
	"bytes"
	"encoding/json"
	"testing"
)

// TestJSON holds that what is written reads as what was given, and can neither
// drive a terminal nor turn its text around.
func TestJSON(t *testing.T) {
	text := "a\x1b[31m \u202e\u2066 \x7f \u0085 \ufeff \U000e0041 \n\t\" \\ é 日本 🐕 <&>"
	var out bytes.Buffer
	if err := JSON(&out, map[string]string{text: text}); err != nil {
		t.Fatal(err)
	}
	want := `{
  "a\u001b[31m \u202e\u2066 \u007f \u0085 \ufeff \udb40\udc41 \n\t\" \\ é 日本 🐕 <&>": "a\u001b[31m \u202e\u2066 \u007f \u0085 \ufeff \udb40\udc41 \n\t\" \\ é 日本 🐕 <&>"
}
`
	if out.String() != want {
		t.Errorf("got  %s\nwant %s", out.String(), want)
	}
	var back map[string]string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back[text] != text {
		t.Errorf("%v: %q", err, back)
	}
}
