package forge

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// A hintError says all that there is to say, the next step included.
type hintError struct{ text string }

func (e *hintError) Error() string { return e.text }

func hintf(format string, args ...any) error { return &hintError{fmt.Sprintf(format, args...)} }

// A statusError is an answer of the API that is no success.
type statusError struct {
	status int
	header http.Header
	err    error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// needs are the rights for a request, as the package's description has them.
var needs = map[Kind]string{
	GitLab: "the scope api and the role Developer",
	GitHub: `"Pull requests" to write, "Contents" to read, and "Issues" to write for labels (classic: repo)`,
	Gitea:  "write:repository, and write:issue for labels",
}

func (f *Forge) explain(ctx context.Context, what string, err error) error {
	return f.explainNeed(ctx, what, "", err)
}

// explainNeed makes an error say what could not be done, where, and what to do
// next. Need is the rights that it takes.
func (f *Forge) explainNeed(ctx context.Context, what, need string, err error) error {
	var hinted *hintError
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &hinted):
		return f.redact(hinted)
	}
	hint := f.hint(need, err)
	if hint != "" {
		hint = "\nhint: " + hint
	}
	return fmt.Errorf("%s at %s: %s%s", what, f.token.base.Host, oneLine(f.clean(err.Error())), f.clean(hint))
}

func (f *Forge) hint(need string, err error) string {
	var (
		status  *statusError
		timeout net.Error
		name    *net.DNSError
		unknown x509.UnknownAuthorityError
	)
	if !errors.As(err, &status) {
		switch {
		case errors.As(err, &name):
			return "is the host right, and can it be reached from here?"
		case errors.As(err, &unknown):
			return "set SSL_CERT_FILE to a file with the certificates of your company"
		case errors.As(err, &timeout) && timeout.Timeout():
			return "it did not answer in time; the same command again looks first what is there"
		}
		return ""
	}
	says := strings.ToLower(err.Error())
	if again := retryAfter(status); again != "" {
		return "it takes no more requests for now: try again " + again
	}
	switch {
	case status.status == http.StatusUnauthorized:
		return fmt.Sprintf("the token in %s is not valid there", f.token.from)
	case strings.Contains(says, "not permitted to create or approve pull requests"):
		return `allow it in the settings of the repository or organisation (Actions, General, Workflow permissions), or set GH_TOKEN to a token of your own`
	case status.status == http.StatusForbidden, status.status == http.StatusNotFound:
		hint := fmt.Sprintf("the token in %s has not the right to it", f.token.from)
		if need != "" {
			hint += "; it needs " + need
		}
		return hint
	case status.status == http.StatusLocked:
		return "the project is archived; only its owner can change that"
	case strings.Contains(says, "no commits between"), strings.Contains(says, "no changes between"):
		return "the branch holds nothing that its target does not have; push a commit to it first"
	case strings.Contains(says, "draft pull requests are not supported"):
		return "this repository can have no drafts; leave the draft out"
	case errors.Is(err, errDoubled):
		return "it is not to be seen by this token, or was closed in between; try again"
	case status.status == http.StatusConflict, status.status == http.StatusUnprocessableEntity, status.status == http.StatusBadRequest:
		return "that is a rule of the forge or of the project; its settings say which"
	case status.status >= 500:
		return "the forge has a trouble of its own; the same command again looks first what is there"
	}
	return ""
}

// retryAfter says when a forge takes requests again, "" where that is not what
// its answer is about.
func retryAfter(s *statusError) string {
	after := s.header.Get("Retry-After")
	switch {
	case s.status == http.StatusTooManyRequests:
	case s.status == http.StatusForbidden && (after != "" || s.header.Get("X-RateLimit-Remaining") == "0"): // GitHub
	case s.status == http.StatusServiceUnavailable && after != "":
	default:
		return ""
	}
	if n, err := strconv.Atoi(after); err == nil && n >= 0 {
		return fmt.Sprintf("in %d s", n)
	}
	if t, err := http.ParseTime(after); err == nil {
		return "after " + t.UTC().Format(time.RFC3339)
	}
	for _, name := range []string{"X-RateLimit-Reset", "RateLimit-Reset"} {
		if n, err := strconv.ParseInt(s.header.Get(name), 10, 64); err == nil && n > 0 {
			return "after " + time.Unix(n, 0).UTC().Format(time.RFC3339)
		}
	}
	return "later"
}

// clean takes the token out of what a server says, which may be all that it
// was sent.
func (f *Forge) clean(s string) string {
	t := f.token.secret
	return strings.NewReplacer(t, "REDACTED", url.QueryEscape(t), "REDACTED", url.PathEscape(t), "REDACTED").Replace(s)
}

func (f *Forge) redact(err error) error {
	if text := err.Error(); f.clean(text) != text {
		return &hintError{f.clean(text)}
	}
	return err
}

// oneLine keeps what a server says within bounds.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(visible(s)), " ")
	if r := []rune(s); len(r) > 300 {
		s = string(r[:300]) + " …"
	}
	return s
}
