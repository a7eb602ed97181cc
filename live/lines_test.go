package live

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
)

type memory struct{ bytes.Buffer }

func (*memory) Close() error { return nil }

// A log keeps the beginning and the end, each line of them whole.
func TestBoundedLog(t *testing.T) {
	for _, n := range []int{1, 1000, 60_000, 200_000} {
		var out memory
		log := &bounded{to: &out}
		for i := range n {
			log.add(fmt.Sprintf("%0100d", i))
		}
		log.close()
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if out.Len() > mostText+mostTail+100 {
			t.Errorf("%d lines: %d bytes", n, out.Len())
		}
		if first, last := lines[0], lines[len(lines)-1]; first != fmt.Sprintf("%0100d", 0) || last != fmt.Sprintf("%0100d", n-1) {
			t.Errorf("%d lines: from %q to %q", n, first, last)
		}
		told := 0
		for _, l := range lines {
			var left int
			if k, _ := fmt.Sscanf(l, "… %d lines left out …", &left); k == 1 {
				told += left
			} else {
				told++
			}
		}
		if told != n {
			t.Errorf("of %d lines %d are accounted for", n, told)
		}
	}
}
