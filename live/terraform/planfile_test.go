package terraform

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"google.golang.org/protobuf/encoding/protowire"
)

const manyThings = `
variable "v" {
  default = "x"
}
variable "w" {
  default = { b = 1, a = [1, 2], c = "z" }
}
module "m" {
  source   = "./m"
  for_each = toset(["a", "b", "c"])
}
resource "terraform_data" "a" {
  count = 6
  input = "${var.v}-${var.w.c}"
  provisioner "local-exec" {
    command = "true"
  }
}
output "o" {
  value = terraform_data.a[*].id
}
check "c" {
  assert {
    condition     = var.v != "y"
    error_message = "no"
  }
}
`

// Two plans of one thing have one key, whatever the order in which terraform
// wrote them; anything else has another. What is shown from the cache is what
// terraform shows.
func TestContentKey(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	st := newRig(t, manyThings)
	st.w.put("stack/m/main.tf", `resource "terraform_data" "x" {}`)
	st.init()
	dir := filepath.Join(st.w.dir, "shown")
	keys := map[string]string{}
	plan := func(name string) string {
		t.Helper()
		file := filepath.Join(st.w.dir, "run", name)
		if _, err := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: file}); err != nil {
			t.Fatal(err)
		}
		key, err := ContentKey(file)
		if err != nil {
			t.Fatal(err)
		}
		keys[name] = key
		return file
	}
	first := plan("first")
	if _, err := st.tf.ShowCached(ctx, st.s, first, dir, []byte("k")); err != nil {
		t.Fatal(err)
	}
	was, err := ReadPlanFile(first)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(1100 * time.Millisecond) // a plan's time is in seconds
	for _, name := range []string{"second", "third"} {
		file := plan(name)
		if keys[name] != keys["first"] {
			t.Errorf("%s has another key", name)
		}
		p, err := ReadPlanFile(file)
		if err != nil || p.Timestamp == was.Timestamp || p.Version != st.tf.Version || p.Backend.Type != "local" || p.Backend.Workspace != "default" || p.Mode != "normal" || !p.Applyable || !p.Complete || p.Errored || len(p.LockFile) == 0 {
			t.Errorf("%+v %v", p, err)
		}
		real, err := st.tf.Show(ctx, st.s, file)
		if err != nil {
			t.Fatal(err)
		}
		// A binary that is gone shows nothing: it comes from the cache.
		gone := &Terraform{Path: st.tf.Path, Product: st.tf.Product, Version: st.tf.Version}
		s := st.s
		s.Dir = filepath.Join(st.w.dir, "no such directory")
		kept, err := gone.ShowCached(ctx, s, file, dir, []byte("k"))
		if err != nil || !bytes.Equal(normalised(t, kept), normalised(t, real)) || len(kept) != len(real) {
			t.Errorf("%s: the cache shows something else: %v", name, err)
		}
		if _, err := gone.ShowCached(ctx, s, file, dir, []byte("another key")); err == nil {
			t.Error("shown with another key")
		}
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil || len(files) != 1 || mode(t, files[0]) != 0o600 || mode(t, dir) != 0o700 {
		t.Fatalf("%v %v", files, err)
	}
	// One that was altered is as good as none.
	data, err := os.ReadFile(files[0])
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(files[0], bytes.Replace(data, []byte(`"create"`), []byte(`"no-op_"`), 1), 0o600); err != nil {
		t.Fatal(err)
	}
	got, err := st.tf.ShowCached(ctx, st.s, first, dir, []byte("k"))
	if err != nil || bytes.Contains(got, []byte("no-op_")) {
		t.Errorf("an altered one is shown: %v", err)
	}

	st.w.put("stack/terraform.tfvars", `v = "other"`)
	plan("variable")
	os.Remove(filepath.Join(st.s.Dir, "terraform.tfvars"))
	st.w.put("stack/main.tf", strings.Replace(manyThings, `"true"`, `"false"`, 1))
	plan("local-exec")
	st.w.put("stack/main.tf", manyThings)
	st.s.Workspace = "w"
	plan("workspace")
	st.s.Workspace = ""
	plan("again")
	o := st.options()
	o.Plan = filepath.Join(st.w.dir, "run", "again")
	if err := st.tf.ApplyPlan(ctx, st.s, o); err != nil {
		t.Fatal(err)
	}
	plan("state")
	if keys["again"] != keys["first"] {
		t.Error("again has another key")
	}
	seen := map[string]string{}
	for _, name := range []string{"first", "variable", "local-exec", "workspace", "state"} {
		if other := seen[keys[name]]; other != "" {
			t.Errorf("%s has the key of %s", name, other)
		}
		seen[keys[name]] = name
	}
}

