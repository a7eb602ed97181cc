package live

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/terrier-iac/terrier/live/estate"
	"github.com/terrier-iac/terrier/live/store"
	"github.com/terrier-iac/terrier/live/terraform"
)

// Who holds a lock is told first, and a lock that nobody named is not to be
// forced.
func TestLockProblem(t *testing.T) {
	lock := &terraform.LockError{ID: "1c6ea62", Who: "ada@laptop", Operation: "OperationTypeApply", Created: time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)}
	p := asProblem(fmt.Errorf("terraform apply: %w", lock))
	if p.Reason != "the state is locked by ada@laptop for OperationTypeApply since 2026-11-24T12:00:00Z (lock 1c6ea62)" {
		t.Errorf("%+v", p)
	}
	if hint := hintOf(lock); !strings.Contains(hint, "`terraform force-unlock 1c6ea62`") {
		t.Error(hint)
	}
	if hint := hintOf(&terraform.LockError{}); hint == "" || strings.Contains(hint, "force-unlock") {
		t.Error(hint)
	}
}

// A workspace that plan_role may not make waits for the apply; nothing can have
// drifted in it.
func TestNoWorkspace(t *testing.T) {
	u := &estate.Unit{Stack: "live/svc", Workspace: "blue"}
	var st store.Stack
	if err := noWorkspace(&store.Run{}, u, &st); err != nil || st.Status != store.Deferred || !strings.Contains(st.Error, `"blue"`) || !strings.Contains(st.Error, "terrier apply") {
		t.Errorf("%v %+v", err, st)
	}
	st = store.Stack{}
	err := noWorkspace(&store.Run{Drift: true}, u, &st)
	if p, ok := err.(*Problem); !ok || p.Hint == "" || st.Status != "" {
		t.Errorf("%v %+v", err, st)
	}
}
