package terraform

import (
	"regexp"
	"strings"
)

var (
	urlCredential   = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://)([^/\s'"<>]*)@`)
	queryCredential = regexp.MustCompile(`(?i)([?&](?:sshkey|aws_access_key_[a-z]*|[a-z0-9_.-]*(?:token|secret|password)[a-z0-9_.-]*)=)[^&\s'"]+`)
)

// redact takes the credentials of URLs out of what terraform, or the git that
// it started, said.
func redact(s string) string {
	s = urlCredential.ReplaceAllStringFunc(s, func(m string) string {
		if strings.HasSuffix(m, "://git@") {
			return m // everybody's user name, nobody's secret
		}
		return m[:strings.Index(m, "://")] + "://REDACTED@"
	})
	return queryCredential.ReplaceAllString(s, "${1}REDACTED")
}
