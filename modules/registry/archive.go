package registry

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/hashicorp/go-retryablehttp"
)

// Bounds of an archive. Variables for the tests' sake.
var (
	maxArchive  int64 = 128 << 20 // bytes, packed
	maxUnpacked int64 = 256 << 20 // bytes, all files together
	maxFiles          = 100_000
)

// archiveTimeout is for the whole of an archive.
const archiveTimeout = 10 * time.Minute

// Archive fetches a module package that is an archive: an address such as
// Download gives ("https://…/vpc.tar.gz?checksum=sha256:…", "…/download//*?archive=zip"),
// with what go-getter makes of the parameters archive and checksum; they are
// not sent. No token of a registry goes along. What is unpacked is in memory,
// and nothing is written anywhere.
//
// The file system is the whole package; the address's own subdirectory is for
// Subdir to find. A symlink is listed as one and Open of it gives its target, as
// in package repo; terraform itself unpacks it as a plain file.
//
// The error of an address that is no archive is an *Error with ReasonArchive,
// and so is that of an archive which is larger than 128 MB or unpacks to more
// than 256 MB or 100,000 files, is damaged, or not the one of its checksum; and
// of one with a path that is absolute, climbs out, is there twice, or is below a
// file, with a link that leaves the package, or with what is neither a file, a
// directory nor a symlink.
func (c *Client) Archive(ctx context.Context, address string) (fs.FS, error) {
	a, err := parseArchive(address)
	if err != nil {
		return nil, err
	}
	packed, err := c.download(ctx, a.url)
	if err != nil {
		return nil, err
	}
	if a.sum != nil {
		a.sum.Write(packed)
		if got := a.sum.Sum(nil); !bytes.Equal(got, a.want) {
			return nil, fail(ReasonArchive, "%s: its checksum is %x, and the address says %x\nhint: it is not what was published: do not use it", shownURL(a.url), got, a.want)
		}
	}
	files, err := unpack(ctx, packed, a.kind)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		return nil, fail(ReasonArchive, "%s: unpack the %s: %w", shownURL(a.url), a.kind, err)
	}
	return files, nil
}

// IsArchive reports whether an address is one that Archive takes.
func IsArchive(address string) bool {
	_, err := parseArchive(address)
	return err == nil
}

// An archive is an address that names one.
type archive struct {
	url  *url.URL // to ask
	kind string   // one of unpackers
	sum  hash.Hash
	want []byte
}

// parseArchive reads an address as go-getter does.
func parseArchive(address string) (*archive, error) {
	bad := func(format string, args ...any) error {
		return fail(ReasonArchive, "the module's address "+format, args...)
	}
	pkg, _ := splitSubdir(address)
	if forced, rest, ok := strings.Cut(pkg, "::"); ok && (forced == "http" || forced == "https") {
		pkg = rest
	}
	u, err := url.Parse(pkg)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, bad("is no archive over http or https")
	}
	q := u.Query()
	kind := q.Get("archive")
	if on, err := strconv.ParseBool(kind); err == nil && !on {
		return nil, bad("of %s says that it is no archive", shownURL(u))
	}
	if kind == "" {
		for k := range unpackers {
			if strings.HasSuffix(u.Path, "."+k) && len(k) > len(kind) {
				kind = k
			}
		}
	}
	if unpackers[kind] == nil {
		return nil, bad("of %s names no archive that is known\nhint: its path ends in .zip, .tar.gz, .tgz, .tar.bz2, .tar.xz, .tar.zst or .tar, or it has ?archive=", shownURL(u))
	}
	a := &archive{url: u, kind: kind}
	if sum := q.Get("checksum"); sum != "" {
		if a.sum, a.want, err = parseChecksum(sum); err != nil {
			return nil, bad("of %s has a checksum that cannot be used: %w", shownURL(u), err)
		}
	}
	q.Del("archive")
	q.Del("checksum")
	u.RawQuery, u.Fragment = q.Encode(), ""
	return a, nil
}

// checksums are go-getter's, told by their length where they are not named.
var checksums = map[string]func() hash.Hash{"md5": md5.New, "sha1": sha1.New, "sha256": sha256.New, "sha512": sha512.New}

