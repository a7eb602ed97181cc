package fingerprint

import (
	"bytes"
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MinKey is the least length of a key, in bytes.
const MinKey = 32

// A Document is a plan in canonical form, under one key: sensitive values,
// values of variables, and the literals of the configuration are in it as
// HMAC-SHA256 only. All else of the plan is in clear, so it belongs into files
// for the user alone.
type Document struct {
	fields map[string]any // format_version, key, context, plan
}

// Make makes the document of a plan's JSON. The key is secret, has MinKey bytes
// or more, and documents that are to be compared are made under the same one. An
// error says what is missing, or why the JSON is no plan; it holds nothing of
// the plan.
func Make(planJSON []byte, c Context, key []byte) (*Document, error) {
	if len(key) < MinKey {
		return nil, fmt.Errorf("the key of a fingerprint has %d bytes, it needs %d\nhint: make one of random bytes for each run", len(key), MinKey)
	}
	for _, required := range []struct{ value, what string }{
		{c.Terraform, "the version of terraform"},
		{c.Configuration, "the digest of the configuration"},
		{c.Files, "the digest of the files that the configuration reads"},
	} {
		if required.value == "" {
			return nil, fmt.Errorf("a fingerprint needs %s\nhint: without it two plans could look the same that do different things", required.what)
		}
	}
	plan, err := parse(planJSON)
	if err != nil {
		return nil, err
	}
	return &Document{map[string]any{
		"format_version": FormatVersion,
		"key":            keyID(key),
		"context":        c.form(key),
		"plan":           canonical(plan, key),
	}}, nil
}

// parse reads the JSON of a plan, and refuses that of a state or of a format
// which may mean other things by the same names.
func parse(planJSON []byte) (map[string]any, error) {
	v, err := decode(planJSON)
	if err != nil {
		return nil, fmt.Errorf("read the plan's JSON: %w", err)
	}
	plan := object(v)
	format, _ := plan["format_version"].(string)
	if major, _, _ := strings.Cut(format, "."); major != "0" && major != "1" {
		return nil, errors.New("the plan's JSON has no format_version that this terrier knows\nhint: it knows 1.x; a newer terraform may need a newer terrier")
	}
	if object(plan["planned_values"]) == nil || object(plan["configuration"]) == nil {
		return nil, errors.New("the JSON is not that of a plan: it lacks planned_values or configuration\nhint: terraform show -json PLANFILE")
	}
	return plan, nil
}

// keyID tells keys apart and tells nothing of them.
func keyID(key []byte) string {
	h := hmac.New(sha256.New, key)
	h.Write([]byte("terrier fingerprint key"))
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// form gives the context as it stands in a document. The digests are sealed:
// one of a text that is known but for a short password gives the password to
// who tries them all.
func (c Context) form(key []byte) map[string]any {
	s := &sealer{key: key, secrets: newSecrets()}
	digest := func(name, value string) string {
		if value == "" {
			return ""
		}
		return s.seal([]string{"context", name}, value)
	}
	modules := slices.Clone(c.Modules)
	slices.SortFunc(modules, func(a, b Module) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Subdir, b.Subdir), cmp.Compare(a.Ref, b.Ref), cmp.Compare(a.Commit, b.Commit))
	})
	list := []any{}
	for _, m := range slices.Compact(modules) {
		source := m.Source
		if r := redact(source); r != source {
			source = r + " " + s.seal([]string{"context", "modules"}, m.Source)
		}
		list = append(list, map[string]any{"source": text(source), "subdir": text(m.Subdir), "ref": text(m.Ref), "commit": text(m.Commit)})
	}
	return map[string]any{
		"terraform":     text(c.Terraform),
		"backend":       digest("backend", c.Backend),
		"workspace":     text(cmp.Or(c.Workspace, "default")),
		"account":       text(c.Account),
		"lock_file":     digest("lock_file", c.LockFile),
		"configuration": digest("configuration", c.Configuration),
		"files":         digest("files", c.Files),
		"modules":       list,
	}
}

// Sum is the fingerprint: "sha256:" and 64 hexadecimal digits. Two documents
// have the same one only where all of them is the same, the key too.
func (d *Document) Sum() string {
	sum := sha256.Sum256(encode(d.fields))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// MarshalJSON gives the canonical form: sorted, and the same bytes at each time.
func (d *Document) MarshalJSON() ([]byte, error) {
	if d == nil || d.fields == nil {
		return []byte("null"), nil
	}
	return encode(d.fields), nil
}

// Read reads what MarshalJSON gave, white space or not. The sum is that of what
// was read: compare it with the one that was noted.
func Read(data []byte) (*Document, error) {
	v, err := decode(bytes.TrimSpace(data))
	if err != nil {
		return nil, fmt.Errorf("read the document of a fingerprint: %w", err)
	}
	fields := object(v)
	format, _ := fields["format_version"].(string)
	if major, _, _ := strings.Cut(format, "."); major != "1" {
		return nil, errors.New("read the document of a fingerprint: it has no format_version that this terrier knows\nhint: plan again with this version")
	}
	key, _ := fields["key"].(string)
	if object(fields["context"]) == nil || object(fields["plan"]) == nil || key == "" {
		return nil, errors.New("read the document of a fingerprint: it is not whole\nhint: plan again")
	}
	return &Document{fields}, nil
}
