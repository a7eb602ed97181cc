package lint

import (
	"bytes"
	"regexp"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

// A Call is one module call or terragrunt source, and what rules ask of it.
type Call struct {
	*modules.Call
	// Source is the address: a literal's, or what the files make of an
	// expression. Where Known is false it cannot be told from them, and Source
	// is zero.
	Source hclparse.Source
	Known  bool
	// Computed says that the source is no literal: nothing of it stands in its
	// range, so that no fix can be made there.
	Computed bool
	// Head and Tail are what is known before and behind what is not, where
	// Known is false: "//vpc?ref=v1.2.0" of "${var.base}//vpc?ref=v1.2.0".
	Head, Tail string
	// Version is the version argument that terraform sees, which an override
	// file may have given, or that of terragrunt's terraform block, which counts
	// for a tfr:// source alone; "" where there is none.
	Version string
	// VersionRange is where the version is, in a file that an override may
	// have made another than the call's; zero where there is none. With an
	// empty Version it is one that is computed, or an empty text.
	VersionRange hcl.Range
	Pin          hclparse.Pin
	// Release is the ref, or the exact registry version, as a release; nil
	// where it is none.
	Release *modules.Release
	// Comment is the version in a comment behind the source, nil for none.
	Comment *VersionComment
	// Overridden says that neither terraform nor OpenTofu ever sees this
	// source: an override file replaces it.
	Overridden bool
	// Stack is the directory of the stack that the call is in, "" where it is
	// in none (in a shared module, say).
	Stack string
	// Environment is that of the stack, or of the directory.
	Environment string
}

// A VersionComment is a comment behind a source that holds nothing but a
// version, and perhaps an ignore behind it: `# v1.2.3`.
type VersionComment struct {
	Text       string // "v1.2.3"
	Start, End int    // bytes of Text in the file
}

// Calls makes the calls of the graph, in its order. A file that is a symlink
// to another of the tree, and a terragrunt file that several units include,
// give one call for each place that they stand for.
func Calls(in *Input) []*Call {
	if in.calls == nil {
		in.calls = readCalls(in)
	}
	return in.calls
}

func readCalls(in *Input) []*Call {
	var out []*Call
	effective := map[*modules.Dir]map[*hclparse.File][]*hclparse.Call{}
	for _, gc := range in.Graph.Calls {
		if gc.Terragrunt == nil && !gc.Call.HasSource {
			continue
		}
		c := &Call{Call: gc}
		switch {
		case gc.Terragrunt != nil:
			c.Known, c.Source = gc.Terragrunt.Static, gc.Terragrunt.Source
			c.Version, c.VersionRange = gc.Terragrunt.Version, gc.Terragrunt.VersionRange
		default:
			c.Known, c.Source = gc.Call.Static, gc.Call.Source
			c.Version, c.VersionRange = gc.Call.Version, gc.Call.VersionRange
			d := in.Graph.Dirs[gc.Dir]
			if effective[d] == nil {
				effective[d] = merged(d.Config)
			}
			c.Overridden = len(effective[d]) > 0
			for _, m := range effective[d][gc.Call.File] {
				if m.SourceRange != gc.Call.SourceRange {
					continue
				}
				c.Overridden = false
				if m.VersionRange.Filename != "" {
					c.Version, c.VersionRange = m.Version, m.VersionRange
				}
			}
		}
		if !c.Known {
			c.evaluate(in.Graph.Address(gc))
		}
		if c.Known {
			c.Pin = c.Source.Pin(c.Version)
			c.Release = release(c)
		}
		c.Comment = versionComment(gc.File(), gc.SourceRange())
		if c.Stack = in.Graph.StackOf(gc.Dir); in.Environment != nil {
			dir := c.Stack
			if dir == "" {
				dir = gc.Dir
			}
			c.Environment = in.Environment(dir)
		}
		out = append(out, c)
	}
	return out
}

// evaluate takes what the files make of a computed source.
func (c *Call) evaluate(a modules.Address) {
	c.Computed = true
	if !a.Whole || a.Text == "" {
		c.Head, c.Tail = a.Text, a.Tail
		return
	}
	// What is no address at all is said by whoever writes the literal.
	if s, err := hclparse.ParseSource(a.Text); err == nil {
		c.Source, c.Known = s, true
	}
}

// merged are the calls that terraform and OpenTofu see, by the file that has
// their source.
func merged(m *hclparse.Module) map[*hclparse.File][]*hclparse.Call {
	out := map[*hclparse.File][]*hclparse.Call{}
	overrides := false
	for _, f := range m.Files {
		overrides = overrides || f.Override
	}
	if !overrides {
		return out
	}
	for _, tofu := range []bool{false, true} {
		for _, c := range m.Effective(tofu) {
			out[c.File] = append(out[c.File], c)
		}
	}
	return out
}

func release(c *Call) *modules.Release {
	ref := ""
	switch c.Pin {
	case hclparse.PinTag:
		ref = c.Source.Ref
	case hclparse.PinExact:
		ref = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(c.Version), "="))
	}
	if r, ok := modules.ParseRelease(ref); ok {
		return &r
	}
	return nil
}

