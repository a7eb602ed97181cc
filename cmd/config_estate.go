package cmd

import (
	"slices"

	"github.com/terrier-iac/terrier/live/estate"
)

// EstateConfig is what the configuration says of the estate, as plain data. after
// gives the environments that one comes after; nil takes them from the file.
func (c *Config) EstateConfig(after func(environment string) []string) estate.Config {
	out := estate.Config{
		EnvironmentsOf: c.EnvironmentsOf,
		After: func(stack string) []string {
			if s := c.Stack(stack); s != nil {
				return s.After
			}
			return nil
		},
		AfterAt: func(stack string) (string, int) {
			if s := c.Stack(stack); s != nil {
				return s.Range.Filename, s.Range.Start.Line
			}
			return "", 0
		},
	}
	for _, e := range c.Environments {
		comes := e.After
		if after != nil {
			comes = slices.DeleteFunc(slices.Clone(after(e.Name)), func(name string) bool { return c.environment(name) == nil })
		}
		out.Environments = append(out.Environments, estate.Environment{
			Name: e.Name, Account: e.Account, After: comes, Workspace: e.Workspace, VarFiles: e.VarFiles, BackendConfig: e.BackendConfig,
			File: e.Range.Filename, Line: e.Range.Start.Line,
		})
	}
	return out
}
