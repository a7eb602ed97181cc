package modules

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"
)

// The README lists every hazard as the code names it.
func TestReadmeListsHazards(t *testing.T) {
	readme, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for id := range HazardDocs {
		ids = append(ids, id)
	}
	sort.Strings(ids)
	var want strings.Builder
	for _, id := range ids {
		fmt.Fprintf(&want, "| `%s` | %s |\n", id, HazardDocs[id])
	}
	if !strings.Contains(string(readme), "|---|---|\n"+want.String()+"\n") {
		t.Errorf("README.md should hold this table of hazards:\n%s", want.String())
	}
}
