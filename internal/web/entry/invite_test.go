package entry

import (
	"net/http"
	"strings"
	"testing"

	"gatehouse"
	"gatehouse/internal/store"
)

func TestInvite(t *testing.T) {
	t.Parallel()
	w := newWorld(t, one())
	var address string
	w.update(func(tx *store.Tx) (err error) {
		u := gatehouse.User{Username: "newbie", State: gatehouse.UserActive}
		if err := tx.SaveUser(&u); err != nil {
			return err
		}
		address, err = w.sign.Invite(tx, gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "op"}, u.ID)
		return err
	})
	path, token, _ := strings.Cut(strings.TrimPrefix(address, "https://id.example.com"), "?token=")
	for range 2 { // programs that look at addresses in mails do not use it up
		if p := w.browser().get(path + "?token=" + token); p.status != http.StatusOK || !strings.Contains(p.body, token) {
			t.Fatalf("the page: %d", p.status)
		}
	}
	b := w.browser()
	if p := b.post(path, "token="+token); p.status != http.StatusSeeOther || p.location != "/user" || !b.signedIn() {
		t.Fatalf("%d to %q", p.status, p.location)
	}
	other := w.browser()
	if p := other.post(path, "token="+token); p.status != http.StatusGone || other.signedIn() || !strings.Contains(p.body, "Ask an administrator") {
		t.Errorf("the second time: %d", p.status)
	}
	for _, bad := range []string{"", "?token=", "?token=" + strings.Repeat("x", 201)} {
		if p := w.browser().get(path + bad); p.status != http.StatusGone {
			t.Errorf("%q: %d", bad, p.status)
		}
	}
	if p := w.browser().post(path, ""); p.status != http.StatusGone {
		t.Errorf("nothing: %d", p.status)
	}
}
