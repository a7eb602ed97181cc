package guard

import (
	"strings"
	"testing"
	"time"
)

func window(t *testing.T, from, until string, days []string, hours, zone string) Window {
	t.Helper()
	w, err := ParseWindow("w", from, until, days, hours, zone)
	if err != nil {
		t.Fatal(err)
	}
	return w
}

func TestFrozen(t *testing.T) {
	const berlin = "Europe/Berlin"
	night := window(t, "", "", nil, "18:00-08:00", berlin)
	weekend := window(t, "", "", []string{"fri"}, "18:00-08:00", berlin)
	days := window(t, "", "", []string{"Saturday", "sun"}, "", "America/New_York")
	lunch := window(t, "", "", []string{"wed"}, "12:00-13:00", "UTC")
	evening := window(t, "", "", []string{"mon"}, "22:00-24:00", "UTC")
	xmas := window(t, "2026-12-20T18:00:00+01:00", "2027-01-02T08:00:00+01:00", nil, "", "")
	ever := window(t, "2026-12-20T18:00:00Z", "", nil, "", "")
	december := window(t, "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z", nil, "18:00-08:00", "UTC")
	hour := window(t, "", "", []string{"sun"}, "02:00-03:00", berlin)
	for _, test := range []struct {
		name string
		w    Window
		now  string
		want string // the hint's end, "" for no refusal
	}{
		{"night, before", night, "2026-11-24T17:59:59+01:00", ""},
		{"night, its start", night, "2026-11-24T18:00:00+01:00", "2026-11-25 07:00 UTC"},
		{"night, midnight", night, "2026-11-25T00:00:00+01:00", "2026-11-25 07:00 UTC"},
		{"night, its last", night, "2026-11-25T07:59:59+01:00", "2026-11-25 07:00 UTC"},
		{"night, its end", night, "2026-11-25T08:00:00+01:00", ""},
		{"night in summer", night, "2026-07-01T06:30:00Z", ""},
		{"night in summer, before 8", night, "2026-07-01T05:30:00Z", "2026-07-01 06:00 UTC"},
		{"the same hour in winter", night, "2026-12-01T06:30:00Z", "2026-12-01 07:00 UTC"},
		{"the night that the clocks go on", night, "2026-03-28T23:00:00+01:00", "2026-03-29 06:00 UTC"},
		{"the night that the clocks go back", night, "2026-10-24T23:00:00+02:00", "2026-10-25 07:00 UTC"},
		{"friday evening", weekend, "2026-11-27T18:00:00+01:00", "2026-11-28 07:00 UTC"},
		{"its morning", weekend, "2026-11-28T07:00:00+01:00", "2026-11-28 07:00 UTC"},
		{"friday morning", weekend, "2026-11-27T07:00:00+01:00", ""},
		{"saturday evening", weekend, "2026-11-28T19:00:00+01:00", ""},
		{"friday in another zone", weekend, "2026-11-27T16:59:00Z", ""},
		{"saturday there", days, "2026-11-28T05:00:00Z", "2026-11-30 05:00 UTC"},
		{"still friday there", days, "2026-11-28T04:59:59Z", ""},
		{"lunch", lunch, "2026-11-25T12:59:59.999Z", "2026-11-25 13:00 UTC"},
		{"after lunch", lunch, "2026-11-25T13:00:00Z", ""},
		{"lunch on tuesday", lunch, "2026-11-24T12:30:00Z", ""},
		{"monday evening", evening, "2026-11-23T23:59:59Z", "2026-11-24 00:00 UTC"},
		{"tuesday", evening, "2026-11-24T00:00:00Z", ""},
		{"monday's first hour", evening, "2026-11-23T00:30:00Z", ""},
		{"before christmas", xmas, "2026-12-20T16:59:59Z", ""},
		{"its start", xmas, "2026-12-20T17:00:00Z", "2027-01-02 07:00 UTC"},
		{"its end", xmas, "2027-01-02T07:00:00Z", ""},
		{"for ever", ever, "2036-01-01T00:00:00Z", "no end of it is in sight"},
		{"nights of december", december, "2026-12-05T19:00:00Z", "2026-12-06 08:00 UTC"},
		{"days of december", december, "2026-12-05T12:00:00Z", ""},
		{"nights of november", december, "2026-11-30T19:00:00Z", ""},
		{"the last night of it", december, "2026-12-31T20:00:00Z", "2027-01-01 00:00 UTC"},
		{"the hour that comes twice, first", hour, "2026-10-25T00:30:00Z", "2026-10-25 02:00 UTC"},
		{"the hour that comes twice, again", hour, "2026-10-25T01:30:00Z", "2026-10-25 02:00 UTC"},
		{"the hour that does not come", hour, "2026-03-29T01:00:00Z", ""},
		{"a window that says nothing holds", Window{Name: "x"}, "2026-03-29T01:00:00Z", "no end"},
		{"so does one without a zone", Window{Name: "x", Start: 1, End: 2}, "2026-03-29T01:00:00Z", "no end"},
	} {
		now, err := time.Parse(time.RFC3339Nano, test.now)
		if err != nil {
			t.Fatal(err)
		}
		r := Frozen(now, []Window{test.w})
		switch {
		case r == nil && test.want != "":
			t.Errorf("%s: not frozen", test.name)
		case r != nil && test.want == "":
			t.Errorf("%s: %+v", test.name, *r)
		case r != nil && (!strings.Contains(r.Hint, test.want) || r.Guard != Freeze):
			t.Errorf("%s: %+v", test.name, *r)
		}
		// The clock of the caller may be of any zone.
		if r2 := Frozen(now.In(time.FixedZone("x", -7*3600)), []Window{test.w}); (r == nil) != (r2 == nil) {
			t.Errorf("%s: the zone of now counts", test.name)
		}
	}
	now := time.Date(2026, 12, 25, 2, 0, 0, 0, time.UTC)
	if r := Frozen(now, []Window{xmas, lunch, night}); r == nil || r.Reason != "nothing is applied now: w 18:00-08:00 Europe/Berlin; w from 2026-12-20T17:00:00Z until 2027-01-02T07:00:00Z" || r.Hint != "wait until 2027-01-02 07:00 UTC" {
		t.Errorf("%+v", r)
	}
	if Frozen(now, nil) != nil {
		t.Error("frozen by nothing")
	}
}

