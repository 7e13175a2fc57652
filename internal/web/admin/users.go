package admin

import (
	"fmt"
	"net/http"
	"net/url"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/admin/people"
	"gatehouse/internal/web/ui"
)

type usersPage struct {
	desk.List
	Search, State string
	Users         []gatehouse.User
	MayMake       bool
}

func (a *Admin) listUsers(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := usersPage{List: desk.NewList(r), MayMake: mayChangePeople(by)}
	p.Search, p.State = p.Text("q"), p.Text("state")
	err := a.desk().Read(r, "the users", func(tx *store.Tx) error {
		found, err := tx.Users(store.UserFilter{Search: p.Search, State: gatehouse.UserState(p.State)}, desk.Cursor(r))
		p.Users, p.Next = found.Items, found.Next
		return err
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("users", i18n.Text(r.Context(), "Users"), by), usersBody(p))
}

// accountRow is an account in an app.
type accountRow struct {
	gatehouse.Account
	Connector gatehouse.Connector
}

type userPage struct {
	By         gatehouse.User
	User       gatehouse.User
	Origin     desk.DecisionRow // by which the account came to be; without ID: by none
	Decisions  []desk.DecisionRow
	Identities []desk.IdentityRow
	Sessions   []gatehouse.Session
	Accounts   []accountRow
	Events     []gatehouse.Event
	Manage     people.ManageView // for who may change people
	Merges     []people.MergeRow
	Done       string
}

func (a *Admin) user(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := userPage{By: by, Done: r.URL.Query().Get("done")}
	err := a.desk().Read(r, "the user", func(tx *store.Tx) error {
		var err error
		if p.User, err = tx.User(r.PathValue("user")); err != nil {
			return err
		}
		return a.readUser(tx, &p)
	})
	if err != nil {
		return err
	}
	return a.desk().Render(w, r, desk.Page("users", ui.UserName(p.User), by), userBody(p))
}

// readUser reads what belongs to a user.
func (a *Admin) readUser(tx *store.Tx, p *userPage) error {
	var err error
	if p.Identities, err = desk.IdentitiesOf(tx, p.User.ID); err != nil {
		return err
	}
	if p.Sessions, err = a.Sessions.List(tx, p.User.ID); err != nil {
		return err
	}
	if p.Accounts, err = accountsOf(tx, p.User.ID); err != nil {
		return fmt.Errorf("accounts: %w", err)
	}
	recent, err := tx.Decisions(p.User.ID, store.Cursor{Limit: 10})
	if err != nil {
		return fmt.Errorf("decisions: %w", err)
	}
	if p.Decisions, err = desk.WithNames(tx, recent.Items); err != nil {
		return err
	}
	if p.Origin, err = desk.OriginOf(tx, p.User); err != nil {
		return err
	}
	if p.Merges, err = people.MergesOf(tx, p.User.ID); err != nil {
		return fmt.Errorf("merges: %w", err)
	}
	if mayChangePeople(p.By) {
		if p.Manage, err = a.people().View(tx, p.By, p.User); err != nil {
			return err
		}
	}
	events, err := tx.Events(store.EventFilter{Target: "user/" + p.User.ID}, store.Cursor{Limit: 15})
	p.Events = events.Items
	return err
}

func accountsOf(tx *store.Tx, userID string) ([]accountRow, error) {
	accounts, err := tx.AccountsOf(userID)
	if err != nil {
		return nil, err
	}
	connectors, err := tx.Connectors()
	if err != nil {
		return nil, err
	}
	var rows []accountRow
	for _, account := range accounts {
		for _, c := range connectors {
			if c.ID == account.ConnectorID {
				rows = append(rows, accountRow{account, c})
			}
		}
	}
	return rows, nil
}

// changeUser does one thing to a user and goes back to the user's page.
func (a *Admin) changeUser(change func(tx *store.Tx, by gatehouse.Actor, userID string) error, done string) desk.Handler {
	return func(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
		id := r.PathValue("user")
		err := a.Store.Update(r.Context(), func(tx *store.Tx) error { return change(tx, desk.Actor(r, by), id) })
		if err != nil {
			return err
		}
		ui.SeeOther(w, "/admin/users/"+url.PathEscape(id)+"?done="+done)
		return nil
	}
}

// endSessions signs a user out everywhere; an administrator's own browser stays.
func (a *Admin) endSessions(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	id, except := r.PathValue("user"), ""
	if s, _, err := a.Sessions.Current(r); err == nil && s.UserID == id {
		except = s.ID
	}
	err := a.Store.Update(r.Context(), func(tx *store.Tx) error {
		if _, err := tx.User(id); err != nil {
			return err
		}
		_, err := a.Sessions.EndOthers(tx, desk.Actor(r, by), id, except)
		return err
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/admin/users/"+url.PathEscape(id)+"?done=sessions-ended")
	return nil
}
