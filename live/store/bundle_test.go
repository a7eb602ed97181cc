package store

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
)

// A list of files that is sealed with our key names nothing outside of a run's
// folder all the same.
func TestBundleRefused(t *testing.T) {
	s := openAt(t, t.TempDir(), []byte(strings.Repeat("k", MinKey)))
	r := planned(t, s, now)
	good, err := s.Pack(r.ID, "")
	fatal(t, err)
	good.Number = 1
	if len(good.Files) != 3 {
		t.Errorf("%+v", good.Files)
	}
	try := func(name string, change func(*Bundle)) {
		t.Helper()
		b := *good
		b.Files = append([]Packed(nil), good.Files...)
		change(&b)
		data, err := s.SealBundle(&b)
		fatal(t, err)
		if _, err := s.OpenBundle(r.ID, data); (err == nil) != (name == "") {
			t.Errorf("%s: %v", name, err)
		}
	}
	try("", func(*Bundle) {})
	for _, name := range []string{"", ".", "..", "../plan.tfplan", "/plan.tfplan", "a/../../plan.tfplan", "a//plan.tfplan", "evil", "lock", "share.json", "a/run.json", "a/lock", ".tmp-x/plan.tfplan", "run.json/plan.tfplan", `a\plan.tfplan`, "a:b/plan.tfplan", "a\x00/plan.tfplan"} {
		try("path "+name, func(b *Bundle) { b.Files[0].Path = name })
	}
	try("twice", func(b *Bundle) { b.Files[0] = b.Files[1] })
	try("size", func(b *Bundle) { b.Files[0].Size = -1 })
	try("huge", func(b *Bundle) { b.Files[0].Size = 1 << 40 })
	try("digest", func(b *Bundle) { b.Files[0].SHA256 = "x" })
	try("object", func(b *Bundle) { b.Files[0].Object = "../../x" })
	try("number", func(b *Bundle) { b.Number = 0 })
	try("format", func(b *Bundle) { b.FormatVersion = "2.0" })

	// A plan that the manifest does not have, sealed or not, makes no run.
	to := openAt(t, t.TempDir(), s.team)
	get := func(p Packed) (io.ReadCloser, error) { return s.OpenPacked(r.ID, p) }
	less := *good
	less.Files = nil
	for _, p := range good.Files {
		if p.Path != "live/prod/net/plan.tfplan" {
			less.Files = append(less.Files, p)
		}
	}
	if _, err := to.Unpack(&less, get); !errors.Is(err, ErrAltered) {
		t.Error(err)
	}
	none := *good
	none.Files = nil
	if _, err := to.Unpack(&none, get); !errors.Is(err, ErrNoRun) {
		t.Error(err)
	}
	if left, _ := os.ReadDir(filepath.Join(to.dir, ".terrier/runs")); len(left) != 0 {
		t.Error(left)
	}
	broken := func(Packed) (io.ReadCloser, error) {
		return io.NopCloser(iotest.ErrReader(errors.New("the checksum is another"))), nil
	}
	if _, err := to.Unpack(good, broken); err == nil || !strings.Contains(err.Error(), "the checksum is another\nhint: ") {
		t.Error(err)
	}
	if _, err := to.Unpack(good, get); err != nil {
		t.Error(err)
	}
}
