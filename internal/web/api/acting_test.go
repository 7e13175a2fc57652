package api

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestApplicationsOfAUser(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouseOn(t, s)
		f := h.fill()
		at := "/users/" + f.person.ID + "/applications"
		all := want[Page[application]](h, at).Items
		if len(all) != 1 || all[0].ClientID != "app-1" || all[0].Name != "App" || !all[0].Asked || all[0].Tokens || !cmp.Equal(all[0].Scopes, []string{"openid"}) {
			t.Fatalf("%+v", all)
		}
		isProblem(t, h.do("auditor", http.MethodDelete, prefix+at+"/app-1", ""), http.StatusForbidden, "forbidden")
		isProblem(t, h.remove(at+"/app-2"), http.StatusNotFound, "not_found")
		if got := h.remove(at + "/app-1"); got.status != http.StatusOK || len(decode[Page[application]](t, got).Items) != 0 {
			t.Errorf("withdraw: %d %s", got.status, got.body)
		}
		isProblem(t, h.remove(at+"/app-1"), http.StatusNotFound, "not_found")
		h.update(func(tx *store.Tx) error {
			events, err := tx.Events(store.EventFilter{Action: "consent.withdrawn"}, store.Cursor{})
			if len(events.Items) != 1 || events.Items[0].Actor.Name != "super" {
				t.Errorf("audit log: %+v", events.Items)
			}
			return err
		})
	})
}

func TestKeptTokensAreListedWithoutThemselves(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouseOn(t, s)
		f := h.fill()
		at := "/users/" + f.person.ID + "/provider_tokens"
		if all := want[Page[keptToken]](h, at).Items; len(all) != 0 {
			t.Fatalf("%+v", all)
		}
		ends := time.Now().Add(time.Hour).Truncate(time.Second).UTC()
		h.update(func(tx *store.Tx) error {
			return tx.SaveProviderTokens(&gatehouse.ProviderTokens{
				IdentityID: f.identity.ID, Tokens: gatehouse.Tokens{Access: "very-secret", Refresh: "secret-too", Scopes: []string{"read_user"}, ExpiresAt: ends},
			})
		})
		got := h.get(at)
		if strings.Contains(got.body, "secret") {
			t.Errorf("the token is in the answer: %s", got.body)
		}
		all := decode[Page[keptToken]](t, got).Items
		if len(all) != 1 || all[0].Connection != "dingtalk" || all[0].Subject != "union-1" || !all[0].Renewed || all[0].Reconnect || !all[0].ExpiresAt.Equal(ends) {
			t.Errorf("%+v", all)
		}
	})
}

func TestMailedProofs(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	at := "/users/" + f.person.ID
	if got := h.post(at+"/emails/verify", `{"address":"alice@corp.example"}`); got.status != http.StatusOK || !cmp.Equal(h.proofs.mailed, []string{f.person.ID + " alice@corp.example"}) {
		t.Errorf("%d %s, mailed %v", got.status, got.body, h.proofs.mailed)
	}
	isProblem(t, h.post(at+"/emails/verify", `{}`), http.StatusUnprocessableEntity, "invalid")
	h.api.MailReady = nil
	isProblem(t, h.post(at+"/emails/verify", `{"address":"alice@corp.example"}`), http.StatusConflict, "conflict")
	isProblem(t, h.post(at+"/invite", `{"mail":true}`), http.StatusConflict, "conflict")
	if len(h.proofs.mailed) != 1 || len(h.invites.mailed) != 0 {
		t.Error("something was mailed to nobody")
	}
}

func TestPausesAreToldOfOneUser(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	f := h.fill()
	if got := want[user](h, "/users/"+f.person.ID); !got.PausedUntil.IsZero() {
		t.Errorf("paused until %s", got.PausedUntil)
	}
	h.locks.until = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	if got := want[user](h, "/users/"+f.person.ID); !got.PausedUntil.Equal(h.locks.until) {
		t.Errorf("paused until %s", got.PausedUntil)
	}
}
