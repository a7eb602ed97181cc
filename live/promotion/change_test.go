package promotion

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/pins"
	"github.com/terrier-iac/terrier/modules/repo"
	"github.com/terrier-iac/terrier/modules/versions"
)

// Two calls of one step are one entry, each other step is its own; what cannot
// be compared says why, and the rest goes on.
func TestChanges(t *testing.T) {
	d := newDisk(t)
	for i, text := range []string{"variable \"name\" {\n  default = 1\n}\n", "variable \"name\" {}\n", "variable \"name\" {}\n"} {
		if err := os.WriteFile(filepath.Join(d.dir, "main.tf"), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
		d.git("add", "-A")
		d.git("commit", "-q", "--allow-empty", "-m", "x")
		d.git("tag", fmt.Sprintf("v%d.0.0", i+1))
	}
	call := func(name, ref string) string {
		return fmt.Sprintf("module %q {\n  source = \"git::file://%s?ref=%s\"\n}\n", name, d.dir, ref)
	}
	g, _ := load(fstest.MapFS{
		"prod/a/main.tf": {Data: []byte(call("one", "v1.0.0") + call("two", "v1.0.0"))},
		"prod/b/main.tf": {Data: []byte(call("three", "v2.0.0"))},
	})
	set := versions.New(versions.Input{Graph: g, Calls: lint.Calls(&lint.Input{Graph: g}), Environments: []string{"prod"}, EnvironmentsOf: first})
	if len(set.Modules) != 1 {
		t.Fatalf("%d modules", len(set.Modules))
	}
	m := set.Modules[0]
	edit := func(use int, to string) pins.Edit {
		release, ok := modules.ParseRelease(to)
		if !ok {
			t.Fatal(to)
		}
		u := m.Uses[use]
		return pins.Edit{Module: m.Name, From: u.Ref, To: to, Move: &pins.Move{
			Place: &pins.Place{Module: m, Uses: []*versions.Use{u}}, To: &versions.Release{Version: release.Version, Tag: to},
		}}
	}
	edits := []pins.Edit{edit(2, "v3.0.0"), {Module: "a document"}, edit(1, "v2.0.0"), edit(0, "v2.0.0"), edit(0, "v9.0.0")}
	store := &fetch.Store{Cache: &repo.Cache{Dir: t.TempDir()}}
	all, err := Changes(t.Context(), store, g, edits)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range all {
		text := fmt.Sprintf("%s %s: %d changes, %d breaks, unread %v", c.From, c.To, len(c.Changes), len(c.Breaks), c.Unread)
		if c.Err != nil {
			text, _, _ = strings.Cut(fmt.Sprintf("%s %s: %v", c.From, c.To, c.Err), " of ")
			text = strings.ReplaceAll(text, d.dir, "DIR")
		}
		got = append(got, text)
	}
	want := []string{
		"v1.0.0 v2.0.0: 1 changes, 2 breaks, unread []",
		`v1.0.0 v9.0.0: git::file://DIR has no revision "v9.0.0"`,
		"v2.0.0 v3.0.0: 0 changes, 0 breaks, unread []",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for i, same := range []string{"true", "", "false", "false", "unknown"} {
		text := ""
		if mv := edits[i].Move; mv != nil {
			if text = "unknown"; mv.Same != nil {
				text = fmt.Sprint(*mv.Same)
			}
		}
		if text != same {
			t.Errorf("edit %d: the same is %s, want %s", i, text, same)
		}
	}
	ended, stop := context.WithCancelCause(t.Context())
	stop(errors.New("interrupted"))
	if _, err := Changes(ended, store, g, edits); err == nil || err.Error() != "interrupted" {
		t.Errorf("got %v", err)
	}
}
