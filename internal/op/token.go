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
	w      http.ResponseWriter // for headers alone
	r      *http.Request
	form   wire.Params
	client gatehouse.Client
	once   *once // of the client's proof; nil: nothing
	held   held  // what the tokens are bound to
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
	answer, err := p.carryOut(grant, &ask{w: w, r: r, form: form, client: c, once: used})
	if err != nil && !c.Public() && form["grant_type"] != request.GrantBearer { // there an assertion may be all that there is
		return proved{err}
	}
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
	if !request.MayGrant(a.client, a.form["grant_type"]) {
		err = unauthorizedClient()
	} else if err = p.hold(a); err == nil {
		answer, err = grant(a)
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
	jwt             bool // the access token is told as a JWT, whose jti access is
	expires         time.Time
	grant           gatehouse.Grantable // of the access token
	at              time.Time
}

// mint is what new tokens are made of.
type mint struct {
	client        gatehouse.Client
	family        string
	grant         gatehouse.Grantable // of the access token
	refresh       bool                // with a refresh token
	refreshScopes []string            // of the refresh token
	refreshFor    []string            // the resources of the refresh token
	until         time.Time           // the access token ends then at the latest; zero: at its own end
	jwt           bool                // the access token is a JWT, whatever the client's usually are
	endsAt        time.Time           // of the family
	held          held                // what the tokens are bound to
}

// mint makes tokens in the caller's transaction: an access token and, if
// wanted, a refresh token.
func (p *Provider) mint(tx *store.Tx, m mint) (minted, error) {
	now, lifetimes := tx.Now(), p.Lifetimes.of(m.client)
	m.held.bind(&m.grant)
	made := minted{access: gatehouse.NewHexSecret(), grant: m.grant, at: now, expires: now.Add(lifetimes.access())}
	made.jwt = m.jwt || m.client.Settings.AccessToken == gatehouse.AccessTokenJWT
	if !m.until.IsZero() && m.until.Before(made.expires) {
		made.expires = m.until
	}
	hash := gatehouse.Digest(made.access)
	if made.jwt {
		hash = jtiDigest(made.access)
	}
	tokens := []*gatehouse.Token{{
		Hash: hash, Kind: gatehouse.AccessToken, Family: m.family, Grant: m.grant, CreatedAt: now, ExpiresAt: made.expires,
	}}
	if m.refresh {
		made.refresh = gatehouse.NewHexSecret()
		long := m.grant
		long.Scopes, long.Nonce, long.Details.Audience = m.refreshScopes, "", m.refreshFor
		if !bindsRefresh(m.client) {
			held{}.bind(&long)
		}
		expires := now.Add(lifetimes.refresh())
		if expires.After(m.endsAt) {
			expires = m.endsAt
		}
		tokens = append(tokens, &gatehouse.Token{
			Hash: gatehouse.Digest(made.refresh), Kind: gatehouse.RefreshToken, Family: m.family, Grant: long,
			CreatedAt: now, ExpiresAt: expires, EndsAt: m.endsAt,
		})
	}
	return made, tx.SaveTokens(tokens...)
}

// mintFor makes the tokens of a sign-in: what the client may have of it today,
// with a refresh token if it may have those. The request may name fewer
// resources than the sign-in did (RFC 8707 section 2.2).
func (p *Provider) mintFor(tx *store.Tx, a *ask, grant gatehouse.Grantable, family string) (minted, error) {
	all := grant.Details.Audience
	narrowed, err := p.audience(a, all)
	if err != nil {
		return minted{}, err
	}
	grant.Scopes, grant.Details.Audience = request.StillAllowed(a.client, grant.Scopes), narrowed
	return p.mint(tx, mint{
		client: a.client, family: family, grant: grant, held: a.held, refresh: request.MayGrant(a.client, request.GrantRefresh),
		refreshScopes: grant.Scopes, refreshFor: all, endsAt: tx.Now().Add(p.Lifetimes.of(a.client).refreshAbsolute()),
	})
}

// audience are the resources that a new access token is for: those that the
// request names, of those that were granted; without a name all of them. granted
// nil means that none were named before, so that any of the client's will do.
func (p *Provider) audience(a *ask, granted []string) ([]string, error) {
	asked, ok := request.Resources(a.client, a.form["resource"], p.issuer())
	switch {
	case !ok || len(granted) > 0 && !request.Covers(granted, asked):
		return nil, invalidTarget("The requested resource is invalid, unknown, or was not granted.")
	case len(asked) > 0:
		return asked, nil
	}
	return granted, nil
}

// tell turns new tokens into an answer, with an ID token if the scope has it.
// What is signed is signed here, after the transaction, so that nobody waits for
// the database while we compute.
func (p *Provider) tell(a *ask, made minted, u gatehouse.User) (tokenAnswer, error) {
	answer, err := p.tellAccess(a, &made, u)
	if err != nil || made.grant.UserID == "" || !slices.Contains(made.grant.Scopes, request.ScopeOpenID) {
		return answer, err
	}
	answer.IDToken, err = p.idToken(a.r.Context(), a.client, made, u)
	return answer, err
}

// tellAccess turns new tokens into an answer without an ID token.
func (p *Provider) tellAccess(a *ask, made *minted, u gatehouse.User) (tokenAnswer, error) {
	if made.jwt {
		jwt, err := p.accessJWT(a.r.Context(), a.client, *made, u)
		if err != nil {
			return tokenAnswer{}, err
		}
		made.access = jwt
	}
	return tokenAnswer{
		AccessToken: made.access, TokenType: typeOf(made.grant.Details), ExpiresIn: int64(made.expires.Sub(made.at).Seconds()),
		RefreshToken: made.refresh, Scope: strings.Join(made.grant.Scopes, " "), CreatedAt: made.at.Unix(),
	}, nil
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
