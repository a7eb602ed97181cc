package repo

import (
	"bytes"
	"compress/zlib"
	"crypto/sha1"
	"encoding/binary"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// FuzzPack reads and copies from a store whose pack, index and commit-graph
// are anything. There is an error or there are objects that are what they say;
// memory is in proportion to what there is.
func FuzzPack(f *testing.F) {
	read := func(name string) []byte {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		return data
	}
	// A few small objects, so that a change is likely to matter.
	dir := realDir(f)
	sh(f, dir, "init", "-q", "--bare", "-b", "main")
	var in strings.Builder
	for i := range 5 {
		text := fmt.Sprintf("# %d\n%s", i, strings.Repeat("resource\n", 4+i))
		fmt.Fprintf(&in, "commit refs/heads/main\nmark :%d\ncommitter A <a@example.com> %d +0000\ndata 1\nx\n", i+1, i)
		if i == 4 {
			in.WriteString("from :4\nmerge :3\nmerge :2\n")
		}
		fmt.Fprintf(&in, "M 100644 inline a/b\ndata %d\n%s\n", len(text), text)
	}
	shIn(f, dir, in.String(), "fast-import", "--quiet")
	for _, args := range [][]string{{"repack", "-adfq"}, {"-c", "repack.useDeltaBaseOffset=false", "repack", "-adfq"}} {
		sh(f, dir, args...)
		sh(f, dir, "commit-graph", "write", "--reachable")
		f.Add(read(glob(f, dir, "objects/pack/*.pack")[0]), read(glob(f, dir, "objects/pack/*.idx")[0]), read(filepath.Join(dir, "objects/info/commit-graph")))
	}
	f.Fuzz(func(t *testing.T, packData, idx, graph []byte) {
		if len(packData) < 32 || len(idx) < 1100 || len(packData) > 1<<20 {
			return
		}
		// What a change would break at once is mended, to get further.
		packData, idx, graph = bytes.Clone(packData), bytes.Clone(idx), bytes.Clone(graph)
		copy(packData[8:], idx[8+1020:8+1024])
		copy(idx[len(idx)-40:], packData[len(packData)-20:])
		p := &pack{name: "x.pack", file: &mapped{name: "x.pack", data: packData}, index: &mapped{name: "x.idx", data: idx}}
		if p.parse() != nil {
			return
		}
		s := &odb{sum: sha1.New(), packs: []*pack{p}}
		s.bases.init(1 << 20)
		n := &nativeReader{odb: s}
		if len(graph) > 28 {
			sum := sha1.Sum(graph[:len(graph)-20])
			copy(graph[len(graph)-20:], sum[:])
			l := &graphLayer{file: &mapped{name: "graph", data: graph}}
			if l.parse(0) == nil {
				n.graph = &commitGraph{layers: []*graphLayer{l}, count: l.count, edges: 2*l.count + len(l.edges)/4}
			}
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		read := 0
		for i := range min(p.count, 50) {
			id := Hash(p.ids[20*i : 20*i+20])
			kind, data, err := s.read(id)
			read += len(data)
			if err == nil && hashObject(packTypes[kind], data) != id {
				t.Fatalf("%s is not what it says", id)
			}
			if offset, err := p.offset(i); err == nil {
				_, _ = p.end(offset)
				_, _ = p.at(offset)
			}
			seen := 0
			_ = n.Walk(t.Context(), id, func(CommitInfo) error { seen++; return nil })
			if kind != packCommit || err != nil {
				continue
			}
			w := &writer{Spec: Spec{Refs: map[string]Hash{"refs/heads/main": id}}, gitDir: t.TempDir()}
			if err := os.MkdirAll(filepath.Join(w.gitDir, "objects/pack"), 0o777); err != nil {
				t.Fatal(err)
			}
			_ = w.packFrom(t.Context(), n)
		}
		runtime.ReadMemStats(&after)
		// A byte of a pack can stand for 1,032 of a blob, and a few of a delta for 16 MB.
		if took := after.TotalAlloc - before.TotalAlloc; took > 1<<31 && read < 1<<24 {
			t.Fatalf("%d bytes of memory for %d read", took, read)
		}
	})
}

// FuzzLoose reads a loose object's file.
func FuzzLoose(f *testing.F) {
	for _, data := range []string{"blob 3\x00abc", "tree 0\x00", "commit 99999999999\x00x", "note 1\x00x", "blob -1\x00", "blob 3abc"} {
		for _, form := range deflated(f, []byte(data)) {
			f.Add(form)
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		s := &odb{}
		kind, data, err := s.parseLoose(src)
		if err != nil {
			return
		}
		// The standard library reads the same.
		r, err := zlib.NewReader(bytes.NewReader(src))
		if err != nil {
			t.Fatal(err)
		}
		all, err := io.ReadAll(r)
		if want := fmt.Sprintf("%s %d\x00%s", packTypes[kind], len(data), data); err != nil || !bytes.HasSuffix(all, data) || len(all) < len(want) {
			t.Fatalf("%q of %q, %v", data, all, err)
		}
	})
}

// A pack and a delta that claim far more than they hold take no memory for it.
func TestClaimsTakeNoMemory(t *testing.T) {
	entry := func(kind byte, size int) []byte {
		return append(entryHead([]byte("PACK\x00\x00\x00\x02\x00\x00\x00\x00"), kind, size), make([]byte, 60)...)
	}
	for name, data := range map[string][]byte{
		"an entry": entry(packBlob, 1<<29),
		"a delta":  entry(packOfsDelta, 1<<29),
	} {
		p := &pack{file: &mapped{data: data}}
		if _, err := p.entry(12); err == nil {
			t.Errorf("%s of 512 MiB in 60 bytes passes", name)
		}
	}
	delta := binary.AppendUvarint(binary.AppendUvarint(nil, 3), 1<<40)
	allocated := testing.AllocsPerRun(10, func() {
		if _, err := applyDelta([]byte("abc"), append(delta[:len(delta):len(delta)], 1, 'x')); err == nil {
			t.Error("a delta that claims 1 TiB passes")
		}
	})
	if allocated > 2 {
		t.Errorf("%v allocations", allocated)
	}
	// Copies that do make as much are refused before they are made.
	bomb := binary.AppendUvarint(binary.AppendUvarint(nil, 1<<16), 1<<17*1<<16)
	bomb = append(bomb, bytes.Repeat([]byte{0x80}, 1<<17)...)
	if _, err := applyDelta(make([]byte, 1<<16), bomb); err != errTooLarge {
		t.Errorf("got %v", err)
	}
}
