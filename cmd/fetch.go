package cmd

import (
	"github.com/terrier-iac/terrier/modules/fetch"
	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

// fetchStore opens modules through the user's cache and registries.
func (a *app) fetchStore(offline bool) (*fetch.Store, error) {
	dir, err := repo.CacheDir()
	if err != nil {
		return nil, err
	}
	return &fetch.Store{
		Cache:    &repo.Cache{Dir: dir, Silence: remoteSilence},
		Registry: func() (fetch.Registry, error) { return registry.New(registry.Options{}) },
		Offline:  offline,
	}, nil
}
