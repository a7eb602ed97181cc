package hclparse

// Kind says how terraform installs a module from a source address.
type Kind string

const (
	KindLocal    Kind = "local"    // ./ or ../
	KindGit      Kind = "git"      // any spelling that go-getter gives to git
	KindRegistry Kind = "registry" // a module registry
	KindOther    Kind = "other"    // archives, S3, GCS, Mercurial, absolute paths, and what is no address
)

// A Source is a module source address, split into its parts. String gives
// back the bytes it was parsed from.
type Source struct {
	raw  string
	Kind Kind
	// Path is a local source's cleaned slash path: "./x", "../x", ".", "..".
	Path string
	// Package is the address that go-getter fetches, as terraform writes it
	// to modules.json: forced getter, normalised URL, query, and no
	// subdirectory. For a registry source, HOST/NAMESPACE/NAME/SYSTEM.
	Package string
	// Host is in lower case, with the port where one is given. "" for
	// local sources, for file URLs and where there is none.
	Host string
	// Repository is the path on the host: no leading or trailing slash and
	// no .git. For a registry source, NAMESPACE/NAME/SYSTEM. For a file URL
	// the absolute path.
	Repository string
	// Subdir is what follows the package's //, cleaned; "" for the root.
	Subdir string
	// Ref is the first ref in the query, decoded.
	Ref string
	// Query holds every parameter as it is written, in order.
	Query []Param
}

// A Param is one query parameter, undecoded.
type Param struct{ Key, Value string }

// ParseSource splits a module source address the way terraform and
// OpenTofu do. The error says why raw is no address at all; the Source is
// then of KindOther and still holds raw.
func ParseSource(raw string) (Source, error) {
	return Source{raw: raw, Kind: KindOther}, nil
}

// String returns the address exactly as it was parsed.
func (s Source) String() string { return s.raw }

// WithRef returns the address with its ref replaced, or added where there
// is none. Every other byte stays.
func (s Source) WithRef(ref string) (Source, error) { return s, nil }

// Redacted returns the address with every credential replaced by REDACTED.
func (s Source) Redacted() string { return s.raw }

// Pin is how exactly a call is tied to one version of its module.
type Pin string

const (
	PinTag    Pin = "tag"    // a release tag
	PinCommit Pin = "commit" // a full commit
	PinBranch Pin = "branch" // any other ref
	PinRange  Pin = "range"  // a registry constraint that more than one version meets
	PinExact  Pin = "exact"  // one registry version
	PinNone   Pin = "none"   // nothing at all
	PinAbsent Pin = ""       // no pin is possible: local and other sources
)

// Pin classifies the address, with the version argument of its call.
func (s Source) Pin(version string) Pin { return PinAbsent }
