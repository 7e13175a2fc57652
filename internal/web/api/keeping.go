package api

import (
	"context"
	"maps"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
)

func (a *API) mountKeeping(h huma.API) {
	const path, one, tag = "/connectors", "/connectors/{connector}", "connectors"
	serve(a, h, route{path: "/connector_kinds", id: "listConnectorKinds", tag: tag, summary: "The kinds of connectors that can be added, and their settings", may: readers()}, a.listConnectorKinds)
	serve(a, h, route{method: http.MethodPost, path: path, id: "addConnector", tag: tag, summary: "Add a connector, once its app has let it in, and read it", status: http.StatusCreated, may: keepers()}, a.addConnector)
	serve(a, h, route{method: http.MethodPost, path: path + "/probe", id: "tryConnector", tag: tag, summary: "Ask an app who a token is there and what it may see; nothing is kept", may: keepers()}, a.tryConnector)
	serve(a, h, route{path: one + "/settings", id: "getConnectorSettings", tag: tag, summary: "What people set of a connector", may: readers()}, a.getConnectorSettings)
	serve(a, h, route{method: http.MethodPatch, path: one, id: "changeConnector", tag: tag, summary: "Change what is named of a connector; where and with what it reads is tried first", may: keepers()}, a.changeConnector)
	serve(a, h, route{method: http.MethodDelete, path: one, id: "removeConnector", tag: tag, summary: "Disconnect an app; what was read is kept, or deleted with the connector", may: keepers()}, a.removeConnector)
	serve(a, h, route{method: http.MethodPost, path: one + "/pause", id: "pauseConnector", tag: tag, summary: "Read nothing of an app until it is resumed; nothing is lost", may: keepers()}, a.pauseConnector)
	serve(a, h, route{method: http.MethodPost, path: one + "/resume", id: "resumeConnector", tag: tag, summary: "Read a paused app again", may: keepers()}, a.resumeConnector)
	serve(a, h, route{method: http.MethodPost, path: one + "/probe", id: "probeConnector", tag: tag, summary: "Ask the app again who the token is there and what it may see", may: keepers()}, a.probeConnector)
	serve(a, h, route{path: one + "/choices/{field}", id: "listChoices", tag: tag, summary: "What a setting can be, as the app says; at most 50", may: keepers()}, a.listChoices)
}

// sighting is a Sighting for programs.
type sighting struct {
	At        time.Time `json:"at,omitzero" required:"false"`
	Version   string    `json:"version"`
	Edition   string    `json:"edition"`
	Actor     string    `json:"actor" doc:"Whose token it is"`
	Admin     bool      `json:"admin" doc:"It sees everything"`
	Scopes    []string  `json:"scopes" nullable:"false"`
	ExpiresAt string    `json:"expires_at" doc:"Date of the token's end; empty: never, as far as is known"`
	Notes     []string  `json:"notes" nullable:"false" doc:"What is not seen"`
}

func showSighting(s gatehouse.Sighting) sighting {
	return sighting{
		At: s.At, Version: s.Version, Edition: s.Edition, Actor: s.Actor, Admin: s.Admin, Scopes: orEmpty(s.Scopes), ExpiresAt: s.ExpiresAt,
		Notes: shown(s.Notes, gatehouse.Note.Sentence),
	}
}

// connectorSettings are what people set of a Connector: a state that a sync does
// not change, so that its ETag is good for If-Match. Secrets are told by name alone.
type connectorSettings struct {
	ID        string            `json:"id" format:"uuid"`
	Key       string            `json:"key"`
	Kind      string            `json:"kind"`
	App       string            `json:"app" doc:"The app that it was added to: connection/ID, client/ID or connector/KEY; empty: one of its own"`
	Name      string            `json:"name"`
	URL       string            `json:"url"`
	HasToken  bool              `json:"has_token" doc:"A token is set; it is never told"`
	Secrets   []string          `json:"secrets" nullable:"false" doc:"Names of the further secrets that are set"`
	Settings  map[string]string `json:"settings" nullable:"false" doc:"Settings of the kind (see /connector_kinds)"`
	Owners    []string          `json:"owners" nullable:"false"`
	Schedule  string            `json:"schedule" doc:"An interval (1h) or a cron expression; empty: the default"`
	TimeZone  string            `json:"time_zone" doc:"Of a cron expression; empty: UTC"`
	ManagedBy string            `json:"managed_by" enum:"file,dashboard"`
	UpdatedAt time.Time         `json:"updated_at"`
}

// showSettings tells of the settings those that the kind's form names as no secret.
func (a *API) showSettings(c gatehouse.Connector) connectorSettings {
	v := connectorSettings{
		ID: c.ID, Key: c.Key, Kind: c.Kind, App: string(c.App), Name: c.Name, URL: c.URL, HasToken: c.Token != "", Secrets: []string{},
		Settings: map[string]string{}, Owners: orEmpty(c.Owners), Schedule: c.Schedule, TimeZone: c.TimeZone, ManagedBy: string(c.Managed), UpdatedAt: c.UpdatedAt,
	}
	k, _ := a.Apps.Kind(c.Kind)
	for _, f := range k.ConnectorForm.Fields {
		value, set := c.Settings[f.Arg]
		switch {
		case f.Type == integration.SecretField && c.Secrets[f.Arg] != "":
			v.Secrets = append(v.Secrets, f.Arg)
		case f.Type != integration.SecretField && set:
			v.Settings[f.Arg] = value
		}
	}
	return v
}

