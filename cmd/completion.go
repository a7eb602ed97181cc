package cmd

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/modules/lint/rules"
)

// The groups of the help, in the order in which a team meets them.
var helpGroups = []*cobra.Group{
	{ID: "migrate", Title: "Migrate: split the monorepo once"},
	{ID: "enforce", Title: "Enforce: no unpinned module gets merged"},
	{ID: "version", Title: "Version: know, move and release what environments run"},
	{ID: "operate", Title: "Operate: plan and apply, per environment and account"},
	{ID: "other", Title: "Other"},
}

func init() {
	cobra.EnableCommandSorting = false // the groups have an order of their own
}

// addGroup adds commands to a group of the help.
func addGroup(root *cobra.Command, id string, commands ...*cobra.Command) {
	for _, c := range commands {
		c.GroupID = id
		root.AddCommand(c)
	}
}

func (a *app) completionCommand() *cobra.Command {
	shells := []string{"bash", "zsh", "fish", "powershell"}
	return &cobra.Command{
		Use:   "completion bash|zsh|fish|powershell",
		Short: "Print the script with which a shell completes commands",
		Long: `Completion prints a script for your shell. With it the tab key completes
commands and flags and, from the repository and without a network, modules,
environments, accounts and rules.

  bash:        source <(terrier completion bash)
  zsh:         source <(terrier completion zsh)
  fish:        terrier completion fish | source
  powershell:  terrier completion powershell | Out-String | Invoke-Expression

Put that line where your shell begins (~/.bashrc, ~/.zshrc ...). Bash needs its
package bash-completion, and zsh "autoload -U compinit; compinit" before it.`,
		Example: "  source <(terrier completion bash)",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 || !slices.Contains(shells, args[0]) {
				return errors.New("which shell is it?\nhint: bash, zsh, fish or powershell")
			}
			return nil
		},
		ValidArgs: shells,
		RunE: func(cmd *cobra.Command, args []string) error {
			switch args[0] {
			case "zsh":
				return cmd.Root().GenZshCompletion(a.stdout)
			case "fish":
				return cmd.Root().GenFishCompletion(a.stdout, true)
			case "powershell":
				return cmd.Root().GenPowerShellCompletionWithDesc(a.stdout)
			}
			return cmd.Root().GenBashCompletionV2(a.stdout, true)
		},
	}
}

// quietly is the same work with nothing said: what fails while a shell
// completes has nobody to read it.
func (a *app) quietly() *app {
	b := *a
	b.stdout, b.stderr, b.quiet = io.Discard, io.Discard, true
	return &b
}

// completions adds what the values of a command's flags can be.
func (a *app) completions(cmd *cobra.Command) {
	from := func(flag string, values func(*Config) []string) {
		if cmd.Flags().Lookup(flag) == nil {
			return
		}
		// It fails for a flag that there is not, or that has one.
		_ = cmd.RegisterFlagCompletionFunc(flag, func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
			var all []string
			if cfg, err := a.quietly().loadConfig(); err == nil {
				all = values(cfg)
			}
			return afterComma(all, typed), cobra.ShellCompDirectiveNoFileComp
		})
	}
	for _, flag := range []string{"env", "from", "to"} {
		if cmd.Name() != "release" { // its --to is a version
			from(flag, (*Config).Order)
		}
	}
	from("account", func(c *Config) []string {
		var out []string
		for _, account := range c.Accounts {
			out = append(out, account.Name)
		}
		return out
	})
	from("explain", func(*Config) []string {
		var out []string
		for _, r := range rules.All {
			out = append(out, r.Name+"\t"+r.Summary)
		}
		return out
	})
	from("level", func(*Config) []string { return []string{"major", "minor", "patch"} })
	for _, flag := range []string{"callers", "from-dir", "path"} {
		if cmd.Flags().Lookup(flag) != nil {
			_ = cmd.MarkFlagDirname(flag)
		}
	}
}

// afterComma offers values for the last of several that commas part, with
// those before it, and none of those again.
func afterComma(values []string, typed string) []string {
	i := strings.LastIndexByte(typed, ',') + 1
	before := strings.Split(typed[:i], ",")
	var out []string
	for _, v := range values {
		if name, _, _ := strings.Cut(v, "\t"); !slices.Contains(before, name) {
			out = append(out, typed[:i]+v)
		}
	}
	return out
}

// completeModules offers the modules that the repository calls, and that are
// not named yet.
func (a *app) completeModules(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	return a.called(cmd.Context(), args), cobra.ShellCompDirectiveNoFileComp
}

// completeDiff offers modules, then the releases of the one that is named which
// the cache and the lock know, or else files: both may be directories.
func (a *app) completeDiff(cmd *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	switch len(args) {
	case 0:
		return a.called(cmd.Context(), nil), cobra.ShellCompDirectiveDefault
	case 1, 2:
		return a.knownReleases(cmd.Context(), args[0]), cobra.ShellCompDirectiveDefault | cobra.ShellCompDirectiveKeepOrder
	}
	return nil, cobra.ShellCompDirectiveNoFileComp
}

// called are the names of the modules that the repository calls, without those
// in except.
func (a *app) called(ctx context.Context, except []string) []string {
	v, err := a.quietly().openCalls(ctx)
	if err != nil {
		return nil
	}
	defer v.close()
	var out []string
	for _, m := range v.set.Modules {
		if !slices.Contains(except, m.Name) {
			out = append(out, m.Name)
		}
	}
	return out
}

// knownReleases are the tags of a module, the newest first.
func (a *app) knownReleases(ctx context.Context, name string) []string {
	v, err := a.quietly().openCalls(ctx)
	if err != nil {
		return nil
	}
	defer v.close()
	found, err := v.set.Find(name)
	if err != nil || len(found) != 1 || v.learn(ctx, false) != nil {
		return nil
	}
	var out []string
	for _, r := range found[0].Releases {
		out = append(out, r.Tag)
	}
	slices.Reverse(out)
	return out
}

func (a *app) openCalls(ctx context.Context) (*versionsRun, error) {
	cfg, err := a.loadConfig()
	if err != nil {
		return nil, err
	}
	return a.openVersions(ctx, cfg, "", nil, nil)
}
