package op

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// tokenAnswer is GitLab's answer of /oauth/token, in GitLab's order.
type tokenAnswer struct {
	AccessToken     string `json:"access_token"`
	TokenType       string `json:"token_type"`
	ExpiresIn       int64  `json:"expires_in,omitempty"` // 0: a provider did not say; ours always end
	RefreshToken    string `json:"refresh_token,omitempty"`
	Scope           string `json:"scope,omitempty"` // "": a provider did not say; ours always have some
	CreatedAt       int64  `json:"created_at"`
	IDToken         string `json:"id_token,omitempty"`
	IssuedTokenType string `json:"issued_token_type,omitempty"` // of token exchange alone (RFC 8693 section 2.2.1)
}

// ask is one request to the token endpoint, its client known.
type ask struct {
	r      *http.Request
	form   wire.Params
	client gatehouse.Client
	once   *once // of the client's proof; nil: nothing
}

// granter carries out a grant.
type granter func(a *ask) (tokenAnswer, error)

// token answers POST /oauth/token.
func (p *Provider) token(w http.ResponseWriter, r *http.Request) error {
	form, err := wire.PostForm(w, r)
	if err != nil {
		return err
	}
	grant, err := p.grantOf(form["grant_type"])
	if err != nil {
		return err
	}
	c, used, err := p.asker(r, form)
	if err != nil {
		return err
	}
	begun := p.Clock.Now()
	answer, err := p.carryOut(grant, &ask{r: r, form: form, client: c, once: used})
	if err != nil {
		return err
	}
	if p.Metrics != nil {
		p.Metrics.Observe("token_grant", p.Clock.Now().Sub(begun), "grant", form["grant_type"])
	}
	wire.JSON(w, http.StatusOK, answer)
	return nil
}

// carryOut carries out a grant that the client may use. Whatever comes of it,
// the proof of the client is used up.
func (p *Provider) carryOut(grant granter, a *ask) (answer tokenAnswer, err error) {
	if request.MayGrant(a.client, a.form["grant_type"]) {
		answer, err = grant(a)
	} else {
		err = unauthorizedClient()
	}
	if replayed := p.settle(a.r.Context(), a.once); replayed != nil {
		return tokenAnswer{}, replayed
	}
	return answer, err
}

// grantOf finds what carries out a grant, or says why there is none.
func (p *Provider) grantOf(name string) (granter, error) {
	switch name {
	case request.GrantCode:
		return p.grantByCode, nil
	case request.GrantRefresh:
		return p.grantByRefresh, nil
	case request.GrantClient:
		return p.grantToClient, nil
	case request.GrantExchange:
		return p.grantByExchange, nil
	case request.GrantDevice:
		return p.grantToDevice, nil
	case request.GrantBearer:
		return p.grantByAssertion, nil
	case "":
		return nil, wire.Missing("grant_type")
	case "password":
		return nil, unsupportedGrant("The password grant is not supported: no application should see a password. Use authorization_code with PKCE.")
	case "implicit":
		return nil, unsupportedGrant("The implicit grant is not supported: it leaves tokens in addresses. Use authorization_code with PKCE.")
	}
	return nil, unsupportedGrant("The authorization grant type is not supported by the authorization server.")
}

func unauthorizedClient() *wire.Error {
	return &wire.Error{Code: "unauthorized_client", Description: "The client is not authorized to perform this request using this method."}
}

func unsupportedGrant(why string) *wire.Error {
	return &wire.Error{Code: "unsupported_grant_type", Description: why}
}

// minted are new tokens before they are told.
type minted struct {
	access, refresh string
	grant           gatehouse.Grantable // of the access token
	at              time.Time
}

// mint is what new tokens are made of.
type mint struct {
	family        string
	grant         gatehouse.Grantable // of the access token
	refresh       bool                // with a refresh token
	refreshScopes []string            // of the refresh token
	endsAt        time.Time           // of the family
}

// mint makes tokens in the caller's transaction: an access token and, if
// wanted, a refresh token.
func (p *Provider) mint(tx *store.Tx, m mint) (minted, error) {
	now := tx.Now()
	made := minted{access: newSecret(), grant: m.grant, at: now}
	tokens := []*gatehouse.Token{{
		Hash: digest(made.access), Kind: gatehouse.AccessToken, Family: m.family, Grant: m.grant,
		CreatedAt: now, ExpiresAt: now.Add(p.Lifetimes.access()),
	}}
	if m.refresh {
		made.refresh = newSecret()
		long := m.grant
		long.Scopes, long.Nonce = m.refreshScopes, ""
		expires := now.Add(p.Lifetimes.refresh())
		if expires.After(m.endsAt) {
			expires = m.endsAt
		}
		tokens = append(tokens, &gatehouse.Token{
			Hash: digest(made.refresh), Kind: gatehouse.RefreshToken, Family: m.family, Grant: long,
			CreatedAt: now, ExpiresAt: expires, EndsAt: m.endsAt,
		})
	}
	return made, tx.SaveTokens(tokens...)
}

// mintFor makes the tokens of a sign-in: what the client may have of it today,
// with a refresh token if it may have those.
func (p *Provider) mintFor(tx *store.Tx, c gatehouse.Client, grant gatehouse.Grantable, family string) (minted, error) {
	grant.Scopes = request.StillAllowed(c, grant.Scopes)
	return p.mint(tx, mint{
		family: family, grant: grant, refresh: request.MayGrant(c, request.GrantRefresh), refreshScopes: grant.Scopes,
		endsAt: tx.Now().Add(p.Lifetimes.refreshAbsolute()),
	})
}

// tell turns new tokens into an answer. The ID token is signed here, after the
// transaction, so that nobody waits for the database while we compute.
func (p *Provider) tell(a *ask, made minted, u gatehouse.User) (tokenAnswer, error) {
	answer := tokenAnswer{
		AccessToken: made.access, TokenType: "Bearer", ExpiresIn: int64(p.Lifetimes.access().Seconds()),
		RefreshToken: made.refresh, Scope: strings.Join(made.grant.Scopes, " "), CreatedAt: made.at.Unix(),
	}
	if made.grant.UserID == "" || !slices.Contains(made.grant.Scopes, request.ScopeOpenID) {
		return answer, nil
	}
	var err error
	answer.IDToken, err = p.idToken(a.r.Context(), made, u)
	return answer, err
}

// endFamily ends all tokens that came of one sign-in, since a code or a refresh
// token of it is in two hands, and notes it.
func (p *Provider) endFamily(tx *store.Tx, a *ask, action, family, userID string) error {
	if err := tx.RevokeFamily(family); err != nil {
		return err
	}
	return tx.Record(gatehouse.Event{
		Actor:  gatehouse.Actor{Kind: gatehouse.ActorClient, ID: a.client.ID, Name: a.client.Name, Address: ui.ClientAddress(a.r)},
		Action: action, Target: "user/" + userID, Details: map[string]string{"family": family},
	})
}

// replayed counts and logs what endFamily has ended.
func (p *Provider) replayed(a *ask, what string) {
	p.count("replay", "of", what)
	p.log().WarnContext(a.r.Context(), "used for the second time, so all tokens of that sign-in ended", "what", what,
		"client", a.client.ID, "address", ui.ClientAddress(a.r))
}