func (a *API) getConnectorSettings(ctx context.Context, _ caller, in *OfConnector) (connectorSettings, error) {
	return view(ctx, a, "connector", func(tx *store.Tx) (connectorSettings, error) {
		c, err := in.find(tx)
		return a.showSettings(c), err
	})
}

// ConnectorChange is what can be set of a connector. What is absent stays as it is.
type ConnectorChange struct {
	_        struct{}           `json:"-" additionalProperties:"false"`
	Name     *string            `json:"name,omitempty"`
	URL      *string            `json:"url,omitempty"`
	Token    *string            `json:"token,omitempty" doc:"Written only; empty: the one that is set stays"`
	Secrets  map[string]string  `json:"secrets,omitempty" doc:"Written only; those that are not named stay"`
	Settings map[string]*string `json:"settings,omitempty" doc:"Merged: null takes one away"`
	Owners   *[]string          `json:"owners,omitempty" doc:"E-mail addresses; who is added gets a mail"`
	Schedule *string            `json:"schedule,omitempty"`
	TimeZone *string            `json:"time_zone,omitempty"`
}

// over puts the change over a connector. It says whether a fresh proof of who
// asks is needed for it: where secrets go, and who looks after the app.
func (s ConnectorChange) over(c *gatehouse.Connector) (sensitive bool) {
	c.Token, c.Secrets, c.Seen = "", s.Secrets, gatehouse.Sighting{}
	set(&c.Name, s.Name)
	set(&c.URL, s.URL)
	set(&c.Token, s.Token)
	set(&c.Owners, s.Owners)
	set(&c.Schedule, s.Schedule)
	set(&c.TimeZone, s.TimeZone)
	c.Settings = maps.Clone(c.Settings)
	if c.Settings == nil {
		c.Settings = map[string]string{}
	}
	for name, value := range s.Settings {
		delete(c.Settings, name)
		if value != nil {
			c.Settings[name] = *value
		}
	}
	return s.URL != nil || c.Token != "" || len(s.Secrets) > 0 || s.Owners != nil
}

// addConnectorInput is a connector to add.
type addConnectorInput struct {
	Body struct {
		ConnectorChange
		_    struct{} `json:"-" additionalProperties:"false"`
		Kind string   `json:"kind" maxLength:"64" doc:"See /connector_kinds"`
		Key  string   `json:"key,omitempty" maxLength:"64" doc:"Stands in addresses and never changes; absent: made of the kind"`
		App  string   `json:"app,omitempty" maxLength:"255" doc:"The app that it is added to: connection/ID, client/ID or connector/KEY; absent: a new one"`
	}
}

// draft is the connector that is to be added.
func (a *API) draft(ctx context.Context, by caller, in *addConnectorInput) (c gatehouse.Connector, err error) {
	if err := a.fresh(by); err != nil {
		return c, err
	}
	c, err = view(ctx, a, "app", func(tx *store.Tx) (gatehouse.Connector, error) {
		return a.Apps.NewConnector(tx, in.Body.Kind, gatehouse.AppRef(in.Body.App))
	})
	if err != nil {
		return c, told(ctx, err)
	}
	if in.Body.Key != "" {
		c.Key = in.Body.Key
	}
	in.Body.over(&c)
	return c, nil
}

func (a *API) addConnector(ctx context.Context, by caller, in *addConnectorInput) (connector, error) {
	c, err := a.draft(ctx, by, in)
	if err != nil {
		return connector{}, err
	}
	return a.putConnector(ctx, by, c)
}

func (a *API) putConnector(ctx context.Context, by caller, c gatehouse.Connector) (connector, error) {
	saved, err := a.Access.Put(ctx, by.actor, c)
	if err != nil {
		return connector{}, told(ctx, err)
	}
	return view(ctx, a, "connector", func(tx *store.Tx) (connector, error) { return a.readConnector(tx, saved) })
}

func (a *API) tryConnector(ctx context.Context, by caller, in *addConnectorInput) (sighting, error) {
	c, err := a.draft(ctx, by, in)
	if err != nil {
		return sighting{}, err
	}
	seen, err := a.Apps.TryConnector(ctx, c)
	return showSighting(seen), told(ctx, err)
}

// changeConnectorInput is a change of a connector.
type changeConnectorInput struct {
	OfConnector
	IfMatch string `header:"If-Match" maxLength:"200" doc:"The ETag of its /settings as they were seen: when somebody changed them since, nothing is changed (412)"`
	Body    ConnectorChange
}

