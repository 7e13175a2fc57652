package main

import (
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/credentials"
	"gatehouse/internal/store"
)

// given runs a command with a standard input.
func (p *place) given(in, args string) said {
	p.t.Helper()
	var out, errs lockedBuffer
	code := run(p.t.Context(), strings.Fields(args), streams{in: strings.NewReader(in), out: &out, err: &errs}, p.lookup)
	return said{code, out.String(), errs.String()}
}

// proves says whether a password is right.
func (p *place) proves(name, password string) bool {
	p.t.Helper()
	t := p.tools()
	defer t.Close()
	_, err := t.Local.Password(p.t.Context(), credentials.Try{Name: name, Password: password, Address: "192.0.2.1"})
	if err != nil && gatehouse.KindOf(err) != gatehouse.Invalid {
		p.t.Fatal(err)
	}
	return err == nil
}

const good = "correct horse battery staple"

// TestUserCreateMakesTheInstallation: it is the first command on a fresh machine.
func TestUserCreateMakesTheInstallation(t *testing.T) {
	t.Parallel()
	p := newPlace(t, plain(t))
	s := p.given(good+"\nanother line", "user create --username olga --email Olga@Example.com --admin --password-stdin")
	if s.code != exitOK || s.err != "" || !strings.Contains(s.out, "olga (1000000001) is made and may sign in at http") {
		t.Fatalf("ended with %d: %s%s", s.code, s.out, s.err)
	}
	all := decoded[[]userJSON](p, "users list")
	if len(all) != 1 || all[0].Email != "olga@example.com" || !all[0].EmailVerified || all[0].Role != "super_administrator" || all[0].Name != "olga" {
		t.Errorf("made %+v", all)
	}
	if !p.proves("olga", good) || !p.proves("OLGA@example.com", good) || p.proves("olga", good+"\nanother line") {
		t.Error("the password is not the first line")
	}
	for action, n := range map[string]int{"user.created": 1, "password.set": 1} {
		if got := p.events(action); len(got) != n || got[0].Actor.Kind != gatehouse.ActorOperator {
			t.Errorf("%s: %+v", action, got)
		}
	}
}

func TestUserCreateRefuses(t *testing.T) {
	t.Parallel()
	p := people(t)
	const flags = "user create --email new@example.com --password-stdin "
	for name, tt := range map[string]struct {
		in, args string
		code     int
		want     string
	}{
		"NoUsername":     {good, flags, exitUsage, "--username"},
		"NoAddress":      {good, "user create --username neu --password-stdin", exitUsage, "--email"},
		"NoStdin":        {good, "user create --username neu --email new@example.com", exitUsage, "--password-stdin"},
		"NothingOnStdin": {"", flags + "--username neu", exitUsage, "standard input"},
		"EmptyLine":      {"\n" + good, flags + "--username neu", exitUsage, "standard input"},
		"BadPassword":    {"password123\n", flags + "--username neu", exitFailed, "Many people have this password"},
		"ShortPassword":  {"kurz\n", flags + "--username neu", exitFailed, "at least 8 characters"},
		"HoldsUsername":  {"xx neumann xx\n", flags + "--username neumann", exitFailed, "holds your username"},
		"Taken":          {good, flags + "--username Root", exitFailed, "cannot be used as it is"},
		"TakenExactly":   {good, flags + "--username root", exitFailed, "taken"},
		"OddUsername":    {good, flags + "--username !!", exitFailed, "cannot be used"},
		"NoAddressAtAll": {good, "user create --username neu --email nonsense --password-stdin", exitFailed, "cannot be used"},
		"AddressTaken":   {good, "user create --username neu --email li.na@example.com --password-stdin", exitFailed, "belongs to another account"},
	} {
		t.Run(name, func(t *testing.T) {
			s := p.given(tt.in, tt.args)
			if s.code != tt.code || s.out != "" || !strings.Contains(s.err, tt.want) {
				t.Errorf("ended with %d, want %d: %s%s", s.code, tt.code, s.out, s.err)
			}
			if strings.Contains(s.err, good) || strings.Contains(s.err, "password123") {
				t.Error("G7: the password is told")
			}
		})
	}
	if all := decoded[[]userJSON](p, "users list"); len(all) != 4 {
		t.Errorf("%d users", len(all))
	}
}

