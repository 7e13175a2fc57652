package signin

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/store"
)

// TestS7SecondProof: a password alone leads nowhere, nor does the attempt in
// another browser, twice, or too late.
func TestS7SecondProof(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		u := w.person("olga", gatehouse.RoleSuperAdministrator)
		secret := w.app(u)
		l := here()
		l.ReturnTo = "/admin"
		r, err := w.Password(t.Context(), l, "olga", good)
		attempt := w.owes(r, err, "/sign-in/code")
		if w.sessions() != 0 {
			t.Fatal("a session was started")
		}
		page, err := w.SecondPage(t.Context(), attempt, browser)
		if err != nil || page.User.ID != u.ID || page.Passkey || page.Setup != nil {
			t.Errorf("the page shows %+v, %v", page, err)
		}
		foreign := here().Browser
		foreign.Hash = another
		for name, try := range map[string]func() (Result, error){
			"OtherBrowser": func() (Result, error) { return w.Second(t.Context(), foreign, attempt, w.code(secret)) },
			"NoBrowser":    func() (Result, error) { return w.Second(t.Context(), Browser{}, attempt, w.code(secret)) },
			"OtherAttempt": func() (Result, error) { return w.Second(t.Context(), here().Browser, "x", w.code(secret)) },
			"AsEnrolment":  func() (Result, error) { return w.Enroll(t.Context(), here().Browser, attempt, w.code(secret)) },
		} {
			if r, err := try(); !errors.Is(err, gatehouse.Expired) || r.SessionToken != "" {
				t.Errorf("%s: %+v, %v", name, r, err)
			}
		}
		_, err = w.Second(t.Context(), here().Browser, attempt, "000000")
		w.no(err, "code_wrong", gatehouse.Invalid)
		used := w.code(secret)
		r, err = w.Second(t.Context(), here().Browser, attempt, used)
		w.enters(r, err, "password")
		if r.GoTo != "/admin" || r.Decision.Facts["second_proof"] != credentials.ByAuthenticator {
			t.Errorf("%+v", r)
		}
		if _, err := w.Second(t.Context(), here().Browser, attempt, used); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("the attempt again: %v", err)
		}
		r, err = w.Password(t.Context(), here(), "olga", good)
		attempt = w.owes(r, err, "/sign-in/code")
		w.pass(secondTime)
		if _, err := w.Second(t.Context(), here().Browser, attempt, w.code(secret)); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("too late: %v", err)
		}
	})
}

// TestS7BlockedBetweenTheProofs: the state counts when the session starts.
func TestS7BlockedBetweenTheProofs(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		u := w.person("olga", gatehouse.RoleAuditor)
		secret := w.app(u)
		r, err := w.Password(t.Context(), here(), "olga", good)
		attempt := w.owes(r, err, "/sign-in/code")
		w.update(func(tx *store.Tx) error {
			return w.Users.Block(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator}, u.ID)
		})
		if _, err := w.Second(t.Context(), here().Browser, attempt, w.code(secret)); !errors.Is(err, gatehouse.Forbidden) || w.sessions() != 0 {
			t.Errorf("%v, %d sessions", err, w.sessions())
		}
	})
}

// TestS7SecondProofAfterAProvider: who set up an app is asked for it after a
// provider, too, unless the connection is trusted with it.
func TestS7SecondProofAfterAProvider(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		first := w.finish(answer(w.begin(Start{}), "alice"))
		if first.SessionToken == "" {
			t.Fatal("without an app, more is asked")
		}
		secret, before := w.app(first.User), w.sessions()
		r, err := w.Finish(t.Context(), answer(w.begin(Start{ReturnTo: "/user/security"}), "alice"))
		attempt := w.owes(r, err, "/sign-in/code")
		if w.sessions() != before {
			t.Error("a session was started")
		}
		r, err = w.Second(t.Context(), here().Browser, attempt, w.code(secret))
		s := w.enters(r, err, "federated")
		if r.GoTo != "/user/security" || s.ConnectionID == "" {
			t.Errorf("%+v, %+v", r, s)
		}
		d := w.passkey(first.User)
		r, err = w.Finish(t.Context(), answer(w.begin(Start{}), "alice"))
		attempt = w.owes(r, err, "/sign-in/code")
		if page, err := w.SecondPage(t.Context(), attempt, browser); err != nil || !page.Passkey {
			t.Errorf("a passkey is not offered: %+v, %v", page, err)
		}
		other := w.passkey(w.person("olga", gatehouse.RoleAuditor))
		var asked struct{ Challenge string }
		options, err := w.BeginPasskey(t.Context(), browser, attempt)
		if err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(w.json(options), &asked); err != nil {
			t.Fatal(err)
		}
		foreign, err := other.Use(other.Keys()[0], asked.Challenge)
		if err != nil {
			t.Fatal(err)
		}
		_, err = w.Passkey(t.Context(), here(), attempt, foreign)
		w.no(err, "passkey_wrong", gatehouse.Invalid)
		options, err = w.BeginPasskey(t.Context(), browser, attempt)
		r, err = w.Passkey(t.Context(), here(), attempt, w.touch(d, options, err))
		w.enters(r, err, "federated")

		w.change(gatehouse.Connection{Name: "one", Enabled: true, Rules: gatehouse.ConnectionRules{AllowSingleSignOn: true, AllowBypassTwoFactor: true}})
		if r := w.finish(answer(w.begin(Start{}), "alice")); r.SessionToken == "" {
			t.Error("allow_bypass_two_factor: more is asked")
		}
	})
}

