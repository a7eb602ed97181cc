package cmd

import (
	"strings"
	"testing"
)

func TestPromotionOrder(t *testing.T) {
	env := func(name string, after ...string) *EnvironmentConfig {
		return &EnvironmentConfig{Name: name, After: after}
	}
	line := []*EnvironmentConfig{env("prod", "staging"), env("staging", "qa"), env("qa", "dev"), env("dev"), env("lab")}
	diamond := []*EnvironmentConfig{env("qa"), env("eu", "qa"), env("us", "qa"), env("prod", "eu", "us"), env("dr", "prod", "qa")}
	for name, test := range map[string]struct {
		environments     []*EnvironmentConfig
		from, to         string
		want, hint, fail string
	}{
		"next":            {line, "qa", "staging", "", "", ""},
		"one between":     {line, "qa", "prod", "staging is between qa and prod, and would be skipped", "--from qa --to staging", ""},
		"two between":     {line, "dev", "prod", "qa and staging are between dev and prod, and would be skipped", "--from dev --to qa", ""},
		"back":            {line, "staging", "qa", "it would go back: staging comes after qa", "--from qa --to staging", ""},
		"far back":        {line, "prod", "dev", "it would go back: prod comes after dev", "--from dev --to prod", ""},
		"apart":           {line, "lab", "prod", "prod does not come after lab", "--from staging --to prod", ""},
		"after none":      {line, "qa", "lab", "lab does not come after qa", `after = ["qa"]`, ""},
		"one of two":      {diamond, "us", "prod", "", "", ""},
		"through one":     {diamond, "qa", "prod", "eu is between qa and prod, and would be skipped", "--to eu", ""},
		"direct and far":  {diamond, "qa", "dr", "", "", ""},
		"equal":           {line, "qa", "qa", "", "", "both qa"},
		"unknown from":    {line, "qaa", "prod", "", "", "--from qaa: there is no such environment in terrier.hcl\nhint: did you mean qa?"},
		"unknown to":      {line, "qa", "zzzzzz", "", "", "--to zzzzzz: there is no such environment in terrier.hcl\nhint: it has dev, qa, staging, prod, lab"},
		"missing":         {line, "", "prod", "", "", "--from is missing"},
		"no environments": {nil, "qa", "prod", "", "", "no environments are configured\nhint: in terrier.hcl:\n  environment \"qa\" {"},
		"no order":        {[]*EnvironmentConfig{env("qa"), env("prod")}, "qa", "prod", "", "", "no order to promote in\nhint: add after to the later one:\n"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := promotionOrder(&Config{Environments: test.environments}, test.from, test.to)
			switch {
			case test.fail != "":
				if err == nil || !strings.Contains(err.Error(), test.fail) {
					t.Errorf("got %v", err)
				}
			case err != nil:
				t.Error(err)
			case test.want == "" && got != nil, test.want != "" && got == nil:
				t.Errorf("got %+v", got)
			case got != nil && (got.Reason != test.want || !strings.Contains(got.Hint, test.hint)):
				t.Errorf("got %+v", got)
			}
		})
	}
}
