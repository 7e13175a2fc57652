package server

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"gatehouse"
)

// Software that cannot be installed here, by its requests as its source makes
// them: what it sends, and what it reads of each answer.

// pattern is a sign-in as some software does it.
type pattern struct {
	software  string
	source    string // from which its requests were written down
	scopes    []string
	callback  string
	pkce      bool
	authorize url.Values // besides client_id, redirect_uri, response_type and PKCE
	requests  []recorded
}

// recorded is a request of an app to Gatehouse. In its texts {name} is what an
// earlier answer said under that name.
type recorded struct {
	method, path  string
	basic         bool // the app proves itself by HTTP Basic
	header, form  map[string]string
	reads         map[string]string // what the app takes of the answer: path in the JSON, value; "+" is any that is not empty
	readsIDToken  map[string]string // the same of the ID token's claims, which the app does not verify
	readsHeader   map[string]string
	untilRowCount int // the answer is a list that grows to so many rows while GitLab is read
}

// tokenForm is the body by which the code is redeemed.
func tokenForm(more map[string]string) map[string]string {
	form := map[string]string{"grant_type": "authorization_code", "code": "{code}", "redirect_uri": "{redirect_uri}"}
	for k, v := range more {
		form[k] = v
	}
	return form
}

func patterns() []pattern {
	bearer := map[string]string{"Authorization": "Bearer {access_token}"}
	state := base64.URLEncoding.EncodeToString([]byte("0123456789abcdef0123456789abcdef")) // ends with =
	return []pattern{
		{
			software: "Grafana", source: "grafana/grafana pkg/services/authn/clients/oauth.go, pkg/login/social/connectors/gitlab_oauth.go (extractFromToken)",
			scopes: []string{"openid", "profile", "email", "read_api"}, callback: "http://grafana.test/login/gitlab", pkce: true,
			authorize: url.Values{"scope": {"openid email profile"}, "state": {state}},
			requests: []recorded{
				{
					method: "POST", path: "/oauth/token", basic: true, form: tokenForm(map[string]string{"code_verifier": "{verifier}"}),
					reads:        map[string]string{"access_token": "+", "token_type": "Bearer", "refresh_token": "+"},
					readsIDToken: map[string]string{"sub": "1000000002", "preferred_username": "zhang.wei", "email": "zhang.wei@example.com", "name": "张伟", "email_verified": "true"},
				},
				{method: "GET", path: "/oauth/userinfo", header: bearer, reads: map[string]string{"sub": "1000000002", "email": "zhang.wei@example.com", "email_verified": "true"}},
				// later, with use_refresh_token: the library proves itself as it did before
				{method: "POST", path: "/oauth/token", basic: true, form: map[string]string{"grant_type": "refresh_token", "refresh_token": "{refresh_token}"}, reads: map[string]string{"access_token": "+"}},
			},
		},
		{
			software: "Grafana without OpenID", source: "grafana/grafana pkg/login/social/connectors/gitlab_oauth.go (extractFromAPI, getGroupsPage)",
			scopes: []string{"read_user", "read_api"}, callback: "http://grafana.test/login/gitlab",
			authorize: url.Values{"scope": {"read_api"}, "state": {state}},
			requests: []recorded{
				// golang.org/x/oauth2 tries the secret in the body where it does not know the server yet
				{method: "POST", path: "/oauth/token", form: tokenForm(map[string]string{"client_id": "app", "client_secret": exampleSecret}), reads: map[string]string{"access_token": "+", "token_type": "Bearer"}},
				{method: "GET", path: "/api/v4/user", header: bearer, reads: map[string]string{"id": "1000000002", "username": "zhang.wei", "email": "zhang.wei@example.com", "name": "张伟", "state": "active", "confirmed_at": "+"}},
				{
					method: "GET", path: "/api/v4/groups?min_access_level=10&page=1&per_page=50", header: bearer, untilRowCount: 7,
					reads: map[string]string{"full_path": "+"}, readsHeader: map[string]string{"X-Total": "7", "X-Next-Page": ""},
				},
			},
		},
		{
			software: "Mattermost", source: "mattermost/mattermost server/channels/app/oauth.go (GetAuthorizationCode, AuthorizeOAuthUser), app/oauthproviders/gitlab",
			scopes: []string{"read_user"}, callback: "http://chat.test/signup/gitlab/complete",
			authorize: url.Values{"state": {base64.StdEncoding.EncodeToString([]byte(`{"action":"login","token":"?>~"}`))}}, // with + / =; no scope
			requests: []recorded{
				{
					method: "POST", path: "/oauth/token", header: map[string]string{"Accept": "application/json"},
					form:  tokenForm(map[string]string{"client_id": "app", "client_secret": exampleSecret}),
					reads: map[string]string{"access_token": "+", "token_type": "Bearer"},
				},
				{
					method: "GET", path: "/api/v4/user",
					header: map[string]string{"Authorization": "Bearer {access_token}", "Accept": "application/json", "Content-Type": "application/x-www-form-urlencoded"},
					reads:  map[string]string{"id": "1000000002", "username": "zhang.wei", "email": "zhang.wei@example.com", "name": "张伟"},
				},
			},
		},
	}
}

