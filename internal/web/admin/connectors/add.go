package connectors

import (
	"cmp"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// offered are the kinds that a connector can be added of.
func (a *Connectors) offered() []integration.Kind {
	var all []integration.Kind
	for _, k := range a.Apps.Kinds {
		if k.OpenConnector != nil {
			all = append(all, k)
		}
	}
	return all
}

// kindOf is the kind of a connector; one that this build does not know has an
// empty form.
func (a *Connectors) kindOf(c gatehouse.Connector) integration.Kind {
	k, ok := a.Apps.Kind(c.Kind)
	if !ok {
		k = integration.Kind{Name: c.Kind, Title: c.Kind}
	}
	return k
}

func iconOf(k integration.Kind) string { return cmp.Or(k.ConnectorForm.Icon, k.Name) }

func (a *Connectors) chooseKind(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return a.Render(w, r, desk.Page("connectors", i18n.Text(r.Context(), "Add connector"), by), kindsBody(a.offered()))
}

// appsPage is what a connector can be added to.
type appsPage struct {
	Kind      integration.Kind
	Unmanaged []appTile
	Managed   []appTile
}

// appTile is an app that a connector can be added to.
type appTile struct {
	App               gatehouse.AppRef
	Icon, Title, What string
}

// href is the address of the form for a connector of the app.
func (p appsPage) href(app gatehouse.AppRef) string {
	address := "/admin/add-connector/" + url.PathEscape(p.Kind.Name) + "/settings"
	if app != "" {
		address += "?app=" + url.QueryEscape(string(app))
	}
	return address
}

func (a *Connectors) chooseApp(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	k, err := a.kindNamed(r)
	if err != nil {
		return err
	}
	p := appsPage{Kind: k}
	err = a.Read(r, "the apps", func(tx *store.Tx) error {
		p.Unmanaged, p.Managed = nil, nil
		return a.readApps(r, tx, &p)
	})
	if err != nil {
		return err
	}
	return a.Render(w, r, desk.Page("connectors", i18n.Text(r.Context(), "Which app?"), by), appsBody(p))
}

func (a *Connectors) kindNamed(r *http.Request) (integration.Kind, error) {
	k, ok := a.Apps.Kind(r.PathValue("kind"))
	if !ok || k.OpenConnector == nil {
		return k, gatehouse.NotFound
	}
	return k, nil
}

// readApps finds the apps without a connector, which are connections or clients
// so far, and those that have one.
func (a *Connectors) readApps(r *http.Request, tx *store.Tx, p *appsPage) error {
	ctx := r.Context()
	connectors, err := tx.Connectors()
	if err != nil {
		return err
	}
	taken := map[gatehouse.AppRef]bool{}
	for _, c := range connectors {
		taken[c.App] = true
		p.Managed = append(p.Managed, appTile{gatehouse.AppRef(gatehouse.AppConnector + "/" + c.Key), c.Kind, c.Name, c.URL})
	}
	connections, err := tx.Connections()
	if err != nil {
		return err
	}
	for _, c := range connections {
		ref := gatehouse.AppRef(gatehouse.AppConnection + "/" + c.ID)
		if c.Kind == p.Kind.Name && !taken[ref] {
			p.Unmanaged = append(p.Unmanaged, appTile{ref, ui.ConnectionIcon(c), ui.ConnectionLabel(c), i18n.Text(ctx, "People sign in with it.")})
		}
	}
	clients, err := tx.Clients()
	if err != nil {
		return err
	}
	for _, c := range clients {
		ref := gatehouse.AppRef(gatehouse.AppClient + "/" + c.ID)
		if c.OwnerID == "" && c.ConnectorKey == "" && !taken[ref] {
			p.Unmanaged = append(p.Unmanaged, appTile{ref, "key", c.Name, i18n.Text(ctx, "People sign in to it.")})
		}
	}
	return nil
}

// begun is the form of a new connector.
func (a *Connectors) begun(r *http.Request, by gatehouse.User) (draft, error) {
	k, err := a.kindNamed(r)
	if err != nil {
		return draft{}, err
	}
	app := gatehouse.AppRef(r.URL.Query().Get("app"))
	var c gatehouse.Connector
	err = a.Read(r, "the app", func(tx *store.Tx) (err error) {
		c, err = a.Apps.NewConnector(tx, k.Name, app)
		return err
	})
	if err != nil {
		return draft{}, err
	}
	if len(c.Owners) == 0 && by.Email != "" {
		c.Owners = []string{by.Email}
	}
	return a.newDraft(c, appsPage{Kind: k}.href(app)), nil
}

func (a *Connectors) add(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	d, err := a.begun(r, by)
	if err != nil {
		return err
	}
	return a.form(w, r, http.StatusOK, by, d)
}

func (a *Connectors) create(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	d, err := a.begun(r, by)
	if err != nil {
		return err
	}
	return a.keep(w, r, by, d)
}
