package terraform

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/zclconf/go-cty/cty"
	"github.com/zclconf/go-cty/cty/msgpack"
	"google.golang.org/protobuf/encoding/protowire"
)

// A PlanFile is the header of a saved plan: what terraform was, and where the
// state is that it will write. It is terraform's own internal format, version
// 3 of internal/plans/planproto; any other is a *PlanFormatError.
type PlanFile struct {
	Version   string // of the terraform that made it: "1.11.4"
	Backend   PlanBackend
	Timestamp string // when it was made, RFC 3339
	Mode      string // "normal", "destroy" or "refresh-only"
	Applyable bool   // terraform 1.8 and newer say so; false before
	Complete  bool   // as Applyable
	Errored   bool
	Targets   []string // -target: such a plan is of a part
	Replaces  []string // -replace
	LockFile  []byte   // the .terraform.lock.hcl that it was made with, nil without
}

// A PlanBackend is where a plan's state is.
type PlanBackend struct {
	Type      string    // "local" without a backend block
	Config    cty.Value // an object, with null for what is not set: it may hold credentials
	Workspace string
}

// A PlanFormatError is a saved plan in a form that is not known, or a file
// that is none.
type PlanFormatError struct {
	Name string
	Why  string
}

func (e *PlanFormatError) Error() string {
	return fmt.Sprintf("%s: this is no saved plan of a terraform that is known here: %s\nhint: plan anew with a terraform from 1.1 on, or OpenTofu without plan encryption", e.Name, e.Why)
}

// planVersion is the only version of the format there has been since
// terraform 0.12; its readers refuse any other.
const planVersion = 3

// Bounds of a saved plan. The largest seen in the field are some tens of
// megabytes.
const (
	maxMembers = 1 << 16
	maxPlan    = 1 << 30 // all members together, unpacked
)

// maxMember is lower in tests.
var maxMember int64 = 512 << 20

