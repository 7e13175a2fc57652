package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/op"
	"gatehouse/internal/provided"
	"gatehouse/internal/store"
)

// mountActing adds what may act for a person besides their own tokens.
func (a *API) mountActing(h huma.API) {
	serve(a, h, route{path: "/users/{user}/applications", id: "listUserApplications", tag: "users", summary: "The apps that may act for a user: those they allowed something, and those that have tokens", may: readers()}, a.listApplications)
	serve(a, h, route{
		method: http.MethodDelete, path: "/users/{user}/applications/{client}", id: "withdrawUserApplication", tag: "users", may: owners(),
		summary: "Take back all that a user allowed an app; its tokens for them end",
	}, a.withdrawApplication)
	serve(a, h, route{path: "/users/{user}/provider_tokens", id: "listProviderTokens", tag: "users", summary: "Which tokens of providers are kept for a user; never the tokens themselves", may: readers()}, a.listProviderTokens)
}

// application is a client as it concerns one person.
type application struct {
	ClientID string    `json:"client_id"`
	Name     string    `json:"name" doc:"The id again when the app is gone"`
	Asked    bool      `json:"asked" doc:"The person was asked; false: it is trusted"`
	Scopes   []string  `json:"scopes" nullable:"false" doc:"That the person allowed"`
	Tokens   bool      `json:"tokens" doc:"It has tokens that are good now"`
	At       time.Time `json:"at" doc:"When they allowed it, or else when it got its newest token"`
}

func showApplication(p op.Application) application {
	return application{ClientID: p.Client.ID, Name: p.Client.Name, Asked: p.Scopes != nil, Scopes: orEmpty(p.Scopes), Tokens: p.Tokens, At: p.At}
}

func applicationsOf(tx *store.Tx, userID string) (Page[application], error) {
	all, err := op.Applications(tx, userID)
	return whole(all, showApplication), err
}

func (a *API) listApplications(ctx context.Context, _ caller, in *ofUser) (Page[application], error) {
	return view(ctx, a, "applications", func(tx *store.Tx) (Page[application], error) {
		u, err := in.find(tx)
		if err != nil {
			return Page[application]{}, err
		}
		return applicationsOf(tx, u.ID)
	})
}

type ofApplication struct {
	User   string `path:"user" maxLength:"64" doc:"The id or the number of the user"`
	Client string `path:"client" maxLength:"255" doc:"The Application ID"`
}

// withdrawApplication answers with the apps that are left.
func (a *API) withdrawApplication(ctx context.Context, by caller, in *ofApplication) (Page[application], error) {
	return update(ctx, a, "withdraw an application", func(tx *store.Tx) (Page[application], error) {
		u, err := ofUser{User: in.User}.find(tx)
		if err != nil {
			return Page[application]{}, err
		}
		if err := op.Withdraw(tx, by.actor, u.ID, in.Client); err != nil {
			return Page[application]{}, err
		}
		return applicationsOf(tx, u.ID)
	})
}

// keptToken is what may be known of a provider's token without having it.
type keptToken struct {
	Connection string    `json:"connection" doc:"The name of the connection"`
	Subject    string    `json:"subject" doc:"The provider's id of the person"`
	Scopes     []string  `json:"scopes" nullable:"false"`
	KeptAt     time.Time `json:"kept_at"`
	ExpiresAt  time.Time `json:"expires_at,omitzero" required:"false" doc:"Absent: the provider did not say"`
	Renewed    bool      `json:"renewed" doc:"It is renewed before it ends, when it is used"`
	Reconnect  bool      `json:"reconnect_needed" doc:"It has ended, and only a new sign-in brings another"`
}

func showKept(k provided.Kept) keptToken {
	return keptToken{
		Connection: k.Connection.Name, Subject: k.Identity.Subject, Scopes: orEmpty(k.Scopes), KeptAt: k.KeptAt,
		ExpiresAt: k.ExpiresAt, Renewed: k.Renewed, Reconnect: k.Reconnect,
	}
}

func (a *API) listProviderTokens(ctx context.Context, _ caller, in *ofUser) (Page[keptToken], error) {
	return view(ctx, a, "provider tokens", func(tx *store.Tx) (Page[keptToken], error) {
		u, err := in.find(tx)
		if err != nil {
			return Page[keptToken]{}, err
		}
		all, err := provided.List(tx, u.ID)
		return whole(all, showKept), err
	})
}

type proveEmailInput struct {
	User string `path:"user" maxLength:"64" doc:"The id or the number of the user"`
	Body struct {
		Address string `json:"address" minLength:"1" maxLength:"254" doc:"One of the user's that is not verified yet"`
	}
}

// proveEmail mails the link by which a person verifies an address.
func (a *API) proveEmail(ctx context.Context, by caller, in *proveEmailInput) (user, error) {
	return a.change(ctx, "mail a link to verify an address", in.User, func(tx *store.Tx, id string) error {
		if err := a.mailReady(); err != nil {
			return err
		}
		return a.Proofs.SendProof(tx, by.actor, id, in.Body.Address, "")
	})
}

// mailReady refuses what would be mailed to nobody.
func (a *API) mailReady() error {
	if a.MailReady != nil && a.MailReady() {
		return nil
	}
	return gatehouse.Errorf(gatehouse.Conflict, "Mail is not set up here, so nothing can be mailed. Set it up under smtp in the configuration.")
}
