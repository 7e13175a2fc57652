package portal

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/self"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// mountAccount adds who the person is here and with which providers they sign in.
func (p *Portal) mountAccount(mux *http.ServeMux) {
	mux.Handle("GET /user", p.own(p.account))
	mux.Handle("POST /user/profile", p.own(p.saveProfile))
	p.mountEmails(mux)
	p.mountIdentities(mux)
	p.mountLeave(mux)
}

// accountPage is what the page shows.
type accountPage struct {
	User        gatehouse.User
	Profile     self.Profile // as it stands in the form
	Synced      map[string]string
	Emails      []gatehouse.Email // without the primary one
	Address     string            // as it stands in the form
	Identities  []connected
	Connectable []gatehouse.Connection // those by which the person is not known yet
	MailReady   bool
	MayLeave    bool   // people delete their own accounts here
	Done        string // what was just done, for a sentence
	ProblemAt   string // the form that something is wrong with: "profile", "emails"
	Problem     string // what it is
}

func (p *Portal) account(w http.ResponseWriter, r *http.Request, v visitor) error {
	return p.showAccount(w, r, v, http.StatusOK, accountPage{
		Profile: self.ProfileOf(v.user), Done: r.URL.Query().Get("done"),
	})
}

func (p *Portal) showAccount(w http.ResponseWriter, r *http.Request, v visitor, status int, page accountPage) error {
	page.User, page.MailReady, page.MayLeave = v.user, p.MailReady, !p.Self.KeepAccounts
	err := p.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		if page.Synced, err = p.Self.Synced(tx, v.user.ID); err != nil {
			return err
		}
		if page.Emails, err = tx.Emails(v.user.ID); err != nil {
			return fmt.Errorf("read the addresses: %w", err)
		}
		return p.readConnections(tx, &page)
	})
	if err != nil {
		return fmt.Errorf("read the account of %s: %w", v.user.ID, err)
	}
	return p.UI.Render(w, r, status, ui.Page{
		Title: i18n.Text(r.Context(), "My account"), Nav: ui.NavPortal, Section: "account", User: &v.user,
		FormAction: []string{"https:", "http:"}, // connecting leads to a provider, whose address is known only then
	}, accountBody(page))
}

// again shows the page once more with what is wrong with one of its forms, so
// that nothing that was entered is lost. Other errors stay what they are.
func (p *Portal) again(w http.ResponseWriter, r *http.Request, v visitor, page accountPage, err error) error {
	var e *gatehouse.Error
	switch kind := gatehouse.KindOf(err); {
	case !errors.As(err, &e), !slices.Contains([]gatehouse.ErrorKind{gatehouse.Invalid, gatehouse.Conflict, gatehouse.Forbidden, gatehouse.Limited}, kind):
		return err
	}
	page.Problem = i18n.Text(r.Context(), e.Message, e.Args...)
	if page.Profile.Username == "" {
		page.Profile = self.ProfileOf(v.user)
	}
	return p.showAccount(w, r, v, ui.StatusOf(err), page)
}

func (p *Portal) saveProfile(w http.ResponseWriter, r *http.Request, v visitor) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	wanted := self.Profile{
		Name: form.Get("name"), Username: cmp.Or(strings.TrimSpace(form.Get("username")), v.user.Username), Locale: form.Get("locale"),
		JobTitle: form.Get("job_title"), Organization: form.Get("organization"), Location: form.Get("location"),
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return p.Self.SaveProfile(tx, v.actor(r), v.user.ID, wanted)
	})
	if err != nil {
		return p.again(w, r, v, accountPage{Profile: wanted, ProblemAt: "profile"}, err)
	}
	ui.SeeOther(w, "/user?done=saved")
	return nil
}
