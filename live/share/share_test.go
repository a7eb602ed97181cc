package share

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"filippo.io/age"
	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/terrier-iac/terrier/live/runs"
	"github.com/terrier-iac/terrier/live/store"
)

var now = time.Date(2026, 11, 24, 14, 59, 53, 0, time.UTC)

const secret = "hunter2-in-the-plan"

func fatal(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// A bucket is an S3 server of our own, and what it was asked.
type bucket struct {
	mem  *s3mem.Backend
	mu   sync.Mutex
	puts []*http.Request
	fail func(r *http.Request) int // a status in place of an answer, 0 for none
}

func (b *bucket) asked() []*http.Request {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.puts
	b.puts = nil
	return out
}

// objects are the bytes of all objects, by key.
func (b *bucket) objects(t *testing.T) map[string][]byte {
	t.Helper()
	list, err := b.mem.ListBucket("state", nil, gofakes3.ListBucketPage{})
	fatal(t, err)
	out := map[string][]byte{}
	for _, c := range list.Contents {
		o, err := b.mem.GetObject("state", c.Key, nil)
		fatal(t, err)
		data, err := io.ReadAll(o.Contents)
		fatal(t, err)
		out[c.Key] = data
	}
	return out
}

func (b *bucket) set(t *testing.T, key string, data []byte) {
	t.Helper()
	_, err := b.mem.DeleteObject("state", key) // with its checksum
	fatal(t, err)
	_, err = b.mem.PutObject("state", key, map[string]string{}, bytes.NewReader(data), int64(len(data)), nil)
	fatal(t, err)
}

func serve(t *testing.T) *bucket {
	b := &bucket{mem: s3mem.New()}
	fatal(t, b.mem.CreateBucket("state"))
	fake := gofakes3.New(b.mem).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b.mu.Lock()
		if r.Method == http.MethodPut {
			b.puts = append(b.puts, r.Clone(context.Background()))
		}
		fail := 0
		if b.fail != nil {
			fail = b.fail(r)
		}
		b.mu.Unlock()
		if fail != 0 {
			w.WriteHeader(fail)
			return
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	for k, v := range map[string]string{
		"AWS_ENDPOINT_URL_S3": server.URL, "AWS_ACCESS_KEY_ID": "AKIAEXAMPLE", "AWS_SECRET_ACCESS_KEY": "s3cr3t", "AWS_REGION": "eu-central-1",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull, "AWS_EC2_METADATA_DISABLED": "true", "AWS_PROFILE": "",
	} {
		t.Setenv(k, v)
	}
	return b
}

func open(t *testing.T, c Config) *Share {
	t.Helper()
	c.Bucket, c.Prefix = "state", "team/terrier"
	s, err := Open(context.Background(), c)
	fatal(t, err)
	return s
}

func machine(t *testing.T) *store.Store {
	t.Helper()
	s, err := store.Open(t.TempDir(), []byte(strings.Repeat("k", store.MinKey)))
	fatal(t, err)
	return s
}

// planned makes a run with one plan.
func planned(t *testing.T, s *store.Store, at time.Time) *store.Run {
	t.Helper()
	r := &store.Run{By: "ada", Stacks: []*store.Stack{
		{Name: "live/prod/net", Path: "live/prod/net", Environment: "prod", Status: store.Changes, Fingerprint: "f1"},
		{Name: "plan.json", Path: "plan.json", Status: store.Deferred},
	}}
	fatal(t, s.Create(r, at))
	plan(t, s, r, secret)
	return r
}

func plan(t *testing.T, s *store.Store, r *store.Run, data string) {
	t.Helper()
	name, err := s.TempPlan(r.ID, "live/prod/net")
	fatal(t, err)
	fatal(t, os.WriteFile(name, []byte(data), 0o600))
	r.Stack("live/prod/net").Digest, err = s.AdoptPlan(r.ID, "live/prod/net")
	fatal(t, err)
	fatal(t, s.WriteFile(r.ID, "live/prod/net", store.PlanJSON, []byte(`{"secret":"`+data+`"}`)))
	fatal(t, s.WriteFile(r.ID, "plan.json", store.PlanText, []byte("deferred")))
	fatal(t, s.Save(r))
}

func keys(t *testing.T) (recipient, identity string) {
	t.Helper()
	id, err := age.GenerateX25519Identity()
	fatal(t, err)
	return id.Recipient().String(), id.String()
}

// A run goes from the machine that planned it to the one that applies it and
// back; what is in the bucket nobody can read.
func TestFolders(t *testing.T) {
	ctx := context.Background()
	b := serve(t)
	recipient, identity := keys(t)
	share := open(t, Config{Recipients: []string{recipient}, Identity: identity})
	one, two := machine(t), machine(t)
	r := planned(t, one, now)
	fatal(t, share.Put(ctx, one, r.ID))
	puts := b.asked()
	if len(puts) != 5 { // run.json, plan.tfplan, plan.json, plan.txt, and their list
		t.Errorf("%d objects were put", len(puts))
	}
	for _, p := range puts {
		if p.Header.Get("If-None-Match") != "*" {
			t.Errorf("%s may overwrite", p.URL)
		}
		if p.Header.Get("X-Amz-Server-Side-Encryption") != "" {
			t.Errorf("%s: %v", p.URL, p.Header)
		}
	}
	objects := b.objects(t)
	if len(objects) != 5 {
		t.Errorf("%d objects", len(objects))
	}
	for key, data := range objects {
		if !bytes.HasPrefix(data, []byte(ageHeader)) || bytes.Contains(data, []byte("prod")) || strings.Contains(key, "prod") || !strings.HasPrefix(key, "team/terrier/runs/"+r.ID+"/") {
			t.Errorf("%s: %.100q", key, data)
		}
	}
	fatal(t, share.Put(ctx, one, r.ID)) // again
	if again := b.asked(); len(again) != 0 {
		t.Errorf("%d objects were put again", len(again))
	}
	if list, err := share.Runs(ctx); err != nil || fmt.Sprint(list) != fmt.Sprint([]string{r.ID}) {
		t.Error(list, err)
	}

	got, err := share.Get(ctx, two, store.Latest)
	fatal(t, err)
	taken, err := two.Take(got, "live/prod/net")
	fatal(t, err)
	if data, _ := os.ReadFile(taken.Path); string(data) != secret {
		t.Errorf("%q", data)
	}
	fatal(t, taken.Close())
	data, err := two.ReadFile(r.ID, "plan.json", store.PlanText)
	if err != nil || string(data) != "deferred" {
		t.Errorf("%q %v", data, err)
	}
	dir, err := two.Dir(r.ID, ".")
	fatal(t, err)
	fatal(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		fatal(t, err)
		info, err := d.Info()
		fatal(t, err)
		if want := map[bool]fs.FileMode{true: 0o700, false: 0o600}[d.IsDir()]; info.Mode().Perm() != want {
			t.Errorf("%s: %v", name, info.Mode())
		}
		return nil
	}))
	if left, _ := filepath.Glob(filepath.Join(filepath.Dir(dir), ".*")); len(left) > 0 {
		t.Error(left)
	}

	// Approved and applied there, and back.
	fatal(t, two.Approve(got, "live/prod/net", "bob", now))
	fatal(t, two.Record(r.ID, store.Step{Stack: "live/prod/net", State: store.StateApplied, Time: now}))
	fatal(t, share.Put(ctx, two, r.ID))
	if n := len(b.asked()); n != 3 { // two new files, and the list
		t.Errorf("%d objects were put", n)
	}
	back, err := share.Get(ctx, one, r.ID)
	fatal(t, err)
	if list, err := one.Approvals(back, "live/prod/net"); err != nil || len(list) != 1 || list[0].By != "bob" {
		t.Error(list, err)
	}
	if step, err := one.State(r.ID, "live/prod/net"); err != nil || step.State != store.StateApplied {
		t.Error(step, err)
	}
	if _, err := share.Get(ctx, one, r.ID); err != nil { // again
		t.Error(err)
	}

	// Changed on both: neither is lost.
	fatal(t, one.Approve(back, "live/prod/net", "carol", now))
	if _, err := share.Get(ctx, one, r.ID); !errors.Is(err, store.ErrUnshared) { // nobody else has
		t.Error(err)
	}
	fatal(t, two.Approve(got, "live/prod/net", "dave", now))
	fatal(t, share.Put(ctx, one, r.ID))
	if err := share.Put(ctx, two, r.ID); !errors.Is(err, store.ErrConflict) {
		t.Error(err)
	}
	if _, err := share.Get(ctx, two, r.ID); !errors.Is(err, store.ErrConflict) || errors.Is(err, store.ErrUnshared) {
		t.Error(err)
	}
	if list, err := two.Approvals(got, "live/prod/net"); err != nil || len(list) != 2 {
		t.Error(list, err)
	}
	// Being applied here: it is not taken away.
	three := machine(t)
	_, err = share.Get(ctx, three, r.ID)
	fatal(t, err)
	fatal(t, one.Approve(back, "live/prod/net", "erin", now))
	fatal(t, share.Put(ctx, one, r.ID))
	unlock, err := three.Lock(r.ID)
	fatal(t, err)
	if _, err := share.Get(ctx, three, r.ID); !errors.Is(err, store.ErrLocked) {
		t.Error(err)
	}
	unlock()
	if _, err := share.Get(ctx, three, r.ID); err != nil {
		t.Error(err)
	}
}

