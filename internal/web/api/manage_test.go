package api

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// inviter makes links that say for whom they are.
type inviter struct{ mailed []string }

func (*inviter) Invite(_ *store.Tx, _ gatehouse.Actor, userID string) (string, error) {
	return ourURL + "/sign-in/invite?token=of-" + userID, nil
}

func (i *inviter) InviteByMail(_ *store.Tx, _ gatehouse.Actor, userID string) error {
	i.mailed = append(i.mailed, userID)
	return nil
}

// prover remembers what it mailed links to.
type prover struct{ mailed []string }

func (p *prover) SendProof(_ *store.Tx, _ gatehouse.Actor, userID, address, _ string) error {
	p.mailed = append(p.mailed, userID+" "+address)
	return nil
}

// locks remembers who was unlocked.
type locks struct {
	unlocked []string
	until    time.Time
}

func (l *locks) PausedUntil(*store.Tx, string) (time.Time, error) { return l.until, nil }

func (l *locks) Unlock(_ *store.Tx, by gatehouse.Actor, userID string) (bool, error) {
	l.unlocked = append(l.unlocked, by.Name+" "+userID)
	return true, nil
}

func (h *house) post(target, body string) reply {
	h.t.Helper()
	return h.do("super", http.MethodPost, prefix+target, body, "Content-Type", "application/json")
}

func (h *house) remove(target string) reply {
	h.t.Helper()
	return h.do("super", http.MethodDelete, prefix+target, "")
}

func TestMakingAUser(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouseOn(t, s)
		got := h.post("/users", `{"username":"New.Bie","name":"New","email":"New@x.org","email_verified":true,"role":"auditor","state":"blocked","number":5}`)
		made := decode[user](t, got)
		if got.status != http.StatusCreated || made.Username != "new.bie" || made.Email != "new@x.org" || !made.EmailVerified || made.Role != "auditor" ||
			made.State != "active" || made.Number < gatehouse.FirstUserNumber {
			t.Fatalf("%d %s", got.status, got.body)
		}
		isProblem(t, h.post("/users", `{"username":"!"}`), http.StatusBadRequest, "invalid")
		isProblem(t, h.post("/users", `{"username":"x","email":"no address"}`), http.StatusBadRequest, "invalid")
		isProblem(t, h.post("/users", `{"username":"other","email":"new@x.org","email_verified":true}`), http.StatusConflict, "conflict")
		isProblem(t, h.post("/users", `{"username":"other","role":"owner"}`), http.StatusUnprocessableEntity, "invalid")
		isProblem(t, h.post("/users", `{}`), http.StatusUnprocessableEntity, "invalid")

		shown := decode[invitation](t, h.post("/users/"+made.ID+"/invite", ""))
		if shown.Address != ourURL+"/sign-in/invite?token=of-"+made.ID || shown.Mailed {
			t.Errorf("%+v", shown)
		}
		mailed := decode[invitation](t, h.post(fmt.Sprintf("/users/%d/invite", made.Number), `{"mail":true}`))
		if mailed.Address != "" || !mailed.Mailed || len(h.invites.mailed) != 1 {
			t.Errorf("%+v, %v", mailed, h.invites.mailed)
		}
	})
}

func TestRolesIdentitiesSessionsLocks(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouseOn(t, s)
		f := h.fill()
		at := "/users/" + f.person.ID
		if got := h.post(at+"/role", `{"role":"connector_administrator"}`); got.status != http.StatusOK || decode[user](t, got).Role != "connector_administrator" {
			t.Errorf("role: %d %s", got.status, got.body)
		}
		isProblem(t, h.post("/users/"+h.users["super"].ID+"/role", `{"role":""}`), http.StatusForbidden, "forbidden")
		isProblem(t, h.post(at+"/role", `{"role":"owner"}`), http.StatusUnprocessableEntity, "invalid")
		isProblem(t, h.post(at+"/role", `{}`), http.StatusUnprocessableEntity, "invalid")

		h.signIn("alice", f.person)
		if got := h.remove(at + "/sessions"); got.status != http.StatusOK {
			t.Errorf("end sessions: %d %s", got.status, got.body)
		}
		if got := h.do("alice", http.MethodGet, prefix+"/me", ""); got.status != http.StatusUnauthorized {
			t.Errorf("the session lives: %d", got.status)
		}
		if got := h.remove("/users/" + h.users["super"].ID + "/sessions"); got.status != http.StatusOK || h.get("/me").status != http.StatusOK {
			t.Error("ending one's own sessions ended the one that asked")
		}
		if got := h.post(at+"/unlock", ""); got.status != http.StatusOK || len(h.locks.unlocked) != 1 || h.locks.unlocked[0] != "super "+f.person.ID {
			t.Errorf("unlock: %d %v", got.status, h.locks.unlocked)
		}

		isProblem(t, h.remove("/users/"+h.users["nobody"].ID+"/identities/"+f.identity.ID), http.StatusNotFound, "not_found")
		if got := h.remove(at + "/identities/" + f.identity.ID); got.status != http.StatusOK {
			t.Errorf("remove: %d %s", got.status, got.body)
		}
		for _, i := range want[Page[identity]](h, at+"/identities").Items {
			if i.ID == f.identity.ID {
				t.Error("the identity is still there")
			}
		}
		emails := want[Page[email]](h, at+"/emails")
		if len(emails.Items) == 0 || !emails.Items[0].Primary || emails.Items[0].Address != f.person.Email || !emails.Items[0].Verified {
			t.Errorf("addresses: %+v", emails.Items)
		}
	})
}

