package hclparse

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"runtime"
	"sort"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/hashicorp/hcl/v2"
)

const (
	// maxFileBytes is the largest configuration file that is read. The
	// largest of 12,000 files of public monorepos has less than 100 kB.
	maxFileBytes = 16 << 20
	// maxFileDiags is how many diagnostics one file brings: a Markdown file
	// named README.tf would else bury all the others.
	maxFileDiags = 20
	// maxLinks is how many symlinks are followed for one path, as in Linux.
	maxLinks = 40
)

// Load reads every directory below fsys's root, in parallel and best effort:
// the tree and the diagnostics both come back. The tree is never nil, and both
// are the same for the same files.
//
// Configuration is .tf, .tf.json, .tofu, .tofu.json and terragrunt.hcl; names
// that terraform ignores (.x, x~, #x#) are files like any other. Everything
// named .git, and the directories .terraform and .terragrunt-cache, are left
// out.
//
// A symlinked configuration file is read through its target where that is a
// file of the tree. One that leaves the tree, dangles or runs in a circle is
// in Entries only, with a warning. A symlink to a directory is never walked.
//
// Diagnostics are sorted by file and position, at most 20 for each file. An
// error means that calls may be missing: a file or directory that cannot be
// read, or syntax; the Subject's Filename is a path of the tree. fsys must be
// safe for concurrent reading, and implement fs.ReadLinkFS for its symlinks to
// be read; no symlink is left to fsys to follow.
func Load(fsys fs.FS) (*Tree, hcl.Diagnostics) {
	return LoadEach(fsys, func(*Module) {})
}

// LoadEach is Load, and calls each with every module as soon as that is
// complete, from several goroutines. A syntax tree is some 15 times as large
// as its file: who needs no more of a module's than each can see lets each
// Forget it, and those of all modules are never in memory together.
func LoadEach(fsys fs.FS, each func(*Module)) (*Tree, hcl.Diagnostics) {
	return load(fsys, func() func(*directory) {
		return func(d *directory) {
			for _, p := range d.files {
				p.parse(fsys)
			}
			d.assemble()
			each(d.m)
		}
	})
}

// load walks the tree and reads its directories, with one reader for each of
// several goroutines.
func load(fsys fs.FS, reader func() func(*directory)) (*Tree, hcl.Diagnostics) {
	l := &loader{fsys: fsys, tree: &Tree{Modules: map[string]*Module{}, FS: fsys}}

	// The walk is a few milliseconds for a thousand files. Workers that wait
	// for it, woken for every file, cost more CPU than they save time.
	l.walk(".")
	dirs := l.directories()
	var next atomic.Int64
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(dirs)) {
		wg.Go(func() {
			read := reader()
			for {
				i := int(next.Add(1)) - 1
				if i >= len(dirs) {
					return
				}
				read(dirs[i])
			}
		})
	}
	wg.Wait()

	sort.Slice(l.tree.Entries, func(i, j int) bool { return l.tree.Entries[i].Path < l.tree.Entries[j].Path })
	for _, d := range dirs {
		l.tree.Modules[d.m.Path] = d.m
		for _, p := range d.files {
			l.diags = append(l.diags, p.Diags...)
		}
	}
	return l.tree, sortDiags(l.diags)
}

type loader struct {
	fsys  fs.FS
	tree  *Tree
	files []*parsed
	diags hcl.Diagnostics
}

// parsed is one file and what it declares, in the order of position.
type parsed struct {
	File
	m Module // its lists only
}

// walk lists dir and what is below, and notes every configuration file.
func (l *loader) walk(dir string) {
	entries, err := fs.ReadDir(l.fsys, dir)
	if err != nil {
		// What could be listed before the error is still used.
		l.diags = append(l.diags, fileDiag(hcl.DiagError, dir, "Directory cannot be read",
			fmt.Sprintf("Configuration below it is unknown: %s.\nhint: check its permissions and its name.", cause(err))))
	}
	for _, d := range entries {
		name := d.Name()
		if name == ".git" {
			continue // the repository, or in a linked work tree the file that names it
		}
		p := path.Join(dir, name)
		switch mode := d.Type(); {
		case mode.IsDir():
			if name != ".terraform" && name != ".terragrunt-cache" {
				l.walk(p)
			}
			continue
		case mode.IsRegular():
			l.tree.Entries = append(l.tree.Entries, Entry{Path: p})
			if f, ok := newFile(p, name); ok {
				l.add(f)
			}
		case mode&fs.ModeSymlink != 0:
			l.symlink(p, name)
		default:
			l.tree.Entries = append(l.tree.Entries, Entry{Path: p, Mode: fs.ModeIrregular})
			if _, ok := newFile(p, name); ok {
				l.diags = append(l.diags, fileDiag(hcl.DiagWarning, p, "Not a file",
					"Its name is that of a configuration file, but it is a device, a pipe or a submodule: it is not read."))
			}
		}
	}
}

