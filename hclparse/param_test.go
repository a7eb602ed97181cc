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

func TestParamCuts(t *testing.T) {
	for _, c := range []struct{ source, want string }{
		{"git::https://h.example/x?depth=1&ref=a", "git::https://h.example/x?ref=a"},
		{"git::https://h.example/x?ref=a&depth=1", "git::https://h.example/x?ref=a"},
		{"git::https://h.example/x?ref=a&depth=1&b=c", "git::https://h.example/x?ref=a&b=c"},
		{"git::https://h.example/x?depth=1&ref=a&%64epth=2&depth", "git::https://h.example/x?ref=a"},
		{"git::https://h.example/x?depth=1#f&depth=2", "git::https://h.example/x#f&depth=2"},
		{"git::https://h.example/x?depth=1&depth=2", "git::https://h.example/x"},
		{"git::https://h.example/x?depths=1&xdepth=2", "git::https://h.example/x?depths=1&xdepth=2"},
		{"git::https://h.example/x?&depth=1&&ref=a&", "git::https://h.example/x?&&ref=a&"},
		{"git@h.example:x?depth=1", "git@h.example:x"},
		{"git::https://h.example/depth=1", "git::https://h.example/depth=1"},
		{"./x?depth=1", "./x?depth=1"},
	} {
		s, err := ParseSource(c.source)
		if err != nil {
			t.Fatal(err)
		}
		var edits []Edit
		for _, cut := range s.ParamCuts("depth") {
			edits = append(edits, Edit{Start: cut[0], End: cut[1]})
		}
		got, err := Apply([]byte(c.source), edits)
		if err != nil || string(got) != c.want {
			t.Errorf("%s: %s, %v, want %s", c.source, got, err, c.want)
		}
	}
}

func TestRefEdit(t *testing.T) {
	for _, c := range []struct{ source, ref, gone, written string }{
		{"git::https://h.example/x?ref=v1&a=b", "v2", "v1", "v2"},
		{"git::https://h.example/x?a=b#f", "v2", "", "&ref=v2"},
		{"git::https://h.example/x?ref#f", "v2", "", "=v2"},
		{"git::https://h.example/x", `"${ä`, "", "?ref=%22%24%7B%C3%A4"},
		{"github.com/a/b", "c/v2", "", "?ref=c%2Fv2"},
	} {
		s, err := ParseSource(c.source)
		if err != nil {
			t.Fatal(err)
		}
		from, to, written, err := s.RefEdit(c.ref)
		if err != nil || c.source[from:to] != c.gone || written != c.written {
			t.Errorf("%s: %d to %d, %q, %v", c.source, from, to, written, err)
		}
		if with, err := s.WithRef(c.ref); err != nil || with.String() != c.source[:from]+written+c.source[to:] {
			t.Errorf("%s: WithRef has %s, %v", c.source, with, err)
		}
	}
	if _, _, _, err := (Source{}).RefEdit("v1"); err == nil {
		t.Error("no source takes a ref")
	}
}
