package repo

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Plain says why a new clone of the user's git may check out other bytes than
// those of the blobs, or other files, whatever the repository's own attributes
// say; "" where it does not. The user's and the machine's configuration are
// read, no repository's.
func Plain(ctx context.Context) (why string, err error) {
	dir, err := os.MkdirTemp("", "terrier-git-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(dir)
	env := append(userEnv(), "GIT_CEILING_DIRECTORIES="+filepath.Dir(dir))
	git := func(args ...string) (string, error) {
		cmd := exec.CommandContext(ctx, "git", args...) // not gitCommand, which sets core.hooksPath itself
		cmd.Env, cmd.Dir = env, dir
		out, err := run(ctx, cmd, nil)
		return string(out), err
	}
	out, err := git("config", "--null", "--get-regexp", `^(core\.(autocrlf|eol|attributesfile|symlinks|filemode|hookspath|sparsecheckout|protecthfs|protectntfs)|init\.templatedir|clone\.filtersubmodules|submodule\.recurse|extensions\..*)$`)
	if exit := (*exec.ExitError)(nil); errors.As(err, &exit) && exit.ExitCode() == 1 {
		out, err = "", nil // there is none of them
	}
	if err != nil {
		return "", err
	}
	attributes := false
	for entry := range strings.SplitSeq(strings.TrimSuffix(out, "\x00"), "\x00") {
		name, value, _ := strings.Cut(entry, "\n")
		switch value = strings.ToLower(strings.TrimSpace(value)); {
		case name == "":
		case name == "core.autocrlf" && (value == "false" || value == "no" || value == "off" || value == "0" || value == "input"):
		case name == "core.eol" && (value == "lf" || value == "native" && filepath.Separator == '/'):
		case name == "core.symlinks" && value == "true", name == "core.filemode" && value == "true":
		case strings.HasPrefix(name, "core.protect"):
		case name == "core.attributesfile":
			attributes = true
			file, err := git("config", "--type=path", "--get", name)
			if err != nil {
				return "", err
			}
			if info, err := os.Stat(strings.TrimSuffix(file, "\n")); err == nil && (info.IsDir() || info.Size() > 0) {
				return "git has attributes of the user's (core.attributesFile)", nil
			}
		case name == "core.hookspath":
			hooks, err := git("config", "--type=path", "--get", name)
			if err != nil {
				return "", err
			}
			if _, err := os.Stat(filepath.Join(strings.TrimSuffix(hooks, "\n"), "post-checkout")); err == nil {
				return "git runs a hook after each checkout (core.hooksPath)", nil
			}
		default:
			return fmt.Sprintf("git is configured with %s", name), nil
		}
	}
	files := []string{"/etc/gitattributes"}
	if !attributes {
		home, _ := os.UserHomeDir()
		config := os.Getenv("XDG_CONFIG_HOME")
		if config == "" && home != "" {
			config = filepath.Join(home, ".config")
		}
		if config != "" {
			files = append(files, filepath.Join(config, "git", "attributes"))
		}
	}
	for _, file := range files {
		if info, err := os.Stat(file); err == nil && info.Size() > 0 {
			return "git has attributes of the machine's or the user's (" + filepath.Base(file) + ")", nil
		}
	}
	for _, name := range []string{"GIT_TEMPLATE_DIR", "GIT_ATTR_SOURCE"} {
		if os.Getenv(name) != "" {
			return "git is configured with " + name, nil
		}
	}
	return "", nil
}
