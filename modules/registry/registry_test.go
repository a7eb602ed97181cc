package registry

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// The library that asks for services talks of it.
func TestMain(m *testing.M) {
	log.SetOutput(io.Discard)
	os.Exit(m.Run())
}

// A world is hosts by name, all on one server over TLS, and what they were
// sent.
type world struct {
	*httptest.Server
	mu     sync.Mutex
	routes map[string]http.HandlerFunc // by host and path
	seen   []string                    // "HOST PATH?QUERY token"
	agents map[string]bool
}

func newWorld(t *testing.T) *world {
	w := &world{routes: map[string]http.HandlerFunc{}, agents: map[string]bool{}}
	w.Server = httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		w.seen = append(w.seen, strings.TrimSpace(r.Host+" "+r.URL.RequestURI()+" "+r.Header.Get("Authorization")))
		w.agents[r.UserAgent()] = true
		h := w.routes[r.Host+r.URL.Path]
		w.mu.Unlock()
		if h == nil {
			http.NotFound(rw, r)
			return
		}
		h(rw, r)
	}))
	w.Server.StartTLS()
	t.Cleanup(w.Server.Close)
	return w
}

// serve answers with a body; what begins with a status ("404 …") with that.
func (w *world) serve(at, body string, headers ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.routes[at] = func(rw http.ResponseWriter, r *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			rw.Header().Set(headers[i], headers[i+1])
		}
		if strings.HasPrefix(body, "{") {
			rw.Header().Set("Content-Type", "application/json")
		}
		code := http.StatusOK
		if _, err := fmt.Sscanf(body, "%3d ", &code); err == nil {
			rw.WriteHeader(code)
			if code == http.StatusNoContent {
				return
			}
		}
		_, _ = rw.Write([]byte(body))
	}
}

func (w *world) redirect(at, to string) {
	w.routes[at] = func(rw http.ResponseWriter, r *http.Request) { http.Redirect(rw, r, to, http.StatusFound) }
}

// requests returns those since it was last called.
func (w *world) requests() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	seen := w.seen
	w.seen = nil
	return seen
}

func (w *world) transport() http.RoundTripper {
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, w.Listener.Addr().String())
		},
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
	}
}

