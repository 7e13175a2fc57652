package main

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// browser is a person's browser and the client app in one, with one connection.
type browser struct {
	url    string
	client string // of the hub
	http   *http.Client
}

func newBrowser(url string) *browser {
	return &browser{url: url, client: clientID, http: &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (b *browser) close() { b.http.CloseIdleConnections() }

// tokens are what a client gets.
type tokens struct {
	Access  string `json:"access_token"`
	Refresh string `json:"refresh_token"`
	ID      string `json:"id_token"`
}

// signIn is the whole journey.
func (b *browser) signIn(ctx context.Context, p person) (tokens, error) {
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	code, err := b.authorize(ctx, p, verifier, state)
	if err != nil {
		return tokens{}, fmt.Errorf("authorize: %w", err)
	}
	t, err := b.token(ctx, url.Values{
		"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {verifier},
	})
	if err == nil && t.ID == "" {
		err = errors.New("there is no ID token")
	}
	if err != nil {
		return tokens{}, fmt.Errorf("token: %w", err)
	}
	return t, nil
}

func (b *browser) authorize(ctx context.Context, p person, verifier, state string) (string, error) {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {b.client}, "redirect_uri": {redirectURI}, "response_type": {"code"}, "scope": {"openid profile email"},
		"state": {state}, "nonce": {state}, "code_challenge_method": {"S256"},
		"code_challenge": {base64.RawURLEncoding.EncodeToString(sum[:])},
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/oauth/authorize?"+q.Encode(), nil)
	if err != nil {
		return "", err
	}
	r.Header.Set("Cookie", "gatehouse_session="+p.cookie)
	header, body, status, err := b.send(r)
	if err != nil {
		return "", err
	}
	to, err := url.Parse(header.Get("Location"))
	if err != nil || status/100 != 3 || !strings.HasPrefix(to.String(), redirectURI+"?") {
		return "", fmt.Errorf("status %d, to %q: %.200s", status, header.Get("Location"), body)
	}
	if to.Query().Get("state") != state || to.Query().Get("code") == "" {
		return "", fmt.Errorf("the answer is %q", to.Query())
	}
	return to.Query().Get("code"), nil
}

// token asks the token endpoint, which answers with an access token at least.
func (b *browser) token(ctx context.Context, form url.Values) (t tokens, err error) {
	body, err := b.post(ctx, "/oauth/token", form)
	if err == nil {
		err = json.Unmarshal(body, &t)
	}
	if err == nil && t.Access == "" {
		err = fmt.Errorf("there is no access token: %.200s", body)
	}
	return t, err
}

// post sends a form as the client, and expects 200.
func (b *browser) post(ctx context.Context, path string, form url.Values) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+path, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(b.client, clientSecret)
	return b.ok(r)
}

// get expects 200.
func (b *browser) get(ctx context.Context, path, bearer string) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+path, nil)
	if err != nil {
		return nil, err
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	return b.ok(r)
}

func (b *browser) ok(r *http.Request) ([]byte, error) {
	_, body, status, err := b.send(r)
	if err == nil && status != http.StatusOK {
		err = fmt.Errorf("%s answers %d: %.200s", r.URL.Path, status, body)
	}
	return body, err
}

func (b *browser) send(r *http.Request) (http.Header, []byte, int, error) {
	answer, err := b.http.Do(r)
	if err != nil {
		return nil, nil, 0, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 1<<20))
	return answer.Header, body, answer.StatusCode, err
}

// keys are what the hub publishes.
func (b *browser) keys(ctx context.Context) (jose.JSONWebKeySet, error) {
	var set jose.JSONWebKeySet
	body, err := b.get(ctx, "/oauth/discovery/keys", "")
	if err != nil {
		return set, err
	}
	return set, json.Unmarshal(body, &set)
}

// checkToken sees to it that the ID token is signed by a published key, of this
// issuer and for this client.
func checkToken(token string, keys jose.JSONWebKeySet, issuer, client string) error {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{algorithmOf(client)})
	if err != nil {
		return fmt.Errorf("parse the ID token: %w", err)
	}
	known := keys.Key(signed.Signatures[0].Header.KeyID)
	if len(known) != 1 {
		return errors.New("the key of the ID token is not published")
	}
	payload, err := signed.Verify(known[0])
	if err != nil {
		return fmt.Errorf("check the ID token: %w", err)
	}
	var claims struct {
		Issuer   string `json:"iss"`
		Audience string `json:"aud"`
	}
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer != issuer || claims.Audience != client {
		return fmt.Errorf("the ID token is of %q for %q", claims.Issuer, claims.Audience)
	}
	return nil
}
