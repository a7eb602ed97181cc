package repo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"
)

// command prepares git for the user's repository, mostly to read it: hooks, the
// file system monitor, optional locks, prompts, lazy fetches, replace
// refs and grafts are off, and nothing inherited from the environment can
// point it at another repository. The user's global and system configuration
// stay.
func (r *Repo) command(ctx context.Context, args ...string) *exec.Cmd {
	dir := r.WorkTreeDir()
	cmd := gitCommand(ctx, userEnv(), append([]string{"--git-dir=" + dir}, args...)...)
	cmd.Dir = r.Root
	if r.Root == "" {
		cmd.Dir = dir
	}
	return cmd
}

// discover prepares git as command does, with the repository left for git to
// find from dir upward: so git's own check of the owner (safe.directory)
// takes place.
func discover(ctx context.Context, dir string, args ...string) *exec.Cmd {
	cmd := gitCommand(ctx, userEnv(), args...)
	cmd.Dir = dir
	return cmd
}

// ownCommand prepares git for a repository that we write. No configuration,
// attribute file, template, hook or filter of the user or of the machine has
// any effect on it.
func ownCommand(ctx context.Context, gitDir string, args ...string) *exec.Cmd {
	env := append(cleanEnv(func(string) bool { return false }),
		"GIT_CONFIG_GLOBAL="+os.DevNull,
		"GIT_CONFIG_SYSTEM="+os.DevNull,
		"GIT_CONFIG_NOSYSTEM=1",
		"GIT_ATTR_NOSYSTEM=1",
	)
	own := []string{
		// The defaults of these two are files in the home directory, which
		// GIT_CONFIG_GLOBAL does not turn off.
		"-c", "core.attributesFile=" + os.DevNull,
		"-c", "core.excludesFile=" + os.DevNull,
		"-c", "init.templateDir=",
		"-c", "gc.auto=0",
		"-c", "maintenance.auto=false",
		"-c", "core.autocrlf=false",
		"--git-dir=" + gitDir,
	}
	cmd := gitCommand(ctx, env, append(own, args...)...)
	cmd.Dir = gitDir
	return cmd
}

// gitCommand is what command, discover and ownCommand have in common.
func gitCommand(ctx context.Context, env []string, args ...string) *exec.Cmd {
	common := []string{
		"--no-pager",
		"--no-replace-objects",
		"-c", "core.hooksPath=" + os.DevNull,
		"-c", "core.fsmonitor=false",
		"-c", "advice.graftFileDeprecated=false",
	}
	cmd := exec.CommandContext(ctx, "git", append(common, args...)...)
	cmd.Env = append(env,
		"LC_ALL=C",
		"LANGUAGE=",
		"GIT_TERMINAL_PROMPT=0",
		"GIT_OPTIONAL_LOCKS=0",
		"GIT_GRAFT_FILE="+os.DevNull,
		// Two ways to keep a partial clone from going to the network: the
		// first is known from git 2.44 on, the second to every git.
		"GIT_NO_LAZY_FETCH=1",
		"GIT_ALLOW_PROTOCOL=none",
	)
	// A grandchild that holds a pipe open must not hold us.
	cmd.WaitDelay = 2 * time.Second
	return cmd
}

// userEnv is the environment for reading the user's repository. Of git's own
// variables only those that carry configuration are kept: safe.directory may
// come that way.
func userEnv() []string {
	return cleanEnv(func(name string) bool {
		switch name {
		case "GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_COUNT", "GIT_CONFIG_PARAMETERS":
			return true
		}
		return strings.HasPrefix(name, "GIT_CONFIG_KEY_") || strings.HasPrefix(name, "GIT_CONFIG_VALUE_")
	})
}

// cleanEnv is the process's environment without git's variables, but for
// those that keep names. GIT_EXEC_PATH always stays: a relocated git needs it.
func cleanEnv(keep func(name string) bool) []string {
	var env []string
	for _, kv := range os.Environ() {
		name, _, _ := strings.Cut(kv, "=")
		if name == "LC_ALL" || name == "LANGUAGE" {
			continue
		}
		if strings.HasPrefix(name, "GIT_") && name != "GIT_EXEC_PATH" && !keep(name) {
			continue
		}
		env = append(env, kv)
	}
	return env
}

// A GitError is a git process that failed.
type GitError struct {
	Command string // git's subcommand
	Stderr  string // what git said, trimmed, credentials redacted
	Err     error
}

func (e *GitError) Error() string {
	if e.Stderr == "" {
		return fmt.Sprintf("git %s: %v", e.Command, e.Err)
	}
	// On a full disk git has a line for each file; the first ones and the
	// last say it all.
	const keep = 4
	lines := strings.Split(e.Stderr, "\n")
	if n := len(lines); n > 2*keep+1 {
		left := fmt.Sprintf("(%d more lines)", n-2*keep)
		lines = slices.Concat(lines[:keep], []string{left}, lines[n-keep:])
	}
	return fmt.Sprintf("git %s: %s (%v)", e.Command, strings.Join(lines, "\n"), e.Err)
}

func (e *GitError) Unwrap() error { return e.Err }

// run runs cmd with stdin, which may be nil, and returns its stdout. A failure
// is a *GitError, or the context's error where that ended it.
func run(ctx context.Context, cmd *exec.Cmd, stdin io.Reader) ([]byte, error) {
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = stdin, &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return nil, gitError(ctx, cmd, stderr.String(), err)
	}
	return stdout.Bytes(), nil
}

// gitError wraps what went wrong with cmd.
func gitError(ctx context.Context, cmd *exec.Cmd, stderr string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("git %s: %w", subcommand(cmd), context.Cause(ctx))
	}
	if errors.Is(err, exec.ErrNotFound) {
		return fmt.Errorf("git is not on PATH\nhint: install git 2.30 or newer: %w", err)
	}
	return &GitError{Command: subcommand(cmd), Stderr: redact(strings.TrimSpace(clipWords(stderr))), Err: err}
}

// mostWords bounds what an error keeps of git's words at each end, in bytes.
const mostWords = 16 << 10

// clipWords leaves of a long text whole lines of its beginning and of its end:
// half a line might show half a credential, which redact would not know.
func clipWords(text string) string {
	if len(text) <= 2*mostWords {
		return text
	}
	head, tail := text[:mostWords], text[len(text)-mostWords:]
	head = head[:strings.LastIndexByte(head, '\n')+1]
	_, tail, _ = strings.Cut(tail, "\n")
	return head + "…\n" + tail
}

// subcommand is git's subcommand in cmd: the first argument that is neither
// one of git's own options nor the value of one.
func subcommand(cmd *exec.Cmd) string {
	for i := 1; i < len(cmd.Args); i++ {
		switch a := cmd.Args[i]; {
		case a == "-c" || a == "-C":
			i++
		case !strings.HasPrefix(a, "-"):
			return a
		}
	}
	return ""
}

var (
	urlCredential   = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)[^/\s'"<>]+@`)
	queryCredential = regexp.MustCompile(`(?i)([?&](?:sshkey|aws_access_key_[a-z]*|[a-z0-9_.-]*(?:token|secret|password)[a-z0-9_.-]*)=)[^&\s'"]+`)
)

// redact takes the credentials of URLs out of what git said.
func redact(s string) string {
	s = urlCredential.ReplaceAllStringFunc(s, func(m string) string {
		if strings.HasSuffix(m, "://git@") {
			return m // everybody's user name, nobody's secret
		}
		return m[:strings.Index(m, "://")] + "://REDACTED@"
	})
	return queryCredential.ReplaceAllString(s, "${1}REDACTED")
}
