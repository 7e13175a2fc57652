package provided

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestNext(t *testing.T) {
	t.Parallel()
	now := noon
	good := gatehouse.Tokens{Access: "a", Refresh: "r", ExpiresAt: now.Add(time.Hour)}
	soon, past, lone, lonely := good, good, good, good
	soon.ExpiresAt, past.ExpiresAt = now.Add(margin), now
	lone.Refresh, lone.ExpiresAt = "", now.Add(time.Second)
	lonely.Refresh, lonely.ExpiresAt = "", now
	failed := gatehouse.Notef("no")
	for name, tt := range map[string]struct {
		tokens gatehouse.ProviderTokens
		want   step
	}{
		"Nothing":              {gatehouse.ProviderTokens{}, stepReconnect},
		"Good":                 {gatehouse.ProviderTokens{Tokens: good}, stepGive},
		"EndNotTold":           {gatehouse.ProviderTokens{Tokens: gatehouse.Tokens{Access: "a"}}, stepGive},
		"EndsSoon":             {gatehouse.ProviderTokens{Tokens: soon}, stepRenew},
		"Past":                 {gatehouse.ProviderTokens{Tokens: past}, stepRenew},
		"SoonWithoutRefresh":   {gatehouse.ProviderTokens{Tokens: lone}, stepGive},
		"PastWithoutRefresh":   {gatehouse.ProviderTokens{Tokens: lonely}, stepReconnect},
		"SoonAndRefused":       {gatehouse.ProviderTokens{Tokens: soon, Failed: failed}, stepGive},
		"PastAndRefused":       {gatehouse.ProviderTokens{Tokens: past, Failed: failed}, stepReconnect},
		"SoonAndNotReached":    {gatehouse.ProviderTokens{Tokens: soon, RetryAt: now.Add(1)}, stepGive},
		"PastAndNotReached":    {gatehouse.ProviderTokens{Tokens: past, RetryAt: now.Add(1)}, stepLater},
		"PastAndTimeToTry":     {gatehouse.ProviderTokens{Tokens: past, RetryAt: now}, stepRenew},
		"GoodThoughNotReached": {gatehouse.ProviderTokens{Tokens: good, RetryAt: now.Add(1)}, stepGive},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if got := next(tt.tokens, now); got != tt.want {
				t.Errorf("step %d, want %d", got, tt.want)
			}
		})
	}
}

// TestGiveRefuses: who was not allowed learns nothing, not even whether the
// person is there.
func TestGiveRefuses(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	h := newHouse(t, s)
	h.keep(gatehouse.Tokens{Access: "secret", Refresh: "r", ExpiresAt: time.Now().Add(time.Hour)})
	other := gatehouse.User{Username: "other", State: gatehouse.UserActive}
	blocked := gatehouse.User{Username: "blocked", State: gatehouse.UserBlocked}
	h.update(func(tx *store.Tx) error {
		disabled := gatehouse.Connection{Name: "off", Kind: "gitlab"}
		forgetful := gatehouse.Connection{Name: "forgetful", Kind: "gitlab", Enabled: true, Rules: gatehouse.ConnectionRules{ForgetTokens: true}}
		plain := gatehouse.Connection{Name: "plain", Kind: "gitlab", Enabled: true}
		unscoped := gatehouse.Client{ID: "unscoped", SecretHash: []byte("x"), Enabled: true, Scopes: []string{"openid"}}
		public := gatehouse.Client{ID: "public", Enabled: true, Scopes: []string{Scope}}
		off := gatehouse.Client{ID: "off", SecretHash: []byte("x"), Scopes: []string{Scope}}
		trusted := gatehouse.Client{ID: "trusted", SecretHash: []byte("x"), Trusted: true, Enabled: true, Scopes: []string{Scope}}
		err := errors.Join(
			tx.SaveUser(&other), tx.SaveUser(&blocked), tx.SaveConnection(&disabled), tx.SaveConnection(&forgetful), tx.SaveConnection(&plain),
			tx.SaveClient(&unscoped), tx.SaveClient(&public), tx.SaveClient(&off), tx.SaveClient(&trusted),
		)
		for _, c := range []string{"unscoped", "public", "off", "gone"} {
			err = errors.Join(err, tx.SaveConsent(store.Consent{UserID: h.user.ID, ClientID: c, Scopes: []string{Scope}}))
		}
		return errors.Join(err, tx.SaveConsent(store.Consent{UserID: blocked.ID, ClientID: "app", Scopes: []string{Scope}}),
			tx.SaveConsent(store.Consent{UserID: other.ID, ClientID: "app", Scopes: []string{"openid"}}))
	})
	as := func(id string) Asker {
		return Asker{ClientID: id, Actor: gatehouse.Actor{Kind: gatehouse.ActorClient, ID: id}}
	}
	admin := Asker{Actor: gatehouse.Actor{Kind: gatehouse.ActorUser, ID: "admin"}, Administrator: true}
	for name, tt := range map[string]struct {
		by         Asker
		who, where string
		want       Refusal
		kind       gatehouse.ErrorKind
	}{
		"UnknownPerson":           {app(), "1", "gitlab", NotConsented, gatehouse.Forbidden},
		"UnknownPersonByName":     {app(), "nobody", "gitlab", NotConsented, gatehouse.Forbidden},
		"NobodyAllowed":           {app(), other.ID, "gitlab", NotConsented, gatehouse.Forbidden},
		"TrustedClientNeedsIt":    {as("trusted"), h.user.ID, "gitlab", NotConsented, gatehouse.Forbidden},
		"ClientWithoutTheScope":   {as("unscoped"), h.user.ID, "gitlab", NotConsented, gatehouse.Forbidden},
		"ClientWithoutSecret":     {as("public"), h.user.ID, "gitlab", NotConsented, gatehouse.Forbidden},
		"ClientSwitchedOff":       {as("off"), h.user.ID, "gitlab", NotConsented, gatehouse.Forbidden},
		"ClientThatIsGone":        {as("gone"), h.user.ID, "gitlab", NotConsented, gatehouse.Forbidden},
		"AdministratorNotAllowed": {admin, h.user.ID, "gitlab", NotConsented, gatehouse.Forbidden},
		"BlockedPerson":           {app(), blocked.ID, "gitlab", Inactive, gatehouse.Forbidden},
		"UnknownConnection":       {app(), h.user.ID, "nosuch", NotConnected, gatehouse.NotFound},
		"NotConnected":            {app(), h.user.ID, "plain", NotConnected, gatehouse.NotFound},
		"ForgetTokens":            {app(), h.user.ID, "forgetful", NotConnected, gatehouse.NotFound},
		"DisabledConnection":      {app(), h.user.ID, "off", Disabled, gatehouse.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, err := h.Give(t.Context(), tt.by, tt.who, tt.where)
			var no *Refused
			if !errors.As(err, &no) || no.Why != tt.want || gatehouse.KindOf(err) != tt.kind || g.Access != "" {
				t.Errorf("given %d characters, %v; want %s", len(g.Access), err, tt.want)
			}
		})
	}
}

