package guard

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
	_ "time/tzdata" // a runner's image often has no zones, and a freeze would end with an error there
)

// A Window is a time in which nothing is applied: from a moment until another,
// or days and hours that come again, or both (days and hours within a time).
type Window struct {
	Name        string
	From, Until time.Time      // zero for no bound; Until is the first moment after it
	Days        []time.Weekday // on which the hours begin, sorted; empty for all
	Start, End  int            // minutes of the day, both 0 for all of it; End before Start is on the next day
	Zone        *time.Location // of days and hours; nil without them
}

const minutesOfDay = 24 * 60

var hoursForm = regexp.MustCompile(`^([0-9]{2}):([0-9]{2})-([0-9]{2}):([0-9]{2})$`)

var weekdays = map[string]time.Weekday{
	"mon": time.Monday, "tue": time.Tuesday, "wed": time.Wednesday, "thu": time.Thursday,
	"fri": time.Friday, "sat": time.Saturday, "sun": time.Sunday,
}

// ParseWindow reads the attributes of a freeze window, "" and nil for those that
// are not there. from and until are RFC 3339 with an offset; days are "mon" to
// "sun" or whole names; hours are "18:00-08:00", up to "24:00" and over midnight
// too, where a day is the one on which they begin; timezone is an IANA name, and
// is required with days or hours. An error says which attribute is wrong.
func ParseWindow(name, from, until string, days []string, hours, timezone string) (Window, error) {
	w := Window{Name: name}
	fail := func(what, hint string) (Window, error) {
		return Window{}, fmt.Errorf("freeze window %s: %s\nhint: %s", strconv.Quote(name), what, hint)
	}
	if strings.TrimSpace(name) == "" || name != clean(name) {
		return fail("it has no name, or one that cannot be shown", `name = "christmas"`)
	}
	for _, bound := range []struct {
		attribute, text string
		to              *time.Time
	}{{"from", from, &w.From}, {"until", until, &w.Until}} {
		if bound.text == "" {
			continue
		}
		t, err := time.Parse(time.RFC3339, bound.text)
		if err != nil || t.IsZero() {
			return fail(fmt.Sprintf("%s %s is no time", bound.attribute, strconv.Quote(bound.text)), `RFC 3339 with an offset, "2026-12-20T18:00:00+01:00"`)
		}
		*bound.to = t.UTC()
	}
	if !w.From.IsZero() && !w.Until.IsZero() && !w.From.Before(w.Until) {
		return fail("until is not after from", "it would never hold")
	}
	for _, d := range days {
		day, ok := weekdays[strings.ToLower(d)]
		if !ok && len(d) > 3 {
			if abbreviated, known := weekdays[strings.ToLower(d[:3])]; known && strings.EqualFold(abbreviated.String(), d) {
				day, ok = abbreviated, true
			}
		}
		if !ok {
			return fail(strconv.Quote(d)+" is no day", `days = ["fri", "sat", "sun"]`)
		}
		w.Days = append(w.Days, day)
	}
	slices.Sort(w.Days)
	w.Days = slices.Compact(w.Days)
	if hours != "" {
		var ok bool
		if w.Start, w.End, ok = parseHours(hours); !ok {
			return fail("hours "+strconv.Quote(hours)+" are none", `"18:00-08:00"; for all day leave hours out`)
		}
	}
	switch {
	case len(days) == 0 && hours == "":
		if from == "" && until == "" {
			return fail("it says no time", "from and until, or days and hours")
		}
		if timezone != "" {
			return fail("timezone is for days and hours", "from and until have an offset")
		}
		return w, nil
	case timezone == "":
		return fail("days and hours need a timezone", `timezone = "Europe/Berlin"`)
	case timezone == "Local":
		return fail(`timezone "Local" is another one on each machine`, `timezone = "Europe/Berlin"`)
	}
	zone, err := time.LoadLocation(timezone)
	if err != nil {
		return fail("timezone "+strconv.Quote(timezone)+" is not known", `an IANA name, "Europe/Berlin" or "UTC"`)
	}
	w.Zone = zone
	return w, nil
}

