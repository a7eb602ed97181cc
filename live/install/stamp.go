package install

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

const stampFormat = 1

// A stamp is what is known of an initialised stack. It is written last, so
// that there is none for one that is half done, and is no proof of anything:
// where it does not fit what is on the disk, the work is done again.
type stamp struct {
	Format    int               `json:"format"`
	Terraform string            `json:"terraform"` // path, product and version
	Backend   string            `json:"backend"`   // digest of all that says where the state is
	CLI       string            `json:"cli"`       // digest of terraform's own configuration
	Needs     string            `json:"needs"`     // digest of the providers that are asked for
	Lock      string            `json:"lock"`      // digest of .terraform.lock.hcl
	Config    string            `json:"config"`    // digest of the configuration in Dirs
	Dirs      []string          `json:"dirs"`      // of the work tree
	Links     map[string]string `json:"links,omitempty"`
	Modules   []stampModule     `json:"modules"`
	Manifest  string            `json:"manifest"`  // digest of modules.json, "" for none
	Files     []string          `json:"files"`     // what stands in .terraform/modules
	Providers string            `json:"providers"` // digest of what stands in .terraform/providers
	State     string            `json:"state"`     // digest of what init has written of the backend
	Ran       bool              `json:"ran"`       // terraform init has run
	Cheap     bool              `json:"cheap"`
	Why       string            `json:"why,omitempty"`
}

// A stampModule is a Module without its source, which modules.json has: it may
// hold credentials.
type stampModule struct {
	Key     string `json:"key"`
	Version string `json:"version,omitempty"`
	Dir     string `json:"dir"`
	Address string `json:"address,omitempty"`
	Subdir  string `json:"subdir,omitempty"`
	Ref     string `json:"ref,omitempty"`
	Commit  string `json:"commit,omitempty"`
	Locked  bool   `json:"locked,omitempty"`
}

func stampModules(ms []Module) []stampModule {
	out := make([]stampModule, 0, len(ms))
	for _, m := range ms {
		out = append(out, stampModule{m.Key, m.Version, m.Dir, m.Address, m.Subdir, m.Ref, m.Commit, m.Locked})
	}
	return out
}

// modules are those of a stamp, with the sources of modules.json.
func (t *stamp) modules(m *manifest) []Module {
	sources := map[string]string{}
	if m != nil {
		for _, r := range m.Modules {
			sources[r.Key] = r.Source
		}
	}
	var out []Module
	for _, s := range t.Modules {
		out = append(out, Module{s.Key, sources[s.Key], s.Version, s.Dir, s.Address, s.Subdir, s.Ref, s.Commit, s.Locked})
	}
	return out
}

