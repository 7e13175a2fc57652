package request

import (
	"testing"
	"time"

	"gatehouse"
)

func FuzzFromObject(f *testing.F) {
	f.Add([]byte(`{"iss":"app","aud":["https://id"],"exp":1e10,"client_id":"app","max_age":3600,"claims":{"userinfo":{}},"resource":["a","b"]}`))
	f.Add([]byte(`{"client_id":"app","request":"x"}`))
	f.Fuzz(func(t *testing.T, payload []byte) {
		v, err := FromObject(payload, "app", "https://id", time.Unix(1_700_000_000, 0))
		if err != nil {
			return
		}
		if v.Get("client_id") != "app" || len(v["client_id"]) != 1 || v.Has("request") || v.Has("request_uri") {
			t.Errorf("parameters %v", v)
		}
		Validate(&gatehouse.Client{ID: "app", Enabled: true, RedirectURIs: []string{"https://app.example/cb"}}, Parse(v))
	})
}

func FuzzReadClaims(f *testing.F) {
	f.Add(`{"userinfo":{"name":null},"id_token":{"acr":{"essential":true,"values":["a"]},"sub":{"value":"1"}}}`)
	f.Fuzz(func(t *testing.T, parameter string) {
		a, ok := readClaims(parameter)
		if !ok {
			return
		}
		if len(a.acr) > 10 || !Covers(Claims(), append(a.id, a.user...)) {
			t.Errorf("read %+v", a)
		}
	})
}
