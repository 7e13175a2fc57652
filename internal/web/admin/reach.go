package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/reach"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/connectors"
	"gatehouse/internal/web/admin/desk"
)

// mostShown bounds the rows of a page that answers a question as a whole; the
// search narrows it down.
const mostShown = 200

type accountsPage struct {
	desk.List
	Connector gatehouse.Connector
	Counts    store.Counts
	Search    string
	Type      string
	Orphaned  bool
	Accounts  []gatehouse.Account
}

func (a *Admin) listAccounts(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := accountsPage{List: desk.NewList(r)}
	p.Search, p.Type, p.Orphaned = p.Text("q"), p.Text("type"), p.Text("matched") == "no"
	err := a.desk().Read(r, "the accounts", func(tx *store.Tx) error {
		var err error
		if p.Connector, err = connectors.Of(tx, r); err != nil {
			return err
		}
		if p.Counts, err = tx.CountCurrent(p.Connector.ID); err != nil {
			return err
		}
		found, err := tx.Accounts(p.Connector.ID,
			store.AccountFilter{Search: p.Search, Type: gatehouse.AccountType(p.Type), Orphaned: p.Orphaned}, desk.Cursor(r))
		p.Accounts, p.Next = found.Items, found.Next
		return err
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("connectors", i18n.Text(r.Context(), "Accounts"), by), accountsBody(p))
}

// reachedRow is a resource that an account reaches, or, seen from the other
// side, an account that reaches a resource.
type reachedRow struct {
	Account  gatehouse.Account
	Resource gatehouse.Resource
	Role     gatehouse.Role
	Paths    []reach.Path
}

type accountPage struct {
	gatehouse.Account
	Connector gatehouse.Connector
	User      gatehouse.User // zero: orphaned
	Search    string
	Rows      []reachedRow
	Total     int // of all rows that fit the search
	Direct    int // grants that the account holds itself
	Manager   string
	By        gatehouse.User
	Done      string
}

// note is what a person said of the match, to be changed.
func (p accountPage) note() string {
	if p.Match == gatehouse.MatchManual {
		return p.MatchNote
	}
	return ""
}

func (a *Admin) account(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := accountPage{By: by, Done: r.URL.Query().Get("done")}
	p.Search = desk.NewList(r).Text("q")
	err := a.desk().Read(r, "the account", func(tx *store.Tx) error {
		var err error
		if p.Connector, err = connectors.Of(tx, r); err != nil {
			return err
		}
		if p.Account, err = tx.Account(p.Connector.ID, r.PathValue("account")); err != nil {
			return err
		}
		return p.readReach(tx)
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("connectors", accountName(p.Account), by), accountBody(p))
}

func (p *accountPage) readReach(tx *store.Tx) error {
	grants, err := tx.GrantsOf(p.Connector.ID, p.ID)
	if err != nil {
		return fmt.Errorf("grants: %w", err)
	}
	p.Direct = len(grants)
	if p.Manager = p.ManagerID; p.ManagerID != "" {
		found, err := tx.AccountsByID(p.Connector.ID, []string{p.ManagerID})
		if err != nil {
			return fmt.Errorf("manager: %w", err)
		}
		for _, m := range found {
			p.Manager = accountName(m)
		}
	}
	if p.UserID != "" {
		if p.User, err = tx.User(p.UserID); err != nil && !errors.Is(err, gatehouse.NotFound) {
			return fmt.Errorf("user: %w", err)
		}
	}
	reached, err := reach.OfAccount(tx, p.Connector.ID, p.ID)
	if err != nil {
		return err
	}
	p.Rows, p.Total = nil, 0
	for _, x := range reached {
		if !contains(p.Search, x.Resource.Path, x.Resource.Name) {
			continue
		}
		if p.Total++; p.Total <= mostShown {
			p.Rows = append(p.Rows, reachedRow{Account: p.Account, Resource: x.Resource, Role: x.Role, Paths: x.Paths})
		}
	}
	return nil
}

type resourcesPage struct {
	desk.List
	Connector gatehouse.Connector
	Counts    store.Counts
	Search    string
	Kind      string
	Resources []gatehouse.Resource
}

func (a *Admin) listResources(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := resourcesPage{List: desk.NewList(r)}
	p.Search, p.Kind = p.Text("q"), p.Text("kind")
	err := a.desk().Read(r, "the resources", func(tx *store.Tx) error {
		var err error
		if p.Connector, err = connectors.Of(tx, r); err != nil {
			return err
		}
		if p.Counts, err = tx.CountCurrent(p.Connector.ID); err != nil {
			return err
		}
		found, err := tx.Resources(p.Connector.ID,
			store.ResourceFilter{Search: p.Search, Kind: gatehouse.ResourceKind(p.Kind)}, desk.Cursor(r))
		p.Resources, p.Next = found.Items, found.Next
		return err
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("connectors", connectors.Resources(r.Context(), p.Connector.Kind), by), resourcesBody(p))
}

type resourcePage struct {
	reach.Answer
	Connector gatehouse.Connector
	Search    string
	Rows      []reachedRow
	Total     int
	Children  []gatehouse.Resource
}

func (a *Admin) resource(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := resourcePage{Search: desk.NewList(r).Text("q")}
	err := a.desk().Read(r, "the resource", func(tx *store.Tx) error {
		var err error
		if p.Connector, err = connectors.Of(tx, r); err != nil {
			return err
		}
		id := gatehouse.ResourceID(r.PathValue("resource"))
		if p.Answer, err = reach.OnResource(tx, p.Connector.ID, id); err != nil {
			return err
		}
		children, err := tx.Resources(p.Connector.ID, store.ResourceFilter{Parent: id}, store.Cursor{Limit: desk.PageSize})
		p.Children = children.Items
		return err
	})
	if err != nil {
		return err
	}
	for _, x := range p.Reachers {
		if !contains(p.Search, x.Account.Name, x.Account.Username, x.Account.Email) {
			continue
		}
		if p.Total++; p.Total <= mostShown {
			p.Rows = append(p.Rows, reachedRow{Account: x.Account, Resource: p.Resource, Role: x.Role, Paths: x.Paths})
		}
	}
	return a.desk().Render(w, r, desk.Page("connectors", p.Resource.Path, by), resourceBody(p))
}

// contains says whether one of the texts holds the search, without regard to case.
func contains(search string, texts ...string) bool {
	search = strings.ToLower(strings.TrimSpace(search))
	for _, s := range texts {
		if strings.Contains(strings.ToLower(s), search) {
			return true
		}
	}
	return search == ""
}

// pathIcon is the sign of a kind of path.
func pathIcon(k reach.PathKind) string {
	switch k {
	case reach.Direct:
		return "direct"
	case reach.Inherited:
		return "inherited"
	case reach.Owned:
		return "owned"
	case reach.Shared, reach.InheritedShared:
	}
	return "shared"
}

func accountHref(c gatehouse.Connector, id string) string {
	return connectors.Href(c) + "/accounts/" + url.PathEscape(id)
}

// resourceHref keeps the slash between the kind and the number of a resource.
func resourceHref(c gatehouse.Connector, id gatehouse.ResourceID) string {
	parts := strings.Split(string(id), "/")
	for i, part := range parts {
		parts[i] = url.PathEscape(part)
	}
	return connectors.Href(c) + "/resources/" + strings.Join(parts, "/")
}
