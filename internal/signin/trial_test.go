package signin

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
)

// root is an administrator.
func (w *world) root() gatehouse.User {
	w.t.Helper()
	u := gatehouse.User{Username: "root", State: gatehouse.UserActive, Role: gatehouse.RoleSuperAdministrator}
	w.update(func(tx *store.Tx) error {
		u.ID = ""
		return tx.SaveUser(&u)
	})
	return u
}

// try tests "one" as the administrator, and gives the decision that is kept.
func (w *world) try(root gatehouse.User, code string) gatehouse.Decision {
	w.t.Helper()
	goTo, err := w.Test(w.t.Context(), Start{Connection: "one", UserID: root.ID, BrowserHash: browser, ReturnTo: "/elsewhere"}, "192.0.2.1")
	if err != nil {
		w.t.Fatal(err)
	}
	if u, err := url.Parse(goTo); err == nil && u.Host == "provider.example" {
		a := answer(u.Query().Get("state"), code)
		a.CurrentUserID, a.CurrentSessionID = root.ID, "session"
		r := w.finish(a)
		if r.SessionToken != "" {
			w.t.Error("a test started a session")
		}
		goTo = r.GoTo
	}
	id, ok := strings.CutPrefix(goTo, "/admin/connections/one/test/")
	if !ok {
		w.t.Fatalf("leads to %q", goTo)
	}
	var d gatehouse.Decision
	w.update(func(tx *store.Tx) (err error) {
		d, err = tx.Decision(id)
		return err
	})
	return d
}

// changedNothing: no user but the administrator, no session, no identity.
func (w *world) changedNothing() {
	w.t.Helper()
	if n := w.sessions(); n != 0 {
		w.t.Errorf("%d sessions", n)
	}
	w.update(func(tx *store.Tx) error {
		page, err := tx.Users(store.UserFilter{}, store.Cursor{Limit: 10})
		if len(page.Items) != 1 {
			w.t.Errorf("%d users", len(page.Items))
		}
		c, err2 := tx.ConnectionByName("one")
		if n, err := tx.CountIdentities(c.ID); n != 0 || err != nil {
			w.t.Errorf("%d identities, %v", n, err)
		}
		return errors.Join(err, err2)
	})
}

func TestTestShowsAndChangesNothing(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, w *world) {
		root := w.root()
		w.fake.finish = func(_ context.Context, _ gatehouse.Attempt, v url.Values) (gatehouse.Vouched, error) {
			return gatehouse.Vouched{
				Subject: v.Get("code"), Aliases: map[string]string{"openid": "o-1"}, Facts: map[string]string{"missing_permission": "qyapi_get_member"},
				Profile: gatehouse.Profile{Username: "new", Name: "New\nPerson", Email: "new@example.com", Verified: gatehouse.Verified, Title: "Engineer", Groups: []string{"a", "b"}},
				Tokens:  &gatehouse.Tokens{Access: "s3cr3t", Refresh: "s3cr3t", ID: "s3cr3t", Scopes: []string{"read_user"}},
			}, nil
		}
		d := w.try(root, "7")
		if d.Outcome != gatehouse.OutcomeTested || d.Rule != RuleTest || d.Subject != "7" || d.UserID != "" || len(d.Reference) != 8 {
			t.Errorf("kept %+v", d)
		}
		for name, want := range map[string]string{
			FactTestedBy: "root", FactTestOutcome: "created", FactTestRule: "allow_single_sign_on", FactTestUser: "",
			"provider_username": "new", "provider_name": "New Person", "provider_email": "new@example.com", "provider_title": "Engineer",
			"provider_groups": "a, b", "provider_id_openid": "o-1", "provider_scopes": "read_user", "provider_missing_permission": "qyapi_get_member",
		} {
			if got := d.Facts[name]; got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
		for name, v := range d.Facts {
			if strings.Contains(v, "s3cr3t") {
				t.Errorf("%s shows a token", name)
			}
		}
		w.changedNothing()
		w.update(func(tx *store.Tx) error {
			page, err := tx.Events(store.EventFilter{Action: "connection.tested"}, store.Cursor{})
			if len(page.Items) != 1 || page.Items[0].Actor.Name != "root" || page.Items[0].Details["outcome"] != "tested" {
				t.Errorf("audit log: %+v", page.Items)
			}
			return err
		})
	})
}

