package rules

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"

	"github.com/terrier-iac/terrier/modules/lint"
)

var copiedFileDiffers = &lint.Rule{
	Name:     "copied-file-differs",
	Summary:  "A copy of another repository's file that is no longer the same",
	Severity: lint.Error,
	Options:  []string{"split", "repository"},
	Needs:    lint.NeedConfig,
	Ready:    func(in *lint.Input) bool { return len(in.Copies) > 0 },
	Check: func(p *lint.Pass) {
		for _, file := range sorted(p.Copies) {
			c := p.Copies[file]
			digest, problem := digestOf(p.Input, file)
			if digest == c.Digest {
				continue
			}
			if problem == "" {
				problem = fmt.Sprintf("differs from what %s has", c.Owner)
			}
			p.Report(lint.Finding{
				Range:   firstLine(file),
				Subject: file,
				Summary: fmt.Sprintf("The copy %q %s", file, problem),
				Detail:  fmt.Sprintf("The file is that of %s; a copy stands here because something here reads it. Change it there, and take the new version here, or say in the configuration that the copy has a life of its own.", c.Owner),
			})
		}
	},
}

// digestOf is the digest of a file's bytes, or of a symlink's target, as split
// writes it down; problem says why there is none.
func digestOf(in *lint.Input, file string) (digest, problem string) {
	data := []byte(nil)
	if target, ok := in.Graph.Link(file); ok {
		data = []byte(target)
	} else {
		var err error
		switch data, err = fs.ReadFile(in.Graph.Tree.FS, file); {
		case errors.Is(err, fs.ErrNotExist):
			return "", "is gone"
		case err != nil:
			return "", "cannot be read"
		}
	}
	sum := sha256.Sum256(data)
	return "sha256:" + hex.EncodeToString(sum[:]), ""
}
