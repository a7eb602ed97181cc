package hclparse

import (
	"fmt"
	"testing"
	"testing/fstest"
)

// TestBackendSettings reads one backend in both syntaxes.
func TestBackendSettings(t *testing.T) {
	for _, test := range []struct{ name, native, json, want string }{
		{
			"plain values, and what is none",
			"backend \"s3\" {\n  key = \"k\"\n  retries = 5\n  encrypt = true\n  bucket = var.b\n  role = null\n  list = [\"a\"]\n}",
			`{"backend": {"s3": {"key": "k", "retries": 5, "encrypt": true, "bucket": "${var.b}", "role": null, "list": ["a"]}}}`,
			`map[encrypt:true key:k retries:5] ["bucket" "list"]`,
		},
		{
			"an object",
			"backend \"s3\" {\n  endpoints = { s3 = \"http://h\", \"sts\" : var.x, (var.k) = 1 }\n}",
			`{"backend": {"s3": {"endpoints": {"s3": "http://h", "sts": "${var.x}", "${var.k}": 1}}}}`,
			`map[endpoints.s3:http://h] ["endpoints" "endpoints.sts"]`,
		},
		{
			"a block",
			"cloud {\n  organization = \"o\"\n  workspaces {\n    name = \"n\"\n    tags = [\"t\"]\n  }\n}",
			`{"cloud": {"organization": "o", "workspaces": [{"name": "n", "tags": ["t"]}]}}`,
			`map[organization:o workspaces.name:n] ["workspaces.tags"]`,
		},
		{
			"objects in objects, and twice the same",
			"cloud {\n  a = { b = { c = \"d\" } }\n  x {\n    y = var.z\n  }\n  x {\n    y = var.z\n  }\n}",
			`{"cloud": {"a": {"b": {"c": "d"}}, "x": {"y": "${var.z}"}}}`,
			`map[] ["a.b" "x.y"]`,
		},
	} {
		for file, src := range map[string]string{"main.tf": "terraform {\n" + test.native + "\n}\n", "main.tf.json": `{"terraform": ` + test.json + `}`} {
			tr, diags := Load(fstest.MapFS{file: {Data: []byte(src)}})
			if diags.HasErrors() || len(tr.Modules["."].Backends) != 1 {
				t.Errorf("%s, %s: %v", test.name, file, diags)
				continue
			}
			k := tr.Modules["."].Backends[0]
			if got := fmt.Sprintf("%v %q", k.Literals, k.Computed); got != test.want {
				t.Errorf("%s, %s:\n got %s\nwant %s", test.name, file, got, test.want)
			}
		}
	}
}
