package lock

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/zclconf/go-cty/cty"

	"github.com/terrier-iac/terrier/modules/repo"
)

// formatVersion is that of the lock files which are written and read.
const formatVersion = 1

// maxBytes bounds what is read: an entry has 300 bytes.
const maxBytes = 16 << 20

// Path is where the lock file of a directory stands, its symlinks followed:
// the file that is read and written. One that leads out of the directory is
// refused. The file need not be there.
func Path(dir string) (string, error) {
	dir, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, Name)
	real, err := filepath.EvalSymlinks(file)
	if err != nil {
		if info, e := os.Lstat(file); e == nil && info.Mode()&fs.ModeSymlink != 0 {
			return "", fmt.Errorf("%s is a symlink that leads nowhere\nhint: remove it; `terrier lock` writes the file anew", Name)
		}
		if errors.Is(err, fs.ErrNotExist) {
			return file, nil
		}
		return "", err
	}
	if rel, err := filepath.Rel(dir, real); err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return "", fmt.Errorf("%s is a symlink that leads out of %s\nhint: a lock file is committed with the code that it locks: remove the symlink", Name, dir)
	}
	return real, nil
}

// Read reads the lock file of a directory. There need not be one: the File is
// then nil. The hcl.File is for showing the diagnostics, and nil where there
// is none.
func Read(dir string) (*File, hcl.Diagnostics, *hcl.File) {
	file, err := Path(dir)
	var src []byte
	if err == nil {
		src, err = readLimited(file)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil, nil
	case err != nil:
		text, hint, _ := strings.Cut(err.Error(), "\n")
		return nil, hcl.Diagnostics{{Severity: hcl.DiagError, Summary: "The lock file cannot be read", Detail: strings.TrimSpace(text + ".\n" + hint)}}, nil
	}
	f, diags := Parse(src, Name)
	return f, diags, &hcl.File{Bytes: src}
}

func readLimited(file string) ([]byte, error) {
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is no file", Name)
	}
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, maxBytes+1))
}

// Parse reads a lock file. Where the diagnostics hold an error the File is
// nil: half a lock is none. Their ranges are in filename.
func Parse(src []byte, filename string) (*File, hcl.Diagnostics) {
	if d := unreadable(src, filename); d != nil {
		return nil, hcl.Diagnostics{d}
	}
	parsed, diags := hclsyntax.ParseConfig(src, filename, hcl.InitialPos)
	if diags.HasErrors() {
		for _, d := range diags {
			d.Detail += "\nhint: `terrier lock` writes this file; bring the committed one back with `git checkout -- " + Name + "`, or delete it and run `terrier lock`."
		}
		return nil, diags
	}
	body, ok := parsed.Body.(*hclsyntax.Body)
	if !ok {
		return nil, hcl.Diagnostics{problem(hcl.Range{Filename: filename}, "Not a lock file", "It has no body.")}
	}
	p := &parser{file: &File{}}
	p.body(body)
	if p.diags.HasErrors() {
		return nil, p.diags
	}
	p.file.Sort()
	return p.file, nil
}

func problem(rng hcl.Range, summary, detail string, args ...any) *hcl.Diagnostic {
	return &hcl.Diagnostic{Severity: hcl.DiagError, Summary: summary, Detail: fmt.Sprintf(detail, args...), Subject: &rng}
}

