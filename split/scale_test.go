package split

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

// manyModules is a tree of n modules, which all have the base name that names
// them: a tenth calls another, each has attributes of its own and is called by
// one of some stacks.
func manyModules(n int) fstest.MapFS {
	files := fstest.MapFS{}
	put := func(name, text string) { files[name] = &fstest.MapFile{Data: []byte(text), Mode: 0o644} }
	dir := func(i int) string { return fmt.Sprintf("modules/g%03d/m%05d/vpc", i/100, i) }
	stacks := make([]strings.Builder, n/100)
	for i := range n {
		text := aModule
		if i%10 == 1 {
			text += fmt.Sprintf("module \"n\" {\n  source = \"../../m%05d/vpc\"\n}\n", i-1)
		}
		put(dir(i)+"/main.tf", text)
		put(dir(i)+"/.gitattributes", "*.tf text\n")
		put(dir(i)+"/README.md", "`"+dir(i)+"`\n")
		fmt.Fprintf(&stacks[i%len(stacks)], "module \"m%d\" {\n  source = \"../../%s\"\n}\n", i, dir(i))
	}
	for s := range stacks {
		put(fmt.Sprintf("live/s%03d/main.tf", s), aStack+stacks[s].String())
	}
	return files
}

// A plan of four times the modules takes four times the memory, all counted
// that was ever asked for: what grows as the square shows there first, and the
// count is the same on every machine.
func TestPlanGrowsLinearly(t *testing.T) {
	asked := func(n int) uint64 {
		files := manyModules(n)
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		tree, diags := hclparse.Load(files)
		if diags.HasErrors() {
			t.Fatal(diags)
		}
		g := modules.NewGraph(tree, nil)
		plan, diags := NewPlan(&repo.Commit{}, g, testConfig("out"))
		runtime.ReadMemStats(&after)
		if diags.HasErrors() || len(plan.Packages) != n || len(plan.Edits) != n+n/10 {
			t.Fatalf("%d packages, %d edits, %v", len(plan.Packages), len(plan.Edits), diags)
		}
		return after.TotalAlloc - before.TotalAlloc
	}
	asked(100) // what is made once
	small, large := asked(500), asked(4000)
	if ratio := float64(large) / float64(small); ratio > 10 {
		t.Errorf("8 times the modules take %.1f times the memory: %d MB and %d MB", ratio, small>>20, large>>20)
	}
}
