package report

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/modules/versions"
)

// Whatever stands in a source, a ref or a name: no format panics, drives a
// terminal, or shows a password, and the JSON ones are JSON.
func FuzzList(f *testing.F) {
	f.Add("vpc", "git::https://u:hunter2@git.example.com/vpc.git//a?ref=v1.0.0", "")
	f.Add("vpc", "acme/vpc/aws//x", "~> 1.0")
	f.Add("\x1b[31m", "git@h:p?ref=--x\x1b", "= 1")
	f.Add("a|b`", "github.com/a/b?ref=%0a%1b%e2%80%ae", "")
	f.Add("\xff", "git::file:///a/@b//c@d?ref=e/v1.0.0", "\xff")
	f.Add("x", "git::https://h/%2e%2e/x.git?ref=v9999999999999999999.0.0", "")
	f.Fuzz(func(t *testing.T, name, source, version string) {
		quote := func(s string) string {
			b, _ := json.Marshal(s)
			return strings.ReplaceAll(strings.ReplaceAll(string(b), "${", "$${"), "%{", "%%{")
		}
		file := "module " + quote(name) + " {\n  source = " + quote(source) + "\n  version = " + quote(version) + "\n}\n"
		l := newList(map[string]string{"live/qa/main.tf": file, "live/prod/main.tf": file}, "qa", "prod")
		for _, format := range ListFormats() {
			var out bytes.Buffer
			if err := WriteList(&out, l, format, Style{Width: 80}); err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			check(t, format, out.String(), source)
		}
		o := NewOutdated(l.set, l.set.Outdated(versions.Rules{}), nil)
		for _, format := range OutdatedFormats() {
			var out bytes.Buffer
			if err := WriteOutdated(&out, o, format, Style{Width: 80, Verbose: true}); err != nil {
				t.Fatalf("%s: %v", format, err)
			}
			check(t, format, out.String(), source)
		}
	})
}

func check(t *testing.T, format, out, source string) {
	t.Helper()
	if strings.ContainsAny(out, "\x1b\x00\x07") {
		t.Errorf("%s: a control character\n%q", format, out)
	}
	if strings.Contains(source, "://u:hunter2@") && strings.Contains(out, "hunter2") {
		t.Errorf("%s: a password\n%s", format, out)
	}
	if format == "json" || format == "cyclonedx" {
		if !json.Valid([]byte(out)) {
			t.Errorf("%s: no JSON\n%s", format, out)
		}
	}
}