// normalised takes terraform's own unstable order out: child_modules are in
// another one each time that one plan is shown.
func normalised(t *testing.T, plan []byte) []byte {
	t.Helper()
	parts := bytes.Split(plan, []byte(`{"resources":`))
	set := map[string]bool{}
	for _, p := range parts {
		set[string(bytes.TrimRight(p, ",]}"))] = true
	}
	return []byte(strings.Join(sorted(set), "\n"))
}

// writePlan writes a zip of members.
func writePlan(t testing.TB, members map[string][]byte) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "plan")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	for n, data := range members {
		w, err := z.Create(n)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	return name
}

// message is a plan in planproto's form.
func message(version uint64, backend []byte) []byte {
	m := protowire.AppendVarint(protowire.AppendTag(nil, fieldVersion, protowire.VarintType), version)
	m = protowire.AppendString(protowire.AppendTag(m, fieldTerraform, protowire.BytesType), "1.11.4")
	m = protowire.AppendString(protowire.AppendTag(m, fieldTimestamp, protowire.BytesType), "2026-01-02T03:04:05Z")
	return protowire.AppendBytes(protowire.AppendTag(m, fieldBackend, protowire.BytesType), backend)
}

func backendMessage(config []byte) []byte {
	value := protowire.AppendBytes(protowire.AppendTag(nil, fieldMsgpack, protowire.BytesType), config)
	b := protowire.AppendString(protowire.AppendTag(nil, fieldBackendType, protowire.BytesType), "s3")
	b = protowire.AppendBytes(protowire.AppendTag(b, fieldBackendConfig, protowire.BytesType), value)
	return protowire.AppendString(protowire.AppendTag(b, fieldBackendWorkspace, protowire.BytesType), "prod")
}

func TestReadPlanFile(t *testing.T) {
	good := message(3, backendMessage([]byte("\x82\xa3key\xa1k\xa6region\xc0")))
	p, err := ReadPlanFile(writePlan(t, map[string][]byte{"tfplan": good}))
	if err != nil || p.Backend.Type != "s3" || p.Backend.Workspace != "prod" || p.Backend.Config.GetAttr("key").AsString() != "k" || !p.Backend.Config.GetAttr("region").IsNull() || p.Timestamp != "2026-01-02T03:04:05Z" {
		t.Fatalf("%+v %v", p, err)
	}
	for want, plan := range map[string][]byte{
		"its format is 4":        message(4, backendMessage([]byte("\x80"))),
		"no object":              message(3, backendMessage([]byte("\xa1k"))),
		"no msgpack":             message(3, backendMessage([]byte("\x82\xa3k"))),
		"too large":              message(3, backendMessage(bytes.Repeat([]byte("\x91"), maxConfig+1))),
		"missing":                message(3, nil),
		"is there twice":         append(bytes.Clone(good), good...),
		"unexpected EOF":         good[:len(good)-1],
		"does not tell which":    protowire.AppendVarint(protowire.AppendTag(nil, fieldVersion, protowire.VarintType), 3),
		"field 1 has another":    protowire.AppendString(protowire.AppendTag(nil, fieldVersion, protowire.BytesType), "3"),
		"its format is 0, and 3": nil,
	} {
		name := writePlan(t, map[string][]byte{"tfplan": plan})
		for _, read := range []func(string) error{
			func(n string) error { _, err := ReadPlanFile(n); return err },
			func(n string) error { _, err := ContentKey(n); return err },
		} {
			err := read(name)
			if bad := (*PlanFormatError)(nil); !errors.As(err, &bad) || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v", want, err)
			}
		}
	}
	if _, err := ReadPlanFile(writePlan(t, map[string][]byte{"x": nil})); err == nil || !strings.Contains(err.Error(), `no member "tfplan"`) {
		t.Errorf("%v", err)
	}
}

// A member that unpacks to more than its bound is refused.
func TestPlanBomb(t *testing.T) {
	defer func(n int64) { maxMember = n }(maxMember)
	maxMember = 1 << 20
	name := filepath.Join(t.TempDir(), "bomb")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	z := zip.NewWriter(f)
	w, err := z.Create("tfplan")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.CopyN(w, zeros{}, maxMember+1); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(z.Close(), f.Close()); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadPlanFile(name); err == nil || !strings.Contains(err.Error(), "too large") {
		t.Errorf("%v", err)
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func FuzzReadPlanFile(f *testing.F) {
	f.Add(message(3, backendMessage([]byte("\x82\xa3key\xa1k\xa6region\xc0"))))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, plan []byte) {
		p, err := parsePlan(plan)
		if err == nil && (p.Version == "" || p.Backend.Type == "" || !p.Backend.Config.Type().IsObjectType()) {
			t.Errorf("%+v", p)
		}
		a, errA := planShape.canonical(plan, fieldTimestamp)
		b, errB := planShape.canonical(plan, fieldTimestamp)
		if (errA == nil) != (errB == nil) || !bytes.Equal(a, b) {
			t.Error("not one answer")
		}
	})
}
