package cmd

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
)

func (a *app) initCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Look at the repository and write a commented terrier.hcl",
		Long: `Init classifies every directory, and writes a terrier.hcl beside the repository's
.git in which everything is a comment: the addresses to fill in, the environments
that the paths suggest, and each directory that no rule could decide. It never
writes over a file, and it guesses nothing: until you take the comment signs
away, nothing has changed.`,
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
	tree, _ := hclparse.Load(fsys)
	graph := modules.NewGraph(tree, nil)
	if err := writeNew(file, report.StarterConfig(graph)); err != nil {
		return err
	}
	if err := report.WriteInit(a.stdout, file, name, graph, a.style(a.stdout)); err != nil {
		return err
	}
	a.format = "text"
	a.next(report.Step{Command: "edit " + shell(file), Why: "read it, and take away comment signs"}, a.planStep())
	return nil
}

// writeNew writes a whole file that was not there, or none.
func writeNew(file string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), ".terrier-*.tmp")
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(0o644)
	}
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	// A link, not a rename: it fails where somebody wrote the file meanwhile.
	if err := os.Link(f.Name(), file); err != nil {
		if errors.Is(err, os.ErrExist) {
			return fmt.Errorf("%s is there already, and is left as it is", file)
		}
		return os.Rename(f.Name(), file)
	}
	return nil
}
