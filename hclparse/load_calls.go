package hclparse

import (
	"bytes"
	"io/fs"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// LoadCalls is Load for who asks about calls alone, at a small part of its
// cost. The tree has the same modules, files and entries. Of a module it has
//
//   - the calls, with all but their Attributes, which are nil;
//   - the backends and the terragrunt sources, as Load has them;
//   - the providers, without Alias and Body;
//   - nothing else: no variables, outputs, locals, resources, required
//     providers and required versions.
//
// A File has its Body where it is terragrunt's, and its Bytes where it has a
// call, a backend, a terragrunt source or a diagnostic, or contains one of the
// texts in keep. Those of the others are dropped.
//
// In every file that Load finds no error in, the calls, backends and providers
// are those of Load, in every range. (Not every file of native syntax is
// parsed: the top-level blocks are found without that, and those that matter
// are parsed one by one, as they are where they stand.)
//
// The diagnostics are those of Load for every file in which a module block may
// stand and cannot be read for certain. That is one that
//
//   - cannot be read at all, or is terragrunt's; or
//   - holds the word module, backend, cloud or provider, and has blocks that
//     cannot be told from one another: a bracket, string, heredoc or comment that
//     is not closed, characters outside of the language, text that is no block
//     and no argument, or nesting beyond what Load reads; or
//   - holds a NUL byte, as UTF-16 does; or
//   - has an error inside a module block, or inside a terraform block with a
//     backend; or
//   - is JSON, and has one of these words as a string or any \u escape.
//
// An error inside another block, such as a resource's argument without a
// value, is not looked for: what it hides is no call.
func LoadCalls(fsys fs.FS, keep ...string) (*Tree, hcl.Diagnostics) {
	words := make([][]byte, len(keep))
	for i, w := range keep {
		words[i] = []byte(w)
	}
	tree, diags := load(fsys, func() func(*directory) { return callReader(fsys, words) })
	tree.calls, tree.words = true, words
	return tree, diags
}

// callReader reads directories as LoadCalls does.
func callReader(fsys fs.FS, words [][]byte) func(*directory) {
	var buf []byte // one for all files: few keep theirs
	return func(d *directory) {
		for _, p := range d.files {
			if !p.read(fsys, buf) {
				continue
			}
			buf = p.Bytes
			p.parseCalls()
			p.keepCalls(words)
		}
		d.assemble()
	}
}

// callWords are the types of the blocks that LoadCalls looks for. No escape
// can write them in native syntax.
var callWords = [...]string{"module", "backend", "cloud", "provider"}

// parseCalls is parseBytes for LoadCalls. It may leave more than that has.
func (p *parsed) parseCalls() {
	if p.Syntax != Terragrunt && !p.mayCall() {
		return
	}
	if p.Syntax == Native && p.outlined() {
		return
	}
	p.m, p.Diags = Module{}, nil
	p.parseBytes()
}

// mayCall reports whether a file of Terraform holds one of callWords.
func (p *parsed) mayCall() bool {
	if p.Syntax == JSON && bytes.Contains(p.Bytes, []byte(`\u`)) {
		return true
	}
	if bytes.IndexByte(p.Bytes, 0) >= 0 {
		return true // UTF-16, say: no word is found in it, and no terraform reads it
	}
	for _, w := range callWords {
		if p.Syntax == JSON {
			w = `"` + w + `"`
		}
		if bytes.Contains(p.Bytes, []byte(w)) {
			return true
		}
	}
	return false
}

// outlined reads the calls, backends and providers of a native file block by
// block. It is false where that is not certain: then the whole file is to be
// parsed, and what is in p is worth nothing.
func (p *parsed) outlined() bool {
	blocks, ok := outline(p.Bytes)
	if !ok {
		return false
	}
	for _, b := range blocks {
		text := p.Bytes[b.start:b.end]
		switch string(p.Bytes[b.start:b.typ]) {
		case "module":
		case "provider":
			// The header alone. What is in the block is not asked for.
			text = append(bytes.Clone(p.Bytes[b.start:b.body]), '}')
		case "terraform":
			if !bytes.Contains(text, []byte("backend")) && !bytes.Contains(text, []byte("cloud")) {
				continue
			}
		default:
			continue
		}
		if !p.parseBlock(text, b) {
			return false
		}
	}
	return true
}

// parseBlock parses one block as it is where it stands.
func (p *parsed) parseBlock(text []byte, b block) (ok bool) {
	if b.column == 0 || tooDeep(text, Native) != "" {
		return false
	}
	defer func() {
		if recover() != nil {
			ok = false
		}
	}()
	f, diags := hclsyntax.ParseConfig(text, p.Path, hcl.Pos{Line: b.line, Column: b.column, Byte: b.start})
	if len(diags) > 0 || f == nil {
		return false
	}
	body, ok := f.Body.(*hclsyntax.Body)
	if !ok || len(body.Blocks) != 1 {
		return false
	}
	p.nativeBlock(body.Blocks[0])
	return len(p.Diags) == 0
}

// keepCalls drops what LoadCalls does not give. words are what a file's bytes
// are kept for.
func (p *parsed) keepCalls(words [][]byte) {
	p.m = Module{Calls: p.m.Calls, Backends: p.m.Backends, Providers: p.m.Providers, Terragrunt: p.m.Terragrunt}
	for _, c := range p.m.Calls {
		c.Attributes = nil
	}
	for _, c := range p.m.Providers {
		c.Alias, c.Body = "", nil
	}
	if p.Syntax != Terragrunt {
		p.Body = nil
	}
	kept := len(p.m.Calls) > 0 || len(p.m.Backends) > 0 || len(p.m.Terragrunt) > 0 || len(p.Diags) > 0
	for _, w := range words {
		kept = kept || bytes.Contains(p.Bytes, w)
	}
	if kept {
		p.Bytes = bytes.Clone(p.Bytes)
	} else {
		p.Bytes = nil
	}
}
