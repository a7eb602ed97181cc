package repo

import (
	"context"
	"errors"
	"os/exec"
	"sort"
	"strings"
)

// Remotes returns the URLs of the repository's remotes, sorted, as they are
// configured: one may hold credentials. Nothing is asked of any of them.
func (r *Repo) Remotes(ctx context.Context) ([]string, error) {
	out, err := run(ctx, r.command(ctx, "config", "--null", "--get-regexp", `^remote\..*\.url$`), nil)
	if err != nil {
		if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
			return nil, nil // no such key
		}
		return nil, err
	}
	var urls []string
	for _, entry := range strings.Split(string(out), "\x00") {
		if _, url, ok := strings.Cut(entry, "\n"); ok && url != "" {
			urls = append(urls, url)
		}
	}
	sort.Strings(urls)
	return urls, nil
}