var versionOnly = regexp.MustCompile(`^[ \t]*,?[ \t]*(?:#+|//+)[ \t]*((?:[0-9A-Za-z._/-]*[/-])?[vV]?[0-9]+\.[0-9]+\.[0-9]+(?:-[0-9A-Za-z.-]+)?)[ \t]*(?:[ \t](?:#+|//+)[ \t]*` + IgnoreMark + `.*)?\r?$`)

// versionComment looks at what follows the literal in its line.
func versionComment(f *hclparse.File, source hcl.Range) *VersionComment {
	at := source.End.Byte
	if f.Syntax == hclparse.JSON || at <= 0 {
		return nil
	}
	return CommentBehind(f.Bytes, at)
}

// CommentBehind is the version comment that stands behind byte at of HCL, the
// end of a source; nil for none.
func CommentBehind(src []byte, at int) *VersionComment {
	if at < 0 || at > len(src) {
		return nil
	}
	line, _, _ := bytes.Cut(src[at:], []byte("\n"))
	m := versionOnly.FindSubmatchIndex(line)
	if m == nil {
		return nil
	}
	return &VersionComment{Text: string(line[m[2]:m[3]]), Start: at + m[2], End: at + m[3]}
}

// Redacted is the source as it may be shown; the expression where it is not
// known.
func (c *Call) Redacted() string {
	if !c.Known {
		s, _ := hclparse.ParseSource(c.Text())
		return s.Redacted()
	}
	return c.Source.Redacted()
}

// Text is the source's expression as the file has it, quotes included. It may
// hold credentials.
func (c *Call) Text() string {
	r, src := c.SourceRange(), c.File().Bytes
	if r.Start.Byte < 0 || r.Start.Byte > r.End.Byte || r.End.Byte > len(src) {
		return ""
	}
	return string(src[r.Start.Byte:r.End.Byte])
}

// Module names the call in a sentence: `module "vpc"`, or "the terragrunt
// source".
func (c *Call) Module() string {
	if c.Call.Terragrunt != nil {
		return "the terragrunt source"
	}
	return "module " + strconv.Quote(c.Call.Name())
}

// Literal gives the source's text as it stands in the file, and where it
// begins there; ok is false where it is written with escapes, in a heredoc,
// or computed, so that a place in the text is not one in the file.
func (c *Call) Literal() (text string, start int, ok bool) {
	r := c.SourceRange()
	src := c.File().Bytes
	if !c.Known || r.Start.Byte < 0 || r.End.Byte > len(src) || r.End.Byte-r.Start.Byte < 2 {
		return "", 0, false
	}
	inner := src[r.Start.Byte+1 : r.End.Byte-1]
	if src[r.Start.Byte] != '"' || string(inner) != c.Source.String() {
		return "", 0, false
	}
	return string(inner), r.Start.Byte + 1, true
}

// RangeOf is the range of bytes [from, to) of the source's text; the whole
// source where that is not to be had.
func (c *Call) RangeOf(from, to int) hcl.Range {
	r := c.SourceRange()
	text, start, ok := c.Literal()
	if !ok || from < 0 || to > len(text) || from > to {
		return r
	}
	return within(r, c.File().Bytes, start+from, start+to)
}

// Between is the range of bytes [from, to) of the call's file, both in the line
// that its source begins in; the whole source where they are not.
func (c *Call) Between(from, to int) hcl.Range {
	r := c.SourceRange()
	src := c.File().Bytes
	if from < r.Start.Byte || from > to || to > len(src) || bytes.ContainsRune(src[r.Start.Byte:to], '\n') {
		return r
	}
	return within(r, src, from, to)
}

// CommentRange is the range of the version in the comment behind the source.
// There must be one.
func (c *Call) CommentRange() hcl.Range {
	r := c.SourceRange()
	r.Start = r.End // whose line the comment is in
	return within(r, c.File().Bytes, c.Comment.Start, c.Comment.End)
}

// ParamRange is the range of the value of a query parameter, the first of its
// name; the whole source where there is none.
func (c *Call) ParamRange(name string) hcl.Range {
	from, to, ok := c.Source.ParamSpan(name)
	if !ok {
		return c.SourceRange()
	}
	return c.RangeOf(from, to)
}

// within is the range of bytes [from, to) of a file, both in the line that r
// begins in.
func within(r hcl.Range, src []byte, from, to int) hcl.Range {
	out := hcl.Range{Filename: r.Filename, Start: r.Start, End: r.Start}
	out.Start.Byte, out.End.Byte = from, to
	out.Start.Column += columns(src[r.Start.Byte:from])
	out.End.Column += columns(src[r.Start.Byte:to])
	return out
}