// ReadPlanFile reads the header of a saved plan. Sizes are bounded: a file is
// refused, never unpacked without end. The error is a *PlanFormatError, or one
// of the file system.
func ReadPlanFile(name string) (*PlanFile, error) {
	var plan, lock []byte
	err := members(name, func(member string, open func() ([]byte, error)) (err error) {
		switch member {
		case "tfplan":
			plan, err = open()
		case ".terraform.lock.hcl":
			lock, err = open()
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	p, err := parsePlan(plan)
	if err != nil {
		return nil, &PlanFormatError{Name: name, Why: err.Error()}
	}
	p.LockFile = lock
	return p, nil
}

// members calls f for each member of a saved plan, by name. open reads it.
func members(name string, f func(member string, open func() ([]byte, error)) error) error {
	bad := func(why string) error { return &PlanFormatError{Name: name, Why: why} }
	z, err := zip.OpenReader(name)
	if errors.Is(err, zip.ErrFormat) || errors.Is(err, zip.ErrAlgorithm) || errors.Is(err, zip.ErrInsecurePath) || errors.Is(err, io.ErrUnexpectedEOF) {
		return bad(err.Error())
	}
	if err != nil {
		return err
	}
	defer z.Close()
	if len(z.File) > maxMembers {
		return bad("it has too many members")
	}
	files := slices.Clone(z.File)
	slices.SortStableFunc(files, func(a, b *zip.File) int { return strings.Compare(a.Name, b.Name) })
	total, found := int64(0), false
	for i, file := range files {
		if i > 0 && file.Name == files[i-1].Name {
			return bad(fmt.Sprintf("its member %q is there twice", file.Name))
		}
		found = found || file.Name == "tfplan"
		err := f(file.Name, func() ([]byte, error) {
			if file.UncompressedSize64 > uint64(maxMember) {
				return nil, bad(fmt.Sprintf("member %q is too large", file.Name))
			}
			r, err := file.Open()
			if err != nil {
				return nil, bad(err.Error())
			}
			defer r.Close()
			// What the directory says of its size may be a lie.
			data, err := io.ReadAll(io.LimitReader(r, maxMember+1))
			if err != nil {
				return nil, bad(fmt.Sprintf("member %q: %v", file.Name, err))
			}
			if total += int64(len(data)); int64(len(data)) > maxMember || total > maxPlan {
				return nil, bad(fmt.Sprintf("member %q is too large", file.Name))
			}
			return data, nil
		})
		if err != nil {
			return err
		}
	}
	if !found {
		return bad(`it has no member "tfplan"`)
	}
	return nil
}

// A field is one field of a protobuf message.
type field struct {
	num protowire.Number
	typ protowire.Type
	raw []byte // all of it, tag included
	val []byte // of a length-delimited one
	n   uint64 // of a varint
}

// fields takes a message apart.
func fields(msg []byte) ([]field, error) {
	var list []field
	for len(msg) > 0 {
		num, typ, tag := protowire.ConsumeTag(msg)
		if tag < 0 {
			return nil, protowire.ParseError(tag)
		}
		size := protowire.ConsumeFieldValue(num, typ, msg[tag:])
		if size < 0 {
			return nil, protowire.ParseError(size)
		}
		f := field{num: num, typ: typ, raw: msg[:tag+size]}
		switch typ {
		case protowire.VarintType:
			f.n, _ = protowire.ConsumeVarint(msg[tag:])
		case protowire.BytesType:
			f.val, _ = protowire.ConsumeBytes(msg[tag:])
		}
		list = append(list, f)
		msg = msg[tag+size:]
	}
	return list, nil
}

// The fields of planproto.Plan and planproto.Backend that are read here.
const (
	fieldVersion   = 1
	fieldTargets   = 5
	fieldBackend   = 13
	fieldTerraform = 14
	fieldReplaces  = 16
	fieldMode      = 17
	fieldErrored   = 20
	fieldTimestamp = 21
	fieldApplyable = 25
	fieldComplete  = 26

	fieldBackendType      = 1
	fieldBackendConfig    = 2
	fieldBackendWorkspace = 3

	fieldMsgpack = 1 // of DynamicValue
)

var modes = []string{"normal", "destroy", "refresh-only"}

// single makes sure that what may be there once is there once, and has the
// type that it is to have. A reader that merges would see another plan.
func single(list []field, types map[protowire.Number]protowire.Type) error {
	seen := map[protowire.Number]bool{}
	for _, f := range list {
		typ, ok := types[f.num]
		if !ok {
			continue
		}
		if seen[f.num] {
			return fmt.Errorf("field %d is there twice", f.num)
		}
		if f.typ != typ {
			return fmt.Errorf("field %d has another type", f.num)
		}
		if typ == protowire.BytesType && f.num != fieldBackend && f.num != fieldBackendConfig && !utf8.Valid(f.val) {
			return fmt.Errorf("field %d is no text", f.num)
		}
		seen[f.num] = true
	}
	return nil
}

// parsePlan reads the member tfplan.
func parsePlan(msg []byte) (*PlanFile, error) {
	list, err := fields(msg)
	if err != nil {
		return nil, err
	}
	err = single(list, map[protowire.Number]protowire.Type{
		fieldVersion: protowire.VarintType, fieldBackend: protowire.BytesType, fieldTerraform: protowire.BytesType,
		fieldMode: protowire.VarintType, fieldErrored: protowire.VarintType, fieldTimestamp: protowire.BytesType,
		fieldApplyable: protowire.VarintType, fieldComplete: protowire.VarintType,
	})
	if err != nil {
		return nil, err
	}
	p := &PlanFile{Mode: modes[0]}
	version := uint64(0)
	var backend []byte
	for _, f := range list {
		switch f.num {
		case fieldVersion:
			version = f.n
		case fieldBackend:
			backend = f.val
		case fieldTerraform:
			p.Version = string(f.val)
		case fieldMode:
			if f.n >= uint64(len(modes)) {
				return nil, fmt.Errorf("its mode %d is not known", f.n)
			}
			p.Mode = modes[f.n]
		case fieldErrored:
			p.Errored = f.n != 0
		case fieldTimestamp:
			p.Timestamp = string(f.val)
		case fieldApplyable:
			p.Applyable = f.n != 0
		case fieldComplete:
			p.Complete = f.n != 0
		case fieldTargets, fieldReplaces:
			if f.typ != protowire.BytesType || !utf8.Valid(f.val) {
				return nil, fmt.Errorf("field %d has another type", f.num)
			}
			if f.num == fieldTargets {
				p.Targets = append(p.Targets, string(f.val))
			} else {
				p.Replaces = append(p.Replaces, string(f.val))
			}
		}
	}
	switch {
	case version != planVersion:
		return nil, fmt.Errorf("its format is %d, and %d is the one that is known", version, planVersion)
	case p.Version == "":
		return nil, errors.New("it does not tell which terraform made it")
	case backend == nil:
		return nil, errors.New("it names no backend")
	}
	slices.Sort(p.Targets)
	slices.Sort(p.Replaces)
	return p, p.Backend.parse(backend)
}

func (b *PlanBackend) parse(msg []byte) error {
	list, err := fields(msg)
	if err != nil {
		return fmt.Errorf("backend: %w", err)
	}
	err = single(list, map[protowire.Number]protowire.Type{
		fieldBackendType: protowire.BytesType, fieldBackendConfig: protowire.BytesType, fieldBackendWorkspace: protowire.BytesType,
	})
	if err != nil {
		return fmt.Errorf("backend: %w", err)
	}
	for _, f := range list {
		switch f.num {
		case fieldBackendType:
			b.Type = string(f.val)
		case fieldBackendWorkspace:
			b.Workspace = string(f.val)
		case fieldBackendConfig:
			if b.Config, err = dynamic(f.val); err != nil {
				return fmt.Errorf("backend: %w", err)
			}
		}
	}
	if b.Type == "" || b.Workspace == "" || b.Config == cty.NilVal {
		return errors.New("backend: type, configuration or workspace is missing")
	}
	return nil
}

// dynamic reads a DynamicValue that is an object.
func dynamic(msg []byte) (cty.Value, error) {
	list, err := fields(msg)
	if err != nil {
		return cty.NilVal, err
	}
	if len(list) != 1 || list[0].num != fieldMsgpack || list[0].typ != protowire.BytesType {
		return cty.NilVal, errors.New("its configuration is in a form that is not known")
	}
	data := list[0].val
	if len(data) > maxConfig {
		return cty.NilVal, errors.New("its configuration is too large")
	}
	typ, err := msgpack.ImpliedType(data)
	if err != nil {
		return cty.NilVal, errors.New("its configuration is no msgpack")
	}
	if !typ.IsObjectType() {
		return cty.NilVal, errors.New("its configuration is no object")
	}
	v, err := msgpack.Unmarshal(data, typ)
	if err != nil || !v.IsKnown() || v.IsNull() {
		return cty.NilVal, errors.New("its configuration is no msgpack")
	}
	return v, nil
}

// maxConfig bounds a backend's configuration, which a reader descends into.
const maxConfig = 64 << 10

// A shape says which fields of a message are sets, in no order, and which are
// messages in which there are such.
type shape struct {
	sets []protowire.Number
	sub  map[protowire.Number]*shape
}

// planShape is planproto.Plan, as far as order goes. terraform fills its sets
// from maps and from walks of a graph in parallel.
var planShape = func() *shape {
	change := &shape{sets: []protowire.Number{3, 4}}
	resource := &shape{sets: []protowire.Number{11}, sub: map[protowire.Number]*shape{9: change}}
	return &shape{
		sets: []protowire.Number{2, 3, 4, 5, 15, 16, 18, 19, 22, 27, 28, 30, 31, 32},
		sub: map[protowire.Number]*shape{
			3:  resource,
			18: resource,
			27: {sub: map[protowire.Number]*shape{2: resource}},
			4:  {sub: map[protowire.Number]*shape{2: change}},
			19: {sets: []protowire.Number{4}},
		},
	}
}()

// canonical is a message with its fields in the order of their numbers and its
// sets in the order of their bytes, without the fields in drop. It is to be
// hashed, not read: each value has its length before it.
func (s *shape) canonical(msg []byte, drop ...protowire.Number) ([]byte, error) {
	list, err := fields(msg)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(f field) bool { return slices.Contains(drop, f.num) })
	for i := range list {
		if sub := s.sub[list[i].num]; sub != nil && list[i].typ == protowire.BytesType {
			if list[i].raw, err = sub.canonical(list[i].val); err != nil {
				return nil, err
			}
		}
	}
	slices.SortStableFunc(list, func(a, b field) int {
		if a.num != b.num {
			return int(a.num) - int(b.num)
		}
		if slices.Contains(s.sets, a.num) {
			return bytes.Compare(a.raw, b.raw)
		}
		return 0
	})
	var out []byte
	for _, f := range list {
		out = protowire.AppendVarint(out, uint64(f.num)<<3|uint64(f.typ))
		out = protowire.AppendBytes(out, f.raw)
	}
	return out, nil
}

// ContentKey is the sha256, in hex, of all that a saved plan holds but when it
// was made: its members' names and bytes without the plan's timestamp, sets in
// a fixed order. Two plans of one stack in one state have one key. The error
// is as ReadPlanFile's.
func ContentKey(name string) (string, error) {
	sum := sha256.New()
	put := func(data []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(data)))
		sum.Write(n[:])
		sum.Write(data)
	}
	put([]byte("terrier saved plan 1"))
	err := members(name, func(member string, open func() ([]byte, error)) error {
		data, err := open()
		if err != nil {
			return err
		}
		if member == "tfplan" {
			if _, err := parsePlan(data); err != nil {
				return &PlanFormatError{Name: name, Why: err.Error()}
			}
			if data, err = planShape.canonical(data, fieldTimestamp); err != nil {
				return &PlanFormatError{Name: name, Why: err.Error()}
			}
		}
		put([]byte(member))
		put(data)
		return nil
	})
	if err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
