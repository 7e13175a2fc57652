package op

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"gatehouse/internal/op/device"
	"gatehouse/internal/op/request"
)

// The form that confirms takes a code as well: guesses there count like those
// that are typed in.
func TestT17GuessesAtTheConfirmationCount(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.television()
		w := h.wish()
		b := h.signedIn(h.bob)
		confirm := func(code string) int {
			return b.do(http.MethodPost, "/oauth/device/confirm", url.Values{
				"user_code": {code}, "account": {request.Subject(h.bob)}, "decision": {"allow"},
			}).status
		}
		for range device.MaxGuesses {
			if got := confirm("BBBB-BBBB"); got != http.StatusGone {
				t.Fatalf("a wrong code: %d", got)
			}
		}
		if got := confirm(w.UserCode); got != http.StatusTooManyRequests {
			t.Errorf("the right code after too many wrong ones: %d", got)
		}
		h.poll(w.DeviceCode).refused(t, 400, "authorization_pending")
	})
}

// Whoever holds a device code that was used must not be able to fill the audit
// log with its further uses.
func TestT1DeviceCodeIsReplayedOnce(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.television()
		w := h.wish()
		h.signedIn(h.alice).answerWish(w.UserCode, "allow")
		h.clock.add(time.Minute)
		a := h.poll(w.DeviceCode).tokens(t)
		for range 5 {
			h.poll(w.DeviceCode).refused(t, 400, "invalid_grant")
		}
		if got := h.userinfo(a.AccessToken).status; got != http.StatusUnauthorized {
			t.Errorf("the tokens are still good: %d", got)
		}
		if got := h.actions("device_code.replayed"); len(got) != 1 {
			t.Errorf("%d lines in the audit log", len(got))
		}
	})
}
