// Package world is who works at the stand-in's company and which applications
// are registered there: what the provider knows before anyone calls it.
package world

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"github.com/go-jose/go-jose/v4"
)

// World is all that the twin knows before anyone calls it.
type World struct {
	People  []Person
	Clients []Client
}

// Person is somebody with an account at the company. Empty fields are not told.
type Person struct {
	// Sub is the subject that the OpenID provider tells; it never changes.
	Sub string
	// Number is the id that the plain provider tells. It may be larger than a
	// floating-point number can hold.
	Number int64

	Name, GivenName, FamilyName string
	// Username is preferred_username.
	Username, Nickname string
	Email              string
	// EmailVerified is told as it is: true, false, "true" as text; nil = absent.
	EmailVerified any
	Phone         string
	Locale        string
	Title         string
	Groups        []string
	// Picture is whether there is one, at the twin's own address.
	Picture bool
	// Disabled people are on the page and cannot sign in.
	Disabled bool
	// Claims are told besides, with the scope profile, and win over the fields
	// above; a nil value takes a claim away.
	Claims map[string]any
}

// How a client may prove itself at the token endpoint.
const (
	AuthBasic      = "client_secret_basic"
	AuthPost       = "client_secret_post"
	AuthPrivateKey = "private_key_jwt"
	AuthNone       = "none" // a public client: PKCE is required
)

// Client is an application that signs people in here, by OpenID Connect or at
// the plain provider.
type Client struct {
	ID, Secret string
	// Name is shown to people; "" shows the ID.
	Name string
	// RedirectURIs and PostLogoutURIs are compared as text.
	RedirectURIs, PostLogoutURIs []string
	// BackchannelLogoutURI is told when somebody signs out; "" = is not.
	BackchannelLogoutURI string
	// AuthMethod is one of the constants above; "" takes the secret by
	// client_secret_basic or client_secret_post.
	AuthMethod string
	// Keys are the public keys of private_key_jwt.
	Keys jose.JSONWebKeySet
	// Algorithm signs what is made for this client: RS256 (also ""), PS256,
	// ES256 or EdDSA.
	Algorithm string
	// SignedUserinfo answers /userinfo with a JWT.
	SignedUserinfo bool
	// ClaimsInIDToken puts what /userinfo tells into the ID token too.
	ClaimsInIDToken bool
	// RequirePKCE refuses authorization requests without a code_challenge.
	RequirePKCE bool
	// Trusted clients need no consent.
	Trusted bool
}

// SigningAlgorithm is Algorithm with its default.
func (c *Client) SigningAlgorithm() string {
	if c.Algorithm == "" {
		return string(jose.RS256)
	}
	return c.Algorithm
}

// Title is what people see of the client.
func (c *Client) Title() string {
	if c.Name == "" {
		return c.ID
	}
	return c.Name
}

// Check says what about the client contradicts itself.
func (c *Client) Check() error {
	switch {
	case c.ID == "":
		return errors.New("a client has no ID")
	case !slices.Contains([]string{"", AuthBasic, AuthPost, AuthPrivateKey, AuthNone}, c.AuthMethod):
		return fmt.Errorf("client %s: the authentication method %q is unknown", c.ID, c.AuthMethod)
	case c.Secret == "" && c.AuthMethod != AuthNone && c.AuthMethod != AuthPrivateKey:
		return fmt.Errorf("client %s has no secret", c.ID)
	case c.AuthMethod == AuthPrivateKey && len(c.Keys.Keys) == 0:
		return fmt.Errorf("client %s has no public key for private_key_jwt", c.ID)
	case !slices.Contains([]string{"RS256", "PS256", "ES256", "EdDSA"}, c.SigningAlgorithm()):
		return fmt.Errorf("client %s: the algorithm %q is unknown", c.ID, c.Algorithm)
	}
	for _, uri := range slices.Concat(c.RedirectURIs, c.PostLogoutURIs, []string{c.BackchannelLogoutURI}) {
		if u, err := url.Parse(uri); uri != "" && (err != nil || u.Scheme == "" || strings.Contains(uri, "#")) {
			return fmt.Errorf("client %s: %q is not an absolute address without a fragment", c.ID, uri)
		}
	}
	return nil
}

// Check says what about the world contradicts itself.
func (w *World) Check() error {
	seen := map[string]bool{}
	for i := range w.People {
		p := &w.People[i]
		if p.Sub == "" || seen[p.Sub] {
			return fmt.Errorf("the sub %q of %s is empty or taken", p.Sub, p.Name)
		}
		seen[p.Sub] = true
	}
	for i := range w.Clients {
		if err := w.Clients[i].Check(); err != nil {
			return err
		}
	}
	return nil
}

// Person finds somebody; nil = there is nobody.
func (w *World) Person(sub string) *Person {
	i := slices.IndexFunc(w.People, func(p Person) bool { return p.Sub == sub })
	if i < 0 {
		return nil
	}
	return &w.People[i]
}

// Client finds a client; nil = there is none.
func (w *World) Client(id string) *Client {
	i := slices.IndexFunc(w.Clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &w.Clients[i]
}

// Other is somebody else who could sign in.
func (w *World) Other(sub string) *Person {
	for i := range w.People {
		if p := &w.People[i]; p.Sub != sub && !p.Disabled {
			return p
		}
	}
	return &Person{Sub: "somebody-else", Number: 1, Name: "Somebody Else"}
}

// Proves says whether a client may prove itself by this method and did. An
// assertion was checked when the client was read from it.
func (c *Client) Proves(method, secret string) bool {
	switch {
	case c.AuthMethod == "" && method != AuthBasic && method != AuthPost, c.AuthMethod != "" && method != c.AuthMethod:
		return false
	case method == AuthNone, method == AuthPrivateKey:
		return true
	}
	return subtle.ConstantTimeCompare([]byte(secret), []byte(c.Secret)) == 1
}

// Signed says whether a token is signed with one of the client's keys.
func (c *Client) Signed(token *jose.JSONWebSignature) bool {
	return slices.ContainsFunc(c.Keys.Keys, func(k jose.JSONWebKey) bool {
		_, err := token.Verify(k.Key)
		return err == nil && k.IsPublic()
	})
}
