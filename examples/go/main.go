// Command go is a web app that signs people in with Gatehouse, by go-oidc
// and golang.org/x/oauth2, and greets them. It keeps its sessions in memory.
package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"html/template"
	"log"
	"net/http"
	"net/url"
	"os"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"
)

const attemptCookie, sessionCookie = "example_attempt", "example_session"

var page = template.Must(template.New("page").Parse(`<!doctype html><title>Go example</title>
{{if .}}<h1>Hello, {{.Name}}</h1><p id="sub">{{.Subject}}</p><p id="email">{{.Email}}</p>
<form method="post" action="/sign-out"><button>Sign out</button></form>
{{else}}<h1>Go example</h1><p><a href="/sign-in">Sign in</a></p>{{end}}`))

// person is what the app is told about who signed in.
type person struct {
	Subject string `json:"sub"` // stays the same for good; key your users by it
	Name    string `json:"name"`
	Email   string `json:"email"`
}

type app struct {
	oauth    oauth2.Config
	verifier *oidc.IDTokenVerifier

	mu     sync.Mutex
	people map[string]*person // by session
}

func main() {
	hub, address := os.Getenv("GATEHOUSE_URL"), os.Getenv("APP_URL")
	provider, err := oidc.NewProvider(context.Background(), hub)
	if err != nil {
		log.Fatal(err)
	}
	a := &app{people: map[string]*person{}}
	a.oauth = oauth2.Config{
		ClientID: os.Getenv("CLIENT_ID"), ClientSecret: os.Getenv("CLIENT_SECRET"), Endpoint: provider.Endpoint(),
		RedirectURL: address + "/callback", Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}
	a.verifier = provider.Verifier(&oidc.Config{ClientID: a.oauth.ClientID})
	http.HandleFunc("GET /{$}", a.home)
	http.HandleFunc("GET /sign-in", a.signIn)
	http.HandleFunc("GET /callback", a.callback)
	http.HandleFunc("POST /sign-out", a.signOut)
	at, err := url.Parse(address)
	if err != nil {
		log.Fatal(err)
	}
	srv := &http.Server{Addr: at.Host, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(srv.ListenAndServe())
}

func (a *app) home(w http.ResponseWriter, r *http.Request) {
	var p *person
	if c, err := r.Cookie(sessionCookie); err == nil {
		a.mu.Lock()
		p = a.people[c.Value]
		a.mu.Unlock()
	}
	if err := page.Execute(w, p); err != nil {
		log.Print(err)
	}
}

// signIn binds the attempt to this browser: the state, the nonce and the PKCE
// verifier are kept in a cookie until the answer comes.
func (a *app) signIn(w http.ResponseWriter, r *http.Request) {
	attempt := url.Values{"state": {rand.Text()}, "nonce": {rand.Text()}, "verifier": {oauth2.GenerateVerifier()}}
	a.setCookie(w, attemptCookie, attempt.Encode(), 600)
	http.Redirect(w, r, a.oauth.AuthCodeURL(attempt.Get("state"),
		oidc.Nonce(attempt.Get("nonce")), oauth2.S256ChallengeOption(attempt.Get("verifier"))), http.StatusFound)
}

func (a *app) callback(w http.ResponseWriter, r *http.Request) {
	p, err := a.finish(r)
	a.setCookie(w, attemptCookie, "", -1)
	if err != "" {
		http.Error(w, err, http.StatusBadRequest)
		return
	}
	session := rand.Text()
	a.mu.Lock()
	a.people[session] = p
	a.mu.Unlock()
	a.setCookie(w, sessionCookie, session, 8*3600)
	http.Redirect(w, r, "/", http.StatusFound)
}

// finish redeems the code and checks the ID token. The text says what went wrong.
func (a *app) finish(r *http.Request) (*person, string) {
	c, err := r.Cookie(attemptCookie)
	if err != nil {
		return nil, "This browser began no sign-in."
	}
	attempt, err := url.ParseQuery(c.Value)
	if err != nil || attempt.Get("state") == "" || attempt.Get("state") != r.FormValue("state") {
		return nil, "This answer belongs to another sign-in."
	}
	if refusal := r.FormValue("error"); refusal != "" {
		return nil, "Not signed in: " + cmp.Or(r.FormValue("error_description"), refusal)
	}
	token, err := a.oauth.Exchange(r.Context(), r.FormValue("code"), oauth2.VerifierOption(attempt.Get("verifier")))
	if err != nil {
		return nil, "The code was not accepted: " + err.Error()
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := a.verifier.Verify(r.Context(), raw)
	if err != nil || id.Nonce != attempt.Get("nonce") {
		return nil, "The ID token is not good."
	}
	p := &person{}
	if err := id.Claims(p); err != nil {
		return nil, "The ID token cannot be read."
	}
	return p, ""
}

func (a *app) signOut(w http.ResponseWriter, r *http.Request) {
	if c, err := r.Cookie(sessionCookie); err == nil {
		a.mu.Lock()
		delete(a.people, c.Value)
		a.mu.Unlock()
	}
	a.setCookie(w, sessionCookie, "", -1)
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (a *app) setCookie(w http.ResponseWriter, name, value string, seconds int) {
	at, _ := url.Parse(a.oauth.RedirectURL)
	http.SetCookie(w, &http.Cookie{ // #nosec G124 -- Secure wherever the app is https
		Name: name, Value: value, Path: "/", MaxAge: seconds,
		HttpOnly: true, SameSite: http.SameSiteLaxMode, Secure: at.Scheme == "https",
	})
}
