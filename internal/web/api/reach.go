package api

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/reach"
	"gatehouse/internal/store"
)

func (a *API) mountReach(h huma.API) {
	a.mountMatching(h)
	at := "/connectors/{connector}"
	serve(a, h, route{path: at + "/accounts", id: "listAccounts", tag: "reach", summary: "The accounts of an app, by name", may: readers()}, a.listAccounts)
	serve(a, h, route{path: at + "/accounts/{account}", id: "getAccount", tag: "reach", summary: "An account", may: readers()}, a.getAccount)
	serve(a, h, route{path: at + "/accounts/{account}/reach", id: "listReach", tag: "reach", summary: "What an account reaches, and why", may: readers()}, a.listReach)
	serve(a, h, route{path: at + "/resources", id: "listResources", tag: "reach", summary: "The groups and projects of an app, by full path", may: readers()}, a.listResources)
	serve(a, h, route{path: at + "/resources/{resource}", id: "getResource", tag: "reach", summary: "A group or project", may: readers()}, a.getResource)
	serve(a, h, route{path: at + "/resources/{resource}/access", id: "listAccess", tag: "reach", summary: "Who reaches a group or project, and why", may: readers()}, a.listAccess)
}

// account is an Account for programs.
type account struct {
	Connector     string            `json:"connector" doc:"The key of the connector"`
	ID            string            `json:"id" doc:"The app's own id"`
	Username      string            `json:"username"`
	Name          string            `json:"name"`
	Email         string            `json:"email" doc:"Empty where it cannot be seen"`
	EmailVerified bool              `json:"email_verified"`
	Type          string            `json:"type" doc:"person, service_account, token_bot, internal, ghost, placeholder or invitation (somebody who was invited and has no account yet)"`
	State         string            `json:"state" doc:"The app's own word"`
	Admin         bool              `json:"admin"`
	External      bool              `json:"external"`
	TwoFactor     bool              `json:"two_factor"`
	WebURL        string            `json:"web_url"`
	Avatar        string            `json:"avatar"`
	Identities    []accountIdentity `json:"identities" nullable:"false" doc:"How the app knows the person elsewhere"`
	UserID        string            `json:"user_id" doc:"The matched user; empty: orphaned"`
	MatchedBy     string            `json:"matched_by" enum:",identity,email,rule,manual"`
	CreatedAt     time.Time         `json:"created_at,omitzero" required:"false"`
	LastSignInAt  time.Time         `json:"last_sign_in_at,omitzero" required:"false"`
	LastActiveAt  time.Time         `json:"last_active_at,omitzero" required:"false"`
	Since         time.Time         `json:"since,omitzero" required:"false" doc:"When it was first seen as it is now"`
	Title         string            `json:"title" doc:"What a directory tells, as the next ones"`
	JobNumber     string            `json:"job_number"`
	Phone         string            `json:"phone"`
	ManagerID     string            `json:"manager_id" doc:"The account of whom they report to"`
	HiredAt       time.Time         `json:"hired_at,omitzero" required:"false"`
	MatchNote     string            `json:"match_note" doc:"What the rule, or the person who matched it by hand, says of the match"`
}

// accountIdentity is an AccountIdentity for programs, with the same fields.
type accountIdentity struct {
	Provider string `json:"provider"`
	Subject  string `json:"subject"`
}

func showAccount(key string, a gatehouse.Account) account {
	return account{
		Connector: key, ID: a.ID, Username: a.Username, Name: a.Name, Email: a.Email, EmailVerified: a.EmailVerified,
		Type: string(a.Type), State: a.State, Admin: a.Admin, External: a.External, TwoFactor: a.TwoFactor, WebURL: a.WebURL,
		Avatar: a.Avatar, UserID: a.UserID, MatchedBy: a.Match,
		Identities: shown(a.Identities, func(i gatehouse.AccountIdentity) accountIdentity { return accountIdentity(i) }),
		CreatedAt:  a.CreatedAt, LastSignInAt: a.LastSignInAt, LastActiveAt: a.LastActiveAt, Since: a.Since,
		Title: a.Title, JobNumber: a.JobNumber, Phone: a.Phone, ManagerID: a.ManagerID, HiredAt: a.HiredAt, MatchNote: a.MatchNote,
	}
}

