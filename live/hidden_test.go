package live

import (
	"bytes"
	"testing"
)

// Secrets by name go, and a change of one still is a change.
func TestHidden(t *testing.T) {
	plan := func(secret string) []byte {
		return []byte(`{"variables":{"api_token":{"value":"` + secret + `"},"region":{"value":"eu-west-1-long"},"db_key":{"value":"short"}},"after":{"x":"a-` + secret + `-b","y":"eu-west-1-long","z":"short"}}`)
	}
	one, err := hidden(plan(`planted\u003c1`), []byte("key"))
	if err != nil {
		t.Fatal(err)
	}
	again, _ := hidden(plan(`planted\u003c1`), []byte("key"))
	two, _ := hidden(plan("planted-2"), []byte("key"))
	other, _ := hidden(plan(`planted\u003c1`), []byte("another"))
	if bytes.Contains(one, []byte("planted")) || bytes.Contains(two, []byte("planted")) {
		t.Errorf("%s\n%s", one, two)
	}
	if !bytes.Equal(one, again) || bytes.Equal(one, two) || bytes.Equal(one, other) {
		t.Errorf("%s\n%s\n%s\n%s", one, again, two, other)
	}
	if !bytes.Contains(one, []byte(`"y":"eu-west-1-long","z":"short"`)) {
		t.Errorf("too much is hidden: %s", one)
	}
	if _, err := hidden([]byte("no plan"), nil); err == nil {
		t.Error("what is no plan is one")
	}
}
