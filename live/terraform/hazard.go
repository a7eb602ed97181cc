package terraform

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	hclv1 "github.com/hashicorp/hcl"
	"github.com/hashicorp/hcl/hcl/ast"
	"github.com/hashicorp/hcl/hcl/token"
)

// An EnvHazard is something in terraform's surroundings that changes what a
// plan or an apply does behind terrier's back. The caller refuses.
type EnvHazard struct {
	Name   string // of the variable, or of the setting in a file: "TF_CLI_ARGS_plan", "dev_overrides"
	File   string // the CLI configuration file that it is in, "" for a variable
	Line   int    // in File, 0 where it has none
	Reason string // what it does
	Hint   string // what to do about it
}

// variables are the hazards by name. terraform gets none of the first three
// from here, but a user who set them expects something else than what is done.
var variables = []struct {
	match  func(name string) bool
	reason string
}{
	{func(n string) bool { return n == "TF_CLI_ARGS" || strings.HasPrefix(n, "TF_CLI_ARGS_") }, "it adds flags to terraform commands: a -target in it empties a plan silently"},
	{func(n string) bool { return n == "TF_DATA_DIR" }, "it moves .terraform, and with it the backend, the modules and the providers that are used"},
	{func(n string) bool { return n == "TF_REATTACH_PROVIDERS" }, "it replaces providers by processes that run already, whatever the lock file says"},
	{func(n string) bool { return n == "TF_STATE" || strings.HasPrefix(n, "TF_STATE_") }, "scripts use it to name another state"},
	{func(n string) bool { return n == "TF_SKIP_PROVIDER_VERIFY" }, "it skips the check of providers against the lock file"},
	{func(n string) bool { return n == "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE" }, "it lets a plugin cache break the provider lock file"},
}

// Hazards looks for them in an environment and in the CLI configuration files
// that terraform would read under it. workspaces are the values of
// TF_WORKSPACE that are ours. A file that cannot be read or parsed is one too:
// nobody knows what is in it. The order is that of names, then files. Values
// are not told: they may be secrets.
func Hazards(environ []string, workspaces ...string) []EnvHazard {
	env := map[string]string{}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		env[name] = value // of two entries the last one counts
	}
	var found []EnvHazard
	for name, value := range env {
		if value == "" || name == "TF_PLUGIN_CACHE_MAY_BREAK_DEPENDENCY_LOCK_FILE" && value == "0" {
			continue // as terraform sees it, it is not set
		}
		for _, v := range variables {
			if v.match(name) {
				found = append(found, EnvHazard{Name: name, Reason: v.reason, Hint: "unset " + name})
			}
		}
		if name == "TF_WORKSPACE" && !slices.Contains(workspaces, value) {
			found = append(found, EnvHazard{Name: name, Reason: "it selects a workspace, and with it a state, that the configuration does not name", Hint: "unset TF_WORKSPACE: the workspace of an environment is named in terrier.hcl"})
		}
	}
	slices.SortFunc(found, func(a, b EnvHazard) int { return strings.Compare(a.Name, b.Name) })
	for _, file := range cliConfigFiles(env) {
		found = append(found, fileHazards(file)...)
	}
	return found
}

