package hclparse

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"testing/fstest"
)

// A writer writes native configuration that parses, at random: every kind of
// expression in each other, with texts that look like something else.
type writer struct {
	*rand.Rand
	strings.Builder
	calls int
}

func (w *writer) pick(of ...string) string { return of[w.IntN(len(of))] }

func (w *writer) text() string {
	return w.pick("module \"no\" {", "}", "{", "#", "//", "/*", "*/", "$", "%", "$$", "%%", "$${", "%%{", "é", "👩‍👩‍👧", "\u00a0", "E", "<<E", " ", "\t", "'", "(", "]", "~}", "x", "backend", "$$$", "%$${", ";")
}

func (w *writer) quoted(depth int) {
	w.WriteByte('"')
	for range w.IntN(5) {
		switch w.IntN(6) {
		case 0:
			w.WriteString(w.pick(`\"`, `\\`, `\n`, `\u0022`, `$${\"`))
		case 1:
			if depth > 0 {
				w.template(depth-1, true)
			}
		default:
			w.WriteString(w.text())
			if strings.HasSuffix(w.String(), "$") || strings.HasSuffix(w.String(), "%") {
				w.WriteString(w.pick("x", " ", "-")) // not to begin a template by chance
			}
		}
	}
	w.WriteByte('"')
}

func (w *writer) template(depth int, quoted bool) {
	if w.IntN(4) == 0 {
		w.WriteString(w.pick("%{ if ", "%{~ if "))
		w.expr(depth)
		w.WriteString(w.pick(" }", " ~}"))
		w.WriteString(w.pick("", "{", "}", "# ", "module"))
		if !quoted {
			w.WriteString(w.pick("", "\n", "\nE x\n", "\" \n"))
		}
		w.WriteString(w.pick("%{ else }x%{ endif }", "%{ endif ~}"))
		return
	}
	w.WriteString(w.pick("${", "${~", "${ ", "${\n", "${ /* } */ ", "${ # }\n"))
	w.expr(depth)
	w.WriteString(w.pick("}", "~}", " }", "\n}", " /* \" */}"))
}

func (w *writer) heredoc(depth int, newline string) {
	w.WriteString(w.pick("<<E", "<<-E") + newline)
	for range w.IntN(4) {
		w.WriteString(w.pick("", " ", "\t", "E ", "EE", "x E"))
		for range w.IntN(4) {
			if w.IntN(4) == 0 && depth > 0 {
				w.template(depth-1, false)
				continue
			}
			w.WriteString(w.pick(w.text(), "\"", "\\", "E", "\\\""))
			if strings.HasSuffix(w.String(), "$") || strings.HasSuffix(w.String(), "%") {
				w.WriteString(w.pick("x", " ", newline))
			}
		}
		w.WriteString(w.pick("x", " .", "") + newline)
	}
	w.WriteString(w.pick("", " ", "\t", "\u00a0") + "E" + w.pick("", " ", "\u0085") + newline)
}

func (w *writer) expr(depth int) {
	if depth <= 0 {
		w.WriteString(w.pick("1", "var.x", "null", "a.b[0].c", "-1", "x[*].y", "module.x", `""`, "1e5", "a.0"))
		return
	}
	depth--
	switch w.IntN(9) {
	case 0, 1, 2:
		w.quoted(depth)
	case 3:
		w.WriteString(w.pick("[", "[\n", "[ # ]\n", "[ /* ] */"))
		for range w.IntN(3) {
			w.expr(depth)
			w.WriteString(w.pick(",", ",\n", ", // ]\n"))
		}
		w.WriteString("]")
	case 4:
		w.WriteString("{\n")
		for i := range w.IntN(3) {
			fmt.Fprintf(w, "%s%d %s ", w.pick("module", "k", "backend"), i, w.pick("=", ":"))
			w.expr(depth)
			w.WriteString(w.pick("\n", " # }\n", ",\n"))
		}
		w.WriteString("}")
	case 5:
		w.WriteString(w.pick("(", "(\n", "f(", "aws::f("))
		w.expr(depth)
		w.WriteString(w.pick(")", "\n)", " // )\n)"))
	case 6:
		w.WriteString("[for k in ")
		w.expr(depth)
		w.WriteString(" : ")
		w.expr(depth)
		w.WriteString(" if k < 1 / 2]")
	case 7:
		w.WriteString("(a ? ")
		w.expr(depth)
		w.WriteString(" : ")
		w.expr(depth)
		w.WriteString(")")
	case 8:
		w.WriteString("[")
		w.heredoc(depth, "\n")
		w.WriteString("]")
	}
}

