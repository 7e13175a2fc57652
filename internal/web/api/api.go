// Package api is the REST API under /api/v1: what the dashboard shows, for
// programs. It is described by OpenAPI 3.1 at /api/v1/openapi.json, errors are
// problem+json (RFC 9457), lists come a page at a time. It decides nothing:
// every address asks first who is there and what they may do, reads or calls
// the same functions as the dashboard, and writes JSON.
package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/apps"
	"gatehouse/internal/op"
	"gatehouse/internal/pats"
	"gatehouse/internal/provided"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
	"gatehouse/internal/web/ui"
)

// Keeper looks after connectors: access.Service.
type Keeper interface {
	SyncNow(tx *store.Tx, by gatehouse.Actor, connectorID string) (jobID string, err error)
	Release(tx *store.Tx, by gatehouse.Actor, pullID string) error
	Pause(tx *store.Tx, by gatehouse.Actor, connectorID string) error
	Resume(tx *store.Tx, by gatehouse.Actor, connectorID string) error
	Put(ctx context.Context, by gatehouse.Actor, c gatehouse.Connector) (gatehouse.Connector, error)
	Remove(tx *store.Tx, by gatehouse.Actor, connectorID string, seen time.Time, forget bool) error
	NextSync(c gatehouse.Connector) time.Time
	NewHookSecret(tx *store.Tx, by gatehouse.Actor, connectorID string) (secret string, err error)
}

// API answers programs. All fields are needed but those that say otherwise.
type API struct {
	UI       *ui.UI // turns errors into problem+json, and logs them
	Store    *store.Store
	Sessions *session.Manager
	Users    *users.Users
	Access   Keeper
	Findings Answerer
	Apps     *apps.Apps
	Provided *provided.Provided
	Personal *pats.Tokens
	Provider *op.Provider // knows the access tokens of applications
	Invites  Inviter
	Locks    Locks
	Proofs   Prover
	Matches  access.Matches // whose accounts are
	// MailReady says whether mail reaches anybody; nil: it does not.
	MailReady func() bool
	URL       string // what programs are told as our address; the Host of a request never is
}

const (
	prefix      = "/api/v1"
	openAPIPath = prefix + "/openapi.json"
)

// Mount adds everything under /api/v1, the answers to addresses that do not
// exist too. It panics when the description of an address is wrong, which
// depends on the code alone.
func (a *API) Mount(mux *http.ServeMux) {
	own := http.NewServeMux()
	own.Handle("GET "+openAPIPath, a.describe(a.mountOn(own)))
	mux.Handle(prefix+"/", a.guard(own))
}

// mountOn adds all addresses but that of their description, which it returns.
func (a *API) mountOn(own *http.ServeMux) *huma.OpenAPI {
	h := humago.New(own, a.config())
	a.mountPeople(h)
	a.mountApps(h)
	a.mountConnections(h)
	a.mountSignUp(h)
	a.mountConnectors(h)
	a.mountKeeping(h)
	a.mountNews(h)
	a.mountCertificates(h)
	a.mountReach(h)
	a.mountFindings(h)
	a.mountHistory(h)
	a.mountProviderTokens(h)
	a.mountPersonalTokens(h)
	a.mountRegistration(h)
	a.mountActing(h)
	for _, name := range []string{"ErrorModel", "ErrorDetail"} { // huma's own, which we never send
		delete(h.OpenAPI().Components.Schemas.Map(), name)
	}
	return h.OpenAPI()
}

func (a *API) base() string { return strings.TrimSuffix(a.URL, "/") }

// config is how the API describes itself. What huma would add by itself is left
// out: pages that load scripts from elsewhere, and links made of the Host.
func (a *API) config() huma.Config {
	c := huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Gatehouse", Version: "1",
				Description: "People, the ways in and out, connected apps and who reaches what in them. Fields may be added to answers at any time.",
			},
			Servers: []*huma.Server{{URL: a.base()}},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
				SecuritySchemes: a.securitySchemes(),
			},
		},
		Formats:                      map[string]huma.Format{"application/json": problemFormat(), "json": problemFormat()},
		DefaultFormat:                "application/json",
		RejectUnknownQueryParameters: true, // a misspelt filter must not show more than was asked for
		Transformers:                 []huma.Transformer{withoutValues},
	}
	c.AllowAdditionalPropertiesByDefault = true
	return c
}

// describe serves the description of the API, which tells nothing of this
// installation but its address and so is open to everybody.
func (a *API) describe(d *huma.OpenAPI) http.Handler {
	b, err := json.Marshal(d)
	if err != nil {
		panic(fmt.Sprintf("api: describe: %v", err))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-cache")
		send(w, r, http.StatusOK, "application/openapi+json", b)
	})
}

// view runs the questions of one answer on one picture of the database.
func view[T any](ctx context.Context, a *API, what string, fn func(tx *store.Tx) (T, error)) (v T, err error) {
	return run(ctx, a.Store.View, "read "+what, fn)
}

// update is view for what changes something.
func update[T any](ctx context.Context, a *API, what string, fn func(tx *store.Tx) (T, error)) (v T, err error) {
	return run(ctx, a.Store.Update, what, fn)
}

func run[T any](ctx context.Context, in func(context.Context, func(*store.Tx) error) error, what string, fn func(tx *store.Tx) (T, error)) (v T, err error) {
	err = in(ctx, func(tx *store.Tx) (err error) {
		v, err = fn(tx)
		return err
	})
	if err != nil {
		return v, fmt.Errorf("%s: %w", what, err)
	}
	return v, nil
}
