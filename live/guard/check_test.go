package guard

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"
)

func atMost(n int) *int { return &n }

// What the guards say to plans of the real terraform.
func TestCheckRealPlans(t *testing.T) {
	t.Parallel()
	const (
		one    = "resource \"terraform_data\" \"db\" { input = 1 }\n"
		module = "resource \"terraform_data\" \"db\" {\n  for_each = toset([\"eu.west\", \"a[\\\"b\\\"]\"])\n  input = 1\n}\n"
		called = "module \"m\" {\n  source = \"./m\"\n  count = 2\n}\n"
	)
	for name, test := range map[string]struct {
		before, after string
		args          []string
		rules         Rules
		want          string
	}{
		"no rules":        {one, "", nil, Rules{}, ""},
		"change":          {one, strings.Replace(one, "1", "2", 1), nil, Rules{Protect: []string{"terraform_data"}, MaxDestroy: atMost(0)}, ""},
		"delete, by type": {one, "", nil, Rules{Protect: []string{"terraform_data"}}, "protect: terraform_data.db would be destroyed (protect terraform_data)\n"},
		"delete, by name": {one, "", nil, Rules{Protect: []string{"terraform_data.db"}}, "protect: terraform_data.db would be destroyed (protect terraform_data.db)\n"},
		"another name":    {one, "", nil, Rules{Protect: []string{"terraform_data.dbs", "terraform_dat", "terraform_data.d", "module.m.terraform_data.db"}}, ""},
		"replace":         {one, one, []string{"-replace=terraform_data.db"}, Rules{Protect: []string{"terraform_data.db"}}, "protect: terraform_data.db would be replaced (protect terraform_data.db)\n"},
		"create before":   {one, "resource \"terraform_data\" \"db\" {\n  input = 1\n  triggers_replace = 1\n  lifecycle { create_before_destroy = true }\n}\n", nil, Rules{Protect: []string{"terraform_data.db"}, MaxDestroy: atMost(0)}, "max_destroy: 1 objects would be lost (0 destroyed, 1 replaced, 0 forgotten), at most 0 may be\nprotect: terraform_data.db would be replaced (protect terraform_data.db)\n"},
		"forget":          {one, "removed {\n  from = terraform_data.db\n  lifecycle { destroy = false }\n}\n", nil, Rules{Protect: []string{"terraform_data.db"}, MaxDestroy: atMost(0)}, "max_destroy: 1 objects would be lost (0 destroyed, 0 replaced, 1 forgotten), at most 0 may be\nprotect: terraform_data.db would be forgotten (protect terraform_data.db)\n"},
		"moved":           {one, "moved {\n  from = terraform_data.db\n  to = terraform_data.x\n}\nresource \"terraform_data\" \"x\" { input = 1 }\n", nil, Rules{Protect: []string{"terraform_data"}, MaxDestroy: atMost(0)}, ""},
		"moved and replaced": {one, "moved {\n  from = terraform_data.db\n  to = terraform_data.x\n}\nresource \"terraform_data\" \"x\" {\n  input = 1\n  triggers_replace = 1\n}\n", nil, Rules{Protect: []string{"terraform_data.db"}},
			"protect: terraform_data.x, before terraform_data.db, would be replaced (protect terraform_data.db)\n"},
		"moved to nowhere": {one, "moved {\n  from = terraform_data.db\n  to = terraform_data.x\n}\n", nil, Rules{Protect: []string{"terraform_data.db"}},
			"protect: terraform_data.x, before terraform_data.db, would be destroyed (protect terraform_data.db)\n"},
		"in a module": {called, "", nil, Rules{Protect: []string{"terraform_data.db"}},
			`protect: module.m[0].terraform_data.db["a[\"b\"]"] would be destroyed (protect terraform_data.db); module.m[0].terraform_data.db["eu.west"] would be destroyed (protect terraform_data.db); module.m[1].terraform_data.db["a[\"b\"]"] would be destroyed (protect terraform_data.db); module.m[1].terraform_data.db["eu.west"] would be destroyed (protect terraform_data.db)` + "\n"},
		"by module": {called, strings.Replace(called, "2", "1", 1), nil, Rules{Protect: []string{"module.m.terraform_data.db"}, MaxDestroy: atMost(2)},
			`protect: module.m[1].terraform_data.db["a[\"b\"]"] would be destroyed (protect module.m.terraform_data.db); module.m[1].terraform_data.db["eu.west"] would be destroyed (protect module.m.terraform_data.db)` + "\n"},
		"by index": {called, strings.Replace(called, "2", "1", 1), nil, Rules{Protect: []string{`module.m[0].terraform_data.db`, `module.m[1].terraform_data.db["eu.west"]`}, MaxDestroy: atMost(1)},
			"max_destroy: 2 objects would be lost (2 destroyed, 0 replaced, 0 forgotten), at most 1 may be\n" + `protect: module.m[1].terraform_data.db["eu.west"] would be destroyed (protect module.m[1].terraform_data.db["eu.west"])` + "\n"},
		"by another module":      {called, "", nil, Rules{Protect: []string{"module.n.terraform_data.db", "module.m.module.m.terraform_data.db"}}, ""},
		"destroy all":            {one, one, []string{"-destroy"}, Rules{MaxDestroy: atMost(0)}, "max_destroy: 1 objects would be lost (1 destroyed, 0 replaced, 0 forgotten), at most 0 may be\n"},
		"a part":                 {one, one + "resource \"terraform_data\" \"b\" {}\nresource \"terraform_data\" \"c\" {}\n", []string{"-target=terraform_data.b"}, Rules{}, "incomplete: the plan leaves a part of the configuration out\n"},
		"nothing to do":          {one, one, nil, Rules{Protect: []string{"terraform_data"}, MaxDestroy: atMost(0)}, ""},
		"refresh only":           {one, "", []string{"-refresh-only"}, Rules{Protect: []string{"terraform_data"}, MaxDestroy: atMost(0)}, ""},
		"a pattern that is none": {one, one, nil, Rules{Protect: []string{"terraform_data.*"}}, "protect: the pattern terraform_data.* cannot be read, so what it protects is not known\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := planned(t, test.before, test.after, module, false, test.args...)
			if d := cmp.Diff(test.want, lines(CheckJSON(p, test.rules))); d != "" {
				t.Errorf("(-want +got):\n%s", d)
			}
			if d := cmp.Diff(test.want, lines(Check(parsed(t, p), test.rules))); d != "" {
				t.Errorf("without JSON (-want +got):\n%s", d)
			}
		})
	}
	t.Run("errored", func(t *testing.T) {
		t.Parallel()
		// A postcondition that fails leaves a plan behind that show can read.
		p := planned(t, one, "resource \"terraform_data\" \"db\" {\n  input = 2\n  lifecycle {\n    postcondition {\n      condition = self.input == 1\n      error_message = \"no\"\n    }\n  }\n}\n", "", true)
		if got := lines(CheckJSON(p, Rules{})); !strings.Contains(got, "incomplete: planning failed before its end") {
			t.Error(got)
		}
	})
}

