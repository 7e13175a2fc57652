package ui

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"flag"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/i18n"
)

var update = flag.Bool("update", false, "write the golden files anew")

// noon is the page's present.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// themesOf reads the colours of tokens.css: light, dark by the system, dark by choice.
func themesOf(t *testing.T) [3]map[string]string {
	t.Helper()
	blocks := regexp.MustCompile(`(?s):root[^{]*\{([^{}]*)\}`).FindAllStringSubmatch(string(mustRead("assets/tokens.css")), -1)
	if len(blocks) != 3 {
		t.Fatalf("%d blocks of tokens, want light, dark and dark", len(blocks))
	}
	var themes [3]map[string]string
	for i, b := range blocks {
		themes[i] = map[string]string{}
		for _, m := range regexp.MustCompile(`(--[a-z-]+): (#[0-9a-f]{6})`).FindAllStringSubmatch(b[1], -1) {
			themes[i][m[1]] = m[2]
		}
	}
	return themes
}

func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	part := func(from int) float64 {
		n, err := strconv.ParseUint(colour[from:from+2], 16, 8)
		if err != nil {
			t.Fatalf("colour %q: %v", colour, err)
		}
		if c := float64(n) / 255; c > 0.04045 {
			return math.Pow((c+0.055)/1.055, 2.4)
		}
		return float64(n) / 255 / 12.92
	}
	if len(colour) != 7 {
		t.Fatalf("no colour: %q", colour)
	}
	return 0.2126*part(1) + 0.7152*part(3) + 0.0722*part(5)
}

func contrast(t *testing.T, a, b string) float64 {
	t.Helper()
	la, lb := luminance(t, a), luminance(t, b)
	return (math.Max(la, lb) + 0.05) / (math.Min(la, lb) + 0.05)
}

func TestContrastIsEnoughInBothThemes(t *testing.T) {
	t.Parallel()
	themes := themesOf(t)
	for i, name := range []string{"light", "dark"} {
		c := themes[i]
		check := func(front, back string, least float64) {
			t.Helper()
			if got := contrast(t, c[front], c[back]); got < least {
				t.Errorf("%s: %s on %s has %.2f, want %.1f (WCAG 2.2 AA)", name, front, back, got, least)
			}
		}
		for _, back := range []string{"--bg", "--surface", "--raised"} {
			for _, front := range []string{"--text", "--muted", "--accent", "--accent-hover", "--bad"} {
				check(front, back, 4.5)
			}
			check("--line-strong", back, 3)
			check("--focus", back, 3)
		}
		for _, tone := range []string{"good", "warn", "bad", "info", "accent"} {
			check("--"+tone, "--"+tone+"-soft", 4.5)
			check("--text", "--"+tone+"-soft", 4.5)
		}
		check("--on-accent", "--accent", 4.5)
		check("--on-accent", "--accent-hover", 4.5)
	}
	for _, m := range regexp.MustCompile(`\.hue-\d \{ background: (#[0-9a-f]{6})`).FindAllStringSubmatch(string(assets().css.body), -1) {
		if got := contrast(t, "#ffffff", m[1]); got < 4.5 {
			t.Errorf("white on %s has %.2f", m[1], got)
		}
	}
}

func TestBothDarkThemesAreTheSame(t *testing.T) {
	t.Parallel()
	themes := themesOf(t)
	if diff := cmp.Diff(themes[1], themes[2]); diff != "" {
		t.Error(diff)
	}
	for token := range themes[0] {
		if themes[1][token] == "" {
			t.Errorf("%s has no dark colour", token)
		}
	}
}

func TestAssets(t *testing.T) {
	t.Parallel()
	get := func(path string) *http.Response {
		w := httptest.NewRecorder()
		(&UI{}).Assets().ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		return w.Result()
	}
	for _, a := range []asset{assets().css, assets().logo} {
		r := get(a.path)
		body, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != 200 || !bytes.Equal(body, a.body) || r.Header.Get("Content-Type") != a.contentType {
			t.Errorf("%s: status %d, %d bytes, %s, %v", a.path, r.StatusCode, len(body), r.Header.Get("Content-Type"), err)
		}
		if got := r.Header.Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: %s", a.path, got)
		}
	}
	for _, path := range []string{"/assets/", "/assets/gatehouse.css", "/assets/../ui.go", "/assets/tokens.css"} {
		if r := get(path); r.StatusCode != http.StatusNotFound {
			t.Errorf("%s: status %d", path, r.StatusCode)
		}
	}
	if other := newAsset("gatehouse", "css", "text/css", []byte("x")); other.path == assets().css.path {
		t.Error("another content has the same address")
	}
	if css := string(assets().css.body); strings.Contains(css, "url(") || strings.Contains(css, "@import") {
		t.Error("the style sheet loads something")
	}
}