func parseHours(text string) (start, end int, ok bool) {
	m := hoursForm.FindStringSubmatch(text)
	if m == nil {
		return 0, 0, false
	}
	var n [4]int
	for i := range n {
		n[i], _ = strconv.Atoi(m[i+1])
	}
	start, end = n[0]*60+n[1], n[2]*60+n[3]
	// 24:00 is an end only. From an hour to the same hour is no time or all of it:
	// nobody can tell.
	if n[1] > 59 || n[3] > 59 || start >= minutesOfDay || end > minutesOfDay || start == end {
		return 0, 0, false
	}
	if start == 0 && end == minutesOfDay {
		return 0, 0, true
	}
	return start, end, true
}

func (w Window) recurs() bool { return len(w.Days) > 0 || w.Start != w.End || w.Zone != nil }

// Holds says whether a moment is in the window. Hours are those that a clock on
// a wall of the zone shows: on the day that the clocks go back, an hour of the
// window that comes twice is frozen twice.
func (w Window) Holds(now time.Time) bool {
	if !w.From.IsZero() && now.Before(w.From) || !w.Until.IsZero() && !now.Before(w.Until) {
		return false
	}
	if !w.recurs() {
		// A window that says nothing is none that ParseWindow gives: it holds.
		return true
	}
	if w.Zone == nil {
		return true // days and hours of no zone
	}
	local := now.In(w.Zone)
	minute := local.Hour()*60 + local.Minute()
	today := w.on(local.Weekday())
	switch {
	case w.Start == w.End:
		return today
	case w.Start < w.End:
		return today && minute >= w.Start && minute < w.End
	}
	yesterday := w.on((local.Weekday() + 6) % 7)
	return today && minute >= w.Start || yesterday && minute < w.End
}

func (w Window) on(d time.Weekday) bool { return len(w.Days) == 0 || slices.Contains(w.Days, d) }

// end is the first moment after now at which the window does not hold, within
// some weeks; zero where there is none.
func (w Window) end(now time.Time) time.Time {
	if !w.recurs() || w.Zone == nil {
		return w.Until
	}
	// Offsets of zones are whole minutes for the times that matter.
	t := now.Truncate(time.Minute)
	for range 15 * minutesOfDay {
		t = t.Add(time.Minute)
		if !w.Holds(t) {
			return t
		}
	}
	return time.Time{}
}

func (w Window) equal(other Window) bool { return w.String() == other.String() }

// String describes the window for people, all of it.
func (w Window) String() string {
	parts := []string{w.Name}
	if !w.From.IsZero() {
		parts = append(parts, "from "+w.From.UTC().Format(time.RFC3339Nano))
	}
	if !w.Until.IsZero() {
		parts = append(parts, "until "+w.Until.UTC().Format(time.RFC3339Nano))
	}
	for _, d := range w.Days {
		parts = append(parts, d.String()[:3])
	}
	if w.Start != w.End {
		parts = append(parts, fmt.Sprintf("%02d:%02d-%02d:%02d", w.Start/60, w.Start%60, w.End/60, w.End%60))
	}
	if w.Zone != nil {
		parts = append(parts, w.Zone.String())
	}
	return strings.Join(parts, " ")
}

// Frozen refuses within a window, and names all that hold.
func Frozen(now time.Time, windows []Window) *Refusal {
	var names []string
	var last time.Time
	endless := false
	for _, w := range windows {
		if !w.Holds(now) {
			continue
		}
		names = append(names, clean(w.String()))
		end := w.end(now)
		endless = endless || end.IsZero()
		if end.After(last) {
			last = end
		}
	}
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	hint := "no end of it is in sight: change freeze on the base branch"
	if !endless {
		hint = "wait until " + last.UTC().Format("2006-01-02 15:04 UTC")
	}
	return &Refusal{Freeze, "nothing is applied now: " + strings.Join(names, "; "), hint}
}
