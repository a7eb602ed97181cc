package terraform

import (
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The test binary is also a terrier that is to be killed: it applies what is
// told in this variable, and does nothing else.
func init() {
	text := os.Getenv("TERRIER_TEST_APPLY")
	if text == "" {
		return
	}
	var in struct {
		Path, Version string
		Session       struct {
			Dir string
			Env []string
		}
		Options struct{ Plan, Raw, Alive string }
	}
	if err := json.Unmarshal([]byte(text), &in); err != nil {
		panic(err)
	}
	tf := &Terraform{Path: in.Path, Product: ProductTerraform, Version: in.Version}
	err := tf.ApplyPlan(context.Background(), Session{Dir: in.Session.Dir, Env: in.Session.Env}, ApplyOptions{Plan: in.Options.Plan, Raw: in.Options.Raw, Alive: in.Options.Alive})
	fmt.Fprintln(os.Stderr, err)
	os.Exit(0)
}

// terrier starts one that applies the plan.
func (st *rig) terrier() *exec.Cmd {
	st.t.Helper()
	o := st.options()
	text, err := json.Marshal(map[string]any{
		"Path": st.tf.Path, "Version": st.tf.Version,
		"Session": map[string]any{"Dir": st.s.Dir, "Env": st.s.Env}, "Options": map[string]string{"Plan": o.Plan, "Raw": o.Raw, "Alive": o.Alive},
	})
	if err != nil {
		st.t.Fatal(err)
	}
	exe, err := os.Executable()
	if err != nil {
		st.t.Fatal(err)
	}
	cmd := exec.Command(exe)
	cmd.Env = append(os.Environ(), "TERRIER_TEST_APPLY="+string(text))
	if err := cmd.Start(); err != nil {
		st.t.Fatal(err)
	}
	return cmd
}

// A bucket is as much of S3 as terraform's backend needs: objects, lists and
// writes on condition.
type bucket struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string][]byte
	refuse  bool // every write
}

func newBucket(t *testing.T) *bucket {
	b := &bucket{objects: map[string][]byte{}}
	b.Server = httptest.NewServer(b)
	t.Cleanup(b.Close)
	return b
}

func (b *bucket) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.mu.Lock()
	defer b.mu.Unlock()
	fail := func(status int, code string) {
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, code)
	}
	key := strings.TrimPrefix(r.URL.Path, "/states/")
	_, there := b.objects[key]
	switch {
	case r.URL.Query().Get("list-type") == "2":
		type object struct{ Key string }
		var list struct {
			XMLName  xml.Name `xml:"ListBucketResult"`
			Contents []object
		}
		for k := range b.objects {
			if strings.HasPrefix(k, r.URL.Query().Get("prefix")) {
				list.Contents = append(list.Contents, object{k})
			}
		}
		_ = xml.NewEncoder(w).Encode(list)
	case r.Method == http.MethodGet && !there, r.Method == http.MethodHead && !there:
		fail(http.StatusNotFound, "NoSuchKey")
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		_, _ = w.Write(b.objects[key])
	case b.refuse:
		fail(http.StatusForbidden, "AccessDenied")
	case r.Method == http.MethodPut && r.Header.Get("If-None-Match") == "*" && there:
		fail(http.StatusPreconditionFailed, "PreconditionFailed")
	case r.Method == http.MethodPut:
		data, err := io.ReadAll(r.Body)
		if err != nil {
			fail(http.StatusBadRequest, "BadRequest")
			return
		}
		b.objects[key] = data
	case r.Method == http.MethodDelete:
		delete(b.objects, key)
	}
}

func (b *bucket) get(key string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return string(b.objects[key])
}

func (b *bucket) backend() string {
	return `terraform {
  backend "s3" {
    bucket                      = "states"
    key                         = "app.tfstate"
    region                      = "eu-west-1"
    use_lockfile                = true
    use_path_style              = true
    skip_credentials_validation = true
    skip_requesting_account_id  = true
    skip_metadata_api_check     = true
    skip_s3_checksum            = true
    endpoints = {
      s3 = "` + b.URL + `"
    }
  }
}
`
}

var keysOfNobody = []string{"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"}

