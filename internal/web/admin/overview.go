package admin

import (
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
)

// overviewPage is the state of the installation at a glance.
type overviewPage struct {
	Users       map[gatehouse.UserState]int64
	Waiting     int64 // requests for approval
	Connections []gatehouse.Connection
	Clients     []gatehouse.Client
	Connectors  []gatehouse.Connector
	Findings    map[string]int64 // open ones, by connector
	Decisions   []desk.DecisionRow
	NoMail      bool   // mail reaches nobody
	Mailbox     string // where the mails of development are; "" = they are sent
}

func (p overviewPage) enabledConnections() (n int64) {
	for _, c := range p.Connections {
		if c.Enabled {
			n++
		}
	}
	return n
}

func (a *Admin) overview(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := overviewPage{NoMail: a.MailReady == nil || !a.MailReady(), Mailbox: a.Mailbox}
	err := a.desk().Read(r, "the overview", func(tx *store.Tx) error {
		var err error
		if p.Users, err = tx.CountUsers(); err != nil {
			return err
		}
		if p.Waiting, err = tx.CountApprovals(); err != nil {
			return err
		}
		if p.Connections, err = tx.Connections(); err != nil {
			return err
		}
		if p.Clients, err = tx.Clients(); err != nil {
			return err
		}
		if p.Connectors, err = tx.Connectors(); err != nil {
			return err
		}
		if p.Findings, err = openFindings(tx); err != nil {
			return err
		}
		recent, err := tx.Decisions("", store.Cursor{Limit: 8})
		if err != nil {
			return err
		}
		p.Decisions, err = desk.WithNames(tx, recent.Items)
		return err
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("overview", i18n.Text(r.Context(), "Overview"), by), overviewBody(p))
}

// openFindings counts what is open, by connector.
func openFindings(tx *store.Tx) (map[string]int64, error) {
	counts, err := tx.CountFindings()
	if err != nil {
		return nil, err
	}
	open := map[string]int64{}
	for _, n := range counts {
		open[n.ConnectorID] += n.Open
	}
	return open, nil
}
