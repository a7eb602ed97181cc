package account

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/processcreds"
	"github.com/aws/aws-sdk-go-v2/credentials/ssocreds"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// A question is what was asked of AWS, for the errors.
type question struct {
	role string // that was to be assumed, "" for none
	what string // whose credentials did the asking: "the credentials of the environment"
}

// explain makes one of the package's errors of one of the SDK's. Nothing of the
// SDK's text is passed on: it holds what a server said, and a server may repeat
// what it was sent, the session token included. What is shown is cut out of it
// by patterns, or is our own sentence.
func explain(ctx context.Context, q question, err error) error {
	if e := context.Cause(ctx); e != nil {
		// The caller's own end, not that of the bound on one call.
		return fmt.Errorf("AWS STS was not waited for: %w", e)
	}
	var (
		op      *smithy.OperationError
		api     smithy.APIError
		reply   *smithyhttp.ResponseError
		web     bool
		assumed = q.role != ""
	)
	imds := false
	for e := err; errors.As(e, &op); e = op.Err {
		imds = imds || op.ServiceID == "ec2imds"
		if op.OperationName == "AssumeRoleWithWebIdentity" {
			web = true
		}
		if q.role == "" && (op.OperationName == "AssumeRole" || web) {
			assumed = true
			q.role = "of the profile"
			if arn := os.Getenv("AWS_ROLE_ARN"); web && arn != "" {
				q.role = arn
			}
		}
	}
	status := 0
	if errors.As(err, &reply) {
		status = reply.HTTPStatusCode()
	}
	code := ""
	if errors.As(err, &api) {
		code = word.FindString(api.ErrorCode())
	}
	host := hostOf(err)

	var sso *ssocreds.InvalidTokenError
	if errors.As(err, &sso) {
		return loginExpired()
	}
	switch code {
	case "ExpiredToken", "ExpiredTokenException", "RequestExpired":
		if web {
			return &Expired{What: "the web identity token", Hint: "run the job again: the token of a CI job is valid for a short time"}
		}
		return &Expired{What: q.what, Hint: "log in again, or run the job again, then this; a saved plan stays as it is"}
	}
	if status >= 500 || status == http.StatusTooManyRequests || strings.Contains(code, "Throttl") || strings.HasPrefix(code, "TooManyRequests") {
		why := fmt.Sprintf("it answered HTTP %d", status)
		if code != "" {
			why += " (" + code + ")"
		}
		return &Unreachable{Host: host, Why: why}
	}
	if imds {
		return &NoCredentials{Why: "none in the environment, in the profile or at the container, and no instance role"}
	}
	if status >= 400 {
		if code == "" || code == "UnknownError" {
			code = fmt.Sprintf("HTTP %d", status)
		}
		switch code {
		case "InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId":
			return &NoCredentials{Why: "AWS does not know the access key of " + q.what + " (" + code + ")"}
		case "SignatureDoesNotMatch", "IncompleteSignature", "MissingAuthenticationToken":
			return &NoCredentials{Why: "the secret key of " + q.what + " does not fit its access key, or the clock of this machine is wrong (" + code + ")"}
		}
		if assumed {
			return refused(q, code, api, web)
		}
		return &NoCredentials{Why: "STS answered " + code}
	}
	return explainLocal(q, host, err)
}

func loginExpired() error {
	return &Expired{What: "the credentials of the AWS SSO login", Hint: "run `aws sso login`, then this again"}
}

