package portal

import (
	"fmt"
	"net/http"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountSecurity adds how the person proves who they are, and where they are
// signed in.
func (p *Portal) mountSecurity(mux *http.ServeMux) {
	mux.Handle("GET /user/security", p.own(p.security))
	mux.Handle("POST /user/sessions/{session}/end", p.own(p.endSession))
	mux.Handle("POST /user/sessions/end-others", p.own(p.endOthers))
	if p.Local == nil {
		return
	}
	p.mountPassword(mux)
	p.mountAuthenticator(mux)
	p.mountPasskeys(mux)
}

// Places says where in the world an address is, in a language ("en", "zh-CN");
// "" when it does not know.
type Places interface {
	Place(address, language string) string
}

// securityPage is what the page shows.
type securityPage struct {
	User     gatehouse.User
	Current  string              // id of this browser's session
	Sessions []gatehouse.Session // this browser's first
	Places   map[string]string   // by address; without one nothing is known
	Idle     time.Duration
	Absolute time.Duration
	Done     string // what was just done, for a sentence
	First    bool   // an administrator who came by the one-time link

	Local       bool // there is something here to prove oneself by
	Has         gatehouse.LocalWays
	Ways        credentials.Ways
	MayPassword bool
	ChangedAt   time.Time // of the password
	AppAt       time.Time // of the authenticator app
	CanPasskeys bool
	PasskeysBy  string // how they come to work where they do not, "" = no way that we know
	Passkeys    []gatehouse.Passkey
	PausedUntil time.Time
}

func (p *Portal) security(w http.ResponseWriter, r *http.Request, v visitor) error {
	q := r.URL.Query()
	page := securityPage{User: v.user, Current: v.session.ID, Done: q.Get("done"), First: q.Get("first") != "", Local: p.Local != nil}
	page.Idle, page.Absolute = p.Sessions.Limits()
	err := p.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		if page.Sessions, err = p.Sessions.List(tx, v.user.ID); err != nil {
			return err
		}
		return p.readCredentials(tx, &page)
	})
	if err != nil {
		return fmt.Errorf("read the security page of %s: %w", v.user.ID, err)
	}
	if i := slices.IndexFunc(page.Sessions, func(s gatehouse.Session) bool { return s.ID == v.session.ID }); i > 0 {
		page.Sessions = slices.Concat(page.Sessions[i:i+1], page.Sessions[:i], page.Sessions[i+1:])
	}
	page.Places = p.places(r, page.Sessions)
	return p.UI.Render(w, r, http.StatusOK, ui.Page{
		Title: i18n.Text(r.Context(), "Security"), Nav: ui.NavPortal, Section: "security", User: &v.user,
	}, securityBody(page))
}

func (p *Portal) readCredentials(tx *store.Tx, page *securityPage) (err error) {
	if p.Local == nil {
		return nil
	}
	id := page.User.ID
	if page.Has, err = tx.LocalWays(id); err != nil {
		return fmt.Errorf("read the credentials: %w", err)
	}
	if page.Ways, err = p.Local.WaysIn(tx, id); err != nil {
		return err
	}
	page.MayPassword = p.Local.Rules.MayHavePassword(page.User, page.Has)
	page.CanPasskeys, page.PasskeysBy = p.Local.Passkeys(), p.passkeysBy()
	if page.Has.Password {
		kept, err := tx.Password(id)
		if err != nil {
			return fmt.Errorf("read the password: %w", err)
		}
		page.ChangedAt = kept.ChangedAt
	}
	if page.Has.Authenticator {
		app, err := tx.Authenticator(id, true)
		if err != nil {
			return fmt.Errorf("read the authenticator: %w", err)
		}
		page.AppAt = app.CreatedAt
	}
	if page.Passkeys, err = tx.Passkeys(id); err != nil {
		return fmt.Errorf("read the passkeys: %w", err)
	}
	page.PausedUntil, err = p.Local.PausedUntil(tx, id)
	return err
}

func (p *Portal) places(r *http.Request, sessions []gatehouse.Session) map[string]string {
	known := map[string]string{}
	if p.Places == nil {
		return known
	}
	for _, s := range sessions {
		if place := p.Places.Place(s.Address, string(i18n.From(r.Context()))); place != "" {
			known[s.Address] = place
		}
	}
	return known
}

// fresh lets in whoever proved who they are not long ago; others are asked, and
// come back here.
func (p *Portal) fresh(h ownHandler) ownHandler {
	return func(w http.ResponseWriter, r *http.Request, v visitor) error {
		if err := p.Sessions.Fresh(v.session); err != nil {
			return err
		}
		return h(w, r, v)
	}
}

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
	ui.SeeOther(w, "/user/security?done=session-ended")
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
	ui.SeeOther(w, "/user/security?done=sessions-ended")
	return nil
}
