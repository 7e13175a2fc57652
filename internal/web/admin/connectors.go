package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// connectorOf is the connector that an address names by its key, or by its id,
// as the audit log does.
func connectorOf(tx *store.Tx, r *http.Request) (gatehouse.Connector, error) {
	name := r.PathValue("connector")
	c, err := tx.ConnectorByKey(name)
	if errors.Is(err, gatehouse.NotFound) {
		return tx.Connector(name)
	}
	return c, err
}

func connectorHref(c gatehouse.Connector) string { return "/admin/connectors/" + url.PathEscape(c.Key) }

func accountHref(c gatehouse.Connector, id string) string {
	return connectorHref(c) + "/accounts/" + url.PathEscape(id)
}

// resourceHref keeps the slash between the kind and the number of a resource.
func resourceHref(c gatehouse.Connector, id gatehouse.ResourceID) string {
	parts := strings.Split(string(id), "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return connectorHref(c) + "/resources/" + strings.Join(parts, "/")
}

// connectorRow is a connector with what its app has now.
type connectorRow struct {
	gatehouse.Connector
	Counts store.Counts
}

func (a *Admin) listConnectors(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var rows []connectorRow
	err := a.desk().Read(r, "the connectors", func(tx *store.Tx) error {
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
	return a.desk().Render(w, r, desk.Page("connectors", i18n.Text(r.Context(), "Connectors"), by), connectorsBody(rows))
}

type connectorPage struct {
	connectorRow
	desk.List
	By    gatehouse.User
	Pulls []gatehouse.Pull
	Last  *gatehouse.Pull
	Done  string
}

// running says whether the page should look again by itself.
func (p connectorPage) running() bool {
	return p.Status == gatehouse.ConnectorSyncing || p.Last != nil && p.Last.State == gatehouse.PullRunning
}

// progress compares what a pull has read so far with what the app had before;
// total 0 means that nobody knows yet.
func (p connectorPage) progress() (done, total int64) {
	if p.Last == nil || p.Last.State != gatehouse.PullRunning {
		return 0, 0
	}
	g, c := p.Last.Progress, p.Counts
	return g.Accounts + g.Resources + g.Grants + g.Shares, c.Accounts + c.Resources + c.Grants + c.Shares
}

// held is the pull that waits for a person, nil when none does.
func (p connectorPage) held() *gatehouse.Pull {
	if p.Last == nil || p.Last.State != gatehouse.PullHeld {
		return nil
	}
	return p.Last
}

// refreshEvery is how often the page of a running pull is asked for again, in seconds.
const refreshEvery = 2

func (a *Admin) connector(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := connectorPage{By: by, List: desk.NewList(r), Done: r.URL.Query().Get("done")}
	err := a.desk().Read(r, "the connector", func(tx *store.Tx) error {
		var err error
		if p.Connector, err = connectorOf(tx, r); err != nil {
			return err
		}
		if p.Counts, err = tx.CountCurrent(p.ID); err != nil {
			return fmt.Errorf("counts: %w", err)
		}
		pulls, err := tx.Pulls(p.ID, store.Cursor{After: r.URL.Query().Get("after"), Limit: 20})
		if err != nil {
			return fmt.Errorf("pulls: %w", err)
		}
		p.Pulls, p.Next, p.Last = pulls.Items, pulls.Next, nil
		last, err := tx.LastPull(p.ID)
		if errors.Is(err, gatehouse.NotFound) {
			return nil
		}
		p.Last = &last
		return err
	})
	if err != nil {
		return err
	}
	shown := desk.Page("connectors", p.Name, by)
	if p.running() {
		shown.Refresh = refreshEvery
	}
	return a.desk().Render(w, r, shown, connectorBody(p))
}

func (a *Admin) sync(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return a.changeConnector(w, r, "sync", func(tx *store.Tx, c gatehouse.Connector) error {
		_, err := a.Access.SyncNow(tx, desk.Actor(r, by), c.ID)
		return err
	})
}

// release lets a held pull through, if it is one of this connector.
func (a *Admin) release(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return a.changeConnector(w, r, "released", func(tx *store.Tx, c gatehouse.Connector) error {
		pull, err := tx.Pull(r.PathValue("pull"))
		if err != nil {
			return err
		}
		if pull.ConnectorID != c.ID {
			return gatehouse.NotFound
		}
		return a.Access.Release(tx, desk.Actor(r, by), pull.ID)
	})
}

func (a *Admin) changeConnector(w http.ResponseWriter, r *http.Request, done string, change func(*store.Tx, gatehouse.Connector) error) error {
	var c gatehouse.Connector
	err := a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if c, err = connectorOf(tx, r); err != nil {
			return err
		}
		return change(tx, c)
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, connectorHref(c)+"?done="+done)
	return nil
}
