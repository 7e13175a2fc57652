package admin

import (
	"net/http"
	"slices"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
)

func (a *Admin) listClients(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var all []gatehouse.Client
	err := a.desk().Read(r, "the clients", func(tx *store.Tx) (err error) {
		all, err = tx.Clients()
		return err
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("clients", i18n.Text(r.Context(), "Clients"), by), clientsBody(all))
}

// grantTypes are those of a client, the usual ones when it names none.
func grantTypes(c gatehouse.Client) []string {
	if len(c.GrantTypes) == 0 {
		return []string{"authorization_code", "refresh_token"}
	}
	return slices.Clone(c.GrantTypes)
}
