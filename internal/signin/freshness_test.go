package signin

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store"
)

// TestFreshly is every case of what a provider says about when it asked.
func TestFreshly(t *testing.T) {
	t.Parallel()
	began := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		authAt    time.Time
		local     bool
		how, rule string
	}{
		"AskedJustNow":               {began.Add(time.Minute), false, shownByProvider, ""},
		"AskedJustNowAndLocal":       {began.Add(time.Minute), true, shownByProvider, ""},
		"AtOnce":                     {began, false, shownByProvider, ""},
		"ClocksApart":                {began.Add(-freshSkew), false, shownByProvider, ""},
		"FromBefore":                 {began.Add(-freshSkew - time.Second), false, "", ruleStale},
		"FromBeforeAndLocal":         {began.Add(-8 * time.Hour), true, "", ruleStale},
		"SaysNothing":                {time.Time{}, false, notProvedByProvider, ""},
		"SaysNothingAndLocal":        {time.Time{}, true, "", ruleUnproved},
		"TheBeginningOfUnixIsATime":  {time.Unix(0, 0), false, "", ruleStale},
		"YetToCome":                  {began.Add(attemptLife + freshSkew + time.Second), false, notProvedByProvider, ""},
		"YetToComeAndLocal":          {time.Unix(1e11, 0), true, "", ruleUnproved},
		"ALongTimeAtTheProvidersWay": {began.Add(attemptLife), true, shownByProvider, ""},
	} {
		how, rule := freshly(gatehouse.Attempt{CreatedAt: began}, gatehouse.Vouched{AuthAt: tt.authAt}, began.Add(attemptLife), tt.local)
		if how != tt.how || rule != tt.rule {
			t.Errorf("%s: %q, %q", name, how, rule)
		}
	}
}

// TestSignedInAt: an ordinary sign-in is as old as the provider says.
func TestSignedInAt(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 8, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		fresh  bool
		authAt time.Time
		want   time.Time
	}{
		"InTheMorning":   {false, now.Add(-8 * time.Hour), now.Add(-8 * time.Hour)},
		"SaysNothing":    {false, time.Time{}, now},
		"InTheFuture":    {false, now.Add(time.Hour), now},
		"AskedAgain":     {true, now.Add(-time.Second), now},
		"AskedAndSilent": {true, time.Time{}, now},
	} {
		if got := signedInAt(gatehouse.Attempt{Fresh: tt.fresh}, gatehouse.Vouched{AuthAt: tt.authAt}, now); !got.Equal(tt.want) {
			t.Errorf("%s: %s", name, got)
		}
	}
}

// TestConfirmable: who can prove it here is offered no provider that says nothing.
func TestConfirmable(t *testing.T) {
	t.Parallel()
	all := []gatehouse.Connection{{Name: "showing"}, {Name: "silent"}}
	shows := func(c gatehouse.Connection) bool { return c.Name == "showing" }
	for local, want := range map[bool][]string{true: {"showing"}, false: {"showing", "silent"}} {
		var got []string
		for _, c := range confirmable(local, all, shows) {
			got = append(got, c.Name)
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Errorf("with a way of one's own %t (-want +got):\n%s", local, d)
		}
	}
	if all[1].Name != "silent" {
		t.Error("the list that was given has changed")
	}
}

// confirming is somebody who comes back from a provider to confirm who they are.
func (w *local) confirming(l Local, connection string) (Answer, error) {
	w.t.Helper()
	address, err := w.Begin(w.t.Context(), Start{
		Connection: connection, Purpose: gatehouse.ForConfirm, UserID: l.UserID, ReturnTo: l.ReturnTo, BrowserHash: browser,
	})
	if err != nil {
		return Answer{}, err
	}
	u, err := url.Parse(address)
	if err != nil {
		return Answer{}, err
	}
	a := answer(u.Query().Get("state"), "alice")
	a.Connection, a.CurrentUserID, a.CurrentSessionID = connection, l.UserID, l.SessionID
	return a, nil
}

