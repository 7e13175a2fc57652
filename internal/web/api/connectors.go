package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/store"
)

func (a *API) mountConnectors(h huma.API) {
	serve(a, h, route{path: "/connectors", id: "listConnectors", tag: "connectors", summary: "The apps that are kept in order", may: readers()}, a.listConnectors)
	serve(a, h, route{path: "/connectors/{connector}", id: "getConnector", tag: "connectors", summary: "A connector, with its last pull", may: readers()}, a.getConnector)
	serve(a, h, route{path: "/connectors/{connector}/pulls", id: "listPulls", tag: "connectors", summary: "The pulls of a connector, the newest first", may: readers()}, a.listPulls)
	serve(a, h, route{method: http.MethodPost, path: "/connectors/{connector}/sync", id: "syncConnector", tag: "connectors", summary: "Ask for a pull; one that is asked for or under way is not begun twice", status: http.StatusAccepted, may: keepers()}, a.sync)
	serve(a, h, route{path: "/pulls/{pull}", id: "getPull", tag: "connectors", summary: "A pull", may: readers()}, a.getPull)
	serve(a, h, route{method: http.MethodPost, path: "/pulls/{pull}/release", id: "releasePull", tag: "connectors", summary: "Let a held pull through: what it did not see is taken as gone", status: http.StatusAccepted, may: keepers()}, a.release)
}

// counts are numbers of what an app has now.
type counts struct {
	Accounts  int64 `json:"accounts"`
	Resources int64 `json:"resources"`
	Grants    int64 `json:"grants"`
	Shares    int64 `json:"shares"`
	Gaps      int64 `json:"gaps" doc:"Groups and projects of which something could not be seen: who has access there is unknown"`
}

// connector is a Connector for programs, without its secrets and without its
// settings, whose names the kinds choose.
type connector struct {
	ID         string    `json:"id" format:"uuid"`
	Key        string    `json:"key"`
	Name       string    `json:"name"`
	Kind       string    `json:"kind"`
	URL        string    `json:"url"`
	Owners     []string  `json:"owners" nullable:"false"`
	Schedule   string    `json:"schedule" doc:"When it is pulled: an interval or a cron expression; empty: the default"`
	TimeZone   string    `json:"time_zone" doc:"Of a cron expression; empty: UTC"`
	NextAt     time.Time `json:"next_pull_at,omitzero" required:"false" doc:"By its schedule; absent: not by itself"`
	PausedAt   time.Time `json:"paused_at,omitzero" required:"false" doc:"Since when a person keeps it from reading"`
	Failures   int       `json:"failures" doc:"Pulls that failed in a row"`
	Seen       sighting  `json:"seen" doc:"What its last probe found"`
	Status     string    `json:"status" enum:"not_configured,syncing,connected,failed,paused"`
	StatusText string    `json:"status_text" doc:"Why it failed or is held"`
	PulledAt   time.Time `json:"pulled_at,omitzero" required:"false"`
	Enabled    bool      `json:"enabled"`
	Counts     counts    `json:"counts"`
	LastPull   *pull     `json:"last_pull,omitempty"`
	ManagedBy  string    `json:"managed_by" enum:"file,dashboard"`
	CreatedAt  time.Time `json:"created_at"`
	UpdatedAt  time.Time `json:"updated_at"`
}

// readConnector is a connector with what its app has now and its last pull.
func (a *API) readConnector(tx *store.Tx, c gatehouse.Connector) (connector, error) {
	n, err := tx.CountCurrent(c.ID)
	if err != nil {
		return connector{}, fmt.Errorf("counts of %s: %w", c.Key, err)
	}
	v := connector{
		ID: c.ID, Key: c.Key, Name: c.Name, Kind: c.Kind, URL: c.URL, Owners: orEmpty(c.Owners), Schedule: c.Schedule, TimeZone: c.TimeZone,
		NextAt: a.Access.NextSync(c), PausedAt: c.PausedAt, Failures: c.Alarm.Failures, Seen: showSighting(c.Seen),
		Status: string(c.Status), StatusText: c.StatusText.Sentence(), PulledAt: c.PulledAt, Enabled: c.Enabled, Counts: counts(n),
		ManagedBy: string(c.Managed), CreatedAt: c.CreatedAt, UpdatedAt: c.UpdatedAt,
	}
	last, err := tx.LastPull(c.ID)
	if errors.Is(err, gatehouse.NotFound) {
		return v, nil
	}
	p := showPull(c.Key, last)
	v.LastPull = &p
	return v, err
}

func (a *API) listConnectors(ctx context.Context, _ caller, _ *none) (Page[connector], error) {
	return view(ctx, a, "connectors", func(tx *store.Tx) (Page[connector], error) {
		p := Page[connector]{Items: []connector{}}
		found, err := tx.Connectors()
		if err != nil {
			return p, err
		}
		for _, c := range found {
			v, err := a.readConnector(tx, c)
			if err != nil {
				return p, err
			}
			p.Items = append(p.Items, v)
		}
		return p, nil
	})
}

