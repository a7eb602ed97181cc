package cmd

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/repo"
)

func (a *app) initCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Look at the repository and write a commented terrier.hcl",
		Long: `Init looks at every directory, and writes a terrier.hcl beside the repository's
.git. All of it is comments, so that nothing changes until you take comment
signs away:

  - where repositories may live: beside the monorepo's own remote, if it has one
  - an environment for each name like prod or staging in the stacks' paths, and
    the stacks that are in none
  - names that several modules have, and what would be made of them
  - modules that would stay, and why
  - directories of which no rule tells what they are

It never writes over a file. Every block and attribute is described in
https://github.com/terrier-iac/terrier/blob/main/cmd/CONFIG.md.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.init(cmd.Context()) },
	}
	return cmd
}

func (a *app) init(ctx context.Context) error {
	dir, err := filepath.Abs(a.chdir)
	if err != nil {
		return err
	}
	if root := gitRoot(dir); root != "" {
		dir = root
	}
	file := filepath.Join(dir, configName)
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s is there already, and is left as it is\nhint: remove it first, or edit it", file)
	}
	fsys, name, done, err := a.source(ctx, "")
	if err != nil {
		return err
	}
	defer done()
	graph := modules.Load(fsys, nil)
	if err := writeNew(file, report.StarterConfig(graph, homeOf(ctx, dir))); err != nil {
		return err
	}
	if err := report.WriteInit(a.stdout, file, name, graph, a.style(a.stdout)); err != nil {
		return err
	}
	a.format = "text"
	a.next(report.Step{Command: "edit " + shell(file), Why: "read it, and take away comment signs"}, a.planStep())
	return nil
}

// homeOf is the place of the monorepo's own remote, as the one where the new
// repositories may live too.
func homeOf(ctx context.Context, dir string) report.Home {
	r, err := repo.Open(ctx, dir)
	if r == nil || err != nil {
		return report.ExampleHome
	}
	urls, _ := r.Remotes(ctx)
	for _, u := range urls {
		if home, ok := besideRemote(u); ok {
			return home
		}
	}
	return report.ExampleHome
}

// besideRemote is the place of a remote's neighbours. It takes ssh and https
// alone, and nothing that bears credentials.
func besideRemote(remote string) (report.Home, bool) {
	if !strings.Contains(remote, "://") { // git@host:group/name.git
		host, where, ok := strings.Cut(remote, ":")
		if !ok || strings.Contains(host, "/") || strings.HasPrefix(where, ":") {
			return report.Home{}, false
		}
		remote = "ssh://" + host + "/" + strings.TrimPrefix(where, "/")
	}
	u, err := url.Parse(remote)
	if err != nil || u.Scheme != "ssh" && u.Scheme != "https" || repo.RedactURL(remote) != remote || u.RawQuery != "" {
		return report.Home{}, false
	}
	u.Path, u.RawPath = path.Dir(u.Path), ""
	beside := strings.TrimSuffix(u.String(), "/")
	sample := beside + "/example.git"
	if checkSource("git::"+sample) != nil || checkRemote(sample) != nil || strings.ContainsAny(beside, "$%") {
		return report.Home{}, false
	}
	return report.Home{Source: "git::" + beside + "/${name}.git", Live: beside + "/${name}.git"}, true
}
