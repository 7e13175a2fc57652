package connectors

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// showPage is a connector as it is.
type showPage struct {
	connectorRow
	desk.List
	By      gatehouse.User
	Kind    integration.Kind
	Pulls   []gatehouse.Pull
	Last    *gatehouse.Pull
	NextAt  time.Time // of the next sync by its schedule; zero: none
	AppName string    // of the app that it was added to; "" = one of its own
	AppHref string
	Done    string

	News        gatehouse.News
	Receives    bool // hooks of its app are taken
	HookAddress string
}

// mayEdit says whether the dashboard may change it, for this administrator.
func (p showPage) mayEdit() bool {
	return mayChange(p.By) && p.Managed != gatehouse.ManagedByFile
}

func (p showPage) isSecret(f integration.Field) bool { return f.Type == integration.SecretField }

// mayChoose says whether the app can be asked for values of a setting now.
func (p showPage) mayChoose(f integration.Field) bool {
	return f.Type == integration.PickField && p.mayEdit() && p.Enabled
}

// shown is the value of a setting in words. What is not set shows as what that
// means, "" for nothing.
func (p showPage) shown(ctx context.Context, f integration.Field) string {
	v := cmp.Or(p.Settings[f.Arg], f.Usual)
	if v == "" && len(f.Choices) > 0 {
		v = f.Choices[0].Value
	}
	switch {
	case f.Type != integration.FlagField:
	case v == "true":
		return i18n.Text(ctx, "yes")
	default:
		return i18n.Text(ctx, "no")
	}
	for _, c := range f.Choices {
		if c.Value == v {
			return text(ctx, c.Label)
		}
	}
	return v
}

// worthALine says whether a setting is listed: what is not set and means nothing
// only stands in the way of what is.
func (p showPage) worthALine(ctx context.Context, f integration.Field) bool {
	if p.isSecret(f) {
		return f.Required || p.Secrets[f.Arg] != ""
	}
	return f.Required || f.Type == integration.PickField || p.shown(ctx, f) != ""
}

// byToken says whether the app is read with the token of an account there. A
// directory is read with an application of the company.
func (p showPage) byToken() bool { return p.Connector.Kind != "dingtalk" }

// version of the app, with its edition unless the version says it.
func (p showPage) version() string {
	v, edition := p.Seen.Version, p.Seen.Edition
	if edition == "" || strings.HasSuffix(v, "-"+edition) {
		return v
	}
	return v + " " + strings.ToUpper(edition)
}

func (p showPage) byClock() bool {
	s, err := gatehouse.ParseSchedule(p.Schedule, p.TimeZone)
	return err == nil && s.ByClock()
}

// warnTime is how long before its end a token is warned of.
const warnTime = 30 * 24 * time.Hour

func (p showPage) tokenEndsSoon(ctx context.Context) bool {
	ends := p.Seen.TokenEnds()
	return p.Enabled && !ends.IsZero() && ui.Past(ctx, ends.Add(-warnTime))
}

// running says whether the page should look again by itself.
func (p showPage) running() bool {
	return p.PausedAt.IsZero() && (p.Status == gatehouse.ConnectorSyncing || p.Last != nil && p.Last.State == gatehouse.PullRunning)
}

// progress compares what a pull has read so far with what the app had before;
// total 0 means that nobody knows yet.
func (p showPage) progress() (done, total int64) {
	if p.Last == nil || p.Last.State != gatehouse.PullRunning {
		return 0, 0
	}
	g, c := p.Last.Progress, p.Counts
	return g.Accounts + g.Resources + g.Grants + g.Shares, c.Accounts + c.Resources + c.Grants + c.Shares
}

// held is the pull that waits for a person, nil when none does.
func (p showPage) held() *gatehouse.Pull {
	if p.Last == nil || p.Last.State != gatehouse.PullHeld {
		return nil
	}
	return p.Last
}

// refreshEvery is how often the page of a running pull is asked for again, in seconds.
const refreshEvery = 2

