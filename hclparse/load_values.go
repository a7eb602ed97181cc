package hclparse

import (
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
)

// ParseValues parses a file of arguments that stands at the slash path name: a
// .tfvars file, one of -backend-config, a .tfbackend. As terraform has it, the
// syntax is JSON where the name ends in .json. Like Load it never fails: what is
// wrong is in the file's Diags, and the Body is nil where nothing could be read.
func ParseValues(name string, src []byte) *File {
	p := &parsed{File: File{Path: name, Real: name, Bytes: src}}
	if strings.HasSuffix(name, ".json") {
		p.Syntax = JSON
	}
	if len(src) > maxFileBytes {
		p.fail("File is too large", "None of its values are known.")
		return &p.File
	}
	if what := tooDeep(src, p.Syntax); what != "" {
		p.fail("File is too complex", what+" None of its values are known.")
		return &p.File
	}
	defer p.clamp()
	defer p.survive()
	var file *hcl.File
	var diags hcl.Diagnostics
	if p.Syntax == JSON {
		file, diags = json.Parse(src, name)
	} else {
		file, diags = hclsyntax.ParseConfig(src, name, hcl.InitialPos)
	}
	p.Diags = append(p.Diags, diags...)
	if file != nil {
		p.Body = file.Body
	}
	return &p.File
}
