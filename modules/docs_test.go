package modules

import (
	"fmt"
	"os"
	"sort"
	"strings"
	"testing"
)

// HAZARDS.md lists every hazard as the code names it.
func TestPageListsHazards(t *testing.T) {
	page, err := os.ReadFile("HAZARDS.md")
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
	if !strings.Contains(string(page)+"\n", "|---|---|\n"+want.String()+"\n") {
		t.Errorf("HAZARDS.md should hold this table of hazards:\n%s", want.String())
	}
}
