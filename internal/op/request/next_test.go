package request

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
	in := func(change ...func(*Situation)) Situation {
		s := Situation{SignedIn: true, User: alice, AuthAt: now.Add(-time.Minute), Consent: []string{"openid", "email"}}
		for _, c := range change {
			c(&s)
		}
		return s
	}
	nobody := func(s *Situation) { *s = Situation{} }
	noConsent := func(s *Situation) { s.Consent = nil }
	resumed := func(s *Situation) { s.Resumed = true }
	after := func(at time.Time) func(*Situation) { return func(s *Situation) { s.After = at } }
	wants := func(change func(*Authorization)) Authorization {
		a := Authorization{Scopes: []string{"openid"}}
		if change != nil {
			change(&a)
		}
		return a
	}
	none := func(a *Authorization) { a.None = true }
	tokens := func(a *Authorization) { a.Scopes = []string{"openid", ScopeProvider} }
	allowsTokens := func(s *Situation) { s.Consent = []string{ScopeProvider} }
	hint := func(s string) func(*Authorization) { return func(a *Authorization) { a.Hinted = s } }
	for name, c := range map[string]struct {
		client gatehouse.Client
		auth   Authorization
		in     Situation
		want   Step
		code   string
	}{
		"NobodySignsIn":               {plain, wants(nil), in(nobody), StepSignIn, ""},
		"NobodyAndNone":               {plain, wants(none), in(nobody), StepRefuse, "login_required"},
		"Allowed":                     {plain, wants(nil), in(), StepCode, ""},
		"AllowedAndNone":              {plain, wants(none), in(), StepCode, ""},
		"NotAllowed":                  {plain, wants(nil), in(noConsent), StepConsent, ""},
		"NotAllowedAndNone":           {plain, wants(none), in(noConsent), StepRefuse, "consent_required"},
		"MoreThanAllowed":             {plain, wants(func(a *Authorization) { a.Scopes = []string{"openid", "api"} }), in(), StepConsent, ""},
		"ConsentWanted":               {plain, wants(func(a *Authorization) { a.Consent = true }), in(), StepConsent, ""},
		"TrustedIsNotAsked":           {trusted, wants(nil), in(noConsent), StepCode, ""},
		"TrustedThatWantsIsAsked":     {trusted, wants(func(a *Authorization) { a.Consent = true }), in(noConsent), StepConsent, ""},
		"TrustedThatActsElsewhere":    {trusted, wants(tokens), in(), StepConsent, ""},
		"TrustedThatWasAllowedTo":     {trusted, wants(tokens), in(allowsTokens), StepCode, ""},
		"TrustedThatActsAndNone":      {trusted, wants(func(a *Authorization) { tokens(a); none(a) }), in(), StepRefuse, "consent_required"},
		"A12/PublicIsAskedEachTime":   {public, wants(nil), in(), StepConsent, ""},
		"A12/PublicAndNone":           {public, wants(none), in(), StepRefuse, "consent_required"},
		"A16/TooOld":                  {plain, wants(nil), in(after(now)), StepSignIn, ""},
		"A16/TooOldAndNone":           {plain, wants(none), in(after(now)), StepRefuse, "login_required"},
		"A16/StillTooOldAfterSignIn":  {plain, wants(nil), in(after(now), resumed), StepSignIn, ""},
		"A16/AtThatMomentIsNotAfter":  {plain, wants(nil), in(after(now.Add(-time.Minute))), StepSignIn, ""},
		"FreshEnough":                 {plain, wants(nil), in(after(now.Add(-2 * time.Minute))), StepCode, ""},
		"A16/Hinted":                  {plain, wants(hint("1000000001")), in(), StepCode, ""},
		"A16/AnotherHinted":           {plain, wants(hint("1000000002")), in(), StepSignIn, ""},
		"A16/AnotherHintedAfterwards": {plain, wants(hint("1000000002")), in(resumed), StepRefuse, "login_required"},
		"A16/AnotherHintedAndNone":    {plain, wants(func(a *Authorization) { none(a); a.Hinted = "1000000002" }), in(), StepRefuse, "login_required"},
		"A16/ProbedAndNone":           {plain, wants(func(a *Authorization) { none(a); a.Hinted = "1000000002" }), in(noConsent), StepRefuse, "consent_required"},
		"A16/ProbedRightAndNone":      {plain, wants(func(a *Authorization) { none(a); a.Hinted = "1000000001" }), in(noConsent), StepRefuse, "consent_required"},
		"A16/ProbedForACRAndNone":     {plain, wants(func(a *Authorization) { none(a); a.ACR, a.ACREssential = []string{gatehouse.ACRTwoFactors}, true }), in(noConsent), StepRefuse, "consent_required"},
		"A16/ForeignHintAndNone":      {plain, wants(func(a *Authorization) { none(a); a.Hinted = UnknownSubject }), in(), StepRefuse, "login_required"},
		"ForeignHint":                 {plain, wants(hint(UnknownSubject)), in(), StepCode, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, code := Next(c.client, c.auth, c.in)
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
		auth Authorization
		want time.Time
	}{
		"Any":    {Authorization{}, time.Time{}},
		"Login":  {Authorization{Login: true}, now},
		"Choose": {Authorization{Choose: true}, now},
		"MaxAge": {Authorization{HasMaxAge: true, MaxAge: time.Minute}, now.Add(-time.Minute)},
		"Zero":   {Authorization{HasMaxAge: true}, now},
		"Both":   {Authorization{Login: true, HasMaxAge: true, MaxAge: time.Hour}, now},
	} {
		if got := DemandedAfter(c.auth, now); !got.Equal(c.want) {
			t.Errorf("%s: %s, want %s", name, got, c.want)
		}
	}
}
