package fingerprint

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"strings"
)

// maxFile bounds what is read of one file of a plan, and maxAll of all of them:
// a zip of some kilobytes can hold gigabytes.
const (
	maxFile = 64 << 20
	maxAll  = 512 << 20
)

const lockFile = ".terraform.lock.hcl"

// Members of a plan's file that are not the configuration
// (terraform's internal/plans/planfile): the plan itself, whose JSON says what
// is in it, with its backend and its time, and two states, with their serials.
var notConfiguration = []string{"tfplan", "tfstate", "tfstate-prev", lockFile}

// Configuration is a digest of the configuration inside the file of a saved plan
// (a zip): every file of the root and of all modules, and which module stands
// where. Neither the commit nor the time of the plan are in it. It is to be
// handed to Make and not to be kept: the configuration can hold a password, and
// a digest of what is known but for a password gives it away.
func Configuration(planFile []byte) (string, error) {
	members, err := open(planFile)
	if err != nil {
		return "", err
	}
	h := sha256.New()
	found := false
	all := int64(0)
	for _, f := range members {
		if slices.Contains(notConfiguration, f.Name) {
			continue
		}
		found = found || strings.HasPrefix(f.Name, "tfconfig/")
		data, err := member(f)
		if err != nil {
			return "", err
		}
		if all += int64(len(data)); all > maxAll {
			return "", fmt.Errorf("read the plan's file: the configuration in it is more than %d MB", maxAll>>20)
		}
		add(h, f.Name, data)
	}
	if !found {
		return "", errors.New("read the plan's file: there is no configuration in it\nhint: save it with terraform plan -out")
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

// LockFile is a digest of the provider lock file inside the file of a saved plan,
// "" where there is none.
func LockFile(planFile []byte) (string, error) {
	members, err := open(planFile)
	if err != nil {
		return "", err
	}
	for _, f := range members {
		if f.Name == lockFile {
			data, err := member(f)
			if err != nil {
				return "", err
			}
			sum := sha256.Sum256(data)
			return "sha256:" + hex.EncodeToString(sum[:]), nil
		}
	}
	return "", nil
}

// open lists the members of a plan's file by name.
func open(planFile []byte) ([]*zip.File, error) {
	r, err := zip.NewReader(bytes.NewReader(planFile), int64(len(planFile)))
	if err != nil {
		return nil, fmt.Errorf("read the plan's file: %w", err)
	}
	members := slices.Clone(r.File)
	slices.SortFunc(members, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	for i := 1; i < len(members); i++ {
		if members[i].Name == members[i-1].Name {
			return nil, errors.New("read the plan's file: a member is there twice")
		}
	}
	return members, nil
}

func member(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, fmt.Errorf("read the plan's file: %w", err)
	}
	defer r.Close()
	data, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the plan's file: %w", err)
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("read the plan's file: a member is more than %d MB", maxFile>>20)
	}
	return data, nil
}

// Files is a digest of files by name and content, whatever the order of the
// names. Of no names it is that of nothing, which is not "". A name that is no
// regular file, or cannot be read, is an error. Like that of Configuration it is
// not to be kept.
func Files(fsys fs.FS, names []string) (string, error) {
	h := sha256.New()
	sorted := slices.Clone(names)
	slices.Sort(sorted)
	for _, name := range slices.Compact(sorted) {
		sum := sha256.New()
		if err := copyFile(sum, fsys, name); err != nil {
			return "", fmt.Errorf("digest the files that the configuration reads: %w", err)
		}
		add(h, name, sum.Sum(nil))
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil)), nil
}

func copyFile(w io.Writer, fsys fs.FS, name string) error {
	f, err := fsys.Open(name)
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", name)
	}
	_, err = io.Copy(w, f)
	return err
}

// add writes a name and a content so that no other pairs give the same bytes.
func add(w io.Writer, name string, data []byte) {
	sum := sha256.Sum256(data)
	// A hash takes all that it is given.
	fmt.Fprintf(w, "%q %x\n", name, sum)
}