func TestGive(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		h := newHouse(t, s)
		end := time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
		h.keep(gatehouse.Tokens{Access: "secret", Refresh: "r", Scopes: []string{"api"}, ExpiresAt: end})
		own := Asker{Actor: gatehouse.Actor{Kind: gatehouse.ActorUser, ID: h.user.ID, Name: "ann"}}
		for _, ask := range []struct {
			by  Asker
			who string
		}{{app(), h.user.ID}, {app(), strconv.FormatInt(h.user.Number, 10)}, {own, h.user.ID}} {
			g, err := h.Give(t.Context(), ask.by, ask.who, "gitlab")
			if err != nil {
				t.Fatal(err)
			}
			if g.Access != "secret" || !g.ExpiresAt.Equal(end) || g.Subject != "7" || g.Connection.Name != "gitlab" || !cmp.Equal(g.Scopes, []string{"api"}) {
				t.Errorf("given %+v", g)
			}
		}
		if n := len(h.events("provider_token.read")); n != 3 {
			t.Errorf("%d lines in the audit log, want 3", n)
		}
		if h.provider.times() != 0 {
			t.Error("the provider was asked though nothing was due")
		}
		// What was allowed can be withdrawn.
		h.update(func(tx *store.Tx) error { return tx.DeleteConsent(h.user.ID, "app") })
		if _, err := h.Give(t.Context(), app(), h.user.ID, "gitlab"); !errors.Is(err, gatehouse.Forbidden) {
			t.Errorf("after withdrawing: %v", err)
		}
		// Administrators need it too, under a name that no client can have.
		h.update(func(tx *store.Tx) error {
			return tx.SaveConsent(store.Consent{UserID: h.user.ID, ClientID: Administrators, Scopes: []string{Scope}})
		})
		if _, err := h.Give(t.Context(), Asker{Actor: gatehouse.Actor{Kind: gatehouse.ActorUser, ID: "admin"}, Administrator: true}, h.user.ID, "gitlab"); err != nil {
			t.Errorf("an administrator who may: %v", err)
		}
		if _, err := h.Give(t.Context(), Asker{Actor: gatehouse.Actor{Kind: gatehouse.ActorUser, ID: "colleague"}}, h.user.ID, "gitlab"); !errors.Is(err, gatehouse.Forbidden) {
			t.Errorf("somebody who is none: %v", err)
		}
		for _, e := range h.events("provider_token") {
			for _, v := range e.Details {
				if v == "secret" || v == "r" {
					t.Errorf("G7: the audit log has a token: %v", e)
				}
			}
		}
	})
}

func TestOfSeveralIdentitiesTheLastUsedCounts(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.Open(t))
	h.keep(gatehouse.Tokens{Access: "old"})
	h.update(func(tx *store.Tx) error {
		second := gatehouse.Identity{UserID: h.user.ID, ConnectionID: h.connection.ID, Subject: "8", LastUsedAt: tx.Now()}
		if err := tx.SaveIdentity(&second); err != nil {
			return err
		}
		return h.Keep(tx, second, &gatehouse.Tokens{Access: "new"})
	})
	if g, err := h.Give(t.Context(), app(), h.user.ID, "gitlab"); err != nil || g.Access != "new" || g.Subject != "8" {
		t.Errorf("given %q of %q, %v", g.Access, g.Subject, err)
	}
}

func TestAskersAreLimited(t *testing.T) {
	t.Parallel()
	h := newHouse(t, storetest.Open(t))
	at := noon
	h.Clock = func() time.Time { return at }
	for range askBurst {
		if !h.mayAsk(app()) {
			t.Fatal("held back too early")
		}
	}
	if _, err := h.Give(t.Context(), app(), h.user.ID, "gitlab"); !errors.Is(err, gatehouse.Limited) {
		t.Errorf("got %v, want Limited", err)
	}
	if !h.mayAsk(Asker{ClientID: "another"}) {
		t.Error("one asker holds back another")
	}
	at = at.Add(askEvery)
	if !h.mayAsk(app()) {
		t.Error("nothing comes back with time")
	}
}

func (h *house) events(action string) (all []gatehouse.Event) {
	h.t.Helper()
	if err := h.Store.View(context.Background(), func(tx *store.Tx) error {
		page, err := tx.Events(store.EventFilter{Action: action}, store.Cursor{Limit: 200})
		all = page.Items
		return err
	}); err != nil {
		h.t.Fatal(err)
	}
	return all
}
