package cmd

import (
	"testing"

	"github.com/terrier-iac/terrier/modules/pins"
)

// Each flag is a level of its own: --major moves ranges, no flag leaves them.
func TestBumpLevel(t *testing.T) {
	for _, c := range []struct {
		o    bumpOptions
		want pins.Level
	}{
		{bumpOptions{}, pins.Allowed},
		{bumpOptions{patch: true}, pins.Patch},
		{bumpOptions{minor: true}, pins.Minor},
		{bumpOptions{major: true}, pins.Major},
		{bumpOptions{latest: true}, pins.Latest},
	} {
		if got := c.o.level(); got != c.want {
			t.Errorf("%+v: %q, want %q", c.o, got, c.want)
		}
	}
}
