// Package signup is the part of the dashboard about people who are new: by
// which connections they may come, whose addresses may make an account, and
// what other rules would decide about people, tried without a change. Whoever
// reads the dashboard sees it; super administrators change it. What the
// configuration file names is shown, and changed there.
package signup

import (
	"cmp"
	"errors"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

const (
	home = "/admin/sign-up"
	try  = "/admin/sign-up/dry-run"
)

// SignUp shows this part of the dashboard. All fields are needed.
type SignUp struct {
	*desk.Desk
	Users *users.Users
}

// Mount adds the addresses of this room. Every one of them asks first who is
// there and what they may do.
func (s *SignUp) Mount(mux *http.ServeMux) {
	mux.Handle("GET "+home, s.Only(s.show, desk.Readers()...))
	mux.Handle("POST "+home, s.Only(s.save, gatehouse.RoleSuperAdministrator))
	mux.Handle("GET "+try, s.Only(s.dryRun, desk.Readers()...))
}

// page is what the rules are.
type page struct {
	Connections []gatehouse.Connection
	Rules       gatehouse.SignUp
	Typed       map[string]string // what was sent and is wrong, by part; nil: nothing
	Problems    map[string]string // what is wrong with it
	Known       int               // domains of throw-away addresses
	File        users.FileSignUp
	MayChange   bool
	Saved       bool
	Seen        string            // the state that is shown, as users.SignUpTag
	Meanwhile   *gatehouse.SignUp // what somebody else saved while this was typed; nil: nobody
}

// text is what a list's field shows.
func (p page) text(part string, entries []string) string {
	if typed, ok := p.Typed[part]; ok {
		return typed
	}
	return strings.Join(entries, "\n")
}

func (s *SignUp) show(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return s.render(w, r, by, http.StatusOK, page{Saved: r.URL.Query().Get("done") == "saved"})
}

func (s *SignUp) render(w http.ResponseWriter, r *http.Request, by gatehouse.User, status int, p page) error {
	p.Known, p.File, p.MayChange = s.Users.Disposable.Len(), s.Users.FileSignUp, by.Role == gatehouse.RoleSuperAdministrator
	err := s.Read(r, "the rules for new people", func(tx *store.Tx) (err error) {
		if p.Connections, err = tx.Connections(); err != nil {
			return err
		}
		for i := range p.Connections {
			p.Connections[i].AppSecret = ""
		}
		now, err := s.Users.SignUp(tx)
		if p.Typed == nil {
			p.Rules, p.Seen = now, users.SignUpTag(now)
		}
		if p.Meanwhile != nil {
			p.Meanwhile, p.Seen = &now, users.SignUpTag(now)
		}
		return err
	})
	if err != nil {
		return err
	}
	return s.UI.Render(w, r, status, desk.Page("sign-up", i18n.Text(r.Context(), "Sign-up"), by), body(p))
}

// save writes the dashboard's half. A wrong entry is told beside its list, and
// so is what another administrator saved meanwhile; nothing typed is lost.
func (s *SignUp) save(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	wanted := gatehouse.SignUp{
		Allow: entries(form.Get(users.SignUpAllow)), Deny: entries(form.Get(users.SignUpDeny)),
		BlockSubaddresses: form.Get(users.SignUpSubaddresses) != "", BlockDisposable: form.Get(users.SignUpDisposable) != "",
	}
	again := page{
		Rules: wanted, Problems: wrong(r.Context(), wanted), Seen: form.Get("seen"),
		Typed: map[string]string{users.SignUpAllow: form.Get(users.SignUpAllow), users.SignUpDeny: form.Get(users.SignUpDeny)},
	}
	if len(again.Problems) > 0 {
		return s.render(w, r, by, http.StatusBadRequest, again)
	}
	err = s.Store.Update(r.Context(), func(tx *store.Tx) error {
		_, err := s.Users.SetSignUp(tx, desk.Actor(r, by), wanted, cmp.Or(again.Seen, "none")) // a form without it saw nothing
		return err
	})
	if errors.Is(err, gatehouse.Conflict) {
		again.Meanwhile = &gatehouse.SignUp{}
		return s.render(w, r, by, http.StatusConflict, again)
	}
	if err != nil {
		return err
	}
	ui.SeeOther(w, home+"?done=saved")
	return nil
}

// entries are those of a field with several: a line each, or commas between them.
func entries(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(",; \t\r\n", r) })
}
