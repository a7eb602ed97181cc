package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/cmd/report"
)

// promotionOrder holds a promotion against the order of environments (after).
// The error is one of names that mean nothing; what the order forbids is a
// refusal.
func promotionOrder(cfg *Config, from, to string) (*report.Refusal, error) {
	known := cfg.Order()
	for _, name := range []struct{ flag, value string }{{"--from", from}, {"--to", to}} {
		switch {
		case name.value == "":
			return nil, fmt.Errorf("%s is missing\nhint: terrier promote --from qa --to prod", name.flag)
		case len(known) == 0:
			return nil, fmt.Errorf("%s %s: no environments are configured\nhint: in %s:\n%s", name.flag, name.value, configName, orderExample(from, to))
		case !slices.Contains(known, name.value):
			hint := "it has " + strings.Join(known, ", ")
			if near := suggest(name.value, known); near != "" {
				hint = fmt.Sprintf("did you mean %s? It has %s", near, strings.Join(known, ", "))
			}
			return nil, fmt.Errorf("%s %s: there is no such environment in %s\nhint: %s", name.flag, name.value, configName, hint)
		}
	}
	after := cfg.after()
	switch {
	case from == to:
		return nil, fmt.Errorf("--from and --to are both %s\nhint: `terrier bump --env %s` moves calls within an environment", from, from)
	case !slices.ContainsFunc(known, func(e string) bool { return len(after[e]) > 0 }):
		return nil, fmt.Errorf("no environment of %s says which it comes after, so there is no order to promote in\nhint: add after to the later one:\n%s", configName, orderExample(from, to))
	case slices.Contains(after[to], from):
		return nil, nil
	}
	if between := way(after, from, to); len(between) > 0 {
		names := strings.Join(between, " and ")
		verb := "is"
		if len(between) > 1 {
			verb = "are"
		}
		return &report.Refusal{
			Reason: fmt.Sprintf("%s %s between %s and %s, and would be skipped", names, verb, from, to),
			Hint:   fmt.Sprintf("terrier promote --from %s --to %s", shell(from), shell(between[0])),
		}, nil
	}
	hint := fmt.Sprintf("%s comes after no other; in its block in %s: after = [%q]", to, configName, from)
	if len(after[to]) > 0 {
		hint = fmt.Sprintf("terrier promote --from %s --to %s", shell(after[to][0]), shell(to))
	}
	if slices.Contains(after[from], to) || len(way(after, to, from)) > 0 {
		return &report.Refusal{Reason: fmt.Sprintf("it would go back: %s comes after %s", from, to), Hint: fmt.Sprintf("terrier promote --from %s --to %s", shell(to), shell(from))}, nil
	}
	return &report.Refusal{Reason: fmt.Sprintf("%s does not come after %s", to, from), Hint: hint}, nil
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

func orderExample(from, to string) string {
	return fmt.Sprintf("  environment %q {\n    stacks = [\"live/%s/**\"]\n  }\n  environment %q {\n    stacks = [\"live/%s/**\"]\n    after  = [%q]\n  }", from, from, to, to, from)
}
