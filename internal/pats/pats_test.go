package pats

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func user(t *testing.T, s *store.Store, name string) gatehouse.User {
	t.Helper()
	u := gatehouse.User{Username: name, State: gatehouse.UserActive}
	if err := s.Update(t.Context(), func(tx *store.Tx) error { return tx.SaveUser(&u) }); err != nil {
		t.Fatal(err)
	}
	return u
}

func TestChecked(t *testing.T) {
	t.Parallel()
	day := 24 * time.Hour
	for name, tt := range map[string]struct {
		wish New
		want New
		kind gatehouse.ErrorKind
	}{
		"Defaults":    {New{Name: " backup ", Scopes: []string{API}}, New{Name: "backup", Scopes: []string{API}, Life: DefaultLife}, ""},
		"InOrder":     {New{Name: "x", Scopes: []string{API, ReadUser, API}, Life: day}, New{Name: "x", Scopes: []string{ReadUser, API}, Life: day}, ""},
		"Longest":     {New{Name: strings.Repeat("名", 100), Scopes: []string{API}, Life: LongestLife}, New{Name: strings.Repeat("名", 100), Scopes: []string{API}, Life: LongestLife}, ""},
		"NoName":      {New{Name: " ", Scopes: []string{API}}, New{}, gatehouse.Invalid},
		"LongName":    {New{Name: strings.Repeat("x", 101), Scopes: []string{API}}, New{}, gatehouse.Invalid},
		"TwoLines":    {New{Name: "a\nb", Scopes: []string{API}}, New{}, gatehouse.Invalid},
		"G9 Turned":   {New{Name: "a\u202eb", Scopes: []string{API}}, New{}, gatehouse.Invalid},
		"NoScope":     {New{Name: "x"}, New{}, gatehouse.Invalid},
		"OtherScope":  {New{Name: "x", Scopes: []string{"sudo"}}, New{}, gatehouse.Invalid},
		"TooLong":     {New{Name: "x", Scopes: []string{API}, Life: LongestLife + 1}, New{}, gatehouse.Invalid},
		"AlreadyOver": {New{Name: "x", Scopes: []string{API}, Life: -1}, New{}, gatehouse.Invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := checked(tt.wish)
			if gatehouse.KindOf(err) != tt.kind {
				t.Fatalf("got %v, want %q", err, tt.kind)
			}
			if diff := cmp.Diff(tt.want, got); err == nil && diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestCovers(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		has  string
		need string
		want bool
	}{
		{ReadUser, ReadUser, true},
		{ReadUser, ReadAPI, false},
		{ReadUser, API, false},
		{ReadAPI, ReadUser, true},
		{ReadAPI, API, false},
		{API, ReadAPI, true},
		{"openid", ReadUser, false},
		{API, "sudo", false},
		{"", ReadUser, false},
	} {
		if got := Covers([]string{tt.has}, tt.need); got != tt.want {
			t.Errorf("%q for %q: %t", tt.has, tt.need, got)
		}
	}
}

// TestSecrets: a secret is known by its form, and nothing near it is.
func TestSecrets(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		s := newSecret()
		if !Is(s) || s == newSecret() {
			t.Fatalf("%q is no secret, or not by chance", s)
		}
		i := rapid.IntRange(0, len(s)-1).Draw(t, "place")
		c := rapid.ByteRange(0x20, 0x7e).Draw(t, "sign")
		if changed := s[:i] + string(rune(c)) + s[i+1:]; changed != s && Is(changed) {
			t.Fatalf("%q passes", changed)
		}
	})
	for _, s := range []string{"", "gthp_", strings.Repeat("x", secretLength), prefix + strings.Repeat("0", 72)} {
		if Is(s) {
			t.Errorf("%q passes", s)
		}
	}
}