func (l *loader) symlink(p, name string) {
	target, err := fs.ReadLink(l.fsys, p)
	l.tree.Entries = append(l.tree.Entries, Entry{Path: p, Mode: fs.ModeSymlink, Target: target})
	f, ok := newFile(p, name)
	if !ok {
		return
	}
	if err == nil {
		f.Real, err = l.resolve(p, target)
	}
	switch {
	case errors.Is(err, errDirectory):
		// A directory may have any name; it is no configuration file.
	case err != nil:
		d := fileDiag(hcl.DiagWarning, p, "Symlink is not followed",
			fmt.Sprintf("It points to %q: %s. The file is not read.", target, cause(err)))
		if errors.Is(err, errOutside) {
			d.Extra = OutsideTree{}
		}
		l.diags = append(l.diags, d)
	default:
		l.add(f)
	}
}

func (l *loader) add(f File) {
	l.files = append(l.files, &parsed{File: f})
}

var errDirectory = errors.New("it is a directory")

// OutsideTree is the Extra of the diagnostic of a symlinked configuration file
// that leads out of the tree: terraform may read it there, and nobody knows
// what it calls.
type OutsideTree struct{}

// errOutside is wrapped by the errors of what leads out of the tree.
var errOutside = errors.New("the target is outside the tree")

// resolve follows the symlink at p, whose target is as it is written, to the
// path of a regular file of the tree. It asks fsys about one name at a time,
// so that no link is left to the operating system, and none leads out.
func (l *loader) resolve(p, target string) (string, error) {
	dir := path.Dir(p) // real: walk enters no symlink
	var rest []string  // names to go, the next one last
	push := func(target string) error {
		if path.IsAbs(target) {
			return fmt.Errorf("%w: it is an absolute path", errOutside)
		}
		names := strings.Split(target, "/")
		for i := len(names) - 1; i >= 0; i-- {
			rest = append(rest, names[i])
		}
		return nil
	}
	if err := push(target); err != nil {
		return "", err
	}
	for links := 1; len(rest) > 0; {
		name := rest[len(rest)-1]
		rest = rest[:len(rest)-1]
		switch name {
		case "", ".":
			continue
		case "..":
			if dir == "." {
				return "", errOutside
			}
			dir = path.Dir(dir)
			continue
		case ".git":
			return "", errors.New("the target is inside .git")
		}
		next := path.Join(dir, name)
		info, err := fs.Lstat(l.fsys, next)
		switch {
		case errors.Is(err, fs.ErrNotExist), errors.Is(err, fs.ErrInvalid):
			return "", fmt.Errorf("%s does not exist", next)
		case err != nil:
			return "", err
		case info.IsDir():
			dir = next
		case info.Mode().IsRegular():
			if len(rest) > 0 {
				return "", fmt.Errorf("%s is not a directory", next)
			}
			return next, nil
		case info.Mode()&fs.ModeSymlink != 0:
			if links++; links > maxLinks {
				return "", fmt.Errorf("more than %d symlinks, or a circle of them", maxLinks)
			}
			target, err := fs.ReadLink(l.fsys, next)
			if err != nil {
				return "", err
			}
			if err := push(target); err != nil {
				return "", err
			}
		default:
			return "", fmt.Errorf("%s is not a regular file", next)
		}
	}
	return "", errDirectory
}

// newFile tells from a name whether terraform, OpenTofu or terragrunt reads
// the file, and how.
func newFile(p, name string) (File, bool) {
	f := File{Path: p, Real: p}
	if name == "terragrunt.hcl" {
		f.Syntax = Terragrunt
		return f, true
	}
	// Terraform's IsIgnoredFile: hidden files and editors' leavings. (A name
	// that ends in ~ has none of the suffixes.)
	if strings.HasPrefix(name, ".") || strings.HasPrefix(name, "#") && strings.HasSuffix(name, "#") {
		return f, false
	}
	base, json := strings.CutSuffix(name, ".json")
	if json {
		f.Syntax = JSON
	}
	switch path.Ext(base) {
	case ".tf":
	case ".tofu":
		f.Tofu = true
	default:
		return f, false
	}
	base = strings.TrimSuffix(base, path.Ext(base))
	f.Override = base == "override" || strings.HasSuffix(base, "_override")
	return f, true
}

