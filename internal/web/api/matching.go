package api

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/store"
)

func (a *API) mountMatching(h huma.API) {
	const at = "/connectors/{connector}"
	serve(a, h, route{method: http.MethodPut, path: at + "/accounts/{account}/match", id: "setMatch", tag: "reach", summary: "Say by hand whose an account is; pulls leave it so", may: keepers(), fresh: true}, a.setMatch)
	serve(a, h, route{method: http.MethodDelete, path: at + "/accounts/{account}/match", id: "resetMatch", tag: "reach", summary: "Forget whose an account is, and look for its user anew", may: keepers()}, a.resetMatch)
	serve(a, h, route{path: at + "/matching", id: "getMatching", tag: "reach", summary: "The rules by which accounts are matched to users", may: readers()}, a.getMatching)
	serve(a, h, route{method: http.MethodPut, path: at + "/matching", id: "setMatching", tag: "reach", summary: "Put rules in the place of those; what the old ones matched is matched anew", may: keepers(), fresh: true}, a.setMatching)
	serve(a, h, route{method: http.MethodPost, path: at + "/matching/reset", id: "resetMatches", tag: "reach", summary: "Forget all matches, and match the accounts anew; those by hand stay unless named", may: keepers()}, a.resetMatches)
}

type setMatchInput struct {
	OfAccount
	Body struct {
		_    struct{} `json:"-" additionalProperties:"false"`
		User string   `json:"user" minLength:"1" maxLength:"320" doc:"Number, id, username or verified address"`
		Note string   `json:"note,omitempty" maxLength:"500" doc:"Why; stays with the match"`
	}
}

func (a *API) setMatch(ctx context.Context, by caller, in *setMatchInput) (account, error) {
	return update(ctx, a, "match an account", func(tx *store.Tx) (account, error) {
		c, err := in.find(tx)
		if err != nil {
			return account{}, err
		}
		u, err := a.Matches.User(tx, in.Body.User)
		if err != nil {
			return account{}, err
		}
		if err := a.Matches.Set(tx, by.actor, c.ID, in.Account, u.ID, in.Body.Note); err != nil {
			return account{}, err
		}
		found, err := tx.Account(c.ID, in.Account)
		return showAccount(c.Key, found), err
	})
}

func (a *API) resetMatch(ctx context.Context, by caller, in *OfAccount) (account, error) {
	return update(ctx, a, "reset a match", func(tx *store.Tx) (account, error) {
		c, err := in.find(tx)
		if err != nil {
			return account{}, err
		}
		if err := a.Matches.Reset(tx, by.actor, c.ID, in.Account); err != nil {
			return account{}, err
		}
		found, err := tx.Account(c.ID, in.Account)
		return showAccount(c.Key, found), err
	})
}

// matchingRules are the rules of a connector for programs.
type matchingRules struct {
	_     struct{}    `json:"-" additionalProperties:"false"`
	Rules []matchRule `json:"rules" nullable:"false" maxItems:"20" doc:"Tried in this order, after identities and verified addresses"`
}

// matchRule is a MatchRule for programs, with the same fields.
type matchRule struct {
	Field      string `json:"field" maxLength:"255" doc:"By what the user is found: email (a verified one), username, id, or identity.NAME (the subject at the connection of that name)"`
	Expression string `json:"expression" maxLength:"2000" doc:"Over account, such as: lower(account.username) + \"@example.com\""`
}

func readMatching(tx *store.Tx, c gatehouse.Connector) (matchingRules, error) {
	found, err := tx.MatchRules(c.ID)
	return matchingRules{Rules: shown(found, func(r gatehouse.MatchRule) matchRule { return matchRule(r) })}, err
}

func (a *API) getMatching(ctx context.Context, _ caller, in *OfConnector) (matchingRules, error) {
	return view(ctx, a, "match rules", func(tx *store.Tx) (matchingRules, error) {
		c, err := in.find(tx)
		if err != nil {
			return matchingRules{}, err
		}
		return readMatching(tx, c)
	})
}

type setMatchingInput struct {
	OfConnector
	Body matchingRules
}

func (a *API) setMatching(ctx context.Context, by caller, in *setMatchingInput) (matchingRules, error) {
	return update(ctx, a, "set match rules", func(tx *store.Tx) (matchingRules, error) {
		c, err := in.find(tx)
		if err != nil {
			return matchingRules{}, err
		}
		rules := shown(in.Body.Rules, func(r matchRule) gatehouse.MatchRule { return gatehouse.MatchRule(r) })
		if err := a.Matches.SetRules(tx, by.actor, c.ID, rules); err != nil {
			return matchingRules{}, err
		}
		return readMatching(tx, c)
	})
}

type resetMatchesInput struct {
	OfConnector
	Manual bool `query:"manual" doc:"Forget those that were set by hand, too"`
}

// forgotten counts the matches that were taken back.
type forgotten struct {
	Forgotten int64 `json:"forgotten"`
}

func (a *API) resetMatches(ctx context.Context, by caller, in *resetMatchesInput) (forgotten, error) {
	return update(ctx, a, "reset matches", func(tx *store.Tx) (forgotten, error) {
		c, err := in.find(tx)
		if err != nil {
			return forgotten{}, err
		}
		n, err := a.Matches.ResetAll(tx, by.actor, c.ID, in.Manual)
		return forgotten{n}, err
	})
}