func (a *API) changeConnector(ctx context.Context, by caller, in *changeConnectorInput) (connector, error) {
	c, err := a.seenConnector(ctx, in.OfConnector, in.IfMatch)
	if err != nil {
		return connector{}, err
	}
	if in.Body.over(&c) {
		if err := a.fresh(by); err != nil {
			return connector{}, err
		}
	}
	return a.putConnector(ctx, by, c)
}

// seenConnector is a connector in the state that was seen.
func (a *API) seenConnector(ctx context.Context, of OfConnector, ifMatch string) (gatehouse.Connector, error) {
	return view(ctx, a, "connector", func(tx *store.Tx) (gatehouse.Connector, error) {
		c, err := of.find(tx)
		if err != nil {
			return c, err
		}
		return c, unchanged(ctx, ifMatch, a.showSettings(c))
	})
}

// removeConnectorInput names a connector to disconnect, in the state that was seen.
type removeConnectorInput struct {
	OfConnector
	IfMatch string `header:"If-Match" maxLength:"200" doc:"As for a change"`
	History string `query:"history" enum:"keep,delete" default:"keep" doc:"What becomes of what was read: it is kept, and the app can be connected again; or it is deleted with the connector"`
}

func (a *API) removeConnector(ctx context.Context, by caller, in *removeConnectorInput) (removed, error) {
	c, err := a.seenConnector(ctx, in.OfConnector, in.IfMatch)
	if err != nil {
		return removed{}, err
	}
	return update(ctx, a, "remove a connector", func(tx *store.Tx) (removed, error) {
		return removed{ID: c.ID, Name: c.Name}, a.Access.Remove(tx, by.actor, c.ID, c.UpdatedAt, in.History == "delete")
	})
}

func (a *API) pauseConnector(ctx context.Context, by caller, in *OfConnector) (connector, error) {
	return a.turnConnector(ctx, by, in, a.Access.Pause)
}

func (a *API) resumeConnector(ctx context.Context, by caller, in *OfConnector) (connector, error) {
	return a.turnConnector(ctx, by, in, a.Access.Resume)
}

func (a *API) turnConnector(ctx context.Context, by caller, in *OfConnector, turn func(*store.Tx, gatehouse.Actor, string) error) (connector, error) {
	return update(ctx, a, "change a connector", func(tx *store.Tx) (connector, error) {
		c, err := in.find(tx)
		if err != nil {
			return connector{}, err
		}
		if err := turn(tx, by.actor, c.ID); err != nil {
			return connector{}, err
		}
		if c, err = tx.Connector(c.ID); err != nil {
			return connector{}, err
		}
		return a.readConnector(tx, c)
	})
}

func (a *API) probeConnector(ctx context.Context, _ caller, in *OfConnector) (sighting, error) {
	c, err := a.seenConnector(ctx, *in, "")
	if err != nil {
		return sighting{}, err
	}
	seen, err := a.Apps.ProbeConnector(ctx, c.ID)
	return showSighting(seen), err
}

type choicesInput struct {
	OfConnector
	Field  string `path:"field" maxLength:"64" doc:"A setting of type pick (see /connector_kinds)"`
	Search string `query:"q" maxLength:"255"`
}

// choice is a value that a setting can have.
type choice struct {
	Value string `json:"value"`
	Label string `json:"label" doc:"In the app's own words"`
}

func (a *API) listChoices(ctx context.Context, _ caller, in *choicesInput) (Page[choice], error) {
	c, err := a.seenConnector(ctx, in.OfConnector, "")
	if err != nil {
		return Page[choice]{}, err
	}
	found, err := a.Apps.ConnectorChoices(ctx, c.ID, in.Field, in.Search)
	return whole(found, func(c integration.Choice) choice { return choice(c) }), err
}

// connectorKind is a kind of connectors for programs.
type connectorKind struct {
	Name     string        `json:"name"`
	Title    string        `json:"title"`
	Summary  string        `json:"summary" doc:"In the language of Accept-Language, as all texts here"`
	Guide    []string      `json:"guide" nullable:"false" doc:"What to do in the app first"`
	NeedsURL bool          `json:"needs_url"`
	Token    string        `json:"token" doc:"What the app calls the secret that is entered as token"`
	Fields   []kindSetting `json:"settings" nullable:"false" doc:"Those of type secret belong under secrets"`
}

func (a *API) listConnectorKinds(ctx context.Context, _ caller, _ *none) (Page[connectorKind], error) {
	var all []integration.Kind
	for _, k := range a.Apps.Kinds {
		if k.OpenConnector != nil {
			all = append(all, k)
		}
	}
	text := func(english string) string { return i18n.T(i18n.From(ctx), english) }
	return whole(all, func(k integration.Kind) connectorKind {
		f := k.ConnectorForm
		return connectorKind{
			Name: k.Name, Title: text(k.Title), Summary: text(f.Summary), Guide: shown(f.Guide, text), NeedsURL: f.URL.Required, Token: text(f.Token.Label),
			Fields: shown(f.Fields, func(f integration.Field) kindSetting { return showField(text, f) }),
		}
	}), nil
}