func (w *world) client(t *testing.T, home string, env ...string) *Client {
	t.Helper()
	if home == "" {
		home = t.TempDir()
	}
	c, err := New(Options{Env: append([]string{"X=y"}, env...), Home: home, Transport: w.transport()})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

const vpcVersions = `{"modules":[{"versions":[{"version":"1.2.0"},{"version":"v1.10.0"},{"version":"nonsense"},{"version":"2.0.0-rc1"},{"version":"1.9.9"}]}]}`

func write(t *testing.T, file, content string) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(file), 0o777); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func wantRequests(t *testing.T, w *world, want ...string) {
	t.Helper()
	if got := w.requests(); !slices.Equal(got, want) {
		t.Errorf("the server was sent\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func TestVersionsAndDownload(t *testing.T) {
	w := newWorld(t)
	w.serve("reg.example.com"+discoveryPath, `{"modules.v1":"/api/modules"}`, "Content-Type", "application/json")
	w.serve("reg.example.com/api/modules/acme/vpc/aws/versions", vpcVersions)
	w.serve("reg.example.com/api/modules/acme/vpc/aws/1.2.0/download", "204 ", "X-Terraform-Get", "git::https://git.example.com/vpc.git?ref=v1.2.0")
	w.serve("reg.example.com/api/modules/acme/vpc/aws/v1.10.0/download", `{"location":"./pkg.tar.gz?archive=tar.gz"}`)
	w.serve("reg.example.com/api/modules/acme/vpc/aws/1.9.9/download", `{"location":"/pkg/vpc.zip"}`, "X-Terraform-Get", "./other")
	w.serve("reg.example.com/api/modules/acme/vpc/aws/2.0.0-rc1/download", "204 ", "X-Terraform-Get", "../../../../x//sub?archive=tgz")
	c := w.client(t, "", "TF_TOKEN_reg_example_com=tok-reg", "TF_TOKEN_other_example_com=tok-other")
	ctx := t.Context()

	got, err := c.Versions(ctx, "Reg.Example.com", "acme", "vpc", "aws")
	if err != nil || !slices.Equal(got, []string{"2.0.0-rc1", "v1.10.0", "1.9.9", "1.2.0"}) {
		t.Errorf("%v %v", got, err)
	}
	wantRequests(t, w, "reg.example.com /.well-known/terraform.json Bearer tok-reg", "reg.example.com /api/modules/acme/vpc/aws/versions Bearer tok-reg")
	for v, want := range map[string]string{
		"1.2.0":     "git::https://git.example.com/vpc.git?ref=v1.2.0",
		"v1.10.0":   "https://reg.example.com/api/modules/acme/vpc/aws/v1.10.0/pkg.tar.gz?archive=tar.gz",
		"1.9.9":     "https://reg.example.com/pkg/vpc.zip",
		"2.0.0-rc1": "https://reg.example.com/api/modules/x//sub?archive=tgz",
	} {
		if got, err := c.Download(ctx, "reg.example.com", "acme", "vpc", "aws", v); got != want || err != nil {
			t.Errorf("%s: %s %v", v, got, err)
		}
		wantRequests(t, w, "reg.example.com /api/modules/acme/vpc/aws/"+v+"/download Bearer tok-reg")
	}
	if !w.agents["terrier"] || len(w.agents) != 1 {
		t.Errorf("user agents: %v", w.agents)
	}
}

// A token goes to its own host, and to the service that this host names.
func TestTokenStaysAtHome(t *testing.T) {
	w := newWorld(t)
	bare := `{"modules.v1":"/m/"}`
	// Names a service elsewhere by itself.
	w.serve("a.example.com"+discoveryPath, `{"modules.v1":"https://service.a.example.com/m/"}`)
	w.serve("service.a.example.com/m/acme/vpc/aws/versions", vpcVersions)
	// Passes the question on.
	w.redirect("b.example.com"+discoveryPath, "https://c.example.com"+discoveryPath)
	w.serve("c.example.com"+discoveryPath, bare)
	w.serve("c.example.com/m/acme/vpc/aws/versions", vpcVersions)
	// Redirects its service: to a subdomain, to another port.
	w.serve("d.example.com"+discoveryPath, bare)
	w.redirect("d.example.com/m/acme/vpc/aws/versions", "https://sub.d.example.com/x")
	w.redirect("sub.d.example.com/x", "https://d.example.com:8443/y")
	w.serve("d.example.com:8443/y", vpcVersions)
	w.redirect("d.example.com/m/acme/here/aws/versions", "/z")
	w.serve("d.example.com/z", vpcVersions)
	c := w.client(t, "", "TF_TOKEN_a_example_com=tok-a", "TF_TOKEN_b_example_com=tok-b", "TF_TOKEN_d_example_com=tok-d")
	for _, host := range []string{"a.example.com", "b.example.com", "d.example.com"} {
		if _, err := c.Versions(t.Context(), host, "acme", "vpc", "aws"); err != nil {
			t.Errorf("%s: %v", host, err)
		}
	}
	if _, err := c.Versions(t.Context(), "d.example.com", "acme", "here", "aws"); err != nil {
		t.Error(err)
	}
	wantRequests(t, w,
		"a.example.com /.well-known/terraform.json Bearer tok-a", "service.a.example.com /m/acme/vpc/aws/versions Bearer tok-a",
		"b.example.com /.well-known/terraform.json Bearer tok-b", "c.example.com /.well-known/terraform.json", "c.example.com /m/acme/vpc/aws/versions",
		"d.example.com /.well-known/terraform.json Bearer tok-d", "d.example.com /m/acme/vpc/aws/versions Bearer tok-d", "sub.d.example.com /x", "d.example.com:8443 /y",
		"d.example.com /m/acme/here/aws/versions Bearer tok-d", "d.example.com /z Bearer tok-d")

	// Nor does it follow a redirect away from https, which is refused at all.
	w.redirect("d.example.com/m/acme/plain/aws/versions", "http://d.example.com/y")
	if _, err := c.Versions(t.Context(), "d.example.com", "acme", "plain", "aws"); err == nil || !strings.Contains(err.Error(), "redirects from https to http") {
		t.Errorf("a redirect to http: %v", err)
	}
}

func TestCLIConfig(t *testing.T) {
	block := func(host, token string) string {
		return fmt.Sprintf("credentials %q {\n  token = %q\n}\n", host, token)
	}
	service := func(host string) string {
		return fmt.Sprintf("host %q {\n  services = {\n    \"modules.v1\" = \"https://forced.example.com/%s/\"\n  }\n}\n", host, host)
	}
	for name, test := range map[string]struct {
		files map[string]string
		env   []string
		want  string // of r-x.example.com
	}{
		"nothing":            {want: "r-x.example.com /m/a/b/c/versions"},
		"terraformrc":        {files: map[string]string{".terraformrc": block("r-x.example.com", "rc")}, want: "r-x.example.com /m/a/b/c/versions Bearer rc"},
		"tofurc":             {files: map[string]string{".tofurc": block("r-x.example.com", "tofu")}, want: "r-x.example.com /m/a/b/c/versions Bearer tofu"},
		"both":               {files: map[string]string{".tofurc": block("r-x.example.com", "tofu"), ".terraformrc": "# none\n"}, want: "r-x.example.com /m/a/b/c/versions"},
		"xdg":                {files: map[string]string{"xdg/opentofu/tofurc": block("r-x.example.com", "xdg")}, env: []string{"XDG_CONFIG_HOME=HOME/xdg"}, want: "r-x.example.com /m/a/b/c/versions Bearer xdg"},
		"logged in":          {files: map[string]string{".terraform.d/credentials.tfrc.json": `{"credentials":{"r-x.example.com":{"token":"login"}}}`}, want: "r-x.example.com /m/a/b/c/versions Bearer login"},
		"the directory":      {files: map[string]string{".terraform.d/a.tfrc": service("r-x.example.com"), ".terraform.d/b.txt": "{{{"}, want: "forced.example.com /r-x.example.com/a/b/c/versions"},
		"environment first":  {files: map[string]string{".terraformrc": block("r-x.example.com", "rc")}, env: []string{"TF_TOKEN_r__x_example_com=env"}, want: "r-x.example.com /m/a/b/c/versions Bearer env"},
		"hyphen as it is":    {env: []string{"TF_TOKEN_r-x_example_com=env"}, want: "r-x.example.com /m/a/b/c/versions Bearer env"},
		"the file alone":     {files: map[string]string{"my.rc": service("r-x.example.com") + block("R-X.example.com", "mine"), ".terraformrc": block("r-x.example.com", "rc"), ".terraform.d/credentials.tfrc.json": "nonsense"}, env: []string{"TF_CLI_CONFIG_FILE=HOME/my.rc"}, want: "forced.example.com /r-x.example.com/a/b/c/versions Bearer mine"},
		"the file not there": {files: map[string]string{".terraformrc": block("r-x.example.com", "rc")}, env: []string{"TF_CLI_CONFIG_FILE=HOME/none"}, want: "r-x.example.com /m/a/b/c/versions"},
		"another host's":     {files: map[string]string{".terraformrc": block("example.com", "rc")}, want: "r-x.example.com /m/a/b/c/versions"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.serve("r-x.example.com"+discoveryPath, `{"modules.v1":"/m/"}`)
			w.serve("r-x.example.com/m/a/b/c/versions", vpcVersions)
			w.serve("forced.example.com/r-x.example.com/a/b/c/versions", vpcVersions)
			home := t.TempDir()
			for file, content := range test.files {
				write(t, filepath.Join(home, file), content)
			}
			for i := range test.env {
				test.env[i] = strings.ReplaceAll(test.env[i], "HOME/", home+"/")
			}
			if _, err := w.client(t, home, test.env...).Versions(t.Context(), "r-x.example.com", "a", "b", "c"); err != nil {
				t.Error(err)
			}
			got := w.requests()
			if got[len(got)-1] != test.want {
				t.Errorf("%q, want %s", got, test.want)
			}
		})
	}
	for content, want := range map[string]string{
		"credentials \"x\" {\n  token = \"secret\n}\n": "it is no CLI configuration",
		"}}}secret": "it is no CLI configuration",
		"credentials \"not a host\" {\n  token = \"secret\"\n}\n": "which is no host",
		"host \"-\" {\n}\n": "which is no host",
	} {
		home := t.TempDir()
		file := write(t, filepath.Join(home, ".terraformrc"), content)
		if _, err := New(Options{Env: []string{}, Home: home}); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), file) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", content, err)
		}
	}
}