// What no terraform here can be brought to plan.
func TestCheckRefusesTheUnknown(t *testing.T) {
	rc := func(address, previous string, actions ...tfjson.Action) *tfjson.ResourceChange {
		return &tfjson.ResourceChange{Address: address, PreviousAddress: previous, Mode: tfjson.ManagedResourceMode, Change: &tfjson.Change{Actions: actions}}
	}
	with := func(rcs ...*tfjson.ResourceChange) *tfjson.Plan { return &tfjson.Plan{ResourceChanges: rcs} }
	typed := rc("aws_rds.x", "", "delete")
	typed.Type = "aws_db_instance"
	deposed := rc("aws_db_instance.x", "", "delete")
	deposed.DeposedKey = "0badcafe"
	data := rc("data.aws_db_instance.x", "", "read")
	data.Mode = tfjson.DataResourceMode
	dataGone := rc("data.aws_db_instance.x", "", "delete")
	dataGone.Mode = tfjson.DataResourceMode
	modeless := rc("aws_db_instance.x", "", "create")
	modeless.Mode = ""
	no := false
	rules := Rules{Protect: []string{"aws_db_instance", "aws_s3_bucket.logs"}, MaxDestroy: atMost(1)}
	for name, test := range map[string]struct {
		plan *tfjson.Plan
		want string
	}{
		"no plan":             {nil, "incomplete: there is no plan\n"},
		"an empty one":        {&tfjson.Plan{}, ""},
		"nothing changed":     {with(nil), "incomplete: the plan holds what this version of terrier does not know: a change of nothing\n"},
		"no change":           {with(&tfjson.ResourceChange{}), "incomplete: the plan holds what this version of terrier does not know: a change without an address: no change\n"},
		"a new action":        {with(rc("a.b", "", "incinerate")), "incomplete: the plan holds what this version of terrier does not know: a.b: [incinerate]\n"},
		"a new combination":   {with(rc("a.b", "", "delete", "update")), "incomplete: the plan holds what this version of terrier does not know: a.b: [delete update]\n"},
		"no action":           {with(rc("a.b", "")), "incomplete: the plan holds what this version of terrier does not know: a.b: []\n"},
		"no mode":             {with(modeless), "incomplete: the plan holds what this version of terrier does not know: aws_db_instance.x: mode \n"},
		"a data source":       {with(data), ""},
		"a data source's end": {with(dataGone), "incomplete: the plan holds what this version of terrier does not know: data.aws_db_instance.x: [delete] of a data source\n"},
		"create, forget":      {with(rc("aws_s3_bucket.logs", "", "create", "forget")), "protect: aws_s3_bucket.logs would be forgotten (protect aws_s3_bucket.logs)\n"},
		"deposed":             {with(deposed, deposed), "max_destroy: 2 objects would be lost (2 destroyed, 0 replaced, 0 forgotten), at most 1 may be\nprotect: aws_db_instance.x (deposed 0badcafe) would be destroyed (protect aws_db_instance)\n"},
		"the type alone":      {with(typed), "protect: aws_rds.x would be destroyed (protect aws_db_instance)\n"},
		"moved from the type": {with(rc("aws_rds.x", "module.a[\"k\"].aws_db_instance.x[3]", "delete", "create")), "protect: aws_rds.x, before module.a[\"k\"].aws_db_instance.x[3], would be replaced (protect aws_db_instance)\n"},
		"no address":          {with(rc("", "", "delete")), "incomplete: an address of the plan cannot be read, so whether it is protected is not known: none\n"},
		"an odd address":      {with(rc("aws_s3_bucket.logs\x1b[31m", "", "delete")), "incomplete: an address of the plan cannot be read, so whether it is protected is not known: aws_s3_bucket.logs\\x1b[31m\n"},
		"an odd old address":  {with(rc("a.b", "aws s3", "delete")), "incomplete: an address of the plan cannot be read, so whether it is protected is not known: a.b\n"},
		"not complete":        {&tfjson.Plan{Complete: &no}, "incomplete: the plan leaves a part of the configuration out\n"},
		"deferred":            {&tfjson.Plan{Complete: &no, DeferredChanges: []*tfjson.DeferredResourceChange{{ResourceChange: rc("b.c", "", "create")}, nil, {ResourceChange: rc("a.b", "")}}}, "incomplete: terraform put off 3 changes, so what they do is not known: a.b; b.c\n"},
	} {
		if d := cmp.Diff(test.want, lines(Check(test.plan, rules))); d != "" {
			t.Errorf("%s (-want +got):\n%s", name, d)
		}
	}
	var many []*tfjson.ResourceChange
	for i := range 30 {
		many = append(many, rc("aws_db_instance.x["+strconv.Itoa(i)+"]", "", "delete"))
	}
	if got := lines(Check(with(many...), Rules{Protect: []string{"aws_db_instance"}})); !strings.Contains(got, "; and 10 more") {
		t.Error(got)
	}
	if got := lines(Check(with(rc("a.b", "", "delete")), Rules{MaxDestroy: atMost(-1)})); !strings.HasPrefix(got, "max_destroy") {
		t.Error(got)
	}
}

