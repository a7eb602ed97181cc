package report

import (
	"cmp"
	"fmt"
	"io"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/CycloneDX/cyclonedx-go"
	"github.com/package-url/packageurl-go"

	"github.com/terrier-iac/terrier/modules/versions"
)

// listCycloneDX writes a bill of materials (CycloneDX 1.6, JSON): one component
// for each version of each module, with the places that call it, and for each
// environment one that depends on what it runs. It has neither a serial number
// nor a time: the same repository gives the same bytes.
func listCycloneDX(w io.Writer, l *List, _ Style) error {
	root := "repository:" + dataPath(l.name)
	bom := cyclonedx.NewBOM()
	bom.SerialNumber = ""
	bom.Metadata = &cyclonedx.Metadata{
		Component: &cyclonedx.Component{BOMRef: root, Type: cyclonedx.ComponentTypeApplication, Name: cmp.Or(dataPath(l.name), "repository")},
		Tools: &cyclonedx.ToolsChoice{Components: &[]cyclonedx.Component{{
			Type: cyclonedx.ComponentTypeApplication, Name: "terrier", Version: l.version,
		}}},
	}
	components := []cyclonedx.Component{}
	depends := map[string][]string{}
	for _, m := range l.set.Modules {
		for _, uses := range byPin(m) {
			c := component(m, uses)
			components = append(components, c)
			for _, u := range uses {
				env := root
				if u.Environment != "" {
					env = "environment:" + dataPath(u.Environment)
				}
				depends[env] = append(depends[env], c.BOMRef)
			}
		}
	}
	for _, env := range l.Environments {
		if env == "" {
			continue
		}
		ref := "environment:" + dataPath(env)
		components = append(components, cyclonedx.Component{BOMRef: ref, Type: cyclonedx.ComponentTypePlatform, Name: dataPath(env)})
		depends[root] = append(depends[root], ref)
		depends[ref] = append(depends[ref], []string{}...)
	}
	slices.SortFunc(components, func(a, b cyclonedx.Component) int { return cmp.Compare(a.BOMRef, b.BOMRef) })
	bom.Components = &components
	dependencies := []cyclonedx.Dependency{}
	for ref, on := range depends {
		slices.Sort(on)
		on = slices.Compact(on)
		d := cyclonedx.Dependency{Ref: ref}
		if len(on) > 0 {
			d.Dependencies = &on
		}
		dependencies = append(dependencies, d)
	}
	slices.SortFunc(dependencies, func(a, b cyclonedx.Dependency) int { return cmp.Compare(a.Ref, b.Ref) })
	bom.Dependencies = &dependencies
	if len(l.Errors)+len(l.Unknown) > 0 {
		// What is here is not all that there is.
		bom.Compositions = &[]cyclonedx.Composition{{Aggregate: cyclonedx.CompositionAggregateIncomplete, Assemblies: &[]cyclonedx.BOMReference{cyclonedx.BOMReference(root)}}}
	}
	enc := cyclonedx.NewBOMEncoder(w, cyclonedx.BOMFileFormatJSON)
	enc.SetPretty(true)
	enc.SetEscapeHTML(false)
	return enc.EncodeVersion(bom, cyclonedx.SpecVersion1_6)
}

// byPin groups a module's uses by what they run, in the order of their refs.
func byPin(m *versions.Module) [][]*versions.Use {
	groups := map[string][]*versions.Use{}
	for _, u := range m.Uses {
		key := u.Version() + "\x00" + u.Ref + "\x00" + u.Commit
		groups[key] = append(groups[key], u)
	}
	var out [][]*versions.Use
	for _, g := range groups {
		out = append(out, g)
	}
	slices.SortFunc(out, func(a, b []*versions.Use) int {
		return cmp.Or(cmp.Compare(a[0].Ref, b[0].Ref), cmp.Compare(a[0].Version(), b[0].Version()), cmp.Compare(a[0].Commit, b[0].Commit))
	})
	return out
}

