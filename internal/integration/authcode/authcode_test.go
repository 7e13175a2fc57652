package authcode_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// endpoint answers one token request and keeps it.
type endpoint struct {
	status int
	kind   string
	body   string
	got    url.Values
	user   string
}

func (e *endpoint) client(t *testing.T) (*authcode.Client, string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, pass, _ := r.BasicAuth()
		_ = r.ParseForm()
		e.got, e.user = r.PostForm, user+":"+pass
		w.Header().Set("Content-Type", e.kind)
		w.WriteHeader(e.status)
		_, _ = w.Write([]byte(e.body))
	}))
	t.Cleanup(server.Close)
	now := func() time.Time { return time.Unix(1_000_000, 0) }
	return &authcode.Client{Label: "Qinghe", ID: "an id", Secret: "s:e%c", HTTP: server.Client(), Clock: now}, server.URL
}

func TestRedeem_ReadsWhatProvidersSend(t *testing.T) {
	t.Parallel()
	const asJSON, asForm = "application/json", "application/x-www-form-urlencoded; charset=utf-8"
	at := time.Unix(1_003_600, 0)
	for name, test := range map[string]struct {
		e    endpoint
		want authcode.Answer
		kind gatehouse.ErrorKind // "" = good
	}{
		"JSON": {e: endpoint{200, asJSON, `{"access_token":"a","token_type":"Bearer","expires_in":3600,"refresh_token":"r","scope":"x y","id_token":"i"}`, nil, ""}, want: authcode.Answer{
			Tokens: gatehouse.Tokens{Access: "a", Refresh: "r", Scopes: []string{"x", "y"}, ExpiresAt: at}, IDToken: "i",
		}},
		"NumbersAsTexts": {e: endpoint{200, asJSON, `{"access_token":"a","token_type":"bearer","expires_in":"3600"}`, nil, ""}, want: authcode.Answer{
			Tokens: gatehouse.Tokens{Access: "a", Scopes: []string{}, ExpiresAt: at},
		}},
		"AForm": {e: endpoint{200, asForm, "access_token=a&scope=user%2Crepo&token_type=bearer", nil, ""}, want: authcode.Answer{
			Tokens: gatehouse.Tokens{Access: "a", Scopes: []string{"user", "repo"}},
		}},
		"NoLifeSaid":      {e: endpoint{200, asJSON, `{"access_token":"a","expires_in":-5}`, nil, ""}, want: authcode.Answer{Tokens: gatehouse.Tokens{Access: "a", Scopes: []string{}}}},
		"ErrorWithGood":   {e: endpoint{200, asForm, "error=bad_verification_code", nil, ""}, kind: gatehouse.Invalid},
		"CodeIsOver":      {e: endpoint{400, asJSON, `{"error":"invalid_grant","error_description":"<b>"}`, nil, ""}, kind: gatehouse.Invalid},
		"WrongSecret":     {e: endpoint{401, asJSON, `{"error":"invalid_client"}`, nil, ""}, kind: gatehouse.Upstream},
		"WrongSecretMute": {e: endpoint{401, "text/html", `<html>`, nil, ""}, kind: gatehouse.Upstream},
		"TooMany":         {e: endpoint{429, asJSON, `{}`, nil, ""}, kind: gatehouse.Unavailable},
		"Down":            {e: endpoint{503, "text/html", `<html>`, nil, ""}, kind: gatehouse.Unavailable},
		"NoToken":         {e: endpoint{200, asJSON, `{"token_type":"Bearer"}`, nil, ""}, kind: gatehouse.Upstream},
		"TokenIsANumber":  {e: endpoint{200, asJSON, `{"access_token":5}`, nil, ""}, kind: gatehouse.Upstream},
		"OtherType":       {e: endpoint{200, asJSON, `{"access_token":"a","token_type":"DPoP"}`, nil, ""}, kind: gatehouse.Upstream},
		"Twice":           {e: endpoint{200, asJSON, `{"access_token":"a","access_token":"b"}`, nil, ""}, kind: gatehouse.Upstream},
		"Trailing":        {e: endpoint{200, asJSON, `{"access_token":"a"}{}`, nil, ""}, kind: gatehouse.Upstream},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, address := test.e.client(t)
			got, err := c.Redeem(t.Context(), address, authcode.SecretBasic, url.Values{"code": {"secret-code"}})
			if test.kind != "" {
				if gatehouse.KindOf(err) != test.kind || strings.ContainsAny(err.Error(), "<>") || strings.Contains(err.Error(), "secret-code") {
					t.Errorf("%v, want %s", err, test.kind)
				}
				return
			}
			if diff := cmp.Diff(test.want, got); err != nil || diff != "" {
				t.Errorf("%v\n%s", err, diff)
			}
		})
	}
}

func TestRedeem_SaysWhoWeAreInOneWayOnly(t *testing.T) {
	t.Parallel()
	for method, want := range map[authcode.AuthMethod]struct {
		user string
		form url.Values
	}{
		authcode.SecretBasic: {"an+id:s%3Ae%25c", url.Values{}},
		authcode.SecretPost:  {":", url.Values{"client_id": {"an id"}, "client_secret": {"s:e%c"}}},
		authcode.NoSecret:    {":", url.Values{"client_id": {"an id"}}},
		authcode.SignedJWT: {":", url.Values{
			"client_id": {"an id"}, "client_assertion": {"signed"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		}},
	} {
		t.Run(string(method), func(t *testing.T) {
			t.Parallel()
			e := endpoint{status: 200, kind: "application/json", body: `{"access_token":"a"}`}
			c, address := e.client(t)
			c.Assert = func(string) (string, error) { return "signed", nil }
			if _, err := c.Redeem(t.Context(), address, method, url.Values{}); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want.form, e.got); diff != "" || e.user != want.user {
				t.Errorf("%s in the header\n%s", e.user, diff)
			}
		})
	}
}

