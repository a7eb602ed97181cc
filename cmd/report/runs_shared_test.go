package report

import (
	"strings"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/live/store"
)

// Runs that are shared and not here stand among those of this clone, by time.
func TestRunsListShared(t *testing.T) {
	l := NewRunsList(nil, []store.Listed{{ID: "20261102T000000Z-aaaaaa", Time: time.Date(2026, 11, 2, 0, 0, 0, 0, time.UTC)}})
	l.AddShared([]string{"20261103T000000Z-bbbbbb", "20261101T000000Z-cccccc"})
	var b strings.Builder
	if err := WriteRunsList(&b, l, "text", Style{}); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(b.String()), "\n")
	if len(lines) != 3 || lines[0] != "20261103T000000Z-bbbbbb  2026-11-03 00:00  shared, and not here yet" ||
		!strings.HasPrefix(lines[1], "20261102T000000Z-aaaaaa  2026-11-02 00:00") || !strings.HasPrefix(lines[2], "20261101T000000Z-cccccc") {
		t.Errorf("%q", lines)
	}
}

// A refused plan is no failed one: its guards say why, each with its hint.
func TestPlanRefused(t *testing.T) {
	r := NewPlan(&store.Run{ID: "r", Stacks: []*store.Stack{
		{Name: "net", Path: "net", Status: store.Refused, Refusals: []store.Refusal{{Guard: "account", Reason: "another account", Hint: "correct it"}}},
		{Name: "app", Path: "app", Status: store.Pending},
	}}, func(string) bool { return false }, nil)
	if c := r.Counts(); c["refused"] != 1 || c["failed"] != 1 {
		t.Errorf("%v", c)
	}
	var b strings.Builder
	if err := WritePlanned(&b, r, "text", Style{Width: 80}); err != nil {
		t.Fatal(err)
	}
	if want := "guard account: another account\n              hint: correct it\n"; !strings.Contains(b.String(), want) {
		t.Error(b.String())
	}
}
