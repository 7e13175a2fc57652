package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/reach"
	"gatehouse/internal/store"
)

// Answerer keeps what people say to findings: access.Service.
type Answerer interface {
	FindNow(tx *store.Tx, by gatehouse.Actor, connectorID string) error
	Acknowledge(tx *store.Tx, by gatehouse.Actor, findingID, reason string, until time.Time) error
	Reopen(tx *store.Tx, by gatehouse.Actor, findingID string) error
}

func (a *API) mountFindings(h huma.API) {
	const at, one, tag = "/connectors/{connector}/findings", "/connectors/{connector}/findings/{finding}", "findings"
	serve(a, h, route{path: at, id: "listFindings", tag: tag, summary: "What a person should look at in an app, the newest first", may: readers()}, a.listFindings)
	serve(a, h, route{method: http.MethodPost, path: at, id: "findNow", tag: tag, summary: "Have the findings of an app worked out anew", may: keepers()}, a.findNow)
	serve(a, h, route{path: one, id: "getFinding", tag: tag, summary: "A finding", may: readers()}, a.getFinding)
	serve(a, h, route{method: http.MethodPost, path: one + "/acknowledge", id: "acknowledgeFinding", tag: tag, summary: "Keep a finding quiet for a reason until a time", may: keepers()}, a.acknowledge)
	serve(a, h, route{method: http.MethodPost, path: one + "/reopen", id: "reopenFinding", tag: tag, summary: "Take back what was answered to a finding", may: keepers()}, a.reopen)
}

// finding is a Finding for programs.
type finding struct {
	ID            string    `json:"id" format:"uuid"`
	Connector     string    `json:"connector" doc:"The key of the connector"`
	Kind          string    `json:"kind" enum:"left,ownerless,soon_ownerless,external_high,unowned_bot,dormant_owner,orphaned,expiring_access"`
	State         string    `json:"state" enum:"open,answered,ended"`
	AccountID     string    `json:"account_id" doc:"Whom it is about; empty: a resource alone"`
	Resource      string    `json:"resource" doc:"What it is about, for example group-5; empty: an account alone"`
	Subject       string    `json:"subject" doc:"The name or full path of what it is about"`
	Why           string    `json:"why"`
	Advice        string    `json:"advice" doc:"What to do"`
	FirstSeenAt   time.Time `json:"first_seen_at"`
	EndedAt       time.Time `json:"ended_at,omitzero" required:"false"`
	AnsweredBy    string    `json:"answered_by"`
	Reason        string    `json:"reason" doc:"Why nothing needs to be done"`
	AnsweredAt    time.Time `json:"answered_at,omitzero" required:"false"`
	AnsweredUntil time.Time `json:"answered_until,omitzero" required:"false" doc:"When it is open again"`
}

func showFinding(key string, f gatehouse.Finding, now time.Time) finding {
	return finding{
		ID: f.ID, Connector: key, Kind: string(f.Kind), State: string(store.StateOf(f, now)), AccountID: f.AccountID, Resource: publicID(f.ResourceID),
		Subject: f.Subject, Why: f.Why.Sentence(), Advice: reach.FindingAdvice(f.Kind).Sentence(), FirstSeenAt: f.FirstSeenAt, EndedAt: f.EndedAt,
		AnsweredBy: f.Answer.By, Reason: f.Answer.Reason, AnsweredAt: f.Answer.At, AnsweredUntil: f.Answer.Until,
	}
}

type listFindingsInput struct {
	OfConnector
	Paging
	Search string `query:"search" maxLength:"200" doc:"Part of the subject or of what was found"`
	Kind   string `query:"kind" enum:"left,ownerless,soon_ownerless,external_high,unowned_bot,dormant_owner,orphaned,expiring_access"`
	State  string `query:"state" enum:"open,answered,ended"`
}

func (a *API) listFindings(ctx context.Context, _ caller, in *listFindingsInput) (Page[finding], error) {
	return view(ctx, a, "findings", func(tx *store.Tx) (Page[finding], error) {
		c, err := in.find(tx)
		if err != nil {
			return Page[finding]{}, err
		}
		f := store.FindingFilter{ConnectorID: c.ID, Kind: gatehouse.FindingKind(in.Kind), State: store.FindingState(in.State), Search: in.Search}
		found, err := tx.Findings(f, in.cursor())
		return pageOf(found, func(f gatehouse.Finding) finding { return showFinding(c.Key, f, tx.Now()) }), err
	})
}

func (a *API) findNow(ctx context.Context, by caller, in *OfConnector) (none, error) {
	return update(ctx, a, "ask for findings", func(tx *store.Tx) (none, error) {
		c, err := in.find(tx)
		if err != nil {
			return none{}, err
		}
		return none{}, a.Findings.FindNow(tx, by.actor, c.ID)
	})
}

// OfFinding names a finding of a connector.
type OfFinding struct {
	OfConnector
	Finding string `path:"finding" maxLength:"64"`
}

func (in OfFinding) read(tx *store.Tx) (finding, error) {
	c, err := in.find(tx)
	if err != nil {
		return finding{}, err
	}
	f, err := tx.Finding(in.Finding)
	if err == nil && f.ConnectorID != c.ID {
		err = gatehouse.NotFound
	}
	return showFinding(c.Key, f, tx.Now()), err
}

func (a *API) getFinding(ctx context.Context, _ caller, in *OfFinding) (finding, error) {
	return view(ctx, a, "finding", in.read)
}

type acknowledgeInput struct {
	OfFinding
	Body struct {
		Reason string    `json:"reason" minLength:"1" maxLength:"500" doc:"Why nothing needs to be done"`
		Until  time.Time `json:"until" doc:"When it is open again, at most a year ahead"`
	}
}

func (a *API) acknowledge(ctx context.Context, by caller, in *acknowledgeInput) (finding, error) {
	return a.answerTo(ctx, in.OfFinding, func(tx *store.Tx) error {
		return a.Findings.Acknowledge(tx, by.actor, in.Finding, in.Body.Reason, in.Body.Until)
	})
}

func (a *API) reopen(ctx context.Context, by caller, in *OfFinding) (finding, error) {
	return a.answerTo(ctx, *in, func(tx *store.Tx) error { return a.Findings.Reopen(tx, by.actor, in.Finding) })
}

func (a *API) answerTo(ctx context.Context, in OfFinding, answer func(tx *store.Tx) error) (finding, error) {
	return update(ctx, a, "answer to a finding", func(tx *store.Tx) (finding, error) {
		if _, err := in.read(tx); err != nil {
			return finding{}, err
		}
		if err := answer(tx); err != nil {
			return finding{}, err
		}
		return in.read(tx)
	})
}
