package hclparse

import "testing"

func TestParamSpan(t *testing.T) {
	for _, c := range []struct{ source, name, want string }{
		{"git::https://h.example/x?ref=v1.2.3", "ref", "v1.2.3"},
		{"git::https://h.example/x?depth=1&ref=v1.2.3#f", "ref", "v1.2.3"},
		{"git::https://h.example/x?ref=a&ref=b", "ref", "a"},
		{"git::https://h.example/x?%72ef=a&ref=b", "ref", "a"},
		{"git::https://h.example/x?ref=%zz&ref=b", "ref", "b"},
		{"git::https://h.example/x?ref=a;b&ref=c", "ref", "c"},
		{"git::https://h.example/x?xref=a&refx=b", "ref", "none"},
		{"git::https://h.example/x#?ref=a", "ref", "none"},
		{"git@h.example:x?depth=1&ref=a", "ref", "a"},
		{"github.com/a/b?ref", "ref", ""},
		{"https://h.example/x.zip?checksum=md5:1", "checksum", "md5:1"},
		{"a/b/c", "ref", "none"},
		{"./x?ref=a", "ref", "none"},
	} {
		s, err := ParseSource(c.source)
		if err != nil {
			t.Fatal(err)
		}
		got := "none"
		if from, to, ok := s.ParamSpan(c.name); ok {
			got = s.String()[from:to]
		}
		if got != c.want {
			t.Errorf("%s of %s: %q, want %q", c.name, c.source, got, c.want)
		}
	}
}
