package modules

import (
	"fmt"
	"io/fs"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/terrier-iac/terrier/hclparse"
)

// TestSharedStates puts two backends into the stacks a and b.
func TestSharedStates(t *testing.T) {
	const s3 = "backend \"s3\" {\n bucket = \"b\"\n key = \"k\"\n region = \"r\"\n"
	for _, test := range []struct {
		name, a, b string
		shared     bool
	}{
		{"s3", s3 + "}", s3 + "}", true},
		{"s3, a role of its own: a bucket's name is unique", s3 + "}", s3 + "role_arn = \"arn\"\n assume_role = { role_arn = \"arn\" }\n}", true},
		{"s3, the default said", s3 + "}", s3 + "workspace_key_prefix = \"env:\"\n}", true},
		{"s3, another key", s3 + "}", strings.Replace(s3, `"k"`, `"K"`, 1) + "}", false},
		{"s3, another bucket", s3 + "}", strings.Replace(s3, `"b"`, `"c"`, 1) + "}", false},
		{"s3, another region", s3 + "}", strings.Replace(s3, `"r"`, `"s"`, 1) + "}", false},
		{"s3, another endpoint", s3 + "}", s3 + "endpoint = \"http://minio\"\n}", false},
		{"s3, another endpoint in an object", s3 + "}", s3 + "endpoints = { s3 = \"http://minio\" }\n}", false},
		{"s3, an endpoint that is not known", s3 + "endpoints = { s3 = var.x }\n}", s3 + "endpoints = { s3 = var.x }\n}", false},
		{"s3, another profile, which may have another endpoint", s3 + "}", s3 + "profile = \"p\"\n}", false},
		{"s3, other workspaces", s3 + "}", s3 + "workspace_key_prefix = \"w\"\n}", false},
		{"s3, partial", "backend \"s3\" {\n key = \"k\"\n}", "backend \"s3\" {\n key = \"k\"\n}", false},
		{"s3, bucket computed", "backend \"s3\" {\n bucket = var.b\n key = \"k\"\n}", "backend \"s3\" {\n bucket = var.b\n key = \"k\"\n}", false},
		{"s3, a template that a script fills in", s3 + "workspace_key_prefix = \"members/$name\"\n}", s3 + "workspace_key_prefix = \"members/$name\"\n}", false},
		{"s3, a template of another kind", strings.Replace(s3, `"k"`, `"<stack>/k"`, 1) + "}", strings.Replace(s3, `"k"`, `"<stack>/k"`, 1) + "}", false},
		{"s3, to be filled in", strings.Replace(s3, `"b"`, `"UPDATE_ME"`, 1) + "}", strings.Replace(s3, `"b"`, `"UPDATE_ME"`, 1) + "}", false},
		{"s3, to be filled in, in other words", strings.Replace(s3, `"b"`, `"your-state-bucket"`, 1) + "}", strings.Replace(s3, `"b"`, `"your-state-bucket"`, 1) + "}", false},
		{"s3, a name that holds such a word", strings.Replace(s3, `"b"`, `"exchange-media"`, 1) + "}", strings.Replace(s3, `"b"`, `"exchange-media"`, 1) + "}", true},
		{"s3, signs that are no template", strings.Replace(s3, `"k"`, `"a_b$/c__d/100%"`, 1) + "}", strings.Replace(s3, `"k"`, `"a_b$/c__d/100%"`, 1) + "}", true},
		{"s3, nothing", "backend \"s3\" {}", "backend \"s3\" {}", false},
		{"s3 and gcs", s3 + "}", "backend \"gcs\" {\n bucket = \"b\"\n prefix = \"k\"\n}", false},
		{"parts that meet are no key", "backend \"s3\" {\n bucket = \"b\"\n key = \"k\\\"\\\"r\"\n}", "backend \"s3\" {\n bucket = \"b\"\n key = \"k\"\n region = \"r\"\n}", false},
		{"gcs", "backend \"gcs\" {\n bucket = \"b\"\n prefix = \"p\"\n}", "backend \"gcs\" {\n bucket = \"b\"\n prefix = \"p\"\n credentials = \"x\"\n}", true},
		{"gcs, prefix at init", "backend \"gcs\" {\n bucket = \"b\"\n}", "backend \"gcs\" {\n bucket = \"b\"\n}", false},
		{"azurerm", "backend \"azurerm\" {\n storage_account_name = \"s\"\n container_name = \"c\"\n key = \"k\"\n}", "backend \"azurerm\" {\n storage_account_name = \"s\"\n container_name = \"c\"\n key = \"k\"\n resource_group_name = \"g\"\n}", true},
		{"azurerm, another container", "backend \"azurerm\" {\n storage_account_name = \"s\"\n container_name = \"c\"\n key = \"k\"\n}", "backend \"azurerm\" {\n storage_account_name = \"s\"\n container_name = \"d\"\n key = \"k\"\n}", false},
		{"azurerm, another cloud", "backend \"azurerm\" {\n storage_account_name = \"s\"\n container_name = \"c\"\n key = \"k\"\n}", "backend \"azurerm\" {\n storage_account_name = \"s\"\n container_name = \"c\"\n key = \"k\"\n environment = \"china\"\n}", false},
		{"http", "backend \"http\" {\n address = \"https://h/s\"\n}", "backend \"http\" {\n address = \"https://h/s\"\n lock_address = \"https://h/l\"\n}", true},
		{"http, at init", "backend \"http\" {}", "backend \"http\" {}", false},
		{"consul", "backend \"consul\" {\n address = \"h\"\n path = \"p\"\n}", "backend \"consul\" {\n address = \"h\"\n path = \"p\"\n}", true},
		{"consul, of which host", "backend \"consul\" {\n path = \"p\"\n}", "backend \"consul\" {\n path = \"p\"\n}", false},
		{"pg", "backend \"pg\" {\n conn_str = \"postgres://h/d\"\n}", "backend \"pg\" {\n conn_str = \"postgres://h/d\"\n schema_name = \"terraform_remote_state\"\n}", true},
		{"pg, another schema", "backend \"pg\" {\n conn_str = \"postgres://h/d\"\n}", "backend \"pg\" {\n conn_str = \"postgres://h/d\"\n schema_name = \"b\"\n}", false},
		{"kubernetes", "backend \"kubernetes\" {\n secret_suffix = \"s\"\n config_path = \"~/.kube/config\"\n}", "backend \"kubernetes\" {\n secret_suffix = \"s\"\n config_path = \"~/.kube/config\"\n namespace = \"default\"\n}", true},
		{"kubernetes, of which cluster", "backend \"kubernetes\" {\n secret_suffix = \"s\"\n}", "backend \"kubernetes\" {\n secret_suffix = \"s\"\n}", false},
		{"oss", "backend \"oss\" {\n bucket = \"b\"\n key = \"k\"\n}", "backend \"oss\" {\n bucket = \"b\"\n key = \"k\"\n}", true},
		{"cos, another prefix", "backend \"cos\" {\n bucket = \"b\"\n key = \"k\"\n}", "backend \"cos\" {\n bucket = \"b\"\n key = \"k\"\n prefix = \"p\"\n}", false},
		{"cloud and remote are one service", "cloud {\n organization = \"o\"\n workspaces {\n name = \"w\"\n project = \"p\"\n }\n}", "backend \"remote\" {\n organization = \"o\"\n workspaces {\n name = \"w\"\n }\n}", true},
		{"cloud, another host", "cloud {\n organization = \"o\"\n workspaces {\n name = \"w\"\n }\n}", "cloud {\n hostname = \"tfe.example\"\n organization = \"o\"\n workspaces {\n name = \"w\"\n }\n}", false},
		{"cloud, by tags", "cloud {\n organization = \"o\"\n workspaces {\n tags = [\"w\"]\n }\n}", "cloud {\n organization = \"o\"\n workspaces {\n tags = [\"w\"]\n }\n}", false},
		{"remote, by prefix", "backend \"remote\" {\n organization = \"o\"\n workspaces {\n prefix = \"w-\"\n }\n}", "backend \"remote\" {\n organization = \"o\"\n workspaces {\n prefix = \"w-\"\n }\n}", false},
		{"local is in each directory", "backend \"local\" {}", "backend \"local\" {}", false},
		{"local, a path in each", "backend \"local\" {\n path = \"x.tfstate\"\n}", "backend \"local\" {\n path = \"x.tfstate\"\n}", false},
		{"local, one file", "backend \"local\" {\n path = \"../x.tfstate\"\n}", "backend \"local\" {\n path = \"./../x.tfstate\"\n}", true},
		{"local, the other's default", "backend \"local\" {}", "backend \"local\" {\n path = \"../a/terraform.tfstate\"\n}", true},
		{"local, an absolute path", "backend \"local\" {\n path = \"/s/x\"\n}", "backend \"local\" {\n path = \"/s//x\"\n}", true},
		{"local, computed", "backend \"local\" {\n path = \"/s/${var.x}\"\n}", "backend \"local\" {\n path = \"/s/${var.x}\"\n}", false},
		{"of a type that nobody knows", "backend \"mine\" {\n key = \"k\"\n}", "backend \"mine\" {\n key = \"k\"\n}", false},
	} {
		fsys := fstest.MapFS{}
		for dir, backend := range map[string]string{"a": test.a, "b": test.b} {
			fsys[dir+"/main.tf"] = &fstest.MapFile{Data: []byte("terraform {\n" + backend + "\n}\n")}
		}
		tree, diags := hclparse.Load(fsys)
		if diags.HasErrors() {
			t.Fatalf("%s: %v", test.name, diags)
		}
		want := ""
		if test.shared {
			want = "[a b]"
		}
		if got := groups(NewGraph(tree, nil)); got != want {
			t.Errorf("%s: got %q, want %q", test.name, got, want)
		}
	}
}

