package ui

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
)

// Referenced is an error with a reference code that the person may read out to
// an administrator, such as that of a stored decision. The page shows it in
// place of the request's own.
type Referenced interface{ Reference() string }

// Coded is an error with a word of its own by which programs tell it from
// others of its kind. They get it in place of the kind.
type Coded interface{ Code() string }

// StatusOf is the HTTP status of an error: that of its gatehouse.ErrorKind, and
// 500 for what is a fault of ours.
func StatusOf(err error) int {
	var tooLarge *http.MaxBytesError
	switch gatehouse.KindOf(err) {
	case gatehouse.Invalid:
		return http.StatusBadRequest
	case gatehouse.NotFound:
		return http.StatusNotFound
	case gatehouse.Unauthorized:
		return http.StatusUnauthorized
	case gatehouse.Forbidden, gatehouse.Stale:
		return http.StatusForbidden
	case gatehouse.Conflict:
		return http.StatusConflict
	case gatehouse.Expired:
		return http.StatusGone
	case gatehouse.Limited:
		return http.StatusTooManyRequests
	case gatehouse.Unavailable:
		return http.StatusServiceUnavailable
	case gatehouse.Upstream:
		return http.StatusBadGateway
	}
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}

// Fail shows an error: to whom has not signed in yet the way to the sign-in, to
// whom has to prove anew who they are the page for that, to programs problem+json (RFC 9457), to people a page that says what happened
// and what to do. Nothing of the cause is shown; it is logged.
func (u *UI) Fail(w http.ResponseWriter, r *http.Request, err error) {
	status := StatusOf(err)
	u.logFailure(r, status, err)
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		h.Set("Retry-After", "10")
	}
	f := describe(r.Context(), status, err)
	switch {
	case wantsJSON(r):
		writeProblem(w, status, f)
	case gatehouse.KindOf(err) == gatehouse.Stale:
		SeeOther(w, ConfirmFor(r))
	case status == http.StatusUnauthorized && (r.Method == http.MethodGet || r.Method == http.MethodHead):
		SeeOther(w, SignInFor(r))
	default:
		if err := u.Render(w, r, status, Page{Title: f.Title, Nav: NavNone}, errorPage(f)); err != nil {
			u.log().ErrorContext(r.Context(), "show an error page", slog.Any("error", err))
			http.Error(w, f.Title, status)
		}
	}
}

// SignInFor is the address of the sign-in that leads back to the page that r
// asks for.
func SignInFor(r *http.Request) string {
	back := OwnPath(r.URL.RequestURI())
	if back == "" || back == "/" {
		return "/sign-in"
	}
	return "/sign-in?return_to=" + url.QueryEscape(back)
}

// ConfirmFor is the address where the person in front proves again who they are,
// leading back to the page that r asks for, or whose form r sends.
func ConfirmFor(r *http.Request) string {
	back := OwnPath(r.URL.RequestURI())
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		back = formPage(r)
	}
	if back == "" {
		back = "/user/security"
	}
	return "/sign-in/confirm?return_to=" + url.QueryEscape(back)
}

// formPage is the page that a form was sent from, "" when the browser does not
// say. Only its path is taken, whatever host it says: it is a page of ours, since
// forms of other sites are refused.
func formPage(r *http.Request) string {
	from, err := url.Parse(r.Referer())
	if err != nil || from.Path == "" {
		return ""
	}
	return OwnPath(from.RequestURI())
}

func (u *UI) logFailure(r *http.Request, status int, err error) {
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError && r.Context().Err() == nil {
		level = slog.LevelError
	}
	// The path only: a query may hold codes and tokens.
	u.log().Log(r.Context(), level, "request failed", slog.Int("status", status), slog.String("method", r.Method),
		slog.String("path", r.URL.Path), slog.String("request", RequestID(r.Context())), slog.Any("error", err))
}