func TestCheckJSONRefuses(t *testing.T) {
	const changed = `"resource_changes":[{"address":"a.b","mode":"managed","change":{"actions":["create"]}}]`
	for text, want := range map[string]string{
		`{"format_version":"1.2","errored":true}`:                                     "incomplete: planning failed before its end, and a part was saved\n",
		`{"format_version":"1.2","errored":"no"}`:                                     "incomplete: the JSON of the plan cannot be read\n",
		`{"format_version":"1.2","applyable":false}`:                                  "",
		`{"format_version":"1.2","applyable":false,` + changed + `}`:                  "incomplete: terraform says that this plan cannot be applied\n",
		`{"format_version":"1.2","applyable":true,` + changed + `}`:                   "",
		`{"format_version":"1.2",` + changed + `}`:                                    "",
		`{"format_version":"1.2","deferred_action_invocations":[{}]}`:                 "incomplete: terraform put off 1 actions: what they do is not known yet\n",
		`{"format_version":"2.0"}`:                                                    "incomplete: the JSON of the plan cannot be read\n",
		`{"format_version":"1.2","resource_changes":{}}`:                              "incomplete: the JSON of the plan cannot be read\n",
		`{"format_version":"1.2","resource_changes":[{"change":{"actions":[true]}}]}`: "incomplete: the JSON of the plan cannot be read\n",
		``:     "incomplete: the JSON of the plan cannot be read\n",
		`null`: "incomplete: the JSON of the plan cannot be read\n",
		`[]`:   "incomplete: the JSON of the plan cannot be read\n",
	} {
		if d := cmp.Diff(want, lines(CheckJSON([]byte(text), Rules{}))); d != "" {
			t.Errorf("%s (-want +got):\n%s", text, d)
		}
	}
}

