package terraform

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"
)

var (
	urlCredential   = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)([^/\s'"<>]*)@`)
	queryCredential = regexp.MustCompile(`(?i)([?&](?:sshkey|aws_access_key_[a-z]*|[a-z0-9_.-]*(?:token|secret|password|signature|credential)[a-z0-9_.-]*)=)[^&\s'"]+`)
	// Tokens that tell by their own form: AWS, GitHub, GitLab, Slack, JWT, and
	// what follows Authorization.
	tokens = regexp.MustCompile(`\b(?:(?:AKIA|ASIA)[A-Z0-9]{16}|gh[opsur]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|gl(?:pat|ptt|cbt|rt|dt|oas|agent)-[A-Za-z0-9_.=-]{16,}|xox[abeoprs]-[A-Za-z0-9-]{10,}|eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]*)`)
	bearer = regexp.MustCompile(`(?i)(\b(?:authorization|private-token|x-amz-security-token)["']?\s*[:=]\s*["']?(?:(?:bearer|basic|token)\s+)?)[^\s"',]+`)
)

// redact takes the credentials of URLs out of what terraform, or the git that
// it started, said.
func redact(s string) string {
	if strings.Contains(s, "://") {
		s = urlCredential.ReplaceAllStringFunc(s, func(m string) string {
			if strings.HasSuffix(m, "://git@") {
				return m // everybody's user name, nobody's secret
			}
			return m[:strings.Index(m, "://")] + "://REDACTED@"
		})
	}
	if strings.ContainsAny(s, "?&") {
		s = queryCredential.ReplaceAllString(s, "${1}REDACTED")
	}
	if containsAny(s, "oken", "OKEN", "uthori", "UTHORI") {
		s = bearer.ReplaceAllString(s, "${1}REDACTED")
	}
	if containsAny(s, "AKIA", "ASIA", "gh", "gl", "xox", "eyJ") {
		s = tokens.ReplaceAllString(s, "REDACTED")
	}
	return s
}

// containsAny spares most lines a regular expression.
func containsAny(s string, parts ...string) bool {
	for _, p := range parts {
		if strings.Contains(s, p) {
			return true
		}
	}
	return false
}

// secretName is a variable whose value is taken for a secret, and notSecret
// one that only leads to it.
var (
	secretName = regexp.MustCompile(`(?i)secret|token|passw(or)?d|passphrase|credential|private_?key|api_?key|access_?key|(^|_)(key|pat|jwt|auth|pass|pwd|dsn)$|^TF_ENCRYPTION$|webhook|connection_?string|conn_str$`)
	notSecret  = regexp.MustCompile(`(?i)_(file|path|dir|sock|home)$|^(OLD)?PWD$|^GOOGLE_APPLICATION_CREDENTIALS$|^AWS_CONTAINER_CREDENTIALS_(RELATIVE|FULL)_URI$`)
)

// SecretName reports whether the name of a variable, of the environment or of a
// configuration, tells that its value is a secret.
func SecretName(name string) bool {
	return secretName.MatchString(name) && !notSecret.MatchString(name)
}

// minSecret is the length below which a value is no secret: what is redacted
// of "1" or "dev" would be most of the output.
const minSecret = 4

// secrets are the values of the environment that are taken for secrets, in
// each form in which terraform or an SDK may print them, longest first.
func secrets(environ []string) []string {
	set := map[string]bool{}
	add := func(s string) {
		if len(s) >= minSecret {
			set[s] = true
		}
	}
	for _, kv := range environ {
		name, value, _ := strings.Cut(kv, "=")
		if !SecretName(name) {
			continue
		}
		if len(value) < minSecret || value == "true" || value == "false" || value == "null" || value == "none" {
			continue
		}
		forms := []string{value, url.QueryEscape(value), url.PathEscape(value), base64.StdEncoding.EncodeToString([]byte(value))}
		if quoted, err := json.Marshal(value); err == nil {
			forms = append(forms, strings.Trim(string(quoted), `"`))
		}
		forms = append(forms, strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`, "${", "$${", "%{", "%%{").Replace(value))
		for _, f := range forms {
			add(clean(f))
		}
		// Output is seen line by line: a key in PEM is many secrets.
		if strings.Contains(value, "\n") {
			for line := range strings.Lines(value) {
				if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") {
					add(clean(line))
				}
			}
		}
	}
	list := sorted(set)
	slices.SortStableFunc(list, func(a, b string) int { return len(b) - len(a) })
	return list
}

// known are the redactors of environments: a stack runs terraform several times
// in one, and without accounts all stacks have the same.
var known struct {
	sync.Mutex
	of map[string]func(string) string
}

// mostKnown bounds known: each account has credentials of its own.
const mostKnown = 64

// redactor redacts what redact does and the secrets of an environment.
func redactor(environ []string) func(string) string {
	key := strings.Join(environ, "\x00")
	known.Lock()
	defer known.Unlock()
	if f := known.of[key]; f != nil {
		return f
	}
	if known.of == nil || len(known.of) >= mostKnown {
		known.of = map[string]func(string) string{}
	}
	f := newRedactor(environ)
	known.of[key] = f
	return f
}

func newRedactor(environ []string) func(string) string {
	var pairs []string
	for _, s := range secrets(environ) {
		pairs = append(pairs, s, "REDACTED")
	}
	values := strings.NewReplacer(pairs...) // at one place, the first pair that fits
	return func(s string) string { return redact(values.Replace(s)) }
}

var escapes = regexp.MustCompile("\x1b(?:\\[[0-9;?]*[ -/]*[@-~]|\\][^\x07\x1b]*(?:\x07|\x1b\\\\)?)")

// clean takes out of a line what would steer a terminal or hide text in it.
func clean(s string) string {
	plain := true
	for i := 0; i < len(s); i++ {
		plain = plain && (s[i] >= ' ' && s[i] < 0x7f || s[i] == '\t')
	}
	if plain {
		return s
	}
	s = escapes.ReplaceAllString(s, "")
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r), r == '\u2028', r == '\u2029':
			return -1
		}
		return r
	}, s)
}
