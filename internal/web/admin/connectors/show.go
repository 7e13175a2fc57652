package connectors

import (
	"errors"
	"fmt"
	"net/http"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// showPage is a connector as it is.
type showPage struct {
	connectorRow
	desk.List
	By    gatehouse.User
	Pulls []gatehouse.Pull
	Last  *gatehouse.Pull
	Done  string
}

// running says whether the page should look again by itself.
func (p showPage) running() bool {
	return p.Status == gatehouse.ConnectorSyncing || p.Last != nil && p.Last.State == gatehouse.PullRunning
}

// progress compares what a pull has read so far with what the app had before;
// total 0 means that nobody knows yet.
func (p showPage) progress() (done, total int64) {
	if p.Last == nil || p.Last.State != gatehouse.PullRunning {
		return 0, 0
	}
	g, c := p.Last.Progress, p.Counts
	return g.Accounts + g.Resources + g.Grants + g.Shares, c.Accounts + c.Resources + c.Grants + c.Shares
}

// held is the pull that waits for a person, nil when none does.
func (p showPage) held() *gatehouse.Pull {
	if p.Last == nil || p.Last.State != gatehouse.PullHeld {
		return nil
	}
	return p.Last
}

// refreshEvery is how often the page of a running pull is asked for again, in seconds.
const refreshEvery = 2

func (a *Connectors) show(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := showPage{By: by, List: desk.NewList(r), Done: r.URL.Query().Get("done")}
	err := a.Read(r, "the connector", func(tx *store.Tx) error {
		var err error
		if p.Connector, err = Of(tx, r); err != nil {
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
	page := desk.Page("connectors", p.Name, by)
	if p.running() {
		page.Refresh = refreshEvery
	}
	return a.Render(w, r, page, showBody(p))
}

func (a *Connectors) sync(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return a.change(w, r, "sync", func(tx *store.Tx, c gatehouse.Connector) error {
		_, err := a.Access.SyncNow(tx, desk.Actor(r, by), c.ID)
		return err
	})
}

// release lets a held pull through, if it is one of this connector.
func (a *Connectors) release(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return a.change(w, r, "released", func(tx *store.Tx, c gatehouse.Connector) error {
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

func (a *Connectors) change(w http.ResponseWriter, r *http.Request, done string, change func(*store.Tx, gatehouse.Connector) error) error {
	var c gatehouse.Connector
	err := a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if c, err = Of(tx, r); err != nil {
			return err
		}
		return change(tx, c)
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, Href(c)+"?done="+done)
	return nil
}
