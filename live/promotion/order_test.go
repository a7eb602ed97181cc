package promotion

import (
	"fmt"
	"testing"
)

func TestOrder(t *testing.T) {
	line := map[string][]string{"prod": {"staging"}, "staging": {"qa"}, "qa": {"dev"}, "dev": nil, "lab": nil}
	diamond := map[string][]string{"eu": {"qa"}, "us": {"qa"}, "prod": {"eu", "us"}, "dr": {"prod", "qa"}}
	// The configuration refuses a cycle; what comes from elsewhere must not
	// hang.
	ring := map[string][]string{"a": {"c"}, "b": {"a"}, "c": {"b"}, "self": {"self"}, "out": {"a"}}
	for name, test := range map[string]struct {
		after    map[string][]string
		from, to string
		want     string
	}{
		"next":            {line, "qa", "staging", ""},
		"one between":     {line, "qa", "prod", "staging is between qa and prod, and would be skipped; qa staging"},
		"two between":     {line, "dev", "prod", "qa and staging are between dev and prod, and would be skipped; dev qa"},
		"back":            {line, "staging", "qa", "it would go back: staging comes after qa; qa staging"},
		"apart":           {line, "lab", "prod", "prod does not come after lab; staging prod"},
		"after nothing":   {line, "qa", "lab", "lab does not come after qa;  "},
		"one of two":      {diamond, "us", "prod", ""},
		"direct and far":  {diamond, "qa", "dr", ""},
		"unknown":         {line, "x", "y", "y does not come after x;  "},
		"no order":        {nil, "qa", "prod", "prod does not come after qa;  "},
		"along a ring":    {ring, "a", "b", ""},
		"against a ring":  {ring, "b", "a", "c is between b and a, and would be skipped; b c"},
		"out of a ring":   {ring, "b", "out", "c and a are between b and out, and would be skipped; b c"},
		"after itself":    {ring, "a", "self", "self does not come after a; self self"},
		"to the same one": {line, "qa", "qa", "qa does not come after qa; dev qa"},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if r := Order(test.after, test.from, test.to); r != nil {
				got = fmt.Sprintf("%s; %s %s", r.Reason, r.From, r.To)
			}
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}
