package ui

import (
	"context"
	"fmt"
	"hash/fnv"
	"strconv"
	"strings"
	"time"
	"unicode"

	"gatehouse"
	"gatehouse/internal/i18n"
)

// view is a page with what the layout works out of its request.
type view struct {
	Page
	ui          *UI
	path, query string
	theme       string
	waiting     map[string]int64 // numbers beside entries of the navigation
}

// with is the address of this page with one more choice.
func (v view) with(name, value string) string {
	rest, _ := takeChoices(v.query)
	if rest != "" {
		rest += "&"
	}
	return v.path + "?" + rest + name + "=" + value
}

// refresh is after how many seconds the page asks again, "" for never.
func (v view) refresh() string {
	if v.Refresh <= 0 {
		return ""
	}
	return strconv.Itoa(v.Refresh)
}

// title is what stands on the browser's tab.
func (v view) title() string {
	if v.Title == "" {
		return "Gatehouse"
	}
	return v.Title + " · Gatehouse"
}

// mayAdminister says whether the way to the dashboard is shown.
func (v view) mayAdminister() bool { return v.User != nil && v.User.Role != gatehouse.RoleNone }

type nowKey struct{}

func withNow(ctx context.Context, now time.Time) context.Context {
	return context.WithValue(ctx, nowKey{}, now)
}

func nowOf(ctx context.Context) time.Time {
	if now, ok := ctx.Value(nowKey{}).(time.Time); ok {
		return now
	}
	return time.Now()
}

// t is the text in the page's language.
func t(ctx context.Context, english string, args ...any) string {
	return i18n.Text(ctx, english, args...)
}

// Past says whether a moment lies before the page's present.
func Past(ctx context.Context, at time.Time) bool { return !nowOf(ctx).Before(at) }

// Ago is a time as people say it, from the page's present: "3 minutes ago", "in
// 2 hours", and a date when it is further away than a month.
func Ago(ctx context.Context, at time.Time) string {
	if at.IsZero() {
		return t(ctx, "never")
	}
	d := nowOf(ctx).Sub(at)
	if d < 0 {
		return ahead(ctx, at, -d)
	}
	switch {
	case d < time.Minute:
		return t(ctx, "just now")
	case d < time.Hour:
		return some(ctx, d, time.Minute, "%d minute ago", "%d minutes ago")
	case d < 24*time.Hour:
		return some(ctx, d, time.Hour, "%d hour ago", "%d hours ago")
	case d < 30*24*time.Hour:
		return some(ctx, d, 24*time.Hour, "%d day ago", "%d days ago")
	}
	return Date(ctx, at)
}

// ahead rounds to the nearest unit: what ends in fourteen days was just begun,
// and not in thirteen.
func ahead(ctx context.Context, at time.Time, d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d < time.Minute:
		return t(ctx, "in a moment")
	case d.Round(time.Minute) < time.Hour:
		return some(ctx, d.Round(time.Minute), time.Minute, "in %d minute", "in %d minutes")
	case d.Round(time.Hour) < day:
		return some(ctx, d.Round(time.Hour), time.Hour, "in %d hour", "in %d hours")
	case d < 30*day:
		return some(ctx, d.Round(day), day, "in %d day", "in %d days")
	}
	return Date(ctx, at)
}

func some(ctx context.Context, d, unit time.Duration, one, many string) string {
	return Count(ctx, int64(d/unit), one, many)
}

// Count is a number with its word: the key one for 1 and many for the rest.
func Count(ctx context.Context, n int64, one, many string) string {
	if n == 1 {
		return t(ctx, one, n)
	}
	return t(ctx, many, n)
}

// Date is a day as the language writes it, in UTC.
func Date(ctx context.Context, at time.Time) string {
	if i18n.From(ctx) == i18n.Chinese {
		return at.UTC().Format("2006年1月2日")
	}
	return at.UTC().Format("2 Jan 2006")
}

// Exact is a moment to the second, in UTC.
func Exact(at time.Time) string { return at.UTC().Format("2006-01-02 15:04:05 UTC") }

// Number is a whole number with separators between thousands.
func Number(n int64) string {
	digits := fmt.Sprint(n)
	sign := ""
	if n < 0 {
		sign, digits = "-", digits[1:]
	}
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteByte(',')
		}
		b.WriteRune(d)
	}
	return sign + b.String()
}

// initials are what stands for a person without a picture: the last two
// characters of a Chinese name, else the first letters of the first and last word.
func initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 {
		return "?"
	}
	first := []rune(words[0])
	if unicode.Is(unicode.Han, first[0]) {
		return string(first[max(0, len(first)-2):])
	}
	text := string(first[:1])
	if len(words) > 1 {
		text += string([]rune(words[len(words)-1])[:1])
	}
	return strings.ToUpper(text)
}

// hue is one of eight colours, the same for the same text.
func hue(seed string) string {
	h := fnv.New32a()
	_, _ = h.Write([]byte(seed)) // never fails
	return fmt.Sprintf("hue-%d", h.Sum32()%8)
}
