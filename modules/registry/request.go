package registry

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/go-cleanhttp"
	"github.com/hashicorp/go-retryablehttp"
	svchost "github.com/hashicorp/terraform-svchost"
	"github.com/hashicorp/terraform-svchost/auth"
	"github.com/hashicorp/terraform-svchost/disco"
)

const (
	maxAnswer      = 16 << 20         // bytes of an answer of the protocol
	answerTimeout  = 30 * time.Second // for one answer
	retries        = 2
	retryWait      = 500 * time.Millisecond
	longestWait    = 10 * time.Second // whatever Retry-After says
	maxRedirects   = 5
	userAgent      = "terrier"
	discoveryPath  = "/.well-known/terraform.json"
	headersTimeout = 30 * time.Second
)

// A guard is the transport of every request. A token does not follow a
// redirect to another scheme, host or port, where Go would let it go to other
// ports and to subdomains.
type guard struct {
	next http.RoundTripper

	mu   sync.Mutex
	away map[string]bool // hosts whose service discovery went to another host
}

func newGuard(next http.RoundTripper) *guard {
	if next == nil {
		t := cleanhttp.DefaultPooledTransport()
		t.ResponseHeaderTimeout = headersTimeout
		next = t
	}
	return &guard{next: next, away: map[string]bool{}}
}

func (g *guard) RoundTrip(req *http.Request) (*http.Response, error) {
	req = req.Clone(req.Context())
	req.Header.Set("User-Agent", userAgent)
	first := req
	for first.Response != nil && first.Response.Request != nil {
		first = first.Response.Request
		if first.URL.Scheme != req.URL.Scheme || first.URL.Host != req.URL.Host {
			req.Header.Del("Authorization")
			if first.URL.Path == discoveryPath {
				g.mu.Lock()
				g.away[first.URL.Host] = true
				g.mu.Unlock()
			}
		}
	}
	return g.next.RoundTrip(req)
}

func (g *guard) wentAway(host string) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.away[host]
}

func checkRedirect(req *http.Request, via []*http.Request) error {
	switch {
	case len(via) > maxRedirects:
		return errors.New("it redirects too often")
	case via[len(via)-1].URL.Scheme == "https" && req.URL.Scheme != "https":
		return errors.New("it redirects from https to " + req.URL.Scheme)
	}
	return nil
}

// discovery finds the services of hosts, each once.
type discovery struct {
	disco  *disco.Disco
	config *cliConfig
	tokens map[svchost.Hostname]string
	guard  *guard
	mu     sync.Mutex // disco is made for one goroutine
}

func newDiscovery(config *cliConfig, tokens map[svchost.Hostname]string, g *guard) *discovery {
	credentials := map[svchost.Hostname]map[string]any{}
	for host, token := range tokens {
		credentials[host] = map[string]any{"token": token}
	}
	d := disco.NewWithCredentialsSource(auth.StaticCredentialsSource(credentials))
	d.Transport = g
	for host, services := range config.services {
		d.ForceHostServices(host, services)
	}
	return &discovery{disco: d, config: config, tokens: tokens, guard: g}
}

// modules finds a host's module registry, and the token to send to it. As with
// Terraform the service may be on another host, where the host itself or the
// user's configuration says so; where the host has passed the question on to
// another one, by a redirect, that one gets no token.
func (d *discovery) modules(ctx context.Context, host svchost.Hostname) (*url.URL, string, error) {
	type found struct {
		service *url.URL
		err     error
	}
	done := make(chan found, 1)
	go func() { // disco knows no context; it has timeouts of its own
		d.mu.Lock()
		defer d.mu.Unlock()
		service, err := d.disco.DiscoverServiceURL(host, serviceModules)
		done <- found{service, err}
	}()
	var f found
	select {
	case <-ctx.Done():
		return nil, "", context.Cause(ctx)
	case f = <-done:
	}
	if f.err != nil {
		return nil, "", f.err
	}
	token := d.tokens[host]
	if _, forced := d.config.services[host]; !forced && f.service.Host != host.String() && d.guard.wentAway(host.String()) {
		token = ""
	}
	return f.service, token, nil
}

