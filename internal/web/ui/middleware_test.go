package ui

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/i18n"
)

// text is a component that says something in the page's language.
func text(s string) templ.Component { return templ.Raw(templ.EscapeString(s)) }

func get(u *UI, target string, change func(*http.Request), h Handler) *http.Response {
	r := httptest.NewRequest(http.MethodGet, target, nil)
	if change != nil {
		change(r)
	}
	w := httptest.NewRecorder()
	u.Middleware(u.Handle(h)).ServeHTTP(w, r)
	return w.Result()
}

func TestPagesAreGuarded(t *testing.T) {
	t.Parallel()
	u := &UI{Secure: true}
	r := get(u, "/x", nil, func(w http.ResponseWriter, r *http.Request) error {
		return u.Render(w, r, http.StatusOK, Page{Nav: NavAdmin, FormAction: []string{"https://client.example", "bad; script-src *"}}, text("hello"))
	})
	want := map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; frame-ancestors 'none'; form-action 'self' https://client.example",
		"X-Content-Type-Options":  "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cache-Control": "no-store",
		"Strict-Transport-Security": "max-age=31536000", "Cross-Origin-Opener-Policy": "same-origin", "Content-Type": "text/html; charset=utf-8",
	}
	got := map[string]string{}
	for name := range want {
		got[name] = r.Header.Get(name)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	page, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, forbidden := range []string{"<script", "<style", " style=", " onclick", "javascript:"} {
		if strings.Contains(string(page), forbidden) {
			t.Errorf("the page contains %q", forbidden)
		}
	}
}

func TestHeadHasNoBody(t *testing.T) {
	t.Parallel()
	u := &UI{}
	w := httptest.NewRecorder()
	if err := u.Render(w, httptest.NewRequest(http.MethodHead, "/x", nil), http.StatusOK, Page{}, text("hello")); err != nil {
		t.Fatal(err)
	}
	if w.Body.Len() != 0 {
		t.Errorf("%d bytes", w.Body.Len())
	}
}

