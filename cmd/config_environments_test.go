package cmd

import (
	"fmt"
	"testing"
)

// The first environment that matches has a stack; others share it where a
// workspace or the like tells them apart.
func TestEnvironmentsOf(t *testing.T) {
	c, diags, _ := parseConfig([]byte(`
environment "prod" {
  stacks    = ["app/**", "one"]
  workspace = "prod"
  after     = ["qa"]
}
environment "qa" {
  stacks    = ["app/**"]
  var_files = ["qa.tfvars"]
  after     = ["dev"]
}
environment "ops" {
  stacks = ["ops/**", "app/**"]
}
environment "dev" {
  stacks         = ["app/**", "ops/**"]
  backend_config = ["dev.tfbackend"]
}
stack "app/fixed" {
  environment = "dev"
}
`), "terrier.hcl")
	if diags.HasErrors() {
		t.Fatal(diags)
	}
	for dir, want := range map[string]string{
		"app/x": "[prod qa dev]", "one": "[prod]", "ops/x": "[ops]", "app/fixed": "[dev]", "else": "[]",
	} {
		if got := fmt.Sprint(c.EnvironmentsOf(dir)); got != want {
			t.Errorf("%s: got %s, want %s", dir, got, want)
		}
	}
	if got := fmt.Sprint(c.Order()); got != "[dev qa prod ops]" {
		t.Errorf("order %s", got)
	}
}