func TestTestTellsWhatFails(t *testing.T) {
	t.Parallel()
	w, _ := one(t)
	root := w.root()
	w.fake.finish = func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
		return gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Forbidden, "No %s.", "thanks").Because(errors.New("the permission X is missing"))
	}
	d := w.try(root, "7")
	if d.Outcome != gatehouse.OutcomeRefused || d.Rule != RuleTest || d.Facts[FactTestRule] != "provider" || d.Reason != "No %s." || d.Facts["cause"] != "the permission X is missing" {
		t.Errorf("kept %+v", d)
	}
	w.fake.begin = func(context.Context, gatehouse.Attempt) (string, error) { return "", errors.New("boom") }
	if d := w.try(root, "7"); d.Outcome != gatehouse.OutcomeFailed || d.Rule != RuleTest {
		t.Errorf("kept %+v", d)
	}
	w.changedNothing()
}

func TestTestWorksWithWhatIsDisabledOrLinkOnly(t *testing.T) {
	t.Parallel()
	w, _ := one(t)
	root := w.root()
	w.change(gatehouse.Connection{Name: "one", Enabled: false, Rules: gatehouse.ConnectionRules{LinkOnly: true}})
	if d := w.try(root, "7"); d.Outcome != gatehouse.OutcomeTested || d.Facts[FactTestOutcome] != string(gatehouse.OutcomeRefused) {
		t.Errorf("kept %+v", d)
	}
}

func TestTestIsTheAdministratorsOwn(t *testing.T) {
	t.Parallel()
	w, _ := one(t)
	root := w.root()
	for name, spoil := range map[string]func(*Answer){
		"SomebodyElse":   func(a *Answer) { a.CurrentUserID = "other" },
		"Nobody":         func(a *Answer) { a.CurrentUserID = "" },
		"AnotherBrowser": func(a *Answer) { a.BrowserHash = another },
	} {
		goTo, err := w.Test(t.Context(), Start{Connection: "one", UserID: root.ID, BrowserHash: browser}, "")
		if err != nil {
			t.Fatal(err)
		}
		u, _ := url.Parse(goTo)
		a := answer(u.Query().Get("state"), "7")
		a.CurrentUserID = root.ID
		spoil(&a)
		var r *Refused
		if _, err := w.Finish(t.Context(), a); !errors.As(err, &r) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := w.Test(t.Context(), Start{Connection: "one", BrowserHash: browser}, ""); err == nil {
		t.Error("a test of nobody's began")
	}
	if _, err := w.Test(t.Context(), Start{Connection: "none", UserID: root.ID, BrowserHash: browser}, ""); !errors.Is(err, gatehouse.NotFound) {
		t.Errorf("of a connection that is not there: %v", err)
	}
	w.changedNothing()
}

// TestH7RemovedConnectionStopsAnswersUnderWay: a sign-in that was begun before
// its connection was disabled or removed lets nobody in, whenever that happens.
func TestH7RemovedConnectionStopsAnswersUnderWay(t *testing.T) {
	t.Parallel()
	remove := func(w *world) {
		w.update(func(tx *store.Tx) error {
			c, err := tx.ConnectionByName("one")
			if err != nil {
				return err
			}
			return tx.DeleteConnection(c.ID)
		})
	}
	disable := func(w *world) { w.change(gatehouse.Connection{Name: "one", Enabled: false}) }
	again := func(w *world) {
		remove(w)
		w.change(gatehouse.Connection{Name: "one", Enabled: true, Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true}})
	}
	for name, do := range map[string]func(*world){"Removed": remove, "Disabled": disable, "RemovedAndMadeAgain": again} {
		for _, when := range []string{"Before", "WhileTheProviderIsAsked"} {
			t.Run(name+when, func(t *testing.T) {
				t.Parallel()
				w, _ := one(t)
				state := w.begin(Start{})
				if when == "Before" {
					do(w)
				} else {
					w.fake.finish = func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
						do(w)
						return gatehouse.Vouched{Subject: "7"}, nil
					}
				}
				var r *Refused
				if res, err := w.Finish(t.Context(), answer(state, "7")); !errors.As(err, &r) || res.SessionToken != "" {
					t.Errorf("got %+v, %v", res, err)
				}
				if n := w.sessions(); n != 0 {
					t.Errorf("%d sessions", n)
				}
			})
		}
	}
}
