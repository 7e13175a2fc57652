// Package ways is the part of the dashboard about the ways in: the connections
// by which people sign in, how they are added, changed, tested and removed, and
// the pages of the Account Portal. Whoever reads the dashboard sees them; super
// administrators change them. What the configuration file names is shown, and
// changed there.
package ways

import (
	"errors"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
	"gatehouse/internal/signin"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// Ways shows the ways in. All fields are needed.
type Ways struct {
	*desk.Desk
	Apps   *apps.Apps
	SignIn *signin.Service
}

// Mount adds the addresses of this room. Every one of them asks first who is
// there and what they may do.
func (a *Ways) Mount(mux *http.ServeMux) {
	for path, h := range map[string]desk.Handler{
		"/admin/connections":                              a.list,
		"/admin/connections/{connection}":                 a.show,
		"/admin/connections/{connection}/test/{decision}": a.result,
		"/admin/portal":                                   a.portal,
	} {
		mux.Handle("GET "+path, a.Only(h, desk.Readers()...))
	}
	for path, h := range map[string]desk.Handler{
		"GET /admin/add-connection":                    a.audience,
		"GET /admin/add-connection/{audience}":         a.choose,
		"GET /admin/add-connection/{audience}/{kind}":  a.add,
		"POST /admin/add-connection/{audience}/{kind}": a.create,
		"GET /admin/connections/{connection}/edit":     a.edit,
		"POST /admin/connections/{connection}/edit":    a.save,
		"POST /admin/connections/{connection}/{now}":   a.turn,
		"GET /admin/connections/{connection}/remove":   a.removal,
		"POST /admin/connections/{connection}/remove":  a.remove,
		"POST /admin/connections/{connection}/test":    a.test,
	} {
		mux.Handle(path, a.Only(h, gatehouse.RoleSuperAdministrator))
	}
}

// mayChange says whether the buttons for it are shown; the addresses behind them
// ask for themselves.
func mayChange(u gatehouse.User) bool { return u.Role == gatehouse.RoleSuperAdministrator }

// find finds the connection that an address names, by its name or, as the audit
// log has it, by its id.
func find(tx *store.Tx, r *http.Request) (gatehouse.Connection, error) {
	name := r.PathValue("connection")
	c, err := tx.ConnectionByName(name)
	if errors.Is(err, gatehouse.NotFound) {
		return tx.Connection(name)
	}
	return c, err
}

func href(c gatehouse.Connection) string { return "/admin/connections/" + url.PathEscape(c.Name) }

// kindOf is the kind of a connection; one that this build does not know has an
// empty form.
func (a *Ways) kindOf(c gatehouse.Connection) integration.Kind {
	k, ok := a.Apps.Kind(c.Kind)
	if !ok {
		k = integration.Kind{Name: c.Kind, Title: c.Kind}
	}
	return k
}

func (a *Ways) list(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var all []gatehouse.Connection
	err := a.Read(r, "the connections", func(tx *store.Tx) (err error) {
		all, err = tx.Connections()
		return err
	})
	if err != nil {
		return err
	}
	p := desk.Page("connections", i18n.Text(r.Context(), "SSO connections"), by)
	return a.Render(w, r, p, listBody(a, all, by, r.URL.Query().Get("done")))
}

// showPage is a connection as it is.
type showPage struct {
	gatehouse.Connection
	Kind     integration.Kind
	By       gatehouse.User
	Redirect string
	Shown    []desk.Option // settings that are no secret
	People   int64         // who are known by it
	Inside   string        // address of the page inside the vendor's client, "" = there is none
	Trouble  desk.Trouble  // what is to be mended at the provider
	Done     string
}

// mayEdit says whether the dashboard may change it, for this administrator.
func (p showPage) mayEdit() bool {
	return mayChange(p.By) && p.Managed != gatehouse.ManagedByFile
}

func (a *Ways) show(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := showPage{By: by, Done: r.URL.Query().Get("done")}
	err := a.Read(r, "the connection", func(tx *store.Tx) (err error) {
		if p.Connection, err = find(tx, r); err != nil {
			return err
		}
		if p.Trouble, err = desk.TroubleOf(tx, p.ID); err != nil {
			return err
		}
		p.People, err = tx.CountIdentities(p.ID)
		return err
	})
	if err != nil {
		return err
	}
	p.Kind, p.Redirect = a.kindOf(p.Connection), a.Apps.RedirectURI(p.Name)
	p.Shown, p.Inside = shown(p.Kind.Form, p.Args), a.SignIn.EmbeddedURL(r.Context(), p.ID)
	page := desk.Page("connections", ui.ConnectionLabel(p.Connection), by)
	page.Scripts, page.FormAction = []string{"copy"}, toProviders()
	return a.Render(w, r, page, showBody(p))
}

// toProviders are the Content-Security-Policy sources of a page whose form leads
// to a provider: browsers hold the redirects after it against them.
func toProviders() []string { return []string{"https:", "http:"} }
