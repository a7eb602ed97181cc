package hclparse

import (
	"os"
	"path/filepath"
	"testing"
	"testing/fstest"

	"golang.org/x/tools/txtar"
)

// FuzzLoadCalls compares LoadCalls with Load on one file of each syntax. Where
// Load finds no error both are equal; nowhere does LoadCalls miss in silence
// what Load finds.
func FuzzLoadCalls(f *testing.F) {
	for _, tc := range nastyNative {
		f.Add([]byte(tc.text))
	}
	archives, err := filepath.Glob("../fixtures/hazards/*.txtar")
	if err != nil || len(archives) == 0 {
		f.Fatalf("%d fixtures, %v", len(archives), err)
	}
	for _, a := range append(archives, "../fixtures/acme.txtar") {
		data, err := os.ReadFile(a)
		if err != nil {
			f.Fatal(err)
		}
		for _, file := range txtar.Parse(data).Files {
			if _, ok := newFile(file.Name, filepath.Base(file.Name)); ok {
				f.Add(file.Data)
			}
		}
	}
	f.Fuzz(func(t *testing.T, src []byte) {
		compareCalls(t, fstest.MapFS{
			"a.tf":          {Data: src},
			"j/a.tf.json":   {Data: src},
			"k/after.tf":    {Data: []byte("resource \"a\" \"b\" {}\n")}, // over the buffer
			"o/b.tofu":      {Data: append([]byte("  locals {\n  }\n"), src...)},
			"o/c_behind.tf": {Data: append(src[:len(src):len(src)], "\nmodule \"behind\" {\n  source = \"./x\"\n}\n"...)},
		})
	})
}
