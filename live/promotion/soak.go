package promotion

import (
	"cmp"
	"fmt"
	"regexp"
	"strconv"
	"time"

	"github.com/terrier-iac/terrier/modules/pins"
)

var daysFirst = regexp.MustCompile(`^([0-9]{1,4})d(.*)$`)

// ParseSoak reads a duration of Go, which may begin with days ("2d", "1d12h");
// 0 for "". Anything that is not above 0, or is above 10,000 days, is an error.
func ParseSoak(text string) (time.Duration, error) {
	if text == "" {
		return 0, nil
	}
	rest, days := text, 0
	if m := daysFirst.FindStringSubmatch(text); m != nil {
		days, _ = strconv.Atoi(m[1])
		rest = m[2]
	}
	var d time.Duration
	var err error
	if rest != "" {
		d, err = time.ParseDuration(rest)
	}
	if err != nil || d < 0 || d > 10000*24*time.Hour || d == 0 && days == 0 {
		return 0, fmt.Errorf("--soak %q is no duration\nhint: 48h, 90m, 2d, 1d12h", text)
	}
	return d + time.Duration(days)*24*time.Hour, nil
}

// Hours is a duration for people, rounded down; "" for none.
func Hours(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}

// wait holds a release back that has not been there for long enough. beyond
// says that it may have been there for longer, and why nobody can tell.
func (p *Promotion) wait(e *environment, r *pins.Running, since time.Time, soak time.Duration, beyond string) {
	if soak == 0 || since.IsZero() {
		return
	}
	age := p.q.Now().Sub(since)
	if age >= soak {
		return
	}
	r.Reason = fmt.Sprintf("it is in %s since %s, %s; --soak wants %s", e.name, minute(since), cmp.Or(Hours(age), "0 min"), Hours(soak))
	r.Hint = beyond
}

func minute(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") }
