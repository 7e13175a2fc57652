package admin

import (
	"errors"
	"net/http"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/connectors"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// mayMatch says whether the controls for it are shown; the addresses behind them
// ask for themselves.
func mayMatch(u gatehouse.User) bool {
	return slices.Contains([]gatehouse.AdminRole{gatehouse.RoleSuperAdministrator, gatehouse.RoleConnectorAdministrator}, u.Role)
}

// ofConnector does something to the connector that the address names.
func (a *Admin) ofConnector(r *http.Request, do func(tx *store.Tx, c gatehouse.Connector) error) (c gatehouse.Connector, err error) {
	err = a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if c, err = connectors.Of(tx, r); err != nil {
			return err
		}
		return do(tx, c)
	})
	return c, err
}

func (a *Admin) setMatch(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	account := r.PathValue("account")
	c, err := a.ofConnector(r, func(tx *store.Tx, c gatehouse.Connector) error {
		u, err := a.Matches.User(tx, r.FormValue("user"))
		if err != nil {
			return err
		}
		return a.Matches.Set(tx, desk.Actor(r, by), c.ID, account, u.ID, r.FormValue("note"))
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, accountHref(c, account)+"?done=matched")
	return nil
}

func (a *Admin) resetMatch(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	account := r.PathValue("account")
	c, err := a.ofConnector(r, func(tx *store.Tx, c gatehouse.Connector) error {
		return a.Matches.Reset(tx, desk.Actor(r, by), c.ID, account)
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, accountHref(c, account)+"?done=match-reset")
	return nil
}

// matchingPage is how the accounts of a connector are matched.
type matchingPage struct {
	Connector gatehouse.Connector
	By        gatehouse.User
	Rules     string // as people write them
	Problem   string // of the rules
	Done      string
}

func (a *Admin) matching(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := matchingPage{By: by, Done: r.URL.Query().Get("done")}
	err := a.desk().Read(r, "the rules", func(tx *store.Tx) (err error) {
		if p.Connector, err = connectors.Of(tx, r); err != nil {
			return err
		}
		rules, err := tx.MatchRules(p.Connector.ID)
		p.Rules = access.RuleLines(rules)
		return err
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("connectors", i18n.Text(r.Context(), "Matching"), by), matchingBody(p))
}

func (a *Admin) setMatchRules(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	text := strings.ReplaceAll(r.FormValue("rules"), "\r\n", "\n")
	c, err := a.ofConnector(r, func(tx *store.Tx, c gatehouse.Connector) error {
		rules, err := access.ParseMatchRules(text)
		if err != nil {
			return err
		}
		return a.Matches.SetRules(tx, desk.Actor(r, by), c.ID, rules)
	})
	var wrong *gatehouse.Error
	if errors.As(err, &wrong) && wrong.Kind == gatehouse.Invalid {
		p := matchingPage{Connector: c, By: by, Rules: text, Problem: i18n.Text(r.Context(), wrong.Message, wrong.Args...)}
		return a.UI.Render(w, r, http.StatusUnprocessableEntity, desk.Page("connectors", i18n.Text(r.Context(), "Matching"), by), matchingBody(p))
	}
	if err != nil {
		return err
	}
	ui.SeeOther(w, connectors.Href(c)+"/matching?done=rules-saved")
	return nil
}

func (a *Admin) resetMatches(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	c, err := a.ofConnector(r, func(tx *store.Tx, c gatehouse.Connector) error {
		_, err := a.Matches.ResetAll(tx, desk.Actor(r, by), c.ID, r.FormValue("manual") == "true")
		return err
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, connectors.Href(c)+"/matching?done=matches-reset")
	return nil
}
