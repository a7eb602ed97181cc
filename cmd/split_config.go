package cmd

import (
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/live/terraform"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/split"
)

// splitConfig turns the file and the flags into what a split decides by.
func (c *Config) splitConfig(o splitOptions) split.Config {
	out, err := filepath.Abs(o.out)
	if err != nil {
		out = o.out
	}
	sc := split.Config{
		Version: c.Modules.Version, Tag: c.Modules.TagFor, CarriedTag: c.Modules.CarriedTagFor, Env: c.Environment,
		Source: c.Modules.SourceFor, Remote: c.Modules.RemoteFor, LiveURL: c.Live.RemoteFor,
		Names: map[string]string{}, Keep: map[string]string{}, Group: map[string]string{},
		Only: o.only, Docs: o.docs, NoHistory: o.noHistory, Follow: !o.noFollow,
		Name: c.Identity.Name, Email: c.Identity.Email,
	}
	local := func(name string) string { return filepath.Join(out, "modules", name+".git") }
	switch c.Modules.Layout {
	case LayoutOne:
		sc.All = "modules"
	case LayoutInPlace:
		sc.All, sc.InPlace = "monorepo", true
		local = func(string) string { return filepath.Join(out, "live", "live") }
	}
	if !c.Modules.Configured() {
		// With no remote, callers get the bare repository on this machine, so
		// that the result works at once.
		sc.Source = func(name string) (string, error) {
			u := url.URL{Scheme: "file", Path: filepath.ToSlash(local(name))}
			return "git::" + u.String(), nil
		}
		sc.Remote = func(string) (string, error) { return "", nil }
	}
	sc.Environments = map[string]split.Environment{}
	for _, e := range c.Environments {
		files := slices.Clone(e.VarFiles)
		for _, b := range e.BackendConfig {
			if !strings.Contains(b, "=") {
				files = append(files, b)
			}
		}
		sc.Environments[e.Name] = split.Environment{Repo: e.Repo, Root: e.Root, Files: files}
	}
	for dir, m := range c.Module {
		if m.Name != "" {
			sc.Names[dir] = m.Name
		}
		if m.Keep {
			sc.Keep[dir] = fmt.Sprintf("%s:%d", filepath.Base(c.Path), m.Range.Start.Line)
		}
		sc.Group[dir] = m.Group
	}
	return sc
}

// terraformOptions are what the stacks of an environment are planned with.
func (c *Config) terraformOptions(environment string) terraform.Options {
	for _, e := range c.Environments {
		if e.Name == environment {
			return terraform.Options{Workspace: e.Workspace, VarFiles: e.VarFiles, BackendConfig: e.BackendConfig}
		}
	}
	return terraform.Options{}
}

// roleOf is what the configuration says a directory is; "" leaves it to the
// rules.
func (c *Config) roleOf(dir string) modules.Role {
	if s := c.Stack(dir); s != nil {
		return modules.Role(s.Role)
	}
	return ""
}
