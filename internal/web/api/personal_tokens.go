package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/store"
)

func (a *API) mountPersonalTokens(h huma.API) {
	serve(a, h, route{
		path: "/users/{user}/tokens", id: "listPersonalTokens", tag: "users", may: readers(),
		summary: "The personal access tokens of a user that are not revoked, those past their end too; never the tokens themselves",
	}, a.listPersonalTokens)
	serve(a, h, route{
		method: http.MethodDelete, path: "/users/{user}/tokens/{token}", id: "revokePersonalToken", tag: "users", may: owners(),
		summary: "End a personal access token of a user at once",
	}, a.revokePersonalToken)
}

// personalToken is a PersonalToken for programs, without its hash.
type personalToken struct {
	ID              string    `json:"id"`
	Name            string    `json:"name"`
	Hint            string    `json:"hint" doc:"The last characters of the token"`
	Scopes          []string  `json:"scopes" nullable:"false"`
	CreatedAt       time.Time `json:"created_at"`
	ExpiresAt       time.Time `json:"expires_at"`
	LastUsedAt      time.Time `json:"last_used_at,omitzero" required:"false" doc:"To within some minutes; absent: never"`
	LastUsedAddress string    `json:"last_used_address"`
}

func showPersonalToken(t gatehouse.PersonalToken) personalToken {
	return personalToken{
		ID: t.ID, Name: t.Name, Hint: t.Hint, Scopes: orEmpty(t.Scopes), CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt,
		LastUsedAt: t.LastUsedAt, LastUsedAddress: t.LastUsedAddress,
	}
}

func (a *API) listPersonalTokens(ctx context.Context, _ caller, in *ofUser) (Page[personalToken], error) {
	return view(ctx, a, "personal tokens", func(tx *store.Tx) (Page[personalToken], error) {
		u, err := in.find(tx)
		if err != nil {
			return Page[personalToken]{}, err
		}
		all, err := tx.PersonalTokens(u.ID)
		return whole(all, showPersonalToken), err
	})
}

type ofPersonalToken struct {
	User  string `path:"user" maxLength:"64" doc:"The id or the number of the user"`
	Token string `path:"token" maxLength:"64" doc:"The id of the token"`
}

// revokePersonalToken answers with the tokens that are left.
func (a *API) revokePersonalToken(ctx context.Context, by caller, in *ofPersonalToken) (Page[personalToken], error) {
	return update(ctx, a, "revoke a personal token", func(tx *store.Tx) (Page[personalToken], error) {
		u, err := ofUser{User: in.User}.find(tx)
		if err != nil {
			return Page[personalToken]{}, err
		}
		if err := a.Personal.Revoke(tx, by.actor, u.ID, in.Token); err != nil {
			return Page[personalToken]{}, err
		}
		all, err := tx.PersonalTokens(u.ID)
		return whole(all, showPersonalToken), err
	})
}
