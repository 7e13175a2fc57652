package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/apps"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
)

func (a *API) mountConnections(h huma.API) {
	const path, one, tag = "/connections", "/connections/{connection}", "connections"
	serve(a, h, route{path: path, id: "listConnections", tag: tag, summary: "The apps that people sign in with", may: readers()}, a.listConnections)
	serve(a, h, route{path: one, id: "getConnection", tag: tag, summary: "A connection", may: readers()}, a.getConnection)
	serve(a, h, route{method: http.MethodPost, path: path, id: "addConnection", tag: tag, summary: "Add a connection", status: http.StatusCreated, may: owners()}, a.addConnection)
	serve(a, h, route{method: http.MethodPatch, path: one, id: "changeConnection", tag: tag, summary: "Change what is named of a connection; one of the configuration file cannot be changed here", may: owners()}, a.changeConnection)
	serve(a, h, route{method: http.MethodDelete, path: one, id: "removeConnection", tag: tag, summary: "Remove a connection by which nobody is known", may: owners()}, a.removeConnection)
	serve(a, h, route{path: "/kinds", id: "listKinds", tag: tag, summary: "The kinds of connections that can be added, and their settings", may: readers()}, a.listKinds)
}

// connection is a Connection for programs, without its secret. Of its args only
// those are told which its kind knows to hold none.
type connection struct {
	ID        string         `json:"id" format:"uuid"`
	Name      string         `json:"name"`
	Kind      string         `json:"kind"`
	Label     string         `json:"label"`
	Icon      string         `json:"icon" doc:"Empty: the kind's"`
	Enabled   bool           `json:"enabled"`
	AppID     string         `json:"app_id" doc:"Our client_id there"`
	HasSecret bool           `json:"has_secret" doc:"A client secret is set; it is never told"`
	BuiltIn   bool           `json:"built_in" doc:"It has the credentials of the stand-in that development brings along"`
	Args      map[string]any `json:"args" doc:"Settings of the kind (see /kinds), as far as they may be told"`
	Callback  string         `json:"callback" format:"uri" doc:"The redirect URI to register there"`
	Rules     rules          `json:"rules"`
	NewPeople string         `json:"new_people" enum:"off,link_only,request_access,create_pending,create" doc:"What the rules amount to for people whom nobody here knows"`
	ManagedBy string         `json:"managed_by" enum:"file,dashboard"`
	CreatedAt time.Time      `json:"created_at"`
	UpdatedAt time.Time      `json:"updated_at"`
}

// rules are ConnectionRules for programs. The fields are the same, so that the
// one becomes the other by a conversion and none can be forgotten.
type rules struct {
	AllowSingleSignOn      bool     `json:"allow_single_sign_on"`
	BlockAutoCreatedUsers  bool     `json:"block_auto_created_users"`
	AutoLinkUser           bool     `json:"auto_link_user"`
	External               bool     `json:"external"`
	SyncProfile            bool     `json:"sync_profile_from_provider"`
	SyncProfileAttributes  []string `json:"sync_profile_attributes" nullable:"false"`
	RequestAccess          bool     `json:"request_access"`
	TrustedDomains         []string `json:"trusted_domains" nullable:"false"`
	LinkOnly               bool     `json:"link_only"`
	AllowBypassTwoFactor   bool     `json:"allow_bypass_two_factor"`
	AutoSignInWithProvider bool     `json:"auto_sign_in_with_provider"`
	ForgetTokens           bool     `json:"forget_tokens" doc:"The tokens that it gives are not kept for applications"`
}

// OfConnection names a connection.
type OfConnection struct {
	Connection string `path:"connection" maxLength:"255" doc:"The name or the id of the connection"`
}

func (in OfConnection) find(tx *store.Tx) (gatehouse.Connection, error) {
	c, err := tx.ConnectionByName(in.Connection)
	if errors.Is(err, gatehouse.NotFound) {
		return tx.Connection(in.Connection)
	}
	return c, err
}

func (a *API) listConnections(ctx context.Context, _ caller, _ *none) (Page[connection], error) {
	return view(ctx, a, "connections", func(tx *store.Tx) (Page[connection], error) {
		found, err := tx.Connections()
		return whole(found, a.showConnection), err
	})
}

func (a *API) getConnection(ctx context.Context, _ caller, in *OfConnection) (connection, error) {
	return view(ctx, a, "connection", func(tx *store.Tx) (connection, error) {
		c, err := in.find(tx)
		return a.showConnection(c), err
	})
}

