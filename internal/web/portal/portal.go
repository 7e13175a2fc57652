// Package portal is a person's own pages: who they are here, with which
// providers they sign in, in which browsers they are signed in, and which
// applications may act for them.
package portal

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/session"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// Portal shows people their own account. All fields but Limiter are needed.
type Portal struct {
	UI       *ui.UI
	Store    *store.Store
	Sessions *session.Manager
	SignIn   *signin.Service
	Limiter  *ui.Limiter // of sign-ins that are begun; nil: none
}

// Mount adds the addresses of this package.
func (p *Portal) Mount(mux *http.ServeMux) {
	mux.Handle("GET /user", p.own(p.account))
	mux.Handle("POST /user/connections/{connection}", p.own(p.connect))
	mux.Handle("POST /user/sessions/{session}/end", p.own(p.endSession))
	mux.Handle("POST /user/sessions/end-others", p.own(p.endOthers))
	mux.Handle("POST /user/applications/{client}/withdraw", p.own(p.withdraw))
}

// visitor is who asks, and with which session.
type visitor struct {
	session gatehouse.Session
	user    gatehouse.User
}

func (v visitor) actor(r *http.Request) gatehouse.Actor {
	return gatehouse.Actor{Kind: gatehouse.ActorUser, ID: v.user.ID, Name: v.user.Username, Address: ui.ClientAddress(r)}
}

type ownHandler func(w http.ResponseWriter, r *http.Request, v visitor) error

// own lets in whoever is signed in. Every handler works on the visitor's own
// things only.
func (p *Portal) own(h ownHandler) http.Handler {
	return p.UI.Handle(func(w http.ResponseWriter, r *http.Request) error {
		s, u, err := p.Sessions.Current(r)
		if err != nil {
			return err
		}
		return h(w, ui.Prefer(r, u.Locale), visitor{s, u})
	})
}

// connected is an identity with the connection that vouches for it.
type connected struct {
	Identity   gatehouse.Identity
	Connection gatehouse.Connection
}

// application is a client that may act for the person.
type application struct {
	Client  gatehouse.Client
	Consent store.Consent
}

// accountPage is what the page shows.
type accountPage struct {
	User         gatehouse.User
	Current      string // id of this browser's session
	Identities   []connected
	Connectable  []gatehouse.Connection // those by which the person is not known yet
	Sessions     []gatehouse.Session    // this browser's first
	Applications []application
	Done         string // what was just done, for a sentence
}

func (p *Portal) account(w http.ResponseWriter, r *http.Request, v visitor) error {
	page := accountPage{User: v.user, Current: v.session.ID, Done: r.URL.Query().Get("done")}
	err := p.Store.View(r.Context(), func(tx *store.Tx) error {
		if err := page.readConnections(tx); err != nil {
			return err
		}
		var err error
		if page.Sessions, err = p.Sessions.List(tx, v.user.ID); err != nil {
			return err
		}
		return page.readApplications(tx)
	})
	if err != nil {
		return fmt.Errorf("read the account of %s: %w", v.user.ID, err)
	}
	if i := slices.IndexFunc(page.Sessions, func(s gatehouse.Session) bool { return s.ID == v.session.ID }); i > 0 {
		page.Sessions = slices.Concat(page.Sessions[i:i+1], page.Sessions[:i], page.Sessions[i+1:])
	}
	return p.UI.Render(w, r, http.StatusOK, ui.Page{
		Title: i18n.Text(r.Context(), "My account"), Nav: ui.NavPortal, User: &v.user,
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

func (a *accountPage) readApplications(tx *store.Tx) error {
	consents, err := tx.Consents(a.User.ID)
	if err != nil {
		return fmt.Errorf("read consents: %w", err)
	}
	a.Applications = nil
	for _, c := range consents {
		client, err := tx.Client(c.ClientID)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return fmt.Errorf("read client %s: %w", c.ClientID, err)
		}
		if client.ID == "" { // it is gone, but the consent can still be withdrawn
			client = gatehouse.Client{ID: c.ClientID, Name: c.ClientID}
		}
		a.Applications = append(a.Applications, application{client, c})
	}
	return nil
}

// connect begins to connect another identity with the signed-in account.
func (p *Portal) connect(w http.ResponseWriter, r *http.Request, v visitor) error {
	if err := p.Limiter.Allow(r); err != nil {
		return err
	}
	address, err := p.SignIn.Begin(r.Context(), signin.Start{
		Connection: r.PathValue("connection"), ReturnTo: "/user?done=connected", LinkUserID: v.user.ID,
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

// endSession ends one session of the visitor; ending the one they use signs out.
func (p *Portal) endSession(w http.ResponseWriter, r *http.Request, v visitor) error {
	id := r.PathValue("session")
	if id == v.session.ID {
		ui.SeeOther(w, "/sign-out")
		return nil
	}
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.Sessions.EndOne(tx, v.actor(r), v.user.ID, id)
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user?done=session-ended")
	return nil
}

func (p *Portal) endOthers(w http.ResponseWriter, r *http.Request, v visitor) error {
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		_, err := p.Sessions.EndOthers(tx, v.actor(r), v.user.ID, v.session.ID)
		return err
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/user?done=sessions-ended")
	return nil
}

// withdraw takes back what the visitor allowed an application: its tokens end
// at once, and it has to ask again.
func (p *Portal) withdraw(w http.ResponseWriter, r *http.Request, v visitor) error {
	client := r.PathValue("client")
	err := p.Store.Update(r.Context(), func(tx *store.Tx) error {
		if _, err := tx.Consent(v.user.ID, client); err != nil {
			return err
		}
		if err := tx.DeleteConsent(v.user.ID, client); err != nil {
			return fmt.Errorf("delete the consent: %w", err)
		}
		if err := tx.RevokeUserTokens(v.user.ID, client); err != nil {
			return fmt.Errorf("revoke tokens: %w", err)
		}
		return tx.Record(gatehouse.Event{
			Actor: v.actor(r), Action: "consent.withdrawn", Target: "user/" + v.user.ID, Details: map[string]string{"client": client},
		})
	})
	if err != nil {
		return fmt.Errorf("withdraw the consent for %s: %w", url.PathEscape(client), err)
	}
	ui.SeeOther(w, "/user?done=withdrawn")
	return nil
}
