package entry

import (
	"context"
	"net/http"
	"slices"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/web/ui"
)

// signUpPage is the page for people who are new.
type signUpPage struct {
	choosePage
}

// signUp shows the ways by which new people may come.
func (e *Entry) signUp(w http.ResponseWriter, r *http.Request) error {
	p, done, err := e.choices(w, r)
	if err != nil || done {
		return err
	}
	r = ui.Prefer(r, p.Demand.Locale)
	p.Connections = slices.DeleteFunc(p.Connections, func(c gatehouse.Connection) bool { return !takesNewPeople(c) })
	return e.UI.Render(w, r, http.StatusOK,
		ui.Page{Title: i18n.Text(r.Context(), "Sign up"), FormAction: toProviders()}, signUpBody(signUpPage{p}))
}

// takesNewPeople says whether somebody whom nobody here knows can come by a
// connection, at once, by asking or by waiting.
func takesNewPeople(c gatehouse.Connection) bool {
	switch c.Rules.NewPeople() {
	case gatehouse.NewPeopleCreate, gatehouse.NewPeoplePending, gatehouse.NewPeopleRequestAccess:
		return true
	case gatehouse.NewPeopleOff, gatehouse.NewPeopleLinkOnly:
	}
	return false
}

// terms is what comes of somebody new who chooses a connection; "" when they
// just get in.
func terms(ctx context.Context, c gatehouse.Connection) string {
	switch c.Rules.NewPeople() {
	case gatehouse.NewPeoplePending:
		return i18n.Text(ctx, "An administrator has to approve your account.")
	case gatehouse.NewPeopleRequestAccess:
		return i18n.Text(ctx, "You can ask for an account.")
	case gatehouse.NewPeopleCreate, gatehouse.NewPeopleOff, gatehouse.NewPeopleLinkOnly:
	}
	return ""
}

// lastFirst puts the connection that this browser used last in front.
func lastFirst(all []gatehouse.Connection, last string) []gatehouse.Connection {
	at := slices.IndexFunc(all, func(c gatehouse.Connection) bool { return c.Name == last })
	if at < 0 {
		return all
	}
	sorted := append([]gatehouse.Connection{all[at]}, all[:at]...)
	return append(sorted, all[at+1:]...)
}
