package op

import (
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/op/device"
	"gatehouse/internal/op/request"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// television makes "phone", a public client, one for devices.
func (h *house) television() {
	h.t.Helper()
	h.change("phone", func(c *gatehouse.Client) { c.GrantTypes = []string{request.GrantDevice, request.GrantRefresh} })
}

// wish is what a device asks for.
func (h *house) wish(changes ...string) deviceAnswer {
	h.t.Helper()
	p := h.post("/oauth/authorize_device", changed(url.Values{"client_id": {"phone"}, "scope": {"openid read_user"}}, changes))
	var a deviceAnswer
	if err := json.Unmarshal([]byte(p.body), &a); err != nil || p.status != http.StatusOK {
		h.t.Fatalf("%d %s", p.status, p.body)
	}
	return a
}

// poll asks for the device's tokens.
func (h *house) poll(code string, changes ...string) page {
	h.t.Helper()
	return h.post("/oauth/token", changed(url.Values{"grant_type": {request.GrantDevice}, "device_code": {code}, "client_id": {"phone"}}, changes))
}

// answerWish types in the code and answers the page.
func (b *browser) answerWish(code, decision string) page {
	b.h.t.Helper()
	p := b.do(http.MethodPost, "/oauth/device", url.Values{"user_code": {code}})
	form := url.Values{"decision": {decision}}
	for _, m := range hidden.FindAllStringSubmatch(p.body, -1) {
		form.Set(m[1], m[2])
	}
	if p.status != http.StatusOK || !form.Has("account") {
		b.h.t.Fatalf("no page to confirm: %d\n%s", p.status, p.body)
	}
	return b.do(http.MethodPost, "/oauth/device/confirm", form)
}

// RFC 8628 from the beginning to the end.
func TestDevice(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.television()
		w := h.wish()
		if w.Address != h.url+"/oauth/device" || w.Complete != w.Address+"?user_code="+w.UserCode || w.ExpiresIn != 600 || w.Interval != 5 ||
			!regexp.MustCompile(`^[B-Z]{4}-[B-Z]{4}$`).MatchString(w.UserCode) || len(w.DeviceCode) != 64 {
			t.Errorf("got %+v", w)
		}
		h.poll(w.DeviceCode).refused(t, 400, "authorization_pending")
		h.poll(w.DeviceCode).refused(t, 400, "slow_down")
		h.clock.add(6 * time.Second)
		h.poll(w.DeviceCode).refused(t, 400, "slow_down") // ten seconds by now, and each haste adds five
		h.clock.add(15 * time.Second)
		h.poll(w.DeviceCode).refused(t, 400, "authorization_pending")

		b := h.signedIn(h.alice)
		if p := b.get(strings.TrimPrefix(w.Complete, h.url)); p.status != http.StatusOK || !strings.Contains(p.body, `value="`+w.UserCode+`"`) || strings.Contains(p.body, "Phone") {
			t.Errorf("the link shows more than the code, or less: %d\n%s", p.status, p.body)
		}
		if p := b.answerWish(strings.ToLower(w.UserCode), "allow"); !strings.Contains(p.body, "Your device is connected") {
			t.Errorf("%d\n%s", p.status, p.body)
		}
		h.clock.add(15 * time.Second)
		a := h.poll(w.DeviceCode).tokens(t)
		if a.IDToken == "" || a.RefreshToken == "" || a.Scope != "openid read_user" || h.userinfo(a.AccessToken).status != http.StatusOK {
			t.Errorf("got %+v", a)
		}
		next := h.refresh(a.RefreshToken, "client_id", "phone", "client_secret", "").tokens(t)
		if diff := cmp.Diff([]string{"device.allowed"}, h.actions("device")); diff != "" {
			t.Error(diff)
		}
		h.view(func(tx *store.Tx) error {
			c, err := tx.Consent(h.alice.ID, "phone")
			if diff := cmp.Diff([]string{"openid", "read_user"}, c.Scopes); diff != "" {
				t.Error(diff)
			}
			return err
		})
		// T1: a device code in two hands ends what it gave.
		h.poll(w.DeviceCode).refused(t, 400, "invalid_grant")
		if h.userinfo(next.AccessToken).status != http.StatusUnauthorized {
			t.Error("the tokens are still good")
		}
	})
}

func TestT17DeviceOneWinnerOfTwenty(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.television()
		w := h.wish()
		h.signedIn(h.alice).answerWish(w.UserCode, "allow")
		all := together(20, func() page { return h.poll(w.DeviceCode) })
		if len(all[200]) != 1 || len(all[400]) != 19 {
			t.Errorf("%d got tokens, %d were refused, of 20", len(all[200]), len(all[400]))
		}
	})
}

