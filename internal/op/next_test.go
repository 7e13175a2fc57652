package op

import (
	"testing"
	"time"

	"gatehouse"
)

func TestNext(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	alice := gatehouse.User{Number: 1_000_000_001}
	secret := []byte("x")
	plain := gatehouse.Client{SecretHash: secret}
	trusted := gatehouse.Client{SecretHash: secret, Trusted: true}
	public := gatehouse.Client{}
	in := func(change ...func(*situation)) situation {
		s := situation{signedIn: true, user: alice, authAt: now.Add(-time.Minute), consent: []string{"openid", "email"}}
		for _, c := range change {
			c(&s)
		}
		return s
	}
	nobody := func(s *situation) { *s = situation{} }
	noConsent := func(s *situation) { s.consent = nil }
	resumed := func(s *situation) { s.resumed = true }
	after := func(at time.Time) func(*situation) { return func(s *situation) { s.after = at } }
	wants := func(change func(*authorization)) authorization {
		a := authorization{scopes: []string{"openid"}}
		if change != nil {
			change(&a)
		}
		return a
	}
	none := func(a *authorization) { a.none = true }
	hint := func(s string) func(*authorization) { return func(a *authorization) { a.hinted = s } }
	for name, c := range map[string]struct {
		client gatehouse.Client
		auth   authorization
		in     situation
		want   step
		code   string
	}{
		"NobodySignsIn":               {plain, wants(nil), in(nobody), stepSignIn, ""},
		"NobodyAndNone":               {plain, wants(none), in(nobody), stepRefuse, "login_required"},
		"Allowed":                     {plain, wants(nil), in(), stepCode, ""},
		"AllowedAndNone":              {plain, wants(none), in(), stepCode, ""},
		"NotAllowed":                  {plain, wants(nil), in(noConsent), stepConsent, ""},
		"NotAllowedAndNone":           {plain, wants(none), in(noConsent), stepRefuse, "consent_required"},
		"MoreThanAllowed":             {plain, wants(func(a *authorization) { a.scopes = []string{"openid", "api"} }), in(), stepConsent, ""},
		"ConsentWanted":               {plain, wants(func(a *authorization) { a.consent = true }), in(), stepConsent, ""},
		"TrustedIsNotAsked":           {trusted, wants(nil), in(noConsent), stepCode, ""},
		"TrustedThatWantsIsAsked":     {trusted, wants(func(a *authorization) { a.consent = true }), in(noConsent), stepConsent, ""},
		"A12/PublicIsAskedEachTime":   {public, wants(nil), in(), stepConsent, ""},
		"A12/PublicAndNone":           {public, wants(none), in(), stepRefuse, "consent_required"},
		"A16/TooOld":                  {plain, wants(nil), in(after(now)), stepSignIn, ""},
		"A16/TooOldAndNone":           {plain, wants(none), in(after(now)), stepRefuse, "login_required"},
		"A16/StillTooOldAfterSignIn":  {plain, wants(nil), in(after(now), resumed), stepSignIn, ""},
		"A16/AtThatMomentIsNotAfter":  {plain, wants(nil), in(after(now.Add(-time.Minute))), stepSignIn, ""},
		"FreshEnough":                 {plain, wants(nil), in(after(now.Add(-2 * time.Minute))), stepCode, ""},
		"A16/Hinted":                  {plain, wants(hint("1000000001")), in(), stepCode, ""},
		"A16/AnotherHinted":           {plain, wants(hint("1000000002")), in(), stepSignIn, ""},
		"A16/AnotherHintedAfterwards": {plain, wants(hint("1000000002")), in(resumed), stepRefuse, "login_required"},
		"A16/AnotherHintedAndNone":    {plain, wants(func(a *authorization) { none(a); a.hinted = "1000000002" }), in(), stepRefuse, "login_required"},
		"A16/ForeignHintAndNone":      {plain, wants(func(a *authorization) { none(a); a.hinted = unknownSubject }), in(), stepRefuse, "login_required"},
		"ForeignHint":                 {plain, wants(hint(unknownSubject)), in(), stepCode, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, code := next(c.client, c.auth, c.in)
			if got != c.want || code != c.code {
				t.Errorf("next = %d %q, want %d %q", got, code, c.want, c.code)
			}
		})
	}
}

func TestDemandedAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	for name, c := range map[string]struct {
		auth authorization
		want time.Time
	}{
		"Any":    {authorization{}, time.Time{}},
		"Login":  {authorization{login: true}, now},
		"Choose": {authorization{choose: true}, now},
		"MaxAge": {authorization{hasMaxAge: true, maxAge: time.Minute}, now.Add(-time.Minute)},
		"Zero":   {authorization{hasMaxAge: true}, now},
		"Both":   {authorization{login: true, hasMaxAge: true, maxAge: time.Hour}, now},
	} {
		if got := demandedAfter(c.auth, now); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
