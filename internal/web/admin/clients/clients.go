// Package clients is the part of the dashboard about the apps that people sign
// in to: which there are, whose they are, what they may ask for and are told.
// Whoever reads the dashboard sees them; super administrators add them, change
// them, give them new secrets and take them away. What the configuration file
// names is shown, and changed there.
package clients

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/i18n"
	"gatehouse/internal/reach"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// Clients shows this part of the dashboard. All fields are needed.
type Clients struct {
	*desk.Desk
	Apps *apps.Apps
}

// Mount adds the addresses of this room. Every one of them asks first who is
// there and what they may do.
func (a *Clients) Mount(mux *http.ServeMux) {
	const super = gatehouse.RoleSuperAdministrator
	mux.Handle("GET /admin/clients", a.Only(a.list, desk.Readers()...))
	mux.Handle("GET /admin/clients/{client}", a.Only(a.show, desk.Readers()...))
	for path, h := range map[string]desk.Handler{
		"GET /admin/add-client":               a.add,
		"POST /admin/add-client":              a.create,
		"GET /admin/clients/{client}/edit":    a.edit,
		"POST /admin/clients/{client}/edit":   a.save,
		"GET /admin/clients/{client}/remove":  a.removal,
		"POST /admin/clients/{client}/remove": a.remove,
		"POST /admin/clients/{client}/secret": a.renew,
	} {
		mux.Handle(path, a.Sensitive(h, super))
	}
	mux.Handle("POST /admin/clients/{client}/turn/{now}", a.Only(a.turn, super))
	a.mountRegistration(mux)
}

// Href is the page of a client.
func Href(id string) string { return "/admin/clients/" + url.PathEscape(id) }

func mayChange(u gatehouse.User) bool { return u.Role == gatehouse.RoleSuperAdministrator }

func frame(r *http.Request, title string, by gatehouse.User) ui.Page {
	p := desk.Page("clients", title, by)
	p.Scripts = []string{"copy"}
	return p
}

// row is a client in the list.
type row struct {
	gatehouse.Client
	Owner gatehouse.User // of a person's own; zero: nobody's
}

func (a *Clients) list(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var all []row
	err := a.Read(r, "the clients", func(tx *store.Tx) error {
		found, err := tx.Clients()
		all = nil
		for _, c := range found {
			owner, err := ownerOf(tx, c)
			if err != nil {
				return err
			}
			all = append(all, row{c, owner})
		}
		return err
	})
	if err != nil {
		return err
	}
	return a.Render(w, r, frame(r, i18n.Text(r.Context(), "Clients"), by), listBody(all, by, r.URL.Query().Get("done")))
}

func ownerOf(tx *store.Tx, c gatehouse.Client) (gatehouse.User, error) {
	if c.OwnerID == "" {
		return gatehouse.User{}, nil
	}
	return tx.User(c.OwnerID)
}

// showPage is a client as it is.
type showPage struct {
	gatehouse.Client
	By      gatehouse.User
	Owner   gatehouse.User
	App     string // name of the app that it belongs to
	Groups  string // name of the GitLab of which it is told groups
	Unknown reach.Unknown
	Done    string
}

func (p showPage) mayEdit() bool {
	return mayChange(p.By) && p.Managed != gatehouse.ManagedByFile
}

// hasSecret says whether it proves itself by a secret that can be renewed.
func hasSecret(c gatehouse.Client) bool {
	return !c.Public() && len(c.SecretHash) > 0
}

func (a *Clients) show(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := showPage{By: by, Done: r.URL.Query().Get("done")}
	err := a.Read(r, "the client", func(tx *store.Tx) (err error) { return p.read(tx, r.PathValue("client")) })
	if err != nil {
		return err
	}
	return a.Render(w, r, frame(r, p.Name, by), showBody(p, a.URL))
}

func (p *showPage) read(tx *store.Tx, id string) (err error) {
	if p.Client, err = tx.Client(id); err != nil {
		return err
	}
	if p.Owner, err = ownerOf(tx, p.Client); err != nil {
		return err
	}
	if p.ConnectorKey != "" {
		app, err := tx.ConnectorByKey(p.ConnectorKey)
		if err != nil && !errors.Is(err, gatehouse.NotFound) {
			return err
		}
		p.App = app.Name
	}
	connector, unknown, err := reach.Source(tx, p.Settings.GroupsFrom)
	p.Groups, p.Unknown = connector.Name, unknown
	return err
}

// changeable finds a client that may be changed here.
func (a *Clients) changeable(r *http.Request) (p showPage, err error) {
	if err = a.Read(r, "the client", func(tx *store.Tx) error { return p.read(tx, r.PathValue("client")) }); err != nil {
		return p, err
	}
	if p.Managed == gatehouse.ManagedByFile {
		return p, gatehouse.Errorf(gatehouse.Conflict, "%s is named in the configuration file, which is its master. Change it there.", p.Name)
	}
	return p, nil
}

// renew gives a client a new secret and shows it, this once.
func (a *Clients) renew(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	var c gatehouse.Client
	var secret string
	err = a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		c, secret, err = a.Apps.RenewClientSecret(tx, desk.Actor(r, by), r.PathValue("client"), ui.SeenAt(form))
		return err
	})
	if err != nil {
		return fmt.Errorf("renew the secret of a client: %w", err)
	}
	return a.Render(w, r, frame(r, i18n.Text(r.Context(), "Secret of %s", c.Name), by), madeBody(c, secret, a.URL, true))
}

// turn switches a client on or off.
func (a *Clients) turn(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	now := r.PathValue("now")
	if !slices.Contains([]string{"enable", "disable"}, now) {
		return gatehouse.NotFound
	}
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	id := r.PathValue("client")
	err = a.Store.Update(r.Context(), func(tx *store.Tx) error {
		c, err := tx.Client(id)
		if err != nil {
			return err
		}
		c.UpdatedAt, c.Enabled = ui.SeenAt(form), now == "enable"
		_, err = a.Apps.ChangeClient(tx, desk.Actor(r, by), c)
		return err
	})
	if err != nil {
		return fmt.Errorf("turn a client: %w", err)
	}
	ui.SeeOther(w, Href(id)+"?done="+now+"d")
	return nil
}

func (a *Clients) removal(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p, err := a.changeable(r)
	if err != nil {
		return err
	}
	return a.Render(w, r, frame(r, i18n.Text(r.Context(), "Remove %s", p.Name), by), removalBody(p))
}

func (a *Clients) remove(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	err = a.Store.Update(r.Context(), func(tx *store.Tx) error {
		return a.Apps.RemoveClient(tx, desk.Actor(r, by), r.PathValue("client"), ui.SeenAt(form))
	})
	if err != nil {
		return fmt.Errorf("remove a client: %w", err)
	}
	ui.SeeOther(w, "/admin/clients?done=removed")
	return nil
}
