package repo

import (
	"strings"
	"testing"
)

func TestClipWords(t *testing.T) {
	if got := clipWords("short\ntext"); got != "short\ntext" {
		t.Error(got)
	}
	long := strings.Repeat("https://user:hunter2@h/x\n", 4000)
	got := clipWords("first\n" + long + "fatal: last")
	if len(got) > 2*mostWords+10 || !strings.HasPrefix(got, "first\n") || !strings.HasSuffix(got, "\nfatal: last") {
		t.Errorf("%d bytes", len(got))
	}
	if strings.Contains(redact(got), "hunter2") {
		t.Error("a clipped text tells a secret")
	}
	if got := clipWords(strings.Repeat("x", 1<<20)); got != "…\n" {
		t.Errorf("one long line: %d bytes", len(got))
	}
}