// cliConfigFiles are the files that terraform or tofu would read, in the order
// in which it would: internal/command/cliconfig of both. Files that only the
// other product reads are there too: a session may have either.
func cliConfigFiles(env map[string]string) []string {
	for _, name := range []string{"TF_CLI_CONFIG_FILE", "TERRAFORM_CONFIG"} {
		if file := env[name]; file != "" {
			return []string{file} // and then no directory
		}
	}
	var files, dirs []string
	if runtime.GOOS == "windows" {
		if dir := env["APPDATA"]; dir != "" {
			files = []string{filepath.Join(dir, "terraform.rc"), filepath.Join(dir, "tofu.rc")}
			dirs = []string{filepath.Join(dir, "terraform.d")}
		}
	} else {
		home := env["HOME"]
		if home == "" {
			home = passwdHome()
		}
		if home != "" {
			files = []string{filepath.Join(home, ".terraformrc"), filepath.Join(home, ".tofurc")}
			dirs = []string{filepath.Join(home, ".terraform.d")}
		}
		if xdg := env["XDG_CONFIG_HOME"]; xdg != "" {
			files = append(files, filepath.Join(xdg, "opentofu", "tofurc"))
			dirs = append(dirs, filepath.Join(xdg, "opentofu"))
		}
	}
	for _, dir := range dirs {
		entries, err := os.ReadDir(dir)
		if err != nil {
			if !errors.Is(err, fs.ErrNotExist) {
				files = append(files, dir) // reading it says what is wrong
			}
			continue
		}
		for _, e := range entries {
			if strings.HasSuffix(e.Name(), ".tfrc") || strings.HasSuffix(e.Name(), ".tfrc.json") {
				files = append(files, filepath.Join(dir, e.Name()))
			}
		}
	}
	return files
}

// maxCLIConfig bounds a CLI configuration file.
const maxCLIConfig = 4 << 20

// fileHazards looks into one CLI configuration file. terraform reads it with
// the first version of HCL.
func fileHazards(name string) []EnvHazard {
	unknown := func(why string) []EnvHazard {
		return []EnvHazard{{Name: "CLI configuration", File: name, Reason: "it cannot be read, so what terraform would do is not known: " + why, Hint: "mend the file, or name another one with TF_CLI_CONFIG_FILE"}}
	}
	f, err := os.Open(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil // terraform warns, and goes on without
	}
	if err != nil {
		return unknown(cause(err))
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() && info.Mode()&os.ModeCharDevice == 0 {
		return unknown("it is not a regular file")
	}
	data, err := io.ReadAll(io.LimitReader(f, maxCLIConfig+1))
	if err != nil {
		return unknown(cause(err))
	}
	if len(data) > maxCLIConfig {
		return unknown("it is too large")
	}
	// The parser's error may quote the file, which holds tokens.
	root, err := hclv1.ParseBytes(data)
	if err != nil {
		return unknown("it does not parse")
	}
	list, ok := root.Node.(*ast.ObjectList)
	if !ok {
		return unknown("it does not parse")
	}
	var found []EnvHazard
	add := func(item *ast.ObjectItem, setting, reason string) {
		found = append(found, EnvHazard{Name: setting, File: name, Line: item.Pos().Line, Reason: reason, Hint: fmt.Sprintf("take %s out of %s, or name another file with TF_CLI_CONFIG_FILE", setting, name)})
	}
	for _, item := range list.Items {
		if len(item.Keys) == 0 {
			continue
		}
		switch keyText(item.Keys[0]) {
		case "providers", "provisioners":
			add(item, keyText(item.Keys[0]), "it replaces providers or provisioners by programs of this machine")
		case "plugin_cache_may_break_dependency_lock_file":
			if lit, ok := item.Val.(*ast.LiteralType); !ok || lit.Token.Type != token.BOOL || lit.Token.Text != "false" {
				add(item, "plugin_cache_may_break_dependency_lock_file", "it lets a plugin cache break the provider lock file")
			}
		case "provider_installation":
			// A block with labels, a JSON list or object: it is somewhere
			// below, and its name means nothing else there.
			ast.Walk(item, func(n ast.Node) (ast.Node, bool) {
				if in, ok := n.(*ast.ObjectItem); ok {
					for _, k := range in.Keys {
						if keyText(k) == "dev_overrides" {
							add(in, "dev_overrides", "it replaces providers by builds of this machine, whatever the lock file says")
						}
					}
				}
				return n, true
			})
		}
	}
	return found
}

// keyText is a key, which may be quoted.
func keyText(k *ast.ObjectKey) string {
	if s, ok := k.Token.Value().(string); ok {
		return s
	}
	return k.Token.Text
}

// cause is an error without its path.
func cause(err error) string {
	if p := (*fs.PathError)(nil); errors.As(err, &p) {
		return p.Err.Error()
	}
	return err.Error()
}
