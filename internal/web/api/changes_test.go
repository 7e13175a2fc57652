package api

import (
	"net/http"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestChangingUsers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	pending := h.addUser(gatehouse.User{Username: "waiting", Name: "Waiting", State: gatehouse.UserPending})
	h.signIn("alice", f.person)
	at := func(u gatehouse.User, what string) string { return prefix + "/users/" + u.ID + "/" + what }
	for _, step := range []struct {
		address string
		status  int
		state   string
	}{
		{at(f.person, "unblock"), http.StatusOK, "active"},
		{at(f.person, "block"), http.StatusOK, "blocked"},
		{at(f.person, "block"), http.StatusOK, "blocked"},
		{at(f.person, "approve"), http.StatusConflict, ""},
		{at(f.person, "unblock"), http.StatusOK, "active"},
		{at(pending, "unblock"), http.StatusConflict, ""},
		{at(pending, "approve"), http.StatusOK, "active"},
		{at(h.users["super"], "block"), http.StatusForbidden, ""},
	} {
		got := h.do("super", http.MethodPost, step.address, "")
		if got.status != step.status || step.state != "" && decode[user](t, got).State != step.state {
			t.Errorf("%s: %d %s, want %d %s", step.address, got.status, got.body, step.status, step.state)
		}
	}
	if got := h.do("alice", http.MethodGet, prefix+"/me", ""); got.status != http.StatusUnauthorized {
		t.Errorf("the session of a blocked user lives: %d", got.status)
	}
	events := want[Page[event]](h, "/events?action=user.blocked")
	actor := eventActor{Kind: "user", ID: h.users["super"].ID, Name: "super", Address: "198.51.100.9"}
	if len(events.Items) != 1 || events.Items[0].Actor != actor || events.Items[0].Target != "user/"+f.person.ID {
		t.Errorf("audit: %+v", events.Items)
	}
}

func TestNothingElseOfAUserCanBeSet(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	before := h.userNow(f.person.ID)
	body := `{"role":"super_administrator","state":"active","email":"root@corp.example","number":1,"username":"root","id":"x"}`
	target := prefix + "/users/" + f.person.ID + "/block"
	if got := h.do("super", http.MethodPost, target, body, "Content-Type", "application/json"); got.status != http.StatusOK {
		t.Fatalf("%d %s", got.status, got.body)
	}
	after := h.userNow(f.person.ID)
	if diff := cmp.Diff(before, after, cmpopts.IgnoreFields(gatehouse.User{}, "State", "UpdatedAt")); diff != "" || after.State != gatehouse.UserBlocked {
		t.Errorf("state %s (-before +after):\n%s", after.State, diff)
	}
	isProblem(t, h.do("super", http.MethodPost, target+"?role=super_administrator", ""), http.StatusUnprocessableEntity, "invalid")
	for _, method := range []string{http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodPost} {
		isProblem(t, h.do("super", method, prefix+"/users/"+f.person.ID, body), http.StatusMethodNotAllowed, "method_not_allowed")
	}
	if again := h.userNow(f.person.ID); !cmp.Equal(after, again) {
		t.Errorf("something changed: %s", cmp.Diff(after, again))
	}
}

func TestSyncAndRelease(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	actor := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: h.users["connector"].ID, Name: "connector", Address: "198.51.100.9"}

	got := h.do("connector", http.MethodPost, prefix+"/connectors/gitlab/sync", "")
	if got.status != http.StatusAccepted || decode[asked](t, got).JobID != "job-1" || h.syncer.connectorID != f.connector.ID {
		t.Errorf("sync: %d %s of %s", got.status, got.body, h.syncer.connectorID)
	}
	if diff := cmp.Diff(actor, h.syncer.by); diff != "" {
		t.Errorf("sync by (-want +got):\n%s", diff)
	}

	h.syncer.by = gatehouse.Actor{}
	got = h.do("connector", http.MethodPost, prefix+"/pulls/"+f.pull.ID+"/release", "")
	if got.status != http.StatusAccepted || decode[pull](t, got).ID != f.pull.ID || h.syncer.pullID != f.pull.ID {
		t.Errorf("release: %d %s of %s", got.status, got.body, h.syncer.pullID)
	}
	if diff := cmp.Diff(actor, h.syncer.by); diff != "" {
		t.Errorf("release by (-want +got):\n%s", diff)
	}
}

func TestWhoMayNotChangeChangesNothing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	for _, who := range []string{"", "nobody", "auditor"} {
		for _, target := range []string{"/users/" + f.person.ID + "/block", "/connectors/gitlab/sync", "/pulls/" + f.pull.ID + "/release"} {
			if got := h.do(who, http.MethodPost, prefix+target, ""); got.status < 400 {
				t.Errorf("%q %s: %d", who, target, got.status)
			}
		}
	}
	if h.syncer.by != (gatehouse.Actor{}) || h.userNow(f.person.ID).State != gatehouse.UserActive {
		t.Error("something was done")
	}
}

func TestConnectorsTellHowTheyAre(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	got := want[connector](h, "/connectors/gitlab")
	if got.Counts != (counts{Accounts: 4, Resources: 4, Grants: 3, Shares: 1}) {
		t.Errorf("counts %+v", got.Counts)
	}
	if got.LastPull == nil || got.LastPull.ID != f.pull.ID || got.LastPull.State != "held" || got.LastPull.Connector != "gitlab" {
		t.Errorf("last pull %+v", got.LastPull)
	}
	for _, lang := range []string{"en", "zh-CN"} { // what a pull remarked is English for everybody
		got := want[connector](h, "/connectors/gitlab", "Accept-Language", lang)
		const held, left = "9 of 10 accounts would vanish", "Pending invitations of people without an account, left out: 3."
		if got.StatusText != held || got.LastPull == nil || got.LastPull.Error != held || !slices.Equal(got.LastPull.Notes, []string{left}) {
			t.Errorf("%s: %q, last pull %+v", lang, got.StatusText, got.LastPull)
		}
	}
	h.update(func(tx *store.Tx) error {
		return tx.SaveConnector(&gatehouse.Connector{Key: "never", Name: "Never pulled", Kind: "gitlab"})
	})
	if got := want[connector](h, "/connectors/never"); got.LastPull != nil || got.Status != "not_configured" {
		t.Errorf("%+v", got)
	}
	connections := want[Page[connection]](h, "/connections")
	if len(connections.Items) != 1 || connections.Items[0].Callback != ourURL+"/users/auth/dingtalk/callback" {
		t.Errorf("connections %+v", connections.Items)
	}
	clients := want[Page[client]](h, "/clients")
	if len(clients.Items) != 1 || clients.Items[0].Public || !cmp.Equal(clients.Items[0].GrantTypes, []string{"authorization_code", "refresh_token"}) {
		t.Errorf("clients %+v", clients.Items)
	}
}