type listAccountsInput struct {
	OfConnector
	Paging
	Search   string `query:"search" maxLength:"200" doc:"Part of the name, username or address"`
	State    string `query:"state" maxLength:"64" doc:"The app's own word, for example active"`
	Type     string `query:"type" enum:"person,service_account,token_bot,internal,ghost,placeholder,invitation"`
	Orphaned bool   `query:"orphaned" doc:"Only accounts without a user"`
}

func (a *API) listAccounts(ctx context.Context, _ caller, in *listAccountsInput) (Page[account], error) {
	return view(ctx, a, "accounts", func(tx *store.Tx) (Page[account], error) {
		c, err := in.find(tx)
		if err != nil {
			return Page[account]{}, err
		}
		f := store.AccountFilter{Search: in.Search, State: in.State, Type: gatehouse.AccountType(in.Type), Orphaned: in.Orphaned}
		found, err := tx.Accounts(c.ID, f, in.cursor())
		return pageOf(found, func(acc gatehouse.Account) account { return showAccount(c.Key, acc) }), err
	})
}

// OfAccount names an account.
type OfAccount struct {
	OfConnector
	Account string `path:"account" maxLength:"1024" doc:"The app's own id of the account"`
}

func (a *API) getAccount(ctx context.Context, _ caller, in *OfAccount) (account, error) {
	return view(ctx, a, "account", func(tx *store.Tx) (account, error) {
		c, err := in.find(tx)
		if err != nil {
			return account{}, err
		}
		found, err := tx.Account(c.ID, in.Account)
		return showAccount(c.Key, found), err
	})
}

// reached is a resource that an account reaches.
type reached struct {
	Resource resource `json:"resource"`
	Role     role     `json:"role" doc:"The highest that any path gives"`
	Paths    []path   `json:"paths" nullable:"false" doc:"Every reason, the best first"`
}

// reachList is what an account reaches.
type reachList struct {
	Account account `json:"account"`
	Page[reached]
}

type listReachInput struct {
	OfAccount
	Paging
}

func (a *API) listReach(ctx context.Context, _ caller, in *listReachInput) (reachList, error) {
	return view(ctx, a, "reach", func(tx *store.Tx) (reachList, error) {
		c, err := in.find(tx)
		if err != nil {
			return reachList{}, err
		}
		found, err := tx.Account(c.ID, in.Account)
		if err != nil {
			return reachList{}, err
		}
		all, err := reach.OfAccount(tx, c.ID, found.ID)
		if err != nil {
			return reachList{}, fmt.Errorf("of account %s: %w", found.ID, err)
		}
		some, err := cut(all, in.Paging, func(r reach.Reached) string { return string(r.Resource.ID) })
		return reachList{showAccount(c.Key, found), pageOf(some, func(r reach.Reached) reached {
			return reached{showResource(c.Key, r.Resource), showRole(c.Kind, r.Role), showPaths(c.Kind, r.Paths)}
		})}, err
	})
}

// resource is a Resource for programs.
type resource struct {
	Connector  string    `json:"connector" doc:"The key of the connector"`
	ID         string    `json:"id" doc:"Kind and the app's own id: project-5"`
	Kind       string    `json:"kind" enum:"group,project,department"`
	Parent     string    `json:"parent" doc:"The id of what it lies in; empty at the top"`
	OwnerID    string    `json:"owner_id" doc:"The account whose personal project it is, else empty"`
	Name       string    `json:"name"`
	Path       string    `json:"path" doc:"The full path"`
	Visibility string    `json:"visibility"`
	State      string    `json:"state"`
	WebURL     string    `json:"web_url"`
	Since      time.Time `json:"since,omitzero" required:"false" doc:"When it was first seen as it is now"`
}

func showResource(key string, r gatehouse.Resource) resource {
	return resource{
		Connector: key, ID: publicID(r.ID), Kind: string(r.Kind), Parent: publicID(r.Parent), OwnerID: r.OwnerID, Name: r.Name,
		Path: r.Path, Visibility: r.Visibility, State: r.State, WebURL: r.WebURL, Since: r.Since,
	}
}

