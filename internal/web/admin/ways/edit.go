package ways

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// The audiences of a new connection, as they stand in addresses.
const (
	forAll  = "all"  // for all users: sign-up and sign-in
	forLink = "link" // only to be connected to an account
)

func (a *Ways) audience(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return a.Render(w, r, desk.Page("connections", i18n.Text(r.Context(), "Add connection"), by), audienceBody())
}

func (a *Ways) choose(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	audience := r.PathValue("audience")
	if audience != forAll && audience != forLink {
		return gatehouse.NotFound
	}
	return a.Render(w, r, desk.Page("connections", i18n.Text(r.Context(), "Choose provider"), by), chooseBody(audience, a.offered()))
}

// offered are the kinds that a connection can be added of.
func (a *Ways) offered() []integration.Kind {
	var all []integration.Kind
	for _, k := range a.Apps.Kinds {
		if k.OpenConnection != nil && k.Form.AliasOf == "" {
			all = append(all, k)
		}
	}
	return all
}

// begun is the form of a new connection.
func (a *Ways) begun(r *http.Request) (draft, error) {
	audience, kind := r.PathValue("audience"), r.PathValue("kind")
	if audience != forAll && audience != forLink {
		return draft{}, gatehouse.NotFound
	}
	if k, ok := a.Apps.Kind(kind); !ok || k.OpenConnection == nil {
		return draft{}, gatehouse.NotFound
	}
	var c gatehouse.Connection
	err := a.Read(r, "the connections", func(tx *store.Tx) (err error) {
		c, err = a.Apps.NewConnection(tx, kind)
		return err
	})
	if err != nil {
		return draft{}, err
	}
	if audience == forLink {
		c.Rules.SetNewPeople(gatehouse.NewPeopleLinkOnly)
	}
	_, c.BuiltIn = a.Apps.BuiltIn[kind]
	return a.newDraft(c, "/admin/add-connection/"+url.PathEscape(audience)+"/"+url.PathEscape(kind)), nil
}

func (a *Ways) add(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	d, err := a.begun(r)
	if err != nil {
		return err
	}
	return a.form(w, r, http.StatusOK, by, d)
}

func (a *Ways) create(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	d, err := a.begun(r)
	if err != nil {
		return err
	}
	return a.keep(w, r, by, d)
}

// existing is the form of a connection that may be changed here.
func (a *Ways) existing(r *http.Request) (draft, error) {
	var c gatehouse.Connection
	err := a.Read(r, "the connection", func(tx *store.Tx) (err error) {
		c, err = find(tx, r)
		return err
	})
	if err != nil {
		return draft{}, err
	}
	if c.Managed == gatehouse.ManagedByFile {
		return draft{}, gatehouse.Errorf(gatehouse.Conflict, "%s is named in the configuration file, which is its master. Change it there.", ui.ConnectionLabel(c))
	}
	return a.newDraft(c, href(c)+"/edit"), nil
}

func (a *Ways) edit(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	d, err := a.existing(r)
	if err != nil {
		return err
	}
	return a.form(w, r, http.StatusOK, by, d)
}

func (a *Ways) save(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	d, err := a.existing(r)
	if err != nil {
		return err
	}
	return a.keep(w, r, by, d)
}

// keep saves what was entered over d, or shows it again with what is wrong.
func (a *Ways) keep(w http.ResponseWriter, r *http.Request, by gatehouse.User, d draft) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	before, was := d.UpdatedAt, apps.WhoComesIn(d.Connection)
	d.read(r.Context(), form)
	if (d.isNew() || d.AppSecret != "" || apps.WhoComesIn(d.Connection) != was) && a.stale(r) {
		d.Confirm = "/sign-in/confirm?return_to=" + url.QueryEscape(r.URL.EscapedPath())
		return a.form(w, r, http.StatusUnauthorized, by, d)
	}
	saved, err := a.tryToSave(r, by, &d)
	if len(d.Problems) == 0 && err == nil {
		ui.SeeOther(w, href(saved)+"?done=saved")
		return nil
	}
	status := http.StatusUnprocessableEntity
	if errors.Is(err, gatehouse.Conflict) && !before.Equal(d.UpdatedAt) {
		d.Problems[""] = i18n.Text(r.Context(), "%s was changed by somebody else in the meantime. Save again to put yours in the place of theirs, or look at the connection first.", ui.ConnectionLabel(d.Connection))
		d.UpdatedAt, status, err = before, http.StatusConflict, nil
	}
	if err != nil {
		return err
	}
	return a.form(w, r, status, by, d)
}

