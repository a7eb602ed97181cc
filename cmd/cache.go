package cmd

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules/repo"
)

func (a *app) cacheCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "cache",
		Short: "List the mirrors of remote repositories in your cache",
		Long: `Terrier reads other repositories (the modules that stacks pin) through bare
mirrors in your cache directory: TERRIER_CACHE_DIR, else "terrier" in the place
where your system keeps caches (~/.cache on Linux). All your projects share
them. They hold nothing that cannot be fetched again, but for commits that a
remote has thrown away.

"terrier cache" lists them; "terrier cache clean" removes them.`,
		Example: "  terrier cache\n  terrier cache clean --older-than 30d",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return a.cache(cmd.Context()) },
	}
	a.formatFlag(cmd, "text", "json")
	cmd.AddCommand(a.cacheCleanCommand())
	return cmd
}

func (a *app) cacheCleanCommand() *cobra.Command {
	var olderThan age
	cmd := &cobra.Command{
		Use:   "clean",
		Short: "Remove mirrors from your cache",
		Long: `Clean removes the mirrors of your cache, and what interrupted fetches have left
there. A mirror that another terrier is using stays. Nothing but what terrier
itself has put there is touched.

Exit codes: 0 all that was asked is removed; 2 a mirror is in use and stays; 1
an error.`,
		Example: "  terrier cache clean\n  terrier cache clean --older-than 30d",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.cacheClean(cmd.Context(), time.Duration(olderThan))
		},
	}
	cmd.Flags().Var(&olderThan, "older-than", "remove only what was last used longer ago than this `age` (30d, 2w, 12h)")
	a.formatFlag(cmd, "text", "json")
	return cmd
}

func (a *app) cache(ctx context.Context) error {
	dir, err := repo.CacheDir()
	if err != nil {
		return err
	}
	entries, err := (&repo.Cache{Dir: dir}).List(ctx)
	if err != nil {
		return err
	}
	if err := report.WriteCache(a.stdout, report.NewCache(dir, entries), a.format, a.style(a.stdout)); err != nil {
		return err
	}
	if len(entries) > 0 {
		a.next(report.Step{Command: "terrier cache clean --older-than 30d", Why: "removes what was not used for a month"})
	}
	return nil
}

func (a *app) cacheClean(ctx context.Context, olderThan time.Duration) error {
	dir, err := repo.CacheDir()
	if err != nil {
		return err
	}
	c := &repo.Cache{Dir: dir}
	limit := time.Now().Add(-olderThan)
	removed, err := c.Clean(ctx, olderThan)
	if err != nil {
		return err
	}
	left, err := c.List(ctx)
	if err != nil {
		return err
	}
	cleaned := report.NewCleaned(dir, removed, left, func(e repo.CacheEntry) bool {
		return olderThan == 0 || e.LastUsed.Before(limit)
	})
	if err := report.WriteCleaned(a.stdout, cleaned, a.format, a.style(a.stdout)); err != nil {
		return err
	}
	return a.done(nil, len(cleaned.InUse) > 0)
}

// An age is a duration that may be given in days and weeks as well.
type age time.Duration

func (d *age) String() string {
	if *d == 0 {
		return ""
	}
	return time.Duration(*d).String()
}

func (d *age) Type() string { return "age" }

func (d *age) Set(s string) error {
	bad := fmt.Errorf("%q is no age: write 30d, 2w or 12h", s)
	unit := map[byte]time.Duration{'d': 24 * time.Hour, 'w': 7 * 24 * time.Hour}
	if s == "" {
		return bad
	}
	if u := unit[s[len(s)-1]]; u > 0 {
		n, err := strconv.Atoi(strings.TrimSpace(s[:len(s)-1]))
		if err != nil || n < 1 || n > 36500 {
			return bad
		}
		*d = age(time.Duration(n) * u)
		return nil
	}
	t, err := time.ParseDuration(s)
	if err != nil || t <= 0 {
		return bad
	}
	*d = age(t)
	return nil
}
