package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/pats"
	"gatehouse/internal/provided"
)

func (a *API) mountProviderTokens(h huma.API) {
	serve(a, h, route{
		path: "/users/{user}/provider_tokens/{connection}", id: "getProviderToken", tag: "users",
		summary: "The token by which to act for a user at a provider they sign in with; renewed when it is due, and only if they allowed it",
		may:     may{anyone: true, tokens: true, client: provided.Scope}, scope: pats.API,
	}, a.getProviderToken)
}

type ofProviderToken struct {
	User       string `path:"user" maxLength:"64" doc:"The id or the number of the user"`
	Connection string `path:"connection" maxLength:"64" doc:"The name of the connection"`
}

// providerToken is a provider's token for programs.
type providerToken struct {
	AccessToken string    `json:"access_token"`
	TokenType   string    `json:"token_type" doc:"Bearer. DingTalk takes it in the header x-acs-dingtalk-access-token"`
	Scopes      []string  `json:"scopes" nullable:"false" doc:"As the provider told; empty when it did not"`
	ExpiresAt   time.Time `json:"expires_at,omitzero" required:"false" doc:"Absent when the provider did not say"`
	RefreshedAt time.Time `json:"refreshed_at,omitzero" required:"false" doc:"Absent while it is as the sign-in brought it"`
	Connection  string    `json:"connection" doc:"The name of the connection"`
	Kind        string    `json:"kind" doc:"What provider it is: gitlab, dingtalk …"`
	Subject     string    `json:"subject" doc:"The provider's id of the person"`
}

// secret keeps the answer's ETag away.
func (providerToken) secret() {}

func (a *API) getProviderToken(ctx context.Context, by caller, in *ofProviderToken) (providerToken, error) {
	g, err := a.Provided.Give(ctx, provided.Asker{
		Actor: by.actor, ClientID: by.client, Administrator: by.user.Role == gatehouse.RoleSuperAdministrator,
	}, in.User, in.Connection)
	if err != nil {
		return providerToken{}, err
	}
	return providerToken{
		AccessToken: g.Access, TokenType: "Bearer", Scopes: orEmpty(g.Scopes), ExpiresAt: g.ExpiresAt, RefreshedAt: g.RefreshedAt,
		Connection: g.Connection.Name, Kind: g.Connection.Kind, Subject: g.Subject,
	}, nil
}
