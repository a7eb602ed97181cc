package rules

import (
	"fmt"
	"strings"
	"testing"

	"golang.org/x/tools/txtar"
)

const sha = "0123456789abcdef0123456789abcdef01234567"

// call is a file with one module call.
func call(source string) string {
	return "module \"m\" {\n  source = \"" + source + "\"\n}\n"
}

// at is a finding in a file of a txtar, at the only place of a piece of it:
// on counts the lines and columns by itself.
func on(files, name, piece, summary string) string {
	ar := txtar.Parse([]byte(files))
	data := string(ar.Comment)
	for _, f := range ar.Files {
		if n, _, _ := strings.Cut(f.Name, " -> "); n == name {
			data = string(f.Data)
		}
	}
	if strings.Count(data, piece) != 1 {
		return fmt.Sprintf("%q is %d times in %s", piece, strings.Count(data, piece), name)
	}
	place := func(at int) string {
		line := strings.Count(data[:at], "\n") + 1
		return fmt.Sprintf("%d:%d", line, at-strings.LastIndexByte(data[:at], '\n'))
	}
	i := strings.Index(data, piece)
	return fmt.Sprintf("%s:%s-%s %s", name, place(i), place(i+len(piece)), summary)
}

// everywhere are the rows of one source that is found, in all that holds
// sources: at the piece of it or, where it is written with escapes, as a whole.
func everywhere(source, piece, summary string) []row {
	quoted := `"` + source + `"`
	one := func(name, file, files, piece string) row {
		return row{name: name, files: files, want: []string{on(files, file, piece, summary)}}
	}
	escaped := `"` + strings.ReplaceAll(source, "&", `\u0026`) + `"`
	escapedPiece := piece
	if escaped == quoted {
		escaped = `"` + strings.Replace(source, "/", `\u002f`, 1) + `"`
	}
	if !strings.Contains(quoted, escaped) {
		escapedPiece = escaped
	}
	return []row{
		one("plain", "main.tf", call(source), piece),
		one("aligned, not first, in one directory of many", "a/b.tf", "-- a/b.tf --\nmodule \"m\" {\n  x        = 1\n  source   = "+quoted+" # why\n  providers = {}\n}\n", piece),
		one("CRLF", "main.tf", strings.ReplaceAll(call(source), "\n", "\r\n"), piece),
		one("JSON", "main.tf.json", "-- main.tf.json --\n{\"module\": {\"m\": {\"source\": "+quoted+"}}}\n", piece),
		one("JSON with escapes", "main.tf.json", "-- main.tf.json --\n{\"module\": {\"m\": {\"source\": "+escaped+"}}}\n", escapedPiece),
		one("escapes", "main.tf", "module \"m\" {\n  source = "+escaped+"\n}\n", escapedPiece),
		one("OpenTofu", "main.tofu", "-- main.tofu --\n"+call(source), piece),
		one("terragrunt", "terragrunt.hcl", "-- terragrunt.hcl --\nterraform {\n  source = "+quoted+"\n}\n", piece),
		one("an override file", "override.tf", call("github.com/a/b?ref=v1.2.3")+"-- override.tf --\n"+call(source), piece),
		one("a symlink to it", "a/main.tf", "-- a/main.tf --\n"+call(source)+"-- b/main.tf -> ../a/main.tf --\n", piece),
		{name: "replaced by an override file", files: call(source) + "-- x_override.tf --\n" + call("github.com/a/b?ref=v1.2.3")},
		{name: "in a comment", files: "# " + strings.ReplaceAll(strings.TrimSpace(call(source)), "\n", "\n# ") + "\n"},
		{name: "the source of something else", files: "resource \"x\" \"y\" {\n  source = " + quoted + "\n}\n"},
	}
}

func TestHostRange(t *testing.T) {
	for source, want := range map[string]string{
		"git::https://h.example/h.example.git": "13",
		"git@h.example:a/b.git":                "4",
		"github.com/github.com/x":              "0",
	} {
		in := input(call(source))
		c := callsOf(in)[0]
		if got := fmt.Sprint(hostRange(c).Start.Column - 13); got != want {
			t.Errorf("%s: the host is at %s, want %s", source, got, want)
		}
	}
}
