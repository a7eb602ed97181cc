package backend

import (
	"fmt"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"

	"github.com/terrier-iac/terrier/hclparse"
)

// wants are what every stack of these tests is to have, as its key has it.
func wants(key string, more ...string) Want {
	w := Want{Type: "s3", Attributes: map[string]string{"bucket": "state", "key": key}, File: "terrier.hcl", Line: 1}
	for i := 0; i < len(more); i += 2 {
		w.Attributes[more[i]] = more[i+1]
	}
	return w
}

func one(dir string, w Want, config ...string) Stack {
	return Stack{Dir: dir, Units: []Unit{{Name: dir, Want: w, BackendConfig: config}}}
}

func plan(t *testing.T, files string, o Options, stacks ...Stack) *Plan {
	t.Helper()
	fsys := fstest.MapFS{}
	for _, f := range txtar.Parse([]byte(files)).Files {
		data := f.Data
		switch {
		case strings.HasSuffix(f.Name, ".crlf"):
			f.Name, data = strings.TrimSuffix(f.Name, ".crlf"), []byte(strings.ReplaceAll(string(data), "\n", "\r\n"))
		case strings.HasSuffix(f.Name, ".cut"):
			f.Name, data = strings.TrimSuffix(f.Name, ".cut"), []byte(strings.TrimSuffix(string(data), "\n"))
		}
		fsys[f.Name] = &fstest.MapFile{Data: data, Mode: 0o644}
	}
	tree, _ := hclparse.LoadCalls(fsys)
	p, err := New(tree, stacks, o)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func block(lines string) string { return "terraform {\n  backend \"s3\" {\n" + lines + "  }\n}\n" }

// Every byte but those that were asked for stays.
func TestEdits(t *testing.T) {
	lockfile := wants("a/terraform.tfstate", "use_lockfile", "true")
	for name, test := range map[string]struct {
		files, want string
		w           Want
	}{
		"value": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\" # here\n    use_lockfile=false\n"),
			block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\" # here\n    use_lockfile=true\n"), lockfile,
		},
		"room for it": {
			"-- a/main.tf --\n" + block("    bucket         = \"state\" # first\n    key            = \"a/terraform.tfstate\"\n    # why\n    dynamodb_table = \"t\" // its lock\n    # end\n"),
			block("    bucket         = \"state\" # first\n    key            = \"a/terraform.tfstate\"\n    # why\n    dynamodb_table = \"t\" // its lock\n    use_lockfile   = true\n    # end\n"), lockfile,
		},
		"no room": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n"),
			block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n\n    use_lockfile = true\n"), lockfile,
		},
		"crlf": {
			"-- a/main.tf.crlf --\n" + block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n"),
			strings.ReplaceAll(block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n\n    use_lockfile = true\n"), "\n", "\r\n"), lockfile,
		},
		"no final newline": {
			"-- a/main.tf.cut --\n" + block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n    use_lockfile = \"false\"\n"),
			strings.TrimSuffix(block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n    use_lockfile = true\n"), "\n"), lockfile,
		},
		"after an object": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n    assume_role = {\n      role_arn = \"x\"\n    }\n"),
			block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n    assume_role = {\n      role_arn = \"r\"\n    }\n\n    use_lockfile = true\n"),
			wants("a/terraform.tfstate", "use_lockfile", "true", "assume_role.role_arn", "r"),
		},
		"a new object": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n"),
			block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n\n    assume_role = { role_arn = \"r\" }\n"),
			wants("a/terraform.tfstate", "assume_role.role_arn", "r"),
		},
		"the old role": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n    role_arn = \"x\"\n"),
			block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n    role_arn = \"r\"\n"),
			wants("a/terraform.tfstate", "assume_role.role_arn", "r"),
		},
		"empty": {
			"-- a/main.tf --\nterraform {\n  backend \"s3\" {}\n}\n",
			block("    bucket       = \"state\"\n    key          = \"a/terraform.tfstate\"\n    use_lockfile = true\n"), lockfile,
		},
		"empty, two lines": {
			"-- a/main.tf --\nterraform {\n  backend \"s3\" {\n    # ours\n  }\n}\n",
			block("    # ours\n    bucket       = \"state\"\n    key          = \"a/terraform.tfstate\"\n    use_lockfile = true\n"), lockfile,
		},
		"a comment in one line": {
			"-- a/main.tf --\nterraform {\n  backend \"s3\" { /* ours */ }\n}\n",
			block("    /* ours */\n    bucket       = \"state\"\n    key          = \"a/terraform.tfstate\"\n    use_lockfile = true\n"), lockfile,
		},
		"one line": {
			"-- a/main.tf --\nterraform {\n  backend \"s3\" { bucket = \"state\" }\n}\n",
			block("    bucket = \"state\"\n\n    key          = \"a/terraform.tfstate\"\n    use_lockfile = true\n"), lockfile,
		},
		"an override": {
			"-- a/main.tf --\n" + block("    bucket = \"other\"\n") + "-- a/x_override.tf --\n" + block("    bucket = \"state\"\n    key    = \"old\"\n"),
			block("    bucket = \"state\"\n    key    = \"a/terraform.tfstate\"\n"), wants("a/terraform.tfstate"),
		},
		"json": {
			"-- a/main.tf.json --\n{\"terraform\": {\"backend\": {\"s3\": {\n  \"bucket\": \"state\",\n  \"key\": \"old\",\n  \"region\": \"r\"\n}}}}\n",
			"{\"terraform\": {\"backend\": {\"s3\": {\n  \"bucket\": \"state\",\n  \"key\": \"a/terraform.tfstate\",\n  \"region\": \"r\",\n  \"use_lockfile\": true,\n  \"assume_role\": {\"role_arn\": \"r\"}\n}}}}\n",
			wants("a/terraform.tfstate", "use_lockfile", "true", "assume_role.role_arn", "r"),
		},
		"json in one line": {
			"-- a/main.tf.json --\n{\"terraform\": [{\"backend\": [{\"s3\": {\"bucket\": \"state\", \"key\": \"a/terraform.tfstate\", \"use_lockfile\": false}}]}]}\n",
			"{\"terraform\": [{\"backend\": [{\"s3\": {\"bucket\": \"state\", \"key\": \"a/terraform.tfstate\", \"use_lockfile\": true, \"encrypt\": true}}]}]}\n",
			wants("a/terraform.tfstate", "use_lockfile", "true", "encrypt", "true"),
		},
		"a value like a template": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"$${x}\\\"\"\n"),
			block("    bucket = \"state\"\n    key    = \"$${y}\\\"\"\n"), wants(`${y}"`),
		},
	} {
		t.Run(name, func(t *testing.T) {
			p := plan(t, test.files, Options{Migrate: true}, one("a", test.w))
			if len(p.Changes) != 1 {
				t.Fatalf("%+v", p)
			}
			if d := cmp.Diff(test.want, string(p.Changes[0].After)); d != "" {
				t.Error(d)
			}
			// What is written is what was wanted, and once is enough.
			c := p.Changes[0]
			again := plan(t, "-- "+c.Path+" --\n"+strings.ReplaceAll(string(c.After), "\r\n", "\n"), Options{}, one("a", test.w))
			if again.Findings[0].Status != Matches || len(again.Changes) > 0 {
				t.Errorf("%+v", again)
			}
		})
	}
}

