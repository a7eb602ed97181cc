// Package cmd is the command line: flags in, one domain call after another, a
// report out. The configuration file and the exit codes live here.
//
// It decides nothing about Terraform or git itself.
package cmd

import (
	"errors"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"
	"regexp"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/mattn/go-isatty"
	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
	"golang.org/x/term"

	"github.com/terrier-iac/terrier/cmd/report"
	"github.com/terrier-iac/terrier/split"
)

// Exit codes, the same for every command.
const (
	exitDone  = 0 // all that was asked is done
	exitError = 1 // bad configuration, bad input, a failing tool
	exitFound = 2 // done, with something found, blocked, skipped or unproved
)

// errFound ends a command that did its work and found something. The report
// has said what; nothing more is printed.
var errFound = errors.New("something was found")

// errShown ends a command whose diagnostics have been printed.
var errShown = errors.New("the diagnostics have been shown")

// An app is what the flags that all commands share have been made into.
type app struct {
	stdout, stderr io.Writer
	chdir, config  string
	format         string
	noColor        bool
	quiet, verbose bool
	tfPath         string
	terraformAhead bool             // the command will need terraform, whatever the estate
	now            func() time.Time // the clock
	// again has the interrupts after the first, while a command listens to them;
	// else a second one ends the process at once.
	again *atomic.Pointer[chan struct{}]
}

// Main runs the command line and returns the exit code. Interrupts end the
// work in order: what is whole stays, what is half written is removed.
func Main(args []string, stdout, stderr io.Writer) int { return run(args, stdout, stderr, time.Now) }

func run(args []string, stdout, stderr io.Writer, now func() time.Time) int {
	a := &app{stdout: stdout, stderr: stderr, now: now, again: new(atomic.Pointer[chan struct{}])}
	ctx, stop := a.interruptible()
	defer stop()
	relaxGC()
	log.SetOutput(io.Discard) // of libraries: what there is to say, report says
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitDone
	case errors.Is(err, errFound):
		return exitFound
	case errors.Is(err, errShown):
		return exitError
	case ctx.Err() != nil:
		err = errors.New("interrupted\nhint: the same command again completes the work")
	}
	report.Error(stderr, err, a.style(stderr))
	return exitError
}

// relaxGC lets the heap grow to three times what is in use between
// collections: a command is short, and a good part of its CPU would go to
// collecting garbage that its end takes away. GOGC has the last word. There is
// no memory limit with it: a tree that needs more than the limit would make
// the collector run without end.
func relaxGC() {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(200)
	}
}

// largeTree is the number of files from which memory matters more than a
// tenth of the CPU: 100,000 files and what is found in them then take less
// than 500 MB.
const largeTree = 20_000

// tightenGC takes relaxGC back for a tree of so many files.
func tightenGC(files int) {
	if os.Getenv("GOGC") == "" && files > largeTree {
		debug.SetGCPercent(40)
	}
}

func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "terrier",
		Short: "Move Terraform modules out of a monorepo, and keep every caller pinned",
		Long: `Terrier digs Terraform modules out of a monorepo, with their history, into
tagged repositories, and pins every caller to a release. It proves that nothing
else has changed. Afterwards lint and lock keep the callers pinned, and bump and
promote move them to new releases, one environment at a time.

Exit codes: 0 all that was asked is done; 2 done, with something found, changed,
blocked, skipped or unproved; 1 an error. Every flag can be given in the
environment as TERRIER_<FLAG>.`,
		SilenceUsage:  true,
		SilenceErrors: true,
		PersistentPreRunE: func(cmd *cobra.Command, _ []string) error {
			return flagsFromEnvironment(cmd.Flags())
		},
	}
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), "FlagUsages", "FlagUsagesWrapped 80"))
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return fmt.Errorf("%w\nhint: %s --help lists the flags", err, cmd.CommandPath())
	})
	root.CompletionOptions.DisableDefaultCmd = true
	f := root.PersistentFlags()
	f.StringVarP(&a.chdir, "chdir", "C", ".", "work in this `directory`")
	f.StringVarP(&a.config, "config", "c", "", "configuration `file` (default: the nearest terrier.hcl up to the git root)")
	f.BoolVar(&a.noColor, "no-color", false, "no colour (also: NO_COLOR)")
	f.BoolVarP(&a.quiet, "quiet", "q", false, "no progress, no notes, no next steps")
	f.BoolVarP(&a.verbose, "verbose", "v", false, "show all of what is found, not the first of it")
	f.StringVar(&a.tfPath, "tf-path", "", "terraform or tofu `binary` (default: terraform, else tofu, on PATH)")
	_ = root.MarkPersistentFlagDirname("chdir") // it is there
	root.AddGroup(helpGroups...)
	addGroup(root, "migrate", a.initCommand(), a.scanCommand(), a.splitCommand(), a.pushCommand())
	addGroup(root, "enforce", a.lintCommand(), a.lockCommand())
	addGroup(root, "version", a.listCommand(), a.outdatedCommand(), a.diffCommand(), a.bumpCommand(), a.promoteCommand(), a.pinCommand(), a.releaseCommand())
	addGroup(root, "operate", a.planCommand(), a.approveCommand(), a.applyCommand(), a.statusCommand(), a.backendCommand(), a.runsCommand())
	addGroup(root, "other", a.cacheCommand(), a.completionCommand(), a.versionCommand())
	root.SetHelpCommandGroupID("other")
	for _, cmd := range root.Commands() {
		a.completions(cmd)
	}
	return root
}

