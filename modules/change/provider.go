package change

import (
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
)

// versions compares required_version.
func (d *differ) versions() {
	text := func(v *view) string {
		var all []string
		for _, r := range v.versions {
			all = append(all, r.Constraint)
		}
		return strings.Join(all, ", ")
	}
	old, new := text(d.a), text(d.b)
	f, rng, gone := place(d.b.versions, d.a.versions)
	d.constraint(RequiredVersion, "terraform", f, rng, gone, old, new, "required_version")
}

func place(new, old []*hclparse.RequiredVersion) (*hclparse.File, hcl.Range, bool) {
	switch {
	case len(new) > 0:
		return new[0].File, new[0].Range, false
	case len(old) > 0:
		return old[0].File, old[0].Range, true
	}
	return nil, hcl.Range{}, false
}

func (d *differ) constraint(k Kind, subject string, f *hclparse.File, rng hcl.Range, gone bool, old, new, what string) {
	if strings.Join(strings.Fields(old), "") == strings.Join(strings.Fields(new), "") {
		return
	}
	add := d.add
	if gone {
		add = d.gone
	}
	switch s, ok := versions(old, new); {
	case !ok:
		add(k, Major, subject, f, rng, quoted(old), quoted(new), "%s changed, and cannot be read", what)
	case s.lost && k == ProviderVersion && !s.whole:
		add(k, Minor, subject, f, rng, quoted(old), quoted(new), "%s has a higher minimum, in the same major release", what)
	case s.lost:
		add(k, Major, subject, f, rng, quoted(old), quoted(new), "%s excludes versions that it allowed", what)
	case s.gained:
		add(k, Minor, subject, f, rng, quoted(old), quoted(new), "%s allows more versions", what)
	}
}

// providers compares required_providers, their aliases, provider blocks and
// backends.
func (d *differ) providers() {
	a, b := needed(d.a), needed(d.b)
	gone, come, stay := both(a, b)
	for _, n := range gone {
		p := a[n]
		d.gone(ProviderRemoved, Patch, "provider."+n, p.file, p.rng, p.source, "", "the provider %s is no longer needed", n)
		d.aliases(n, p, &provider{file: p.file, rng: p.rng})
	}
	for _, n := range come {
		p := b[n]
		if k := d.needs[n]; k != nil && k.source == p.source {
			d.add(ProviderVersion, Patch, "provider."+n, p.file, p.rng, "", strings.TrimSpace(p.source+" "+p.version), "the provider %s is named now: what the module calls needed it before", n)
			d.constraint(ProviderVersion, "provider."+n, p.file, p.rng, false, k.version, p.version, "the version of the provider "+n)
			d.aliases(n, &provider{}, p)
			continue
		}
		d.add(ProviderAdded, Major, "provider."+n, p.file, p.rng, "", strings.TrimSpace(p.source+" "+p.version), "the provider %s is new: whoever calls the module has to install and configure it", n)
		d.aliases(n, &provider{}, p)
	}
	for _, n := range stay {
		x, y := a[n], b[n]
		if x.source != y.source {
			d.add(ProviderSource, Major, "provider."+n, y.file, y.rng, x.source, y.source, "the provider %s comes from %s, and came from %s", n, y.source, x.source)
		} else {
			d.constraint(ProviderVersion, "provider."+n, y.file, y.rng, false, x.version, y.version, "the version of the provider "+n)
		}
		d.aliases(n, x, y)
	}
	d.configurations()
	switch {
	case len(d.a.backends) == 0 && len(d.b.backends) > 0:
		k := d.b.backends[0]
		d.add(BackendAdded, Minor, "terraform", k.File, k.Range, "", k.Type, "a backend %q appears: terraform warns, and ignores it where the module is called", k.Type)
	case len(d.a.backends) > 0 && len(d.b.backends) == 0:
		k := d.a.backends[0]
		d.gone(BackendRemoved, Patch, "terraform", k.File, k.Range, k.Type, "", "the backend %q is gone", k.Type)
	}
}

// A provider is one that a module needs.
type provider struct {
	source, version string
	aliases         []string
	file            *hclparse.File
	rng             hcl.Range
}

// needed are the providers of a module: those that it requires, and those
// that its resources imply.
func needed(v *view) map[string]*provider {
	out := map[string]*provider{}
	for n, r := range v.required {
		source := r.Source
		if source == "" {
			source = n
		}
		aliases := slices.Clone(r.Aliases)
		slices.Sort(aliases)
		out[n] = &provider{providerSource(source), r.Version, aliases, r.File, r.Range}
	}
	addresses := names(v.blocks)
	for _, address := range addresses {
		b := v.blocks[address]
		if b.res == nil {
			continue
		}
		n, _, _ := strings.Cut(b.res.Type, "_")
		if a := b.args["provider"]; a != nil {
			n, _, _ = strings.Cut(strings.ReplaceAll(strings.Trim(a.text, `"`), " ", ""), ".")
		}
		if out[n] == nil && b.res.Type != "terraform_data" && b.res.Type != "terraform_remote_state" {
			out[n] = &provider{source: providerSource(n), file: b.file, rng: b.rng}
		}
	}
	return out
}

// providerSource is a provider's address in full: of "aws", "hashicorp/aws"
// and "registry.terraform.io/hashicorp/aws" the same. OpenTofu's default host
// is another, but stands for the same provider.
func providerSource(s string) string {
	s = strings.ToLower(strings.TrimPrefix(strings.TrimPrefix(s, "registry.terraform.io/"), "registry.opentofu.org/"))
	if !strings.Contains(s, "/") {
		s = "hashicorp/" + s
	}
	return quoted(s)
}

func (d *differ) aliases(n string, a, b *provider) {
	for _, x := range a.aliases {
		if !slices.Contains(b.aliases, x) {
			d.out = append(d.out, Change{Kind: ProviderAlias, Level: Major, Module: d.dir, Subject: "provider." + x, File: pathOf(a.file), Line: a.rng.Start.Line, Gone: true,
				Old: x, Summary: "the configuration " + x + " is no longer taken: a call that passes it is an error"})
		}
	}
	for _, x := range b.aliases {
		if !slices.Contains(a.aliases, x) {
			d.add(ProviderAlias, Major, "provider."+x, b.file, b.rng, "", x, "a call has to pass the configuration %s of the provider %s", x, n)
		}
	}
}

func pathOf(f *hclparse.File) string {
	if f == nil {
		return ""
	}
	return f.Path
}

// configurations compares provider blocks. An empty one with an alias is how
// Terraform before 0.15 declared what is passed.
func (d *differ) configurations() {
	gone, come, stay := both(d.a.providers, d.b.providers)
	for _, n := range gone {
		p := d.a.providers[n]
		d.gone(ProviderConfiguration, Major, "provider."+n, p.File, p.Range, "", "", "the module no longer configures the provider %s: it takes its caller's", n)
	}
	for _, n := range come {
		p := d.b.providers[n]
		d.add(ProviderConfiguration, Major, "provider."+n, p.File, p.Range, "", "", "the module configures the provider %s itself: no call of it can have count, for_each or depends_on", n)
	}
	for _, n := range stay {
		p, q := d.a.providers[n], d.b.providers[n]
		if !sameArgs(argsOf(p.File, p.Body), argsOf(q.File, q.Body)) {
			d.add(ProviderConfiguration, Patch, "provider."+n, q.File, q.Range, "", "", "the configuration of the provider %s changed", n)
		}
	}
}
