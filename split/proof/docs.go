package proof

import (
	"bytes"
	"path"
	"regexp"
	"slices"
	"strings"
)

// isMarkdown reports whether the file is documentation with code blocks.
func isMarkdown(p string) bool { return strings.EqualFold(path.Ext(p), ".md") }

var (
	fenceLine = regexp.MustCompile("^[ \t>]*(?:(?:[-*+]|[0-9]{1,9}[.)])[ \t]+[ \t>]*)*(`{3,}|~{3,})[ \t]*(.*?)[ \t\r]*$")
	fenceEnd  = regexp.MustCompile("^[ \t>]*(`{3,}|~{3,})[ \t\r]*$")
	fenceTag  = regexp.MustCompile(`(?i)^\{?\.?(hcl|terraform|tf|tofu|opentofu)([ \t,{}].*)?$`)
)

// docLiterals returns the sources of the module blocks in the code blocks of
// a Markdown file that are HCL.
func docLiterals(data []byte) []literal {
	var out []literal
	begin, mark := -1, "" // of the open block, and what closes it
	hcl := false
	at := 0
	for line := range bytes.Lines(data) {
		text := bytes.TrimSuffix(line, []byte("\n"))
		if mark != "" {
			if m := fenceEnd.FindSubmatch(text); m != nil && strings.HasPrefix(string(m[1]), mark) {
				if hcl {
					out = append(out, blockLiterals(data, begin, at)...)
				}
				mark = ""
			}
		} else if m := fenceLine.FindSubmatch(text); m != nil && (m[1][0] != '`' || !bytes.Contains(m[2], []byte("`"))) {
			begin, mark, hcl = at+len(line), string(m[1]), fenceTag.Match(m[2])
		}
		at += len(line)
	}
	return out
}

var quotation = regexp.MustCompile(`(?m)^[ \t>]+`)

// blockLiterals parses data[begin:end] in its place, the marks of a quotation
// left out.
func blockLiterals(data []byte, begin, end int) []literal {
	text := quotation.ReplaceAllFunc(data[begin:end], func(b []byte) []byte {
		return bytes.ReplaceAll(b, []byte(">"), []byte(" "))
	})
	var out []literal
	for _, l := range parse(text, languageNative).literals {
		l.line += lineAt(data, begin) - 1
		l.start, l.end = l.start+begin, l.end+begin
		out = append(out, l)
	}
	return out
}

// compareDocs judges a Markdown file that changed: only sources of what moved
// may differ, each leading to the module that it showed.
func (ck *checker) compareDocs(a *after, p, at string, before, after []byte) {
	was, is := docLiterals(before), docLiterals(after)
	if off := differs(before, after, was, is); off >= 0 {
		ck.failFile(a.index, "bytes-changed", p, lineAt(after, off), "has other bytes in %s, outside the sources that it shows", a.repository)
		return
	}
	from := place{path.Dir(p), a.index, path.Dir(at), viewTerraform}
	for i := range was {
		if was[i].raw == is[i].raw {
			continue
		}
		shown := func(dir string) bool {
			l := literal{raw: relativePath(from.before, dir)}
			return ck.judge(from, site{hasSource: true, lit: &l}, site{hasSource: true, lit: &is[i]}).kind == ""
		}
		if !slices.ContainsFunc(ck.shownBy(p, was[i].raw), shown) {
			ck.failFile(a.index, "wrong-target", p, is[i].line, "the source %q was %q, which does not show that", redact(is[i].raw), redact(was[i].raw))
		}
	}
}

// shownBy returns the directories that a source in a Markdown file may stand
// for: the one that it leads to from the file, the one behind //, and those
// whose path ends as it does.
func (ck *checker) shownBy(p, raw string) []string {
	if !isLocal(raw) {
		return []string{splitSource(raw).sub}
	}
	if to := join(path.Dir(p), raw); !climbs(to) && slices.Contains(ck.mono.dirs, to) {
		return []string{to}
	}
	end := path.Join("/", strings.ReplaceAll(raw, `\`, "/"))[1:]
	var out []string
	for _, d := range ck.mono.dirs {
		if end != "" && strings.Contains(end, "/") && (d == end || strings.HasSuffix(d, "/"+end) || strings.HasSuffix(end, "/"+d)) {
			out = append(out, d)
		}
	}
	return out
}