// slow is a resource that is there a while after its "started" file.
func slow(w world, seconds string) string {
	return `
resource "terraform_data" "slow" {
  provisioner "local-exec" {
    command = "echo yes > ` + filepath.Join(w.dir, "started") + `; sleep ` + seconds + `; echo yes > ` + filepath.Join(w.dir, "done") + `"
  }
}
resource "terraform_data" "after" {
  input = terraform_data.slow.id
}
`
}

func newSlowRig(t *testing.T, backend, seconds string) *rig {
	t.Helper()
	st := newRig(t, "")
	st.s.Env = keysOfNobody
	st.w.put("stack/main.tf", backend+slow(st.w, seconds))
	st.planned()
	return st
}

func (st *rig) started() { wait(st.t, filepath.Join(st.w.dir, "started")) }

// resources is how many the state has.
func (st *rig) resources() int {
	st.t.Helper()
	data, err := st.tf.StatePull(context.Background(), st.s)
	if err != nil {
		st.t.Fatal(err)
	}
	var state struct{ Resources []json.RawMessage }
	if len(data) > 0 {
		if err := json.Unmarshal(data, &state); err != nil {
			st.t.Fatal(err)
		}
	}
	return len(state.Resources)
}

// There is no apply without a saved plan, and none that could be taken for
// something else.
func TestApplyRefuses(t *testing.T) {
	ctx := context.Background()
	st := newRig(t, twoThings)
	st.planned()
	st.w.put("garbage", "PK no zip")
	for want, f := range map[string]func(*ApplyOptions){
		`saved plan ""`:              func(o *ApplyOptions) { o.Plan = "" },
		`saved plan "-auto-approve"`: func(o *ApplyOptions) { o.Plan = "-auto-approve" },
		"is no saved plan":           func(o *ApplyOptions) { o.Plan = filepath.Join(st.w.dir, "garbage") },
		"no such file":               func(o *ApplyOptions) { o.Plan = filepath.Join(st.w.dir, "gone") },
		`output "raw"`:               func(o *ApplyOptions) { o.Raw = "raw" },
		"living apply":               func(o *ApplyOptions) { o.Alive = "" },
		"file exists":                func(o *ApplyOptions) { o.Raw = filepath.Join(st.w.dir, "garbage") },
	} {
		o := st.options()
		f(&o)
		if err := st.tf.ApplyPlan(ctx, st.s, o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", want, err)
		}
	}
	ctx, cancel := context.WithCancel(ctx)
	cancel()
	if err := st.tf.ApplyPlan(ctx, st.s, st.options()); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if n := st.resources(); n != 0 {
		t.Errorf("%d resources", n)
	}
}

// terrier is killed in the middle of an apply: terraform completes, and a
// later terrier can tell.
func TestKilledTerrier(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	st := newSlowRig(t, b.backend(), "1")
	cmd := st.terrier()
	st.started()
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	o := st.options()
	pid, running, err := Running(o.Alive)
	if err != nil || !running || !alive(pid) {
		t.Fatalf("%d %v %v", pid, running, err)
	}
	// A second apply is not begun beside it.
	second := o
	second.Raw += "2"
	err = st.tf.ApplyPlan(context.Background(), st.s, second)
	if still := (*RunningError)(nil); !errors.As(err, &still) || still.PID != pid {
		t.Errorf("%v", err)
	}
	if _, err := LastLife(o.Alive, o.Raw); err == nil {
		t.Error("the life of one that lives")
	}
	if m := mode(t, o.Raw); m != 0o600 {
		t.Errorf("raw is %v", m)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	if err := WaitAlive(ctx, o.Alive); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v", err)
	}
	if err := WaitAlive(context.Background(), o.Alive); err != nil {
		t.Fatal(err)
	}
	wait(t, filepath.Join(st.w.dir, "done"))
	if n := st.resources(); n != 2 {
		t.Errorf("%d resources", n)
	}
	if lock := b.get("app.tfstate.tflock"); lock != "" {
		t.Errorf("locked: %s", lock)
	}
	if _, running, err := Running(o.Alive); err != nil || running {
		t.Errorf("%v %v", running, err)
	}
}

