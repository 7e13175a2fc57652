package admin

import (
	"errors"
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
)

type decisionsPage struct {
	desk.List
	Search    string // a reference that nobody has
	Decisions []desk.DecisionRow
}

// listDecisions lists sign-in decisions, or leads to the one whose reference is asked for.
func (a *Admin) listDecisions(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := decisionsPage{List: desk.NewList(r)}
	p.Search = p.Text("q")
	err := a.desk().Read(r, "the decisions", func(tx *store.Tx) error {
		if p.Search != "" {
			d, err := tx.Decision(p.Search)
			if errors.Is(err, gatehouse.NotFound) {
				return nil
			}
			if err != nil {
				return err
			}
			p.Decisions, err = desk.WithNames(tx, []gatehouse.Decision{d})
			return err
		}
		found, err := tx.Decisions(p.Text("user"), desk.Cursor(r))
		if err != nil {
			return err
		}
		p.Next = found.Next
		p.Decisions, err = desk.WithNames(tx, found.Items)
		return err
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("decisions", i18n.Text(r.Context(), "Sign-in decisions"), by), decisionsBody(p))
}

func (a *Admin) decision(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var d desk.DecisionRow
	err := a.desk().Read(r, "the decision", func(tx *store.Tx) error {
		found, err := tx.Decision(r.PathValue("decision"))
		if err != nil {
			return err
		}
		rows, err := desk.WithNames(tx, []gatehouse.Decision{found})
		if err != nil {
			return err
		}
		d = rows[0]
		return nil
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("decisions", d.Reference, by), decisionBody(d))
}

type auditPage struct {
	desk.List
	Action, Target, Actor string
	Events                []gatehouse.Event
}

func (a *Admin) audit(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := auditPage{List: desk.NewList(r)}
	p.Action, p.Target, p.Actor = p.Text("q"), p.Text("target"), p.Text("actor")
	err := a.desk().Read(r, "the audit log", func(tx *store.Tx) error {
		found, err := tx.Events(store.EventFilter{Action: p.Action, Target: p.Target, Actor: p.Actor}, desk.Cursor(r))
		p.Events, p.Next = found.Items, found.Next
		return err
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("audit", i18n.Text(r.Context(), "Audit log"), by), auditBody(p))
}
