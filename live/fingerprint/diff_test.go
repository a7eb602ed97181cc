package fingerprint

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// withChanges is a plan of some changes of resources.
func withChanges(changes ...string) []byte {
	return []byte(`{"format_version":"1.2","planned_values":{},"configuration":{},"resource_changes":[` + strings.Join(changes, ",") + `]}`)
}

func update(address, after string) string {
	return fmt.Sprintf(`{"address":%s,"mode":"managed","change":{"actions":["update"],"before":{},"after":%s,"before_sensitive":{},"after_sensitive":{"password":true},"after_unknown":{}}}`, encode(address), after)
}

func TestDiff(t *testing.T) {
	for name, test := range map[string]struct {
		old, new []byte
		want     []string
	}{
		"a value": {withChanges(update("aws_db_instance.main", `{"engine_version":"15.2"}`)), withChanges(update("aws_db_instance.main", `{"engine_version":"15.3"}`)),
			[]string{`aws_db_instance.main: engine_version was "15.2", is "15.3"`}},
		"a secret": {withChanges(update("a.b", `{"password":"hunter22"}`)), withChanges(update("a.b", `{"password":"hunter33"}`)),
			[]string{`a.b: password differs (not shown)`}},
		"an action": {withChanges(update("a.b", `{}`)), withChanges(strings.Replace(update("a.b", `{}`), `["update"]`, `["delete","create"]`, 1)),
			[]string{`a.b: was changed, is replaced`}},
		"a new one, first of the list": {withChanges(update("a.b", `{}`)), withChanges(update("a.a", `{"x":1}`), update("a.b", `{}`)),
			[]string{`a.a: was not in the plan, is changed`}},
		"one less": {withChanges(update("a.b", `{}`)), withChanges(),
			[]string{`a.b: was changed, is not in the plan`}},
		"nested": {withChanges(update("a.b", `{"l":[{"x":1},{"x":2}],"m":{"a b":1}}`)), withChanges(update("a.b", `{"l":[{"x":1},{"x":3},{"y":null}],"m":{}}`)),
			[]string{`a.b: l[1].x was 2, is 3`, `a.b: l[2].y was not set, is null`, `a.b: m["a b"] was 1, is not set`}},
		"a terminal": {withChanges(update(`a.b`, `{"x":"1"}`)), withChanges(update(`a.b`, `{"x":"\u001b[31m\n2\u202e"}`)),
			[]string{`a.b: x was "1", is "\x1b[31m\n2\u202e"`}},
		"credentials of a URL": {withChanges(update("a.b", `{"url":"https://u:hunter22@h/?a=1"}`)), withChanges(update("a.b", `{"url":"https://u:hunter22@h/?a=2"}`)),
			[]string{`a.b: url was "https://***@h/?a=1", is "https://***@h/?a=2"`}},
		"only the credentials": {withChanges(update("a.b", `{"url":"https://u:hunter22@h/"}`)), withChanges(update("a.b", `{"url":"https://u:hunter33@h/"}`)),
			[]string{`a.b: url differs`}},
		"a long one": {withChanges(update("a.b", `{"x":"1"}`)), withChanges(update("a.b", `{"x":"`+strings.Repeat("y", 1000)+`"}`)),
			[]string{`a.b: x was "1", is "` + strings.Repeat("y", 59) + `…"`}},
		"an address that draws": {withChanges(), withChanges(update("a.b[\"\u202e\x1b\"]", `{}`)),
			[]string{`a.b["\u202e\x1b"]: was not in the plan, is changed`}},
	} {
		a, b := made(t, test.old, plainContext), made(t, test.new, plainContext)
		if d := cmp.Diff(test.want, Diff(a, b)); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
		if d := Diff(a, a); d != nil {
			t.Errorf("%s: %q with itself", name, d)
		}
	}
	var many []string
	for i := range 200 {
		many = append(many, update(fmt.Sprintf("a.b[%d]", i), `{}`))
	}
	lines := Diff(made(t, withChanges(), plainContext), made(t, withChanges(many...), plainContext))
	if len(lines) != MaxLines || lines[MaxLines-1] != "and 151 more" {
		t.Errorf("%d lines, %q", len(lines), lines[len(lines)-1])
	}
}

// The lines of a real change.
func TestDiffOfRealPlans(t *testing.T) {
	t.Parallel()
	s := newStack(t, "main.tf", "resource \"terraform_data\" \"a\" { input = { v = \"15.2\" } }\noutput \"o\" { value = 1 }\n")
	one := s.document(s.plan())
	s.write("main.tf", "resource \"terraform_data\" \"a\" { input = { v = \"15.3\" } }\noutput \"o\" { value = 2 }\n")
	two := s.document(s.plan())
	want := []string{
		"the text of the configuration differs",
		`terraform_data.a: input.v was "15.2", is "15.3"`,
		"output o was 1, is 2",
	}
	lines := Diff(one, two)
	if len(lines) < len(want) {
		t.Fatalf("%q", lines)
	}
	if d := cmp.Diff(want, lines[:len(want)]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	t.Logf("%s", strings.Join(lines, "\n"))
}
