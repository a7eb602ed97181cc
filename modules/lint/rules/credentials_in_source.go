package rules

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"github.com/terrier-iac/terrier/hclparse"
	"github.com/terrier-iac/terrier/modules/lint"
)

var credentialsInSource = &lint.Rule{
	Name:     "credentials-in-source",
	Summary:  "A password, token or key in a source",
	Severity: lint.Error,
	Check: func(p *lint.Pass) {
		// Not only of what terraform sees: whoever reads the file has it.
		for _, c := range p.Calls {
			text, start, exact := c.Text(), 0, true
			if c.Known {
				if text, start, exact = c.Literal(); !exact {
					text = c.Source.String()
				}
			} else {
				start = c.SourceRange().Start.Byte
			}
			for _, f := range findCredentials(text) {
				r := c.SourceRange()
				if exact && f.to > 0 && oneLine(text[:f.to]) {
					r = c.Between(start+f.from, start+f.to)
				}
				p.ReportCall(c, r, nil, "%s has %s in its source",
					"Everybody who can read the repository, its history or terraform's logs has it. Take it back where it was given out, and leave it to git: a credential helper, an ssh agent, or in CI `git config url.….insteadOf`.",
					upper(c.Module()), f.what)
			}
		}
	},
}

func oneLine(s string) bool { return !strings.Contains(s, "\n") }

// A credential is one in a text, from byte from up to to; both are 0 where it
// cannot be told.
type credential struct {
	from, to int
	what     string // "a password"
}

var (
	// userInfo is what stands before a host. The user ends at the first colon,
	// the password at the last @ before the path.
	userInfo = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*)://([^/?#\s"@:]*)(?::([^/?#\s"]*))?@`)

	// queryParam is one parameter.
	queryParam = regexp.MustCompile(`[?&]([^=&#"\s]+)=((?:\$\{[^}]*\}|[^&#"\s])*)`)

	// secretParam are the parameters of go-getter, S3, Google Cloud Storage
	// and Azure that hold a credential, and what others are called.
	secretParam = regexp.MustCompile(`(?i)^(?:sshkey|sig|pass|aws_access_key_id|aws_access_key_secret|x-amz-(?:credential|signature|security-token)|x-goog-(?:credential|signature)|awsaccesskeyid|googleaccessid|.*(?:token|secret|passw|passphrase|pwd|signature|api_?-?key|private_?-?key|access_?-?key|auth_?-?key).*)$`)

	// tokenPrefix are the beginnings that forges give their tokens.
	tokenPrefix = regexp.MustCompile(`^(?:gh[pousr]_|github_pat_|gl(?:pat|dt|cbt|ptt|soat|rt|ft)-|ATBB|ATATT|ATCTT|x-token-auth|AKIA|ASIA|hv[sb]\.|npm_|pypi-|dop_v1_)`)

	// placeholder stands where a credential is put in later.
	placeholder = regexp.MustCompile(`^(?:\$.*|%[sv]|%24.*|<.*>|\{.*\}|\[.*\]|[*xX.]+|(?i:redacted|changeme|token|password|secret|user(?:name)?|x-oauth-basic)|[A-Z][A-Z]*(?:_[A-Z]+)+|(?i:your[_-].*|my[_-](?:token|password|secret)))$`)
)

// findCredentials finds them in an address, or in an expression that has
// addresses in it, in order.
func findCredentials(text string) []credential {
	var out []credential
	rest := []byte(text) // with what is no credential, or told, taken out
	blank := func(from, to int) {
		for i := from; i < to; i++ {
			rest[i] = 'x'
		}
	}
	for _, m := range userInfo.FindAllStringSubmatchIndex(text, -1) {
		ssh := strings.HasSuffix(strings.ToLower(text[m[2]:m[3]]), "ssh")
		user := text[m[4]:m[5]]
		switch {
		case m[6] >= 0 && m[6] < m[7] && !isPlaceholder(text[m[6]:m[7]]):
			out = append(out, credential{m[6], m[7], "a password"})
		case !ssh && isToken(user):
			out = append(out, credential{m[4], m[5], "a token"})
		}
		blank(m[4], m[1]-1)
	}
	for _, m := range queryParam.FindAllStringSubmatchIndex(text, -1) {
		name := text[m[2]:m[3]]
		if plain, err := url.QueryUnescape(name); err == nil {
			name = plain
		}
		value := text[m[4]:m[5]]
		if value == "" {
			continue
		}
		if secretParam.MatchString(name) {
			if !isPlaceholder(value) {
				out = append(out, credential{m[4], m[5], "the credential " + quoteOdd(name) + "="})
			}
			blank(m[2], m[5])
			continue
		}
		// A parameter of another kind may hold an address.
		if plain, err := url.QueryUnescape(value); err == nil && plain != value && len(findCredentials(plain)) > 0 {
			out = append(out, credential{m[4], m[5], "a credential"})
			blank(m[2], m[5])
		}
	}
	slices.SortFunc(out, func(a, b credential) int { return a.from - b.from })
	if len(out) == 0 && oddlyWritten(text, string(rest)) {
		out = append(out, credential{what: "a credential"})
	}
	return out
}

// oddlyWritten reports whether a password stands where no URL has one:
// git::user:password@host:path, or one with a slash in it.
func oddlyWritten(text, rest string) bool {
	if !strings.Contains(rest, "@") {
		return false
	}
	s, err := hclparse.ParseSource(rest)
	shown := s.Redacted()
	before, _, found := strings.Cut(shown, "REDACTED@")
	if !found || strings.Contains(text, "REDACTED") {
		return false
	}
	// What was taken out has to look like user:password.
	hidden := rest[len(before):]
	if i := strings.LastIndexByte(hidden, '@'); i >= 0 {
		hidden = hidden[:i]
	}
	_, password, has := strings.Cut(hidden, ":")
	return (err != nil || s.Host == "" || has) && has && password != "" && !isPlaceholder(password) && !strings.ContainsAny(password, "${}")
}

func isPlaceholder(s string) bool {
	if plain, err := url.QueryUnescape(s); err == nil {
		s = plain
	}
	return placeholder.MatchString(s) || strings.Contains(s, "${")
}

var (
	hasDigit = regexp.MustCompile(`[0-9]`)
	longRun  = regexp.MustCompile(`[0-9A-Za-z]{20,}`)
)

// isToken reports whether a user's name is a token: it begins as those of a
// forge do, or has a long run of letters and digits. A name alone is none:
// Azure DevOps and Bitbucket put the user into the URLs that they offer.
func isToken(user string) bool {
	if isPlaceholder(user) {
		return false
	}
	run := longRun.FindString(user)
	return tokenPrefix.MatchString(user) && len(user) >= 12 || run != "" && hasDigit.MatchString(run) && strings.ContainsFunc(run, func(r rune) bool { return r > '9' })
}
