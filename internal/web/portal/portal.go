// Package portal is a person's own pages: who they are here, with which
// providers they sign in, in which browsers they are signed in, and which
// applications may act for them.
package portal

import (
	"net/http"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/pats"
	"gatehouse/internal/provided"
	"gatehouse/internal/self"
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
	Provided *provided.Provided
	Personal *pats.Tokens
	Local    *credentials.Credentials // what people prove themselves by without a provider; nil: nothing
	Places   Places                   // nil: where an address is, nobody says
	Limiter  *ui.Limiter              // of sign-ins that are begun; nil: none
	Self     *self.Self
	URL      string // what browsers see, without a slash at the end; "": applications cannot be opened from here
	// NoOwnApplications leaves the making of applications to administrators.
	NoOwnApplications bool
	// MailReady says that mail reaches people; otherwise what needs it says so.
	MailReady bool
}

// Mount adds the addresses of this package.
func (p *Portal) Mount(mux *http.ServeMux) {
	p.mountAccount(mux)
	p.mountSecurity(mux)
	p.mountApplications(mux)
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