// stale says whether the administrator proved who they are too long ago to set
// a secret, or to change who comes in.
func (a *Ways) stale(r *http.Request) bool {
	s, _, err := a.Sessions.Current(r)
	return err == nil && a.Sessions.Fresh(s) != nil
}

// tryToSave notes in the draft what is wrong with the settings; what is wrong
// otherwise is the error.
func (a *Ways) tryToSave(r *http.Request, by gatehouse.User, d *draft) (saved gatehouse.Connection, err error) {
	if len(d.Problems) > 0 { // found while reading
		return saved, nil
	}
	if err := d.blame(r.Context(), a.Apps.CheckAddresses(r.Context(), d.Connection)); err != nil || len(d.Problems) > 0 {
		return saved, err
	}
	err = a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		saved, err = a.Apps.SaveConnection(tx, desk.Actor(r, by), d.Connection)
		return err
	})
	return saved, d.blame(r.Context(), err)
}

// form shows a draft.
func (a *Ways) form(w http.ResponseWriter, r *http.Request, status int, by gatehouse.User, d draft) error {
	d.HasSecret = d.HasSecret && !d.isNew()
	entered := d.AppSecret != ""
	d.AppSecret = ""
	if entered && d.Problems["app_secret"] == "" {
		d.Problems["app_secret"] = i18n.Text(r.Context(), "Enter the secret once more: it is never sent back to the browser.")
	}
	p := desk.Page("connections", d.title(r.Context()), by)
	p.Scripts = []string{"copy"}
	return a.UI.Render(w, r, status, p, formBody(d))
}

func (d draft) title(ctx context.Context) string {
	if d.isNew() {
		return i18n.Text(ctx, "Add %s", d.Kind.Title)
	}
	return i18n.Text(ctx, "Edit %s", ui.ConnectionLabel(d.Connection))
}

// turn switches a connection on or off.
func (a *Ways) turn(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	now := r.PathValue("now")
	if now != "enable" && now != "disable" {
		return gatehouse.NotFound
	}
	return a.change(w, r, now+"d", func(tx *store.Tx, c gatehouse.Connection) error {
		c.Enabled = now == "enable"
		_, err := a.Apps.SaveConnection(tx, desk.Actor(r, by), c)
		return err
	})
}

// change does one thing to a connection in the state that was seen, and goes
// back to its page.
func (a *Ways) change(w http.ResponseWriter, r *http.Request, done string, fn func(*store.Tx, gatehouse.Connection) error) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	var c gatehouse.Connection
	err = a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if c, err = find(tx, r); err != nil {
			return err
		}
		c.UpdatedAt, c.AppSecret = ui.SeenAt(form), ""
		return fn(tx, c)
	})
	if err != nil {
		return fmt.Errorf("change the connection: %w", err)
	}
	ui.SeeOther(w, href(c)+"?done="+done)
	return nil
}

// removal asks before a connection is taken away.
func (a *Ways) removal(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var p showPage
	err := a.Read(r, "the connection", func(tx *store.Tx) (err error) {
		if p.Connection, err = find(tx, r); err != nil {
			return err
		}
		p.People, err = tx.CountIdentities(p.ID)
		return err
	})
	if err != nil {
		return err
	}
	p.By = by
	return a.Render(w, r, desk.Page("connections", i18n.Text(r.Context(), "Remove %s", ui.ConnectionLabel(p.Connection)), by), removalBody(p))
}

func (a *Ways) remove(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	err = a.Store.Update(r.Context(), func(tx *store.Tx) error {
		c, err := find(tx, r)
		if err != nil {
			return err
		}
		return a.Apps.RemoveConnection(tx, desk.Actor(r, by), c.ID, ui.SeenAt(form))
	})
	if err != nil {
		return fmt.Errorf("remove the connection: %w", err)
	}
	ui.SeeOther(w, "/admin/connections?done=removed")
	return nil
}
