package dingtalk

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse"
	"gatehouse/internal/integration"
	twin "gatehouse/internal/twin/dingtalk"
)

func TestRefresh(t *testing.T) {
	t.Parallel()
	s := newStage(t, nil)
	v, err := s.provider.Finish(t.Context(), gatehouse.Attempt{}, s.pick("lina"))
	if err != nil {
		t.Fatal(err)
	}
	refresher := s.provider.(interface {
		Refresh(context.Context, gatehouse.Tokens) (gatehouse.Tokens, error)
	})
	fresh, err := refresher.Refresh(t.Context(), *v.Tokens)
	if err != nil {
		t.Fatal(err)
	}
	if fresh.Access == "" || fresh.Access == v.Tokens.Access || fresh.Refresh == v.Tokens.Refresh || len(fresh.Scopes) != len(v.Tokens.Scopes) ||
		fresh.ExpiresAt.IsZero() {
		t.Errorf("renewed %d scopes to %d, until %v", len(v.Tokens.Scopes), len(fresh.Scopes), fresh.ExpiresAt)
	}
	if _, err := refresher.Refresh(t.Context(), *v.Tokens); !errors.Is(err, gatehouse.Expired) {
		t.Errorf("a refresh token that was used: %v, want Expired", err)
	}
	if _, err := refresher.Refresh(t.Context(), gatehouse.Tokens{Access: "a"}); !errors.Is(err, gatehouse.Expired) {
		t.Errorf("no refresh token: %v, want Expired", err)
	}
}

// TestRefreshFaults: only a refusal of the refresh token itself is for good.
func TestRefreshFaults(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		status int
		body   string
		want   gatehouse.ErrorKind
	}{
		"UnknownToken":     {400, `{"code":"invalidParameter.authCode.notFound","message":"不合法的临时授权码"}`, gatehouse.Expired},
		"WrongCredentials": {400, `{"code":"invalidClientIdOrSecret","message":"x"}`, gatehouse.Unavailable},
		"TooMany":          {403, `{"code":"Forbidden.AccessDenied.QpsLimitForApi","message":"x"}`, gatehouse.Unavailable},
		"Broken":           {500, `oops`, gatehouse.Upstream},
		"Empty":            {200, `{}`, gatehouse.Upstream},
		"NotJSON":          {200, `<html>`, gatehouse.Upstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(tt.status)
				_, _ = w.Write([]byte(tt.body))
			}))
			defer srv.Close()
			c := connection(map[string]any{"client_options": map[string]any{"api_url": srv.URL}})
			c.AppID, c.AppSecret = twin.DemoAppKey, twin.DemoAppSecret
			door, err := Kind().OpenConnection(c, integration.Env{HTTP: srv.Client(), Log: env(nil).Log})
			if err != nil {
				t.Fatal(err)
			}
			if _, err := door.Refresher.Refresh(t.Context(), gatehouse.Tokens{Refresh: "r"}); gatehouse.KindOf(err) != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}
