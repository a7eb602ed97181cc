package report

import (
	"fmt"
	"strings"
	"testing"
)

// What is sensitive in a plan is in no output, whatever shape its mark has and
// wherever a provider has copied it.
func TestPlannedChangesMask(t *testing.T) {
	for name, change := range map[string]string{
		"whole":          `"before":{"a":"hunter2"},"after":{"a":"hunter3"},"before_sensitive":true,"after_sensitive":true`,
		"attribute":      `"before":{"a":"hunter2"},"after":{"a":"hunter3"},"before_sensitive":{"a":true},"after_sensitive":{"a":true}`,
		"one side only":  `"before":{"a":"hunter2"},"after":{"a":"hunter3"},"before_sensitive":false,"after_sensitive":{"a":true}`,
		"nested":         `"before":{"a":{"b":["x",{"c":"hunter2"}]}},"after":{"a":{"b":["y",{"c":"hunter3"}]}},"before_sensitive":{"a":{"b":[false,{"c":true}]}},"after_sensitive":{"a":{"b":[false,{"c":true}]}}`,
		"another shape":  `"before":{"a":["hunter2"]},"after":{"a":{"x":"hunter3"}},"before_sensitive":{"a":[true]},"after_sensitive":{"a":[true]}`,
		"a short mark":   `"before":{"a":["hunter2","hunter2"]},"after":{"a":["hunter3","hunter4"]},"before_sensitive":{"a":[true]},"after_sensitive":{"a":[true]}`,
		"an odd mark":    `"before":{"a":"hunter2"},"after":{"a":"hunter3"},"before_sensitive":{"a":"yes"},"after_sensitive":{}`,
		"a copy":         `"before":{"a":"hunter2","b":"the key is hunter2"},"after":{"a":"hunter3","b":["hunter3"]},"before_sensitive":{"a":true},"after_sensitive":{"a":true}`,
		"a key":          `"before":{"a":"hunter2","b":{"hunter2":1}},"after":{"a":"hunter3","b":{}},"before_sensitive":{"a":true},"after_sensitive":{"a":true}`,
		"unknown":        `"before":{"a":"hunter2"},"after":{},"after_unknown":{"a":true},"before_sensitive":{"a":true},"after_sensitive":{"a":true}`,
		"partly unknown": `"before":{"a":["hunter2"]},"after":{"a":["hunter3"]},"after_unknown":{"a":[false,true]},"before_sensitive":{"a":[true]},"after_sensitive":{"a":[true]}`,
		"a URL":          `"before":{"a":"https://user:hunter2@git.example.com/a"},"after":{"a":"https://user:hunter3@git.example.com/b"},"before_sensitive":false,"after_sensitive":false`,
		"no object":      `"before":"hunter2","after":"hunter3","before_sensitive":true,"after_sensitive":true`,
		"object to text": `"before":{"a":"hunter2"},"after":"hunter3","before_sensitive":{"a":true},"after_sensitive":true`,
		"created":        `"before":null,"after":{"a":"hunter3"},"before_sensitive":false,"after_sensitive":{"a":true}`,
		"a large number": `"before":{"a":12345678},"after":{"a":87654321},"before_sensitive":{"a":true},"after_sensitive":{"a":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			plan := fmt.Sprintf(`{"format_version":"1.2","resource_changes":[{"address":"x.y","mode":"managed","type":"x","name":"y","change":{"actions":["update"],%s}}],"output_changes":{"o":{"actions":["update"],%s}}}`, change, change)
			changes, err := plannedChanges([]byte(plan))
			if err != nil || len(changes) != 2 || len(changes[0].Attributes) == 0 || len(changes[1].Attributes) == 0 {
				t.Fatalf("%+v %v", changes, err)
			}
			var out strings.Builder
			r := &RunShown{Stacks: []RunShownStack{{Changes: changes}}}
			for _, format := range []string{"text", "json"} {
				if err := WriteRunShown(&out, r, format, Style{Width: 80, Verbose: true}); err != nil {
					t.Fatal(err)
				}
			}
			for _, secret := range []string{"hunter", "12345678", "87654321"} {
				if strings.Contains(out.String(), secret) {
					t.Errorf("%s is shown:\n%s", secret, out.String())
				}
			}
		})
	}
}

// FuzzPlannedChanges reads plans that anybody may have written.
func FuzzPlannedChanges(f *testing.F) {
	f.Add([]byte(`{"format_version":"1.2","resource_changes":[null,{"change":{"actions":[],"before":{"a":[1]},"after":7,"after_unknown":{"a":[true,{"b":true}]},"after_sensitive":[{}]}}],"output_changes":{"x":null}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		changes, err := plannedChanges(data)
		if err != nil {
			return
		}
		var out strings.Builder
		if err := WriteRunShown(&out, &RunShown{Stacks: []RunShownStack{{Changes: changes}}}, "text", Style{Width: 80}); err != nil {
			t.Fatal(err)
		}
		if strings.ContainsAny(out.String(), "\x1b\x07\x00") {
			t.Errorf("%q", out.String())
		}
	})
}
