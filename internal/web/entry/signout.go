package entry

import (
	"encoding/json"
	"errors"
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/web/ui"
)

// signOutPage asks before it signs out, since a link on another site could lead here.
func (e *Entry) signOutPage(w http.ResponseWriter, r *http.Request) error {
	_, u, err := e.Sessions.Current(r)
	if err != nil {
		return e.elsewhere(w, err, "/sign-in?auto_sign_in=false")
	}
	p := ui.Page{Title: i18n.Text(r.Context(), "Sign out"), User: &u, FormAction: toProviders()}
	return e.UI.Render(w, r, http.StatusOK, p, signOutBody(u))
}

// signOut ends the session here, and sends the browser on: to the provider where
// its connection wants that, and past the applications that it used.
func (e *Entry) signOut(w http.ResponseWriter, r *http.Request) error {
	return e.Leave.SignOut(w, r, "")
}

// backChannel takes a logout token of a provider (OpenID Connect Back-Channel
// Logout 1.0, 2.5 and 2.8). Programs read the answer, so it is JSON, in English.
func (e *Entry) backChannel(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	form, err := ui.Form(w, r)
	if err == nil && len(form["logout_token"]) != 1 {
		err = gatehouse.Errorf(gatehouse.Invalid, "The form holds no logout_token, or more than one.")
	}
	if err == nil {
		err = e.SignIn.Ended(r.Context(), r.PathValue("connection"), form.Get("logout_token"), ui.ClientAddress(r))
	}
	if err == nil {
		w.WriteHeader(http.StatusOK)
		return
	}
	answer, status := map[string]string{"error": "invalid_request"}, http.StatusBadRequest
	var known *gatehouse.Error
	switch limited := e.Limiter.Allow(r); { // those that are obeyed cost nothing: a provider may end many sessions at once
	case limited != nil:
		status = http.StatusTooManyRequests
		w.Header().Set("Retry-After", "10")
		answer["error_description"] = "Too many logout tokens from your network were not valid. Wait a minute, and try again."
	case errors.As(err, &known):
		answer["error_description"] = known.Sentence()
	default:
		answer["error"] = "server_error"
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(answer)
}
