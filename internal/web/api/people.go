package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/pats"
	"gatehouse/internal/store"
)

func (a *API) mountPeople(h huma.API) {
	serve(a, h, route{path: "/me", id: "getMe", tag: "users", summary: "Who is asking", may: everybody(), scope: pats.ReadUser}, a.me)
	serve(a, h, route{path: "/users", id: "listUsers", tag: "users", summary: "Users, the newest first", may: readers()}, a.listUsers)
	serve(a, h, route{path: "/users/{user}", id: "getUser", tag: "users", summary: "A user", may: readers()}, a.getUser)
	serve(a, h, route{path: "/users/{user}/identities", id: "listUserIdentities", tag: "users", summary: "What connections vouch for about a user", may: readers()}, a.listIdentities)
	serve(a, h, route{path: "/users/{user}/sessions", id: "listUserSessions", tag: "users", summary: "The browsers a user is signed in with", may: readers()}, a.listSessions)
	serve(a, h, route{path: "/users/{user}/accounts", id: "listUserAccounts", tag: "users", summary: "The accounts of a user in connected apps", may: readers()}, a.listUserAccounts)
	change := func(path, id, summary string, fn func(tx *store.Tx, by gatehouse.Actor, userID string) error) {
		serve(a, h, route{method: http.MethodPost, path: "/users/{user}/" + path, id: id, tag: "users", summary: summary, may: owners()}, a.changeUser(path, fn))
	}
	change("block", "blockUser", "Keep a user out; all sessions and tokens end", a.Users.Block)
	change("unblock", "unblockUser", "Let a blocked user in again", a.Users.Unblock)
	a.mountApprovals(h)
	a.mountManage(h)
	a.mountMerges(h)
}

// user is a User for programs.
type user struct {
	ID            string    `json:"id" format:"uuid"`
	Number        int64     `json:"number" doc:"What apps see as id and sub"`
	Username      string    `json:"username"`
	Name          string    `json:"name"`
	Email         string    `json:"email" doc:"Empty when none is known"`
	EmailVerified bool      `json:"email_verified"`
	Avatar        string    `json:"avatar"`
	Locale        string    `json:"locale"`
	JobTitle      string    `json:"job_title"`
	Organization  string    `json:"organization"`
	Location      string    `json:"location"`
	State         string    `json:"state" enum:"active,pending,blocked,left,merged"`
	Role          string    `json:"role" enum:",super_administrator,connector_administrator,auditor"`
	External      bool      `json:"external"`
	DecisionID    string    `json:"decision_id" doc:"The decision by which the account came to be; empty when it was made by hand"`
	MergedInto    string    `json:"merged_into,omitempty" doc:"The id of the user who has what was this one's"`
	CreatedAt     time.Time `json:"created_at"`
	UpdatedAt     time.Time `json:"updated_at"`
	LastSignInAt  time.Time `json:"last_sign_in_at,omitzero" required:"false"`
	PausedUntil   time.Time `json:"paused_until,omitzero" required:"false" doc:"Until when no password or code can be tried, after wrong ones. Told only of one user at a time"`
}

func showUser(u gatehouse.User) user {
	return user{
		ID: u.ID, Number: u.Number, Username: u.Username, Name: u.Name, Email: u.Email, EmailVerified: u.EmailVerified,
		Avatar: u.Avatar, Locale: u.Locale, JobTitle: u.JobTitle, Organization: u.Organization, Location: u.Location,
		State: string(u.State), Role: string(u.Role), External: u.External,
		DecisionID: u.Provenance, MergedInto: u.MergedInto, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt, LastSignInAt: u.LastSignInAt,
	}
}

func (a *API) me(_ context.Context, by caller, _ *none) (user, error) { return showUser(by.user), nil }

type listUsersInput struct {
	Paging
	Search string `query:"search" maxLength:"200" doc:"Part of the name, username or address"`
	State  string `query:"state" enum:"active,pending,blocked,left,merged"`
	Role   string `query:"role" enum:"super_administrator,connector_administrator,auditor"`
}

func (a *API) listUsers(ctx context.Context, _ caller, in *listUsersInput) (Page[user], error) {
	return view(ctx, a, "users", func(tx *store.Tx) (Page[user], error) {
		f := store.UserFilter{Search: in.Search, State: gatehouse.UserState(in.State), Role: gatehouse.AdminRole(in.Role)}
		found, err := tx.Users(f, in.cursor())
		return pageOf(found, showUser), err
	})
}

// ofUser names a user.
type ofUser struct {
	User string `path:"user" maxLength:"64" doc:"The id or the number of the user"`
}

// find finds the user by id, or by the number that apps know as sub.
func (in ofUser) find(tx *store.Tx) (gatehouse.User, error) {
	if n, err := strconv.ParseInt(in.User, 10, 64); err == nil {
		return tx.UserByNumber(n)
	}
	return tx.User(in.User)
}

func (a *API) getUser(ctx context.Context, _ caller, in *ofUser) (user, error) {
	return view(ctx, a, "user", func(tx *store.Tx) (user, error) {
		u, err := in.find(tx)
		if err != nil {
			return user{}, err
		}
		out := showUser(u)
		out.PausedUntil, err = a.Locks.PausedUntil(tx, u.ID)
		return out, err
	})
}