// parse reads the file and fills p. It never fails: what is wrong is in
// p.Diags.
func (p *parsed) parse(fsys fs.FS) {
	if p.read(fsys, nil) {
		p.parseBytes()
	}
}

// read reads the file, into buf where that is large enough.
func (p *parsed) read(fsys fs.FS, buf []byte) bool {
	var err error
	p.Bytes, err = readFile(fsys, p.Real, buf)
	if err != nil {
		p.fail("File cannot be read", fmt.Sprintf("Its calls are unknown: %s.\nhint: check its permissions and its name.", cause(err)))
	}
	return err == nil
}

// parseBytes is parse without the reading.
func (p *parsed) parseBytes() {
	if what := tooDeep(p.Bytes, p.Syntax); what != "" {
		p.fail("Configuration is too complex", what+" Its calls are unknown.")
		return
	}
	defer p.survive()
	switch p.Syntax {
	case JSON:
		p.parseJSON()
	case Terragrunt:
		p.parseTerragrunt()
	default:
		p.parseNative()
	}
	p.clamp()
	if more := len(p.Diags) - maxFileDiags; more > 0 {
		// An error among those left out must stay an error.
		p.Diags = append(p.Diags[:maxFileDiags:maxFileDiags], &hcl.Diagnostic{
			Severity: hcl.DiagError,
			Summary:  "Too many problems",
			Detail:   fmt.Sprintf("%d more in this file are not shown.", more),
			Subject:  p.Diags[maxFileDiags].Subject,
		})
	}
}

// survive is to be deferred where a parser runs. The parsers are others' code,
// and a broken file is input like any other: none may end the program.
func (p *parsed) survive() {
	if r := recover(); r != nil {
		p.Body, p.m = nil, Module{}
		p.fail("File cannot be parsed", fmt.Sprintf("The parser gave up: %v. Its calls are unknown.", r))
	}
}

// clamp moves the ranges of the diagnostics into the file. hcl's JSON parser
// places the end of a cut off string one byte behind it, and who prints the
// lines at a range cuts the bytes there.
func (p *parsed) clamp() {
	for _, d := range p.Diags {
		for _, r := range []**hcl.Range{&d.Subject, &d.Context} {
			if *r == nil || (*r).End.Byte <= len(p.Bytes) && (*r).Start.Byte <= (*r).End.Byte {
				continue
			}
			c := **r // the parser may share it with the syntax tree
			c.End.Byte = min(c.End.Byte, len(p.Bytes))
			c.Start.Byte = min(c.Start.Byte, c.End.Byte)
			*r = &c
		}
	}
}

func (p *parsed) fail(summary, detail string) {
	p.Diags = append(p.Diags, fileDiag(hcl.DiagError, p.Path, summary, detail))
}

// readFile is fs.ReadFile, for files of up to maxFileBytes. It reads into buf
// where that is large enough.
func readFile(fsys fs.FS, name string, buf []byte) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if info.Size() > maxFileBytes {
		return nil, errTooLarge
	}
	size := int(info.Size())
	if cap(buf) <= size {
		buf = make([]byte, 0, size+1)
	}
	buf = buf[:0]
	for {
		n, err := f.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		switch {
		case err == io.EOF:
			return buf, nil
		case err != nil:
			return nil, err
		case len(buf) > maxFileBytes:
			return nil, errTooLarge
		case len(buf) == size && size > 0:
			// All there was. To read once more only to see the end is a
			// tenth of what a small file costs. (A size of 0 may be unknown.)
			return buf, nil
		case len(buf) == cap(buf): // it grew meanwhile, or has no size
			buf = append(buf, make([]byte, len(buf)+512)...)[:len(buf)]
		}
	}
}

var errTooLarge = fmt.Errorf("it is larger than %d MiB", maxFileBytes>>20)

// A directory is the files of one module.
type directory struct {
	m     *Module
	files []*parsed
}