// OfConnector names a connector.
type OfConnector struct {
	Connector string `path:"connector" maxLength:"255" doc:"The key or the id of the connector"`
}

// find finds the connector by its key, or by its id, as the audit log names it.
func (in OfConnector) find(tx *store.Tx) (gatehouse.Connector, error) {
	c, err := tx.ConnectorByKey(in.Connector)
	if errors.Is(err, gatehouse.NotFound) {
		return tx.Connector(in.Connector)
	}
	return c, err
}

func (a *API) getConnector(ctx context.Context, _ caller, in *OfConnector) (connector, error) {
	return view(ctx, a, "connector", func(tx *store.Tx) (connector, error) {
		c, err := in.find(tx)
		if err != nil {
			return connector{}, err
		}
		return a.readConnector(tx, c)
	})
}

// pull is a Pull for programs.
type pull struct {
	ID        string    `json:"id" format:"uuid"`
	Connector string    `json:"connector" doc:"The key of the connector"`
	State     string    `json:"state" enum:"running,done,failed,held,canceled"`
	Progress  progress  `json:"progress"`
	Error     string    `json:"error" doc:"Why it failed or is held"`
	Notes     []string  `json:"notes" nullable:"false" doc:"What could not be seen, and other things a person should know"`
	Written   int64     `json:"written" doc:"Rows of history that it wrote"`
	StartedAt time.Time `json:"started_at"`
	EndedAt   time.Time `json:"ended_at,omitzero" required:"false"`
	Steps     []stepped `json:"steps" nullable:"false" doc:"What was read in each step, and how long it took"`
}

// stepped is a PullStep for programs. Its fields are those of a PullStep.
type stepped struct {
	Name      string `json:"name"`
	Accounts  int64  `json:"accounts"`
	Resources int64  `json:"resources"`
	Grants    int64  `json:"grants"`
	Shares    int64  `json:"shares"`
	Requests  int64  `json:"requests"`
	Millis    int64  `json:"millis"`
	Pages     int64  `json:"pages" doc:"Pieces in which it was read"`
}

// progress is how much a pull has read. Its fields are those of a Progress.
type progress struct {
	Accounts  int64  `json:"accounts"`
	Resources int64  `json:"resources"`
	Grants    int64  `json:"grants"`
	Shares    int64  `json:"shares"`
	Requests  int64  `json:"requests"`
	Step      string `json:"step"`
}

func showPull(key string, p gatehouse.Pull) pull {
	return pull{
		ID: p.ID, Connector: key, State: string(p.State), Progress: progress(p.Progress), Error: p.Error.Sentence(), Notes: shown(p.Notes, gatehouse.Note.Sentence),
		Written: p.Written, StartedAt: p.StartedAt, EndedAt: p.EndedAt,
		Steps: shown(p.Steps, func(s gatehouse.PullStep) stepped { return stepped(s) }),
	}
}

type listPullsInput struct {
	OfConnector
	Paging
}

func (a *API) listPulls(ctx context.Context, _ caller, in *listPullsInput) (Page[pull], error) {
	return view(ctx, a, "pulls", func(tx *store.Tx) (Page[pull], error) {
		c, err := in.find(tx)
		if err != nil {
			return Page[pull]{}, err
		}
		found, err := tx.Pulls(c.ID, in.cursor())
		return pageOf(found, func(p gatehouse.Pull) pull { return showPull(c.Key, p) }), err
	})
}

// asked says what was asked for: the answer comes later.
type asked struct {
	JobID string `json:"job_id"`
}

func (a *API) sync(ctx context.Context, by caller, in *OfConnector) (asked, error) {
	return update(ctx, a, "ask for a pull", func(tx *store.Tx) (asked, error) {
		c, err := in.find(tx)
		if err != nil {
			return asked{}, err
		}
		id, err := a.Access.SyncNow(tx, by.actor, c.ID)
		return asked{JobID: id}, err
	})
}

// ofPull names a pull.
type ofPull struct {
	Pull string `path:"pull" maxLength:"64"`
}

func (in ofPull) read(tx *store.Tx) (pull, error) {
	p, err := tx.Pull(in.Pull)
	if err != nil {
		return pull{}, err
	}
	c, err := tx.Connector(p.ConnectorID)
	return showPull(c.Key, p), err
}

func (a *API) getPull(ctx context.Context, _ caller, in *ofPull) (pull, error) {
	return view(ctx, a, "pull", in.read)
}

func (a *API) release(ctx context.Context, by caller, in *ofPull) (pull, error) {
	return update(ctx, a, "release a pull", func(tx *store.Tx) (pull, error) {
		p, err := tx.Pull(in.Pull)
		if err != nil {
			return pull{}, err
		}
		if err := a.Access.Release(tx, by.actor, p.ID); err != nil {
			return pull{}, err
		}
		return in.read(tx)
	})
}
