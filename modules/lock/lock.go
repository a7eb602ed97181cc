// Package lock knows .terrier.lock.hcl: for every module source and ref the
// commit that it meant when it was locked, and a hash of the package.
//
// It does not know rules: what a difference means is for its callers to say.
package lock

import (
	"net/url"
	"sort"
	"strings"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
)

// Name is the name of the lock file, which stands beside terrier.hcl or, where
// there is none, at the git root.
const Name = ".terrier.lock.hcl"

// Kind is what a ref was when it was locked.
type Kind string

const (
	KindTag     Kind = "tag"
	KindBranch  Kind = "branch"
	KindCommit  Kind = "commit"
	KindDefault Kind = "default" // no ref: the remote's default branch
	KindVersion Kind = "version" // of a registry
)

// A File is a lock file.
type File struct {
	// Entries are sorted by address, then ref.
	Entries []*Entry
}

// An Entry is one source and ref, or one registry module and version
// constraint.
type Entry struct {
	// Address is the source without subdirectory, ref, depth and credentials
	// (see Address).
	Address string
	// Ref is the ref as the source has it, or the version constraint as the
	// call has it; "" where there is none.
	Ref  string
	Kind Kind
	// Version is the version that a constraint led to; registries only.
	Version string
	// Download is where a registry said that the version is, without
	// credentials.
	Download string
	// Commit is the full commit; "" for an archive.
	Commit string
	// Hash is the h1: hash of the whole package (see Hash).
	Hash string
	// Tags are the release tags that led to Commit when it was locked, sorted.
	// Only where Kind is KindCommit.
	Tags []string
	// Range is the entry's header in the lock file; zero for one not read
	// from a file.
	Range hcl.Range
}

// Find returns the entry of an address and a ref, nil where there is none. A
// nil File has no entries.
func (f *File) Find(address, ref string) *Entry {
	if f == nil {
		return nil
	}
	i := sort.Search(len(f.Entries), func(i int) bool {
		e := f.Entries[i]
		return e.Address > address || e.Address == address && e.Ref >= ref
	})
	if i < len(f.Entries) && f.Entries[i].Address == address && f.Entries[i].Ref == ref {
		return f.Entries[i]
	}
	return nil
}

// Sort puts the entries in their order.
func (f *File) Sort() {
	sort.Slice(f.Entries, func(i, j int) bool {
		a, b := f.Entries[i], f.Entries[j]
		return a.Address < b.Address || a.Address == b.Address && a.Ref < b.Ref
	})
}

// Address returns what a lock file calls the package of a source: for a git
// source what terraform would fetch ("git::https://host/path.git"), without
// subdirectory, ref, depth and credentials; for a registry source
// "host/namespace/name/system". "" for what cannot be locked: local sources
// and what is no address.
func Address(s hclparse.Source) string {
	switch s.Kind {
	case hclparse.KindRegistry:
		return s.Package
	case hclparse.KindGit:
	default:
		return ""
	}
	address, _, _ := strings.Cut(s.Package, "?")
	rest, isGit := strings.CutPrefix(address, "git::")
	u, err := url.Parse(rest)
	if err != nil {
		return ""
	}
	if u.User != nil {
		user := u.User.Username()
		_, has := u.User.Password()
		u.User = nil
		// The user of an ssh address is part of it, and no secret; before
		// any other it may be a token.
		if !has && (u.Scheme == "ssh" || u.Scheme == "git+ssh") && user != "" {
			u.User = url.User(user)
		}
	}
	address = u.String()
	if isGit {
		address = "git::" + address
	}
	return address
}