func TestChoicesByLink(t *testing.T) {
	t.Parallel()
	never := func(http.ResponseWriter, *http.Request) error { return gatehouse.NotFound }
	for _, c := range []struct {
		name, target, location string
		cookies                []string
	}{
		{"Language", "/user?lang=zh-CN", "/user", []string{"gatehouse_lang=zh-CN"}},
		{"ThemeAmongOthers", "/sign-in?request=a%2Fb&theme=dark&x=%20+y", "/sign-in?request=a%2Fb&x=%20+y", []string{"gatehouse_theme=dark"}},
		{"Both", "/?lang=en&theme=light", "/", []string{"gatehouse_lang=en", "gatehouse_theme=light"}},
		{"BackToAutomatic", "/user?theme=auto", "/user", []string{"gatehouse_theme="}},
		{"StateStaysByteForByte", "/oauth/authorize?state=%7e%2B;a=b&lang=en", "/oauth/authorize?state=%7e%2B;a=b", []string{"gatehouse_lang=en"}},
		{"UnknownLanguageStays", "/user?lang=fr", "", nil},
		{"UnknownThemeStays", "/user?theme=pink", "", nil},
		{"NotForPrograms", "/api/v4/user?lang=zh-CN", "", nil},
		{"NeverToAnotherHost", "//evil.example/?lang=en", "", nil},
		{"NotWithAnEscapedBackslash", "/%5Cevil.example?lang=en", "/%5Cevil.example", []string{"gatehouse_lang=en"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := get(&UI{Secure: true}, "http://id.example.com"+c.target, nil, never)
			if got := r.Header.Get("Location"); got != c.location {
				t.Errorf("Location %q, want %q", got, c.location)
			}
			var got []string
			for _, cookie := range r.Cookies() {
				got = append(got, cookie.Name+"="+strings.TrimPrefix(cookie.Value, "auto"))
				if !cookie.Secure || !cookie.HttpOnly || cookie.SameSite != http.SameSiteLaxMode || cookie.Path != "/" {
					t.Errorf("cookie %s lets too much", cookie)
				}
			}
			if len(got) == 2 && got[0] > got[1] {
				got[0], got[1] = got[1], got[0]
			}
			if diff := cmp.Diff(c.cookies, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLanguage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, accept, cookie, wish string
		want                       i18n.Lang
	}{
		{"English", "", "", "", i18n.English},
		{"Browser", "zh-CN,zh;q=0.9,en;q=0.8", "", "", i18n.Chinese},
		{"CookieBeforeBrowser", "zh-CN", "en", "", i18n.English},
		{"AccountBeforeBrowser", "en", "", "zh-CN", i18n.Chinese},
		{"CookieBeforeAccount", "en", "en", "zh-CN", i18n.English},
		{"WrongCookieIsNone", "zh-CN", "fr", "", i18n.Chinese},
		{"UnknownWishIsNone", "zh-CN", "", "xx", i18n.Chinese},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var got i18n.Lang
			get(&UI{}, "/x", func(r *http.Request) {
				r.Header.Set("Accept-Language", c.accept)
				if c.cookie != "" {
					r.AddCookie(&http.Cookie{Name: langCookie, Value: c.cookie})
				}
			}, func(_ http.ResponseWriter, r *http.Request) error {
				got = i18n.From(Prefer(r, c.wish).Context())
				return nil
			})
			if got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
		})
	}
}

func TestThemeIsOnThePage(t *testing.T) {
	t.Parallel()
	for cookie, want := range map[string]string{"dark": `data-theme="dark"`, "light": `data-theme="light"`, "": `data-theme="auto"`, `"><script>`: `data-theme="auto"`} {
		u := &UI{}
		r := get(u, "/x", func(r *http.Request) { r.AddCookie(&http.Cookie{Name: themeCookie, Value: cookie}) },
			func(w http.ResponseWriter, r *http.Request) error { return u.Render(w, r, 200, Page{}, text("")) })
		if page := body(t, r); !strings.Contains(page, want) {
			t.Errorf("cookie %q: no %s", cookie, want)
		}
	}
}

func TestPanicBecomesAPage(t *testing.T) {
	t.Parallel()
	r := get(&UI{}, "/x", nil, func(http.ResponseWriter, *http.Request) error { panic("hunter2") })
	if page := body(t, r); r.StatusCode != 500 || strings.Contains(page, "hunter2") {
		t.Errorf("status %d:\n%s", r.StatusCode, page)
	}
}

func TestPanicAfterTheAnswerBeganAddsNothing(t *testing.T) {
	t.Parallel()
	r := get(&UI{}, "/x", nil, func(w http.ResponseWriter, _ *http.Request) error {
		_, _ = w.Write([]byte("begun"))
		panic("late")
	})
	got, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != 200 || string(got) != "begun" {
		t.Errorf("status %d, %q, %v", r.StatusCode, got, err)
	}
}

func TestAbortedHandlerStaysAborted(t *testing.T) {
	t.Parallel()
	defer func() {
		if got, _ := recover().(error); !errors.Is(got, http.ErrAbortHandler) {
			t.Errorf("recovered %v", got)
		}
	}()
	get(&UI{}, "/x", nil, func(http.ResponseWriter, *http.Request) error { panic(http.ErrAbortHandler) })
}

func TestForm(t *testing.T) {
	t.Parallel()
	post := func(target, body string) (string, error) {
		r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		form, err := Form(httptest.NewRecorder(), r)
		return form.Get("a"), err
	}
	if got, err := post("/x?a=query", "a=form"); err != nil || got != "form" {
		t.Errorf("%q, %v", got, err)
	}
	if got, err := post("/x?a=query", ""); err != nil || got != "" {
		t.Errorf("the query counts as the form: %q, %v", got, err)
	}
	for name, body := range map[string]string{"TooLarge": "a=" + strings.Repeat("x", longestForm), "Broken": "a=%zz"} {
		if _, err := post("/x", body); gatehouse.KindOf(err) != gatehouse.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSeeOtherStaysHere(t *testing.T) {
	t.Parallel()
	for to, want := range map[string]string{"/user?a=b": "/user?a=b", "//evil.example": "/", "": "/", "https://evil.example": "/"} {
		w := httptest.NewRecorder()
		SeeOther(w, to)
		if got := w.Header().Get("Location"); w.Code != 303 || got != want {
			t.Errorf("SeeOther(%q): %d to %q", to, w.Code, got)
		}
	}
}
