// Package connectors is the part of the dashboard about the apps that are kept
// in order: how one is added, changed, paused and removed, who its owners are,
// when it is read, and the log of its syncs. Whoever reads the dashboard sees
// them; connector administrators and super administrators change them. What the
// configuration file names is shown, and changed there.
package connectors

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
)

// Keeper looks after connectors: access.Service.
type Keeper interface {
	SyncNow(tx *store.Tx, by gatehouse.Actor, connectorID string) (jobID string, err error)
	Release(tx *store.Tx, by gatehouse.Actor, pullID string) error
	Pause(tx *store.Tx, by gatehouse.Actor, connectorID string) error
	Resume(tx *store.Tx, by gatehouse.Actor, connectorID string) error
	Put(ctx context.Context, by gatehouse.Actor, c gatehouse.Connector) (gatehouse.Connector, error)
	Remove(tx *store.Tx, by gatehouse.Actor, connectorID string, seen time.Time, forget bool) error
	NextSync(c gatehouse.Connector) time.Time
	NewHookSecret(tx *store.Tx, by gatehouse.Actor, connectorID string) (secret string, err error)
}

// Connectors shows the connectors. All fields are needed.
type Connectors struct {
	*desk.Desk
	Apps   *apps.Apps
	Access Keeper
}

// Mount adds the addresses of this room. Every one of them asks first who is
// there and what they may do.
func (a *Connectors) Mount(mux *http.ServeMux) {
	for path, h := range map[string]desk.Handler{
		"/admin/connectors":                                      a.list,
		"/admin/connectors/{connector}":                          a.show,
		"/admin/connectors/{connector}/pulls/{pull}":             a.pull,
		"/admin/connectors/{connector}/pulls/{pull}/certificate": a.certificate,
		"/admin/connectors/{connector}/certificates":             a.certificates,
		"/admin/connectors/{connector}/certificate-key":          a.certificateKey,
	} {
		mux.Handle("GET "+path, a.Only(h, desk.Readers()...))
	}
	for path, h := range map[string]desk.Handler{
		"POST /admin/connectors/{connector}/sync":                 a.sync,
		"POST /admin/connectors/{connector}/pulls/{pull}/release": a.release,
		"POST /admin/connectors/{connector}/pause":                a.pause,
		"POST /admin/connectors/{connector}/resume":               a.resume,
		"POST /admin/connectors/{connector}/probe":                a.probe,
		"POST /admin/connectors/{connector}/hook-secret":          a.newHookSecret,
		"GET /admin/connectors/{connector}/edit":                  a.edit,
		"POST /admin/connectors/{connector}/edit":                 a.save,
		"GET /admin/connectors/{connector}/choose/{field}":        a.choose,
		"POST /admin/connectors/{connector}/choose/{field}":       a.chosen,
		"GET /admin/connectors/{connector}/remove":                a.removal,
		"POST /admin/connectors/{connector}/remove":               a.remove,
		"GET /admin/add-connector":                                a.chooseKind,
		"GET /admin/add-connector/{kind}":                         a.chooseApp,
		"GET /admin/add-connector/{kind}/settings":                a.add,
		"POST /admin/add-connector/{kind}/settings":               a.create,
	} {
		mux.Handle(path, a.Only(h, keepers()...))
	}
}

// keepers are the roles that look after connectors.
func keepers() []gatehouse.AdminRole {
	return []gatehouse.AdminRole{gatehouse.RoleSuperAdministrator, gatehouse.RoleConnectorAdministrator}
}

// mayChange says whether the buttons for it are shown; the addresses behind them
// ask for themselves.
func mayChange(u gatehouse.User) bool { return slices.Contains(keepers(), u.Role) }

// Of is the connector that an address names by its key, or by its id,
// as the audit log does.
func Of(tx *store.Tx, r *http.Request) (gatehouse.Connector, error) {
	name := r.PathValue("connector")
	c, err := tx.ConnectorByKey(name)
	if errors.Is(err, gatehouse.NotFound) {
		return tx.Connector(name)
	}
	return c, err
}

// Href is the address of the page of a connector.
func Href(c gatehouse.Connector) string { return "/admin/connectors/" + url.PathEscape(c.Key) }

// connectorRow is a connector with what its app has now.
type connectorRow struct {
	gatehouse.Connector
	Counts store.Counts
}

func (a *Connectors) list(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var rows []connectorRow
	err := a.Read(r, "the connectors", func(tx *store.Tx) error {
		rows = nil
		all, err := tx.Connectors()
		if err != nil {
			return err
		}
		for _, c := range all {
			counts, err := tx.CountCurrent(c.ID)
			if err != nil {
				return fmt.Errorf("counts of %s: %w", c.Key, err)
			}
			rows = append(rows, connectorRow{c, counts})
		}
		return nil
	})
	if err != nil {
		return err
	}
	return a.Render(w, r, desk.Page("connectors", i18n.Text(r.Context(), "Connectors"), by), listBody(rows, by, r.URL.Query().Get("done")))
}