func TestRegistryErrors(t *testing.T) {
	w := newWorld(t)
	w.serve("r.example.com"+discoveryPath, `{"modules.v1":"/m/"}`)
	w.serve("none.example.com"+discoveryPath, `{"providers.v1":"/p/"}`)
	w.serve("html.example.com"+discoveryPath, "<html>", "Content-Type", "text/html")
	w.serve("json.example.com"+discoveryPath, "{", "Content-Type", "application/json")
	w.serve("r.example.com/m/acme/vpc/aws/versions", vpcVersions)
	w.serve("r.example.com/m/acme/empty/aws/versions", `{"modules":[]}`)
	w.serve("r.example.com/m/acme/e401/aws/versions", "401 ")
	w.serve("r.example.com/m/acme/e403/aws/versions", "403 ")
	w.serve("r.example.com/m/acme/e500/aws/versions", "500 ")
	w.serve("r.example.com/m/acme/e418/aws/versions", "418 ")
	w.serve("r.example.com/m/acme/page/aws/versions", "<!doctype html><title>Log in</title>", "Content-Type", "text/html; charset=utf-8")
	w.serve("r.example.com/m/acme/text/aws/versions", "hello")
	w.serve("r.example.com/m/acme/vpc/aws/1.2.0/download", "204 ")
	w.serve("r.example.com/m/acme/vpc/aws/1.9.9/download", "200 hello")
	w.serve("r.example.com/m/acme/vpc/aws/1.10.0/download", `{"location":"x\u0007y"}`)
	helper := write(t, filepath.Join(t.TempDir(), ".terraformrc"), "credentials_helper \"x\" {\n  args = []\n}\n")
	plain, tokened, helped := w.client(t, ""), w.client(t, "", "TF_TOKEN_r_example_com=secret-7"), w.client(t, filepath.Dir(helper))
	for _, test := range []struct {
		client             *Client
		host, name, system string
		version            string // "" lists
		reason             Reason
		want               string
	}{
		{plain, "none.example.com", "vpc", "aws", "", ReasonHost, "none.example.com is no module registry: it does not provide the service modules.v1"},
		{plain, "gone.example.com", "vpc", "aws", "", ReasonHost, "no module registry"},
		{plain, "html.example.com", "vpc", "aws", "", ReasonHost, "hint: check the host"},
		{plain, "json.example.com", "vpc", "aws", "", ReasonHost, "hint: check the host"},
		{plain, "not a host", "vpc", "aws", "", ReasonHost, `"not a host" is no host`},
		{plain, "r.example.com", "../../x", "aws", "", ReasonMissing, "is no module of a registry"},
		{plain, "r.example.com", "vpc", "aws//x", "", ReasonMissing, "is no module of a registry"},
		{plain, "r.example.com", "vcp", "aws", "", ReasonMissing, "r.example.com has no module acme/vcp/aws, or hides it\nhint: check the address; if it is private, set TF_TOKEN_r_example_com"},
		{tokened, "r.example.com", "vcp", "aws", "", ReasonMissing, "may have no right"},
		{helped, "r.example.com", "vcp", "aws", "", ReasonMissing, "credentials_helper"},
		{plain, "r.example.com", "empty", "aws", "", ReasonMissing, "lists no versions"},
		{plain, "r.example.com", "e401", "aws", "", ReasonCredentials, "asks for a token (401), and there is none\nhint: set TF_TOKEN_r_example_com"},
		{tokened, "r.example.com", "e401", "aws", "", ReasonCredentials, "does not take the token"},
		{helped, "r.example.com", "e401", "aws", "", ReasonCredentials, "the credentials_helper of the CLI configuration is a program, which terrier does not run: set TF_TOKEN_r_example_com"},
		{plain, "r.example.com", "e403", "aws", "", ReasonRefused, "(403)\nhint: set TF_TOKEN"},
		{tokened, "r.example.com", "e403", "aws", "", ReasonRefused, "no right"},
		{plain, "r.example.com", "e500", "aws", "", ReasonDown, "answers 500 Internal Server Error, after 3 tries"},
		{plain, "r.example.com", "e418", "aws", "", ReasonAnswer, "answers 418"},
		{plain, "r.example.com", "page", "aws", "", ReasonAnswer, "answers with a web page"},
		{plain, "r.example.com", "text", "aws", "", ReasonAnswer, "no JSON of a module registry"},
		{plain, "r.example.com", "vpc", "aws", "1.9.8", ReasonMissing, "has no version 1.9.8 of acme/vpc/aws\nhint: the nearest that it has is 1.9.9, the newest 2.0.0-rc1"},
		{plain, "r.example.com", "vcp", "aws", "1.0.0", ReasonMissing, "has no module acme/vcp/aws"},
		{plain, "r.example.com", "vpc", "aws", "../1", ReasonMissing, "is no version"},
		{plain, "r.example.com", "vpc", "aws", "1.2.0", ReasonAnswer, "does not say where"},
		{plain, "r.example.com", "vpc", "aws", "1.9.9", ReasonAnswer, "no JSON"},
		{plain, "r.example.com", "vpc", "aws", "1.10.0", ReasonAnswer, "control character"},
	} {
		var err error
		if test.version == "" {
			_, err = test.client.Versions(t.Context(), test.host, "acme", test.name, test.system)
		} else {
			_, err = test.client.Download(t.Context(), test.host, "acme", test.name, test.system, test.version)
		}
		var re *Error
		if !errors.As(err, &re) || re.Reason != test.reason || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "secret-7") {
			t.Errorf("%s %s %s: %v\nwant %s", test.host, test.name, test.version, err, test.want)
		}
	}
	// A server that comes back is no error.
	failures := 2
	w.routes["r.example.com/m/acme/flaky/aws/versions"] = func(rw http.ResponseWriter, r *http.Request) {
		if failures--; failures >= 0 {
			rw.Header().Set("Retry-After", "0")
			rw.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = rw.Write([]byte(vpcVersions))
	}
	if _, err := plain.Versions(t.Context(), "r.example.com", "acme", "flaky", "aws"); err != nil {
		t.Errorf("a server that comes back: %v", err)
	}
	// Nobody is there; and who waits can stop.
	dead, err := New(Options{Env: []string{}, Home: t.TempDir(), Transport: &http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
		return nil, errors.New("no route")
	}}})
	if err != nil {
		t.Fatal(err)
	}
	var re *Error
	if _, err := dead.Versions(t.Context(), "r.example.com", "acme", "vpc", "aws"); !errors.As(err, &re) || re.Reason != ReasonDown || !strings.Contains(err.Error(), "no route") {
		t.Errorf("nobody: %v", err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	w.routes["slow.example.com"+discoveryPath] = func(rw http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	begin := time.Now()
	if _, err := w.client(t, "").Versions(ctx, "slow.example.com", "acme", "vpc", "aws"); !errors.Is(err, context.DeadlineExceeded) || time.Since(begin) > 5*time.Second {
		t.Errorf("a slow host: %v", err)
	}
	w.CloseClientConnections()
}

func TestNewest(t *testing.T) {
	versions := []string{"2.0.0", "2.1.0-rc1", "1.9.0", "v1.10.2", "1.2.0", "junk", "1.10.0-beta"}
	for constraint, want := range map[string]string{
		"": "2.0.0", "~> 1.2": "v1.10.2", "~> 1.2.0": "1.2.0", ">= 1.2, < 1.10": "1.9.0", "1.9.0": "1.9.0", "= 1.9.0": "1.9.0", "!= 2.0.0": "v1.10.2",
		"2.1.0-rc1": "2.1.0-rc1", "= 2.1.0-rc1": "2.1.0-rc1", ">= 2.0.0": "2.0.0", "> 1.10.0": "2.0.0", "1.10.2": "v1.10.2", "1.10.0-beta, >= 1.10.0-alpha": "1.10.0-beta",
	} {
		if got, err := Newest(versions, constraint); got != want || err != nil {
			t.Errorf("%q: %s %v, want %s", constraint, got, err, want)
		}
	}
	for constraint, want := range map[string]string{
		"~> 3.0": "the newest of 7 is 2.0.0", "nonsense": "it is none\nhint", ">= 2.1.0-alpha": "no version meets", "~> 2.1.0-rc1": "no version meets", "2.0.0-rc1": "no version meets",
	} {
		if got, err := Newest(versions, constraint); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %s %v", constraint, got, err)
		}
	}
	if _, err := Newest([]string{"1.0.0-rc1"}, ""); err == nil || !strings.Contains(err.Error(), "no release") {
		t.Errorf("only a pre-release: %v", err)
	}
}