// digest is one of several texts.
func digest(texts ...string) string {
	h := sha256.New()
	for _, t := range texts {
		fmt.Fprintf(h, "%d\n%s", len(t), t)
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

// digestFile is that of a file's bytes, "" where there is none.
func digestFile(root *os.Root, name string) string {
	data, err := root.ReadFile(name)
	if err != nil {
		return ""
	}
	return digest(string(data))
}

// readStamp reads a stack's stamp; nil where there is none of use.
func (s *stack) readStamp() *stamp {
	data, err := s.record.ReadFile(s.stampName)
	if err != nil {
		return nil
	}
	var t stamp
	if json.Unmarshal(data, &t) != nil || t.Format != stampFormat {
		return nil
	}
	return &t
}

// writeStamp puts a stamp in the place of the old one.
func (s *stack) writeStamp(t *stamp) error {
	data, err := json.Marshal(t)
	if err != nil {
		return err
	}
	return replace(s.record, s.stampName, data, 0o600)
}

// dropStamp comes before anything is changed that a stamp vouches for.
func (s *stack) dropStamp() error {
	err := s.record.Remove(s.stampName)
	if os.IsNotExist(err) {
		return nil
	}
	return err
}

// replace writes a file beside, and renames it. It does not wait for the disk:
// the files that a stamp vouches for do not either, and one that a power cut has
// emptied is none.
func replace(root *os.Root, name string, data []byte, perm os.FileMode) error {
	temp := name + ".tmp"
	if err := root.RemoveAll(temp); err != nil {
		return err
	}
	f, err := root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if e := f.Close(); err == nil {
		err = e
	}
	if err != nil {
		return err
	}
	return root.Rename(temp, name)
}

// statLine is all that tells of a file that somebody has touched it.
func statLine(root *os.Root, name string) (string, error) {
	return lineOf(root, filepath.FromSlash(name), name)
}

// lineOf is the line of a file that is called shown.
func lineOf(root *os.Root, name, shown string) (string, error) {
	info, err := root.Lstat(name)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s\x00%v %d %d %s", shown, info.Mode(), info.Size(), info.ModTime().UnixNano(), inode(info)), nil
}

// filesSame reports whether the files of a stamp are as they were, and none
// has come that terraform would read as configuration. Others may: a module
// that writes a file beside itself needs it for its apply.
func (t *stamp) filesSame(root *os.Root) bool {
	known := make(map[string]bool, len(t.Files))
	// Files of a directory are together: each directory is opened once, and no
	// symlink on the way leads out of the stack's.
	at, dir := "", (*os.Root)(nil)
	defer func() {
		if dir != nil {
			_ = dir.Close()
		}
	}()
	for _, line := range t.Files {
		name, _, _ := strings.Cut(line, "\x00")
		if d := path.Dir(name); dir == nil || d != at {
			if dir != nil {
				_ = dir.Close()
			}
			var err error
			if dir, err = root.OpenRoot(filepath.FromSlash(d)); err != nil {
				return false
			}
			at = d
		}
		now, err := lineOf(dir, path.Base(name), name)
		if err != nil || now != line {
			return false
		}
		known[name] = true
	}
	for _, m := range t.Modules {
		if !strings.HasPrefix(m.Dir, modulesDir+"/") {
			continue
		}
		d, err := root.Open(filepath.FromSlash(m.Dir))
		if err != nil {
			return false
		}
		entries, err := d.ReadDir(-1)
		_ = d.Close()
		if err != nil {
			return false
		}
		real, err := filepath.EvalSymlinks(filepath.Join(root.Name(), filepath.FromSlash(m.Dir)))
		if err != nil {
			return false
		}
		rel, err := filepath.Rel(root.Name(), real)
		if err != nil {
			return false
		}
		for _, e := range entries {
			if isConfig(e.Name()) && !ignored(e.Name()) && !known[path.Join(filepath.ToSlash(rel), e.Name())] {
				return false
			}
		}
	}
	return true
}

// allFiles are the lines of everything in .terraform/modules, what is in a
// .git aside, but for HEAD, which says what was checked out.
func allFiles(root *os.Root) ([]string, error) {
	var lines []string
	err := fs.WalkDir(root.FS(), modulesDir, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			if p == modulesDir && os.IsNotExist(err) {
				return nil
			}
			return err
		}
		if d.IsDir() {
			if d.Name() == ".git" {
				if line, err := statLine(root, p+"/HEAD"); err == nil {
					lines = append(lines, line)
				}
				return fs.SkipDir
			}
			return nil
		}
		line, err := statLine(root, p)
		lines = append(lines, line)
		return err
	})
	slices.Sort(lines)
	return lines, err
}

// providersDigest tells of the installed providers, through the links that
// terraform makes to its cache.
func (s *stack) providersDigest() string {
	var lines []string
	_ = fs.WalkDir(s.root.FS(), ".terraform/providers", func(p string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return nil
		}
		line, err := statLine(s.root, p)
		lines = append(lines, line, fmt.Sprint(err != nil))
		if d.Type()&fs.ModeSymlink != 0 {
			at := filepath.Join(s.dir, filepath.FromSlash(p))
			entries, err := os.ReadDir(at) // it leads out, to the cache: it is only looked at
			lines = append(lines, fmt.Sprint(err != nil))
			for _, e := range entries {
				if info, err := e.Info(); err == nil {
					lines = append(lines, fmt.Sprintf("%s %v %d %d", e.Name(), info.Mode(), info.Size(), info.ModTime().UnixNano()))
				}
			}
		}
		return nil
	})
	return digest(lines...)
}

// stateDigest tells of what terraform has written of the backend.
func (s *stack) stateDigest() string {
	return digest(digestFile(s.root, ".terraform/terraform.tfstate"), digestFile(s.root, ".terraform/environment"))
}