// wantsJSON says whether a program asks: by the address, or by what it accepts.
func wantsJSON(r *http.Request) bool {
	accept := r.Header.Get("Accept")
	return strings.HasPrefix(r.URL.Path, "/api/") || strings.Contains(accept, "json") && !strings.Contains(accept, "text/html")
}

// failure is what is shown of an error.
type failure struct {
	Kind      string
	Title     string
	Sentence  string
	Advice    string // what to do, "" when the sentence says it
	Reference string
	SignIn    bool // offer the way to the sign-in
}

func describe(ctx context.Context, status int, err error) failure {
	f := texts(ctx, status)
	f.Reference = RequestID(ctx)
	var ref Referenced
	if errors.As(err, &ref) && ref.Reference() != "" {
		f.Reference = ref.Reference()
	}
	var e *gatehouse.Error
	if errors.As(err, &e) && e.Message != "" {
		f.Sentence, f.Advice = i18n.Text(ctx, e.Message, e.Args...), ""
	}
	f.Kind = string(gatehouse.KindOf(err))
	if f.Kind == "" {
		f.Kind = "internal"
	}
	var coded Coded
	if errors.As(err, &coded) {
		f.Kind = coded.Code()
	}
	return f
}

// texts are what is said of a status when the error itself says nothing.
func texts(ctx context.Context, status int) failure {
	t := func(english string) string { return i18n.Text(ctx, english) }
	switch status {
	case http.StatusBadRequest, http.StatusRequestEntityTooLarge:
		return failure{Title: t("That did not work"), Sentence: t("Something in the address or in the form is not right."), Advice: t("Go back, check what you entered, and try again.")}
	case http.StatusNotFound:
		return failure{Title: t("Page not found"), Sentence: t("There is nothing at this address, or you may not see it."), Advice: t("Check the address, or begin from the start page.")}
	case http.StatusMethodNotAllowed:
		return failure{Title: t("That did not work"), Sentence: t("This address does not answer that kind of request."), Advice: t("Begin from the start page.")}
	case http.StatusUnauthorized:
		return failure{Title: t("Please sign in"), Sentence: t("You are not signed in, or your session has ended."), Advice: t("Sign in, and then do it again."), SignIn: true}
	case http.StatusForbidden:
		return failure{Title: t("You may not do this"), Sentence: t("Your account does not have the right to see this page or to do what you tried."), Advice: t("If you need it, ask an administrator.")}
	case http.StatusConflict:
		return failure{Title: t("Somebody was faster"), Sentence: t("This was changed in the meantime, or exists already."), Advice: t("Look at it again, and repeat what you wanted to do if it is still needed.")}
	case http.StatusGone:
		return failure{Title: t("This has expired"), Sentence: t("The link or the sign-in under way is too old, or was used before."), Advice: t("Begin again from the start page.")}
	case http.StatusTooManyRequests:
		return failure{Title: t("Too many requests"), Sentence: t("There were too many requests in a short time."), Advice: t("Wait a little, and try again.")}
	case http.StatusServiceUnavailable:
		return failure{Title: t("Not available right now"), Sentence: t("Gatehouse, or something that it depends on, cannot answer at the moment."), Advice: t("Nothing was lost. Try again in a little while.")}
	case http.StatusBadGateway:
		return failure{Title: t("The other system did not answer as expected"), Sentence: t("A connected system gave an answer that Gatehouse cannot use."), Advice: t("Try again in a little while. If it happens again, tell an administrator the reference below.")}
	}
	return failure{Title: t("Something went wrong"), Sentence: t("This is a fault of Gatehouse, not yours."), Advice: t("Try again. If it happens again, tell an administrator the reference below.")}
}

func writeProblem(w http.ResponseWriter, status int, f failure) {
	detail := f.Sentence
	if f.Advice != "" {
		detail += " " + f.Advice
	}
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{ // the asker has gone; nobody is left to tell
		"type": "about:blank", "title": f.Title, "status": status, "detail": detail, "code": f.Kind, "reference": f.Reference,
	})
}

func notFound() error { return gatehouse.NotFound }
