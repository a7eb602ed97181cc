package cmd

import (
	"fmt"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lint/rules"
)

// LintConfig is what lint finds, and what it makes of it.
type LintConfig struct {
	FailOn   lint.Severity // the mildest finding that gives exit code 2
	Settings lint.Settings
	// Split is the split.json that the rule copied-file-differs reads, and
	// Repository the repository in it that this one is; "" where there is
	// none.
	Split, Repository string
}

var failOn = []string{string(lint.Info), string(lint.Warn), string(lint.Error)}

func (d *decoder) lint(b *hcl.Block) {
	attrs, _ := d.content(b.Body, attributes("fail_on", "exclude"))
	if v, ok := d.str(attrs["fail_on"]); ok && d.oneOf(v, "fail_on", failOn) {
		d.c.Lint.FailOn = lint.Severity(v.value)
	}
	d.c.Lint.Settings.Exclude = d.list(attrs["exclude"], "Not a glob for files", checkGlob)
}

// rule reads the settings of one rule.
func (d *decoder) rule(b *hcl.Block) {
	r := d.ruleNamed(b)
	if r == nil {
		return
	}
	schema := attributes("severity", "exclude")
	for _, name := range r.Options {
		schema.Attributes = append(schema.Attributes, hcl.AttributeSchema{Name: name})
	}
	attrs, _ := d.content(b.Body, schema)
	set := lint.RuleSettings{Severity: d.severity(attrs["severity"])}
	set.Exclude = d.list(attrs["exclude"], "Not a glob for files", checkGlob)
	set.Hosts = d.list(attrs["hosts"], "Not a glob for hosts", checkGlob)
	set.Paths = d.list(attrs["paths"], "Not a glob for paths", checkGlob)
	set.Schemes = d.list(attrs["schemes"], "Not a scheme", checkName)
	if a := attrs["split"]; a != nil {
		d.c.Lint.Split = d.checked(a, "Not a file", checkArgument)
		d.c.Lint.Repository = d.checked(attrs["repository"], "Not a repository", checkArgument)
		if attrs["repository"] == nil {
			d.err(a.NameRange, "Split without a repository", "A split has several repositories, and which of them this is cannot be told.\n\nhint: set `repository` to its place in the split, as in \"live/live\"")
		}
	}
	d.c.Lint.Settings.Rules[r.Name] = set
}

// environmentRules reads the severities of an environment.
func (d *decoder) environmentRules(e *EnvironmentConfig, blocks hcl.Blocks) {
	first := map[string]hcl.Range{}
	for _, b := range blocks {
		r := d.ruleNamed(b)
		if r == nil {
			continue
		}
		if at, ok := first[r.Name]; ok {
			d.err(b.LabelRanges[0], fmt.Sprintf("Duplicate rule %q", r.Name), "It is already there in line %d.", at.Start.Line)
			continue
		}
		first[r.Name] = b.DefRange
		attrs, _ := d.content(b.Body, attributes("severity!"))
		if s := d.severity(attrs["severity"]); s != "" {
			if e.Rules == nil {
				e.Rules = map[string]lint.Severity{}
			}
			e.Rules[r.Name] = s
		}
	}
}

// ruleNamed finds the rule of a block's label.
func (d *decoder) ruleNamed(b *hcl.Block) *lint.Rule {
	name := b.Labels[0]
	r := rules.Find(name)
	if r == nil {
		detail := fmt.Sprintf("There is no rule %q.", name)
		if near := lint.Nearest(name, rules.All); near != "" {
			detail += fmt.Sprintf(" Did you mean %q?", near)
		}
		d.err(b.LabelRanges[0], "Unknown rule", "%s\n\nhint: `terrier lint --rules` lists them", detail)
	}
	return r
}

func (d *decoder) severity(a *hcl.Attribute) lint.Severity {
	v, ok := d.str(a)
	if !ok {
		return ""
	}
	var all []string
	for _, s := range lint.Severities {
		all = append(all, string(s))
	}
	if !d.oneOf(v, "severity", all) {
		return ""
	}
	return lint.Severity(v.value)
}

// lintSettings are the settings with those of the environments.
func (c *Config) lintSettings() lint.Settings {
	s := c.Lint.Settings
	s.Environments = map[string]map[string]lint.Severity{}
	for _, e := range c.Environments {
		s.Environments[e.Name] = e.Rules
	}
	return s
}

// after holds for each environment those that it comes after.
func (c *Config) after() map[string][]string {
	out := map[string][]string{}
	for _, e := range c.Environments {
		out[e.Name] = e.After
	}
	return out
}

// lintState is what an environment adds to where a stack keeps its state.
func (c *Config) lintState(stack string) lint.State {
	name, _ := c.Environment(stack)
	for _, e := range c.Environments {
		if e.Name == name {
			return lint.State{Workspace: e.Workspace, Completed: len(e.BackendConfig) > 0}
		}
	}
	return lint.State{}
}

// choice is what the configuration decides about packages.
func (c *Config) choice() modules.Choice {
	out := modules.Choice{Keep: map[string]string{}, Group: map[string]string{}}
	if c.Modules.Layout != LayoutPerModule {
		out.All = "modules"
	}
	for dir, m := range c.Module {
		if m.Keep {
			out.Keep[dir] = configName
		}
		if m.Group != "" {
			out.Group[dir] = m.Group
		}
	}
	return out
}
