package connectors

import (
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
)

// secretPage shows a new secret for hooks, this once.
type secretPage struct {
	Connector gatehouse.Connector
	Address   string
	Secret    string
}

// hookAddress is what is entered in the app.
func (a *Connectors) hookAddress(c gatehouse.Connector) string { return a.URL + "/hooks/" + c.Key }

// receives says whether hooks of the app are taken: it has what they prove
// themselves by.
func (a *Connectors) receives(r *http.Request, c gatehouse.Connector) bool {
	_, connected, err := a.Apps.Connector(r.Context(), c.ID)
	return c.Enabled && err == nil && connected.Receiver != nil
}

// newHookSecret gives a connector a new secret for hooks, and shows it with what
// is to be done in the app.
func (a *Connectors) newHookSecret(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var p secretPage
	err := a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if p.Connector, err = Of(tx, r); err != nil {
			return err
		}
		p.Secret, err = a.Access.NewHookSecret(tx, desk.Actor(r, by), p.Connector.ID)
		return err
	})
	if err != nil {
		return err
	}
	p.Address = a.hookAddress(p.Connector)
	page := desk.Page("connectors", i18n.Text(r.Context(), "Hooks of %s", p.Connector.Name), by)
	page.Scripts = []string{"copy"}
	return a.Render(w, r, page, secretBody(p))
}