func TestMergingAndSplitting(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouseOn(t, s)
		f := h.fill()
		h.fillTwin(&f)
		keep, at := f.person, "/users/"+f.person.ID
		before := want[Page[merge]](h, at+"/merges")
		if len(before.Items) != 1 || before.Items[0].ID != f.merge.ID || before.Items[0].GoneID != f.twin.ID || before.Items[0].Split {
			t.Fatalf("merges: %+v", before.Items)
		}
		if got := want[user](h, fmt.Sprintf("/users/%d", f.twin.Number)); got.ID != keep.ID {
			t.Errorf("the number of the one who went finds %s", got.Username)
		}
		if got := want[user](h, "/users/"+f.twin.ID); got.State != "merged" || got.MergedInto != keep.ID {
			t.Errorf("the one who went: %+v", got)
		}
		back := want[splitPlan](h, "/merges/"+f.merge.ID+"/split_plan")
		if back.Keep.ID != keep.ID || back.Gone.ID != f.twin.ID || len(back.Emails) != 1 || len(back.Identities) != 0 || len(back.Added) != 0 {
			t.Errorf("split plan: %+v", back)
		}
		if got := h.post("/merges/"+f.merge.ID+"/split", ""); got.status != http.StatusOK || !decode[merge](t, got).Split {
			t.Errorf("split: %d %s", got.status, got.body)
		}
		isProblem(t, h.post("/merges/"+f.merge.ID+"/split", ""), http.StatusConflict, "conflict")
		h.signIn("super", h.users["super"])

		plan := want[mergePlan](h, at+"/merge_plan/"+f.twin.ID)
		if plan.Keep.ID != keep.ID || plan.Gone.ID != f.twin.ID || plan.Gone.State != "active" || len(plan.Emails) != 1 || plan.Emails[0].Address != "twin@corp.example" {
			t.Errorf("plan: %+v", plan)
		}
		isProblem(t, h.get(at+"/merge_plan/"+keep.ID), http.StatusBadRequest, "invalid")
		isProblem(t, h.post(at+"/merge", `{"other":"nobody"}`), http.StatusNotFound, "not_found")
		got := h.post(at+"/merge", fmt.Sprintf(`{"other":"%d"}`, f.twin.Number))
		if got.status != http.StatusOK || decode[merge](t, got).Emails[0] != "twin@corp.example" {
			t.Errorf("merge: %d %s", got.status, got.body)
		}
		if one := want[merge](h, "/merges/"+decode[merge](t, got).ID); one.MergedBy != "super" {
			t.Errorf("merge: %+v", one)
		}
		isProblem(t, h.get("/merges/"+f.merge.ID+"/split_plan"), http.StatusConflict, "conflict")
		isProblem(t, h.get("/merges/none"), http.StatusNotFound, "not_found")
	})
}

// TestS12WhatCannotEasilyBeUndoneNeedsAFreshProof: an old session of a super
// administrator changes no roles.
func TestS12WhatCannotEasilyBeUndoneNeedsAFreshProof(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	h.fillTwin(&f)
	h.update(func(tx *store.Tx) (err error) {
		u := h.users["super"]
		h.cookies["super"], _, err = h.api.Sessions.Start(tx, session.Start{UserID: u.ID, UserName: u.Username, AuthAt: tx.Now().Add(-time.Hour)})
		return err
	})
	stale := 0
	for _, a := range addresses(described()) {
		got := h.do("super", a.method, f.at(a.path), f.body(a), "Content-Type", "application/json")
		if got.status == http.StatusForbidden && decode[problem](t, got).Code == "stale" {
			stale++
			continue
		}
		for _, sensitive := range []string{"POST /users", "POST /users/{user}/role", "POST /users/{user}/invite", "DELETE /users/{user}/identities/{identity}", "POST /users/{user}/merge", "POST /merges/{merge}/split", "POST /registration_tokens", "POST /clients", "PATCH /clients/{client}", "DELETE /clients/{client}", "POST /clients/{client}/secret", "PUT /connectors/{connector}/accounts/{account}/match", "PUT /connectors/{connector}/matching"} {
			if a.method+" "+strings.TrimPrefix(a.path, prefix) == sensitive {
				t.Errorf("%s: %d", sensitive, got.status)
			}
		}
	}
	if stale != 13 {
		t.Errorf("%d addresses ask for a fresh proof", stale)
	}
	if u := h.userNow(f.person.ID); u.Role != "" {
		t.Errorf("the role is %q", u.Role)
	}
}