// changeUser does one thing to a user, and answers with how the user is then.
// It takes nothing but the name of the user: no field can be set by it.
func (a *API) changeUser(what string, change func(tx *store.Tx, by gatehouse.Actor, userID string) error) func(context.Context, caller, *ofUser) (user, error) {
	return func(ctx context.Context, by caller, in *ofUser) (user, error) {
		return a.change(ctx, what+" user", in.User, func(tx *store.Tx, id string) error { return change(tx, by.actor, id) })
	}
}

// identity is an Identity for programs.
type identity struct {
	ID           string            `json:"id" format:"uuid"`
	ConnectionID string            `json:"connection_id"`
	Connection   string            `json:"connection" doc:"The name of the connection"`
	Subject      string            `json:"subject" doc:"The provider's id of the person"`
	Aliases      map[string]string `json:"aliases"`
	Profile      profile           `json:"profile"`
	CreatedAt    time.Time         `json:"created_at"`
	LastUsedAt   time.Time         `json:"last_used_at,omitzero" required:"false"`
}

// profile is what a provider told; nothing in it is checked.
type profile struct {
	Username string   `json:"username"`
	Nickname string   `json:"nickname"`
	Name     string   `json:"name"`
	Email    string   `json:"email"`
	Verified string   `json:"email_verification" enum:",verified,unverified" doc:"What the provider says of the address"`
	Avatar   string   `json:"avatar"`
	WebURL   string   `json:"web_url"`
	Locale   string   `json:"locale"`
	Phone    string   `json:"phone"`
	Title    string   `json:"title"`
	Company  string   `json:"organization"`
	Location string   `json:"location"`
	Groups   []string `json:"groups" nullable:"false"`
}

func showProfile(p gatehouse.Profile) profile {
	return profile{
		Username: p.Username, Nickname: p.Nickname, Name: p.Name, Email: p.Email, Verified: string(p.Verified), Avatar: p.Avatar,
		WebURL: p.WebURL, Locale: p.Locale, Phone: p.Phone, Title: p.Title, Company: p.Organization, Location: p.Location, Groups: orEmpty(p.Groups),
	}
}

func (a *API) listIdentities(ctx context.Context, _ caller, in *ofUser) (Page[identity], error) {
	return view(ctx, a, "identities", func(tx *store.Tx) (Page[identity], error) {
		u, err := in.find(tx)
		if err != nil {
			return Page[identity]{}, err
		}
		found, err := tx.Identities(u.ID)
		if err != nil {
			return Page[identity]{}, err
		}
		names, err := connectionNames(tx)
		return whole(found, func(i gatehouse.Identity) identity {
			return identity{
				ID: i.ID, ConnectionID: i.ConnectionID, Connection: names[i.ConnectionID], Subject: i.Subject, Aliases: orNone(i.Aliases),
				Profile: showProfile(i.Profile), CreatedAt: i.CreatedAt, LastUsedAt: i.LastUsedAt,
			}
		}), err
	})
}

// connectionNames are the names of all connections by their ids.
func connectionNames(tx *store.Tx) (map[string]string, error) {
	all, err := tx.Connections()
	if err != nil {
		return nil, fmt.Errorf("connections: %w", err)
	}
	names := make(map[string]string, len(all))
	for _, c := range all {
		names[c.ID] = c.Name
	}
	return names, nil
}

// browser is a Session for programs. What proves it is not shown, not even as
// its hash.
type browser struct {
	ID           string    `json:"id" format:"uuid"`
	ConnectionID string    `json:"connection_id" doc:"How they came in; empty for a link"`
	Connection   string    `json:"connection" doc:"The name of the connection"`
	Method       string    `json:"method"`
	UserAgent    string    `json:"user_agent"`
	Address      string    `json:"address"`
	AuthAt       time.Time `json:"auth_at" doc:"When the person proved who they are"`
	CreatedAt    time.Time `json:"created_at"`
	SeenAt       time.Time `json:"seen_at" doc:"To within some minutes"`
	ExpiresAt    time.Time `json:"expires_at"`
}

func (a *API) listSessions(ctx context.Context, _ caller, in *ofUser) (Page[browser], error) {
	return view(ctx, a, "sessions", func(tx *store.Tx) (Page[browser], error) {
		u, err := in.find(tx)
		if err != nil {
			return Page[browser]{}, err
		}
		found, err := a.Sessions.List(tx, u.ID)
		if err != nil {
			return Page[browser]{}, err
		}
		names, err := connectionNames(tx)
		return whole(found, func(s gatehouse.Session) browser {
			return browser{
				ID: s.ID, ConnectionID: s.ConnectionID, Connection: names[s.ConnectionID], Method: s.Method, UserAgent: s.UserAgent,
				Address: s.Address, AuthAt: s.AuthAt, CreatedAt: s.CreatedAt, SeenAt: s.SeenAt, ExpiresAt: s.ExpiresAt,
			}
		}), err
	})
}

func (a *API) listUserAccounts(ctx context.Context, _ caller, in *ofUser) (Page[account], error) {
	return view(ctx, a, "accounts", func(tx *store.Tx) (Page[account], error) {
		u, err := in.find(tx)
		if err != nil {
			return Page[account]{}, err
		}
		found, err := tx.AccountsOf(u.ID)
		if err != nil {
			return Page[account]{}, err
		}
		connectors, err := tx.Connectors()
		keys := make(map[string]string, len(connectors))
		for _, c := range connectors {
			keys[c.ID] = c.Key
		}
		return whole(found, func(acc gatehouse.Account) account { return showAccount(keys[acc.ConnectorID], acc) }), err
	})
}