func statuses(p *Plan) string {
	var b strings.Builder
	for _, f := range p.Findings {
		fmt.Fprintf(&b, "%s %s %s:%d", f.Unit, f.Status, f.File, f.Line)
		for _, d := range f.Differences {
			fmt.Fprintf(&b, "\n  %s %q -> %q %s:%d", d.Attribute, d.Have, d.Want, d.File, d.Line)
			if d.Moves {
				b.WriteString(" moves")
			}
			if d.Fixed {
				b.WriteString(" fixed")
			}
			if d.Why != "" {
				b.WriteString(" (" + d.Why + ")")
			}
		}
		if f.Why != "" {
			b.WriteString("\n  " + f.Why)
		}
		for _, w := range f.Warnings {
			b.WriteString("\n  warning: " + w)
		}
		b.WriteString("\n")
	}
	for _, d := range p.Duplicates {
		fmt.Fprintf(&b, "duplicate %v %v %s %v\n", d.Units, d.Places, d.Where, d.Now)
	}
	for _, c := range p.Changes {
		fmt.Fprintf(&b, "write %s %v\n%s", c.Path, c.New, c.After)
	}
	return b.String()
}

// What was found is said, and what moves a state is left.
func TestFindings(t *testing.T) {
	prod := func(w Want, config ...string) Unit {
		return Unit{Name: "a@prod", Environment: "prod", Want: w, BackendConfig: config}
	}
	qa := func(w Want, config ...string) Unit {
		return Unit{Name: "a@qa", Environment: "qa", Want: w, BackendConfig: config}
	}
	lock := []string{"use_lockfile", "true"}
	for name, test := range map[string]struct {
		files  string
		stacks []Stack
		o      Options
		want   string
	}{
		"missing": {
			"-- a/main.tf --\n", []Stack{one("a", wants("k", lock...))}, Options{},
			"a missing a/backend.tf:0\n  type \"\" -> \"s3\" a/backend.tf:0 fixed\n  bucket \"\" -> \"state\" a/backend.tf:0 fixed\n  key \"\" -> \"k\" a/backend.tf:0 fixed\n  use_lockfile \"\" -> \"true\" a/backend.tf:0 fixed\nwrite a/backend.tf true\n" + block("    bucket       = \"state\"\n    key          = \"k\"\n    use_lockfile = true\n"),
		},
		"missing, the name is taken, an empty one is not": {
			"-- a/main.tf --\n-- a/Backend.tf --\n# ours\n-- b/main.tf --\n-- b/backend.tf --\n", []Stack{one("a", wants("k", lock...)), one("b", wants("l", lock...))}, Options{},
			"a missing a/backend_s3.tf:0\n  type \"\" -> \"s3\" a/backend_s3.tf:0 fixed\n  bucket \"\" -> \"state\" a/backend_s3.tf:0 fixed\n  key \"\" -> \"k\" a/backend_s3.tf:0 fixed\n  use_lockfile \"\" -> \"true\" a/backend_s3.tf:0 fixed\n" +
				"b missing b/backend.tf:0\n  type \"\" -> \"s3\" b/backend.tf:0 fixed\n  bucket \"\" -> \"state\" b/backend.tf:0 fixed\n  key \"\" -> \"l\" b/backend.tf:0 fixed\n  use_lockfile \"\" -> \"true\" b/backend.tf:0 fixed\n" +
				"write a/backend_s3.tf true\n" + block("    bucket       = \"state\"\n    key          = \"k\"\n    use_lockfile = true\n") + "write b/backend.tf true\n" + block("    bucket       = \"state\"\n    key          = \"l\"\n    use_lockfile = true\n"),
		},
		"missing, with a local state": {
			"-- a/main.tf --\n-- a/terraform.tfstate --\n{}\n", []Stack{one("a", wants("k", lock...))}, Options{},
			"a missing a/backend.tf:0\n  type \"\" -> \"s3\" a/backend.tf:0 moves (the state would be looked for at another place)\n  bucket \"\" -> \"state\" a/backend.tf:0 moves (the state would be looked for at another place)\n  key \"\" -> \"k\" a/backend.tf:0 moves (the state would be looked for at another place)\n  use_lockfile \"\" -> \"true\" a/backend.tf:0 (the state would be looked for at another place)\n  a/terraform.tfstate holds a state\n",
		},
		"another key is left, the rest is written": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"old\"\n"), []Stack{one("a", wants("k", lock...))}, Options{},
			"a differs a/main.tf:2\n  key \"old\" -> \"k\" a/main.tf:4 moves (the state would be looked for at another place)\n  use_lockfile \"false\" -> \"true\" a/main.tf:2 fixed\nwrite a/main.tf false\n" + block("    bucket = \"state\"\n    key    = \"old\"\n\n    use_lockfile = true\n"),
		},
		"the region of another bucket": {
			"-- a/main.tf --\n" + block("    bucket = \"old\"\n    key    = \"k\"\n    region = \"r\"\n"), []Stack{one("a", wants("k", "region", "r1"))}, Options{},
			"a differs a/main.tf:2\n  bucket \"old\" -> \"state\" a/main.tf:3 moves (the state would be looked for at another place)\n  region \"r\" -> \"r1\" a/main.tf:5 (it goes with the bucket, which is left)\n  warning: nothing locks the state: neither use_lockfile nor dynamodb_table is set\n",
		},
		"a terraform that does not know it": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"a\"\n    dynamodb_table = \"t\"\n") + "-- a/versions.tf --\nterraform {\n  required_version = \"~> 1.7.0\"\n}\n" +
				"-- b/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"b\"\n    dynamodb_table = \"t\"\n") + "-- b/versions.tf --\nterraform {\n  required_version = \"1.11.4\"\n}\n",
			[]Stack{one("a", wants("a", lock...)), one("b", wants("b", lock...))}, Options{},
			"a differs a/main.tf:2\n  use_lockfile \"false\" -> \"true\" a/main.tf:2 (Terraform knows it from 1.10.0, and a/versions.tf:2 asks for ~> 1.7.0)\nb differs b/main.tf:2\n  use_lockfile \"false\" -> \"true\" b/main.tf:2 fixed\nwrite b/main.tf false\n" +
				block("    bucket = \"state\"\n    key    = \"b\"\n    dynamodb_table = \"t\"\n    use_lockfile   = true\n"),
		},
		"nothing locks": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"k\"\n"), []Stack{one("a", wants("k"))}, Options{},
			"a matches a/main.tf:2\n  warning: nothing locks the state: neither use_lockfile nor dynamodb_table is set\n",
		},
		"both locks": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"k\"\n    use_lockfile = true\n    dynamodb_table = \"t\"\n"), []Stack{one("a", wants("k", "use_lockfile", "true", "dynamodb_table", "t"))}, Options{},
			"a matches a/main.tf:2\n",
		},
		"partial": {
			"-- a/main.tf --\nterraform {\n  backend \"s3\" {}\n}\n", []Stack{one("a", wants("k", lock...))}, Options{},
			"a partial a/main.tf:2\n  bucket \"\" -> \"state\" a/main.tf:2 moves (the state would be looked for at another place)\n  key \"\" -> \"k\" a/main.tf:2 moves (the state would be looked for at another place)\n  use_lockfile \"false\" -> \"true\" a/main.tf:2 (it goes with the bucket, which is left)\n",
		},
		"other type": {
			"-- a/main.tf --\nterraform {\n  backend \"gcs\" {}\n}\n-- b/main.tf --\nterraform {\n  cloud {}\n}\n", []Stack{one("a", wants("k")), one("b", wants("l"))}, Options{Migrate: true},
			"a other-type a/main.tf:2\n  type \"gcs\" -> \"s3\" a/main.tf:2 moves (the arguments of another type are others: write the block by hand)\nb other-type b/main.tf:2\n  type \"cloud\" -> \"s3\" b/main.tf:2 moves (the arguments of another type are others: write the block by hand)\n",
		},
		"computed": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = var.key\n    use_lockfile = true\n"), []Stack{one("a", wants("k", lock...))}, Options{Migrate: true},
			"a computed a/main.tf:2\n  key \"\" -> \"k\" a/main.tf:4 moves (it is computed: write it by hand)\n",
		},
		"broken, terragrunt and two blocks": {
			"-- a/main.tf --\nterraform {\n  backend \"s3\" {\n-- b/terragrunt.hcl --\n-- b/main.tf --\n-- c/x.tf --\n" + block("") + "-- c/y.tf --\n" + block(""), []Stack{one("a", wants("a")), one("b", wants("b")), one("c", wants("c"))}, Options{},
			"a unreadable :0\n  a/main.tf:2: Unclosed configuration block\nb computed :0\n  b/terragrunt.hcl: terragrunt runs here, and may write the backend\nc unreadable c/x.tf:2\n  there is a second backend at c/y.tf:2\n",
		},
		"files of backend_config": {
			"-- a/main.tf --\nterraform {\n  backend \"s3\" {\n    bucket = \"state\"\n  }\n}\n-- a/prod.tfbackend.cut --\nkey = \"prod/k\" # its own\n-- a/qa.tfbackend --\nkey = \"qa/k\"\n",
			[]Stack{{Dir: "a", Units: []Unit{prod(wants("prod/k", "region", "r1", "use_lockfile", "true"), "prod.tfbackend"), qa(wants("qa/k", "region", "r2", "use_lockfile", "true"), "qa.tfbackend")}}}, Options{},
			"a@prod differs a/main.tf:2\n  region \"\" -> \"r1\" a/prod.tfbackend:1 fixed\n  use_lockfile \"false\" -> \"true\" a/main.tf:2 fixed\na@qa differs a/main.tf:2\n  region \"\" -> \"r2\" a/qa.tfbackend:1 fixed\n  use_lockfile \"false\" -> \"true\" a/main.tf:2 fixed\n" +
				"write a/main.tf false\nterraform {\n  backend \"s3\" {\n    bucket = \"state\"\n\n    use_lockfile = true\n  }\n}\nwrite a/prod.tfbackend false\nkey = \"prod/k\" # its own\n\nregion = \"r1\"write a/qa.tfbackend false\nkey = \"qa/k\"\n\nregion = \"r2\"\n",
		},
		"a block that two environments share": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"k\"\n    region = \"r\"\n    use_lockfile = true\n"),
			[]Stack{{Dir: "a", Units: []Unit{prod(wants("k", "region", "r1", "use_lockfile", "true")), {Name: "a@qa", Workspace: "qa", Want: wants("k", "region", "r", "use_lockfile", "true")}}}}, Options{},
			"a@prod differs a/main.tf:2\n  region \"r\" -> \"r1\" a/main.tf:5 (a/main.tf is shared with a@qa, which wants \"r\"\nhint: give each environment a file of backend_config)\na@qa matches a/main.tf:2\n",
		},
		"key and value of terrier.hcl": {
			"-- a/main.tf --\nterraform {\n  backend \"s3\" {\n    bucket = \"state\"\n    use_lockfile = true\n  }\n}\n", []Stack{one("a", wants("k", lock...), "key=old")}, Options{Migrate: true},
			"a differs a/main.tf:2\n  key \"old\" -> \"k\" terrier.hcl:1 moves (backend_config of terrier.hcl says key=old)\n",
		},
		"a backend_config that is not there, and one outside": {
			"-- a/main.tf --\nterraform {\n  backend \"s3\" {}\n}\n-- b/main.tf --\nterraform {\n  backend \"s3\" {}\n}\n", []Stack{
				{Dir: "a", Units: []Unit{prod(wants("p", lock...), "../c/prod.tfbackend"), qa(wants("q", lock...), "qa.tfbackend")}}, one("b", wants("b"), "../../x"),
			}, Options{Migrate: true},
			"a@prod partial a/main.tf:2\n  bucket \"\" -> \"state\" a/main.tf:2 moves fixed\n  key \"\" -> \"p\" c/prod.tfbackend:1 moves fixed\n  use_lockfile \"false\" -> \"true\" a/main.tf:2 fixed\n  warning: c/prod.tfbackend is not there yet\na@qa partial a/main.tf:2\n  bucket \"\" -> \"state\" a/main.tf:2 moves fixed\n  key \"\" -> \"q\" a/qa.tfbackend:1 moves fixed\n  use_lockfile \"false\" -> \"true\" a/main.tf:2 fixed\n  warning: a/qa.tfbackend is not there yet\nb unreadable b/main.tf:2\n  the backend_config ../../x of b is not in the repository\n" +
				"write a/main.tf false\nterraform {\n  backend \"s3\" {\n    bucket       = \"state\"\n    use_lockfile = true\n  }\n}\nwrite a/qa.tfbackend true\nkey = \"q\"\nwrite c/prod.tfbackend true\nkey = \"p\"\n",
		},
		"two stacks, one key": {
			"-- a/main.tf --\n-- b/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"k\"\n") + "-- c/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"k\"\n"),
			[]Stack{one("a", wants("x", lock...)), one("b", wants("x", lock...)), one("c", wants("c", lock...))}, Options{Migrate: true},
			"a missing a/backend.tf:0\n  type \"\" -> \"s3\" a/backend.tf:0 (it and b would have one state)\n  bucket \"\" -> \"state\" a/backend.tf:0 (it and b would have one state)\n  key \"\" -> \"x\" a/backend.tf:0 (it and b would have one state)\n  use_lockfile \"\" -> \"true\" a/backend.tf:0 (it and b would have one state)\n" +
				"b differs b/main.tf:2\n  key \"k\" -> \"x\" b/main.tf:4 moves (it and c have one state)\n  use_lockfile \"false\" -> \"true\" b/main.tf:2 (it and c have one state)\nc differs c/main.tf:2\n  key \"k\" -> \"c\" c/main.tf:4 moves (it and b have one state)\n  use_lockfile \"false\" -> \"true\" c/main.tf:2 (it and b have one state)\n" +
				"duplicate [a b] [terrier.hcl:1 terrier.hcl:1] s3://state/x false\nduplicate [b c] [b/main.tf:2 c/main.tf:2] s3://state/k true\n",
		},
		"what moves with it is not selected": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"old\"\n    use_lockfile = true\n"),
			[]Stack{{Dir: "a", Units: []Unit{{Name: "a@prod", Workspace: "prod", Want: wants("k", lock...)}, {Name: "a@qa", Workspace: "qa", Want: wants("k", lock...)}}}}, Options{Migrate: true, Select: func(u string) bool { return u == "a@prod" }},
			"a@prod differs a/main.tf:2\n  key \"old\" -> \"k\" a/main.tf:4 moves (it would move the state of a@qa too, which is not selected)\n",
		},
		"twins": {
			"-- a/main.tf --\n" + block("    bucket = \"state\"\n    key    = \"k\"\n") + "-- a/main.tofu --\n" + block("    bucket = \"state\"\n    key    = \"k\"\n    region = \"r\"\n"), []Stack{one("a", wants("k", "region", "r", "encrypt", "false"))}, Options{},
			"a differs a/main.tf:2\n  region \"\" -> \"r\" a/main.tf:2 fixed\n  warning: nothing locks the state: neither use_lockfile nor dynamodb_table is set\nwrite a/main.tf false\n" + block("    bucket = \"state\"\n    key    = \"k\"\n    region = \"r\"\n"),
		},
		"a part that is unconfigured": {
			"-- a/main.tf --\n", []Stack{{Dir: "a", Units: []Unit{{Name: "a", Want: Want{Why: "no key"}}}}}, Options{},
			"a unconfigured :0\n  no key\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			if d := cmp.Diff(test.want, statuses(plan(t, test.files, test.o, test.stacks...))); d != "" {
				t.Error(d)
			}
		})
	}
}
