package promotion

import (
	"fmt"
	"slices"
	"strings"
)

// A Refusal is an order of environments that forbids a promotion.
type Refusal struct {
	Reason string // a sentence without its full stop
	// From and To are the promotion that the order allows instead; "" where To
	// comes after nothing.
	From, To string
}

// Order holds a promotion against the order of environments: after has for each
// the ones that it comes right behind. Nil where to comes right behind from. A
// cycle in after is held against as far as it goes, and does not hang.
func Order(after map[string][]string, from, to string) *Refusal {
	if slices.Contains(after[to], from) {
		return nil
	}
	if between := way(after, from, to); len(between) > 0 {
		verb := "is"
		if len(between) > 1 {
			verb = "are"
		}
		return &Refusal{
			Reason: fmt.Sprintf("%s %s between %s and %s, and would be skipped", strings.Join(between, " and "), verb, from, to),
			From:   from, To: between[0],
		}
	}
	if slices.Contains(after[from], to) || len(way(after, to, from)) > 0 {
		return &Refusal{Reason: fmt.Sprintf("it would go back: %s comes after %s", from, to), From: to, To: from}
	}
	r := &Refusal{Reason: fmt.Sprintf("%s does not come after %s", to, from)}
	if len(after[to]) > 0 {
		r.From, r.To = after[to][0], to
	}
	return r
}

// way are the environments between two on the shortest way, the earlier first;
// none where there is no way.
func way(after map[string][]string, from, to string) []string {
	type step struct {
		name string
		back *step
	}
	seen := map[string]bool{}
	for queue := []*step{{name: to}}; len(queue) > 0; queue = queue[1:] {
		for _, before := range after[queue[0].name] {
			if before == from {
				var out []string
				for s := queue[0]; s.back != nil; s = s.back {
					out = append(out, s.name)
				}
				return out
			}
			if !seen[before] {
				seen[before] = true
				queue = append(queue, &step{before, queue[0]})
			}
		}
	}
	return nil
}
