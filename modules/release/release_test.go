package release

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/Masterminds/semver/v3"
	"github.com/google/go-cmp/cmp"

	"github.com/terrier-iac/terrier/modules/change"
	"github.com/terrier-iac/terrier/modules/repo"
)

// tags makes tags of names; one that begins with ~ is not in the history.
func tags(names string) []Tag {
	var all []repo.Tag
	for i, n := range strings.Fields(names) {
		t := repo.Tag{Name: strings.TrimPrefix(n, "~")}
		if t.Commit[0] = byte(i + 1); n[0] == '~' {
			t.Commit[1] = 1
		}
		all = append(all, t)
	}
	return Tags(all, func(h repo.Hash) bool { return h[1] == 0 })
}

func TestNext(t *testing.T) {
	const none, patch, minor, major = change.None, change.Patch, change.Minor, change.Major
	v := semver.MustParse
	for _, c := range []struct {
		tags string
		call change.Level
		wish Wish
		want string // a version, or an error's text
		err  error
	}{
		{"v1.2.3", patch, Wish{}, "1.2.4", nil},
		{"v1.2.3", minor, Wish{}, "1.3.0", nil},
		{"v1.2.3", major, Wish{}, "2.0.0", nil},
		{"v1.2.3 v1.10.0 v1.9.0 latest v1 nightly-2024", patch, Wish{}, "1.10.1", nil},
		{"v1.2.3 1.2.3", patch, Wish{}, "1.2.4", nil},
		{"v1.2.3", patch, Wish{Level: major}, "2.0.0", nil},
		{"v1.2.3", minor, Wish{Level: patch}, "the level patch is too low: the changes since v1.2.3 are minor", ErrTooLow},
		// Below 1.0.0.
		{"v0.2.3", patch, Wish{}, "0.2.4", nil},
		{"v0.2.3", minor, Wish{}, "0.3.0", nil},
		{"v0.2.3", major, Wish{}, "0.3.0", nil},
		{"v0.2.3", major, Wish{Level: major}, "1.0.0", nil},
		{"v0.2.3", major, Wish{Version: v("0.2.4")}, "which makes it 0.3.0 at least", ErrTooLow},
		{"v0.2.3", major, Wish{Version: v("1.0.0")}, "1.0.0", nil},
		// The first.
		{"", none, Wish{First: v("0.1.0")}, "0.1.0", nil},
		{"", none, Wish{}, "1.0.0", nil},
		{"", none, Wish{Pre: "rc"}, "1.0.0-rc.1", nil},
		{"", none, Wish{Version: v("0.0.1")}, "0.0.1", nil},
		{"", none, Wish{Level: major}, "a level cannot be asked for of the first release", ErrWish},
		// A version.
		{"v1.2.3", minor, Wish{Version: v("1.3.0")}, "1.3.0", nil},
		{"v1.2.3", minor, Wish{Version: v("4.0.0")}, "4.0.0", nil},
		{"v1.2.3", minor, Wish{Version: v("1.2.4")}, "1.2.4 is too low: the changes since v1.2.3 are minor, which makes it 1.3.0 at least\nhint: v1.3.0, or a higher one", ErrTooLow},
		{"v1.2.3", none, Wish{Version: v("1.2.3")}, "v1.2.3 is there already, on 01000000", ErrExists},
		{"v1.2.3", none, Wish{Version: v("1.2.0")}, "1.2.0 is too low", ErrTooLow},
		{"v1.2.3 ~v1.3.0", minor, Wish{}, "v1.3.0 is there already, on 02010000, which is not in the history", ErrExists},
		{"v1.2.3 ~v1.3.0", patch, Wish{}, "1.2.4", nil},
		// Pre-releases.
		{"v1.2.3", minor, Wish{Pre: "rc"}, "1.3.0-rc.1", nil},
		{"v1.2.3 v1.3.0-rc.1 ~v1.3.0-rc.4 v1.3.0-beta.7", minor, Wish{Pre: "rc"}, "1.3.0-rc.5", nil},
		{"v1.2.3 v1.3.0-rc.1", major, Wish{Pre: "rc"}, "2.0.0-rc.1", nil},
		{"v1.2.3 v2.0.0-rc.1", patch, Wish{Pre: "rc"}, "2.0.0-rc.2", nil},
		{"v1.2.3 v2.0.0-rc.1", patch, Wish{}, "2.0.0", nil},
		{"v1.2.3 v2.0.0-rc.1", patch, Wish{Version: v("1.2.4")}, "which makes it 2.0.0 at least", ErrTooLow},
		{"v1.2.3 v2.0.0-rc.2", patch, Wish{Pre: "beta"}, "2.0.0-beta.1 is not above the last release, v2.0.0-rc.2", ErrNotAbove},
		{"v1.2.3 v1.3.0-rc1", minor, Wish{Version: v("1.3.0-rc2")}, "1.3.0-rc2", nil},
		{"v1.2.3", major, Wish{Version: v("1.3.0-rc.1")}, "is too low", ErrTooLow},
		{"v1.0.0-rc.1", none, Wish{First: v("0.1.0")}, "1.0.0", nil},
		{"v0.1.0-rc.1", minor, Wish{First: v("1.0.0")}, "0.1.0", nil},
		{"v0.1.0-rc.1", minor, Wish{First: v("1.0.0"), Pre: "rc"}, "0.1.0-rc.2", nil},
		{"v0.1.0-rc.1", minor, Wish{Level: major}, "1.0.0", nil},
		{"v0.1.0-rc.1", none, Wish{Version: v("0.0.9")}, "is too low", ErrTooLow},
		{"v1.2.3", minor, Wish{Pre: "0"}, "cannot be asked for", ErrWish},
		{"v1.2.3", minor, Wish{Pre: "rc.1"}, "cannot be asked for", ErrWish},
	} {
		got, err := Next(NewHistory("", tags(c.tags)), c.call, c.wish)
		text := fmt.Sprint(got)
		if err != nil {
			text = err.Error()
			if !strings.Contains(text, "\nhint: ") {
				t.Errorf("no hint: %v", err)
			}
		}
		if !errors.Is(err, c.err) || !strings.Contains(text, c.want) {
			t.Errorf("%s %s %v: %s, want %s", c.tags, c.call, c.wish, text, c.want)
		}
	}
}