func TestKMS(t *testing.T) {
	ctx := context.Background()
	b := serve(t)
	const id = "arn:aws:kms:eu-central-1:111111111111:key/1234"
	share := open(t, Config{KMSKeyID: id})
	one, two := machine(t), machine(t)
	r := planned(t, one, now)
	fatal(t, share.Put(ctx, one, r.ID))
	fatal(t, share.Append(ctx, record(0)))
	puts := b.asked()
	if len(puts) != 6 {
		t.Errorf("%d objects were put", len(puts))
	}
	for _, p := range puts {
		if p.Header.Get("X-Amz-Server-Side-Encryption") != "aws:kms" || p.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") != id || p.Header.Get("If-None-Match") != "*" {
			t.Errorf("%s: %v", p.URL, p.Header)
		}
	}
	if _, err := share.Get(ctx, two, r.ID); err != nil {
		t.Error(err)
	}
}

func TestRefused(t *testing.T) {
	ctx := context.Background()
	b := serve(t)
	recipient, identity := keys(t)
	_, stranger := keys(t)
	one := machine(t)
	r := planned(t, one, now)
	if err := open(t, Config{}).Put(ctx, one, r.ID); err == nil || !strings.Contains(err.Error(), "not shared unencrypted") {
		t.Error(err)
	}
	share := open(t, Config{Recipients: []string{recipient}, Identity: identity})
	own, err := store.Open(t.TempDir(), nil)
	fatal(t, err)
	mine := planned(t, own, now)
	if err := share.Put(ctx, own, mine.ID); err == nil || !strings.Contains(err.Error(), "TERRIER_RUNS_KEY") {
		t.Error(err)
	}
	if len(b.objects(t)) != 0 {
		t.Error("something was put")
	}
	fatal(t, share.Put(ctx, one, r.ID))
	if _, err := share.Get(ctx, own, r.ID); err == nil || !strings.Contains(err.Error(), "TERRIER_RUNS_KEY") {
		t.Error(err)
	}
	other, err := store.Open(t.TempDir(), []byte(strings.Repeat("j", store.MinKey)))
	fatal(t, err)
	if _, err := share.Get(ctx, other, r.ID); !errors.Is(err, store.ErrForeign) {
		t.Error(err)
	}
	for _, id := range []string{"", "..", "../x", "20261124T145953Z-1A2B3C"} {
		if _, err := share.Get(ctx, machine(t), id); err == nil {
			t.Errorf("%q", id)
		}
	}
	if _, err := share.Get(ctx, machine(t), "20261124T145953Z-000000"); !errors.Is(err, store.ErrNoRun) {
		t.Error(err)
	}
	file := filepath.Join(t.TempDir(), "key.txt")
	fatal(t, os.WriteFile(file, []byte("# created\n"+identity+"\n"), 0o600))
	for identity, says := range map[string]string{
		"": "there is no key", stranger: "one of the recipients", "AGE-SECRET-KEY-1NONSENSE": "holds no key", file + "x": "cannot be opened", os.DevNull: "holds no key", file: "",
	} {
		to := machine(t)
		_, err := open(t, Config{Recipients: []string{recipient}, Identity: identity}).Get(ctx, to, r.ID)
		if (err == nil) != (says == "") || err != nil && (!strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "AGE-SECRET-KEY-1N") || strings.Contains(err.Error(), stranger)) {
			t.Errorf("%q: %v", says, err)
		}
		if list, err := to.List(); err != nil || len(list) != 0 && says != "" {
			t.Errorf("%q: %v %v", says, list, err)
		}
	}
	for _, c := range []Config{{Bucket: "../x"}, {Bucket: ""}, {Bucket: "state", Prefix: "/a"}, {Bucket: "state", Prefix: "a/../b"}, {Bucket: "state", KMSKeyID: "a\r\nb"}, {Bucket: "state", Recipients: []string{"age1x"}}, {Bucket: "state", Recipients: []string{""}}, {Bucket: "state", Recipients: []string{identity}}, {Bucket: "state", Recipients: []string{recipient + "\n" + recipient}}} {
		if _, err := Open(ctx, c); err == nil || strings.Contains(err.Error(), identity) {
			t.Errorf("%+v: %v", c, err)
		}
	}
	t.Setenv("AWS_REGION", "")
	if _, err := Open(ctx, Config{Bucket: "state"}); err == nil || !strings.Contains(err.Error(), "region") {
		t.Error(err)
	}
}

