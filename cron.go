package gatehouse

import (
	"strconv"
	"strings"
	"time"
)

// cron is an expression of five fields, as crontab(5) has them: minute, hour,
// day of the month, month, day of the week. Each field is the set of its values,
// a bit each.
type cron struct {
	minute, hour, day, month, weekday uint64
	// anyDay and anyWeekday: the field begins with a star. When neither does, a
	// day counts that is in either.
	anyDay, anyWeekday bool
	// everyHour: the hour begins with a star. Such an expression follows the real
	// time where the clock is changed; another one is done once, and never left out.
	everyHour bool
}

// cronField is what a field may hold.
type cronField struct {
	low, high int
	names     string // of the values from low on, three letters each
}

func cronFields() [5]cronField {
	return [5]cronField{
		{low: 0, high: 59},
		{low: 0, high: 23},
		{low: 1, high: 31},
		{low: 1, high: 12, names: "janfebmaraprmayjunjulaugsepoctnovdec"},
		{low: 0, high: 7, names: "sunmontuewedthufrisat"},
	}
}

// cronWords are short ways to write an expression.
func cronWords() map[string]string {
	return map[string]string{
		"@hourly": "0 * * * *", "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@weekly": "0 0 * * 0",
		"@monthly": "0 0 1 * *", "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *",
	}
}

func parseCron(text string) (*cron, error) {
	wrong := Errorf(Invalid, "%q is no time. Write an interval such as 30m or 6h, or a cron expression of five fields such as 0 3 * * 1-5 (at 3:00 from Monday to Friday).", clipped(text))
	if long, ok := cronWords()[strings.ToLower(text)]; ok {
		text = long
	}
	words := strings.Fields(text)
	if len(words) != 5 || len(text) > 300 {
		return nil, wrong
	}
	var sets [5]uint64
	for i, f := range cronFields() {
		set, ok := f.parse(words[i])
		if !ok {
			return nil, wrong
		}
		sets[i] = set
	}
	if sets[4]&(1<<7) != 0 { // Sunday is 0 and 7
		sets[4] = sets[4]&^(1<<7) | 1
	}
	star := func(i int) bool { return strings.HasPrefix(words[i], "*") }
	return &cron{
		minute: sets[0], hour: sets[1], day: sets[2], month: sets[3], weekday: sets[4],
		everyHour: star(1), anyDay: star(2), anyWeekday: star(4),
	}, nil
}

// parse reads a field: parts with commas between, each a star, a value or a
// range, and after a slash its step.
func (f cronField) parse(word string) (set uint64, ok bool) {
	for part := range strings.SplitSeq(word, ",") {
		reach, stride, stepped := strings.Cut(part, "/")
		step := 1
		if stepped {
			if step, ok = number(stride); !ok || step < 1 || step > f.high {
				return 0, false
			}
		}
		low, high, ok := f.reach(reach, stepped)
		if !ok {
			return 0, false
		}
		for v := low; v <= high; v += step {
			set |= 1 << v
		}
	}
	return set, true
}

// reach is from where to where a part goes. A single value with a step goes to
// the end.
func (f cronField) reach(word string, stepped bool) (low, high int, ok bool) {
	if word == "*" {
		return f.low, f.high, true
	}
	first, last, ranged := strings.Cut(word, "-")
	low, ok = f.value(first)
	switch {
	case !ok:
		return 0, 0, false
	case ranged:
		high, ok = f.value(last)
		return low, high, ok && low <= high
	case stepped:
		return low, f.high, true
	}
	return low, low, true
}

func (f cronField) value(word string) (int, bool) {
	if i := strings.Index(f.names, strings.ToLower(word)); len(word) == 3 && i >= 0 && i%3 == 0 {
		return f.low + i/3, true
	}
	v, ok := number(word)
	return v, ok && v >= f.low && v <= f.high
}

// number reads one or two digits, and nothing else.
func number(word string) (int, bool) {
	v, err := strconv.ParseUint(word, 10, 8)
	return int(v), err == nil && len(word) <= 2
}

// farthest is how far ahead a time is looked for: from one leap day to the next
// there can be eight years.
const farthest = 9 * 366 * 24 * time.Hour

// next is the first time after a moment; the zero time: there is none.
func (c *cron) next(after time.Time, zone *time.Location) time.Time {
	end := after.Add(farthest)
	for t := after.Truncate(time.Minute).Add(time.Minute); t.Before(end); {
		local := t.In(zone)
		if !c.onDay(local) {
			midnight := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, zone)
			if !midnight.After(t) { // midnight itself is left out when the clock is changed
				midnight = t.Add(time.Minute)
			}
			t = midnight
			continue
		}
		if c.at(local) && (c.everyHour || !repeated(local)) || !c.everyHour && c.inGap(local) {
			return t.UTC()
		}
		t = t.Add(time.Minute)
	}
	return time.Time{}
}

// onDay says whether the expression is about the day of a local time.
func (c *cron) onDay(t time.Time) bool {
	day, weekday := c.day&(1<<t.Day()) != 0, c.weekday&(1<<t.Weekday()) != 0
	if c.month&(1<<t.Month()) == 0 {
		return false
	}
	if !c.anyDay && !c.anyWeekday {
		return day || weekday
	}
	return day && weekday
}

func (c *cron) at(t time.Time) bool {
	return c.hour&(1<<t.Hour()) != 0 && c.minute&(1<<t.Minute()) != 0
}

// repeated says whether the clock showed this local time before, on the same
// night: it was set back.
func repeated(t time.Time) bool {
	_, now := t.Zone()
	_, before := t.Add(-3 * time.Hour).Zone()
	if before <= now {
		return false
	}
	_, then := t.Add(-time.Duration(before-now) * time.Second).Zone()
	return then == before
}

// inGap says whether the clock was just set forward, past a time of the expression.
func (c *cron) inGap(t time.Time) bool {
	_, now := t.Zone()
	_, before := t.Add(-time.Minute).Zone()
	for left := time.Duration(now-before) * time.Second; left > 0; left -= time.Minute {
		// what the clock would show had it not been changed, as a time without changes
		shown := t.Add(time.Duration(now) * time.Second).UTC().Add(-left)
		if c.at(shown) && c.onDay(shown) {
			return true
		}
	}
	return false
}