// get asks, again where the answer is that it cannot be given now, and reads
// the answer.
func (c *Client) get(ctx context.Context, at *place, u *url.URL) (*http.Response, []byte, error) {
	ctx, cancel := context.WithTimeout(ctx, (retries+1)*(answerTimeout+longestWait))
	defer cancel()
	req, err := retryablehttp.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return nil, nil, fail(ReasonAnswer, "%s gives an address that cannot be asked", at.host)
	}
	req.Header.Set("Accept", "application/json")
	if at.token != "" {
		req.Header.Set("Authorization", "Bearer "+at.token)
	}
	resp, err := c.retrying(answerTimeout).Do(req)
	if err != nil {
		return nil, nil, c.notReached(ctx, at.host, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if err != nil {
		return nil, nil, c.notReached(ctx, at.host, err)
	}
	if len(body) > maxAnswer {
		return nil, nil, fail(ReasonAnswer, "%s answers with more than %d MB", at.host, maxAnswer>>20)
	}
	return resp, body, nil
}

// retrying is the client with its patience.
func (c *Client) retrying(timeout time.Duration) *retryablehttp.Client {
	h := *c.http
	h.Timeout = timeout
	r := retryablehttp.NewClient()
	r.HTTPClient = &h
	r.Logger = nil
	r.RetryMax = retries
	r.RetryWaitMin, r.RetryWaitMax = retryWait, longestWait
	r.Backoff = func(least, most time.Duration, attempt int, resp *http.Response) time.Duration {
		return min(retryablehttp.DefaultBackoff(least, most, attempt, resp), longestWait)
	}
	r.ErrorHandler = retryablehttp.PassthroughErrorHandler // the last answer says why
	return r
}

func (c *Client) notReached(ctx context.Context, host string, err error) error {
	if ctx.Err() == context.Canceled {
		return context.Cause(ctx)
	}
	return fail(ReasonDown, "ask %s: %w\nhint: check the network, and the host's state", host, unwrapURL(err))
}

// unwrapURL leaves out of a network error the URL, which may hold a token.
func unwrapURL(err error) error {
	if ue := (*url.Error)(nil); errors.As(err, &ue) {
		return ue.Err
	}
	return err
}

// judge tells an answer that is of use from the others.
func (c *Client) judge(at *place, resp *http.Response, body []byte) error {
	switch code := resp.StatusCode; {
	case code == http.StatusOK, code == http.StatusNoContent:
		return nil
	case code == http.StatusUnauthorized && at.token != "":
		return fail(ReasonCredentials, "%s does not take the token for it (401)\nhint: it may be expired or revoked; %s", at.host, setToken(at))
	case code == http.StatusUnauthorized && c.helper:
		return fail(ReasonCredentials, "%s asks for a token (401), and there is none\nhint: the credentials_helper of the CLI configuration is a program, which terrier does not run: %s", at.host, setToken(at))
	case code == http.StatusUnauthorized:
		return fail(ReasonCredentials, "%s asks for a token (401), and there is none\nhint: %s", at.host, setToken(at))
	case code == http.StatusForbidden:
		hint := "the token for it has no right to read the module"
		if at.token == "" {
			hint = setToken(at)
		}
		return fail(ReasonRefused, "%s does not give %s (403)\nhint: %s", at.host, at.module, hint)
	case code >= 500, code == http.StatusTooManyRequests:
		return fail(ReasonDown, "%s answers %d %s, after %d tries\nhint: try again later", at.host, code, http.StatusText(code), retries+1)
	default:
		return fail(ReasonAnswer, "%s answers %d %s to a question for %s", at.host, code, http.StatusText(code), at.module)
	}
}

// notProtocol is the error of a body that is not what it should be.
func notProtocol(at *place, resp *http.Response, body []byte, err error) error {
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if kind == "text/html" || bytes.HasPrefix(bytes.TrimSpace(body), []byte("<")) {
		return fail(ReasonAnswer, "%s answers with a web page, and not with JSON\nhint: a proxy or a login page may stand between: %s", at.host, shownURL(resp.Request.URL))
	}
	return fail(ReasonAnswer, "%s answers with what is no JSON of a module registry: %w\nhint: %s shows it", at.host, err, shownURL(resp.Request.URL))
}

// shownURL is a URL without its query and its user.
func shownURL(u *url.URL) string {
	shown := url.URL{Scheme: u.Scheme, Host: u.Host, Path: u.Path}
	return strings.ToValidUTF8(shown.String(), "?")
}
