package registry

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/bzip2"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// unpackers are go-getter's kinds of archives of more than one file.
var unpackers = map[string]func(ctx context.Context, packed []byte, to *files) error{
	"zip":     unzip,
	"tar":     untar(func(r io.Reader) (io.Reader, error) { return r, nil }),
	"tar.gz":  untar(gunzip),
	"tgz":     untar(gunzip),
	"tar.bz2": untar(bunzip),
	"tbz2":    untar(bunzip),
	"tar.xz":  untar(unxz),
	"txz":     untar(unxz),
	"tar.zst": untar(unzstd),
	"tzst":    untar(unzstd),
}

func gunzip(r io.Reader) (io.Reader, error) { return gzip.NewReader(r) }
func bunzip(r io.Reader) (io.Reader, error) { return bzip2.NewReader(r), nil }

// What a header may ask of memory is bounded: a dictionary of 64 MB is what
// the strongest setting of either tool takes.
func unxz(r io.Reader) (io.Reader, error) {
	return xz.ReaderConfig{DictCap: 64 << 20}.NewReader(r)
}

func unzstd(r io.Reader) (io.Reader, error) {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(64<<20), zstd.WithDecoderLowmem(true))
	if err != nil {
		return nil, err
	}
	return d.IOReadCloser(), nil
}

// unpack reads an archive of one of the kinds. The error names the entry.
func unpack(ctx context.Context, packed []byte, kind string) (*files, error) {
	to := newFiles()
	if err := unpackers[kind](ctx, packed, to); err != nil {
		return nil, err
	}
	if to.count == 0 {
		return nil, errors.New("it is empty")
	}
	return to, to.finish()
}

func unzip(ctx context.Context, packed []byte, to *files) error {
	z, err := zip.NewReader(bytes.NewReader(packed), int64(len(packed)))
	if err != nil {
		return err
	}
	for _, f := range z.File {
		if err := ctx.Err(); err != nil {
			return err
		}
		add := func() error {
			name, mode := f.Name, f.Mode()
			if strings.HasSuffix(name, "/") {
				mode = fs.ModeDir
			}
			if mode.IsDir() {
				return to.addDir(name)
			}
			r, err := f.Open()
			if err != nil {
				return err
			}
			defer r.Close()
			return to.add(name, mode, r)
		}
		if err := add(); err != nil {
			return fmt.Errorf("%q: %w", f.Name, err)
		}
	}
	return nil
}

func untar(open func(io.Reader) (io.Reader, error)) func(context.Context, []byte, *files) error {
	return func(ctx context.Context, packed []byte, to *files) error {
		r, err := open(bytes.NewReader(packed))
		if err != nil {
			return err
		}
		if c, ok := r.(io.Closer); ok {
			defer c.Close()
		}
		// What stands between the files unpacks too.
		all := &io.LimitedReader{R: r, N: 2*maxUnpacked + 1}
		for t := tar.NewReader(all); ; {
			if err := ctx.Err(); err != nil {
				return err
			}
			h, err := t.Next()
			if err == io.EOF {
				return nil
			}
			if all.N <= 0 {
				return errTooMuch
			}
			if err != nil {
				return err
			}
			if err := addTar(h, t, to); err != nil {
				return fmt.Errorf("%q: %w", h.Name, err)
			}
		}
	}
}

func addTar(h *tar.Header, content io.Reader, to *files) error {
	switch h.Typeflag {
	case tar.TypeXGlobalHeader: // git archive's: the commit
		return nil
	case tar.TypeDir:
		return to.addDir(h.Name)
	case tar.TypeReg, tar.TypeGNUSparse:
		return to.add(h.Name, h.FileInfo().Mode(), content)
	case tar.TypeSymlink:
		return to.add(h.Name, fs.ModeSymlink, strings.NewReader(h.Linkname))
	case tar.TypeLink:
		name, err := inside(h.Linkname)
		if err != nil {
			return err
		}
		n := to.nodes[name]
		if n == nil || !n.mode.IsRegular() {
			return fmt.Errorf("it is a link to %q, which is no file before it", h.Linkname)
		}
		return to.add(h.Name, n.mode, bytes.NewReader(n.data))
	}
	return fmt.Errorf("it is neither a file, a directory nor a link (type %q)", h.Typeflag)
}

var errTooMuch = fmt.Errorf("it unpacks to more than is taken for a module (%d MB, %d files)", maxUnpacked>>20, maxFiles)

// inside is the path of an entry in the package, or what is wrong with it.
func inside(name string) (string, error) {
	switch {
	case strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", errors.New("its name has a control character")
	case strings.Contains(name, `\`):
		return "", errors.New("its name has a backslash, which is a separator on Windows")
	case len(name) > 4096 || strings.Count(name, "/") > 250:
		return "", errors.New("its name is too long for a path")
	case strings.HasPrefix(name, "/"), len(name) > 1 && name[1] == ':':
		return "", errors.New("its name is an absolute path")
	}
	for part := range strings.SplitSeq(name, "/") {
		if part == ".." {
			return "", errors.New("its name climbs out of the package")
		}
	}
	clean := path.Clean(strings.TrimSuffix(name, "/"))
	if !fs.ValidPath(clean) {
		return "", errors.New("its name is no path")
	}
	return clean, nil
}
