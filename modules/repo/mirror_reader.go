package repo

import (
	"context"
	"fmt"
	"sync"
)

// Reader returns a Reader of the mirror's objects, with no network: see
// Repo.Reader. Until it is closed the mirror is not removed. Where there is no
// mirror, or a damaged one, it is an error that wraps a *MissingObjectError.
func (m *Mirror) Reader(ctx context.Context) (Reader, error) {
	if !m.intact() {
		return nil, fmt.Errorf("the mirror of %s: %w", RedactURL(m.url), &MissingObjectError{})
	}
	release, err := m.cache.inUse(ctx, m.name)
	if err != nil {
		return nil, err
	}
	rd, err := (&Repo{GitDir: m.path}).Reader(ctx)
	if err != nil {
		release()
		return nil, err
	}
	return &mirrorReader{Reader: rd, release: sync.OnceFunc(release)}, nil
}

type mirrorReader struct {
	Reader
	release func()
}

func (m *mirrorReader) Close() error {
	defer m.release()
	return m.Reader.Close()
}