func TestParseWindowRefuses(t *testing.T) {
	for _, test := range []struct {
		name, from, until string
		days              []string
		hours, zone, want string
	}{
		{"", "", "", []string{"mon"}, "", "UTC", "no name"},
		{"a\x1b", "", "", []string{"mon"}, "", "UTC", "cannot be shown"},
		{"w", "", "", nil, "", "", "says no time"},
		{"w", "", "", nil, "", "UTC", "says no time"},
		{"w", "2026-12-20", "", nil, "", "", "from \"2026-12-20\" is no time"},
		{"w", "", "2026-12-20T18:00:00", nil, "", "", "until \"2026-12-20T18:00:00\" is no time"},
		{"w", "0001-01-01T00:00:00Z", "", nil, "", "", "is no time"},
		{"w", "2026-12-20T18:00:00Z", "2026-12-20T18:00:00Z", nil, "", "", "until is not after from"},
		{"w", "2026-12-20T18:00:00+01:00", "2026-12-20T17:00:00Z", nil, "", "", "until is not after from"},
		{"w", "2026-12-20T18:00:00Z", "", nil, "", "UTC", "timezone is for days and hours"},
		{"w", "", "", []string{"mo"}, "", "UTC", "\"mo\" is no day"},
		{"w", "", "", []string{"mondays"}, "", "UTC", "is no day"},
		{"w", "", "", []string{""}, "", "UTC", "is no day"},
		{"w", "", "", []string{"mon-fri"}, "", "UTC", "is no day"},
		{"w", "", "", nil, "8-18", "UTC", "hours"},
		{"w", "", "", nil, "08:00-08:00", "UTC", "hours"},
		{"w", "", "", nil, "24:00-08:00", "UTC", "hours"},
		{"w", "", "", nil, "08:00-24:01", "UTC", "hours"},
		{"w", "", "", nil, "08:60-09:00", "UTC", "hours"},
		{"w", "", "", nil, "08:00 - 09:00", "UTC", "hours"},
		{"w", "", "", nil, "08:00-09:00", "", "need a timezone"},
		{"w", "", "", []string{"mon"}, "", "", "need a timezone"},
		{"w", "", "", []string{"mon"}, "", "Local", "another one on each machine"},
		{"w", "", "", []string{"mon"}, "", "Europe/Nowhere", "not known"},
		{"w", "", "", []string{"mon"}, "", "../../etc/passwd", "not known"},
	} {
		_, err := ParseWindow(test.name, test.from, test.until, test.days, test.hours, test.zone)
		if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), "\nhint: ") {
			t.Errorf("%+v: %v", test, err)
		}
	}
	w := window(t, "", "", []string{"Fri", "mon", "friday"}, "00:00-24:00", "UTC")
	if got := w.String(); got != "w Mon Fri UTC" {
		t.Error(got)
	}
}