func (w *writer) body(depth int, newline string) {
	for i := range w.IntN(4) {
		w.WriteString(w.pick("  ", "\t", "", "/* { */ "))
		switch {
		case depth > 0 && w.IntN(3) == 0:
			w.WriteString(w.pick("module \"no\" {", "backend \"s3\" {", "x {", "cloud {") + newline)
			w.body(depth-1, newline)
			w.WriteString("}")
		case w.IntN(4) == 0:
			fmt.Fprintf(w, "h%d = ", i)
			w.heredoc(depth, newline)
			continue
		default:
			fmt.Fprintf(w, "a%d%s", i, w.pick(" = ", "=", " /* = */ = "))
			w.expr(depth)
		}
		w.WriteString(w.pick("", " # }", " // {", " /* } */", " /* \n */", "\t") + newline)
	}
}

func (w *writer) file() {
	newline := w.pick("\n", "\n", "\r\n")
	w.WriteString(w.pick("", "", "", "\ufeff", "# é"+newline))
	for i := range w.IntN(6) {
		w.WriteString(w.pick("", "", "", "  ", "\t", newline, "/* module \"no\" {} */", "/* é \n */ ", "# module {"+newline, "// \""+newline))
		switch w.IntN(8) {
		case 0, 1, 2:
			w.calls++
			fmt.Fprintf(w, "module%s%s", w.pick(" \"x\" ", "\"x\"", " x ", " \"é\\\"\" ", " /* \n */ x"), "{"+newline)
			fmt.Fprintf(w, "  source = %s%s", w.pick(`"./x"`, `"${x}"`, `"é" `, "<<E"+newline+"./x"+newline+"E"), newline)
			w.body(2, newline)
			w.WriteString("}")
		case 3:
			w.WriteString(w.pick("terraform {", "provider \"x\" {", "provider x{") + newline)
			w.body(2, newline)
			w.WriteString("}")
		case 4:
			w.WriteString(w.pick(`module "x" {}`, `module x { source = "./x" }`, `module x {source="${"}"}"}`))
			w.calls++
		case 5:
			fmt.Fprintf(w, "%s%d = ", w.pick("module", "top", "provider"), i)
			w.expr(3)
		default:
			w.WriteString(w.pick("locals {", "resource \"module\" \"}\" {", "backend x {") + newline)
			w.body(3, newline)
			w.WriteString("}")
		}
		w.WriteString(w.pick("", " ", " # }", " // \"", " /* \" */", " /* \n */ ") + newline)
	}
}

// Files made to parse and to mislead: LoadCalls finds what Load finds.
func TestLoadCallsRandom(t *testing.T) {
	const trees, files = 20, 100
	sound, outlined, calls := 0, 0, 0
	for seed := range uint64(trees) {
		fsys := fstest.MapFS{}
		made := map[string]int{}
		for i := range files {
			w := &writer{Rand: rand.New(rand.NewPCG(seed, uint64(i)))}
			w.file()
			name := fmt.Sprintf("d%d/f%d.tf", i%5, i)
			fsys[name] = &fstest.MapFile{Data: []byte(w.String())}
			made[name] = w.calls
		}
		compareCalls(t, fsys)
		full, _ := Load(fsys)
		found := byFile(full)
		for _, m := range full.Modules {
			for _, f := range m.Files {
				if f.Broken() {
					continue
				}
				sound++
				calls += made[f.Path]
				if len(found[f.Path].Calls) != made[f.Path] {
					t.Errorf("%d calls, %d were written in\n%s", len(found[f.Path].Calls), made[f.Path], f.Bytes)
				}
				if _, ok := outline(f.Bytes); ok {
					outlined++
				}
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
	// The test is worth nothing where hardly a file parses, or all are parsed
	// in full.
	if sound < trees*files/2 || outlined < sound*3/4 || calls < sound/2 {
		t.Errorf("of %d files %d parse, %d of them by their outline, with %d calls", trees*files, sound, outlined, calls)
	}
	t.Logf("of %d files %d parse, %d of them by their outline, with %d calls", trees*files, sound, outlined, calls)
}