// Both are killed. The lock that is left is ours, and only ours is released.
func TestKilledBoth(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBucket(t)
	st := newSlowRig(t, b.backend(), "1")
	cmd := st.terrier()
	st.started()
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
	o := st.options()
	pid, running, err := Running(o.Alive)
	if err != nil || !running || pid == 0 {
		t.Fatal(pid, running, err)
	}
	terraform, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := terraform.Kill(); err != nil {
		t.Fatal(err)
	}
	// The provisioner goes on to its end, and is waited for.
	if err := WaitAlive(ctx, o.Alive); err != nil {
		t.Fatal(err)
	}
	wait(t, filepath.Join(st.w.dir, "done"))
	life, err := LastLife(o.Alive, o.Raw)
	if err != nil || life.Who != whoami() || life.Start.IsZero() || life.Locked.Before(life.Start) {
		t.Fatalf("%+v %v", life, err)
	}
	os.Remove(o.Raw)
	err = st.tf.ApplyPlan(ctx, st.s, o)
	lock := (*LockError)(nil)
	if !errors.As(err, &lock) || lock.Who != whoami() || lock.Operation != "OperationTypeApply" || lock.Created.Before(life.Start) || lock.Path != "states/app.tfstate" {
		t.Fatalf("%+v %v", lock, err)
	}
	for name, f := range map[string]func(*LockError, *Life){
		"another user":    func(l *LockError, _ *Life) { l.Who = "kim@" + l.Who },
		"another command": func(l *LockError, _ *Life) { l.Operation = "OperationTypePlan" },
		"before":          func(l *LockError, _ *Life) { l.Created = life.Start.Add(-time.Nanosecond) },
		"after":           func(l *LockError, _ *Life) { l.Created = life.Locked.Add(time.Nanosecond) },
		"no time":         func(l *LockError, _ *Life) { l.Created = time.Time{} },
		"no id":           func(l *LockError, _ *Life) { l.ID = "" },
		"never had it":    func(_ *LockError, l *Life) { l.Locked = time.Time{} },
		"nobody":          func(k *LockError, l *Life) { k.Who, l.Who = "", "" },
	} {
		l, k := *lock, life
		f(&l, &k)
		if err := st.tf.ReleaseOwn(ctx, st.s, &l, k); !errors.Is(err, ErrNotOwn) || b.get("app.tfstate.tflock") == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	if err := st.tf.ReleaseOwn(ctx, st.s, lock, life); err != nil {
		t.Fatal(err)
	}
	if held := b.get("app.tfstate.tflock"); held != "" {
		t.Errorf("locked: %s", held)
	}
}

// terraform alone is killed: that is no ordinary failure, and its lock is ours.
func TestKilledTerraform(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBucket(t)
	st := newSlowRig(t, b.backend(), "0.5")
	o := st.options()
	done := make(chan error, 1)
	go func() { done <- st.tf.ApplyPlan(ctx, st.s, o) }()
	st.started()
	pid, _, err := Running(o.Alive)
	if err != nil {
		t.Fatal(err)
	}
	terraform, err := os.FindProcess(pid)
	if err != nil {
		t.Fatal(err)
	}
	_ = terraform.Kill()
	err = <-done
	killed := (*KilledError)(nil)
	if !errors.As(err, &killed) || killed.Signal != os.Kill || killed.Life.Locked.IsZero() || !strings.Contains(err.Error(), "not known") {
		t.Fatalf("%+v %v", killed, err)
	}
	if err := WaitAlive(ctx, o.Alive); err != nil {
		t.Fatal(err)
	}
	err = st.tf.ApplyPlan(ctx, st.s, o)
	lock := (*LockError)(nil)
	if !errors.As(err, &lock) {
		t.Fatal(err)
	}
	if err := st.tf.ReleaseOwn(ctx, st.s, lock, killed.Life); err != nil {
		t.Fatal(err)
	}
	// Nothing of it was saved, and the plan is as good as it was.
	os.Remove(filepath.Join(st.w.dir, "started"))
	if err := st.tf.ApplyPlan(ctx, st.s, o); err != nil {
		t.Fatal(err)
	}
	if n := st.resources(); n != 2 {
		t.Errorf("%d resources", n)
	}
}

// Once: terraform saves what there is and releases the lock, however long
// that takes.
func TestInterruptedOnce(t *testing.T) {
	t.Parallel()
	b := newBucket(t)
	st := newSlowRig(t, b.backend(), "60")
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- st.tf.ApplyPlan(ctx, st.s, st.options()) }()
	st.started()
	cancel()
	err := <-done
	failed := (*Error)(nil)
	if !errors.Is(err, context.Canceled) || !errors.As(err, &failed) {
		t.Errorf("%v", err)
	}
	if lock := b.get("app.tfstate.tflock"); lock != "" {
		t.Errorf("locked: %s", lock)
	}
	if n := st.resources(); n != 1 { // slow, tainted
		t.Errorf("%d resources", n)
	}
	if !strings.Contains(st.output(), "Interrupt received.") {
		t.Errorf("%s", st.output())
	}
	if !st.planned() {
		t.Error("nothing is left to do")
	}
}

