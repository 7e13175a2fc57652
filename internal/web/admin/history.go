package admin

import (
	"errors"
	"fmt"
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
)

// withNames finds who and what decisions are about.
func withNames(tx *store.Tx, all []gatehouse.Decision) ([]decisionRow, error) {
	connections, err := connectionsByID(tx)
	if err != nil {
		return nil, fmt.Errorf("connections: %w", err)
	}
	found := map[string]gatehouse.User{}
	rows := make([]decisionRow, 0, len(all))
	for _, d := range all {
		u, seen := found[d.UserID]
		if !seen && d.UserID != "" {
			if u, err = tx.User(d.UserID); err != nil && !errors.Is(err, gatehouse.NotFound) {
				return nil, fmt.Errorf("user %s: %w", d.UserID, err)
			}
			found[d.UserID] = u
		}
		rows = append(rows, decisionRow{Decision: d, User: u, Connection: connections[d.ConnectionID]})
	}
	return rows, nil
}

type decisionsPage struct {
	list
	Search    string // a reference that nobody has
	Decisions []decisionRow
}

// listDecisions lists sign-in decisions, or leads to the one whose reference is asked for.
func (a *Admin) listDecisions(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := decisionsPage{list: newList(r)}
	p.Search = p.text("q")
	err := a.read(r, "the decisions", func(tx *store.Tx) error {
		if p.Search != "" {
			d, err := tx.Decision(p.Search)
			if errors.Is(err, gatehouse.NotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			p.Decisions, err = withNames(tx, []gatehouse.Decision{d})
			return err
		}
		found, err := tx.Decisions(p.text("user"), cursor(r))
		if err != nil {
			return err
		}
		p.Next = found.Next
		p.Decisions, err = withNames(tx, found.Items)
		return err
	})
	if err != nil {
		return err
	}
	return a.UI.Render(w, r, http.StatusOK, page("decisions", i18n.Text(r.Context(), "Sign-in decisions"), by), decisionsBody(p))
}

func (a *Admin) decision(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var d decisionRow
	err := a.read(r, "the decision", func(tx *store.Tx) error {
		found, err := tx.Decision(r.PathValue("decision"))
		if err != nil {
			return err
		}
		rows, err := withNames(tx, []gatehouse.Decision{found})
		if err != nil {
			return err
		}
		d = rows[0]
		return nil
	})
	if err != nil {
		return err
	}
	return a.UI.Render(w, r, http.StatusOK, page("decisions", d.Reference, by), decisionBody(d))
}

type auditPage struct {
	list
	Action, Target, Actor string
	Events                []gatehouse.Event
}

func (a *Admin) audit(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := auditPage{list: newList(r)}
	p.Action, p.Target, p.Actor = p.text("q"), p.text("target"), p.text("actor")
	err := a.read(r, "the audit log", func(tx *store.Tx) error {
		found, err := tx.Events(store.EventFilter{Action: p.Action, Target: p.Target, Actor: p.Actor}, cursor(r))
		p.Events, p.Next = found.Items, found.Next
		return err
	})
	if err != nil {
		return err
	}
	return a.UI.Render(w, r, http.StatusOK, page("audit", i18n.Text(r.Context(), "Audit log"), by), auditBody(p))
}
