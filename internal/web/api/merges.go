package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

func (a *API) mountMerges(h huma.API) {
	serve(a, h, route{path: "/users/{user}/merges", id: "listUserMerges", tag: "merges", summary: "The merges that a user was part of, the newest first", may: readers()}, a.listMerges)
	serve(a, h, route{path: "/users/{user}/merge_plan/{other}", id: "planMerge", tag: "merges", summary: "What merging another user into this one would do; nothing is done", may: owners()}, a.planMerge)
	serve(a, h, route{method: http.MethodPost, path: "/users/{user}/merge", id: "mergeUsers", tag: "merges", summary: "Merge another user into this one", may: owners(), fresh: true}, a.merge)
	serve(a, h, route{path: "/merges/{merge}", id: "getMerge", tag: "merges", summary: "A merge", may: readers()}, a.getMerge)
	serve(a, h, route{path: "/merges/{merge}/split_plan", id: "planSplit", tag: "merges", summary: "What splitting would give back, and what would stay; nothing is done", may: owners()}, a.planSplit)
	serve(a, h, route{method: http.MethodPost, path: "/merges/{merge}/split", id: "splitUsers", tag: "merges", summary: "Undo a merge; sessions and tokens of the user who was kept end as far as they began since", may: owners(), fresh: true}, a.split)
}

// merge is a Merge for programs.
type merge struct {
	ID         string    `json:"id" format:"uuid"`
	KeptID     string    `json:"kept_id" format:"uuid"`
	GoneID     string    `json:"gone_id" format:"uuid"`
	MergedAt   time.Time `json:"merged_at"`
	MergedBy   string    `json:"merged_by"`
	Split      bool      `json:"split" doc:"It was undone"`
	SplitAt    time.Time `json:"split_at,omitzero" required:"false"`
	SplitBy    string    `json:"split_by"`
	Identities []string  `json:"identities" nullable:"false" doc:"Ids of the identities that moved"`
	Emails     []string  `json:"emails" nullable:"false" doc:"Addresses that moved"`
}

func showMerge(m gatehouse.Merge) merge {
	return merge{
		ID: m.ID, KeptID: m.KeptID, GoneID: m.GoneID, MergedAt: m.At, MergedBy: m.By, Split: m.Split(), SplitAt: m.SplitAt, SplitBy: m.SplitBy,
		Identities: orEmpty(m.Moved.Identities), Emails: orEmpty(m.Moved.Given),
	}
}

func (a *API) listMerges(ctx context.Context, _ caller, in *ofUser) (Page[merge], error) {
	return view(ctx, a, "merges", func(tx *store.Tx) (Page[merge], error) {
		u, err := in.find(tx)
		if err != nil {
			return Page[merge]{}, err
		}
		found, err := tx.Merges(u.ID)
		return whole(found, showMerge), err
	})
}

// mergePlan is what a merge would do.
type mergePlan struct {
	Keep       user                 `json:"keep"`
	Gone       user                 `json:"gone"`
	Identities []movedIdentity      `json:"identities" nullable:"false" doc:"That move"`
	Emails     []email              `json:"emails" nullable:"false" doc:"That move, as additional addresses"`
	Confirmed  []string             `json:"confirmed_emails" nullable:"false" doc:"Addresses of both that count as verified for the kept one from then on"`
	Accounts   []accountOfConnector `json:"accounts" nullable:"false" doc:"In connected apps, that move"`
	Consents   []string             `json:"consents" nullable:"false" doc:"Ids of the clients that were allowed, which move"`
	Clients    []string             `json:"clients" nullable:"false" doc:"Ids of the clients that know only the user who goes, and go on to see that number"`
	Torn       []string             `json:"torn_clients" nullable:"false" doc:"Ids of the clients that know both, and see the kept one only from then on"`
	Doubled    []string             `json:"doubled_connections" nullable:"false" doc:"Ids of connections of which the kept one has two identities then"`
	Sessions   int                  `json:"sessions" doc:"Of the user who goes, which end"`
}

type movedIdentity struct {
	ID           string `json:"id" format:"uuid"`
	ConnectionID string `json:"connection_id"`
	Subject      string `json:"subject"`
}

type accountOfConnector struct {
	ConnectorID string `json:"connector_id"`
	ID          string `json:"id"`
}

func showMoved(i gatehouse.Identity) movedIdentity {
	return movedIdentity{ID: i.ID, ConnectionID: i.ConnectionID, Subject: i.Subject}
}

