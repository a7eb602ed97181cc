package versions

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/terrier-iac/terrier/modules/registry"
	"github.com/terrier-iac/terrier/modules/repo"
)

// The registry protocol itself, from a server: two modules of one repository
// path are one question, and what is no version is passed over.
func TestAskRegistry(t *testing.T) {
	var mu sync.Mutex
	seen := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		seen[r.URL.Path]++
		mu.Unlock()
		switch r.URL.Path {
		case "/acme/vpc/aws/versions":
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"modules":[{"versions":[{"version":"1.2.0"},{"version":"v1.10.0"},{"version":"nonsense"},{"version":"2.0.0-rc1"},{"version":"2.0.0"}]}]}`)
		case "/acme/secret/aws/versions":
			http.Error(w, "no", http.StatusForbidden)
		default:
			http.NotFound(w, r)
		}
	}))
	defer server.Close()
	config := filepath.Join(t.TempDir(), "cli.tfrc")
	text := fmt.Sprintf("host \"reg.example.com\" {\n  services = { \"modules.v1\" = %q }\n}\n", server.URL+"/")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := load(t, nil, map[string]string{"main.tf": call("a", "reg.example.com/acme/vpc/aws", `version = "~> 1.0"`) +
		call("b", "reg.example.com/acme/vpc/aws", `version = "1.2.0"`) + call("c", "reg.example.com/acme/vpc/aws//modules/sub", `version = "1.2.0"`) +
		call("d", "reg.example.com/acme/secret/aws", `version = "1.0.0"`) + call("e", "reg.example.com/acme/gone/aws", `version = "1.0.0"`)})
	err := s.Ask(context.Background(), Asker{
		Cache: &repo.Cache{Dir: t.TempDir()},
		Registry: func() (Registry, error) {
			return registry.New(registry.Options{Env: []string{"TF_CLI_CONFIG_FILE=" + config}, Home: t.TempDir()})
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range s.Outdated(Rules{}) {
		got = append(got, r.Module.Name+" "+line(r))
	}
	want := "gone 1.0.0 - - -1\nsecret 1.0.0 - - -1\nsub 1.2.0 2.0.0 2.0.0 2\nvpc 1.2.0 2.0.0 2.0.0 2\nvpc ~> 1.0 v1.10.0 2.0.0 1"
	if strings.Join(got, "\n") != want {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
	if seen["/acme/vpc/aws/versions"] != 1 {
		t.Errorf("asked %v", seen)
	}
	if len(s.Failures) != 2 || !strings.HasPrefix(s.Failures[0].Source, "reg.example.com/acme/gone") || !strings.HasPrefix(s.Failures[1].Source, "reg.example.com/acme/secret") {
		t.Errorf("%+v", s.Failures)
	}
}
