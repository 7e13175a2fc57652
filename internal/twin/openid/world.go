package openid

import (
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

func (c *Client) algorithm() string {
	if c.Algorithm == "" {
		return string(jose.RS256)
	}
	return c.Algorithm
}

func (c *Client) title() string {
	if c.Name == "" {
		return c.ID
	}
	return c.Name
}

func (c *Client) check() error {
	switch {
	case c.ID == "":
		return errors.New("a client has no ID")
	case !slices.Contains([]string{"", AuthBasic, AuthPost, AuthPrivateKey, AuthNone}, c.AuthMethod):
		return fmt.Errorf("client %s: the authentication method %q is unknown", c.ID, c.AuthMethod)
	case c.Secret == "" && c.AuthMethod != AuthNone && c.AuthMethod != AuthPrivateKey:
		return fmt.Errorf("client %s has no secret", c.ID)
	case c.AuthMethod == AuthPrivateKey && len(c.Keys.Keys) == 0:
		return fmt.Errorf("client %s has no public key for private_key_jwt", c.ID)
	case !slices.Contains(algorithms(), jose.SignatureAlgorithm(c.algorithm())):
		return fmt.Errorf("client %s: the algorithm %q is unknown", c.ID, c.Algorithm)
	}
	for _, uri := range slices.Concat(c.RedirectURIs, c.PostLogoutURIs, []string{c.BackchannelLogoutURI}) {
		if u, err := url.Parse(uri); uri != "" && (err != nil || u.Scheme == "" || strings.Contains(uri, "#")) {
			return fmt.Errorf("client %s: %q is not an absolute address without a fragment", c.ID, uri)
		}
	}
	return nil
}

func (w *World) check() error {
	seen := map[string]bool{}
	for i := range w.People {
		p := &w.People[i]
		if p.Sub == "" || seen[p.Sub] {
			return fmt.Errorf("the sub %q of %s is empty or taken", p.Sub, p.Name)
		}
		seen[p.Sub] = true
	}
	for i := range w.Clients {
		if err := w.Clients[i].check(); err != nil {
			return err
		}
	}
	return nil
}

func (w *World) person(sub string) *Person {
	i := slices.IndexFunc(w.People, func(p Person) bool { return p.Sub == sub })
	if i < 0 {
		return nil
	}
	return &w.People[i]
}

func (w *World) client(id string) *Client {
	i := slices.IndexFunc(w.Clients, func(c Client) bool { return c.ID == id })
	if i < 0 {
		return nil
	}
	return &w.Clients[i]
}

// other is somebody else who could sign in.
func (w *World) other(sub string) *Person {
	for i := range w.People {
		if p := &w.People[i]; p.Sub != sub && !p.Disabled {
			return p
		}
	}
	return &Person{Sub: "somebody-else", Number: 1, Name: "Somebody Else"}
}
