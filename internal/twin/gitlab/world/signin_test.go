package world_test

import (
	"fmt"
	"testing"
	"time"

	"gatehouse/internal/twin/gitlab/world"
)

// at is a moment, so many seconds after the beginning.
func at(seconds int) time.Time { return time.Unix(int64(seconds), 0) }

func TestOldSessionsMakeRoom(t *testing.T) {
	t.Parallel()
	const most = 10_000
	_ = world.New().Write(func(d *world.Data) error {
		for i := range most + 1 {
			d.KeepSession(world.Session{Key: fmt.Sprint(i), StartedAt: at(i)})
		}
		for key, want := range map[int]bool{0: false, most/2 - 1: false, most / 2: true, most: true} {
			if _, kept := d.Session(fmt.Sprint(key)); kept != want {
				t.Errorf("session %d is kept: %t", key, kept)
			}
		}
		return nil
	})
}

func TestOldCodesAreForgotten(t *testing.T) {
	t.Parallel()
	_ = world.New().Write(func(d *world.Data) error {
		d.KeepCode(world.Code{Value: "old", ExpiresAt: at(10)}, at(0))
		d.KeepCode(world.Code{Value: "new", ExpiresAt: at(20)}, at(11))
		_, old := d.Code("old")
		_, fresh := d.Code("new")
		if d.UseCode("new"); old || !fresh {
			t.Errorf("old %t, new %t", old, fresh)
		}
		if _, again := d.Code("new"); again {
			t.Error("a used code is still there")
		}
		return nil
	})
}

func TestARemovedUserIsSignedInNowhere(t *testing.T) {
	t.Parallel()
	w := world.Demo()
	for user, name := range map[int64]string{6: "bob", 3: "alice"} {
		w.AddToken(world.Token{Value: name, Refresh: name + "-r", UserID: user})
		_ = w.Write(func(d *world.Data) error {
			d.KeepSession(world.Session{Key: name, UserID: user})
			d.KeepCode(world.Code{Value: name, UserID: user, ExpiresAt: at(10)}, at(0))
			return nil
		})
	}
	if err := w.RemoveUser(6); err != nil {
		t.Fatal(err)
	}
	w.Read(func(d *world.Data) {
		for name, want := range map[string]bool{"bob": false, "alice": true} {
			_, session := d.Session(name)
			_, code := d.Code(name)
			if session != want || code != want || (d.Token(name) != nil) != want || (d.TokenByRefresh(name+"-r") != nil) != want {
				t.Errorf("%s: session %t, code %t, token %v", name, session, code, d.Token(name))
			}
		}
	})
}

func TestAReplacedTokenTakesItsRefreshTokenAlong(t *testing.T) {
	t.Parallel()
	w := world.Demo()
	w.AddToken(world.Token{Value: "t", Refresh: "old", UserID: 3})
	w.AddToken(world.Token{Value: "t", Refresh: "new", UserID: 3})
	w.Read(func(d *world.Data) {
		if d.TokenByRefresh("old") != nil || d.TokenByRefresh("new") != d.Token("t") {
			t.Error("the old refresh token leads somewhere")
		}
	})
}
