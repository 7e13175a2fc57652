package gatehouse_test

import (
	"errors"
	"testing"
	"time"

	"gatehouse"
)

func TestScheduleNext(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, zone, after, want string }{
		{"interval", "90m", "", "2026-03-01T10:00:00Z", "2026-03-01T11:30:00Z"},
		{"interval in a zone", "24h", "Europe/Berlin", "2026-03-28T10:00:00Z", "2026-03-29T10:00:00Z"},
		{"each minute", "* * * * *", "", "2026-03-01T10:00:30Z", "2026-03-01T10:01:00Z"},
		{"never the moment itself", "0 3 * * *", "", "2026-03-01T03:00:00Z", "2026-03-02T03:00:00Z"},
		{"in a zone", "0 3 * * *", "Asia/Shanghai", "2026-03-01T10:00:00Z", "2026-03-01T19:00:00Z"},
		{"half past, of odd zones", "30 9 * * *", "Asia/Kathmandu", "2026-03-01T00:00:00Z", "2026-03-01T03:45:00Z"},
		{"range and step", "*/20 8-18/5 * * *", "", "2026-03-01T08:45:00Z", "2026-03-01T13:00:00Z"},
		{"from a value on by steps", "10/25 * * * *", "", "2026-03-01T08:11:00Z", "2026-03-01T08:35:00Z"},
		{"list", "5,50 1,2 * * *", "", "2026-03-01T01:05:00Z", "2026-03-01T01:50:00Z"},
		{"names", "0 6 * jan,MAR mon-fri", "", "2026-03-07T12:00:00Z", "2026-03-09T06:00:00Z"},
		{"Sunday is 7", "0 6 * * 7", "", "2026-03-02T12:00:00Z", "2026-03-08T06:00:00Z"},
		{"Friday to Sunday", "0 6 * * 5-7", "", "2026-03-07T12:00:00Z", "2026-03-08T06:00:00Z"},
		{"day of month or of week", "0 0 13 * fri", "", "2026-03-07T00:00:00Z", "2026-03-13T00:00:00Z"},
		{"either of them", "0 0 15 * fri", "", "2026-03-13T00:00:00Z", "2026-03-15T00:00:00Z"},
		{"star with a step needs both", "0 0 */2 * fri", "", "2026-03-07T00:00:00Z", "2026-03-13T00:00:00Z"},
		{"last of a month that has it", "0 0 31 * *", "", "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"},
		{"leap day", "0 0 29 2 *", "", "2026-03-01T00:00:00Z", "2028-02-29T00:00:00Z"},
		{"leap day over 2100", "0 0 29 2 *", "", "2096-03-01T00:00:00Z", "2104-02-29T00:00:00Z"},
		{"daily", "@daily", "America/New_York", "2026-01-05T10:00:00Z", "2026-01-06T05:00:00Z"},
		{"yearly", "@Yearly", "", "2026-01-05T10:00:00Z", "2027-01-01T00:00:00Z"},
		// Berlin: forward 2026-03-29 02:00 → 03:00, back 2026-10-25 03:00 → 02:00.
		{"a time that is left out comes at the change", "30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z"},
		{"and after it as usual", "30 2 * * *", "Europe/Berlin", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"},
		{"a time that comes twice is taken once", "30 2 * * *", "Europe/Berlin", "2026-10-25T00:00:00Z", "2026-10-25T00:30:00Z"},
		{"and not again", "30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"},
		{"each half hour follows real time back", "*/30 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", "2026-10-25T01:00:00Z"},
		{"each half hour follows real time back, twice", "*/30 * * * *", "Europe/Berlin", "2026-10-25T01:00:00Z", "2026-10-25T01:30:00Z"},
		{"each half hour follows real time forward", "*/30 * * * *", "Europe/Berlin", "2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z"},
		// Beirut: forward 2026-03-29 00:00 → 01:00.
		{"a midnight that is left out", "0 0 29 3 *", "Asia/Beirut", "2026-03-01T00:00:00Z", "2026-03-28T22:00:00Z"},
		{"a day after such a midnight", "0 5 29 3 *", "Asia/Beirut", "2026-03-28T00:00:00Z", "2026-03-29T02:00:00Z"},
		// Lord Howe Island moves by half an hour: back 2026-04-05 02:00 → 01:30.
		{"half an hour back", "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, err := gatehouse.ParseSchedule(tt.text, tt.zone)
			if err != nil {
				t.Fatal(err)
			}
			after, err := time.Parse(time.RFC3339, tt.after)
			if err != nil {
				t.Fatal(err)
			}
			if got := s.Next(after).Format(time.RFC3339); got != tt.want {
				t.Errorf("%s in %q after %s: %s, want %s", tt.text, tt.zone, tt.after, got, tt.want)
			}
		})
	}
}

func TestScheduleRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range [][2]string{
		{"", ""},
		{"30s", ""},
		{"-1h", ""},
		{"soon", ""},
		{"* * * *", ""},
		{"* * * * * *", ""},
		{"60 * * * *", ""},
		{"* 24 * * *", ""},
		{"* * 0 * *", ""},
		{"* * 32 * *", ""},
		{"* * * 13 *", ""},
		{"* * * * 8", ""},
		{"*/0 * * * *", ""},
		{"*/99 * * * *", ""},
		{"5-1 * * * *", ""},
		{"1,,2 * * * *", ""},
		{"- * * * *", ""},
		{"/5 * * * *", ""},
		{"+1 * * * *", ""},
		{"* * * foo *", ""},
		{"* * * anf *", ""},
		{"0 0 31 2 *", ""},
		{"0 0 30 feb *", ""},
		{"@reboot", ""},
		{"1h", "Mars/Olympus"},
		{"1h", "Local"},
		{"1h", "../etc/passwd"},
	} {
		if _, err := gatehouse.ParseSchedule(tt[0], tt[1]); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("%q in %q: %v, want it refused", tt[0], tt[1], err)
		}
	}
	if next := (gatehouse.Schedule{}).Next(time.Now()); !next.IsZero() {
		t.Errorf("no schedule comes at %s", next)
	}
}

func FuzzParseSchedule(f *testing.F) {
	for _, s := range []string{"1h", "0 3 * * 1-5", "@daily", "*/5 1,2-3/2 29 feb sun"} {
		f.Add(s, "Europe/Berlin")
	}
	start := time.Date(2026, time.March, 1, 0, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text, zone string) {
		s, err := gatehouse.ParseSchedule(text, zone)
		if err != nil {
			return
		}
		if next := s.Next(start); !next.After(start) {
			t.Errorf("%q in %q comes at %s", text, zone, next)
		}
	})
}