// unreadable says why src is not even worth parsing.
func unreadable(src []byte, filename string) *hcl.Diagnostic {
	if len(src) > maxBytes {
		return problem(hcl.Range{Filename: filename}, "The lock file is too large", "It has more than %d MB, room for 50,000 entries.\nhint: it is no file that `terrier lock` has written; delete it and run `terrier lock`.", maxBytes>>20)
	}
	at := func(i int) hcl.Range {
		line := bytes.Count(src[:i], []byte("\n")) + 1
		start := hcl.Pos{Line: line, Column: 1, Byte: i}
		end := start
		if n := bytes.IndexByte(src[i:], '\n'); n >= 0 {
			end.Byte += n
		} else {
			end.Byte = len(src)
		}
		end.Column += end.Byte - i
		return hcl.Range{Filename: filename, Start: start, End: end}
	}
	if !utf8.Valid(src) {
		i := 0
		for i < len(src) {
			r, n := utf8.DecodeRune(src[i:])
			if r == utf8.RuneError && n == 1 {
				break
			}
			i += n
		}
		i = bytes.LastIndexByte(src[:i], '\n') + 1
		return problem(at(i), "The lock file is not UTF-8", "A byte in this line is part of no character.\nhint: bring the committed file back with `git checkout -- %s`, or delete it and run `terrier lock`.", Name)
	}
	if m := conflict.FindIndex(src); m != nil {
		return problem(at(m[0]), "The lock file has merge-conflict markers", "Two branches have changed it.\nhint: take either side whole (`git checkout --ours -- %s`, or --theirs), then run `terrier lock`: it adds what that side lacks, and drops what nothing needs.", Name)
	}
	// HCL's parser recurses, and a stack overflow ends the process. A lock
	// file has lists of strings in blocks, and no operators.
	if flat(src) {
		return nil
	}
	tokens, _ := hclsyntax.LexConfig(src, filename, hcl.InitialPos)
	depth := 0
	for _, t := range tokens {
		switch t.Type {
		case hclsyntax.TokenOBrace, hclsyntax.TokenOBrack:
			depth++
		case hclsyntax.TokenCBrace, hclsyntax.TokenCBrack:
			depth--
		case hclsyntax.TokenIdent, hclsyntax.TokenNumberLit, hclsyntax.TokenOQuote, hclsyntax.TokenCQuote, hclsyntax.TokenQuotedLit,
			hclsyntax.TokenNewline, hclsyntax.TokenComment, hclsyntax.TokenEqual, hclsyntax.TokenComma, hclsyntax.TokenEOF:
		case hclsyntax.TokenInvalid, hclsyntax.TokenBadUTF8, hclsyntax.TokenQuotedNewline:
			return nil // the parser says it better
		default:
			depth = 9
		}
		if depth > 4 {
			return problem(t.Range, "Not a lock file", "Nothing of this form is in a file that `terrier lock` has written.\nhint: bring the committed file back with `git checkout -- %s`, or delete it and run `terrier lock`.", Name)
		}
	}
	return nil
}

// flat reports whether src has nothing but what a written lock file has, as far
// as its single bytes tell: names, numbers, comments, plain strings, and few
// brackets inside each other. To lex it first would double the time.
func flat(src []byte) bool {
	depth := 0
	for i := 0; i < len(src); i++ {
		switch c := src[i]; c {
		case '"':
			for i++; i < len(src) && src[i] != '"'; i++ {
				switch src[i] {
				case '\\':
					i++
				case '$', '%', '\n', '\r':
					return false // maybe a template
				}
			}
		case '#':
			for i < len(src) && src[i] != '\n' {
				i++
			}
		case '{', '[':
			if depth++; depth > 4 {
				return false
			}
		case '}', ']':
			depth--
		case ' ', '\t', '\r', '\n', '=', ',', '_':
		default:
			if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') {
				return false
			}
		}
	}
	return true
}

var conflict = regexp.MustCompile(`(?m)^(?:<{7}|>{7}|\|{7}|={7})(?: .*)?\r?$`)

type parser struct {
	file  *File
	diags hcl.Diagnostics
}

func (p *parser) err(rng hcl.Range, summary, detail string, args ...any) {
	p.diags = append(p.diags, problem(rng, summary, detail, args...))
}

