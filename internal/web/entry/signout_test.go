package entry

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/web/ui"
)

func TestLogoutTokensThatAreNotValidAreLimited(t *testing.T) {
	t.Parallel()
	w := newWorld(t, gatehouse.Connection{Name: "idp", Label: "IdP", Enabled: true})
	w.entry.Limiter = &ui.Limiter{Every: time.Hour, Burst: 2}
	send := func(address string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/backchannel-logout/idp", strings.NewReader("logout_token=x.y.z"))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.RemoteAddr = address
		answer := httptest.NewRecorder()
		w.http.ServeHTTP(answer, r)
		return answer
	}
	for i, want := range []int{http.StatusBadRequest, http.StatusBadRequest, http.StatusTooManyRequests} {
		r := send("192.0.2.1:1000")
		if r.Code != want || (r.Header().Get("Retry-After") != "") != (want == http.StatusTooManyRequests) || !strings.Contains(r.Body.String(), `"error":"invalid_request"`) {
			t.Errorf("number %d: %d %v %s", i+1, r.Code, r.Header(), r.Body)
		}
	}
	if r := send("192.0.2.2:1000"); r.Code != http.StatusBadRequest {
		t.Errorf("another address: %d", r.Code)
	}
}
