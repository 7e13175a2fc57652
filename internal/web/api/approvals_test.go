package api

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestApprovals(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	ask := func(name string) gatehouse.User {
		u := h.addUser(gatehouse.User{Username: name, Name: name, State: gatehouse.UserPending})
		h.update(func(tx *store.Tx) error {
			return tx.SaveApproval(&gatehouse.Approval{UserID: u.ID, ConnectionID: f.connection.ID, Message: "Please"})
		})
		return u
	}
	ann, bob := ask("ann"), ask("bob")
	list := want[Page[approval]](h, "/approvals")
	if len(list.Items) != 2 || list.Items[0].Username != "bob" || list.Items[0].Connection != f.connection.Name || list.Items[0].Message != "Please" || list.Items[0].Verdict != "" {
		t.Fatalf("waiting: %+v", list.Items)
	}
	send := func(u gatehouse.User, what, body string) reply {
		return h.do("super", http.MethodPost, prefix+"/users/"+u.ID+"/"+what, body, "Content-Type", "application/json")
	}
	isProblem(t, send(ann, "approve", `{"approval":"another"}`), http.StatusConflict, "conflict")
	isProblem(t, send(ann, "approve", `{"reason":"`+strings.Repeat("x", 501)+`"}`), http.StatusUnprocessableEntity, "invalid")
	isProblem(t, send(ann, "approve", `{"reason":`), http.StatusBadRequest, "invalid")
	if got := send(ann, "approve", `{"approval":"`+list.Items[1].ID+`","reason":"Welcome","role":"super_administrator"}`); got.status != http.StatusOK ||
		decode[user](t, got).State != "active" || decode[user](t, got).Role != "" {
		t.Errorf("approve: %d %s", got.status, got.body)
	}
	isProblem(t, send(ann, "deny", ""), http.StatusConflict, "conflict")
	if got := send(bob, "deny", `{"reason":"Not of us"}`); got.status != http.StatusOK || decode[user](t, got).State != "blocked" {
		t.Errorf("deny: %d %s", got.status, got.body)
	}
	if got := want[Page[approval]](h, "/approvals"); len(got.Items) != 0 {
		t.Errorf("still waiting: %+v", got.Items)
	}
	denied := want[Page[approval]](h, "/approvals?verdict=denied")
	if len(denied.Items) != 1 || denied.Items[0].UserID != bob.ID || denied.Items[0].Reason != "Not of us" || denied.Items[0].DecidedBy != "super" || denied.Items[0].DecidedAt.IsZero() {
		t.Errorf("denied: %+v", denied.Items)
	}
	if got := want[Page[approval]](h, "/approvals?verdict=any&limit=1"); len(got.Items) != 1 || got.Next == "" {
		t.Errorf("any: %+v", got)
	}
	isProblem(t, h.do("super", http.MethodGet, prefix+"/approvals?verdict=maybe", ""), http.StatusUnprocessableEntity, "invalid")
}