func (p *parser) body(b *hclsyntax.Body) {
	version := b.Attributes["version"]
	if version == nil {
		p.err(hcl.Range{Filename: b.SrcRange.Filename, Start: hcl.InitialPos, End: hcl.InitialPos}, "The lock file has no version", "A file that `terrier lock` has written says version = %d.\nhint: delete it and run `terrier lock`.", formatVersion)
		return
	}
	v, diags := version.Expr.Value(nil)
	switch {
	case diags.HasErrors() || v.IsNull() || v.Type() != cty.Number || !v.AsBigFloat().IsInt():
		p.err(version.Expr.Range(), "Malformed version", "The version of a lock file is a number, and here %d.", formatVersion)
		return
	case v.GreaterThan(cty.NumberIntVal(formatVersion)).True():
		p.err(version.Expr.Range(), "The lock file was made by a newer terrier", "It has version %s, and this terrier reads version %d.\nhint: install a terrier that writes version %s: the one that your colleagues or your CI use.", v.AsBigFloat().Text('f', -1), formatVersion, v.AsBigFloat().Text('f', -1))
		return
	case v.Equals(cty.NumberIntVal(formatVersion)).False():
		p.err(version.Expr.Range(), "Malformed version", "There is no lock file of this version; the first is %d.", formatVersion)
		return
	}
	p.known(b.Attributes, "version")
	seen := map[[2]string]hcl.Range{}
	for _, block := range b.Blocks {
		header := headerOf(block)
		if block.Type != "source" {
			p.err(block.TypeRange, "Unknown block", "A lock file has no %q blocks%s.", block.Type, suggest(block.Type, "source"))
			continue
		}
		if len(block.Labels) != 2 {
			p.err(header, "Malformed entry", "An entry is written source \"ADDRESS\" \"REF\"; REF is \"\" where the source has none.")
			continue
		}
		e := p.entry(block, header)
		key := [2]string{e.Address, e.Ref}
		if first, ok := seen[key]; ok {
			p.err(header, "A source and ref are locked twice", "The first time is in line %d.\nhint: remove one of them, or delete both and run `terrier lock`.", first.Start.Line)
			continue
		}
		seen[key] = header
		p.file.Entries = append(p.file.Entries, e)
	}
}

func headerOf(b *hclsyntax.Block) hcl.Range {
	if n := len(b.LabelRanges); n > 0 {
		return hcl.RangeBetween(b.TypeRange, b.LabelRanges[n-1])
	}
	return b.TypeRange
}

// known refuses attributes that are none of names.
func (p *parser) known(attributes hclsyntax.Attributes, names ...string) {
	unknown := []*hclsyntax.Attribute{}
	for name, a := range attributes {
		if !slices.Contains(names, name) {
			unknown = append(unknown, a)
		}
	}
	slices.SortFunc(unknown, func(a, b *hclsyntax.Attribute) int { return a.NameRange.Start.Byte - b.NameRange.Start.Byte })
	for _, a := range unknown {
		p.err(a.NameRange, "Unknown attribute", "%q means nothing here%s.", a.Name, suggest(a.Name, names...))
	}
}

// suggest names the word that was probably meant.
func suggest(word string, words ...string) string {
	for _, w := range words {
		if levenshtein.Distance(word, w, nil) <= 2 {
			return fmt.Sprintf("; did you mean %q?", w)
		}
	}
	return ""
}

var (
	commitID = regexp.MustCompile(`^[0-9a-f]{40}$`)
	kinds    = []Kind{KindTag, KindBranch, KindCommit, KindDefault, KindVersion}
)