// explainLocal is explain where no answer came.
func explainLocal(q question, host string, err error) error {
	var (
		path    *fs.PathError
		missing config.SharedConfigProfileNotExistError
		load    config.SharedConfigLoadError
		half    config.SharedConfigAssumeRoleError
		process *processcreds.ProviderError
		send    *smithyhttp.RequestSendError
		decode  *smithy.DeserializationError
		network net.Error
	)
	switch {
	case errors.As(err, &missing):
		return &NoCredentials{Why: fmt.Sprintf("there is no profile %q in the AWS configuration", missing.Profile)}
	case errors.As(err, &half):
		return &NoCredentials{Why: fmt.Sprintf("the profile %q has a role_arn and no source that works", half.Profile)}
	case errors.As(err, &load):
		return &NoCredentials{Why: fmt.Sprintf("the AWS configuration file %s cannot be read", load.Filename)}
	case errors.As(err, &process):
		return &NoCredentials{Why: "the credential_process of the profile failed"}
	case errors.As(err, &decode):
		return &Unreachable{Host: host, Why: "its answer is not one of STS"}
	case errors.As(err, &path) && strings.Contains(filepath.ToSlash(path.Path), "/sso/cache/"):
		return loginExpired() // there was none yet
	case errors.As(err, &path): // before net.Error, which an errno inside it also is
		return &NoCredentials{Why: "the file " + path.Path + " cannot be read: " + path.Err.Error()}
	case errors.As(err, &send), errors.As(err, &network), errors.Is(err, context.DeadlineExceeded):
		return &Unreachable{Host: host, Why: connection(err)}
	}
	if name := os.Getenv("AWS_WEB_IDENTITY_TOKEN_FILE"); name != "" {
		// The SDK does not wrap this one.
		if _, err := os.Stat(name); err != nil {
			return explainLocal(q, host, err)
		}
	}
	return &NoCredentials{Why: "the AWS SDK finds none that it can use"}
}

var (
	word   = regexp.MustCompile(`^[A-Za-z0-9.]{1,64}`)
	denied = regexp.MustCompile(`^User: (arn:[\w:/+=,.@-]{1,400}) is not authorized to perform: (sts:\w{1,40}) on resource: arn:`)
	longer = regexp.MustCompile(`(?i)DurationSeconds exceeds (the MaxSessionDuration|the 1 hour session limit)`)
)

func refused(q question, code string, api smithy.APIError, web bool) error {
	e := &RoleRefused{Role: q.role, Code: code, Hint: "let the role's trust policy name the caller (and external_id, if it asks for one), and the caller's own policy allow sts:AssumeRole on it"}
	if web {
		e.Hint = "let the role's trust policy name the identity provider with this audience and subject, and check AWS_ROLE_ARN"
	}
	if api == nil {
		return e
	}
	if m := denied.FindStringSubmatch(api.ErrorMessage()); m != nil {
		e.Detail = shortARN(m[1]) + " may not " + m[2]
	} else if longer.MatchString(api.ErrorMessage()) {
		e.Detail = "the duration is longer than the role allows"
		e.Hint = "lower duration in terrier.hcl, or raise the role's maximum session duration; a role that is assumed by a role has an hour at most"
	}
	return e
}

// shortARN leaves out the name of a session: it may be a person's address.
func shortARN(s string) string {
	head, rest, ok := strings.Cut(s, ":assumed-role/")
	if !ok {
		return s
	}
	name, _, _ := strings.Cut(rest, "/")
	return head + ":assumed-role/" + name
}

func hostOf(err error) string {
	var u *url.Error
	if errors.As(err, &u) {
		if parsed, err := url.Parse(u.URL); err == nil {
			return parsed.Host // without the user and password
		}
	}
	return ""
}

// connection says in our words why a connection failed.
func connection(err error) string {
	var (
		dns   *net.DNSError
		op    *net.OpError
		cert  x509.UnknownAuthorityError
		name  x509.HostnameError
		timed net.Error
	)
	switch {
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timed) && timed.Timeout():
		return "no answer in time"
	case errors.As(err, &dns):
		return "its name is not found"
	case errors.As(err, &cert), errors.As(err, &name):
		return "its certificate is not one that this machine trusts (AWS_CA_BUNDLE names more)"
	case errors.As(err, &op) && op.Err != nil:
		return op.Op + ": " + op.Err.Error()
	}
	return "the connection failed"
}
