package fetch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

// A Version is a module at one version.
type Version struct {
	// FS has the files of the whole package, Dir is the module's directory in
	// it: "." for the root.
	FS  fs.FS
	Dir string
	// Name is the module (modules.Identity), Label what it was opened by: the
	// tag that was found, the version as the registry writes it, else rev
	// itself.
	Name, Label string
	// Commit is zero, and Mirror nil, where a registry gives an archive.
	Commit repo.Hash
	Mirror *repo.Mirror

	close func() error
}

// Close lets go of the files. It may be called twice.
func (v *Version) Close() error {
	if v.close == nil {
		return nil
	}
	return v.close()
}

// Open opens a module at a revision. Of a git source that is a version (then
// the module's own tag is taken: vpc/v1.2.0 for 1.2.0, see OwnTag), a tag, a
// branch, HEAD, a full ref, or four or more digits of a commit; of a registry
// source a version that it lists. prefixes are those that tags of the module
// are known to have. The ref or version of the source itself is not looked at.
// The error of a revision that is not there names the nearest.
func (s *Store) Open(ctx context.Context, source hclparse.Source, rev string, prefixes []string) (*Version, error) {
	name := modules.Identity(source)
	switch source.Kind {
	case hclparse.KindRegistry:
		return s.openRegistry(ctx, name, source, rev)
	case hclparse.KindGit:
		return s.openGit(ctx, name, source, rev, TagPrefixes(source.Repository, source.Subdir, prefixes))
	}
	return nil, fmt.Errorf("%s is neither in a git repository nor in a registry: it has no versions", source.Redacted())
}

var hexDigits = regexp.MustCompile(`^[0-9a-fA-F]{4,40}$`)

// openGit opens a git repository at a revision, through its mirror.
func (s *Store) openGit(ctx context.Context, name string, source hclparse.Source, rev string, prefixes []string) (*Version, error) {
	r, refs, err := s.open(ctx, source)
	if err != nil {
		return nil, err
	}
	var tags []string
	for full := range refs {
		if tag, ok := strings.CutPrefix(full, "refs/tags/"); ok {
			tags = append(tags, tag)
		}
	}
	slices.Sort(tags)
	label := rev
	var commit repo.Hash
	if tag := OwnTag(rev, prefixes, tags); tag != "" {
		label, commit = tag, refs["refs/tags/"+tag].Commit
	} else {
		for _, full := range []string{"refs/heads/" + rev, rev} {
			if r, ok := refs[full]; ok && commit.IsZero() {
				commit = r.Commit
			}
		}
	}
	switch {
	case !commit.IsZero():
	case len(rev) == 40 && hexDigits.MatchString(rev):
		if commit, err = repo.ParseHash(strings.ToLower(rev)); err != nil {
			return nil, err
		}
	case hexDigits.MatchString(rev):
		commit, err = s.short(ctx, r, refs, rev)
		if errors.Is(err, repo.ErrRevision) {
			return nil, NoRevision(rev, name, shown(source), tags)
		}
		if err != nil {
			return nil, err
		}
	default:
		return nil, NoRevision(rev, name, shown(source), tags)
	}
	if !s.Offline {
		if err := r.mirror.Ensure(ctx, repo.Want{Ref: rev, Commit: commit}); err != nil {
			return nil, err
		}
	}
	tree, err := r.mirror.At(ctx, commit)
	if err != nil {
		if s.Offline {
			err = fmt.Errorf("%s at %s is not in the cache: %w\nhint: run it once without --offline", shown(source), label, err)
		}
		return nil, err
	}
	return &Version{
		FS: tree, Dir: path.Clean("./" + source.Subdir), Name: name, Label: label, Commit: commit, Mirror: r.mirror,
		close: sync.OnceValue(tree.Close),
	}, nil
}

// short finds a commit by its first digits; that takes the history.
func (s *Store) short(ctx context.Context, r *remote, refs map[string]repo.Ref, digits string) (repo.Hash, error) {
	id, err := r.mirror.ResolveShort(ctx, digits)
	if err == nil || s.Offline || !errors.Is(err, repo.ErrRevision) {
		return id, err
	}
	if head, ok := refs["HEAD"]; ok {
		if err := r.mirror.Ensure(ctx, repo.Want{Ref: "HEAD", Commit: head.Commit}); err != nil {
			return id, err
		}
	}
	return r.mirror.ResolveShort(ctx, digits)
}

// openRegistry opens a version of a registry module.
func (s *Store) openRegistry(ctx context.Context, name string, source hclparse.Source, rev string) (*Version, error) {
	m, err := registryOf(source)
	if err != nil {
		return nil, err
	}
	if s.Offline {
		return nil, fmt.Errorf("only its registry knows where %s is\nhint: run it without --offline", name)
	}
	client, err := s.registry(ctx)
	if err != nil {
		return nil, err
	}
	versions, err := s.versions(ctx, client, m)
	if err != nil {
		return nil, err
	}
	version := OwnTag(rev, []string{""}, versions)
	if version == "" {
		hint := "the registry lists no version of it"
		if near := NearestVersions(rev, versions); len(near) > 0 {
			hint = "the nearest versions: " + strings.Join(near, ", ")
		}
		return nil, fmt.Errorf("the registry %s has no version %q of %s\nhint: %s", m.host, rev, name, hint)
	}
	address, err := client.Download(ctx, m.host, m.namespace, m.name, m.system, version)
	if err != nil {
		return nil, err
	}
	if at, err := hclparse.ParseSource(address); err == nil && at.Kind == hclparse.KindGit {
		at.Subdir = path.Join(at.Subdir, source.Subdir)
		ref := at.Ref
		if ref == "" {
			ref = "HEAD"
		}
		// The registry names a ref of the repository, not a version of one of
		// several modules in it.
		v, err := s.openGit(ctx, name, at, ref, []string{"", "tags/"})
		if err != nil {
			return nil, err
		}
		v.Label = version
		return v, nil
	}
	if !registry.IsArchive(address) {
		return nil, fmt.Errorf("the registry says that %s %s is at %q, which is neither git nor an archive", name, version, hclparse.Redact(address))
	}
	pkg, err := client.Archive(ctx, address)
	if err != nil {
		return nil, err
	}
	sub, err := registry.Subdir(pkg, address)
	if err != nil {
		return nil, err
	}
	return &Version{FS: pkg, Dir: path.Join(sub, source.Subdir), Name: name, Label: version}, nil
}