func (p *parser) entry(b *hclsyntax.Block, header hcl.Range) *Entry {
	e := &Entry{Address: b.Labels[0], Ref: b.Labels[1], Range: header}
	attributes := b.Body.Attributes
	p.known(attributes, "kind", "version", "download", "commit", "hash", "tags")
	for _, inner := range b.Body.Blocks {
		p.err(inner.TypeRange, "Unknown block", "An entry has no blocks.")
	}
	switch ok := canonical(e.Address); {
	case !ok && redacted(e.Address) != e.Address:
		p.err(b.LabelRanges[0], "The address holds credentials", "A lock file is committed, and everybody who reads it can use them.\nhint: revoke them; then delete the entry and run `terrier lock`, which writes addresses without.")
		return e
	case !ok:
		p.err(b.LabelRanges[0], "Malformed address", "An address is what terraform fetches, with no ref and no subdirectory (git::https://HOST/PATH.git), or HOST/NAMESPACE/NAME/SYSTEM of a registry.\nhint: delete the entry and run `terrier lock`.")
	case unsafeRef(e.Ref) != "":
		p.err(b.LabelRanges[1], "Malformed ref", "The ref %s.", unsafeRef(e.Ref))
	}
	e.Kind = Kind(p.text(attributes["kind"]))
	e.Version = p.text(attributes["version"])
	e.Download = p.text(attributes["download"])
	e.Commit = p.text(attributes["commit"])
	e.Hash = p.text(attributes["hash"])
	if a := attributes["commit"]; a != nil {
		e.CommitRange = a.SrcRange
	}
	at := func(name string) hcl.Range {
		if a := attributes[name]; a != nil {
			return a.Expr.Range()
		}
		return header
	}
	registry := !isGit(e.Address)
	switch {
	case !slices.Contains(kinds, e.Kind):
		p.err(at("kind"), "Malformed kind", "A kind is one of tag, branch, commit, default and version.")
	case registry != (e.Kind == KindVersion):
		p.err(at("kind"), "Malformed kind", "Registry modules have the kind version, and nothing else has.")
	}
	switch {
	case registry && e.Version == "":
		p.err(at("version"), "No version", "A registry module is locked to a version.")
	case registry && e.Download == "":
		p.err(at("download"), "No download", "A registry module is locked to what the registry said that it is.")
	case !registry && (e.Version != "" || e.Download != ""):
		p.err(header, "Malformed entry", "version and download are of registry modules only.")
	case e.Download != "" && redacted(e.Download) != e.Download:
		p.err(at("download"), "The address holds credentials", "A lock file is committed, and everybody who reads it can use them.\nhint: revoke them; then delete the entry and run `terrier lock`, which writes addresses without.")
	case strings.ContainsFunc(e.Version+e.Download, control):
		p.err(header, "Malformed entry", "It holds a control character.")
	}
	switch {
	case e.Commit != "" && !commitID.MatchString(e.Commit), e.Commit == "" && !registry:
		p.err(at("commit"), "Malformed commit", "A commit has 40 hexadecimal digits, in lower case.\nhint: delete the entry and run `terrier lock`.")
	case !validHash(e.Hash):
		p.err(at("hash"), "Malformed hash", "A hash is \"h1:\" and the base64 of 32 bytes.\nhint: delete the entry and run `terrier lock`.")
	}
	if a := attributes["tags"]; a != nil {
		e.Tags = p.texts(a)
		if e.Kind != KindCommit {
			p.err(a.NameRange, "Malformed entry", "tags are of commits only.")
		}
	}
	return e
}

func isGit(address string) bool {
	return strings.HasPrefix(address, "git::") || strings.HasPrefix(address, "git://")
}

func validHash(h string) bool {
	sum, ok := strings.CutPrefix(h, "h1:")
	b, err := base64.StdEncoding.DecodeString(sum)
	return ok && err == nil && len(b) == 32 && base64.StdEncoding.EncodeToString(b) == sum
}

// text is the value of an attribute that is a string, "" where it is none.
func (p *parser) text(a *hclsyntax.Attribute) string {
	if a == nil {
		return ""
	}
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || v.Type() != cty.String {
		p.err(a.Expr.Range(), "Malformed value", "%s is a string.", a.Name)
		return ""
	}
	return v.AsString()
}

func (p *parser) texts(a *hclsyntax.Attribute) []string {
	v, diags := a.Expr.Value(nil)
	if diags.HasErrors() || v.IsNull() || !v.Type().IsTupleType() {
		p.err(a.Expr.Range(), "Malformed value", "%s is a list of strings.", a.Name)
		return nil
	}
	var out []string
	for _, item := range v.AsValueSlice() {
		if item.IsNull() || item.Type() != cty.String || unsafeRef(item.AsString()) != "" || item.AsString() == "" {
			p.err(a.Expr.Range(), "Malformed value", "%s is a list of strings, each the name of a tag.", a.Name)
			return nil
		}
		out = append(out, item.AsString())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// unsafeRef says what is wrong with a ref that nobody may give to git; "" for
// nothing.
func unsafeRef(ref string) string {
	switch {
	case strings.HasPrefix(ref, "-"):
		return "begins with -, so that git would take it for an option"
	case strings.ContainsFunc(ref, control):
		return "holds a control character"
	case strings.ContainsAny(ref, "@=") && repo.RedactURL(ref) != ref:
		return "holds credentials"
	}
	return ""
}