func TestT17DeviceRefused(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.television()
	post := func(changes ...string) page {
		return h.post("/oauth/authorize_device", changed(url.Values{"client_id": {"phone"}, "scope": {"openid"}}, changes))
	}
	post("client_id", "nobody").refused(t, 401, "invalid_client")
	post("client_id", "off").refused(t, 401, "invalid_client")
	post("client_id", "app", "client_secret", "wrong").refused(t, 401, "invalid_client")
	post("client_id", "app", "client_secret", appSecret).refused(t, 400, "unauthorized_client")
	post("scope", "sudo").refused(t, 400, "invalid_scope")
	if p := h.machine().get("/oauth/authorize_device"); p.status != http.StatusMethodNotAllowed {
		t.Errorf("GET: %d", p.status)
	}
	w := h.wish("scope", "")
	h.poll("").refused(t, 400, "invalid_request")
	h.poll("x").refused(t, 400, "invalid_grant")
	h.poll(w.DeviceCode, "client_id", "app", "client_secret", appSecret).refused(t, 400, "unauthorized_client")
	h.change("app", func(c *gatehouse.Client) { c.GrantTypes = []string{request.GrantDevice} })
	h.poll(w.DeviceCode, "client_id", "app", "client_secret", appSecret).refused(t, 400, "invalid_grant")

	b := h.signedIn(h.alice)
	if p := b.answerWish(w.UserCode, "deny"); !strings.Contains(p.body, "Nothing was connected") {
		t.Errorf("%s", p.body)
	}
	h.poll(w.DeviceCode).refused(t, 400, "access_denied")

	late := h.wish()
	h.clock.add(device.Life)
	h.poll(late.DeviceCode).refused(t, 400, "expired_token")
	if p := b.do(http.MethodPost, "/oauth/device", url.Values{"user_code": {late.UserCode}}); p.status != http.StatusNotFound {
		t.Errorf("an old code: %d", p.status)
	}

	// T13: who is blocked meanwhile gets nothing.
	blocked := h.wish()
	b.answerWish(blocked.UserCode, "allow")
	h.setState(h.alice, gatehouse.UserBlocked)
	h.poll(blocked.DeviceCode).refused(t, 400, "invalid_grant")
}

func TestT17UserCodesAreLimited(t *testing.T) {
	t.Parallel()
	each(t, func(t *testing.T, h *house) {
		h.television()
		w := h.wish()
		b := h.signedIn(h.alice)
		typed := func(code string) int {
			return b.do(http.MethodPost, "/oauth/device", url.Values{"user_code": {code}}).status
		}
		for range device.MaxGuesses {
			if got := typed("BBBB-BBBB"); got != http.StatusNotFound {
				t.Fatalf("a wrong code: %d", got)
			}
		}
		if got := typed(w.UserCode); got != http.StatusTooManyRequests {
			t.Errorf("the right code after too many wrong ones: %d", got)
		}
		h.signedIn(h.bob).answerWish(w.UserCode, "deny") // others are not held up
		h.clock.add(device.Forget)
		if got := typed(h.wish().UserCode); got != http.StatusOK {
			t.Errorf("later: %d", got)
		}
	})
}

func TestDevicesAreLimitedByAddress(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.television()
	h.op.Limiter = &ui.Limiter{Clock: h.clock.Now, Every: time.Hour, Burst: 1}
	codes := map[int]int{}
	for range 102 { // this machine may a hundred times as much
		codes[h.post("/oauth/authorize_device", url.Values{"client_id": {"phone"}}).status]++
	}
	if codes[200] != 100 || codes[429] != 2 {
		t.Errorf("%v", codes)
	}
}

// A13: another site cannot answer, nor can who has signed in since.
func TestA13DeviceIsAnsweredByWhoSawThePage(t *testing.T) {
	t.Parallel()
	h := open(t)
	h.television()
	w := h.wish()
	nobody := h.browser()
	h.signsIn = nil
	if p := nobody.get("/oauth/device?user_code=" + w.UserCode); p.at.Path != "/sign-in" || p.at.Query().Get("return_to") != "/oauth/device?user_code="+w.UserCode {
		t.Errorf("not sent to the sign-in: %s", p.at)
	}
	if p := nobody.do(http.MethodPost, "/oauth/device", url.Values{"user_code": {w.UserCode}}); p.at.Path != "/sign-in" {
		t.Errorf("%s", p.at)
	}
	b := h.signedIn(h.alice)
	form := url.Values{"user_code": {w.UserCode}, "account": {request.Subject(h.alice)}, "decision": {"allow"}}
	for _, path := range []string{"/oauth/device", "/oauth/device/confirm"} {
		if p := b.do(http.MethodPost, path, form, "Sec-Fetch-Site", "cross-site"); p.status != http.StatusForbidden {
			t.Errorf("%s from another site: %d", path, p.status)
		}
	}
	b.enter(h.bob)
	if p := b.do(http.MethodPost, "/oauth/device/confirm", form); p.at.Path != "/oauth/device" || !strings.Contains(p.body, w.UserCode) {
		t.Errorf("%d %s", p.status, p.at)
	}
	h.poll(w.DeviceCode).refused(t, 400, "authorization_pending")
	for _, bad := range []url.Values{{}, {"user_code": {"x"}, "decision": {"allow"}}, {"user_code": {w.UserCode}, "decision": {"perhaps"}}} {
		if p := b.do(http.MethodPost, "/oauth/device/confirm", bad); p.status != http.StatusBadRequest && p.status != http.StatusUnprocessableEntity {
			t.Errorf("%v: %d", bad, p.status)
		}
	}
	if p := b.get("/oauth/device?user_code=%3Cscript%3E"); strings.Contains(p.body, "<script>") {
		t.Error("A17: markup is reflected")
	}
	if log := h.log.String(); strings.Contains(log, w.DeviceCode) || strings.Contains(log, strings.ReplaceAll(w.UserCode, "-", "")) {
		t.Error("G7: a code is in the log")
	}
}