func TestIconsAreWellFormed(t *testing.T) {
	t.Parallel()
	for name, d := range drawings() {
		dec := xml.NewDecoder(strings.NewReader("<svg>" + d + "</svg>"))
		for {
			_, err := dec.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", name, err)
				break
			}
		}
	}
	for _, g := range adminSections(t.Context()) {
		for _, s := range g.Sections {
			if drawings()[s.Icon] == "" {
				t.Errorf("%s has no icon %q", s.Name, s.Icon)
			}
		}
	}
	if drawing("nothing") == "" {
		t.Error("an unknown icon is empty")
	}
}

// everything is every component once, with texts that try to break out.
func everything() templ.Component {
	evil := `<i>"'&`
	return templ.Join(
		PageHead(evil, evil), Breadcrumbs(Link{evil, "/a?b=c&d"}, Link{Label: evil}), Tabs([]Tab{{evil, "/a", true, evil}, {evil, "/b", false, ""}}),
		Button(evil, "primary"), NamedButton(evil, "", evil, evil), LinkButton("/x", evil, "danger"), PostButton("/x?y=z&a", evil, "quiet"),
		Field(evil, "a", "text", evil, evil, ""), Field(evil, "b", "email", evil, "", evil), Select(evil, "c", "2", []Option{{"1", evil}, {"2", evil}}),
		Search("/s", evil, evil), Card(evil, evil), Table(evil, evil, evil), Badge("good", evil), Empty("users", evil, evil),
		Avatar(evil, evil, "large"), Person(evil, evil, evil, "/p"), Person("王小明", "", "s", ""), Pager("/first", "/next"), Alert("bad", evil),
		Facts(), Fact(evil), CopyField(evil, evil), Reference(evil), Time(noon.Add(-time.Hour)), Time(time.Time{}),
		Stat(evil, 1234567, "/s"), Stat(evil, -1, ""), Progress(evil, 5, 3), Progress(evil, 1, 0), Icon("gitlab"),
		LinkButton("javascript:alert(1)", "x", ""),
		InputField(Input{Label: evil, Name: "d", Value: evil, Hint: evil, Problem: evil, Placeholder: evil}), InputField(Input{Label: evil, Name: "e", Type: "password"}),
		FlagField(Flag{Label: evil, Name: "f", On: true, Hint: evil}), FlagField(Flag{Label: evil, Name: "g", Fixed: true, Problem: evil}),
		PickField(Pick{Label: evil, Name: "h", Chosen: "2", Options: []PickOption{{"1", evil, evil}, {"2", evil, ""}}, Hint: evil}),
		AreaField(Area{Label: evil, Name: "i", Value: evil, Placeholder: evil, Code: true}), AreaField(Area{Label: evil, Name: "j", Hint: evil, Rows: 2}),
	)
}

func TestGolden(t *testing.T) {
	t.Parallel()
	user := gatehouse.User{ID: "u", Name: "Alice Zhang", Username: "alice", Role: gatehouse.RoleAuditor}
	for name, c := range map[string]struct {
		page Page
		body templ.Component
		lang i18n.Lang
	}{
		"components": {Page{Title: "Components", Nav: NavAdmin, Section: "users", User: &user, Refresh: 2}, everything(), i18n.English},
		"error":      {Page{Title: "Error"}, errorPage(failure{Title: "Title", Sentence: "Sentence.", Advice: "Advice.", Reference: "R3F"}), i18n.Chinese},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodGet, "/page?a=b&lang=xx", nil)
			r = r.WithContext(i18n.With(r.Context(), c.lang))
			w := httptest.NewRecorder()
			u := &UI{Development: true, Clock: func() time.Time { return noon }}
			if err := u.Render(w, r, http.StatusOK, c.page, c.body); err != nil {
				t.Fatal(err)
			}
			got := regexp.MustCompile(`\.[0-9a-f]{12}\.`).ReplaceAllString(strings.ReplaceAll(w.Body.String(), "><", ">\n<"), ".HASH.")
			if strings.Contains(got, "<i>") || strings.Contains(got, "javascript:alert") {
				t.Error("markup got through")
			}
			golden := filepath.Join("testdata", name+".html")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got, "\n")); diff != "" {
				t.Errorf("the page differs from %s; look, and then run with -update (-want +got):\n%s", golden, diff)
			}
		})
	}
}