// directories are the files by directory, both by path.
func (l *loader) directories() []*directory {
	sort.Slice(l.files, func(i, j int) bool { return l.files[i].Path < l.files[j].Path })
	tofu := map[string]bool{}
	for _, p := range l.files {
		if p.Tofu {
			tofu[p.Path] = true
		}
	}
	var out []*directory
	byPath := map[string]*directory{}
	for _, p := range l.files {
		if p.Syntax != Terragrunt && !p.Tofu {
			if twin := tofuName(p.Path); tofu[twin] {
				p.Twin = twin
			}
		}
		dir := path.Dir(p.Path)
		d := byPath[dir]
		if d == nil {
			d = &directory{m: &Module{Path: dir}}
			byPath[dir] = d
			out = append(out, d)
		}
		d.files = append(d.files, p)
	}
	return out
}

// assemble joins the files into the module.
func (d *directory) assemble() {
	m := d.m
	for _, p := range d.files {
		m.Files = append(m.Files, &p.File)
		m.Calls = append(m.Calls, p.m.Calls...)
		m.Variables = append(m.Variables, p.m.Variables...)
		m.Outputs = append(m.Outputs, p.m.Outputs...)
		m.Locals = append(m.Locals, p.m.Locals...)
		m.Resources = append(m.Resources, p.m.Resources...)
		m.Providers = append(m.Providers, p.m.Providers...)
		m.RequiredProviders = append(m.RequiredProviders, p.m.RequiredProviders...)
		m.RequiredVersions = append(m.RequiredVersions, p.m.RequiredVersions...)
		m.Backends = append(m.Backends, p.m.Backends...)
		m.Terragrunt = append(m.Terragrunt, p.m.Terragrunt...)
		p.m = Module{}
	}
}

// tofuName is the path of the .tofu file that OpenTofu reads in the place of
// the .tf file at p: x.tofu for x.tf, x.tofu.json for x.tf.json.
func tofuName(p string) string {
	p, json := strings.CutSuffix(p, ".json")
	p = strings.TrimSuffix(p, ".tf") + ".tofu"
	if json {
		p += ".json"
	}
	return p
}

// fileDiag is a diagnostic about a whole file or directory.
func fileDiag(severity hcl.DiagnosticSeverity, p, summary, detail string) *hcl.Diagnostic {
	return &hcl.Diagnostic{
		Severity: severity,
		Summary:  summary,
		Detail:   detail,
		Subject:  &hcl.Range{Filename: p, Start: hcl.InitialPos, End: hcl.InitialPos},
	}
}

// cause is what err says without the operation and the path: the diagnostic
// names the file already, and the path of os.DirFS is one of this machine.
func cause(err error) string {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err.Error()
	}
	return err.Error()
}

func sortDiags(diags hcl.Diagnostics) hcl.Diagnostics {
	sort.SliceStable(diags, func(i, j int) bool {
		a, b := diags[i], diags[j]
		ar, br := subject(a), subject(b)
		switch {
		case ar.Filename != br.Filename:
			return ar.Filename < br.Filename
		case ar.Start.Byte != br.Start.Byte:
			return ar.Start.Byte < br.Start.Byte
		case a.Severity != b.Severity:
			return a.Severity < b.Severity
		case a.Summary != b.Summary:
			return a.Summary < b.Summary
		}
		return a.Detail < b.Detail
	})
	return diags
}

func subject(d *hcl.Diagnostic) hcl.Range {
	if d.Subject == nil {
		return hcl.Range{}
	}
	return *d.Subject
}

// literal is an expression that is a plain string.
type literal struct {
	value string
	rng   hcl.Range // quotes or heredoc markers included, parentheses not
}

// setSource gives c the source expression: lit where ok, else what is at rng.
func (c *Call) setSource(lit literal, ok bool, rng hcl.Range) {
	c.HasSource = true
	c.SourceRange = rng
	if !ok {
		return
	}
	c.SourceRange = lit.rng
	c.Static = true
	c.Raw = lit.value
	c.Source, c.SourceErr = ParseSource(lit.value)
}

func (p *parsed) missingName(typ string, rng hcl.Range) {
	p.Diags = append(p.Diags, &hcl.Diagnostic{
		Severity: hcl.DiagError,
		Summary:  "Wrong number of labels",
		Detail:   fmt.Sprintf("A %s block has exactly one label, its name. The call is not counted.", typ),
		Subject:  &rng,
	})
}

// stripBOM returns src without a byte order mark, and its length.
func stripBOM(src []byte) ([]byte, int) {
	if len(src) >= 3 && src[0] == 0xef && src[1] == 0xbb && src[2] == 0xbf {
		return src[3:], 3
	}
	return src, 0
}