func TestRecordedPatterns(t *testing.T) {
	t.Parallel()
	for _, p := range patterns() {
		t.Run(p.software, func(t *testing.T) {
			t.Parallel()
			client := oldApp(p.callback)
			client.Scopes, client.RequirePKCE = p.scopes, p.pkce
			r := startDev(t, t.TempDir(), withClient(client))
			known := map[string]string{"redirect_uri": p.callback, "verifier": oauth2.GenerateVerifier()}
			known["code"] = p.signIn(t, r, client, known["verifier"])
			for _, q := range p.requests {
				q.replay(t, r, known)
			}
		})
	}
}

// signIn has 张伟 come through GitLab, and gives the code that the app gets.
func (p pattern) signIn(t *testing.T, r *running, client gatehouse.Client, verifier string) string {
	t.Helper()
	query := url.Values{"client_id": {client.ID}, "redirect_uri": {p.callback}, "response_type": {"code"}}
	for k, v := range p.authorize {
		query[k] = v
	}
	if p.pkce {
		query.Set("code_challenge", oauth2.S256ChallengeFromVerifier(verifier))
		query.Set("code_challenge_method", "S256")
	}
	back, err := url.Parse(p.callback)
	if err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t).throughGitLab(r, "2").allow(r)
	address := stopping(v, r, back.Host)(r.hub + "/oauth/authorize?" + query.Encode())
	got, err := url.Parse(address)
	if err != nil || got.Query().Get("code") == "" || got.Query().Get("state") != query.Get("state") || got.Path != back.Path {
		t.Fatalf("the app is answered %s", address)
	}
	return got.Query().Get("code")
}

func (q recorded) replay(t *testing.T, r *running, known map[string]string) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		status, header, body := q.send(t, r, known)
		var rows []any
		if q.untilRowCount > 0 && json.Unmarshal([]byte(body), &rows) == nil && len(rows) < q.untilRowCount && time.Now().Before(deadline) {
			<-time.After(20 * time.Millisecond) // GitLab is still being read
			continue
		}
		if status != http.StatusOK {
			t.Fatalf("%s %s is answered %d %s", q.method, q.path, status, body)
		}
		q.compare(t, header, body, known)
		return
	}
}

func (q recorded) send(t *testing.T, r *running, known map[string]string) (status int, header http.Header, body string) {
	t.Helper()
	fill := func(s string) string {
		for name, value := range known {
			s = strings.ReplaceAll(s, "{"+name+"}", value)
		}
		return s
	}
	form := url.Values{}
	for k, v := range q.form {
		form.Set(k, fill(v))
	}
	request, err := http.NewRequestWithContext(t.Context(), q.method, r.hub+q.path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if len(form) > 0 {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for k, v := range q.header {
		request.Header.Set(k, fill(v))
	}
	if q.basic {
		request.SetBasicAuth("app", exampleSecret)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer.StatusCode, answer.Header, string(text)
}

// compare checks what the app reads of an answer, and keeps it for later requests.
func (q recorded) compare(t *testing.T, header http.Header, body string, known map[string]string) {
	t.Helper()
	seen := fieldsOf(t, []byte(body))
	for name, want := range q.reads {
		if got := seen[name]; got != want && (want != "+" || got == "") {
			t.Errorf("%s %s: %s is %q, want %q in %s", q.method, q.path, name, got, want, body)
		}
		known[name] = seen[name]
	}
	for name, want := range q.readsHeader {
		if got, there := header[http.CanonicalHeaderKey(name)]; !there || !slices.Equal(got, []string{want}) {
			t.Errorf("%s %s: the header %s is %q, want %q in %s", q.method, q.path, name, got, want, body)
		}
	}
	if q.readsIDToken == nil {
		return
	}
	parts := strings.Split(seen["id_token"], ".")
	if len(parts) != 3 {
		t.Fatalf("%s %s: no ID token in %s", q.method, q.path, body)
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		t.Fatal(err)
	}
	claims := fieldsOf(t, payload)
	for name, want := range q.readsIDToken {
		if claims[name] != want {
			t.Errorf("%s of the ID token is %q, want %q", name, claims[name], want)
		}
	}
}

// fieldsOf are the fields of a JSON object, or of the first one of a list, as text.
func fieldsOf(t *testing.T, body []byte) map[string]string {
	t.Helper()
	var rows []map[string]json.RawMessage
	if strings.HasPrefix(string(body), "{") {
		body = slices.Concat([]byte("["), body, []byte("]"))
	}
	if err := json.Unmarshal(body, &rows); err != nil || len(rows) == 0 {
		t.Fatalf("expected JSON, found %s", body)
	}
	fields := map[string]string{}
	for k, v := range rows[0] {
		var text string
		if json.Unmarshal(v, &text) != nil {
			text = strings.TrimPrefix(string(v), "null")
		}
		fields[k] = text
	}
	return fields
}
