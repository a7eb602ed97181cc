// Package lock knows .terrier.lock.hcl: for every module source and ref the
// commit that it meant when it was locked, and a hash of the package.
//
// It does not know rules: what a difference means is for its callers to say.
package lock

import (
	"net/url"
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/hashicorp/hcl/v2"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/repo"
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
	// Range is the entry's header in the lock file, and CommitRange its commit
	// attribute; zero for one not read from a file.
	Range, CommitRange hcl.Range
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
	u, isGit, ok := fetched(s)
	if !ok {
		return ""
	}
	query := u.Query()
	for name := range query {
		// A parameter that holds a secret is none of the address.
		one := url.Values{name: query[name]}
		if at := "https://host/path?" + one.Encode(); redacted(at) != at {
			query.Del(name)
		}
	}
	u.RawQuery = query.Encode()
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
	address := u.String()
	if address == "" {
		return ""
	}
	if isGit {
		address = "git::" + address
	}
	return address
}

// fetched is the URL that go-getter gives to git: it takes ref, sshkey and
// depth out of the query, and leaves what else is there.
func fetched(s hclparse.Source) (u *url.URL, isGit, ok bool) {
	rest, isGit := strings.CutPrefix(s.Package, "git::")
	u, err := url.Parse(rest)
	if err != nil {
		return nil, false, false
	}
	query := u.Query()
	for _, name := range []string{"ref", "sshkey", "depth"} {
		query.Del(name)
	}
	u.RawQuery = query.Encode()
	u.Fragment, u.RawFragment = "", ""
	return u, isGit, true
}

// RemoteURL is what git is to fetch of a source, credentials included; "" for
// what is no git source.
func RemoteURL(s hclparse.Source) string {
	if s.Kind != hclparse.KindGit {
		return ""
	}
	u, _, ok := fetched(s)
	if !ok {
		return ""
	}
	return u.String()
}

// canonical reports whether an address is one that Address gives, and gives
// again for what it reads from it: what a lock file may hold.
func canonical(address string) bool {
	if address == "" || strings.ContainsFunc(address, control) || redacted(address) != address || remoteHelper(address) {
		return false
	}
	s, err := hclparse.ParseSource(address)
	return err == nil && s.Subdir == "" && Address(s) == address
}

// redacted is a text with an address in it as it may be shown.
func redacted(text string) string {
	s, _ := hclparse.ParseSource(text) // what is no address keeps its text
	return repo.RedactURL(s.Redacted())
}

func control(r rune) bool { return unicode.IsControl(r) || r == utf8.RuneError }
