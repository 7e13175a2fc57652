package entry

import (
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/signin"
	"gatehouse/internal/web/ui"
)

// invitePage asks before it takes the link of somebody whose account was made by
// hand: programs that look at the addresses in mails must not use it up.
func (e *Entry) invitePage(w http.ResponseWriter, r *http.Request) error {
	token := r.URL.Query().Get("token")
	if token == "" || len(token) > longestToken {
		return badInvite()
	}
	return e.UI.Render(w, r, http.StatusOK, ui.Page{Title: i18n.Text(r.Context(), "Open your account")}, inviteBody(token))
}

func (e *Entry) invite(w http.ResponseWriter, r *http.Request) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	if form.Get("token") == "" {
		return badInvite()
	}
	return e.take(w, r, signin.PurposeInvite, form.Get("token"))
}

func badInvite() error {
	return gatehouse.Errorf(gatehouse.Expired, "This one-time link is wrong. Copy the whole of it, or ask an administrator for a new one.")
}