// TestS12ConfirmLooksAtTheProof that a provider asked the person.
func TestS12ConfirmLooksAtTheProof(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		w.change(gatehouse.Connection{Name: "showing", Enabled: true, Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true}})
		first := w.finish(answer(w.begin(Start{}), "alice"))
		w.update(func(tx *store.Tx) error {
			c, err := tx.ConnectionByName("showing")
			if err != nil {
				return err
			}
			return tx.SaveIdentity(&gatehouse.Identity{ConnectionID: c.ID, Subject: "alice", UserID: first.User.ID})
		})
		back := func(connection string, authAt time.Duration, says bool) (Result, gatehouse.Session, string, error) {
			l, s, token := w.signedIn(first.User)
			w.fake.authAt = time.Time{}
			if says {
				w.fake.authAt = w.Now().Add(authAt)
			}
			a, err := w.confirming(l, connection)
			if err != nil {
				return Result{}, s, token, err
			}
			r, err := w.Finish(t.Context(), a)
			return r, s, token, err
		}
		freshness := func() string {
			var page store.Page[gatehouse.Event]
			w.update(func(tx *store.Tx) (err error) {
				page, err = tx.Events(store.EventFilter{Action: "session.confirmed"}, store.Cursor{})
				return err
			})
			return page.Items[0].Details["freshness"]
		}
		r, s, token, err := back("one", 0, false)
		w.confirmed(r, err, s, token)
		if got := freshness(); got != notProvedByProvider {
			t.Errorf("the audit log says %q", got)
		}
		r, s, token, err = back("showing", 0, true)
		w.confirmed(r, err, s, token)
		if got := freshness(); got != shownByProvider {
			t.Errorf("the audit log says %q", got)
		}
		_, _, _, err = back("showing", -time.Hour, true)
		w.no(err, ruleStale, gatehouse.Forbidden)

		w.passkey(first.User)
		ways, err := w.ConfirmWays(t.Context(), first.User.ID)
		if err != nil || !ways.Passkey || len(ways.Connections) != 1 || ways.Connections[0].Name != "showing" {
			t.Errorf("with a passkey: %+v, %v", ways, err)
		}
		var refused *Refused
		if _, _, _, err = back("one", 0, true); !errors.As(err, &refused) || refused.Decision.Rule != ruleUnproved {
			t.Errorf("a provider that says nothing is asked: %v", err)
		}
		_, _, _, err = back("showing", 0, false) // it could, and does not
		w.no(err, ruleUnproved, gatehouse.Forbidden)
		r, s, token, err = back("showing", 0, true)
		w.confirmed(r, err, s, token)
	})
}

// TestSessionsAreAsOldAsTheProof: an ordinary sign-in out of a session that the
// provider had for hours is none that sensitive acts may follow.
func TestSessionsAreAsOldAsTheProof(t *testing.T) {
	t.Parallel()
	w, c := one(t)
	w.fake.authAt = c.Now().Add(-8 * time.Hour)
	r := w.finish(answer(w.begin(Start{}), "alice"))
	var all []gatehouse.Session
	w.update(func(tx *store.Tx) (err error) {
		all, err = tx.Sessions(r.User.ID)
		return err
	})
	if len(all) != 1 || !all[0].AuthAt.Equal(w.fake.authAt) || !all[0].CreatedAt.Equal(c.Now()) || gatehouse.KindOf(w.Sessions.Fresh(all[0])) != gatehouse.Stale {
		t.Errorf("%+v", all)
	}
}

// TestDevelopmentConfirmsWhoHasNothing, and nobody else, and nowhere else.
func TestDevelopmentConfirmsWhoHasNothing(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		var u gatehouse.User
		w.update(func(tx *store.Tx) (err error) {
			u = gatehouse.User{Username: "dev-administrator", State: gatehouse.UserActive, Role: gatehouse.RoleSuperAdministrator}
			return tx.SaveUser(&u)
		})
		l, s, token := w.signedIn(u)
		if _, err := w.ConfirmDevelopment(t.Context(), l); gatehouse.KindOf(err) != gatehouse.Forbidden {
			t.Errorf("a real installation: %v", err)
		}
		w.Development = true
		r, err := w.ConfirmDevelopment(t.Context(), l)
		w.confirmed(r, err, s, token)
		w.passkey(u)
		l, _, _ = w.signedIn(u)
		if _, err := w.ConfirmDevelopment(t.Context(), l); gatehouse.KindOf(err) != gatehouse.Forbidden {
			t.Errorf("one who has a passkey: %v", err)
		}
	})
}
