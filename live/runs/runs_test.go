package runs

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

var noon = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

func record(hours int, action Action, result Result, ref string) Record {
	return Record{
		Run: "r1", Time: noon.Add(time.Duration(hours) * time.Hour), Action: action, Stack: "live/qa/net", Environment: "qa", Result: result,
		Modules: []Module{{Source: "git::https://git.example.com/vpc.git", Ref: ref}},
	}
}

func TestAppendAndRead(t *testing.T) {
	dir := t.TempDir()
	one := record(0, Plan, Changes, "v1.0.0")
	one.Time = one.Time.Add(500 * time.Millisecond).In(time.FixedZone("", 3600))
	one.Modules = append(one.Modules, Module{Source: "a/b/c", Ref: "1.0.0"}, one.Modules[0])
	two := record(1, Apply, Applied, "v1.0.0")
	for _, r := range []Record{one, two} {
		if err := Append(dir, r); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Read(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	one.Time, one.FormatVersion, two.FormatVersion = noon, FormatVersion, FormatVersion
	one.Modules = []Module{{Source: "a/b/c", Ref: "1.0.0"}, one.Modules[0]}
	if d := cmp.Diff([]Record{one, two}, f.Records); d != "" || f.Damaged != nil {
		t.Errorf("(-want +got):\n%s", d)
	}
	f, err = Read(dir, func(r *Record) bool { return r.Action == Apply })
	if err != nil || len(f.Records) != 1 || f.Records[0].Result != Applied {
		t.Errorf("%+v, %v", f, err)
	}
	info, err := os.Stat(filepath.Join(dir, Name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
}

// The format is that of README.md, to the byte: others read it.
func TestLine(t *testing.T) {
	r := record(0, Apply, Applied, "v1.0.0")
	r.Account, r.Commit, r.By, r.Modules[0].Commit = "qa", strings.Repeat("a", 40), "ada", strings.Repeat("b", 40)
	data, err := r.line()
	if err != nil {
		t.Fatal(err)
	}
	page, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, want, _ := strings.Cut(string(page), "```json\n")
	want, _, _ = strings.Cut(want, "```")
	if d := cmp.Diff(want, string(data)); d != "" {
		t.Errorf("(-README.md +got):\n%s", d)
	}
}

func TestReadTolerates(t *testing.T) {
	first := record(0, Apply, Applied, "v1.0.0")
	first.By = "ada"
	good, err := first.line()
	if err != nil {
		t.Fatal(err)
	}
	line := string(good)
	for name, test := range map[string]struct {
		text    string
		records int
		damaged []int
	}{
		"nothing":           {"", 0, nil},
		"empty lines":       {"\n\n" + line + "\n", 1, nil},
		"torn":              {line + line[:40], 1, []int{2}},
		"zeroes at the end": {line + strings.Repeat("\x00", 500), 1, []int{2}},
		"zeroes":            {strings.Repeat("\x00", 500) + "\n" + line + "\x00\n" + line, 2, []int{1, 3}},
		"an escaped zero":   {strings.Replace(line, "ada", `a\u0000a`, 1), 0, []int{1}},
		"deep":              {strings.Repeat(`{"a":`, 20000) + "\n" + line, 1, []int{1}},
		"modules no list":   {strings.Replace(line, `"modules":[`, `"modules":{"a":[`, 1) + line, 1, []int{1}},
		"a module no map":   {`{"format_version":"1.0","time":"2026-11-23T12:00:00Z","action":"plan","result":"changes","stack":"a","modules":["x"]}` + "\n" + line, 1, []int{1}},
		"null modules":      {`{"format_version":"1.0","time":"2026-11-23T12:00:00Z","action":"plan","result":"changes","stack":"a","modules":null}`, 1, nil},
		"torn, gone on":     {line[:40] + "\n" + line, 1, []int{1}},
		"no line end":       {strings.TrimSuffix(line, "\n"), 1, nil},
		"unknown fields":    {strings.Replace(line, "{", `{"cost":{"usd":[1]},`, 1), 1, nil},
		"a newer minor":     {strings.Replace(line, `"1.0"`, `"1.7"`, 1), 1, nil},
		"no version":        {strings.Replace(line, `"1.0"`, `""`, 1), 0, []int{1}},
		"not JSON":          {"terrier\n" + line, 1, []int{1}},
		"another type":      {"[1]\n7\nnull\n" + line, 1, []int{1, 2, 3}},
		"control":           {strings.Replace(line, "live/qa", `live/\u001b[2J`, 1), 0, []int{1}},
		"not UTF-8":         {strings.Replace(line, "live/qa", "live/\xff", 1), 0, []int{1}},
		"a short commit":    {strings.Replace(line, `"commit":""`, `"commit":"abcdef0"`, 1), 0, []int{1}},
		"a commit of 40":    {strings.Replace(line, `"commit":""`, `"commit":"`+strings.Repeat("é", 20)+`"`, 1), 0, []int{1}},
		"climbs":            {strings.Replace(line, "live/qa", "../qa", 1), 0, []int{1}},
		"no time":           {strings.Replace(line, "2026-", "x-", 1), 0, []int{1}},
		"a huge line":       {strings.Repeat("x", 3*maxLine) + "\n" + line, 1, []int{1}},
		"a huge line, torn": {line + strings.Repeat("x", 3*maxLine), 1, []int{2}},
	} {
		t.Run(name, func(t *testing.T) {
			f, err := parse(strings.NewReader(test.text), nil)
			if err != nil {
				t.Fatal(err)
			}
			if len(f.Records) != test.records || !slices.Equal(f.Damaged, test.damaged) {
				t.Errorf("%d records, damaged %v", len(f.Records), f.Damaged)
			}
		})
	}
	if _, err := parse(strings.NewReader(`{"format_version":"3.1","run":{"id":7},"modules":7}`), nil); err == nil || !strings.Contains(err.Error(), `"3.1"`) {
		t.Errorf("of another shape: %v", err)
	}
	if _, err := parse(strings.NewReader(line+strings.Replace(line, `"1.0"`, `"2.0"`, 1)), nil); err == nil || !strings.Contains(err.Error(), Name+":2 has format_version \"2.0\"") {
		t.Errorf("got %v", err)
	}
}

func TestAppendRefuses(t *testing.T) {
	dir := t.TempDir()
	bad := record(0, Apply, Applied, "v1")
	bad.By = "a\nb"
	if err := Append(dir, bad); err == nil {
		t.Error("a line break was written")
	}
	bad = record(0, Apply, Applied, strings.Repeat("x", maxLine))
	if err := Append(dir, bad); err == nil {
		t.Error("a huge record was written")
	}
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, ".terrier")); err != nil {
		t.Fatal(err)
	}
	if err := Append(dir, record(0, Apply, Applied, "v1")); err == nil {
		t.Error("a symlink led out")
	}
	if left, _ := os.ReadDir(outside); len(left) > 0 {
		t.Errorf("there is %v", left)
	}
	dir = t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, Name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Append(dir, record(0, Apply, Applied, "v1")); err == nil || !strings.Contains(err.Error(), "no regular file") {
		t.Errorf("got %v", err)
	}
	if _, err := Read(dir, nil); err == nil {
		t.Error("a directory was read")
	}
}

// A line that a crash has torn does not take the next one with it, and
// processes that write at the same time lose none.
func TestAppendBehind(t *testing.T) {
	dir := t.TempDir()
	if err := Append(dir, record(0, Plan, Changes, "v1")); err != nil {
		t.Fatal(err)
	}
	name := filepath.Join(dir, Name)
	data, _ := os.ReadFile(name)
	if err := os.WriteFile(name, data[:len(data)/2], 0o600); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Add(1)
		go func() {
			defer wg.Done()
			if err := Append(dir, record(i, Apply, Applied, fmt.Sprintf("v1.0.%d", i))); err != nil {
				t.Error(err)
			}
		}()
	}
	wg.Wait()
	f, err := Read(dir, nil)
	if err != nil || len(f.Records) != 20 || !slices.Equal(f.Damaged, []int{1}) {
		t.Errorf("%d records, damaged %v, %v", len(f.Records), f.Damaged, err)
	}
}

func TestStand(t *testing.T) {
	for name, test := range map[string]struct {
		records []Record
		want    string // settled, at, since, pending: in hours after noon
	}{
		"none":                  {nil, "- false - -"},
		"applied":               {[]Record{record(1, Apply, Applied, "v1")}, "1 true 1 -"},
		"applied again":         {[]Record{record(1, Apply, Applied, "v1"), record(5, Apply, Applied, "v1")}, "5 true 1 -"},
		"another":               {[]Record{record(1, Apply, Applied, "v0")}, "1 false - -"},
		"back and again":        {[]Record{record(1, Apply, Applied, "v1"), record(2, Apply, Applied, "v0"), record(3, Apply, Applied, "v1")}, "3 true 3 -"},
		"moved on":              {[]Record{record(1, Apply, Applied, "v1"), record(2, Apply, Applied, "v2")}, "2 false - -"},
		"only planned":          {[]Record{record(1, Plan, Changes, "v1")}, "- false - 1"},
		"planned and applied":   {[]Record{record(1, Plan, Changes, "v1"), record(2, Apply, Applied, "v1")}, "2 true 2 -"},
		"planned since":         {[]Record{record(1, Apply, Applied, "v1"), record(2, Plan, Changes, "v1")}, "1 true 1 2"},
		"failed":                {[]Record{record(1, Apply, Applied, "v1"), record(2, Apply, Failed, "v1")}, "1 true 1 2"},
		"a plan without change": {[]Record{record(1, Apply, Applied, "v0"), record(2, Plan, Unchanged, "v1")}, "2 true 2 -"},
		"changes are gone":      {[]Record{record(1, Apply, Applied, "v1"), record(2, Plan, Changes, "v1"), record(3, Plan, Unchanged, "v1")}, "3 true 1 -"},
		"a plan failed":         {[]Record{record(1, Apply, Applied, "v1"), record(2, Plan, Failed, "v1")}, "1 true 1 -"},
		"another result":        {[]Record{record(1, Apply, Applied, "v1"), record(2, Apply, "postponed", "v1")}, "1 true 1 -"},
		"twice":                 {[]Record{record(1, Apply, Applied, "v1"), record(1, Apply, Applied, "v1"), record(1, Apply, Applied, "v1")}, "1 true 1 -"},
		"in one second":         {[]Record{record(1, Plan, Changes, "v1"), record(1, Apply, Applied, "v1")}, "1 true 1 -"},
		"destroyed":             {[]Record{record(1, Apply, Applied, "v1"), record(2, Destroy, Applied, "v1")}, "- false - -"},
		"nothing to destroy":    {[]Record{record(1, Apply, Applied, "v1"), record(2, Destroy, Unchanged, "v1")}, "- false - -"},
		"destroyed in part":     {[]Record{record(1, Apply, Applied, "v1"), record(2, Destroy, Failed, "v1")}, "1 true 1 2"},
		"made again":            {[]Record{record(1, Apply, Applied, "v1"), record(2, Destroy, Applied, "v1"), record(3, Apply, Applied, "v1")}, "3 true 3 -"},
		"another action":        {[]Record{record(1, Apply, Applied, "v1"), record(2, "import", Unchanged, "v0")}, "1 true 1 -"},
		"not in order":          {[]Record{record(3, Apply, Applied, "v1"), record(1, Plan, Changes, "v1")}, "3 true 3 -"},
	} {
		t.Run(name, func(t *testing.T) {
			other := record(9, Apply, Failed, "v1")
			other.Environment = "prod"
			h := HistoryOf(append(test.records, other), func(r *Record) bool { return r.Environment == "qa" })
			s := h.Stand("live/qa/net", func(m []Module) bool { return m[0].Ref == "v1" })
			hour := func(t time.Time) string {
				if t.IsZero() {
					return "-"
				}
				return fmt.Sprint(int(t.Sub(noon).Hours()))
			}
			of := func(r *Record) string {
				if r == nil {
					return "-"
				}
				return hour(r.Time)
			}
			if got := fmt.Sprint(of(s.Settled), " ", s.At, " ", hour(s.Since), " ", of(s.Pending)); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	good, _ := record(0, Apply, Applied, "v1.0.0").line()
	f.Add(good)
	f.Add(append(good[:30:30], append([]byte("\n"), good...)...))
	f.Add([]byte(`{"format_version":"1.0","stack":"a","time":"2026-11-23T12:00:00+25:00","modules":[null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		file, err := parse(bytes.NewReader(data), nil)
		if err != nil {
			return
		}
		// What was read can be written again, and is then read as the same.
		for _, r := range file.Records {
			line, err := r.line()
			if err != nil {
				t.Fatalf("%+v: %v", r, err)
			}
			if bytes.Count(line, []byte("\n")) != 1 {
				t.Fatalf("%q", line)
			}
			again, err := parse(bytes.NewReader(line), nil)
			if err != nil || len(again.Records) != 1 {
				t.Fatalf("%q: %v", line, err)
			}
			if next, err := again.Records[0].line(); err != nil || !bytes.Equal(line, next) {
				t.Fatalf("%q, then %q: %v", line, next, err)
			}
		}
	})
}

// A million lines are a year of a large company: read once, and asked of each of
// hundreds of stacks.
func BenchmarkMillion(b *testing.B) {
	var text bytes.Buffer
	const stacks = 500
	for i := range 1_000_000 {
		fmt.Fprintf(&text, `{"format_version":"1.0","run":"r%d","time":"2026-11-20T10:00:00Z","action":"apply","stack":"live/qa/s%d","environment":"qa","result":"applied","modules":[{"source":"git::https://git.example.com/vpc.git","ref":"v1.0.%d"}]}`+"\n", i/stacks, i%stacks, i%7)
	}
	for b.Loop() {
		f, err := parse(bytes.NewReader(text.Bytes()), nil)
		if err != nil || len(f.Records) != 1_000_000 {
			b.Fatal(err)
		}
		h := HistoryOf(f.Records, func(*Record) bool { return true })
		for i := range stacks {
			if s := h.Stand(fmt.Sprintf("live/qa/s%d", i), func([]Module) bool { return true }); !s.At {
				b.Fatal(s)
			}
		}
	}
}

// What status shows beside: it is read as it was written, it is one line, and
// what a stack stands at does not depend on it.
func TestOptionalFields(t *testing.T) {
	dir := t.TempDir()
	plan, apply, drift := record(0, Plan, Changes, "v1"), record(1, Apply, Applied, "v1"), record(2, Drift, Changes, "v1")
	drift.Workspace, drift.Fingerprint = "blue", "f1"
	drift.Summary = &Summary{Add: 1, Drift: 2}
	drift.ApprovedBy = []string{"bob", "ada"}
	drift.Overrides = []Override{{Guard: "protect", Reason: "r", By: "ada"}, {Guard: "freeze", Reason: "a hotfix", By: "bob"}}
	drift.Error = "Error: no\n\x1b[31m  such\xff\tthing " + strings.Repeat("ü", 1000)
	for _, r := range []Record{plan, apply, drift} {
		if err := Append(dir, r); err != nil {
			t.Fatal(err)
		}
	}
	f, err := Read(dir, nil)
	if err != nil || len(f.Records) != 3 || f.Damaged != nil {
		t.Fatalf("%+v %v", f, err)
	}
	want := drift
	want.FormatVersion, want.ApprovedBy = FormatVersion, []string{"ada", "bob"}
	want.Overrides = []Override{drift.Overrides[1], drift.Overrides[0]}
	want.Error = f.Records[2].Error
	if d := cmp.Diff(want, f.Records[2]); d != "" {
		t.Errorf("(-want +got):\n%s", d)
	}
	if !strings.HasPrefix(want.Error, "Error: no [31m such thing üü") || len(want.Error) > 1010 || !strings.HasSuffix(want.Error, "ü …") {
		t.Errorf("%q", want.Error)
	}
	if drift.ApprovedBy[0] != "bob" || drift.Overrides[0].Guard != "protect" {
		t.Error("Append changed its caller's record")
	}
	s := HistoryOf(f.Records, func(*Record) bool { return true }).Stand("live/qa/net", func([]Module) bool { return true })
	if s.Settled != &f.Records[1] && (s.Settled == nil || s.Settled.Action != Apply) || s.Pending != nil || s.Planned.Action != Plan || s.Done.Action != Apply || s.Drifted.Action != Drift || s.Last != s.Drifted {
		t.Errorf("%+v", s)
	}
	bad := record(0, Apply, Applied, "v1")
	bad.Overrides = []Override{{Guard: "freeze", Reason: "a\nb"}}
	if err := Append(dir, bad); err == nil {
		t.Error("a reason of two lines was written")
	}
}

func TestMerge(t *testing.T) {
	one, two, three := record(0, Plan, Changes, "v1"), record(1, Apply, Applied, "v1"), record(2, Drift, Unchanged, "v1")
	var again []Record
	for _, r := range []Record{three, one} {
		line, err := r.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := Decode(line)
		if err != nil {
			t.Fatal(err)
		}
		again = append(again, *got)
	}
	got := Merge([]Record{two, one}, again)
	if len(got) != 3 || got[0].Action != Plan || got[1].Action != Apply || got[2].Action != Drift {
		t.Errorf("%+v", got)
	}
	for _, bad := range []string{"", "x", "{}", `{"format_version":"2.0"}`, strings.Repeat(" ", 2*maxLine)} {
		if r, err := Decode([]byte(bad)); err == nil {
			t.Errorf("%.20q: %+v", bad, r)
		}
	}
}