func TestAgo(t *testing.T) {
	t.Parallel()
	ctx := withNow(t.Context(), noon)
	zh := i18n.With(ctx, i18n.Chinese)
	for d, want := range map[time.Duration][2]string{
		0:                              {"just now", "刚刚"},
		59 * time.Second:               {"just now", "刚刚"},
		time.Minute:                    {"1 minute ago", "1 分钟前"},
		119 * time.Minute:              {"1 hour ago", "1 小时前"},
		3 * 24 * time.Hour:             {"3 days ago", "3 天前"},
		31 * 24 * time.Hour:            {"29 Jan 2026", "2026年1月29日"},
		-time.Second:                   {"in a moment", "即将"},
		-5 * time.Minute:               {"in 5 minutes", "5 分钟后"},
		-time.Hour:                     {"in 1 hour", "1 小时后"},
		-48 * time.Hour:                {"in 2 days", "2 天后"},
		-14*24*time.Hour + time.Second: {"in 14 days", "14 天后"},
		-time.Hour + time.Second:       {"in 1 hour", "1 小时后"},
		-24*time.Hour + time.Second:    {"in 1 day", "1 天后"},
		-60 * 24 * time.Hour:           {"30 Apr 2026", "2026年4月30日"},
		-1000 * time.Hour * 9:          {"11 Mar 2027", "2027年3月11日"},
	} {
		if got := [2]string{Ago(ctx, noon.Add(-d)), Ago(zh, noon.Add(-d))}; got != want {
			t.Errorf("%s: %q, want %q", d, got, want)
		}
	}
	if got := Ago(ctx, time.Time{}); got != "never" {
		t.Errorf("zero: %q", got)
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	for n, want := range map[int64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1000: "-1,000", math.MinInt64: "-9,223,372,036,854,775,808"} {
		if got := Number(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestInitials(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"Alice Zhang": "AZ", "alice": "A", "王小明": "小明", "欧阳娜娜": "娜娜", "李": "李", "": "?", " - ": "?", "Grace van Dijk": "GD", "élodie": "É", "7 of 9": "79", "\u202egnp": "G",
	} {
		if got := initials(name); got != want {
			t.Errorf("%q: %q, want %q", name, got, want)
		}
	}
}

func TestDevice(t *testing.T) {
	t.Parallel()
	for agent, want := range map[string]string{
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36":           "Chrome on Windows",
		"Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0": "Edge on Windows",
		"Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0":                                                    "Firefox on Linux",
		"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.0 Safari/605.1.15":     "Safari on macOS",
		"Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1":       "Safari on iPhone (mobile)",
		"Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 Chrome/120 Mobile Safari/537.36 AliApp(DingTalk/7.6.0)":                 "DingTalk on Android (mobile)",
		"curl/8.5.0":         "curl",
		"Something (Linux)":  "Linux",
		"":                   "Unknown device",
		"<script>alert(1)//": "Unknown device",
	} {
		name, mobile := Device(t.Context(), agent)
		if mobile {
			name += " (mobile)"
		}
		if name != want {
			t.Errorf("%q: %q, want %q", agent, name, want)
		}
	}
}

func TestConnectionIcon(t *testing.T) {
	t.Parallel()
	for want, c := range map[string]gatehouse.Connection{
		"gitlab": {Name: "our_gitlab", Kind: "gitlab"}, "github": {Name: "x", Kind: "oauth2", Icon: "github"},
		"google": {Name: "google", Kind: "openid", Icon: "https://evil.example/pixel.png"}, "openid": {Name: "x", Kind: "unheard of"},
	} {
		if got := ConnectionIcon(c); got != want {
			t.Errorf("%+v: %q, want %q", c, got, want)
		}
	}
}

// TestWaiting: the number of what waits stands beside its entry of the
// navigation, on pages of the dashboard only, and a page needs it not.
func TestWaiting(t *testing.T) {
	t.Parallel()
	var err error
	u := &UI{Waiting: func(context.Context) (map[string]int64, error) { return map[string]int64{"approvals": 3456}, err }}
	shown := func(nav Nav) bool {
		t.Helper()
		w := httptest.NewRecorder()
		r := httptest.NewRequest(http.MethodGet, "/admin", nil)
		if err := u.Render(w, r, http.StatusOK, Page{Nav: nav}, templ.NopComponent); err != nil {
			t.Fatal(err)
		}
		return strings.Contains(w.Body.String(), Number(3456))
	}
	if !shown(NavAdmin) || shown(NavPortal) || shown(NavNone) {
		t.Error("the number is shown in the wrong places")
	}
	u.Waiting = func(context.Context) (map[string]int64, error) { return nil, errors.New("database away") }
	if shown(NavAdmin) {
		t.Error("a number is shown that nobody knows")
	}
}