func TestParsePattern(t *testing.T) {
	for _, good := range []string{"aws_db_instance", "aws_s3_bucket.logs", "module.x.aws_db_instance.main", `module.x["a.b"].module.y[0].aws_db_instance.main["k]"]`, "a-b.c_d", `a.b["\"]"]`} {
		if p, err := ParsePattern(good); err != nil || p.String() != good {
			t.Errorf("%s: %v", good, err)
		}
	}
	for bad, want := range map[string]string{
		"":                       "is no name",
		"*":                      "is no name",
		"aws_*":                  "is no name",
		"a.b.c":                  "more than a type and a name",
		"module.x":               "is a module",
		"module":                 "no name follows module",
		"module[0].x.a.b":        "no name follows module",
		"module.x.aws_instance":  "no name behind the type",
		"data.aws_x.y":           "data source",
		"a[0].b":                 "an index behind the type",
		"a.b[":                   "index",
		"a.b[x]":                 "index",
		"a.b[*]":                 "index",
		`a.b["]`:                 "index",
		`a.b["\"]`:               "index",
		"a.b[0]c":                "follows an index",
		"a.b[0][1]":              "follows an index",
		"a. b":                   "is no name",
		"a..b":                   "is no name",
		".a":                     "is no name",
		"a.b\n":                  "is no name",
		"aws_db_instance,aws_s3": "is no name",
	} {
		_, err := ParsePattern(bad)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestPatternMatches(t *testing.T) {
	for _, test := range []struct {
		pattern, address string
		want             bool
	}{
		{"a", "a.b", true},
		{"a", "module.m[\"a.b\"].module.n.a.b[0]", true},
		{"a", "b.a", false},
		{"a.b", "a.b", true},
		{"a.b", "module.m.a.b[\"x\"]", true},
		{"a.b", "a.bb", false},
		{"a.b[0]", "a.b", false},
		{"a.b[0]", "module.m.a.b[0]", true},
		{"a.b[0]", "a.b[1]", false},
		{"module.m.a.b", "module.m[1].a.b[2]", true},
		{"module.m.a.b", "module.m.module.n.a.b", false},
		{"module.m.a.b", "module.n.module.m.a.b", false},
		{"module.m.a.b", "a.b", false},
		{"module.m.module.n.a.b", "module.m.a.b", false},
		{"module.m[0].a.b", "module.m[1].a.b", false},
		{"module.m[0].a.b", "module.m.a.b", false},
	} {
		p, err := ParsePattern(test.pattern)
		if err != nil {
			t.Fatal(err)
		}
		a, err := parseAddress(test.address)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.match(a); got != test.want {
			t.Errorf("%s of %s: %v", test.pattern, test.address, got)
		}
	}
}

// Nothing that is JSON, a pattern or an address makes a guard panic.
func FuzzCheckJSON(f *testing.F) {
	f.Add([]byte(`{"format_version":"1.2","resource_changes":[null,{"address":"module.m[\"x\"].a.b[0]","mode":"managed","previous_address":"a.b","deposed":"x","change":{"actions":["delete"]}},{}],"deferred_changes":[null,{}],"output_changes":{"a":null}}`), `module.x["a"].a.b[0]`)
	f.Fuzz(func(t *testing.T, plan []byte, pattern string) {
		zero := 0
		for _, r := range CheckJSON(plan, Rules{Protect: []string{pattern}, MaxDestroy: &zero}) {
			if !r.Guard.Known() || r.Reason == "" || r.Hint == "" || strings.ContainsAny(r.Reason+r.Hint, "\n\r\x1b\x00") {
				t.Fatalf("%+v", r)
			}
		}
	})
}

// README.md has a line for each guard, and says of each whether it can be passed.
func TestReadmeListsTheGuards(t *testing.T) {
	data, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[Name]bool{}
	for _, m := range regexp.MustCompile("(?m)^\\| `([a-z_-]+)` \\|.*\\| (yes|never) \\|$").FindAllStringSubmatch(string(data), -1) {
		listed[Name(m[1])] = m[2] == "yes"
	}
	if d := cmp.Diff(overridable, listed); d != "" {
		t.Errorf("(-code +README.md):\n%s", d)
	}
	for _, n := range []Name{Unapproved, Altered, Foreign, Account, Environment, "", "nobody"} {
		if n.Overridable() {
			t.Errorf("%q can be passed", n)
		}
	}
	if len(Names()) != len(overridable) || !Protect.Known() || Name("x").Known() {
		t.Error("names")
	}
}
