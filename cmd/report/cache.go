package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"github.com/terrier-iac/terrier/modules/repo"
)

// Cache is the result of `terrier cache`, as JSON has it.
type Cache struct {
	FormatVersion string        `json:"format_version"`
	Dir           string        `json:"dir"`
	Mirrors       []CacheMirror `json:"mirrors"`
}

// Cleaned is the result of `terrier cache clean`, as JSON has it.
type Cleaned struct {
	FormatVersion string        `json:"format_version"`
	Dir           string        `json:"dir"`
	Removed       []CacheMirror `json:"removed"`
	InUse         []CacheMirror `json:"in_use"` // asked for, and not removed
	kept          int           // not asked for
}

// CacheMirror is a mirror of a remote repository.
type CacheMirror struct {
	Address  string `json:"address"` // without credentials; "" where it is too damaged to tell
	Path     string `json:"path"`
	Size     int64  `json:"size"`      // bytes
	LastUsed string `json:"last_used"` // RFC 3339, UTC; "" where nobody knows
}

// NewCache takes what a cache lists.
func NewCache(dir string, entries []repo.CacheEntry) *Cache {
	return &Cache{FormatVersion, dir, cacheMirrors(entries)}
}

// NewCleaned takes what was removed and what is left; asked tells whether one
// of these was to be removed.
func NewCleaned(dir string, removed, left []repo.CacheEntry, asked func(repo.CacheEntry) bool) *Cleaned {
	var inUse []repo.CacheEntry
	for _, e := range left {
		if asked(e) {
			inUse = append(inUse, e)
		}
	}
	return &Cleaned{FormatVersion, dir, cacheMirrors(removed), cacheMirrors(inUse), len(left) - len(inUse)}
}

func cacheMirrors(entries []repo.CacheEntry) []CacheMirror {
	mirrors := make([]CacheMirror, 0, len(entries))
	for _, e := range entries {
		m := CacheMirror{Address: e.Address, Path: e.Path, Size: e.Size}
		if !e.LastUsed.IsZero() {
			m.LastUsed = e.LastUsed.UTC().Format(time.RFC3339)
		}
		mirrors = append(mirrors, m)
	}
	return mirrors
}

// WriteCache writes the mirrors, and with Style.Verbose where each is.
func WriteCache(w io.Writer, c *Cache, format string, st Style) error {
	if format == "json" {
		return JSON(w, c)
	}
	p := &printer{w: w}
	if len(c.Mirrors) == 0 {
		p.f("%s  empty  %s\n", st.bold("Cache"), st.faint(clean(c.Dir)))
		return p.err
	}
	p.f("%s  %s, %s  %s\n", st.bold("Cache"), count(len(c.Mirrors), "mirror"), total(c.Mirrors), st.faint(clean(c.Dir)))
	textMirrors(p, st, c.Mirrors)
	return p.err
}

// WriteCleaned writes what was removed and what could not be.
func WriteCleaned(w io.Writer, c *Cleaned, format string, st Style) error {
	if format == "json" {
		return JSON(w, c)
	}
	p := &printer{w: w}
	switch {
	case len(c.Removed) > 0:
		p.f("%s  %s removed, %s freed  %s\n", st.bold("Cache"), count(len(c.Removed), "mirror"), total(c.Removed), st.faint(clean(c.Dir)))
		textMirrors(p, st, c.Removed)
	default:
		p.f("%s  nothing to remove  %s\n", st.bold("Cache"), st.faint(clean(c.Dir)))
	}
	if len(c.InUse) > 0 {
		p.f("%s\n", st.yellow(count(len(c.InUse), "mirror")+" in use by another terrier stays:"))
		textMirrors(p, st, c.InUse)
	}
	if c.kept > 0 {
		p.f("%s used since then.\n", count(c.kept, "mirror"))
	}
	return p.err
}

func textMirrors(p *printer, st Style, mirrors []CacheMirror) {
	for _, m := range mirrors {
		address := clean(m.Address)
		if address == "" {
			address = "damaged: it is made anew when it is needed"
		}
		used := "never used"
		if day, _, ok := strings.Cut(m.LastUsed, "T"); ok {
			used = "used " + day
		}
		// An address has no place to break it at: one that is too long has a
		// line of its own.
		gap := "  "
		if len("  1234567890  ")+len(used)+len(gap)+runewidth.StringWidth(address) > st.Width {
			gap = "\n              "
		}
		p.f("  %10s  %s%s%s\n", size(m.Size), used, gap, address)
		if st.Verbose {
			p.f("              %s\n", st.faint(clean(m.Path)))
		}
	}
}

func total(mirrors []CacheMirror) string {
	var n int64
	for _, m := range mirrors {
		n += m.Size
	}
	return size(n)
}

// size writes bytes in the unit that leaves one to three digits before the
// point; a kB is 1,000 bytes.
func size(n int64) string {
	if n < 1000 {
		return fmt.Sprintf("%d B", n)
	}
	v, unit := float64(n), ""
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if v < 999.95 {
			break
		}
		v, unit = v/1000, u
	}
	return fmt.Sprintf("%.1f %s", v, unit)
}
