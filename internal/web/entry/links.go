package entry

import (
	"errors"
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/signin"
	"gatehouse/internal/web/ui"
)

// longestToken bounds a one-time token; ours have 43 characters.
const longestToken = 200

// claimPage asks before it makes the first administrator: programs that look
// at addresses in advance must not use the link up.
func (e *Entry) claimPage(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	if token == "" || len(token) > longestToken {
		return badLink()
	}
	return e.UI.Render(w, r, http.StatusOK, ui.Page{Title: i18n.Text(r.Context(), "Become the first administrator")}, claimBody(token))
}

func (e *Entry) claim(w http.ResponseWriter, r *http.Request) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	return e.take(w, r, signin.PurposeClaim, form.Get("token"))
}

// link signs in by the address that a development installation prints. It is
// for one person at one machine, so it asks nothing.
func (e *Entry) link(w http.ResponseWriter, r *http.Request) error {
	return e.take(w, r, signin.PurposeDev, r.URL.Query().Get("token"))
}

func (e *Entry) take(w http.ResponseWriter, r *http.Request, purpose, token string) error {
	if token == "" || len(token) > longestToken {
		return badLink()
	}
	b, err := e.browser(w, r)
	if err != nil {
		return err
	}
	result, err := e.SignIn.TakeLink(r.Context(), purpose, token, b)
	if errors.Is(err, gatehouse.Expired) && e.administers(r) {
		ui.SeeOther(w, "/admin") // it did what it should, and was pressed twice
		return nil
	}
	if err != nil {
		return e.refused(w, r, err)
	}
	if result.GoTo == "" {
		result.GoTo = "/admin"
	}
	e.enter(w, result)
	return nil
}

func (e *Entry) administers(r *http.Request) bool {
	_, err := e.Sessions.RequireAdmin(r)
	return err == nil
}

func badLink() error {
	return gatehouse.Errorf(gatehouse.Expired, "This one-time link is wrong, too old or was used before. Ask for a new one: Gatehouse prints it when it starts.")
}
