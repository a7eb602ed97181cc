package lint

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/hashicorp/hcl/v2"
)

// found makes findings of "rule file:line subject".
func found(lines ...string) []Finding {
	var out []Finding
	for _, l := range lines {
		f := Finding{Severity: Error}
		if _, err := fmt.Sscanf(l, "%s %s %d %s", &f.Rule, &f.Range.Filename, &f.Range.Start.Line, &f.Subject); err != nil {
			panic(err)
		}
		f.Range.Start.Column, f.Range.End = 1, hcl.Pos{Line: f.Range.Start.Line, Column: 2}
		f.Summary = "Something about " + f.Subject
		out = append(out, f)
	}
	sortFindings(out)
	fingerprint(out)
	return out
}

func TestBaselineSplit(t *testing.T) {
	then := []string{"branch-ref a.tf 3 vpc", "branch-ref a.tf 9 vpc", "branch-ref b.tf 1 dns", "short-commit a.tf 3 vpc"}
	for _, test := range []struct {
		name        string
		now         []string
		fresh       []string
		known, gone int
	}{
		{"the same", then, nil, 4, 0},
		{"nothing", nil, nil, 0, 4},
		{"moved lines", []string{"branch-ref a.tf 30 vpc", "branch-ref a.tf 90 vpc", "branch-ref b.tf 12 dns", "short-commit a.tf 30 vpc"}, nil, 4, 0},
		{"one more that is alike", append(slices.Clone(then), "branch-ref a.tf 5 vpc"), []string{"branch-ref a.tf:9"}, 4, 0},
		{"one less that is alike", []string{"branch-ref a.tf 9 vpc", "branch-ref b.tf 1 dns"}, nil, 2, 2},
		{"another rule", []string{"moving-tag a.tf 3 vpc"}, []string{"moving-tag a.tf:3"}, 0, 4},
		{"another subject", []string{"branch-ref b.tf 1 iam"}, []string{"branch-ref b.tf:1"}, 0, 4},
		{"a renamed file", []string{"branch-ref c.tf 1 dns"}, []string{"branch-ref c.tf:1"}, 0, 4},
	} {
		t.Run(test.name, func(t *testing.T) {
			b, err := ReadBaseline(NewBaseline(found(then...)).Bytes(), "b.json")
			if err != nil {
				t.Fatal(err)
			}
			if b.Len() != 4 {
				t.Errorf("%d findings in the baseline", b.Len())
			}
			fresh, known, gone := b.Split(found(test.now...))
			var got []string
			for _, f := range fresh {
				got = append(got, fmt.Sprintf("%s %s:%d", f.Rule, f.Range.Filename, f.Range.Start.Line))
			}
			if diff := cmp.Diff(test.fresh, got); diff != "" {
				t.Errorf("new (-want +got):\n%s", diff)
			}
			if known != test.known || gone != test.gone {
				t.Errorf("%d known and %d gone, want %d and %d", known, gone, test.known, test.gone)
			}
		})
	}
}

func TestBaselineBytes(t *testing.T) {
	all := found("branch-ref a.tf 3 vpc", "branch-ref a.tf 9 vpc", "a b.tf 1 x")
	all[0].Summary = "Source \"git::https://me:hunter2@h.example/vpc.git\" & <more>\n\x1b"
	want := `{
  "format_version": "1.0",
  "findings": [
    {"rule":"branch-ref","file":"a.tf","fingerprint":"` + all[0].Fingerprint + `","summary":"Source \"git::https://REDACTED@h.example/vpc.git\" & <more>\n\u001b"},
    {"rule":"branch-ref","file":"a.tf","fingerprint":"` + all[1].Fingerprint + `","summary":"Something about vpc"},
    {"rule":"a","file":"b.tf","fingerprint":"` + all[2].Fingerprint + `","summary":"Something about x"}
  ]
}
`
	lines := strings.Split(want, "\n")
	if all[1].Fingerprint < all[0].Fingerprint {
		lines[3], lines[4] = lines[4], lines[3]
	}
	want = strings.Join(lines, "\n")
	for range 5 {
		rand.Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
		if diff := cmp.Diff(want, string(NewBaseline(all).Bytes())); diff != "" {
			t.Fatalf("(-want +got):\n%s", diff)
		}
	}
	b, err := ReadBaseline([]byte(want), "b.json")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, string(b.Bytes())); diff != "" {
		t.Errorf("read and written again (-want +got):\n%s", diff)
	}
	const none = "{\n  \"format_version\": \"1.0\",\n  \"findings\": []\n}\n"
	if got := string(NewBaseline(nil).Bytes()); got != none {
		t.Errorf("empty: %q", got)
	}
	if b, err := ReadBaseline([]byte(none), "b.json"); err != nil || b.Len() != 0 {
		t.Errorf("empty, read: %v", err)
	}
	// Both sides of a merge, one after the other.
	twice := strings.Replace(want, lines[5], lines[3]+"\n"+lines[5], 1)
	if b, err := ReadBaseline([]byte(twice), "b.json"); err != nil || string(b.Bytes()) != want {
		t.Errorf("an entry twice: %v", err)
	}
}

func TestReadBaselineErrors(t *testing.T) {
	entry := `{"rule":"a","file":"a.tf","fingerprint":"` + strings.Repeat("0", 64) + `","summary":""}`
	for _, test := range []struct{ name, data, want string }{
		{"nothing", "", "b.json:1: this is no baseline: unexpected end of JSON input\nhint: "},
		{"text", "findings:\n", "b.json:1: this is no baseline: invalid character"},
		{"cut short", "{\n\"format_version\": \"1.0\",\n\"findings\": [", "b.json:3: this is no baseline"},
		{"another line", "{\n\"format_version\": \"1.0\",\n\"findings\": [x]}", "b.json:3: this is no baseline: invalid character 'x'"},
		{"a list", "[]", "b.json:1: this is no baseline: json: cannot unmarshal"},
		{"no version", "{}", "b.json: this is no baseline: it has no format_version"},
		{"another version", `{"format_version": "2.0", "more": 1}`, `b.json: its format_version is "2.0", and this terrier knows "1.0"` + "\nhint: use the version"},
		{"no findings", `{"format_version": "1.0"}`, "b.json: this is no baseline: it has no findings"},
		{"another field", `{"format_version": "1.0", "finding": []}`, `unknown field "finding"`},
		{"no fingerprint", `{"format_version": "1.0", "findings": [` + entry + `, {"rule":"a","file":"b.tf"}]}`, "its finding 2 has no rule, file, or fingerprint"},
		{"conflict", "{\n\"format_version\": \"1.0\",\n\"findings\": [\n<<<<<<< HEAD\n" + entry + "\n=======\n>>>>>>> x\n]}", "b.json:4: a merge left its conflict markers here\nhint: keep"},
		{"more behind", `{"format_version": "1.0", "findings": []} x`, "b.json:1: this is no baseline: invalid character 'x'"},
	} {
		_, err := ReadBaseline([]byte(test.data), "b.json")
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%s: %v, want %q with a hint", test.name, err, test.want)
		}
	}
}

func FuzzReadBaseline(f *testing.F) {
	f.Add(NewBaseline(found("branch-ref a.tf 3 vpc", "branch-ref a.tf 9 vpc")).Bytes())
	f.Add([]byte(`{"format_version":"1.0","findings":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := ReadBaseline(data, "b.json")
		if err != nil {
			return
		}
		once := b.Bytes()
		again, err := ReadBaseline(once, "b.json")
		if err != nil || string(again.Bytes()) != string(once) {
			t.Errorf("%s\nread again: %v\n%s", once, err, again.Bytes())
		}
	})
}
