package op

import (
	"net/http"
	"testing"
	"time"

	"gatehouse"
)

// T19: keys rotate by themselves; what the old key signed is good until its end,
// on every node.
func TestT19KeysRotateOnSchedule(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.change("trusted", func(c *gatehouse.Client) {
			c.Settings.AccessToken, c.Settings.Lifetimes.Access = gatehouse.AccessTokenJWT, 30*time.Hour
		})
		other := h.node()
		rotate := func() {
			t.Helper()
			for _, n := range []*house{h, other} {
				if err := n.op.RotateDueKeys(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
		}
		kid := func(a tokenAnswer) any {
			head, _ := payloadOf(t, a.AccessToken)
			return head["kid"]
		}
		first := kid(h.grant())
		rotate()
		h.clock.add(89 * 24 * time.Hour) // a day before the end it is announced
		rotate()
		if n := len(h.actions("signing_key.rotated")); n != 3 {
			t.Fatalf("%d keys of three algorithms were made", n)
		}
		h.clock.add(24*time.Hour - time.Second)
		last := h.grant()
		if kid(last) != first {
			t.Error("the new key signs before its time")
		}
		h.clock.add(time.Minute)
		fresh := h.grant()
		if kid(fresh) == first {
			t.Error("the new key does not sign in its time")
		}
		h.clock.add(29 * time.Hour)
		for _, n := range []*house{h, other} {
			for _, a := range []tokenAnswer{last, fresh} {
				if p := n.userinfo(a.AccessToken); p.status != http.StatusOK {
					t.Errorf("a token before its end: %d %s", p.status, p.body)
				}
			}
		}
		rotate()
		if n := len(h.actions("signing_key.rotated")); n != 3 {
			t.Errorf("rotated again at once: %d", n)
		}
	})
}

// A key that is not trusted any more goes at once, and what it signed.
func TestT19KeyGoesAtOnce(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.change("trusted", func(c *gatehouse.Client) { c.Settings.AccessToken = gatehouse.AccessTokenJWT })
	old := h.grant()
	by := gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "root"}
	made, rotated, err := h.op.RotateKey(t.Context(), by, "RS256", true)
	if err != nil || !rotated || made.Private != nil {
		t.Fatalf("%+v %v %v", made, rotated, err)
	}
	if p := h.userinfo(old.AccessToken); p.status != http.StatusUnauthorized {
		t.Errorf("what the old key signed: %d", p.status)
	}
	if p := h.userinfo(h.grant().AccessToken); p.status != http.StatusOK {
		t.Errorf("what the new key signed: %d", p.status)
	}
	if _, _, err := h.op.RotateKey(t.Context(), by, "HS256", true); err == nil {
		t.Error("an algorithm that there is not")
	}
}
