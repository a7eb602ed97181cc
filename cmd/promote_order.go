package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/live/promotion"
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
	}
	r := promotion.Order(after, from, to)
	switch {
	case r == nil:
		return nil, nil
	case r.From == "":
		return &report.Refusal{Reason: r.Reason, Hint: fmt.Sprintf("%s comes after no other; in its block in %s: after = [%q]", to, configName, from)}, nil
	}
	return &report.Refusal{Reason: r.Reason, Hint: fmt.Sprintf("terrier promote --from %s --to %s", shell(r.From), shell(r.To))}, nil
}

func orderExample(from, to string) string {
	return fmt.Sprintf("  environment %q {\n    stacks = [\"live/%s/**\"]\n  }\n  environment %q {\n    stacks = [\"live/%s/**\"]\n    after  = [%q]\n  }", from, from, to, to, from)
}
