package repo

import (
	"context"
	"fmt"
	"strings"
)

// ResolveShort finds the commit of which the digits, 4 at least, are the
// beginning, with no network. No ref is looked at: a name may look like the
// digits of a commit. The error where there is none, or several, wraps
// ErrRevision.
func (m *Mirror) ResolveShort(ctx context.Context, digits string) (Hash, error) {
	none := fmt.Errorf("revision %q %w in the mirror of %s", digits, ErrRevision, RedactURL(m.url))
	if !shortCommit.MatchString(digits) || !m.intact() {
		return Hash{}, none
	}
	release, err := m.cache.inUse(ctx, m.name)
	if err != nil {
		return Hash{}, err
	}
	defer release()
	ids, err := run(ctx, ownCommand(ctx, m.path, "rev-parse", "--disambiguate="+digits), nil)
	if err != nil {
		return Hash{}, err
	}
	// Trees and blobs do not count, as for git itself where it wants a commit.
	out, err := run(ctx, ownCommand(ctx, m.path, "cat-file", "--batch-check=%(objecttype) %(objectname)"), strings.NewReader(string(ids)))
	if err != nil {
		return Hash{}, err
	}
	var found []string
	for line := range strings.Lines(string(out)) {
		typ, id, _ := strings.Cut(strings.TrimSpace(line), " ")
		if typ == "commit" || typ == "tag" {
			found = append(found, id)
		}
	}
	switch len(found) {
	case 0:
		return Hash{}, none
	case 1:
		id, err := ParseHash(found[0])
		if err != nil {
			return Hash{}, err
		}
		return m.commitOf(ctx, digits, id)
	}
	return Hash{}, fmt.Errorf("%w: it is ambiguous\nhint: give all 40 digits of the commit", none)
}