func component(m *versions.Module, uses []*versions.Use) cyclonedx.Component {
	u := uses[0]
	version := cmp.Or(u.Version(), data(u.Ref))
	c := cyclonedx.Component{
		BOMRef: "module:" + data(m.ID) + "?" + url.Values{"ref": {data(u.Ref)}, "version": {u.Version()}, "commit": {u.Commit}}.Encode(),
		Type:   cyclonedx.ComponentTypeLibrary, Name: data(m.Name), Version: version, PackageURL: packageURL(m, u),
	}
	reference := cyclonedx.ExternalReference{Type: cyclonedx.ERTypeVCS, URL: data(strings.TrimPrefix(m.Source, "git::"))}
	if m.Registry {
		reference.Type, reference.URL = cyclonedx.ERTypeDistribution, "https://"+registryAddress(m.Source)
	}
	if parsed, err := url.Parse(reference.URL); err == nil && parsed.Scheme != "" && !strings.ContainsAny(reference.URL, " \"<>\\^`{|}") {
		c.ExternalReferences = &[]cyclonedx.ExternalReference{reference}
	}
	var occurrences []cyclonedx.EvidenceOccurrence
	environments := []string{}
	for _, u := range uses {
		line := u.Line
		o := cyclonedx.EvidenceOccurrence{Location: dataPath(u.File), Line: &line}
		if !slices.ContainsFunc(occurrences, func(x cyclonedx.EvidenceOccurrence) bool { return x.Location == o.Location && *x.Line == line }) {
			occurrences = append(occurrences, o)
		}
		if u.Environment != "" {
			environments = append(environments, dataPath(u.Environment))
		}
	}
	slices.SortFunc(occurrences, func(a, b cyclonedx.EvidenceOccurrence) int {
		return cmp.Or(cmp.Compare(a.Location, b.Location), cmp.Compare(*a.Line, *b.Line))
	})
	c.Evidence = &cyclonedx.Evidence{Occurrences: &occurrences}
	var properties []cyclonedx.Property
	add := func(name, value string) {
		if value != "" {
			properties = append(properties, cyclonedx.Property{Name: "terrier:" + name, Value: value})
		}
	}
	add("ref", data(u.Ref))
	add("commit", u.Commit)
	slices.Sort(environments)
	for _, e := range slices.Compact(environments) {
		add("environment", e)
	}
	if n := m.Behind(u); n > 0 {
		add("behind", strconv.Itoa(n))
	}
	if len(properties) > 0 {
		c.Properties = &properties
	}
	return c
}

// packageURL names the module as the purl specification has it: pkg:github and
// pkg:bitbucket for what is there; pkg:terraform, which is one of its candidate
// types and what other tools write, for registries; and pkg:generic with
// vcs_url for any other repository. The version is the ref where there is one,
// since it is what can be fetched.
func packageURL(m *versions.Module, u *versions.Use) string {
	id, _, _ := strings.Cut(m.ID, "//")
	id, _, _ = strings.Cut(id, "@")
	parts := strings.Split(strings.TrimSuffix(data(id), ".git"), "/")
	subpath := data(m.Subdir)
	version := data(u.Ref)
	var p *packageurl.PackageURL
	switch {
	case m.Registry:
		var q packageurl.Qualifiers
		if len(parts) == 4 {
			q = packageurl.QualifiersFromMap(map[string]string{"repository_url": parts[0]})
			parts = parts[1:]
		}
		p = packageurl.NewPackageURL(packageurl.TypeTerraform, strings.Join(parts[:len(parts)-1], "/"), parts[len(parts)-1], u.Version(), q, subpath)
	case len(parts) == 3 && (parts[0] == "github.com" || parts[0] == "bitbucket.org"):
		kind, _, _ := strings.Cut(parts[0], ".")
		p = packageurl.NewPackageURL(kind, parts[1], parts[2], version, nil, subpath)
	default:
		at := "git+" + data(strings.TrimPrefix(m.Source, "git::"))
		if ref := cmp.Or(u.Commit, version); ref != "" {
			at += "@" + ref
		}
		p = packageurl.NewPackageURL(packageurl.TypeGeneric, "", parts[len(parts)-1], version, packageurl.QualifiersFromMap(map[string]string{"vcs_url": at}), subpath)
	}
	if err := p.Normalize(); err != nil || p.Name == "" {
		return ""
	}
	return p.ToString()
}

// registryAddress is where people read about a module.
func registryAddress(source string) string {
	if strings.Count(source, "/") == 2 {
		return fmt.Sprintf("registry.terraform.io/modules/%s", source)
	}
	return source
}