// flagsFromEnvironment sets each flag that was not given from TERRIER_<FLAG>.
func flagsFromEnvironment(flags *pflag.FlagSet) error {
	var err error
	flags.VisitAll(func(f *pflag.Flag) {
		name := "TERRIER_" + strings.ToUpper(strings.ReplaceAll(f.Name, "-", "_"))
		v, ok := os.LookupEnv(name)
		if !ok || f.Changed || f.Name == "help" {
			return
		}
		if e := flags.Set(f.Name, v); e != nil && err == nil {
			err = fmt.Errorf("%s=%q: %w", name, v, e)
		}
	})
	return err
}

// formatFlag adds --format with the formats that a command has; the first is
// the default.
func (a *app) formatFlag(cmd *cobra.Command, formats ...string) {
	cmd.Flags().StringVar(&a.format, "format", formats[0], "output `format`: "+strings.Join(formats, ", "))
	_ = cmd.RegisterFlagCompletionFunc("format", cobra.FixedCompletions(formats, cobra.ShellCompDirectiveNoFileComp)) // it is there
	run := cmd.RunE
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		for _, f := range formats {
			if a.format == f {
				return run(cmd, args)
			}
		}
		return fmt.Errorf("--format %q is not one of %s", a.format, strings.Join(formats, ", "))
	}
}

// style says how w is to be written to: colour on a terminal only, and its
// width.
func (a *app) style(w io.Writer) report.Style {
	s := report.Style{Width: 80, Verbose: a.verbose}
	f, ok := w.(*os.File)
	if !ok || !isatty.IsTerminal(f.Fd()) {
		return s
	}
	s.Terminal = true
	s.Color = !a.noColor && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"
	if width, _, err := term.GetSize(int(f.Fd())); err == nil && width > 20 {
		s.Width = width
	}
	return s
}

// progress returns the bar or the lines for stderr.
func (a *app) progress() *report.Progress {
	return report.NewProgress(a.stderr, a.style(a.stderr).Terminal, a.quiet)
}

// steps makes a bar, or a line, of each step that package split names.
func steps(bar *report.Progress) split.Progress {
	started := map[string]func(done, total int){}
	return func(step string, done, total int) {
		if started[step] == nil {
			started[step] = bar.Step(step)
		}
		started[step](done, total)
	}
}

// say writes a line of talk to stderr.
func (a *app) say(format string, args ...any) {
	if !a.quiet {
		report.Say(a.stderr, fmt.Sprintf(format, args...), a.style(a.stderr))
	}
}

// next names on stderr what can be done next, after a report for people.
func (a *app) next(steps ...report.Step) {
	if !a.quiet && a.format == "text" {
		report.Next(a.stderr, steps, a.style(a.stderr))
	}
}

// loadConfig reads terrier.hcl and shows what is wrong with it.
func (a *app) loadConfig() (*Config, error) {
	dir, err := filepath.Abs(a.chdir)
	if err != nil {
		return nil, err
	}
	if info, err := os.Stat(dir); err != nil || !info.IsDir() {
		return nil, fmt.Errorf("-C %s: no such directory", a.chdir)
	}
	explicit := a.config
	if explicit != "" && !filepath.IsAbs(explicit) {
		if _, err := os.Stat(explicit); err != nil {
			explicit = filepath.Join(dir, explicit)
		}
	}
	cfg, diags, files := loadConfig(dir, explicit)
	return cfg, a.show(diags, files)
}

// show prints diagnostics to stderr; errors among them end the command.
func (a *app) show(diags hcl.Diagnostics, files map[string]*hcl.File) error {
	if len(diags) == 0 {
		return nil
	}
	s := a.style(a.stderr)
	report.Diagnostics(a.stderr, diags, files, s.Width, s.Color)
	if diags.HasErrors() {
		return errShown
	}
	return nil
}

// done ends a command that has reported: found makes the exit code 2.
func (a *app) done(err error, found bool) error {
	if err == nil && found {
		return errFound
	}
	return err
}

// command is a command for the same repository and configuration.
func (a *app) command(rest string) string {
	line := "terrier"
	if a.chdir != "." {
		line += " -C " + shell(a.chdir)
	}
	if a.config != "" {
		line += " -c " + shell(a.config)
	}
	return line + " " + rest
}

// plainWord is what a shell takes as it is.
var plainWord = regexp.MustCompile(`^[\w@%+=:,./-]+$`)

// shell quotes a word for a command that somebody may copy.
func shell(word string) string {
	if plainWord.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}
