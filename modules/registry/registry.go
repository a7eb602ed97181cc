// Package registry asks module registries: service discovery, the versions of
// a module, where a version is, and the archives that some registries give. It
// is Terraform's own protocol
// (developer.hashicorp.com/terraform/internals/module-registry-protocol), with
// the configuration and the tokens of the user's terraform.
//
// It runs no program, and knows nothing of git: an address that is not an
// archive is for others to fetch.
package registry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"

	"github.com/agext/levenshtein"
	"github.com/hashicorp/go-version"
	tfaddr "github.com/hashicorp/terraform-registry-address"
	svchost "github.com/hashicorp/terraform-svchost"
	"github.com/hashicorp/terraform-svchost/disco"
)

// A Reason is what a registry's failure means to who decides what to do next.
type Reason string

const (
	ReasonHost        Reason = "host"        // there is no such host, or it is no module registry
	ReasonMissing     Reason = "missing"     // no such module or version, or it is hidden
	ReasonCredentials Reason = "credentials" // no token, or a wrong one (401)
	ReasonRefused     Reason = "refused"     // the token may not read it (403)
	ReasonDown        Reason = "down"        // it does not answer, or answers that it cannot, again and again
	ReasonAnswer      Reason = "answer"      // what it answers is not the protocol's
	ReasonArchive     Reason = "archive"     // an archive that is too large, damaged, hostile, or not the one of its checksum
)

// An Error is a registry that did not do what it was asked. It holds no token.
type Error struct {
	Reason Reason
	Err    error
}

func (e *Error) Error() string { return e.Err.Error() }
func (e *Error) Unwrap() error { return e.Err }

func fail(reason Reason, format string, args ...any) error {
	return &Error{reason, fmt.Errorf(format, args...)}
}

// Options are where a Client's configuration comes from. The zero value is the
// user's environment.
type Options struct {
	// Env is the environment, each entry "NAME=value"; nil for the process's.
	Env []string
	// Home is the user's home directory; "" for the process's.
	Home string
	// Transport makes the requests; nil for one with the usual timeouts.
	Transport http.RoundTripper
}

// A Client asks module registries. It may be used by several goroutines.
type Client struct {
	disco  *discovery
	http   *http.Client
	helper bool // the CLI configuration names a credentials_helper
}

// New reads the user's CLI configuration, as Terraform does: TF_CLI_CONFIG_FILE
// alone; else .terraformrc (terraform.rc in APPDATA on Windows), else
// OpenTofu's .tofurc or XDG_CONFIG_HOME/opentofu/tofurc, and then *.tfrc and
// *.tfrc.json of ~/.terraform.d, credentials.tfrc.json among them. The host and
// credentials blocks are honoured; a token in TF_TOKEN_<host> comes first. A
// credentials_helper is not run: it is a program.
func New(o Options) (*Client, error) {
	if o.Env == nil {
		o.Env = os.Environ()
	}
	if o.Home == "" {
		// With no home directory there is no file in it.
		o.Home, _ = os.UserHomeDir()
	}
	config, err := loadCLIConfig(environment(o.Env), o.Home)
	if err != nil {
		return nil, err
	}
	g := newGuard(o.Transport)
	return &Client{
		disco:  newDiscovery(config, tokens(config, o.Env), g),
		http:   &http.Client{Transport: g, CheckRedirect: checkRedirect},
		helper: config.helper,
	}, nil
}

// serviceModules is the name of the protocol in service discovery.
const serviceModules = "modules.v1"

// Versions returns the versions of a module that the registry lists, each as
// it writes it, the newest first. What is no version is left out, as Terraform
// does. An error of the registry is an *Error.
func (c *Client) Versions(ctx context.Context, host, namespace, name, system string) ([]string, error) {
	at, err := c.find(ctx, host, namespace, name, system)
	if err != nil {
		return nil, err
	}
	var list struct {
		Modules []struct {
			Versions []struct {
				Version string `json:"version"`
			} `json:"versions"`
		} `json:"modules"`
	}
	resp, body, err := c.get(ctx, at, at.base.JoinPath("versions"))
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusNotFound {
		return nil, fail(ReasonMissing, "%s has no module %s, or hides it\nhint: %s", at.host, at.module, c.whyHidden(at))
	}
	if err := c.judge(at, resp, body); err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, notProtocol(at, resp, body, err)
	}
	if len(list.Modules) == 0 {
		return nil, fail(ReasonMissing, "%s lists no versions of %s\nhint: %s", at.host, at.module, c.whyHidden(at))
	}
	type parsed struct {
		text    string
		version *version.Version
	}
	var all []parsed
	for _, v := range list.Modules[0].Versions {
		if p, err := version.NewVersion(v.Version); err == nil {
			all = append(all, parsed{v.Version, p})
		}
	}
	slices.SortFunc(all, func(a, b parsed) int {
		return cmp.Or(b.version.Compare(a.version), strings.Compare(b.text, a.text))
	})
	texts := make([]string, 0, len(all))
	for _, p := range all {
		texts = append(texts, p.text)
	}
	return slices.Compact(texts), nil
}