// Twice: it is told again. A third interrupt ends one that does not listen,
// with all that it started.
func TestInterruptedTwice(t *testing.T) {
	t.Parallel()
	st := newRig(t, twoThings)
	st.planned()
	o := st.options()
	second := make(chan struct{}, 2)
	o.Second = second
	done := make(chan error, 1)
	said := func(name string) string { return wait(t, filepath.Join(st.w.dir, "fake.d", name)) }

	fake := st.w.fake(`n=0
trap 'n=$((n+1)); echo $n >"$0.d/int$n"; [ $n -lt 2 ] || exit 1' INT
echo yes >"$0.d/ready"
while :; do sleep 0.05; done`)
	ctx, cancel := context.WithCancel(context.Background())
	go func() { done <- fake.ApplyPlan(ctx, st.s, o) }()
	said("ready")
	cancel()
	said("int1") // two signals at one time are one
	second <- struct{}{}
	err := <-done
	if failed := (*Error)(nil); !errors.Is(err, context.Canceled) || !errors.As(err, &failed) || said("int2") != "2" {
		t.Errorf("%v", err)
	}

	fake = st.w.fake(`trap '' INT
sleep 600 &
echo $! >"$0.d/child"
while :; do sleep 0.05; done`)
	ctx, cancel = context.WithCancel(context.Background())
	go func() { done <- fake.ApplyPlan(ctx, st.s, o) }()
	said("child")
	cancel()
	second <- struct{}{}
	second <- struct{}{}
	err = <-done
	if killed := (*KilledError)(nil); !errors.As(err, &killed) || !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if err := WaitAlive(context.Background(), o.Alive); err != nil {
		t.Fatal(err)
	}
}

// A timeout interrupts, waits for its grace, and kills.
func TestApplyTimeout(t *testing.T) {
	t.Parallel()
	st := newRig(t, twoThings)
	st.planned()
	st.s.Timeout = 100 * time.Millisecond
	o := st.options()
	o.Grace = 300 * time.Millisecond
	late := (*TimeoutError)(nil)
	err := st.w.fake(`trap 'echo stopping; exit 1' INT; while :; do sleep 0.05; done`).ApplyPlan(context.Background(), st.s, o)
	failed := (*Error)(nil)
	if !errors.As(err, &late) || !errors.As(err, &failed) || !strings.Contains(err.Error(), "longer than 100ms") || !strings.Contains(st.output(), "stopping") {
		t.Errorf("%v", err)
	}
	err = st.w.fake(`trap '' INT; while :; do sleep 0.05; done`).ApplyPlan(context.Background(), st.s, o)
	killed := (*KilledError)(nil)
	if !errors.As(err, &late) || !errors.As(err, &killed) {
		t.Errorf("%v", err)
	}
}

// Megabytes of output neither fill the disk nor the memory, and the last line
// comes through.
func TestApplyMegabytes(t *testing.T) {
	st := newRig(t, twoThings)
	st.planned()
	o := st.options()
	most, lines := int64(0), 0
	st.s.Line = func(string) {
		if lines++; lines%10000 == 0 {
			most = max(most, blocks(o.Raw))
		}
	}
	err := st.w.fake(`i=0; while [ $i -lt 60 ]; do head -c 500000 /dev/zero | tr '\0' 'x' | fold -w 100; i=$((i+1)); sleep 0.01; done; echo; echo 'Error: the end'; exit 1`).ApplyPlan(context.Background(), st.s, o)
	if err == nil || !strings.HasSuffix(err.Error(), "Error: the end") {
		t.Errorf("%v", err)
	}
	if lines < 299900 || most > 16<<20 {
		t.Errorf("%d lines, %d MB on disk", lines, most>>20)
	}
}