func TestHistory(t *testing.T) {
	for _, c := range []struct {
		dir, tags, others string
		newest, next      string // "" for no history
	}{
		{".", "v1.0.0 vpc/v3.0.0", "", "v1.0.0", "v1.0.1"},
		{".", "infra-1.0.0 vpc/v3.0.0", "", "infra-1.0.0", "infra-1.0.1"},
		{".", "vpc/v3.0.0", "", "", ""},
		{"modules/vpc", "v9.0.0 vpc/v1.2.0 vpc/v1.10.0", "", "vpc/v1.10.0", "vpc/v1.10.1"},
		{"modules/vpc", "vpc-1.2.0 vpc-endpoint-v4.0.0", "modules/vpc-endpoint", "vpc-1.2.0", "vpc-1.2.1"},
		{"modules/vpc", "vpc/v1.0.0 modules/vpc/v2.0.0", "", "modules/vpc/v2.0.0", "modules/vpc/v2.0.1"},
		{"modules/aws/vpc", "aws/vpc/v1.0.0", "", "aws/vpc/v1.0.0", "aws/vpc/v1.0.1"},
		{"modules/aws/vpc", "aws-vpc-V1.0.0", "", "aws-vpc-V1.0.0", "aws-vpc-V1.0.1"},
		// Two modules of one name: nobody's, or that one's whose path it is.
		{"modules/aws/vpc", "vpc/v1.0.0", "modules/gcp/vpc", "", ""},
		{"modules/aws/vpc", "vpc/v1.0.0", "vpc", "", ""},
		{"vpc", "vpc/v1.0.0", "modules/aws/vpc", "vpc/v1.0.0", "vpc/v1.0.1"},
		{"modules/vpc", "aws-vpc/v1.0.0 vpc/v2.0.0", "modules/vpc=aws-vpc", "aws-vpc/v1.0.0", "aws-vpc/v1.0.1"},
		{"modules/vpc", "v1.0.0 latest vpc/latest vpc/v1", "", "", ""},
		{"modules/vpc", "~vpc/1.0.0", "", "", ""},
	} {
		r := &Repository{Name: "infra", Names: map[string]string{}, Tags: tags(c.tags)}
		for _, other := range strings.Fields(c.others) {
			dir, name, _ := strings.Cut(other, "=")
			r.Dirs, r.Names[dir] = append(r.Dirs, dir), name
		}
		h, ok := r.History(c.dir)
		got := ""
		if ok && h.Newest != nil {
			got = h.Newest.Name
			v := h.Newest.Version.IncPatch()
			if next := h.Spelled(&v); next != c.next {
				t.Errorf("%s of %s: next %s, want %s", c.dir, c.tags, next, c.next)
			}
		}
		if got != c.newest {
			t.Errorf("%s of %s: %q, want %q", c.dir, c.tags, got, c.newest)
		}
	}
	r := &Repository{Name: "infra", Tags: tags("~vpc/1.0.0")}
	if h, ok := r.History("modules/vpc"); !ok || h.Newest != nil || h.Spelled(semver.MustParse("1.0.0")) != "vpc/1.0.0" {
		t.Errorf("out of reach: %+v %v", h, ok)
	}
	if w := NewHistory("", tags("v1.0.0 v1.1.0")).Without(semver.MustParse("1.1.0")); w.Newest.Name != "v1.0.0" || w.Final.Name != "v1.0.0" {
		t.Errorf("without: %+v", w)
	}
}

func TestAfter(t *testing.T) {
	uses := map[string][]string{
		"app": {"vpc", "dns"}, "dns": {"vpc"}, "platform": {"app", "app"}, "self": {"self", "vpc"}, "other": {"log"},
		"a": {"b"}, "b": {"c"}, "c": {"a"},
	}
	got, err := After([]string{"vpc"}, uses)
	if d := cmp.Diff([]string{"vpc", "dns", "app", "platform", "self"}, got); d != "" || err != nil {
		t.Errorf("%v (-want +got):\n%s", err, d)
	}
	if got, err := After([]string{"log", "dns"}, uses); err != nil || strings.Join(got, " ") != "dns app log other platform" {
		t.Errorf("%v %v", got, err)
	}
	if _, err := After([]string{"b"}, uses); !errors.Is(err, ErrCycle) || !strings.Contains(err.Error(), "a → b → c → a call each other") {
		t.Errorf("%v", err)
	}
}
