package proof

import (
	"testing"
)

func TestProved(t *testing.T) {
	f := plainFixture(t)
	r := f.check()
	if len(r.Mismatches) > 0 || len(r.Unproved) > 0 || r.Files != len(monorepo) || r.Packages != 2 || len(r.Stacks) != len(stacks) {
		t.Fatalf("not proved: files %d packages %d\n%s", r.Files, r.Packages, show(r))
	}
	modules := map[string]int{"live/prod": 1 + 3 + 1 + 1 + 2 + 1, "live/qa": 2, "live/ops": 2, "live/tofu": 4, "live/grunt": 2 + 4, "live/linked": 2, "live/crlf": 2}
	for _, s := range r.Stacks {
		if s.Verdict != VerdictProved || s.Modules != modules[s.Path] || len(s.Reasons) > 0 {
			t.Errorf("%+v, want %d modules", s, modules[s.Path])
		}
	}
}