func parseChecksum(s string) (hash.Hash, []byte, error) {
	kind, value, named := strings.Cut(s, ":")
	if !named {
		kind, value = "", s
	}
	if kind == "file" {
		return nil, nil, errors.New("a checksum that is in another file is not supported")
	}
	want, err := hex.DecodeString(value)
	if err != nil {
		return nil, nil, errors.New("it is not hexadecimal")
	}
	for name, make := range checksums {
		if h := make(); h.Size() == len(want) && (!named || name == strings.ToLower(kind)) {
			return h, want, nil
		}
	}
	return nil, nil, errors.New("it is none of md5, sha1, sha256 and sha512")
}

func (c *Client) download(ctx context.Context, u *url.URL) ([]byte, error) {
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, fail(ReasonArchive, "%s cannot be asked for", shownURL(u))
	}
	resp, err := c.retrying(archiveTimeout).Do(req)
	if err != nil {
		return nil, c.notReached(ctx, u.Host, err)
	}
	defer resp.Body.Close()
	switch code := resp.StatusCode; {
	case code == http.StatusOK:
	case code == http.StatusNotFound, code == http.StatusGone:
		return nil, fail(ReasonMissing, "%s is not there (%d)\nhint: the registry names an archive that has gone: ask who publishes it", shownURL(u), code)
	case code == http.StatusUnauthorized:
		return nil, fail(ReasonCredentials, "%s asks for credentials (401)\nhint: terrier sends a registry's token to no archive; the registry has to name one that can be read", shownURL(u))
	case code == http.StatusForbidden:
		return nil, fail(ReasonRefused, "%s is not given (403)\nhint: its address may have expired: try again", shownURL(u))
	case code >= 500, code == http.StatusTooManyRequests:
		return nil, fail(ReasonDown, "%s answers %d %s, after %d tries\nhint: try again later", shownURL(u), code, http.StatusText(code), retries+1)
	default:
		return nil, fail(ReasonAnswer, "%s answers %d %s", shownURL(u), code, http.StatusText(code))
	}
	tooLarge := fail(ReasonArchive, "%s is larger than %d MB\nhint: a module package is a small thing: what else is in it?", shownURL(u), maxArchive>>20)
	if resp.ContentLength > maxArchive {
		return nil, tooLarge
	}
	packed, err := io.ReadAll(io.LimitReader(resp.Body, maxArchive+1))
	if err != nil {
		return nil, c.notReached(ctx, u.Host, err)
	}
	if int64(len(packed)) > maxArchive {
		return nil, tooLarge
	}
	return packed, nil
}

// splitSubdir splits an address at its "//", as go-getter does.
func splitSubdir(address string) (pkg, subdir string) {
	head, query, hasQuery := strings.Cut(address, "?")
	from := 0
	if i := strings.Index(head, "://"); i >= 0 {
		from = i + 3
	}
	i := strings.Index(head[from:], "//")
	if i < 0 {
		return address, ""
	}
	pkg, subdir = head[:from+i], head[from+i+2:]
	if hasQuery {
		pkg += "?" + query
	}
	return pkg, subdir
}

// Subdir finds the directory of a package that an address names: "." for none,
// and where it is a pattern ("//*", as forges' archives need it) the one that
// matches. Terraform 1.11.4 takes no pattern in the answer of a registry: it says
// that the directory does not exist.
func Subdir(pkg fs.FS, address string) (string, error) {
	_, subdir := splitSubdir(address)
	if slices.Contains(strings.Split(subdir, "/"), "..") {
		return "", fmt.Errorf("the subdirectory %q climbs out of the package", subdir)
	}
	subdir = strings.TrimPrefix(path.Clean("/"+subdir), "/")
	if subdir == "" {
		return ".", nil
	}
	matches, err := fs.Glob(pkg, subdir)
	if err != nil {
		return "", fmt.Errorf("the subdirectory %q is no pattern", subdir)
	}
	matches = slices.DeleteFunc(matches, func(name string) bool {
		info, err := fs.Stat(pkg, name)
		return err != nil || !info.IsDir()
	})
	switch len(matches) {
	case 0:
		return "", fmt.Errorf("the package has no directory %q", subdir)
	case 1:
		return matches[0], nil
	}
	return "", fmt.Errorf("the package has %d directories for %q, and it has to be one", len(matches), subdir)
}