func groups(g *Graph) string {
	var out []string
	for _, group := range g.SharedStates() {
		var dirs []string
		for _, s := range group {
			dirs = append(dirs, s.Dir)
		}
		out = append(out, fmt.Sprint(dirs))
	}
	return strings.Join(out, " ")
}

// TestSharedStatesOfDirectories is about which backends are compared at all.
func TestSharedStatesOfDirectories(t *testing.T) {
	const k = "terraform {\n backend \"s3\" {\n bucket = \"b\"\n key = \"k\"\n }\n}\n"
	other := strings.Replace(k, `"k"`, `"other"`, 1)
	link := func(to string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(to), Mode: fs.ModeSymlink} }
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	for _, test := range []struct {
		name  string
		files fstest.MapFS
		want  string
	}{
		{"three, and two of another key", fstest.MapFS{"a/m.tf": file(k), "b/m.tf": file(k), "c/m.tf": file(k), "d/m.tf": file(other), "e/m.tf": file(other)}, "[a b c] [d e]"},
		{"an override has the last word", fstest.MapFS{"a/m.tf": file(k), "b/m.tf": file(k), "b/override.tf": file(other)}, ""},
		{"an override makes it one", fstest.MapFS{"a/m.tf": file(k), "b/m.tf": file(other), "b/override.tf": file(k)}, "[a b]"},
		{"a twin of OpenTofu", fstest.MapFS{"a/m.tf": file(k), "b/m.tf": file(other), "b/m.tofu": file(k)}, ""},
		{"a called module's backend is ignored", fstest.MapFS{"a/m.tf": file(k + "module \"x\" {\n source = \"../modules/x\"\n}\n"), "modules/x/m.tf": file(k)}, ""},
		{"terragrunt may write another", fstest.MapFS{"a/m.tf": file(k), "b/m.tf": file(k), "b/terragrunt.hcl": file("inputs = {}\n")}, ""},
		{"one stack at two places", fstest.MapFS{"a/m.tf": file(k), "b/m.tf": link("../a/m.tf")}, ""},
		{"a shared backend file", fstest.MapFS{"a/m.tf": file(k), "b/m.tf": link("../a/m.tf"), "b/x.tf": file("")}, "[a b]"},
		{"steps of a walk through one stack", fstest.MapFS{"docs/fixtures/one/m.tf": file(k), "docs/fixtures/two/m.tf": file(k), "examples/x/m.tf": file(k)}, ""},
		{"in JSON", fstest.MapFS{"a/m.tf": file(k), "b/m.tf.json": file(`{"terraform": {"backend": {"s3": {"bucket": "b", "key": "k"}}}}`)}, "[a b]"},
	} {
		tree, _ := hclparse.Load(test.files)
		if got := groups(NewGraph(tree, nil)); got != test.want {
			t.Errorf("%s: got %q, want %q", test.name, got, test.want)
		}
	}
}