// A state that cannot be saved is kept, for its owner alone, and pushed later.
func TestErroredState(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	srv := newStateServer(t)
	st := newRig(t, srv.backend()+twoThings)
	st.planned()
	srv.set(func() { srv.fail = 500 })
	err := st.tf.ApplyPlan(ctx, st.s, st.options())
	errored := (*ErroredStateError)(nil)
	if !errors.As(err, &errored) || errored.Path != filepath.Join(st.s.Dir, "errored.tfstate") || !errors.Is(err, ErrUnreachable) {
		t.Fatalf("%+v %v", errored, err)
	}
	if m := mode(t, errored.Path); m != 0o600 {
		t.Errorf("it is %v", m)
	}
	srv.set(func() { srv.fail = 0 })
	if err := st.tf.StatePush(ctx, st.s, errored.Path, time.Second); err != nil {
		t.Fatal(err)
	}
	if n := st.resources(); n != 1 {
		t.Errorf("%d resources", n)
	}
	// One of before is not taken for a new one.
	if err := st.tf.ApplyPlan(ctx, st.s, st.options()); !errors.Is(err, ErrStalePlan) || errors.As(err, &errored) {
		t.Errorf("%v", err)
	}
}

// Where terraform can save the state nowhere it prints it. It is kept, and not
// told.
func TestPrintedState(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	srv := newStateServer(t)
	st := newRig(t, srv.backend()+`
resource "terraform_data" "a" {
  input = "planted-secret"
}
`)
	st.planned()
	st.told = nil                              // the plan tells it, and may: it is not sensitive
	st.w.put("stack/errored.tfstate/full", "") // no file can be made there
	srv.set(func() { srv.fail = 500 })
	err := st.tf.ApplyPlan(ctx, st.s, st.options())
	errored := (*ErroredStateError)(nil)
	if !errors.As(err, &errored) || errored.Path != st.options().Raw+".errored.tfstate" {
		t.Fatalf("%+v %v\n%s", errored, err, st.output())
	}
	if m := mode(t, errored.Path); m != 0o600 {
		t.Errorf("it is %v", m)
	}
	if strings.Contains(st.output(), "planted-secret") || strings.Contains(err.Error(), "planted-secret") {
		t.Errorf("the state is told: %v\n%s", err, st.output())
	}
	if !strings.Contains(st.output(), "Failed to persist state to backend") {
		t.Errorf("what comes after it is not told:\n%s", st.output())
	}
	if _, err := os.Stat(st.options().Raw); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("%v", err)
	}
	srv.set(func() { srv.fail = 0 })
	if err := st.tf.StatePush(ctx, st.s, errored.Path, time.Second); err != nil {
		t.Fatal(err)
	}
	if n := st.resources(); n != 1 {
		t.Errorf("%d resources", n)
	}
}

// A workspace of the s3 backend that does not exist is made by the first that
// opens it. A role that may only read is told what is missing.
func TestNewWorkspaceS3(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	b := newBucket(t)
	st := newRig(t, b.backend()+twoThings)
	st.s.Env = keysOfNobody
	st.s.Workspace = "qa"
	b.mu.Lock()
	b.refuse = true
	b.mu.Unlock()
	st.init()
	_, err := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: st.plan()})
	if !errors.Is(err, ErrDenied) || !errors.Is(err, ErrNoWorkspace) || errors.As(err, new(*LockError)) {
		t.Fatalf("%v", err)
	}
	b.mu.Lock()
	b.refuse = false
	b.mu.Unlock()
	if err := st.tf.EnsureWorkspace(ctx, st.s); err != nil {
		t.Fatal(err)
	}
	if b.get("env:/qa/app.tfstate") == "" {
		t.Error("it is not there")
	}
	// Now it can be planned without a write, beside a held lock as well.
	b.mu.Lock()
	b.refuse = true
	b.mu.Unlock()
	if changes, err := st.tf.PlanTo(ctx, st.s, PlanOptions{Out: st.plan()}); err != nil || !changes {
		t.Fatal(err)
	}
	if err := st.tf.ApplyPlan(ctx, st.s, st.options()); !errors.Is(err, ErrDenied) || errors.As(err, new(*LockError)) {
		t.Errorf("%v", err)
	}
	b.mu.Lock()
	b.refuse = false
	b.mu.Unlock()
	if err := st.tf.ApplyPlan(ctx, st.s, st.options()); err != nil {
		t.Fatal(err)
	}
	if n := st.resources(); n != 1 {
		t.Errorf("%d resources", n)
	}
}