// TestS6ResetPassword: a reset ends sessions and pauses, and leaves the second
// factor where it is unless it is said to be lost.
func TestS6ResetPassword(t *testing.T) {
	t.Parallel()
	p := people(t)
	secure := func(wantApp bool, wantPasskeys int) {
		t.Helper()
		p.look(func(tx *store.Tx) error {
			u, err := tx.UserByUsername("olga")
			if err != nil {
				return err
			}
			has, err := tx.LocalWays(u.ID)
			if has.Authenticator != wantApp || has.Passkeys != wantPasskeys || !has.Password || !has.ByHand {
				t.Errorf("olga has %+v", has)
			}
			return err
		})
	}
	tools := p.tools()
	err := tools.Store.Update(t.Context(), func(tx *store.Tx) error {
		u, err := tx.UserByUsername("olga")
		if err != nil {
			return err
		}
		if err := tx.SaveSession(&gatehouse.Session{UserID: u.ID, TokenHash: []byte("x"), ExpiresAt: tx.Now().AddDate(0, 0, 1)}); err != nil {
			return err
		}
		if err := tx.SavePasskey(&gatehouse.Passkey{UserID: u.ID, CredentialID: []byte("id"), Name: "Telephone", Record: []byte("{}")}); err != nil {
			return err
		}
		return tx.SaveAuthenticator(&gatehouse.Authenticator{UserID: u.ID, Confirmed: true, Secret: []byte("secret")})
	})
	if err != nil {
		t.Fatal(err)
	}
	tools.Close()
	if s := p.given(good, "user reset-password olga --password-stdin"); s.code != exitOK || !strings.Contains(s.out, "all sessions have ended") {
		t.Fatalf("ended with %d: %s%s", s.code, s.out, s.err)
	}
	secure(true, 1)
	if !p.proves("olga", good) {
		t.Error("the new password is not right")
	}
	if one := decoded[person](p, "users show olga"); one.Sessions != 0 {
		t.Errorf("%d sessions", one.Sessions)
	}
	if s := p.given("another good one", "users reset-password olga --password-stdin --remove-authenticator"); s.code != exitOK {
		t.Fatal(s.err)
	}
	secure(false, 1)
	if s := p.given(good, "users reset-password olga --password-stdin --remove-passkeys"); s.code != exitOK {
		t.Fatal(s.err)
	}
	secure(false, 0)
	for args, want := range map[string]string{"olga": "--password-stdin", "nobody --password-stdin": "no user has", "--password-stdin": "needs USER"} {
		if s := p.given(good, "user reset-password "+args); s.code == exitOK || !strings.Contains(s.err, want) {
			t.Errorf("%s: %d, %s", args, s.code, s.err)
		}
	}
}

func TestUnlock(t *testing.T) {
	t.Parallel()
	p := people(t)
	if s := p.given(good, "user reset-password olga --password-stdin"); s.code != exitOK {
		t.Fatal(s.err)
	}
	tools := p.tools()
	for range 6 {
		_, _ = tools.Local.Password(t.Context(), credentials.Try{Name: "olga", Password: "wrong", Address: "192.0.2.1"})
	}
	if _, err := tools.Local.Password(t.Context(), credentials.Try{Name: "olga", Password: good}); gatehouse.KindOf(err) != gatehouse.Limited {
		t.Fatalf("six wrong ones later: %v", err)
	}
	tools.Close()
	p.does("user unlock olga", "may try again")
	if !p.proves("olga", good) {
		t.Error("still paused")
	}
	p.does("user unlock olga", "had no pause")
	p.fails("user unlock nobody", exitFailed, "no user has")
}

// look reads the installation's data.
func (p *place) look(do func(tx *store.Tx) error) {
	p.t.Helper()
	t := p.tools()
	defer t.Close()
	if err := t.Store.View(p.t.Context(), do); err != nil {
		p.t.Fatal(err)
	}
}