func (a *API) showConnection(c gatehouse.Connection) connection {
	r := rules(c.Rules)
	r.SyncProfileAttributes, r.TrustedDomains = orEmpty(r.SyncProfileAttributes), orEmpty(r.TrustedDomains)
	k, _ := a.Apps.Kind(c.Kind)
	return connection{
		ID: c.ID, Name: c.Name, Kind: c.Kind, Label: c.Label, Icon: c.Icon, Enabled: c.Enabled, AppID: c.AppID, HasSecret: c.AppSecret != "",
		BuiltIn: c.BuiltIn, Args: k.Form.Shown(c.Args),
		Callback: a.base() + "/users/auth/" + url.PathEscape(c.Name) + "/callback", Rules: r, NewPeople: string(c.Rules.NewPeople()),
		ManagedBy: string(c.Managed), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
}

// Settings are what can be set of a connection. What is absent stays as it is.
type Settings struct {
	_         struct{}       `json:"-" additionalProperties:"false"`
	Label     *string        `json:"label,omitempty"`
	Icon      *string        `json:"icon,omitempty"`
	Enabled   *bool          `json:"enabled,omitempty"`
	AppID     *string        `json:"app_id,omitempty"`
	AppSecret *string        `json:"app_secret,omitempty" doc:"Written only; empty: the one that is set stays"`
	BuiltIn   *bool          `json:"built_in,omitempty"`
	Args      map[string]any `json:"args,omitempty" doc:"Merged into the settings of the kind: null takes one away (RFC 7396)"`
	Rules     *RuleSettings  `json:"rules,omitempty"`
	NewPeople *string        `json:"new_people,omitempty" enum:"off,link_only,request_access,create_pending,create" doc:"Sets the rules for new people, after those under rules"`
}

// RuleSettings are what can be set of the rules.
type RuleSettings struct {
	_                      struct{}  `json:"-" additionalProperties:"false"`
	AllowSingleSignOn      *bool     `json:"allow_single_sign_on,omitempty"`
	BlockAutoCreatedUsers  *bool     `json:"block_auto_created_users,omitempty"`
	AutoLinkUser           *bool     `json:"auto_link_user,omitempty"`
	External               *bool     `json:"external,omitempty"`
	SyncProfile            *bool     `json:"sync_profile_from_provider,omitempty"`
	SyncProfileAttributes  *[]string `json:"sync_profile_attributes,omitempty"`
	RequestAccess          *bool     `json:"request_access,omitempty"`
	TrustedDomains         *[]string `json:"trusted_domains,omitempty"`
	LinkOnly               *bool     `json:"link_only,omitempty"`
	AllowBypassTwoFactor   *bool     `json:"allow_bypass_two_factor,omitempty"`
	AutoSignInWithProvider *bool     `json:"auto_sign_in_with_provider,omitempty"`
	ForgetTokens           *bool     `json:"forget_tokens,omitempty"`
}

// set overwrites to where there is something.
func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// over puts the settings over a connection. Only what is named here can be set.
func (s Settings) over(c *gatehouse.Connection) {
	set(&c.Label, s.Label)
	set(&c.Icon, s.Icon)
	set(&c.Enabled, s.Enabled)
	set(&c.AppID, s.AppID)
	set(&c.AppSecret, s.AppSecret)
	set(&c.BuiltIn, s.BuiltIn)
	c.Args = merged(c.Args, s.Args)
	if r := s.Rules; r != nil {
		set(&c.Rules.AllowSingleSignOn, r.AllowSingleSignOn)
		set(&c.Rules.BlockAutoCreatedUsers, r.BlockAutoCreatedUsers)
		set(&c.Rules.AutoLinkUser, r.AutoLinkUser)
		set(&c.Rules.External, r.External)
		set(&c.Rules.SyncProfile, r.SyncProfile)
		set(&c.Rules.SyncProfileAttributes, r.SyncProfileAttributes)
		set(&c.Rules.RequestAccess, r.RequestAccess)
		set(&c.Rules.TrustedDomains, r.TrustedDomains)
		set(&c.Rules.LinkOnly, r.LinkOnly)
		set(&c.Rules.AllowBypassTwoFactor, r.AllowBypassTwoFactor)
		set(&c.Rules.AutoSignInWithProvider, r.AutoSignInWithProvider)
		set(&c.Rules.ForgetTokens, r.ForgetTokens)
	}
	if s.NewPeople != nil {
		c.Rules.SetNewPeople(gatehouse.NewPeople(*s.NewPeople))
	}
}

// merged is a JSON merge patch (RFC 7396) of tables.
func merged(args, patch map[string]any) map[string]any {
	all := maps.Clone(args)
	if all == nil {
		all = map[string]any{}
	}
	for name, v := range patch {
		table, ok := v.(map[string]any)
		switch {
		case v == nil:
			delete(all, name)
		case ok:
			below, _ := all[name].(map[string]any)
			all[name] = merged(below, table)
		default:
			all[name] = v
		}
	}
	return all
}

// addInput is a connection to add.
type addInput struct {
	Body struct {
		Settings
		_    struct{} `json:"-" additionalProperties:"false"`
		Kind string   `json:"kind" maxLength:"64" doc:"See /kinds"`
		Name string   `json:"name,omitempty" maxLength:"64" doc:"Stands in the callback address and never changes; absent: made of the kind"`
	}
}

func (a *API) addConnection(ctx context.Context, by caller, in *addInput) (connection, error) {
	if err := a.fresh(by); err != nil {
		return connection{}, err
	}
	var draft gatehouse.Connection
	err := a.Store.View(ctx, func(tx *store.Tx) (err error) {
		draft, err = a.Apps.NewConnection(tx, in.Body.Kind)
		return err
	})
	if err != nil {
		return connection{}, told(ctx, fmt.Errorf("add a connection: %w", err))
	}
	if in.Body.Name != "" {
		draft.Name = in.Body.Name
	}
	in.Body.over(&draft)
	return a.saveConnection(ctx, by, func(*store.Tx) (gatehouse.Connection, error) { return draft, nil })
}

// changeInput is a change of a connection. If-Match is the ETag of the state
// that was seen; without it the last one wins.
type changeInput struct {
	OfConnection
	IfMatch string `header:"If-Match" maxLength:"200" doc:"The ETag of the connection as it was seen: when somebody changed it since, nothing is changed (412)"`
	Body    Settings
}

func (a *API) changeConnection(ctx context.Context, by caller, in *changeInput) (connection, error) {
	return a.saveConnection(ctx, by, func(tx *store.Tx) (gatehouse.Connection, error) {
		c, err := in.find(tx)
		if err != nil {
			return c, err
		}
		if err := unchanged(ctx, in.IfMatch, a.showConnection(c)); err != nil {
			return c, err
		}
		c.AppSecret = "" // stays, unless it is set
		was := apps.WhoComesIn(c)
		in.Body.over(&c)
		if c.AppSecret != "" || apps.WhoComesIn(c) != was {
			return c, a.fresh(by)
		}
		return c, nil
	})
}

// saveConnection saves what draft gives, once it is known that we may connect to
// its addresses.
func (a *API) saveConnection(ctx context.Context, by caller, draft func(*store.Tx) (gatehouse.Connection, error)) (connection, error) {
	c, err := view(ctx, a, "connection", draft)
	if err == nil {
		err = a.Apps.CheckAddresses(ctx, c)
	}
	if err != nil {
		return connection{}, told(ctx, err)
	}
	c, err = update(ctx, a, "save a connection", func(tx *store.Tx) (gatehouse.Connection, error) {
		c, err := draft(tx)
		if err != nil {
			return c, err
		}
		return a.Apps.SaveConnection(tx, by.actor, c)
	})
	return a.showConnection(c), told(ctx, err)
}

// removeInput names a connection to remove, in the state that was seen.
type removeInput struct {
	OfConnection
	IfMatch string `header:"If-Match" maxLength:"200" doc:"As for a change"`
}

// removed says what is gone.
type removed struct {
	ID   string `json:"id" format:"uuid"`
	Name string `json:"name"`
}

func (a *API) removeConnection(ctx context.Context, by caller, in *removeInput) (removed, error) {
	return update(ctx, a, "remove a connection", func(tx *store.Tx) (removed, error) {
		c, err := in.find(tx)
		if err != nil {
			return removed{}, err
		}
		if err := unchanged(ctx, in.IfMatch, a.showConnection(c)); err != nil {
			return removed{}, err
		}
		return removed{ID: c.ID, Name: c.Name}, a.Apps.RemoveConnection(tx, by.actor, c.ID, c.UpdatedAt)
	})
}

// unchanged compares an If-Match with what would be answered to a GET now (RFC
// 9110 section 13.1.1).
func unchanged(ctx context.Context, ifMatch string, shown any) error {
	if ifMatch == "" {
		return nil
	}
	b, err := json.Marshal(shown)
	if err != nil {
		return fmt.Errorf("compare with If-Match: %w", err)
	}
	if slices.ContainsFunc(strings.Split(ifMatch, ","), func(tag string) bool {
		tag = strings.TrimSpace(tag)
		return tag == "*" || tag == etag(b)
	}) {
		return nil
	}
	return newProblem(ctx, http.StatusPreconditionFailed, "conflict", i18n.Text(ctx, "Somebody was faster"),
		i18n.Text(ctx, "It was changed in the meantime, so nothing was done. Ask for it again, and repeat your change if it is still needed."))
}

// told makes what is wrong with settings a problem that names them.
func told(ctx context.Context, err error) error {
	var problems apps.Problems
	if !errors.As(err, &problems) {
		return err
	}
	status, code := http.StatusUnprocessableEntity, string(gatehouse.Invalid)
	if errors.Is(err, gatehouse.Conflict) {
		status, code = http.StatusConflict, string(gatehouse.Conflict)
	}
	p := newProblem(ctx, status, code, i18n.Text(ctx, "That did not work"),
		i18n.Text(ctx, "Something in the request is not right. Correct what stands under errors, and send it again."))
	for _, one := range problems {
		p.Errors = append(p.Errors, wrongInput{
			Location: strings.TrimSuffix("body."+one.Field, "."), Message: i18n.Text(ctx, one.Err.Message, one.Err.Args...),
		})
	}
	return p
}

// kind is a kind of connections for programs.
type kind struct {
	Name    string        `json:"name"`
	Title   string        `json:"title"`
	Summary string        `json:"summary" doc:"In the language of Accept-Language, as all texts here"`
	AliasOf string        `json:"alias_of,omitempty" doc:"It is another name for this kind"`
	BuiltIn bool          `json:"built_in" doc:"Built-in credentials exist, for development"`
	Scopes  string        `json:"scopes" doc:"Asked for when none are set"`
	Guide   []string      `json:"guide" nullable:"false" doc:"What to do at the provider first"`
	Fields  []kindSetting `json:"settings" nullable:"false"`
}

// kindSetting is one of the settings of a kind.
type kindSetting struct {
	Arg         string   `json:"arg" doc:"Where it stands in args; dots lead into tables"`
	Label       string   `json:"label"`
	Help        string   `json:"help"`
	Type        string   `json:"type" enum:"text,url,words,lines,choice,flag,secret,pick"`
	Usual       string   `json:"usual" doc:"What its absence means"`
	Placeholder string   `json:"placeholder"`
	Choices     []string `json:"choices,omitempty"`
	Required    bool     `json:"required"`
}

func (a *API) listKinds(ctx context.Context, _ caller, _ *none) (Page[kind], error) {
	var all []integration.Kind
	for _, k := range a.Apps.Kinds {
		if k.OpenConnection != nil {
			all = append(all, k)
		}
	}
	return whole(all, func(k integration.Kind) kind { return a.showKind(ctx, k) }), nil
}

func (a *API) showKind(ctx context.Context, k integration.Kind) kind {
	text := func(english string) string { return i18n.T(i18n.From(ctx), english) }
	_, builtIn := a.Apps.BuiltIn[k.Name]
	return kind{
		Name: k.Name, Title: text(k.Title), Summary: text(k.Form.Summary), AliasOf: k.Form.AliasOf, BuiltIn: builtIn, Scopes: k.Form.Scopes,
		Guide:  shown(k.Form.Guide, text),
		Fields: shown(k.Form.All(), func(f integration.Field) kindSetting { return showField(text, f) }),
	}
}

// showField is a setting of a form, in the language of text.
func showField(text func(english string) string, f integration.Field) kindSetting {
	v := kindSetting{
		Arg: f.Arg, Label: text(f.Label), Help: text(f.Help), Type: string(f.Type), Usual: f.Usual, Placeholder: f.Placeholder, Required: f.Required,
	}
	if v.Type == "" {
		v.Type = "text"
	}
	for _, c := range f.Choices {
		v.Choices = append(v.Choices, c.Value)
	}
	return v
}