// Whoever can write to the bucket cannot make a run of it.
func TestSpoiled(t *testing.T) {
	ctx := context.Background()
	b := serve(t)
	share := open(t, Config{KMSKeyID: "k"}) // so that the bytes can be edited here
	one := machine(t)
	r := planned(t, one, now)
	fatal(t, share.Put(ctx, one, r.ID))
	second := planned(t, one, now.Add(time.Hour))
	fatal(t, share.Put(ctx, one, second.ID))
	objects := b.objects(t)
	index := "team/terrier/runs/" + r.ID + "/index-000001.json"
	for key, data := range objects {
		if !strings.Contains(key, r.ID) {
			continue
		}
		for name, bad := range map[string][]byte{"a bit": flip(data), "less": data[:len(data)-1], "more": append(data[:len(data):len(data)], '\n'), "empty": nil} {
			b.set(t, key, bad)
			to := machine(t)
			if got, err := share.Get(ctx, to, r.ID); err == nil {
				t.Errorf("%s, %s: %+v", key, name, got)
			}
			if list, err := to.List(); err != nil || len(list) != 0 {
				t.Errorf("%s, %s: %v %v", key, name, list, err)
			}
			dir, err := to.Dir(second.ID, "x")
			if err == nil {
				t.Error(dir)
			}
		}
		b.set(t, key, data)
	}
	for name, bad := range map[string][]byte{"another run's": objects["team/terrier/runs/"+second.ID+"/index-000001.json"], "none": []byte("{}")} {
		b.set(t, index, bad)
		if _, err := share.Get(ctx, machine(t), r.ID); !errors.Is(err, store.ErrForeign) {
			t.Errorf("%s: %v", name, err)
		}
	}
	b.set(t, index, objects[index])
	b.set(t, strings.Replace(index, "1.json", "9.json", 1), objects[index])
	if _, err := share.Get(ctx, machine(t), r.ID); !errors.Is(err, store.ErrForeign) {
		t.Errorf("an old list of files as a new one: %v", err)
	}
}