// Download asks where a version of a module is: an address that go-getter
// takes ("git::https://…?ref=…", "https://…/x.zip"), a relative one resolved.
// It may hold credentials. The version is one that Versions gave. An error of
// the registry is an *Error.
func (c *Client) Download(ctx context.Context, host, namespace, name, system, ver string) (address string, err error) {
	at, err := c.find(ctx, host, namespace, name, system)
	if err != nil {
		return "", err
	}
	if _, err := version.NewVersion(ver); err != nil || strings.ContainsAny(ver, "/?#%") {
		return "", fail(ReasonMissing, "%q is no version of %s", ver, at.module)
	}
	from := at.base.JoinPath(ver, "download")
	resp, body, err := c.get(ctx, at, from)
	if err != nil {
		return "", err
	}
	if resp.StatusCode == http.StatusNotFound {
		return "", c.noVersion(ctx, at, host, namespace, name, system, ver)
	}
	if err := c.judge(at, resp, body); err != nil {
		return "", err
	}
	address = resp.Header.Get("X-Terraform-Get")
	if resp.StatusCode == http.StatusOK && len(body) > 0 {
		var answer struct {
			Location string `json:"location"`
		}
		// OpenTofu takes the body, which Terraform does not know. One that is
		// not JSON may come with the header.
		if err := json.Unmarshal(body, &answer); err != nil && address == "" {
			return "", notProtocol(at, resp, body, err)
		}
		address = cmp.Or(answer.Location, address)
	}
	if address == "" {
		return "", fail(ReasonAnswer, "%s does not say where %s %s is: there is neither an X-Terraform-Get header nor a location\nhint: it may not be a module registry", at.host, at.module, ver)
	}
	if strings.ContainsFunc(address, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", fail(ReasonAnswer, "%s says where %s %s is with a control character in it", at.host, at.module, ver)
	}
	// It is an address of go-getter's, and not a URL: it is relative only
	// where it looks so.
	for _, prefix := range []string{"/", "./", "../"} {
		if !strings.HasPrefix(address, prefix) {
			continue
		}
		rel, err := url.Parse(address)
		if err != nil {
			return "", fail(ReasonAnswer, "%s says where %s %s is with an address that is no URL", at.host, at.module, ver)
		}
		return from.ResolveReference(rel).String(), nil
	}
	return address, nil
}

// noVersion is the error of a version that is not there, with the nearest one
// that is.
func (c *Client) noVersion(ctx context.Context, at *place, host, namespace, name, system, ver string) error {
	all, err := c.Versions(ctx, host, namespace, name, system)
	if err != nil {
		if ctx.Err() != nil || errors.As(err, new(*Error)) && err.(*Error).Reason != ReasonMissing {
			return err
		}
		return fail(ReasonMissing, "%s has no module %s, or hides it\nhint: %s", at.host, at.module, c.whyHidden(at))
	}
	if len(all) == 0 {
		return fail(ReasonMissing, "%s has no version %s of %s: it has none at all", at.host, ver, at.module)
	}
	nearest := slices.MinFunc(all, func(a, b string) int {
		return cmp.Compare(levenshtein.Distance(a, ver, nil), levenshtein.Distance(b, ver, nil))
	})
	return fail(ReasonMissing, "%s has no version %s of %s\nhint: the nearest that it has is %s, the newest %s", at.host, ver, at.module, nearest, all[0])
}

// A place is a module in a registry.
type place struct {
	host   string   // for people
	module string   // NAMESPACE/NAME/SYSTEM
	base   *url.URL // of the module, in the service
	token  string   // for base; "" for none
}

// find asks where the registry's service is.
func (c *Client) find(ctx context.Context, host, namespace, name, system string) (*place, error) {
	module := strings.Join([]string{namespace, name, system}, "/")
	if addr, err := tfaddr.ParseModuleSource(module); err != nil || addr.Subdir != "" {
		return nil, fail(ReasonMissing, "%q is no module of a registry\nhint: it is NAMESPACE/NAME/SYSTEM, of letters, digits, - and _", module)
	}
	h, err := svchost.ForComparison(host)
	if err != nil {
		return nil, fail(ReasonHost, "%q is no host of a registry", host)
	}
	service, token, err := c.disco.modules(ctx, h)
	if err != nil {
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		shown := h.ForDisplay()
		var none *disco.ErrServiceNotProvided
		switch {
		case errors.As(err, &none):
			return nil, fail(ReasonHost, "%s is no module registry: it does not provide the service %s\nhint: check the host in the source; a host block in the CLI configuration can name the service", shown, serviceModules)
		case errors.As(err, new(disco.ErrServiceDiscoveryNetworkRequest)):
			return nil, fail(ReasonDown, "ask %s what services it has: %w\nhint: check the host in the source, and the network", shown, unwrapURL(err))
		}
		return nil, fail(ReasonHost, "ask %s what services it has: %w\nhint: check the host in the source; https://%s/.well-known/terraform.json has to be JSON", shown, unwrapURL(err), shown)
	}
	return &place{h.ForDisplay(), module, service.JoinPath(namespace, name, system), token}, nil
}

// whyHidden is the hint for what is not found.
func (c *Client) whyHidden(at *place) string {
	switch {
	case at.token != "":
		return "check the address; the token for " + at.host + " may have no right to read it"
	case c.helper:
		return "check the address; no token is sent: the credentials_helper of the CLI configuration is a program, which terrier does not run. " + setToken(at)
	}
	return "check the address; if it is private, " + setToken(at)
}

// setToken says how to give a token.
func setToken(at *place) string {
	host := at.host
	name, _, _ := strings.Cut(host, ":")
	name = strings.ReplaceAll(strings.ReplaceAll(name, "-", "__"), ".", "_")
	if strings.Contains(host, ":") {
		return fmt.Sprintf("give a token in a block credentials %q of the CLI configuration", host)
	}
	return fmt.Sprintf("set TF_TOKEN_%s, or log in with `terraform login %s`", name, host)
}
