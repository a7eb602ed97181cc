package repo

import "testing"

// git says in many ways that it lacks an object; each has to be known for one,
// so that the error says what to do about it.
func TestMissingIn(t *testing.T) {
	const id = "1234567890123456789012345678901234567890"
	for _, said := range []string{
		"fatal: unable to read tree " + id,
		"error: unable to read sha1 file of live/a (b)/main.tf (" + id + ")",
		"error: unable to read sha1 file of README.md (" + id + ")\nfatal: x",
		"fatal: bad object " + id,
		"missing blob object '" + id + "'",
	} {
		if got, ok := missingIn(said); !ok || got.String() != id {
			t.Errorf("%q: %s, %v", said, got, ok)
		}
	}
	if _, ok := missingIn("fatal: not something we can merge: " + id[:39]); ok {
		t.Error("what is no id was taken for one")
	}
}
