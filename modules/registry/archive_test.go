package registry

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os/exec"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/klauspost/compress/zstd"
	"github.com/ulikunitz/xz"
)

// An entry of an archive: a directory's name ends in a slash, a link begins
// its body with "->".
type entry struct{ name, body string }

func zipOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, e := range entries {
		h := &zip.FileHeader{Name: e.name, Method: zip.Deflate}
		h.SetMode(0o644)
		body, link := strings.CutPrefix(e.body, "->")
		if link {
			h.SetMode(fs.ModeSymlink | 0o777)
		}
		w, err := z.CreateHeader(h)
		if err == nil && !strings.HasSuffix(e.name, "/") {
			_, err = io.WriteString(w, body)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func tarOf(t testing.TB, entries ...entry) []byte {
	t.Helper()
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	for _, e := range entries {
		h := &tar.Header{Name: e.name, Mode: 0o644, Size: int64(len(e.body)), Typeflag: tar.TypeReg}
		if target, ok := strings.CutPrefix(e.body, "->"); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeSymlink, target, 0
		}
		if target, ok := strings.CutPrefix(e.body, "=>"); ok {
			h.Typeflag, h.Linkname, h.Size = tar.TypeLink, target, 0
		}
		if e.body == "fifo" {
			h.Typeflag, h.Size = tar.TypeFifo, 0
		}
		if strings.HasSuffix(e.name, "/") {
			h.Typeflag, h.Mode = tar.TypeDir, 0o755
		}
		if err := w.WriteHeader(h); err != nil {
			t.Fatal(err)
		}
		if h.Size > 0 {
			if _, err := io.WriteString(w, e.body); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func pack(t testing.TB, data []byte, open func(w io.Writer) (io.WriteCloser, error)) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := open(&b)
	if err == nil {
		_, err = w.Write(data)
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func gz(t testing.TB, data []byte) []byte {
	return pack(t, data, func(w io.Writer) (io.WriteCloser, error) { return gzip.NewWriter(w), nil })
}

var vpcFiles = []entry{{"vpc-1/", ""}, {"vpc-1/main.tf", "# vpc\r\n"}, {"vpc-1/sub/empty.tf", ""}, {"vpc-1/link.tf", "->sub/empty.tf"}}

func TestArchive(t *testing.T) {
	w := newWorld(t)
	tarred := tarOf(t, append([]entry{{"./", ""}}, vpcFiles...)...)
	bodies := map[string][]byte{
		"zip": zipOf(t, vpcFiles...), "tar": tarred, "tar.gz": gz(t, tarred),
		"tar.xz":  pack(t, tarred, func(w io.Writer) (io.WriteCloser, error) { return xz.NewWriter(w) }),
		"tar.zst": pack(t, tarred, func(w io.Writer) (io.WriteCloser, error) { return zstd.NewWriter(w) }),
	}
	if bz := exec.Command("bzip2", "-c"); bz.Err == nil {
		bz.Stdin = bytes.NewReader(tarred)
		out, err := bz.Output()
		if err != nil {
			t.Fatal(err)
		}
		bodies["tar.bz2"] = out
	}
	c := w.client(t, "", "TF_TOKEN_h_example_com=secret-7")
	for kind, body := range bodies {
		w.serve("h.example.com/p/vpc."+kind, string(body))
		w.serve("h.example.com/p/download", string(body))
		sum := sha256.Sum256(body)
		for _, address := range []string{
			"https://h.example.com/p/vpc." + kind,
			"https::https://h.example.com/p/download//*?archive=" + kind + "&b=2&a=1",
			fmt.Sprintf("https://h.example.com/p/download//vpc-1?checksum=sha256:%x&archive=%s", sum, kind),
			fmt.Sprintf("https://h.example.com/p/vpc.%s//vpc-1/?checksum=%x", kind, sum),
		} {
			w.requests()
			fsys, err := c.Archive(t.Context(), address)
			if err != nil {
				t.Errorf("%s: %v", address, err)
				continue
			}
			got := w.requests()
			want := "h.example.com /p/vpc." + kind
			if strings.Contains(address, "download") {
				want = "h.example.com /p/download"
			}
			if strings.Contains(address, "a=1") {
				want += "?a=1&b=2"
			}
			if len(got) != 1 || got[0] != want {
				t.Errorf("%s: the server was sent %q, want %s", address, got, want)
			}
			if err := fstest.TestFS(fsys, "vpc-1/main.tf", "vpc-1/sub/empty.tf", "vpc-1/link.tf"); err != nil {
				t.Errorf("%s: %v", address, err)
			}
			if b, err := fs.ReadFile(fsys, "vpc-1/main.tf"); string(b) != "# vpc\r\n" || err != nil {
				t.Errorf("%s: %q %v", address, b, err)
			}
			if target, err := fs.ReadLink(fsys, "vpc-1/link.tf"); target != "sub/empty.tf" || err != nil {
				t.Errorf("%s: link to %q %v", address, target, err)
			}
			sub, err := Subdir(fsys, address)
			if want := map[bool]string{true: "vpc-1", false: "."}[strings.Contains(address[10:], "//*") || strings.Contains(address, "//vpc-1")]; sub != want || err != nil {
				t.Errorf("%s: subdirectory %q %v", address, sub, err)
			}
		}
	}
	fsys, err := c.Archive(t.Context(), "https://h.example.com/p/vpc.zip")
	if err != nil {
		t.Fatal(err)
	}
	for subdir, want := range map[string]string{"//nowhere": "has no directory", "//vpc-1/main.tf": "has no directory", "//../x": "climbs out", "//vpc-1/../..": "climbs out", "//[": "no pattern"} {
		if got, err := Subdir(fsys, "https://h/x.zip"+subdir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %q %v", subdir, got, err)
		}
	}
}

func TestArchiveRefused(t *testing.T) {
	w := newWorld(t)
	c := w.client(t, "")
	defer func(a, u int64, n int) { maxArchive, maxUnpacked, maxFiles = a, u, n }(maxArchive, maxUnpacked, maxFiles)
	maxArchive, maxUnpacked, maxFiles = 1<<20, 4<<20, 500
	many := make([]entry, 600)
	for i := range many {
		many[i].name = fmt.Sprintf("%d.tf", i)
	}
	both := func(entries ...entry) [][]byte { return [][]byte{zipOf(t, entries...), gz(t, tarOf(t, entries...))} }
	for name, test := range map[string]struct {
		bodies [][]byte // a zip, a tar.gz
		want   string
	}{
		"climbs out":          {both(entry{"../x", "x"}), "climbs out of the package"},
		"climbs within":       {both(entry{"a/../../x", "x"}), "climbs out of the package"},
		"climbs and comes":    {both(entry{"a/../x", "x"}), "climbs out of the package"},
		"absolute":            {both(entry{"/etc/x", "x"}), "absolute path"},
		"a drive":             {both(entry{"C:x", "x"}), "absolute path"},
		"backslash":           {both(entry{`..\x`, "x"}), "backslash"},
		"control":             {both(entry{"a\x1b[31m", "x"}), "control character"},
		"twice":               {both(entry{"a", "x"}, entry{"./a", "y"}), "there twice"},
		"file and directory":  {both(entry{"a", "x"}, entry{"a/b", "y"}), "no directory"},
		"directory and file":  {both(entry{"a/b", "x"}, entry{"a", "y"}), "there twice"},
		"through a link":      {both(entry{"a", "->b"}, entry{"a/x", "y"}), "no directory"},
		"link leaves":         {both(entry{"d/a", "->../../x"}), "leaves the package"},
		"link absolute":       {both(entry{"a", "->/etc/passwd"}), "absolute path"},
		"link by a link":      {both(entry{"d/up", "->.."}, entry{"d/out", "->up/../x"}), "leaves the package"},
		"links in a circle":   {both(entry{"a", "->b"}, entry{"b", "->a"}), "round in a circle"},
		"link to nothing":     {[][]byte{zipOf(t, entry{"a", "->"})}, "no path"},
		"too many":            {both(many...), "unpacks to more"},
		"a bomb":              {both(entry{"a", strings.Repeat("\x00", 5<<20)}), "unpacks to more"},
		"a bomb in pieces":    {both(entry{"a", strings.Repeat("\x00", 3<<20)}, entry{"b", strings.Repeat("\x00", 3<<20)}), "unpacks to more"},
		"a bomb between":      {[][]byte{nil, gz(t, append(tarOf(t, entry{"a", "x"})[:1024], make([]byte, 64<<20)...))}, ""},
		"deep":                {both(entry{strings.Repeat("d/", 300) + "x", "x"}), "too long"},
		"many directories":    {both(entry{strings.Repeat("a/", 240) + "x", ""}, entry{strings.Repeat("b/", 240) + "x", ""}, entry{strings.Repeat("c/", 240) + "x", ""}, entry{strings.Repeat("d/", 240) + "x", ""}, entry{strings.Repeat("e/", 240) + "x", ""}, entry{"f/x", ""}), "unpacks to more"},
		"a fifo":              {[][]byte{nil, gz(t, tarOf(t, entry{"a", "fifo"}))}, "neither a file"},
		"a hard link out":     {[][]byte{nil, gz(t, tarOf(t, entry{"a", "=>../x"}))}, "climbs out"},
		"a hard link nowhere": {[][]byte{nil, gz(t, tarOf(t, entry{"a", "=>b"}))}, "no file before it"},
		"empty":               {both(), "it is empty"},
		"no archive":          {[][]byte{[]byte("hello"), []byte("hello")}, "unpack the"},
		"cut":                 {[][]byte{zipOf(t, vpcFiles...)[:300], gz(t, tarOf(t, vpcFiles...))[:60]}, "unpack the"},
		"too large":           {[][]byte{make([]byte, 2<<20), make([]byte, 2<<20)}, "larger than 1 MB"},
	} {
		for i, body := range test.bodies {
			if body == nil {
				continue
			}
			at := "h.example.com/x." + []string{"zip", "tar.gz"}[i]
			w.serve(at, string(body))
			_, err := c.Archive(t.Context(), "https://"+at)
			var re *Error
			if test.want == "" && err == nil {
				continue // the end of a tar is two empty blocks: nothing after it counts
			}
			if !errors.As(err, &re) || re.Reason != ReasonArchive || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%s, %s: %v", name, at, err)
			}
		}
	}
	maxArchive, maxUnpacked, maxFiles = 128<<20, 256<<20, 100_000
	w.serve("h.example.com/ok.zip", string(zipOf(t, vpcFiles...)))
	w.serve("h.example.com/403.zip", "403 ")
	w.serve("h.example.com/401.zip", "401 ")
	w.serve("h.example.com/500.zip", "500 ")
	for address, want := range map[string]string{
		"https://h.example.com/ok.zip?checksum=" + strings.Repeat("0", 64):       "its checksum is",
		"https://h.example.com/ok.zip?checksum=sha1:" + strings.Repeat("0", 64):  "none of md5",
		"https://h.example.com/ok.zip?checksum=crc32:" + strings.Repeat("0", 64): "none of md5",
		"https://h.example.com/ok.zip?checksum=xyz":                              "not hexadecimal",
		"https://h.example.com/ok.zip?checksum=file:https://h/sums":              "another file",
		"https://h.example.com/ok.zip?archive=false":                             "says that it is no archive",
		"https://h.example.com/ok.zip?archive=rar":                               "names no archive that is known",
		"https://h.example.com/vpc":                                              "names no archive that is known",
		"git::https://h.example.com/vpc.zip":                                     "no archive over http",
		"file:///etc/passwd.zip":                                                 "no archive over http",
		"/etc/x.zip":                                                             "no archive over http",
		"https://h.example.com/gone.zip?token=secret-7":                          "is not there (404)",
		"https://h.example.com/403.zip?token=secret-7":                           "is not given (403)",
		"https://user:secret-7@h.example.com/401.zip":                            "asks for credentials (401)",
		"https://h.example.com/500.zip?token=secret-7":                           "after 3 tries",
		"https://user:secret-7@h.example.com/%zz.zip":                            "no archive over http",
	} {
		_, err := c.Archive(t.Context(), address)
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret-7") || !errors.As(err, new(*Error)) {
			t.Errorf("%s: %v", address, err)
		}
	}
	if !IsArchive("https://h/x//sub?archive=zip") || IsArchive("git::https://h/x.git") {
		t.Error("what is an archive is not told")
	}
}

// Whatever an archive holds, what comes of it is a file system or an error.
func FuzzUnpack(f *testing.F) {
	f.Add(zipOf(f, vpcFiles...), false)
	f.Add(tarOf(f, vpcFiles...), true)
	f.Add(tarOf(f, entry{"a", "->b"}, entry{"b", "->a"}), true)
	maxUnpacked, maxFiles = 1<<20, 200
	f.Fuzz(func(t *testing.T, packed []byte, tarred bool) {
		kind := map[bool]string{true: "tar", false: "zip"}[tarred]
		fsys, err := unpack(t.Context(), packed, kind)
		if err != nil {
			return
		}
		var total int64
		err = fs.WalkDir(fsys, ".", func(p string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			data, err := fs.ReadFile(fsys, p)
			total += int64(len(data))
			if !fs.ValidPath(p) || strings.ContainsAny(p, "\\\x00") || strings.Contains("/"+p+"/", "/../") {
				t.Errorf("it has the path %q", p)
			}
			return err
		})
		if err != nil || total > maxUnpacked {
			t.Errorf("%d bytes: %v", total, err)
		}
	})
}
