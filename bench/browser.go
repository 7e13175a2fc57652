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
	url  string
	http *http.Client
}

func newBrowser(url string) *browser {
	return &browser{url: url, http: &http.Client{
		Timeout:       30 * time.Second,
		Transport:     &http.Transport{MaxIdleConnsPerHost: 1, DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

func (b *browser) close() { b.http.CloseIdleConnections() }

// signIn is the whole journey; it returns the ID token.
func (b *browser) signIn(ctx context.Context, p person) (string, error) {
	verifier, state := rand.Text()+rand.Text(), rand.Text()
	code, err := b.authorize(ctx, p, verifier, state)
	if err != nil {
		return "", fmt.Errorf("authorize: %w", err)
	}
	token, err := b.redeem(ctx, code, verifier)
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return token, nil
}

func (b *browser) authorize(ctx context.Context, p person, verifier, state string) (string, error) {
	sum := sha256.Sum256([]byte(verifier))
	q := url.Values{
		"client_id": {clientID}, "redirect_uri": {redirectURI}, "response_type": {"code"}, "scope": {"openid profile email"},
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

func (b *browser) redeem(ctx context.Context, code, verifier string) (string, error) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirectURI}, "code_verifier": {verifier}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url+"/oauth/token", strings.NewReader(form.Encode()))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(clientID, clientSecret)
	_, body, status, err := b.send(r)
	if err != nil {
		return "", err
	}
	var answer struct {
		AccessToken string `json:"access_token"`
		IDToken     string `json:"id_token"`
	}
	if err := json.Unmarshal(body, &answer); err != nil || status != http.StatusOK || answer.AccessToken == "" || answer.IDToken == "" {
		return "", fmt.Errorf("status %d: %.200s", status, body)
	}
	return answer.IDToken, nil
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
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url+"/oauth/discovery/keys", nil)
	if err != nil {
		return set, err
	}
	_, body, status, err := b.send(r)
	if err != nil {
		return set, err
	}
	if status != http.StatusOK {
		return set, fmt.Errorf("keys: status %d", status)
	}
	return set, json.Unmarshal(body, &set)
}

// checkToken sees to it that the ID token is RS256 by a published key, of this
// issuer and for this client.
func checkToken(token string, keys jose.JSONWebKeySet, issuer string) error {
	signed, err := jose.ParseSignedCompact(token, []jose.SignatureAlgorithm{jose.RS256})
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
	if err := json.Unmarshal(payload, &claims); err != nil || claims.Issuer != issuer || claims.Audience != clientID {
		return fmt.Errorf("the ID token is of %q for %q", claims.Issuer, claims.Audience)
	}
	return nil
}
