package terraform

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// ShowCached is Show, which it spares where dir holds what Show gave for a
// plan of the same content (ContentKey), by the same terraform: the answer has
// planFile's own timestamp, and is otherwise what was kept. The providers are
// part of the content: the plan has its lock file in it.
//
// key authenticates what is kept: who does not have it cannot make terrier
// see another plan. It must not be empty. Files in dir are 0600, the directory
// 0700, and they hold what the plan holds. One that is altered, cut or
// unreadable is as good as none.
func (t *Terraform) ShowCached(ctx context.Context, s Session, planFile, dir string, key []byte) ([]byte, error) {
	if len(key) == 0 {
		return nil, errors.New("the cache of plans needs a key")
	}
	plan, err := ReadPlanFile(planFile)
	if err != nil {
		return nil, err
	}
	content, err := ContentKey(planFile)
	if err != nil {
		return nil, err
	}
	mac := hmac.New(sha256.New, key)
	fmt.Fprintf(mac, "terrier show 1\n%s\n%q\n%q\n%q\n", content, t.Product, t.Version, t.Path)
	id := mac.Sum(nil)
	name := filepath.Join(dir, hex.EncodeToString(id)+".json")
	if kept, err := readShow(name, key, id); err == nil {
		if out, ok := withTimestamp(kept, plan.Timestamp); ok {
			return out, nil
		}
	}
	out, err := t.Show(ctx, s, planFile)
	if err != nil {
		return nil, err
	}
	// Kept is only what can be given back, and does not depend on what stands
	// in the stack's directory beside the plan.
	if again, ok := withTimestamp(out, plan.Timestamp); ok && bytes.Equal(again, out) {
		if err := privateDir(dir); err != nil {
			return nil, err
		}
		return out, writeShow(name, key, id, out)
	}
	return out, nil
}

// CleanShown removes from dir what ShowCached kept there before a time. It is no
// part of the work: what cannot be removed stays.
func CleanShown(dir string, before time.Time) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return
	}
	for _, e := range entries {
		if info, err := e.Info(); err == nil && info.Mode().IsRegular() && strings.HasSuffix(e.Name(), ".json") && info.ModTime().Before(before) {
			_ = os.Remove(filepath.Join(dir, e.Name()))
		}
	}
}

// sealShow is what stands before the JSON: its HMAC, in hex, and a newline.
func sealShow(key, id, data []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(id)
	mac.Write(data)
	return append([]byte(hex.EncodeToString(mac.Sum(nil))), '\n')
}

func readShow(name string, key, id []byte) ([]byte, error) {
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	line, rest, ok := bytes.Cut(data, []byte("\n"))
	if !ok || !hmac.Equal(sealShow(key, id, rest)[:len(line)], line) || len(line) != 2*sha256.Size {
		return nil, fs.ErrInvalid
	}
	return rest, nil
}

func writeShow(name string, key, id, data []byte) error {
	dir := filepath.Dir(name)
	tmp, err := os.CreateTemp(dir, ".show-")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	defer tmp.Close()
	if _, err := tmp.Write(append(sealShow(key, id, data), data...)); err != nil {
		return err
	}
	// Nothing waits for the disk: what a power cut leaves of it has no seal that
	// fits.
	return os.Rename(tmp.Name(), name)
}

// stamp is the end of a shown plan, from the timestamp on: terraform writes
// the fields in one order. A "timestamp" further up would be somebody else's.
var stamp = regexp.MustCompile(`"timestamp":"([0-9TZ:.+-]+)"((?:,"(?:applyable|complete|errored)":(?:true|false))*\}\s*)$`)

// withTimestamp is a shown plan with another timestamp. It is not ok where the
// place is not sure.
func withTimestamp(show []byte, timestamp string) ([]byte, bool) {
	const end = 512
	from := max(0, len(show)-end)
	m := stamp.FindSubmatchIndex(show[from:])
	if m == nil || !regexp.MustCompile(`^[0-9TZ:.+-]+$`).MatchString(timestamp) {
		return nil, false
	}
	out := bytes.Clone(show[:from+m[2]])
	out = append(out, timestamp...)
	return append(out, show[from+m[3]:]...), true
}
