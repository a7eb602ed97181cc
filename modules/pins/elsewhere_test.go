package pins

import "testing"

func TestNameBefore(t *testing.T) {
	for text, want := range map[string]string{
		"locals {\n  v = \"v":                              "v",
		"locals {\n  v = {\n    vpc = \"v":                 "vpc",
		"  v = { a = \"1\", b-c = \"v":                     "b-c",
		"  base = \"git::https://h/x.git?ref=":             "base",
		"  v = format(\"v%s\", \"":                         "v",
		"{\"locals\": {\"v\": \"v":                         "v",
		"variable \"x\" {\n  const = true\n  default = \"": "x",
		"{\"variable\": {\"x\": {\"default\": \"":          "x",
		"":           "",
		"no quote":   "",
		"[\"a\", \"": "",
	} {
		if got := nameBefore([]byte(text)); got != want {
			t.Errorf("nameBefore(%q) = %q, want %q", text, got, want)
		}
	}
}