func flip(data []byte) []byte {
	out := bytes.Clone(data)
	out[len(out)/2] ^= 1
	return out
}

// A Put that ends anywhere is completed by the next, and nobody gets a half.
func TestInterrupted(t *testing.T) {
	ctx := context.Background()
	for after := range 6 {
		b := serve(t)
		recipient, identity := keys(t)
		share := open(t, Config{Recipients: []string{recipient}, Identity: identity})
		one := machine(t)
		r := planned(t, one, now)
		n := 0
		b.fail = func(r *http.Request) int {
			if r.Method == http.MethodPut {
				if n++; n > after {
					return http.StatusForbidden
				}
			}
			return 0
		}
		err := share.Put(ctx, one, r.ID)
		if (err == nil) != (after >= 5) {
			t.Errorf("after %d: %v", after, err)
		}
		if err != nil && !strings.Contains(err.Error(), "s3:PutObject") {
			t.Error(err)
		}
		if _, err := share.Get(ctx, machine(t), r.ID); (err == nil) != (after >= 5) {
			t.Errorf("after %d: %v", after, err)
		}
		b.fail = nil
		fatal(t, share.Put(ctx, one, r.ID))
		if _, err := share.Get(ctx, machine(t), r.ID); err != nil {
			t.Errorf("after %d: %v", after, err)
		}
	}
}

// The answer to the last request is lost: the next Put knows that it arrived.
func TestAnswerLost(t *testing.T) {
	ctx := context.Background()
	serve(t)
	share := open(t, Config{KMSKeyID: "k"})
	one := machine(t)
	r := planned(t, one, now)
	fatal(t, share.Put(ctx, one, r.ID))
	dir, err := one.Dir(r.ID, ".")
	fatal(t, err)
	fatal(t, os.Remove(filepath.Join(dir, "share.json")))
	fatal(t, share.Put(ctx, one, r.ID))
	if b, err := one.Shared(r.ID); err != nil || b == nil || b.Number != 1 {
		t.Error(b, err)
	}
}

