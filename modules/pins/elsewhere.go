package pins

import (
	"bytes"
	"fmt"
	"io/fs"
	"regexp"
	"slices"

	"github.com/terrier-iac/terrier/modules/rewrite"
)

// elsewhere notes what else uses the local or the variable in which a version is
// written: a change of the version changes that, too, and no call shows it. It
// looks at the text of the call's directory, and so misses a use by a name that
// is made up.
func (t *Tree) elsewhere(m *Move, edits []rewrite.Edit) []string {
	c := m.use().Call
	if !c.Computed {
		return nil
	}
	var notes []string
	for _, e := range edits {
		if r := c.SourceRange(); e.File == c.File().Real && r.Start.Byte <= e.Start && e.End <= r.End.Byte {
			continue
		}
		src, err := fs.ReadFile(t.Graph.Tree.FS, e.File)
		if err != nil || e.Start > len(src) {
			continue
		}
		name := nameBefore(src[:e.Start])
		if name == "" {
			continue
		}
		use := regexp.MustCompile(`\b(?:local|var)\.(?:[\w-]+\.)*(?:[\w-]+\[\s*"` + regexp.QuoteMeta(name) + `"\s*\]|` + regexp.QuoteMeta(name) + `(?:[^\w-]|$))`)
		files := []string{e.File}
		if d := t.Graph.Dirs[c.Dir]; d != nil && d.Config != nil {
			for _, f := range d.Config.Files {
				if f.Real != e.File {
					files = append(files, f.Real)
				}
			}
		}
		slices.Sort(files)
		for _, file := range slices.Compact(files) {
			text, err := fs.ReadFile(t.Graph.Tree.FS, file)
			if err != nil {
				continue
			}
			for i, line := range bytes.Split(text, []byte("\n")) {
				if use.Match(line) && !ofCall.Match(line) {
					notes = append(notes, fmt.Sprintf("its version is written at %q (%s:%d), which %s:%d may use, too", name, e.File, e.Line, file, i+1))
				}
			}
		}
	}
	slices.Sort(notes)
	return slices.Compact(notes)
}

var (
	// ofCall finds lines that are comments, or say what a call is: other calls
	// are looked at by check.
	ofCall     = regexp.MustCompile(`^\s*(?:#|//|"?(?:source|version)"?\s*[=:])`)
	keyAtStart = regexp.MustCompile(`^\s*"?([A-Za-z_][\w-]*)"?\s*[=:]`)
	keyAtEnd   = regexp.MustCompile(`"?([A-Za-z_][\w-]*)"?\s*[=:][^=:,]*$`)
	variableOf = regexp.MustCompile(`variable"?\s*:?\s*[{"]*\s*([A-Za-z_][\w-]*)"`)
)

// nameBefore is the name of the local, the key or the variable in whose value,
// a quoted string, a text ends.
func nameBefore(text []byte) string {
	line := text[bytes.LastIndexByte(text, '\n')+1:]
	line = line[:max(0, bytes.LastIndexByte(line, '"'))]
	m := keyAtEnd.FindSubmatch(line)
	if m == nil {
		m = keyAtStart.FindSubmatch(line)
	}
	if m == nil {
		return ""
	}
	if string(m[1]) != "default" {
		return string(m[1])
	}
	if all := variableOf.FindAllSubmatch(text, -1); len(all) > 0 {
		return string(all[len(all)-1][1])
	}
	return ""
}
