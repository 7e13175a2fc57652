package api

import (
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/pats"
	"gatehouse/internal/provided"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// The names of how callers are known besides their session, in the description.
const (
	bearerScheme  = "token"
	privateScheme = "private_token"
	clientScheme  = "client"
)

func (a *API) securitySchemes() map[string]*huma.SecurityScheme {
	return map[string]*huma.SecurityScheme{
		sessionScheme: {
			Type: "apiKey", In: "cookie", Name: a.cookieName(),
			Description: "The session of somebody who is signed in with a browser.",
		},
		bearerScheme: {
			Type: "http", Scheme: "bearer",
			Description: "A personal access token (gthp_…), which people make on their page Applications. x-scope is the scope that an address needs.",
		},
		privateScheme: {
			Type: "apiKey", In: "header", Name: "PRIVATE-TOKEN", Description: "The same token in GitLab's header.",
		},
		clientScheme: {
			Type: "oauth2", Description: "An application asks for itself.",
			Flows: &huma.OAuthFlows{ClientCredentials: &huma.OAuthFlow{
				TokenURL: a.base() + "/oauth/token", Scopes: map[string]string{provided.Scope: "The tokens of people who allowed it"},
			}},
		},
	}
}

// security says in the description how callers of an address are known.
func (rt route) security() []map[string][]string {
	all := []map[string][]string{{bearerScheme: {}}, {privateScheme: {}}}
	if !rt.may.tokens {
		all = append([]map[string][]string{{sessionScheme: {}}}, all...)
	}
	if rt.may.client != "" {
		all = append(all, map[string][]string{clientScheme: {rt.may.client}})
	}
	return all
}

// tokenOf is the token of a request, "" when it brings none.
func tokenOf(r *http.Request) (string, error) {
	bearer, private := r.Header.Values("Authorization"), r.Header.Values("PRIVATE-TOKEN")
	if len(bearer) > 1 || len(private) > 1 {
		return "", gatehouse.Errorf(gatehouse.Invalid, "The request brings more than one token. Send one.")
	}
	if len(bearer) == 0 && len(private) == 0 {
		return "", nil
	}
	var value string
	if len(bearer) == 1 {
		scheme, rest, ok := strings.Cut(strings.TrimLeft(bearer[0], " "), " ")
		if value = strings.TrimSpace(rest); !ok || !strings.EqualFold(scheme, "Bearer") || value == "" {
			return "", gatehouse.Errorf(gatehouse.Unauthorized, "The Authorization header is not one that is understood here. Write: Authorization: Bearer TOKEN.")
		}
	}
	switch {
	case len(private) == 0:
		return value, nil
	case value != "" && value != private[0]:
		return "", gatehouse.Errorf(gatehouse.Invalid, "The request brings more than one token. Send one.")
	case !pats.Is(private[0]): // as in GitLab, only personal tokens come this way
		return "", gatehouse.Errorf(gatehouse.Unauthorized, "No such token is known here. See that all of it was copied.")
	}
	return private[0], nil
}

// byPersonalToken lets a token act for its owner, as long as they may come in.
func (a *API) byPersonalToken(r *http.Request, secret string) (caller, error) {
	var t gatehouse.PersonalToken
	var u gatehouse.User
	err := a.Store.View(r.Context(), func(tx *store.Tx) (err error) {
		t, u, err = pats.Look(tx, secret)
		return err
	})
	if err != nil {
		return caller{}, err
	}
	if u.State != gatehouse.UserActive {
		return caller{}, gatehouse.Errorf(gatehouse.Unauthorized, "The account of this token may not come in now. Ask an administrator.")
	}
	address := ui.ClientAddress(r)
	a.Personal.Touch(r.Context(), t, a.UI.Clock.Now(), address)
	return caller{
		user: u, token: true, scopes: t.Scopes,
		actor: gatehouse.Actor{Kind: gatehouse.ActorUser, ID: u.ID, Name: u.Username, Address: address},
	}, nil
}

// byClientToken lets an application ask for itself. The tokens by which
// applications act for people are not taken here: people allowed them GitLab's
// API, and not what an administrator may do.
func (a *API) byClientToken(r *http.Request, value string) (caller, error) {
	var c gatehouse.Client
	t, _, err := a.Provider.LiveAccess(r.Context(), value)
	if err == nil && t.Grant.UserID == "" {
		err = a.Store.View(r.Context(), func(tx *store.Tx) (err error) {
			c, err = tx.Client(t.Grant.ClientID)
			return err
		})
	}
	switch {
	case errors.Is(err, gatehouse.NotFound):
		return caller{}, gatehouse.Errorf(gatehouse.Unauthorized, "No such token is known here, or it has ended.")
	case err != nil:
		return caller{}, err
	case t.Grant.UserID != "":
		return caller{}, gatehouse.Errorf(gatehouse.Forbidden, "A token that an application got at a sign-in is not taken here. Use a personal access token.")
	}
	return caller{
		token: true, client: c.ID, scopes: t.Grant.Scopes,
		actor: gatehouse.Actor{Kind: gatehouse.ActorClient, ID: c.ID, Name: c.Name, Address: ui.ClientAddress(r)},
	}, nil
}