func showReference(r gatehouse.AccountReference) accountOfConnector {
	return accountOfConnector{ConnectorID: r.ConnectorID, ID: r.ID}
}

func consented(c gatehouse.Consent) string { return c.ClientID }

func showPlan(p users.MergePlan) mergePlan {
	return mergePlan{
		Keep: showUser(p.Keep), Gone: showUser(p.Gone), Sessions: p.Sessions,
		Identities: shown(p.Identities, showMoved), Emails: shown(p.Emails, showEmail), Confirmed: orEmpty(p.Confirmed),
		Accounts: shown(p.Accounts, showReference), Consents: shown(p.Consents, consented),
		Clients: orEmpty(p.Clients), Torn: orEmpty(p.Torn), Doubled: orEmpty(p.Doubled),
	}
}

type planMergeInput struct {
	User  string `path:"user" maxLength:"64" doc:"The id or the number of the user who is kept"`
	Other string `path:"other" maxLength:"64" doc:"The id or the number of the user who goes"`
}

func (a *API) planMerge(ctx context.Context, by caller, in *planMergeInput) (mergePlan, error) {
	return view(ctx, a, "merge plan", func(tx *store.Tx) (mergePlan, error) {
		keep, gone, err := both(tx, in.User, in.Other)
		if err != nil {
			return mergePlan{}, err
		}
		p, err := a.Users.PlanMerge(tx, by.actor, keep.ID, gone.ID)
		return showPlan(p), err
	})
}

func both(tx *store.Tx, one, other string) (keep, gone gatehouse.User, err error) {
	if keep, err = (ofUser{User: one}).find(tx); err != nil {
		return keep, gone, err
	}
	gone, err = ofUser{User: other}.find(tx)
	return keep, gone, err
}

type mergeInput struct {
	User string `path:"user" maxLength:"64" doc:"The id or the number of the user who is kept"`
	Body struct {
		Other string `json:"other" minLength:"1" maxLength:"64" doc:"The id or the number of the user who goes"`
	}
}

func (a *API) merge(ctx context.Context, by caller, in *mergeInput) (merge, error) {
	return update(ctx, a, "merge users", func(tx *store.Tx) (merge, error) {
		keep, gone, err := both(tx, in.User, in.Body.Other)
		if err != nil {
			return merge{}, err
		}
		m, err := a.Users.Merge(tx, by.actor, keep.ID, gone.ID)
		return showMerge(m), err
	})
}

type ofMerge struct {
	Merge string `path:"merge" maxLength:"64"`
}

func (a *API) getMerge(ctx context.Context, _ caller, in *ofMerge) (merge, error) {
	return view(ctx, a, "merge", func(tx *store.Tx) (merge, error) {
		m, err := tx.Merge(in.Merge)
		return showMerge(m), err
	})
}

// splitPlan is what a split would do.
type splitPlan struct {
	Keep       user                 `json:"keep"`
	Gone       user                 `json:"gone"`
	Identities []movedIdentity      `json:"identities" nullable:"false" doc:"That go back"`
	Emails     []email              `json:"emails" nullable:"false" doc:"That go back"`
	Accounts   []accountOfConnector `json:"accounts" nullable:"false" doc:"In connected apps, that go back"`
	Consents   []string             `json:"consents" nullable:"false" doc:"Ids of the clients that were allowed, which go back"`
	Added      []movedIdentity      `json:"added_identities" nullable:"false" doc:"Connected since the merge: they stay with the kept one, and sign in"`
	Sessions   int                  `json:"sessions" doc:"Of the kept one that began since the merge, which end"`
}

func (a *API) planSplit(ctx context.Context, _ caller, in *ofMerge) (splitPlan, error) {
	return view(ctx, a, "split plan", func(tx *store.Tx) (splitPlan, error) {
		p, err := a.Users.PlanSplit(tx, in.Merge)
		return splitPlan{
			Keep: showUser(p.Keep), Gone: showUser(p.Gone), Sessions: len(p.Sessions),
			Identities: shown(p.Identities, showMoved), Emails: shown(p.Emails, showEmail), Accounts: shown(p.Accounts, showReference),
			Consents: shown(p.Consents, consented), Added: shown(p.Added, showMoved),
		}, err
	})
}

func (a *API) split(ctx context.Context, by caller, in *ofMerge) (merge, error) {
	return update(ctx, a, "split users", func(tx *store.Tx) (merge, error) {
		m, err := a.Users.Split(tx, by.actor, in.Merge)
		return showMerge(m), err
	})
}