func (a *Connectors) show(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	p := showPage{By: by, List: desk.NewList(r), Done: r.URL.Query().Get("done")}
	err := a.Read(r, "the connector", func(tx *store.Tx) error {
		var err error
		if p.Connector, err = Of(tx, r); err != nil {
			return err
		}
		if p.Counts, err = tx.CountCurrent(p.ID); err != nil {
			return fmt.Errorf("counts: %w", err)
		}
		pulls, err := tx.Pulls(p.ID, store.Cursor{After: r.URL.Query().Get("after"), Limit: 20})
		if err != nil {
			return fmt.Errorf("pulls: %w", err)
		}
		p.Pulls, p.Next, p.Last = pulls.Items, pulls.Next, nil
		if p.News, err = tx.News(p.ID); err != nil {
			return fmt.Errorf("news: %w", err)
		}
		if p.AppName, p.AppHref, err = appOf(tx, p.App); err != nil {
			return err
		}
		last, err := tx.LastPull(p.ID)
		if errors.Is(err, gatehouse.NotFound) {
			return nil
		}
		p.Last = &last
		return err
	})
	if err != nil {
		return err
	}
	p.Kind, p.NextAt = a.kindOf(p.Connector), a.Access.NextSync(p.Connector)
	p.Receives, p.HookAddress = a.receives(r, p.Connector), a.hookAddress(p.Connector)
	page := desk.Page("connectors", p.Name, by)
	if p.running() {
		page.Refresh = refreshEvery
	}
	return a.Render(w, r, page, showBody(p))
}

// appOf is the name and the page of the app that a connector was added to; both
// are "" when it is gone, or was one of its own.
func appOf(tx *store.Tx, app gatehouse.AppRef) (name, href string, err error) {
	switch noun, id := app.Parts(); noun {
	case gatehouse.AppConnection:
		var c gatehouse.Connection
		c, err = tx.Connection(id)
		name, href = ui.ConnectionLabel(c), "/admin/connections/"+url.PathEscape(c.Name)
	case gatehouse.AppClient:
		var c gatehouse.Client
		c, err = tx.Client(id)
		name, href = c.Name, "/admin/clients/"+url.PathEscape(c.ID)
	case gatehouse.AppConnector:
		var c gatehouse.Connector
		c, err = tx.ConnectorByKey(id)
		name, href = c.Name, Href(c)
	}
	switch {
	case errors.Is(err, gatehouse.NotFound):
		return "", "", nil
	case err != nil:
		return "", "", fmt.Errorf("read the app: %w", err)
	}
	return name, href, nil
}

// pullPage is a sync with its steps.
type pullPage struct {
	Connector gatehouse.Connector
	Pull      gatehouse.Pull

	Certificate *gatehouse.Certificate // nil: there is none
}

func pullHref(c gatehouse.Connector, p gatehouse.Pull) string {
	return Href(c) + "/pulls/" + url.PathEscape(p.ID)
}

func (a *Connectors) pull(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	var p pullPage
	err := a.Read(r, "the sync", func(tx *store.Tx) (err error) {
		if p.Connector, err = Of(tx, r); err != nil {
			return err
		}
		if p.Pull, err = tx.Pull(r.PathValue("pull")); err == nil && p.Pull.ConnectorID != p.Connector.ID {
			err = gatehouse.NotFound
		}
		if err != nil {
			return err
		}
		p.Certificate, err = certificateOf(tx, p.Pull.ID)
		return err
	})
	if err != nil {
		return err
	}
	page := desk.Page("connectors", i18n.Text(r.Context(), "Sync of %s", p.Connector.Name), by)
	if p.Pull.State == gatehouse.PullRunning && p.Connector.PausedAt.IsZero() {
		page.Refresh = refreshEvery
	}
	return a.Render(w, r, page, pullBody(p))
}

func (a *Connectors) sync(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return a.change(w, r, "sync", func(tx *store.Tx, c gatehouse.Connector) error {
		_, err := a.Access.SyncNow(tx, desk.Actor(r, by), c.ID)
		return err
	})
}

// release lets a held pull through, if it is one of this connector.
func (a *Connectors) release(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return a.change(w, r, "released", func(tx *store.Tx, c gatehouse.Connector) error {
		pull, err := tx.Pull(r.PathValue("pull"))
		if err != nil {
			return err
		}
		if pull.ConnectorID != c.ID {
			return gatehouse.NotFound
		}
		return a.Access.Release(tx, desk.Actor(r, by), pull.ID)
	})
}

func (a *Connectors) change(w http.ResponseWriter, r *http.Request, done string, change func(*store.Tx, gatehouse.Connector) error) error {
	var c gatehouse.Connector
	err := a.Store.Update(r.Context(), func(tx *store.Tx) (err error) {
		if c, err = Of(tx, r); err != nil {
			return err
		}
		return change(tx, c)
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, Href(c)+"?done="+done)
	return nil
}
