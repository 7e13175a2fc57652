package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/op"
	"gatehouse/internal/store"
)

func (a *API) mountRegistration(h huma.API) {
	serve(a, h, route{
		path: "/registration_tokens", id: "listRegistrationTokens", tag: "clients", may: readers(),
		summary: "The tokens with which applications register themselves, as long as they are good; never the tokens themselves",
	}, a.listRegistrationTokens)
	serve(a, h, route{
		method: http.MethodPost, path: "/registration_tokens", id: "createRegistrationToken", tag: "clients", status: http.StatusCreated, may: owners(),
		summary: "Make a token with which applications register themselves; it is told this once", fresh: true,
	}, a.createRegistrationToken)
	serve(a, h, route{
		method: http.MethodDelete, path: "/registration_tokens/{token}", id: "endRegistrationToken", tag: "clients", may: owners(),
		summary: "End such a token at once",
	}, a.endRegistrationToken)
}

type registrationToken struct {
	ID        string    `json:"id"`
	Token     string    `json:"token,omitempty" required:"false" doc:"Only in the answer to its making"`
	Name      string    `json:"name"`
	Left      int64     `json:"uses_left" doc:"How many applications may still be registered with it"`
	CreatedBy string    `json:"created_by"`
	CreatedAt time.Time `json:"created_at"`
	ExpiresAt time.Time `json:"expires_at"`
}

func showRegistrationToken(t gatehouse.RegistrationToken) registrationToken {
	return registrationToken{ID: t.ID, Name: t.Name, Left: t.Left, CreatedBy: t.CreatedBy, CreatedAt: t.CreatedAt, ExpiresAt: t.ExpiresAt}
}

func (a *API) listRegistrationTokens(ctx context.Context, _ caller, _ *struct{}) (Page[registrationToken], error) {
	return view(ctx, a, "registration tokens", func(tx *store.Tx) (Page[registrationToken], error) {
		all, err := tx.RegistrationTokens()
		return whole(all, showRegistrationToken), err
	})
}

type newRegistrationToken struct {
	Body struct {
		Name      string    `json:"name" maxLength:"100"`
		Uses      int64     `json:"uses,omitempty" required:"false" minimum:"1" maximum:"10000" doc:"Default 1"`
		ExpiresAt time.Time `json:"expires_at,omitzero" required:"false" doc:"At most a year from now; default: a week"`
	}
}

func (a *API) createRegistrationToken(ctx context.Context, by caller, in *newRegistrationToken) (registrationToken, error) {
	return update(ctx, a, "make a registration token", func(tx *store.Tx) (registrationToken, error) {
		secret, t, err := op.NewRegistrationToken(tx, by.actor, gatehouse.RegistrationToken{Name: in.Body.Name, Left: in.Body.Uses, ExpiresAt: in.Body.ExpiresAt})
		told := showRegistrationToken(t)
		told.Token = secret
		return told, err
	})
}

type ofRegistrationToken struct {
	Token string `path:"token" maxLength:"64" doc:"The id of the token"`
}

// endRegistrationToken answers with the tokens that are left.
func (a *API) endRegistrationToken(ctx context.Context, by caller, in *ofRegistrationToken) (Page[registrationToken], error) {
	return update(ctx, a, "end a registration token", func(tx *store.Tx) (Page[registrationToken], error) {
		if err := op.EndRegistrationToken(tx, by.actor, in.Token); err != nil {
			return Page[registrationToken]{}, err
		}
		all, err := tx.RegistrationTokens()
		return whole(all, showRegistrationToken), err
	})
}
