package api

import (
	"context"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

func (a *API) mountApprovals(h huma.API) {
	serve(a, h, route{path: "/approvals", id: "listApprovals", tag: "approvals", summary: "Requests for approval, the newest first", may: readers()}, a.listApprovals)
	answer := func(path, id, summary string, fn func(tx *store.Tx, by gatehouse.Actor, userID string, a users.Answer) error) {
		serve(a, h, route{method: http.MethodPost, path: "/users/{user}/" + path, id: id, tag: "approvals", summary: summary, may: owners()}, a.answerApproval(path, fn))
	}
	answer("approve", "approveUser", "Let a user in who waits for approval", a.Users.Approve)
	answer("deny", "denyUser", "Turn a user away who waits for approval; the account is blocked", a.Users.Deny)
}

// approval is an Approval for programs.
type approval struct {
	ID           string    `json:"id"`
	UserID       string    `json:"user_id" format:"uuid"`
	Number       int64     `json:"number" doc:"Of the user"`
	Username     string    `json:"username"`
	Name         string    `json:"name"`
	Email        string    `json:"email"`
	ConnectionID string    `json:"connection_id" doc:"By which they came; empty when it is not known any more"`
	Connection   string    `json:"connection" doc:"The name of the connection"`
	Message      string    `json:"message" doc:"What the person wrote"`
	Verdict      string    `json:"verdict" enum:",approved,denied,expired,withdrawn" doc:"Empty while nobody answered"`
	Reason       string    `json:"reason" doc:"What the person is told about the answer"`
	DecidedBy    string    `json:"decided_by"`
	RequestedAt  time.Time `json:"requested_at"`
	ExpiresAt    time.Time `json:"expires_at,omitzero" required:"false"`
	DecidedAt    time.Time `json:"decided_at,omitzero" required:"false"`
}

type listApprovalsInput struct {
	Paging
	Verdict string `query:"verdict" enum:"waiting,approved,denied,expired,withdrawn,any" default:"waiting" doc:"Which requests"`
}

func (in listApprovalsInput) filter() store.ApprovalFilter {
	switch in.Verdict {
	case "any":
		return store.ApprovalFilter{All: true}
	case "waiting":
		return store.ApprovalFilter{}
	}
	return store.ApprovalFilter{Verdict: gatehouse.Verdict(in.Verdict)}
}

func (a *API) listApprovals(ctx context.Context, _ caller, in *listApprovalsInput) (Page[approval], error) {
	return view(ctx, a, "approvals", func(tx *store.Tx) (Page[approval], error) {
		found, err := tx.Approvals(in.filter(), in.cursor())
		if err != nil {
			return Page[approval]{}, err
		}
		names, err := connectionNames(tx)
		if err != nil {
			return Page[approval]{}, err
		}
		out := Page[approval]{Items: make([]approval, 0, len(found.Items)), Next: found.Next}
		for _, ap := range found.Items {
			u, err := tx.User(ap.UserID)
			if err != nil {
				return Page[approval]{}, err
			}
			out.Items = append(out.Items, showApproval(ap, u, names[ap.ConnectionID]))
		}
		return out, nil
	})
}

func showApproval(a gatehouse.Approval, u gatehouse.User, connection string) approval {
	return approval{
		ID: a.ID, UserID: a.UserID, Number: u.Number, Username: u.Username, Name: u.Name, Email: u.Email,
		ConnectionID: a.ConnectionID, Connection: connection, Message: a.Message, Verdict: string(a.Verdict), Reason: a.Reason,
		DecidedBy: a.DecidedBy, RequestedAt: a.RequestedAt, ExpiresAt: a.ExpiresAt, DecidedAt: a.DecidedAt,
	}
}

// answerInput is what an approver says. It sets nothing else of the user.
type answerInput struct {
	User string `path:"user" maxLength:"64" doc:"The id or the number of the user"`
	Body *struct {
		Approval string `json:"approval,omitempty" maxLength:"64" doc:"The id of the request that was looked at; a newer one is then a conflict"`
		Reason   string `json:"reason,omitempty" maxLength:"500" doc:"For the person, who reads it"`
	}
}

func (in answerInput) answer() users.Answer {
	if in.Body == nil {
		return users.Answer{}
	}
	return users.Answer{Approval: in.Body.Approval, Reason: in.Body.Reason}
}

func (a *API) answerApproval(what string, fn func(tx *store.Tx, by gatehouse.Actor, userID string, a users.Answer) error) func(context.Context, caller, *answerInput) (user, error) {
	return func(ctx context.Context, by caller, in *answerInput) (user, error) {
		return a.change(ctx, what+" user", in.User, func(tx *store.Tx, id string) error { return fn(tx, by.actor, id, in.answer()) })
	}
}
