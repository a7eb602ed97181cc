package rules

import (
	"strings"
	"testing"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules"
	"github.com/terrier-iac/terrier/modules/lint"
	"github.com/terrier-iac/terrier/modules/lock"
	"github.com/terrier-iac/terrier/modules/repo"
)

const (
	vpcAddress = "git::https://h.example/vpc.git"
	commitA    = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	commitB    = "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	commitC    = "cccccccccccccccccccccccccccccccccccccccc"
)

// with makes one change to an input of several.
func with(changes ...func(*lint.Input)) func(*lint.Input) {
	return func(in *lint.Input) {
		for _, c := range changes {
			c(in)
		}
	}
}

// remote has refs, each as "refs/tags/v1.0.0 aaaa…", short names being tags.
func remote(refs ...string) func(*lint.Input) {
	return func(in *lint.Input) {
		if in.Refs == nil {
			in.Refs = map[string]map[string]repo.Ref{}
		}
		if in.Refs[vpcAddress] == nil {
			in.Refs[vpcAddress] = map[string]repo.Ref{}
		}
		for _, r := range refs {
			name, commit, _ := strings.Cut(r, " ")
			h, err := repo.ParseHash(commit)
			if err != nil {
				panic(err)
			}
			if !strings.HasPrefix(name, "refs/") && name != "HEAD" {
				name = "refs/tags/" + name
			}
			in.Refs[vpcAddress][name] = repo.Ref{Object: h, Commit: h}
		}
	}
}

// locked has entries of the vpc repository.
func locked(entries ...*lock.Entry) func(*lint.Input) {
	return func(in *lint.Input) {
		in.Lock = &lock.File{Entries: entries}
		for _, e := range entries {
			if e.Address == "" {
				e.Address = vpcAddress
			}
		}
		in.Lock.Sort()
	}
}

// named is a module block of vpc at a ref, with what stands behind the source.
func named(name, query, behind string) string {
	return "module \"" + name + "\" {\n  source = \"git::https://h.example/vpc.git" + query + "\"" + behind + "\n}\n"
}

func TestTagNames(t *testing.T) {
	for _, test := range []struct {
		ref     string
		shallow bool
		want    string
	}{
		{"v1.2.3", false, "refs/tags/v1.2.3"},
		{"tags/v1.2.3", false, "refs/tags/v1.2.3 refs/tags/tags/v1.2.3"},
		{"refs/tags/v1.2.3", false, "refs/tags/v1.2.3"},
		{"refs/heads/v1.2.3", false, "refs/heads/v1.2.3"},
		{"vpc/v1.2.3", false, "refs/tags/vpc/v1.2.3"},
		{"tags/v1.2.3", true, "refs/tags/tags/v1.2.3"},
	} {
		if got := strings.Join(tagNames(test.ref, test.shallow), " "); got != test.want {
			t.Errorf("%s: got %s, want %s", test.ref, got, test.want)
		}
	}
}

func TestSameRelease(t *testing.T) {
	source, err := hclparse.ParseSource("git::https://h.example/terraform/net.git//modules/vpc?ref=x")
	if err != nil {
		t.Fatal(err)
	}
	own := ownPrefixes(&lint.Call{Source: source})
	for _, test := range []struct {
		comment, tag string
		want         bool
	}{
		{"v1.2.3", "v1.2.3", true},
		{"1.2.3", "v1.2.3", true},
		{"V1.2.3", "1.2.3", true},
		{"v1.2.3", "vpc/v1.2.3", true},
		{"vpc/v1.2.3", "v1.2.3", true},
		{"vpc-1.2.3", "vpc-v1.2.3", true},
		{"modules/vpc/v1.2.3", "v1.2.3", true},
		{"net-v1.2.3", "v1.2.3", true},
		{"tags/1.2.3", "1.2.3", true},
		{"v1.2.4", "v1.2.3", false},
		{"v1.2.3-rc1", "v1.2.3", false},
		{"eks/v1.2.3", "vpc/v1.2.3", false},
	} {
		c, ok := modules.ParseRelease(test.comment)
		r, ok2 := modules.ParseRelease(test.tag)
		if !ok || !ok2 {
			t.Fatal(test)
		}
		if got := sameRelease(c, r, own); got != test.want {
			t.Errorf("%s for %s: %v", test.comment, test.tag, got)
		}
	}
}
