package repo

import (
	"os"
	"strconv"
	"strings"
)

// secretHelper answers git's question for credentials from the environment. It
// is the same for everybody: printf is the shell's own, so that what it writes
// is in no list of processes.
const secretHelper = `!f() { test "$1" = get && printf 'username=%s\npassword=%s\n' "$TERRIER_URL_USER" "$TERRIER_URL_PASSWORD"; }; f`

// env tells git who is asking at the host of url, which does not say it. The
// user's own GIT_CONFIG_COUNT is added to. A forge sends who asks for a project
// that was renamed to another path of the host, and git uses the credentials of
// a URL there, too; no other host, and no other port of it, gets them.
//
// A URL with a password in it is the last word, as it is for git, and no
// helper is told to store it. Where there is but a name the user's helpers are
// asked for the password first; after them it is the empty one, for tokens
// that are given in the place of a name.
func (u *userinfo) env(url string) []string {
	var config [][2]string
	if u.complete {
		config = append(config, [2]string{"helper", ""})
	} else {
		config = append(config, [2]string{"username", u.name})
	}
	config = append(config, [2]string{"helper", secretHelper})

	n, err := strconv.Atoi(os.Getenv("GIT_CONFIG_COUNT"))
	if err != nil {
		n = 0 // git refuses what is no number, and so it would be in vain
	}
	scheme, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	env := []string{"TERRIER_URL_USER=" + u.name, "TERRIER_URL_PASSWORD=" + u.password}
	for i, c := range config {
		at := strconv.Itoa(n + i)
		env = append(env, "GIT_CONFIG_KEY_"+at+"=credential."+scheme+"://"+host+"."+c[0], "GIT_CONFIG_VALUE_"+at+"="+c[1])
	}
	return append(env, "GIT_CONFIG_COUNT="+strconv.Itoa(n+len(config)))
}
