package people

import (
	"context"
	"errors"
	"net/http"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
	"gatehouse/internal/web/admin/desk"
	"gatehouse/internal/web/ui"
)

// approvalRow is a request with who made it, and by which connection.
type approvalRow struct {
	gatehouse.Approval
	User       gatehouse.User
	Connection gatehouse.Connection
}

type inboxPage struct {
	desk.List
	Verdict string // of the address
	Rows    []approvalRow
	Waiting int64
	Done    string
}

// verdicts are what the inbox can show, by the word in the address.
func verdicts() []string { return []string{"", "approved", "denied", "expired"} }

func (p *People) inbox(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	v := inboxPage{List: desk.NewList(r), Done: r.URL.Query().Get("done")}
	v.Verdict = v.Text("verdict")
	err := p.Read(r, "the requests for approval", func(tx *store.Tx) error {
		found, err := tx.Approvals(store.ApprovalFilter{Verdict: gatehouse.Verdict(v.Verdict)}, desk.Cursor(r))
		if err != nil {
			return err
		}
		v.Next = found.Next
		if v.Waiting, err = tx.CountApprovals(); err != nil {
			return err
		}
		v.Rows, err = withUsers(tx, found.Items)
		return err
	})
	if err != nil {
		return err
	}
	return p.Render(w, r, desk.Page("approvals", i18n.Text(r.Context(), "Approvals"), by), inboxBody(v))
}

func withUsers(tx *store.Tx, all []gatehouse.Approval) ([]approvalRow, error) {
	connections, err := desk.ConnectionsByID(tx)
	if err != nil {
		return nil, err
	}
	rows := make([]approvalRow, 0, len(all))
	for _, a := range all {
		u, err := tx.User(a.UserID)
		if err != nil {
			return nil, err
		}
		rows = append(rows, approvalRow{a, u, connections[a.ConnectionID]})
	}
	return rows, nil
}

type requestPage struct {
	By         gatehouse.User
	Row        approvalRow
	Now        bool // the request can be answered
	Identities []desk.IdentityRow
	Origin     desk.DecisionRow // by which the account came to be; without ID: by none
	Earlier    bool             // there were requests before
	Reason     string           // as it was entered, with what is wrong with it
	Problem    string
}

func (p *People) request(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	return p.showRequest(w, r, requestPage{By: by})
}

func (p *People) showRequest(w http.ResponseWriter, r *http.Request, v requestPage) error {
	err := p.Read(r, "the request for approval", func(tx *store.Tx) error { return readRequest(tx, r.PathValue("user"), &v) })
	if err != nil {
		return err
	}
	page := desk.Page("approvals", ui.UserName(v.Row.User), v.By)
	if v.Problem != "" {
		return p.UI.Render(w, r, http.StatusUnprocessableEntity, page, requestBody(v))
	}
	return p.Render(w, r, page, requestBody(v))
}

// readRequest reads the last request of a user. One who is pending without a
// request can be answered all the same.
func readRequest(tx *store.Tx, userID string, v *requestPage) error {
	u, err := tx.User(userID)
	if err != nil {
		return err
	}
	a, err := tx.Approval(userID)
	if errors.Is(err, gatehouse.NotFound) && u.State == gatehouse.UserPending {
		a, err = gatehouse.Approval{UserID: userID, RequestedAt: u.CreatedAt}, nil
	}
	if err != nil {
		return err
	}
	rows, err := withUsers(tx, []gatehouse.Approval{a})
	if err != nil {
		return err
	}
	v.Row, v.Now = rows[0], u.State == gatehouse.UserPending && u.ID != v.By.ID
	if v.Identities, err = desk.IdentitiesOf(tx, userID); err != nil {
		return err
	}
	v.Origin, err = desk.OriginOf(tx, u)
	return err
}

// answer approves or denies the request that the approver saw.
func (p *People) answer(w http.ResponseWriter, r *http.Request, by gatehouse.User) error {
	form, err := ui.Form(w, r)
	if err != nil {
		return err
	}
	do, done := p.Users.Approve, "approved"
	switch form.Get("verdict") {
	case "approve":
	case "deny":
		do, done = p.Users.Deny, "denied"
	default:
		return gatehouse.Errorf(gatehouse.Invalid, "The form does not say whether to approve or to deny. Go back, and press one of the two.")
	}
	reason := form.Get("reason")
	if len(reason) > users.LongestReason {
		return p.showRequest(w, r, requestPage{By: by, Reason: reason, Problem: i18n.Text(r.Context(), "This is too long. Shorten it.")})
	}
	err = p.Store.Update(r.Context(), func(tx *store.Tx) error {
		return do(tx, desk.Actor(r, by), r.PathValue("user"), users.Answer{Approval: form.Get("approval"), Reason: reason})
	})
	if err != nil {
		return err
	}
	ui.SeeOther(w, "/admin/approvals?done="+done)
	return nil
}

// verdictBadge is the tone and the words of what came of a request.
func verdictBadge(ctx context.Context, row approvalRow) (tone, label string) {
	switch row.Verdict {
	case gatehouse.VerdictApproved:
		return "good", i18n.Text(ctx, "Approved")
	case gatehouse.VerdictDenied:
		return "bad", i18n.Text(ctx, "Denied")
	case gatehouse.VerdictExpired:
		return "", i18n.Text(ctx, "Expired")
	case gatehouse.VerdictWithdrawn:
		return "", i18n.Text(ctx, "Merged")
	case gatehouse.VerdictOpen:
	}
	return "warn", i18n.Text(ctx, "Waits for approval")
}

// verdictLabel is the name of a tab of the inbox.
func verdictLabel(ctx context.Context, verdict string) string {
	switch verdict {
	case "approved":
		return i18n.Text(ctx, "Approved")
	case "denied":
		return i18n.Text(ctx, "Denied")
	case "expired":
		return i18n.Text(ctx, "Expired")
	}
	return i18n.Text(ctx, "Waiting")
}

func inboxTabs(ctx context.Context, v inboxPage) []ui.Tab {
	var tabs []ui.Tab
	for _, verdict := range verdicts() {
		t := ui.Tab{Label: verdictLabel(ctx, verdict), Href: "/admin/approvals", Current: v.Verdict == verdict}
		if verdict == "" {
			t.Count = ui.Number(v.Waiting)
		} else {
			t.Href += "?verdict=" + verdict
		}
		tabs = append(tabs, t)
	}
	return tabs
}

// nothing is what an empty tab of the inbox says.
func nothing(ctx context.Context, verdict string) (title, text string) {
	switch verdict {
	case "approved":
		return i18n.Text(ctx, "Nobody was approved yet"), ""
	case "denied":
		return i18n.Text(ctx, "Nobody was denied yet"), ""
	case "expired":
		return i18n.Text(ctx, "No request ran out"), ""
	}
	return i18n.Text(ctx, "Nobody waits"), i18n.Text(ctx, "People wait here whose connection makes accounts that need approval, or lets newcomers ask for one.")
}

// said is what a provider says of an address.
func said(ctx context.Context, v gatehouse.Verification) string {
	switch v {
	case gatehouse.Verified:
		return i18n.Text(ctx, "verified there")
	case gatehouse.Unverified:
		return i18n.Text(ctx, "not verified there")
	case gatehouse.Unstated:
	}
	return ""
}
