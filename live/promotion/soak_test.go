package promotion

import (
	"testing"
	"time"
)

func TestParseSoak(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "48h": "48 h", "2d": "48 h", "1d12h": "36 h", "90m": "1 h", "30m": "30 min", "0d1h": "1 h",
		"2": "!", "-2h": "!", "0h": "!", "0d": "!", "d": "!", "1d-2h": "!", "99999d": "!", "1w": "!", "2d2d": "!", "2540400h": "!",
		"0": "!", "1y": "!", "-1d": "!", "+2d": "!", " 2d": "!", "2D": "!", "2.5d": "!", "1.5h": "1 h", "9999d": "239976 h", "9999d240000h": "479976 h",
		"9223372036854775808ns": "!", "99999999999999999999h": "!", "NaN": "!", "infh": "!", "１d": "!", "2d\n": "!",
	} {
		got := "!"
		if d, err := ParseSoak(text); err == nil {
			got = Hours(d)
		}
		if got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if got := Hours(26*time.Hour + 59*time.Minute); got != "26 h" {
		t.Errorf("got %s", got)
	}
}
