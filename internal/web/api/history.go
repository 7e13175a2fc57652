package api

import (
	"context"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
)

func (a *API) mountHistory(h huma.API) {
	serve(a, h, route{path: "/decisions", id: "listDecisions", tag: "history", summary: "What was decided at sign-ins, the newest first", may: readers()}, a.listDecisions)
	serve(a, h, route{path: "/decisions/{decision}", id: "getDecision", tag: "history", summary: "A decision, with the facts behind it", may: readers()}, a.getDecision)
	serve(a, h, route{path: "/events", id: "listEvents", tag: "history", summary: "The audit log, the newest first", may: readers()}, a.listEvents)
}

// decision is a Decision for programs.
type decision struct {
	ID           string            `json:"id" format:"uuid"`
	Reference    string            `json:"reference" doc:"What the person was shown"`
	At           time.Time         `json:"at"`
	ConnectionID string            `json:"connection_id"`
	Connection   string            `json:"connection" doc:"The name of the connection; empty when it is gone"`
	Subject      string            `json:"subject"`
	UserID       string            `json:"user_id" doc:"Empty when nobody was found or made"`
	Outcome      string            `json:"outcome" enum:"signed_in,created,pending,linked,refused,failed,tested"`
	Rule         string            `json:"rule" doc:"Which rule spoke"`
	Reason       string            `json:"reason" doc:"A sentence, in the language of Accept-Language"`
	Facts        map[string]string `json:"facts"`
	Address      string            `json:"address"`
}

func showDecision(ctx context.Context, d gatehouse.Decision, connections map[string]string) decision {
	args := make([]any, len(d.Args))
	for i, v := range d.Args {
		args[i] = v
	}
	return decision{
		ID: d.ID, Reference: d.Reference, At: d.At, ConnectionID: d.ConnectionID, Connection: connections[d.ConnectionID],
		Subject: d.Subject, UserID: d.UserID, Outcome: string(d.Outcome), Rule: d.Rule,
		Reason: i18n.Text(ctx, d.Reason, args...), Facts: orNone(d.Facts), Address: d.Address,
	}
}

type listDecisionsInput struct {
	Paging
	User string `query:"user" maxLength:"64" doc:"The id of a user"`
}

func (a *API) listDecisions(ctx context.Context, _ caller, in *listDecisionsInput) (Page[decision], error) {
	return view(ctx, a, "decisions", func(tx *store.Tx) (Page[decision], error) {
		found, err := tx.Decisions(in.User, in.cursor())
		if err != nil {
			return Page[decision]{}, err
		}
		names, err := connectionNames(tx)
		return pageOf(found, func(d gatehouse.Decision) decision { return showDecision(ctx, d, names) }), err
	})
}

type ofDecision struct {
	Decision string `path:"decision" maxLength:"64" doc:"The id of the decision, or the reference that the person was shown"`
}

func (a *API) getDecision(ctx context.Context, _ caller, in *ofDecision) (decision, error) {
	return view(ctx, a, "decision", func(tx *store.Tx) (decision, error) {
		d, err := tx.Decision(in.Decision)
		if err != nil {
			return decision{}, err
		}
		names, err := connectionNames(tx)
		return showDecision(ctx, d, names), err
	})
}

// event is a line of the audit log for programs.
type event struct {
	ID      string            `json:"id" format:"uuid"`
	At      time.Time         `json:"at"`
	Actor   eventActor        `json:"actor"`
	Action  string            `json:"action"`
	Target  string            `json:"target" doc:"Kind and id of what it was done to"`
	Details map[string]string `json:"details"`
}

// eventActor is who did it.
type eventActor struct {
	Kind    string `json:"kind" enum:"user,client,job,file,operator,anonymous"`
	ID      string `json:"id"`
	Name    string `json:"name"`
	Address string `json:"address"`
}

type listEventsInput struct {
	Paging
	Target string `query:"target" maxLength:"200" doc:"Exactly this, for example user/0191…"`
	Action string `query:"action" maxLength:"200" doc:"Begins with this, for example user."`
	Actor  string `query:"actor" maxLength:"200" doc:"The id of who did it"`
}

func (a *API) listEvents(ctx context.Context, _ caller, in *listEventsInput) (Page[event], error) {
	return view(ctx, a, "events", func(tx *store.Tx) (Page[event], error) {
		found, err := tx.Events(store.EventFilter{Target: in.Target, Action: in.Action, Actor: in.Actor}, in.cursor())
		return pageOf(found, func(e gatehouse.Event) event {
			return event{
				ID: e.ID, At: e.At, Action: e.Action, Target: e.Target, Details: orNone(e.Details),
				Actor: eventActor{Kind: string(e.Actor.Kind), ID: e.Actor.ID, Name: e.Actor.Name, Address: e.Actor.Address},
			}
		}), err
	})
}

// orNone makes values that are absent an empty object.
func orNone(m map[string]string) map[string]string {
	if m == nil {
		return map[string]string{}
	}
	return m
}