func record(minutes int) runs.Record {
	return runs.Record{Run: "20261124T145953Z-1a2b3c", Time: now.Add(time.Duration(minutes) * time.Minute), Action: runs.Apply, Result: runs.Applied, Stack: "live/prod/net", By: fmt.Sprint("ada", minutes)}
}

func TestRecords(t *testing.T) {
	ctx := context.Background()
	b := serve(t)
	share := open(t, Config{})
	if list, damaged, err := share.Records(ctx, 0, nil); err != nil || list != nil || damaged != nil {
		t.Error(list, damaged, err)
	}
	const day = 24 * 60
	times := []int{0, 1, 2, day, 3 * day, 40 * day, 400 * day} // over days, months and years
	for i := range 300 {
		times = append(times, 50*day+i)
	}
	for _, m := range times {
		fatal(t, share.Append(ctx, record(m)))
	}
	fatal(t, share.Append(ctx, record(2))) // the same again
	objects := b.objects(t)
	if len(objects) != len(times) {
		t.Errorf("%d objects, %d records", len(objects), len(times))
	}
	for _, p := range b.asked() {
		if p.Header.Get("If-None-Match") != "*" {
			t.Errorf("%s may overwrite", p.URL)
		}
	}
	list, damaged, err := share.Records(ctx, 0, nil)
	fatal(t, err)
	if len(list) != len(times) || damaged != nil || list[0].By != fmt.Sprint("ada", 400*day) || list[len(list)-1].By != "ada0" {
		t.Errorf("%d %v", len(list), damaged)
	}
	for i := 1; i < len(list); i++ {
		if list[i].Time.After(list[i-1].Time) {
			t.Fatalf("%d is newer", i)
		}
	}
	list, _, err = share.Records(ctx, 5, func(r *runs.Record) bool { return r.By != fmt.Sprint("ada", 400*day) })
	if err != nil || len(list) != 5 || list[0].By != fmt.Sprint("ada", 50*day+299) {
		t.Error(list, err)
	}
	// With those of the file: each once.
	if all := runs.Merge(list, []runs.Record{record(50*day + 299), record(7)}); len(all) != 6 {
		t.Errorf("%d records", len(all))
	}
	var first string
	for key, data := range objects {
		if bytes.Contains(data, []byte(`"ada0"`)) {
			first = key
		}
	}
	b.set(t, "team/terrier/records/2026/11/24/zzz.json", []byte("{}"))
	b.set(t, "team/terrier/records/2026/11/24/copy-of.json", objects[first])
	b.set(t, "team/terrier/records/mine/x", []byte("x"))
	list, damaged, err = share.Records(ctx, 0, nil)
	if err != nil || len(list) != len(times) || len(damaged) != 2 {
		t.Errorf("%d %v %v", len(list), damaged, err)
	}
	b.set(t, "team/terrier/records/2026/11/24/newer.json", []byte(`{"format_version":"2.0"}`))
	if _, _, err := share.Records(ctx, 0, nil); !errors.Is(err, runs.ErrNewer) {
		t.Error(err)
	}
	b.fail = func(*http.Request) int { return http.StatusForbidden }
	if err := share.Append(ctx, record(9)); err == nil || strings.Contains(err.Error(), "s3cr3t") || !strings.Contains(err.Error(), "hint: ") {
		t.Error(err)
	}
	if _, _, err := share.Records(ctx, 0, nil); err == nil {
		t.Error("no records, and no error")
	}
}

// Many who put one run at once: one list of files is the first, and the others
// are told.
func TestRace(t *testing.T) {
	ctx := context.Background()
	b := serve(t)
	share := open(t, Config{KMSKeyID: "k"})
	one := machine(t)
	r := planned(t, one, now)
	fatal(t, share.Put(ctx, one, r.ID))
	var wg sync.WaitGroup
	var mu sync.Mutex
	won, lost := 0, 0
	for i := range 6 {
		m := machine(t)
		got, err := share.Get(ctx, m, r.ID)
		fatal(t, err)
		fatal(t, m.Approve(got, "live/prod/net", fmt.Sprint("p", i), now))
		wg.Go(func() {
			err := share.Put(ctx, m, r.ID)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case err == nil:
				won++
			case errors.Is(err, store.ErrConflict):
				lost++
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	lists := 0
	for key := range b.objects(t) {
		if strings.Contains(key, "/index-") {
			lists++
		}
	}
	if won+lost != 6 || won != lists-1 || won < 1 {
		t.Errorf("%d won, %d lost, %d lists of files", won, lost, lists)
	}
}
