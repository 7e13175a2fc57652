package portal

import (
	"errors"
	"fmt"
	"net/http"
	"slices"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountAccount adds who the person is here and with which providers they sign in.
func (p *Portal) mountAccount(mux *http.ServeMux) {
	mux.Handle("GET /user", p.own(p.account))
	mux.Handle("POST /user/connections/{connection}", p.own(p.connect))
}

// connected is an identity with the connection that vouches for it.
type connected struct {
	Identity   gatehouse.Identity
	Connection gatehouse.Connection
}

// accountPage is what the page shows.
type accountPage struct {
	User        gatehouse.User
	Identities  []connected
	Connectable []gatehouse.Connection // those by which the person is not known yet
	Done        string                 // what was just done, for a sentence
}

func (p *Portal) account(w http.ResponseWriter, r *http.Request, v visitor) error {
	page := accountPage{User: v.user, Done: r.URL.Query().Get("done")}
	if err := p.Store.View(r.Context(), page.readConnections); err != nil {
		return fmt.Errorf("read the account of %s: %w", v.user.ID, err)
	}
	return p.UI.Render(w, r, http.StatusOK, ui.Page{
		Title: i18n.Text(r.Context(), "My account"), Nav: ui.NavPortal, Section: "account", User: &v.user,
		FormAction: []string{"https:", "http:"}, // connecting leads to a provider, whose address is known only then
	}, accountBody(page))
}

func (a *accountPage) readConnections(tx *store.Tx) error {
	identities, err := tx.Identities(a.User.ID)
	if err != nil {
		return fmt.Errorf("read identities: %w", err)
	}
	connections, err := tx.Connections()
	if err != nil {
		return fmt.Errorf("read connections: %w", err)
	}
	a.Identities, a.Connectable = nil, nil
	byID := map[string]gatehouse.Connection{}
	for _, c := range connections {
		byID[c.ID] = c
		known := slices.ContainsFunc(identities, func(i gatehouse.Identity) bool { return i.ConnectionID == c.ID })
		if c.Enabled && !known {
			a.Connectable = append(a.Connectable, c)
		}
	}
	for _, i := range identities {
		a.Identities = append(a.Identities, connected{Identity: i, Connection: byID[i.ConnectionID]})
	}
	return nil
}

// connect begins to connect another identity with the signed-in account.
func (p *Portal) connect(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Limiter.Allow(r); err != nil {
		return err
	}
	address, err := p.SignIn.Begin(r.Context(), signin.Start{
		Connection: r.PathValue("connection"), ReturnTo: "/user?done=connected", Purpose: gatehouse.ForLink, UserID: v.user.ID,
		Locale: string(i18n.From(r.Context())), BrowserHash: p.Sessions.Browser(w, r),
	})
	var no *signin.Refused
	if errors.As(err, &no) {
		return refusal{no}
	}
	if err != nil {
		return err
	}
	w.Header().Set("Location", address)
	w.WriteHeader(http.StatusSeeOther)
	return nil
}

// refusal shows the reference of the kept decision on the error page.
type refusal struct{ *signin.Refused }

// Reference is that of the decision.
func (r refusal) Reference() string { return r.Decision.Reference }
