package rewrite

import (
	"slices"
	"strings"
	"testing"
)

func TestComment(t *testing.T) {
	const before, after = `"` + p1 + `?ref=` + commit + `"`, `"` + p1 + `?ref=` + commit2 + `"`
	ref := func(p Pin) Pin { p.Ref = commit2; return p }
	says := Pin{Comment: "v1.3.0"}
	add := Pin{Comment: "v1.3.0", AddComment: true}
	const other = "something else stands behind the source: the comment v1.3.0 is not written"
	for _, c := range []struct {
		before string // all behind the source
		pin    Pin
		after  string
		note   string
	}{
		{" # v1.2.3\n}\n", says, " # v1.3.0\n}\n", ""},
		{" # v1.2.3\n}\n", add, " # v1.3.0\n}\n", ""},
		{" #v1.2.3\n}\n", says, " #v1.3.0\n}\n", ""},
		{"\t//\t1.2.3  \n}\n", says, "\t//\tv1.3.0  \n}\n", ""},
		{"## vpc/v1.2.3\r\n}\r\n", says, "## v1.3.0\r\n}\r\n", ""},
		{" # v1.2.3 # terrier:ignore short-commit\n}\n", says, " # v1.3.0 # terrier:ignore short-commit\n}\n", ""},
		{" # v1.3.0\n}\n", says, " # v1.3.0\n}\n", ""},

		{" # v1.2.3\n}\n", Pin{}, "\n}\n", ""},
		{"\t// v1.2.3 \t\r\n}\r\n", Pin{}, "\r\n}\r\n", ""},
		{"#v1.2.3\n}\n", Pin{}, "\n}\n", ""},
		{" # v1.2.3 # terrier:ignore short-commit\n}\n", Pin{}, " # terrier:ignore short-commit\n}\n", ""},

		{"\n}\n", says, "\n}\n", ""},
		{"\n}\n", add, " # v1.3.0\n}\n", ""},
		{"  \t\r\n}\r\n", add, " # v1.3.0  \t\r\n}\r\n", ""},
		{"\n}\n", Pin{AddComment: true}, "\n}\n", ""},
		{" }\n", add, " }\n", other},
		{" # the network\n}\n", add, " # the network\n}\n", other},
		{" # the network at v1.2.3\n}\n", says, " # the network at v1.2.3\n}\n", ""},
		{" /* v1.2.3 */\n}\n", Pin{}, " /* v1.2.3 */\n}\n", ""},
	} {
		for _, head := range []string{"module \"a\" { # x\n  source = ", "\ufeffmodule \"a\" {\n\tsource= "} {
			if strings.HasPrefix(c.before, " }") {
				head = `module "a" { source = `
			}
			in := tree{"main.tf": head + before + c.before}
			got, notes, refused := set(t, in, "", ref(c.pin))
			if want := head + after + c.after; got["main.tf"] != want || refused != "" || strings.Join(notes, "") != c.note {
				t.Errorf("%q: %q, want %q; notes %q, %s", c.before, got["main.tf"], want, notes, refused)
			}
		}
	}
	// The comment alone.
	in := tree{"main.tf": "module \"a\" {\n  source = " + after + "\n}"}
	if got, _, _ := set(t, in, "", ref(add)); got["main.tf"] != "module \"a\" {\n  source = "+after+" # v1.3.0\n}" {
		t.Errorf("%q", got)
	}
	// No line is begun by a comment.
	for _, text := range []string{"v1\n}", "v1\r", "v1\x00", "v1\xff", "v1\u2028"} {
		if got, _, refused := set(t, in, "", ref(Pin{Comment: text, AddComment: true})); refused == "" {
			t.Errorf("%q: %q", text, got)
		}
	}
	in = tree{"main.tf.json": `{"module": {"a": {"source": ` + before + `}}}`}
	got, notes, _ := set(t, in, "", ref(add))
	if got["main.tf.json"] != `{"module": {"a": {"source": `+after+`}}}` || !slices.Equal(notes, []string{"JSON has no comments: v1.3.0 is written nowhere"}) {
		t.Errorf("%q %q", got, notes)
	}
}
