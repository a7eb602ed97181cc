package publish

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/pins"
)

func call(ref string) string {
	return fmt.Sprintf("module \"vpc\" {\n  source = \"git::https://h.example.com/vpc.git?ref=%s\"\n}\n", ref)
}

const local = "module \"vpc\" {\n  source = \"git::https://h.example.com/vpc.git?ref=${local.ref}\"\n}\n"

func refsOf(calls []lock.Call) string {
	var out []string
	for _, c := range calls {
		out = append(out, c.Place.File+"="+c.Source.Ref)
	}
	slices.Sort(out)
	return strings.Join(out, " ")
}

// The calls of a tree with some of its changes are those that reading it anew
// finds, or are not told.
func TestHalfway(t *testing.T) {
	for name, tc := range map[string]struct {
		before map[string]string
		stages []map[string]string
		known  bool // of the tree after the first stage
	}{
		"a directory each":  {map[string]string{"a/m.tf": call("v1"), "b/m.tf": call("v1"), "c/m.tf": call("v1")}, []map[string]string{{"a/m.tf": call("v2")}, {"b/m.tf": call("v2")}}, true},
		"two files":         {map[string]string{"a/m.tf": call("v1"), "a/n.tf": call("v1")}, []map[string]string{{"a/m.tf": call("v2")}, {"a/n.tf": call("v2")}}, false},
		"one file twice":    {map[string]string{"a/m.tf": call("v1") + call("v1")}, []map[string]string{{"a/m.tf": call("v2") + call("v1")}, {"a/m.tf": call("v2") + call("v2")}}, false},
		"a local":           {map[string]string{"a/m.tf": local, "a/l.tf": "locals {\n ref = \"v1\"\n}\n", "b/m.tf": call("v1")}, []map[string]string{{"a/l.tf": "locals {\n ref = \"v2\"\n}\n"}, {"b/m.tf": call("v2")}}, true},
		"terragrunt":        {map[string]string{"a/terragrunt.hcl": "terraform {\n  source = \"git::https://h.example.com/vpc.git?ref=v1\"\n}\n", "b/m.tf": call("v1")}, []map[string]string{{"a/terragrunt.hcl": "terraform {\n  source = \"git::https://h.example.com/vpc.git?ref=v2\"\n}\n"}, {"b/m.tf": call("v2")}}, false},
		"a document beside": {map[string]string{"a/m.tf": call("v1"), "README.md": "v1", "b/m.tf": call("v1")}, []map[string]string{{"a/m.tf": call("v2"), "README.md": "v2"}, {"b/m.tf": call("v2")}}, true},
	} {
		fsys := fstest.MapFS{}
		for p, text := range tc.before {
			fsys[p] = &fstest.MapFile{Data: []byte(text)}
		}
		read := func(files map[string][]byte) []lock.Call {
			tree, _ := hclparse.LoadCalls(hclparse.Overlay(fsys, files))
			return rootsOf(modules.NewGraph(tree, nil))
		}
		var stages []pins.Stage
		files := map[string][]byte{}
		var after []map[string][]byte
		for _, s := range tc.stages {
			stage := pins.Stage{Files: map[string][]byte{}}
			for p, text := range s {
				stage.Files[p] = []byte(text)
				files[p] = []byte(text)
			}
			stages = append(stages, stage)
			now := map[string][]byte{}
			for p, data := range files {
				now[p] = data
			}
			after = append(after, now)
		}
		h := newHalfway(read(nil), read(files), stages)
		for i, now := range after {
			got, ok := h.calls(now)
			if want := refsOf(read(now)); ok && refsOf(got) != want {
				t.Errorf("%s, stage %d: %s, want %s", name, i, refsOf(got), want)
			}
			if i == 0 && ok != tc.known {
				t.Errorf("%s: known %v", name, ok)
			}
		}
	}
	// What a change makes of another directory's calls, only the tree tells.
	moved := func(file, ref string) lock.Call {
		s, err := hclparse.ParseSource("git::https://h.example.com/vpc.git?ref=" + ref)
		if err != nil {
			t.Fatal(err)
		}
		return lock.Call{Source: s, Place: lock.Place{File: file, Line: 1}}
	}
	stages := []pins.Stage{{Files: map[string][]byte{"a/m.tf": []byte("x")}}}
	for _, after := range [][]lock.Call{{moved("a/m.tf", "v2"), moved("link/m.tf", "v2")}, {moved("a/m.tf", "v2")}} {
		h := newHalfway([]lock.Call{moved("a/m.tf", "v1"), moved("link/m.tf", "v1")}, after, stages)
		if _, ok := h.calls(nil); ok {
			t.Errorf("%s is told", refsOf(after))
		}
	}
}
