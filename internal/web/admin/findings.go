package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"time"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/connectors"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// Answerer keeps what people say to findings: access.Service.
type Answerer interface {
	FindNow(tx *store.Tx, by gatehouse.Actor, connectorID string) error
	Acknowledge(tx *store.Tx, by gatehouse.Actor, findingID, reason string, until time.Time) error
	Reopen(tx *store.Tx, by gatehouse.Actor, findingID string) error
}

// quietFor is how long an answer to a finding holds unless somebody says otherwise.
const quietFor = 90 * 24 * time.Hour

// mountFindings adds the addresses of findings. Every one of them asks first who
// is there and what they may do.
func (a *Admin) mountFindings(mux *http.ServeMux) {
	const at = " /admin/connectors/{connector}/findings"
	mux.Handle("GET"+at, a.desk().Only(a.listFindings, desk.Readers()...))
	mux.Handle("GET"+at+"/{finding}", a.desk().Only(a.finding, desk.Readers()...))
	for path, h := range map[string]desk.Handler{
		"POST" + at:                       a.findNow,
		"POST" + at + "/{finding}":        a.acknowledge,
		"POST" + at + "/{finding}/reopen": a.reopen,
	} {
		mux.Handle(path, a.desk().Only(h, answerers()...))
	}
}

// answerers are the roles that answer to findings.
func answerers() []gatehouse.AdminRole {
	return []gatehouse.AdminRole{gatehouse.RoleSuperAdministrator, gatehouse.RoleConnectorAdministrator}
}

type findingsPage struct {
	desk.List
	Connector gatehouse.Connector
	Counts    store.Counts
	Search    string
	Kind      string
	State     string
	Findings  []gatehouse.Finding
	MayAnswer bool
	Done      string
}

func (a *Admin) listFindings(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := findingsPage{List: desk.NewList(r), MayAnswer: slices.Contains(answerers(), by.Role)}
	p.Search, p.Kind, p.State, p.Done = p.Text("q"), p.Text("kind"), p.Text("state"), p.Text("done")
	if p.State == "" {
		p.State = string(store.FindingOpen)
	}
	err := a.desk().Read(r, "the findings", func(tx *store.Tx) error {
		var err error
		if p.Connector, err = connectors.Of(tx, r); err != nil {
			return err
		}
		if p.Counts, err = tx.CountCurrent(p.Connector.ID); err != nil {
			return err
		}
		f := store.FindingFilter{ConnectorID: p.Connector.ID, Kind: gatehouse.FindingKind(p.Kind), Search: p.Search}
		if p.State != "all" {
			f.State = store.FindingState(p.State)
		}
		found, err := tx.Findings(f, desk.Cursor(r))
		p.Findings, p.Next = found.Items, found.Next
		return err
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("connectors", i18n.Text(r.Context(), "Findings"), by), findingsBody(p))
}

type findingPage struct {
	gatehouse.Finding
	Connector gatehouse.Connector
	State     store.FindingState
	MayAnswer bool
	Reason    string // as it was typed
	Until     string // a date
	Problem   string
}

func (a *Admin) readFinding(r *http.Request, by gatehouse.User) (p findingPage, err error) {
	p.MayAnswer = slices.Contains(answerers(), by.Role)
	err = a.desk().Read(r, "the finding", func(tx *store.Tx) error {
		var err error
		if p.Connector, err = connectors.Of(tx, r); err != nil {
			return err
		}
		if p.Finding, err = tx.Finding(r.PathValue("finding")); err == nil && p.ConnectorID != p.Connector.ID {
			err = gatehouse.NotFound
		}
		p.State, p.Until = store.StateOf(p.Finding, tx.Now()), tx.Now().Add(quietFor).Format(time.DateOnly)
		return err
	})
	return p, err
}

func (a *Admin) finding(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p, err := a.readFinding(r, by)
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("connectors", p.Subject, by), findingBody(p))
}

func (a *Admin) acknowledge(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	p, err := a.readFinding(r, by)
	if err != nil {
		return err
	}
	p.Reason, p.Until = form.Get("reason"), form.Get("until")
	until, _ := time.Parse(time.DateOnly, p.Until) // a zero time is refused like any that has passed
	err = a.Store.Update(r.Context(), func(tx *store.Tx) error {
		return a.Findings.Acknowledge(tx, desk.Actor(r, by), p.ID, p.Reason, until)
	})
	var e *gatehouse.Error
	if errors.As(err, &e) && e.Kind == gatehouse.Invalid {
		p.Problem = i18n.Text(r.Context(), e.Message, e.Args...)
		return a.UI.Render(w, r, http.StatusUnprocessableEntity, desk.Page("connectors", p.Subject, by), findingBody(p))
	}
	if err != nil {
		return err
	}
	ui.SeeOther(w, findingsHref(p.Connector)+"?done=answered")
	return nil
}

func (a *Admin) reopen(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p, err := a.readFinding(r, by)
	if err != nil {
		return err
	}
	err = a.Store.Update(r.Context(), func(tx *store.Tx) error {
		return a.Findings.Reopen(tx, desk.Actor(r, by), p.ID)
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, findingsHref(p.Connector)+"?done=reopened")
	return nil
}

func (a *Admin) findNow(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var c gatehouse.Connector
	err := a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if c, err = connectors.Of(tx, r); err != nil {
			return err
		}
		return a.Findings.FindNow(tx, desk.Actor(r, by), c.ID)
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, findingsHref(c)+"?done=asked")
	return nil
}

func findingsHref(c gatehouse.Connector) string { return connectors.Href(c) + "/findings" }

func findingHref(c gatehouse.Connector, f gatehouse.Finding) string {
	return findingsHref(c) + "/" + url.PathEscape(f.ID)
}

// aboutHref is the page of what a finding is about.
func aboutHref(c gatehouse.Connector, f gatehouse.Finding) string {
	if f.ResourceID != "" {
		return resourceHref(c, f.ResourceID)
	}
	return accountHref(c, f.AccountID)
}