func TestMakeLookRevoke(t *testing.T) {
	t.Parallel()
	at, mu := noon, sync.Mutex{}
	clock := gatehouse.Clock(func() time.Time { mu.Lock(); defer mu.Unlock(); return at })
	move := func(d time.Duration) { mu.Lock(); defer mu.Unlock(); at = at.Add(d) }
	s := storetest.OpenWith(t, storetest.Options{Clock: clock})
	k := &Tokens{Store: s}
	ann, bob := user(t, s, "ann"), user(t, s, "bob")
	by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: ann.ID, Name: "ann"}
	var secret string
	var made gatehouse.PersonalToken
	update := func(fn func(tx *store.Tx) error) error { return s.Update(t.Context(), fn) }
	if err := update(func(tx *store.Tx) (err error) {
		secret, made, err = k.Make(tx, by, ann.ID, New{Name: "backup", Scopes: []string{ReadAPI}, Life: time.Hour})
		return err
	}); err != nil {
		t.Fatal(err)
	}
	look := func(secret string) (p gatehouse.PersonalToken, u gatehouse.User, err error) {
		err = s.View(t.Context(), func(tx *store.Tx) (err error) {
			p, u, err = Look(tx, secret)
			return err
		})
		return p, u, err
	}
	p, u, err := look(secret)
	if err != nil || u.ID != ann.ID || p.Name != "backup" || !strings.HasSuffix(secret, p.Hint) {
		t.Errorf("found %+v of %s, %v", p, u.Username, err)
	}
	if _, _, err := look(newSecret()); !errors.Is(err, gatehouse.Unauthorized) {
		t.Errorf("an unknown one: %v", err)
	}
	k.Touch(t.Context(), p, noon, "192.0.2.1")
	if p, _, _ = look(secret); !p.LastUsedAt.Equal(noon) || p.LastUsedAddress != "192.0.2.1" {
		t.Errorf("last used %v from %q", p.LastUsedAt, p.LastUsedAddress)
	}
	k.Touch(t.Context(), p, noon.Add(time.Minute), "192.0.2.2")
	if p, _, _ = look(secret); p.LastUsedAddress != "192.0.2.1" {
		t.Error("each use is a write")
	}
	if err := update(func(tx *store.Tx) error { return k.Revoke(tx, by, bob.ID, made.ID) }); !errors.Is(err, gatehouse.NotFound) {
		t.Errorf("G2: somebody else's: %v", err)
	}
	move(time.Hour)
	if p, _, err := look(secret); !errors.Is(err, gatehouse.Unauthorized) || p.ID != made.ID {
		t.Errorf("past its end: %v", err)
	}
	if err := update(func(tx *store.Tx) error { return k.Revoke(tx, by, ann.ID, made.ID) }); err != nil {
		t.Fatal(err)
	}
	if p, _, err := look(secret); !errors.Is(err, gatehouse.Unauthorized) || p.RevokedAt.IsZero() {
		t.Errorf("revoked: %v", err)
	}
	err = s.View(context.Background(), func(tx *store.Tx) error {
		page, err := tx.Events(store.EventFilter{Action: "personal_token."}, store.Cursor{})
		if len(page.Items) != 2 {
			t.Errorf("%d lines in the audit log, want 2", len(page.Items))
		}
		for _, e := range page.Items {
			for _, v := range e.Details {
				if strings.Contains(v, secret) {
					t.Error("G7: the audit log has the secret")
				}
			}
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// TestMostTokens: one person cannot fill the database.
func TestMostTokens(t *testing.T) {
	t.Parallel()
	s := storetest.Open(t)
	k := &Tokens{Store: s}
	ann := user(t, s, "ann")
	err := s.Update(t.Context(), func(tx *store.Tx) error {
		by := gatehouse.Actor{Kind: gatehouse.ActorUser, ID: ann.ID}
		for range mostTokens {
			if _, _, err := k.Make(tx, by, ann.ID, New{Name: "x", Scopes: []string{API}}); err != nil {
				return err
			}
		}
		_, _, err := k.Make(tx, by, ann.ID, New{Name: "x", Scopes: []string{API}})
		return err
	})
	if !errors.Is(err, gatehouse.Conflict) {
		t.Errorf("got %v, want Conflict", err)
	}
}

func TestMakeOnlyForWhoMayComeIn(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		for _, state := range []gatehouse.UserState{gatehouse.UserPending, gatehouse.UserBlocked, gatehouse.UserLeft, gatehouse.UserMerged} {
			u := user(t, s, string(state))
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				u.State = state
				if err := tx.SaveUser(&u); err != nil {
					return err
				}
				_, _, err := (&Tokens{Store: s}).Make(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator}, u.ID, New{Name: "x", Scopes: []string{API}})
				return err
			})
			if gatehouse.KindOf(err) != gatehouse.Conflict {
				t.Errorf("%s: %v, want Conflict", state, err)
			}
		}
	})
}