// publicID is a resource's id as one segment of an address: "project-5". An
// encoded slash would do for net/http, but not for many proxies in front of it.
func publicID(id gatehouse.ResourceID) string { return strings.Replace(string(id), "/", "-", 1) }

func resourceID(public string) gatehouse.ResourceID {
	return gatehouse.ResourceID(strings.Replace(public, "-", "/", 1))
}

type listResourcesInput struct {
	OfConnector
	Paging
	Search string `query:"search" maxLength:"200" doc:"Part of the full path or name"`
	Kind   string `query:"kind" enum:"group,project,department"`
	Parent string `query:"parent" maxLength:"1024" doc:"The id of a group: only what lies directly in it"`
}

func (a *API) listResources(ctx context.Context, _ caller, in *listResourcesInput) (Page[resource], error) {
	return view(ctx, a, "resources", func(tx *store.Tx) (Page[resource], error) {
		c, err := in.find(tx)
		if err != nil {
			return Page[resource]{}, err
		}
		f := store.ResourceFilter{Search: in.Search, Kind: gatehouse.ResourceKind(in.Kind), Parent: resourceID(in.Parent)}
		found, err := tx.Resources(c.ID, f, in.cursor())
		return pageOf(found, func(r gatehouse.Resource) resource { return showResource(c.Key, r) }), err
	})
}

// OfResource names a resource.
type OfResource struct {
	OfConnector
	Resource string `path:"resource" maxLength:"1024" doc:"Kind and the app's own id, for example project-5"`
}

func (a *API) getResource(ctx context.Context, _ caller, in *OfResource) (resource, error) {
	return view(ctx, a, "resource", func(tx *store.Tx) (resource, error) {
		c, err := in.find(tx)
		if err != nil {
			return resource{}, err
		}
		found, err := tx.Resource(c.ID, resourceID(in.Resource))
		return showResource(c.Key, found), err
	})
}

// reacher is an account that reaches a resource.
type reacher struct {
	Account account `json:"account"`
	Role    role    `json:"role" doc:"The highest that any path gives"`
	Paths   []path  `json:"paths" nullable:"false" doc:"Every reason, the best first"`
}

// accessList is who reaches a resource.
type accessList struct {
	Resource  resource   `json:"resource"`
	Ancestors []resource `json:"ancestors" nullable:"false" doc:"What it lies in, from the nearest to the top"`
	Gaps      []unseen   `json:"gaps" nullable:"false" doc:"What could not be seen: others may reach it too"`
	Page[reacher]
}

// unseen is a Gap for programs.
type unseen struct {
	Resource string `json:"resource"`
	Path     string `json:"path" doc:"Its full path, or its id where nothing is shown of it"`
	Why      string `json:"why" enum:"members,shares,hidden"`
	Text     string `json:"text"`
}

type listAccessInput struct {
	OfResource
	Paging
}

func (a *API) listAccess(ctx context.Context, _ caller, in *listAccessInput) (accessList, error) {
	return view(ctx, a, "access", func(tx *store.Tx) (accessList, error) {
		c, err := in.find(tx)
		if err != nil {
			return accessList{}, err
		}
		answer, err := reach.OnResource(tx, c.ID, resourceID(in.Resource))
		if err != nil {
			return accessList{}, err
		}
		some, err := cut(answer.Reachers, in.Paging, func(r reach.Reacher) string { return r.Account.ID })
		return accessList{
			Resource:  showResource(c.Key, answer.Resource),
			Ancestors: shown(answer.Ancestors, func(r gatehouse.Resource) resource { return showResource(c.Key, r) }),
			Gaps: shown(answer.Gaps, func(g reach.Unseen) unseen {
				return unseen{string(g.ResourceID), g.Path, string(g.Why), g.Sentence(i18n.English)}
			}),
			Page: pageOf(some, func(r reach.Reacher) reacher {
				return reacher{showAccount(c.Key, r.Account), showRole(c.Kind, r.Role), showPaths(c.Kind, r.Paths)}
			}),
		}, err
	})
}