func TestRefresh(t *testing.T) {
	t.Parallel()
	e := endpoint{status: 200, kind: "application/json", body: `{"access_token":"b","token_type":"Bearer","expires_in":3600}`}
	c, address := e.client(t)
	got, err := c.Refresh(t.Context(), address, authcode.SecretPost, gatehouse.Tokens{Access: "a", Refresh: "r", Scopes: []string{"x"}})
	want := gatehouse.Tokens{Access: "b", Refresh: "r", Scopes: []string{"x"}, ExpiresAt: time.Unix(1_003_600, 0)}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v\n%s", err, diff)
	}
	if e.got.Get("grant_type") != "refresh_token" || e.got.Get("refresh_token") != "r" {
		t.Errorf("sent %v", e.got)
	}
	if _, err := c.Refresh(t.Context(), address, authcode.SecretPost, gatehouse.Tokens{Access: "a"}); !errors.Is(err, gatehouse.Invalid) {
		t.Errorf("without a refresh token: %v", err)
	}
}

func TestSubject_StandsForOnePersonOnly(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		json string
		want string // "" = refused
	}{
		{`"ab"`, "ab"},
		{`" ab "`, " ab "},
		{`"0"`, "0"},
		{`7`, "7"},
		{`9007199254740993`, "9007199254740993"},
		{`-3`, "-3"},
		{`0`, ""},
		{`1.5`, ""},
		{`1.0`, ""},
		{`1e3`, ""},
		{`99999999999999999999`, ""},
		{`""`, ""},
		{`"  "`, ""},
		{`"a\u0000b"`, ""},
		{`null`, ""},
		{`true`, ""},
		{`["a"]`, ""},
		{`{"a":1}`, ""},
		{`"` + strings.Repeat("a", 256) + `"`, ""},
	} {
		fields, err := authcode.Object([]byte(`{"id":` + test.json + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got, ok := authcode.Subject(fields["id"]); ok != (test.want != "") || ok && got != test.want {
			t.Errorf("%s is %q, %v", test.json, got, ok)
		}
	}
}

func TestVerification_WhatIsNotYesIsNo(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]gatehouse.Verification{
		`true`: gatehouse.Verified, `"true"`: gatehouse.Verified, `null`: gatehouse.Unstated, `false`: gatehouse.Unverified, `"false"`: gatehouse.Unverified,
		`1`: gatehouse.Unverified, `"yes"`: gatehouse.Unverified, `"TRUE"`: gatehouse.Unverified, `[]`: gatehouse.Unverified, `{}`: gatehouse.Unverified,
	} {
		fields, err := authcode.Object([]byte(`{"v":` + in + `}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := authcode.Verification(fields["v"]); got != want {
			t.Errorf("%s is %q, want %q", in, got, want)
		}
	}
}

// TestObject_ReadsAsJSONDoes: whatever Go writes is read back the same.
func TestObject_ReadsAsJSONDoes(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		leaf := rapid.OneOf(rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.String().AsAny())
		in := rapid.MapOf(rapid.String(), rapid.OneOf(leaf, rapid.SliceOf(leaf).AsAny(), rapid.MapOf(rapid.String(), leaf).AsAny())).Draw(t, "object")
		body, err := json.Marshal(in)
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]any
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatal(err)
		}
		got, err := authcode.Object(body)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("%v\n%s", err, diff)
		}
	})
}

func FuzzObject(f *testing.F) {
	for _, s := range []string{`{}`, `{"a":{"a":[1,{"a":null}]}}`, `{"a":1,"a":2}`, `{"a":1}x`, `[`, `{"a"`, strings.Repeat(`{"a":`, 100)} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		if fields, err := authcode.Object(body); err == nil && (fields == nil || !json.Valid(body)) {
			t.Errorf("%q was read as %v", body, fields)
		}
	})
}

func TestUsable(t *testing.T) {
	t.Parallel()
	for address, want := range map[string][2]bool{ // as it is, and where http is taken
		"https://id.example.com/a?b=c": {true, true}, "http://localhost:8084": {true, true}, "http://127.0.0.1": {true, true}, "http://[::1]:80/x": {true, true},
		"http://id.example.com": {false, true}, "http://localhost.example.com": {false, true}, "http://127.0.0.1.example.com": {false, true},
		"https://u:p@id.example.com": {false, false}, "https://id.example.com/#f": {false, false}, "https:///path": {false, false}, "//id.example.com": {false, false},
		"javascript:alert(1)": {false, false}, "ftp://id.example.com": {false, false}, "": {false, false}, "https:id.example.com": {false, false}, "http://%zz": {false, false},
	} {
		if got := [2]bool{authcode.Usable(address, false), authcode.Usable(address, true)}; got != want {
			t.Errorf("%q: %v, want %v", address, got, want)
		}
	}
}
