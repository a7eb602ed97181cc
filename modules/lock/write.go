package lock

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
)

const header = "# This file is written by `terrier lock`. Commit it with the code that it locks.\n"

// Bytes is the lock file as it is written. Equal files give equal bytes,
// which Parse reads again.
func (f *File) Bytes() []byte {
	sorted := File{Entries: append([]*Entry(nil), f.Entries...)}
	sorted.Sort()
	var b bytes.Buffer
	b.WriteString(header)
	fmt.Fprintf(&b, "version = %d\n", formatVersion)
	for _, e := range sorted.Entries {
		fmt.Fprintf(&b, "\nsource %s %s {\n", hclparse.QuoteNative(e.Address), hclparse.QuoteNative(e.Ref))
		var lines [][2]string
		add := func(name, value string) {
			if value != "" {
				lines = append(lines, [2]string{name, string(hclparse.QuoteNative(value))})
			}
		}
		add("kind", string(e.Kind))
		add("version", e.Version)
		add("download", e.Download)
		add("commit", e.Commit)
		add("hash", e.Hash)
		if len(e.Tags) > 0 {
			tags := make([]string, len(e.Tags))
			for i, t := range e.Tags {
				tags[i] = string(hclparse.QuoteNative(t))
			}
			lines = append(lines, [2]string{"tags", "[" + strings.Join(tags, ", ") + "]"})
		}
		width := 0
		for _, l := range lines {
			width = max(width, len(l[0]))
		}
		for _, l := range lines {
			fmt.Fprintf(&b, "  %-*s = %s\n", width, l[0], l[1])
		}
		b.WriteString("}\n")
	}
	return b.Bytes()
}

// BytesAs is Bytes with the line ends of the file as it is: git may have given
// it carriage returns.
func (f *File) BytesAs(now []byte) []byte {
	data := f.Bytes()
	if bytes.Contains(now, []byte("\r\n")) {
		data = bytes.ReplaceAll(data, []byte("\n"), []byte("\r\n"))
	}
	return data
}
