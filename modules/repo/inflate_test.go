package repo

import (
	"bytes"
	"compress/zlib"
	"io"
	"math/rand/v2"
	"testing"
)

// deflated gives one content in the forms that a stream can have.
func deflated(t testing.TB, data []byte) [][]byte {
	t.Helper()
	var forms [][]byte
	for _, level := range []int{zlib.NoCompression, zlib.BestSpeed, zlib.DefaultCompression, zlib.BestCompression, zlib.HuffmanOnly} {
		var b bytes.Buffer
		w, err := zlib.NewWriterLevel(&b, level)
		if err != nil {
			t.Fatal(err)
		}
		half := len(data) / 2
		_, _ = w.Write(data[:half])
		if level == zlib.BestSpeed {
			w.Flush()
		}
		_, _ = w.Write(data[half:])
		w.Close()
		forms = append(forms, b.Bytes())
	}
	return forms
}

func inflateContents() [][]byte {
	rnd := rand.New(rand.NewPCG(1, 2))
	noise := make([]byte, 100_000)
	for i := range noise {
		noise[i] = byte(rnd.Uint32())
	}
	skewed := make([]byte, 200_000) // codes of up to 15 bits
	for i := range skewed {
		skewed[i] = byte(rnd.ExpFloat64() * 9)
	}
	var text []byte
	for len(text) < 70_000 {
		text = append(text, []string{"resource \"aws_vpc\" ", "tree ", "parent ", "\n", "modules/", "é", "0123456789abcdef"}[rnd.IntN(7)]...)
	}
	return [][]byte{nil, []byte("a"), []byte("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"), bytes.Repeat([]byte("ab"), 1000), make([]byte, 1<<20), noise[:300], noise, skewed, text, text[:200]}
}

func TestInflate(t *testing.T) {
	var z inflater
	for i, data := range inflateContents() {
		for j, stream := range deflated(t, data) {
			// What follows a stream in a pack is the next entry.
			src := append(bytes.Clone(stream), "\x78\x9cand more"...)
			for _, src := range [][]byte{src, stream} {
				dst := make([]byte, len(data))
				n, used, err := z.inflate(dst, src, false)
				if err != nil || n != len(data) || used != len(stream) || !bytes.Equal(dst, data) {
					t.Errorf("content %d, form %d: %d of %d bytes, %d of %d of the stream, %v", i, j, n, len(data), used, len(stream), err)
				}
			}
			for _, n := range []int{0, 1, len(data) / 3, len(data), len(data) + 10} {
				dst := make([]byte, n)
				got, _, err := z.inflate(dst, src, true)
				if want := min(n, len(data)); err != nil || got != want || !bytes.Equal(dst[:got], data[:want]) {
					t.Errorf("content %d, form %d: the first %d bytes: got %d, %v", i, j, n, got, err)
				}
			}
			for _, n := range []int{len(data) - 1, len(data) + 1} {
				if n < 0 {
					continue
				}
				if _, _, err := z.inflate(make([]byte, n), src, false); err == nil {
					t.Errorf("content %d, form %d: %d bytes taken for %d", i, j, len(data), n)
				}
			}
			bad := bytes.Clone(stream)
			bad[len(bad)-1] ^= 1
			if _, _, err := z.inflate(make([]byte, len(data)), bad, false); err == nil {
				t.Errorf("content %d, form %d: a wrong checksum passes", i, j)
			}
			for n := range min(len(stream), 300) {
				if _, _, err := z.inflate(make([]byte, len(data)), stream[:n], false); err == nil {
					t.Errorf("content %d, form %d: the first %d bytes of the stream pass", i, j, n)
				}
			}
		}
	}
}

// FuzzInflate holds the decompressor against the standard library's: both take
// the same streams and read the same from them.
func FuzzInflate(f *testing.F) {
	for _, data := range inflateContents() {
		if len(data) < 1<<10 {
			for _, stream := range deflated(f, data) {
				f.Add(stream, len(data))
			}
		}
	}
	// Fixed codes with symbols that have no meaning, codes of one symbol, none at all.
	f.Add([]byte("\x78\x9c\x63\x00\x62\x00"), 10)
	f.Fuzz(func(t *testing.T, src []byte, n int) {
		if n < 0 || n > 1<<20 {
			return
		}
		var z inflater
		var want []byte
		r, wantErr := zlib.NewReader(bytes.NewReader(src))
		if wantErr == nil {
			want, wantErr = io.ReadAll(io.LimitReader(r, 1<<21))
			if len(want) == 1<<21 {
				return
			}
		}
		dst := make([]byte, n)
		_, _, err := z.inflate(dst, src, false)
		if (err == nil) != (wantErr == nil && len(want) == n) {
			t.Fatalf("%d bytes: %v; the standard library reads %d, %v", n, err, len(want), wantErr)
		}
		if err == nil && !bytes.Equal(dst, want) {
			t.Fatal("it reads other bytes")
		}
		m, _, err := z.inflate(dst, src, true)
		if k := min(m, len(want)); !bytes.Equal(dst[:k], want[:k]) {
			t.Fatal("the head has other bytes")
		}
		if wantErr == nil && (err != nil || m != min(n, len(want))) {
			t.Fatalf("%d bytes of the head of %d, want %d; %v", m, len(want), n, err)
		}
	})
}