// TestEnroll: an administrator's first password leads to the app, and only the
// app leads in.
func TestEnroll(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		u := w.person("olga", gatehouse.RoleSuperAdministrator)
		l := here()
		l.ReturnTo = "/admin"
		r, err := w.Password(t.Context(), l, "olga", good)
		attempt := w.owes(r, err, "/sign-in/enroll")
		page, err := w.EnrollPage(t.Context(), attempt, browser)
		if err != nil || page.Setup == nil {
			t.Fatalf("%+v, %v", page, err)
		}
		if _, err := w.SecondPage(t.Context(), attempt, browser); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("it is taken for another page: %v", err)
		}
		secret := strings.ReplaceAll(page.Setup.Key, " ", "")
		_, err = w.Enroll(t.Context(), here().Browser, attempt, "000000")
		w.no(err, "code_wrong", gatehouse.Invalid)
		r, err = w.Enroll(t.Context(), here().Browser, attempt, w.code(secret))
		w.enters(r, err, "password")
		to, err := url.Parse(r.GoTo)
		if err != nil || to.Path != "/user/security/recovery-codes" || to.Query().Get("return_to") != "/admin" {
			t.Errorf("goes to %s", r.GoTo)
		}
		w.update(func(tx *store.Tx) error {
			codes, err := w.Local.ShownCodes(tx, u.ID, to.Query().Get("shown"), browser)
			if len(codes) != 10 {
				t.Errorf("%d recovery codes are shown", len(codes))
			}
			return err
		})
		w.pass(time.Minute)
		r, err = w.Password(t.Context(), here(), "olga", good)
		w.owes(r, err, "/sign-in/code") // the next time it is asked for

		w.Local.Rules.OneFactor = true
		w.person("petra", gatehouse.RoleSuperAdministrator)
		r, err = w.Password(t.Context(), here(), "petra", good)
		w.enters(r, err, "password")
	})
}

// TestS7AfterPassword is what is asked after a password, in every case.
func TestS7AfterPassword(t *testing.T) {
	t.Parallel()
	app, key := gatehouse.LocalWays{Authenticator: true}, gatehouse.LocalWays{Passkeys: 1}
	for name, tt := range map[string]struct {
		has          gatehouse.LocalWays
		needed, work bool
		want         string
	}{
		"NothingNeeded":               {gatehouse.LocalWays{}, false, true, ""},
		"AnAppIsAlwaysAskedFor":       {app, false, true, purposeSecond},
		"AnApp":                       {app, true, true, purposeSecond},
		"Nothing":                     {gatehouse.LocalWays{}, true, true, purposeEnroll},
		"APasskeyIsNotPassedBy":       {key, true, true, purposeSecond},
		"APasskeyThatIsNotNeeded":     {key, false, true, ""},
		"APasskeyThatCannotBeUsed":    {key, true, false, purposeEnroll},
		"Both":                        {gatehouse.LocalWays{Authenticator: true, Passkeys: 2}, true, false, purposeSecond},
		"RecoveryCodesAloneAreNoneOf": {gatehouse.LocalWays{RecoveryCodes: 10}, true, true, purposeEnroll},
	} {
		if got := afterPassword(tt.has, tt.needed, tt.work); got != tt.want {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestS7APasswordDoesNotReplaceAPasskey: an administrator who has a passkey
// proves it besides the password, and no new app takes its place.
func TestS7APasswordDoesNotReplaceAPasskey(t *testing.T) {
	t.Parallel()
	eachLocal(t, func(t *testing.T, w *local) {
		d := w.passkey(w.person("olga", gatehouse.RoleSuperAdministrator))
		r, err := w.Password(t.Context(), here(), "olga", good)
		attempt := w.owes(r, err, "/sign-in/code")
		page, err := w.SecondPage(t.Context(), attempt, browser)
		if err != nil || page.Code || !page.Passkey {
			t.Errorf("%+v, %v", page, err)
		}
		if _, err := w.EnrollPage(t.Context(), attempt, browser); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("an app can be set up: %v", err)
		}
		if _, err := w.Enroll(t.Context(), here().Browser, attempt, "000000"); !errors.Is(err, gatehouse.Expired) {
			t.Errorf("an app can be set up: %v", err)
		}
		options, err := w.BeginPasskey(t.Context(), browser, attempt)
		r, err = w.Passkey(t.Context(), here(), attempt, w.touch(d, options, err))
		w.enters(r, err, "password")
	})
}
