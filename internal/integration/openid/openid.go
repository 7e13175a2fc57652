// Package openid signs people in with any OpenID Connect provider, found by its
// issuer address (discovery) or entered by hand, in the settings that GitLab's
// openid_connect provider takes. Nobody is signed in unless the provider's
// signed ID token was made for this application, for this sign-in and just now,
// by a key that the provider publishes, and everything else the provider says
// agrees with it.
package openid

import (
	"log/slog"
	"net/url"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/integration/authcode"
)

// Kinds are the names by which this kind is known: its own, and the one that a
// gitlab.yml has for it.
func Kinds() []integration.Kind {
	kind := integration.Kind{
		Name:            "openid",
		Title:           "OpenID Connect",
		OpenConnection:  open,
		ConnectionHosts: hosts, ConnectionAuthority: authcode.Authority,
		Form: form(),
	}
	gitlabs := kind
	gitlabs.Form.AliasOf = kind.Name
	gitlabs.Name = "openid_connect"
	return []integration.Kind{kind, gitlabs}
}

func open(c gatehouse.Connection, env integration.Env) (integration.Door, error) {
	s, err := readSettings(c, env.Log, env.Development)
	if err != nil {
		return integration.Door{}, err
	}
	d := &door{
		settings: s,
		client: &authcode.Client{
			Label: authcode.Label(c), ID: c.AppID, Secret: c.AppSecret, HTTP: env.HTTP, Clock: env.Clock,
			Assert: func(endpoint string) (string, error) { return s.key.assert(c.AppID, endpoint, env.Clock.Now()) },
		},
		clock: env.Clock,
		log:   env.Log,
	}
	d.metadata = newCache(env.Clock, d.discover)
	d.keys = newCache(env.Clock, d.fetchKeys)
	opened := integration.Door{Provider: d, Refresher: d, BackChannel: d, ShowsFresh: s.freshIsChecked}
	if s.discovery || s.byHand.EndSession != "" {
		opened.Logout = d
	}
	return opened, nil
}

// hosts are the addresses that the settings name. Settings that are wrong name
// none: opening the connection says why.
func hosts(c gatehouse.Connection) []string {
	s, err := readSettings(c, nil, true)
	if err != nil {
		return nil
	}
	named := []string{s.issuer}
	for _, a := range []string{s.byHand.Authorization, s.byHand.Token, s.byHand.UserInfo, s.byHand.Keys, s.byHand.EndSession} {
		if a != "" {
			named = append(named, a)
		}
	}
	return named
}

// settings are a connection's arguments, checked.
type settings struct {
	issuer     string
	discovery  bool
	byHand     metadata // of client_options; with discovery they fill what it leaves open
	method     authcode.AuthMethod
	key        signingKey // of the method private_key_jwt
	algorithms []string   // of ID tokens
	scopes     []string
	params     url.Values // further parameters of the authorization request
	maxAge     int64      // seconds since the person typed a password there; -1: any
	fresh      url.Values // what asks the person again
	// freshIsChecked: a fresh sign-in needs an auth_time that shows it.
	freshIsChecked bool
	pkce           bool
	sendScope      bool // with the code, as GitLab does
	redirect       string
	afterwards     string // where RP-initiated logout ends, "" = where the caller says
	endsThere      bool   // a sign-out here is one at the provider too
	uidField       string
	claims         claimNames
	mapping        authcode.Mapping // fields that are worked out instead
	required       []string         // groups of which a person needs one; nil: none
	hosted         []string         // Workspace domains of which a person needs one; nil: none
	plain          bool             // http addresses are taken
	two            []string         // values of acr and amr that say that the provider asked for two proofs; nil: none is believed
}

const defaultScopes = "openid profile email"

// readSettings reads the shape of omniauth_openid_connect, as GitLab documents
// it. plain takes http addresses everywhere. log may be nil.
func readSettings(c gatehouse.Connection, log *slog.Logger, plain bool) (settings, error) {
	args := authcode.Read(c, log)
	knownArgs(args)
	s := settings{plain: plain}
	if c.AppID == "" {
		args.Missing("app_id (args.client_options.identifier)")
	}
	s.readIssuer(args)
	s.readEndpoints(args)
	s.readMethod(args, c.AppSecret)
	s.readAlgorithms(args)
	s.readRequest(args)
	s.readClaims(args)
	s.readGoogle(args)
	return s, args.Err()
}

func knownArgs(args *authcode.Settings) {
	args.Known("name", "strategy_class", "issuer", "discovery", "scope", "response_type", "response_mode", "uid_field", "client_auth_method",
		"client_signing_alg", "send_scope_to_token_endpoint", "pkce", "client_options", "prompt", "display", "max_age", "ui_locales", "acr_values", "hd",
		"login_hint", "extra_authorize_params", "authorize_params", "post_logout_redirect_uri", "attribute_map", "gitlab_username_claim",
		"send_nonce", "require_state", "state", "allow_authorize_params", "pkce_verifier", "pkce_options", "logout_path",
		"jwt_secret", "jwt_secret_base64", "client_jwk_signing_key", "client_x509_signing_key", "client_key_id", "groups_attribute", "required_groups",
		"mapping", "logout", "ca", "ca_file", "two_factor_values",
		"access_type", "include_granted_scopes")
	args.Ignored("is not needed: Gatehouse always sends a nonce and a state and checks them", "send_nonce", "require_state", "state")
	args.Ignored("is not used by Gatehouse", "allow_authorize_params", "pkce_verifier", "pkce_options", "logout_path",
		"jwt_secret", "jwt_secret_base64", "client_jwk_signing_key", "client_x509_signing_key")
}

// readIssuer keeps the issuer byte for byte, since it is compared so.
func (s *settings) readIssuer(args *authcode.Settings) {
	s.issuer = args.Text("issuer", "")
	u, err := url.Parse(s.issuer)
	switch {
	case s.issuer == "":
		args.Missing("args.issuer")
	case err != nil || u.RawQuery != "" || !authcode.Usable(s.issuer, s.plain):
		args.Wrong("issuer", "the provider's address exactly as it writes it, which begins with https:// and has no query")
	}
}

func (s *settings) readEndpoints(args *authcode.Settings) {
	o := args.Table("client_options")
	o.Known("identifier", "secret", "redirect_uri", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri", "end_session_endpoint",
		"scheme", "host", "port", "gitlab")
	base := s.base(o)
	s.byHand = metadata{
		Issuer:        s.issuer,
		Authorization: o.Address("authorization_endpoint", base, s.plain),
		Token:         o.Address("token_endpoint", base, s.plain),
		UserInfo:      o.Address("userinfo_endpoint", base, s.plain),
		Keys:          o.Address("jwks_uri", base, s.plain),
		EndSession:    o.Address("end_session_endpoint", base, s.plain),
	}
	s.redirect = o.Text("redirect_uri", "")
	s.discovery = args.Yes("discovery", s.byHand.Authorization == "" || s.byHand.Token == "" || s.byHand.Keys == "")
	if s.discovery {
		o.Ignored("has no effect where discovery gives the address", "authorization_endpoint", "token_endpoint", "userinfo_endpoint", "jwks_uri")
		return
	}
	for _, e := range []struct{ name, address string }{
		{"authorization_endpoint", s.byHand.Authorization}, {"token_endpoint", s.byHand.Token}, {"jwks_uri", s.byHand.Keys},
	} {
		if e.address == "" {
			o.Missing(o.Name(e.name) + " (or args.discovery: true)")
		}
	}
}

// base is where endpoints that are paths lie: scheme, host and port of
// client_options, else the issuer.
func (s *settings) base(o *authcode.Settings) *url.URL {
	base, err := url.Parse(s.issuer)
	if err != nil {
		base = &url.URL{}
	}
	if host := o.Text("host", ""); host != "" {
		base = &url.URL{Scheme: o.Text("scheme", "https"), Host: host}
		if port := o.Text("port", ""); port != "" && port != "443" {
			base.Host += ":" + port
		}
	}
	return base
}

// readMethod reads client_auth_method. In GitLab anything that it does not know
// ("query", as its documentation has it) means the form.
func (s *settings) readMethod(args *authcode.Settings, secret string) {
	switch m := args.Text("client_auth_method", ""); m {
	case "":
	case "basic", "client_secret_basic":
		s.method = authcode.SecretBasic
	case "query", "post", "body", "client_secret_post":
		s.method = authcode.SecretPost
	case "none":
		s.method = authcode.NoSecret
	case "private_key_jwt", "jwt_bearer", "jwks":
		s.method = authcode.SignedJWT
		s.readKey(args, secret)
	default: // mtls and what else must not quietly send a secret instead
		args.Wrong("client_auth_method", `"basic", "query" (the secret in the form), "private_key_jwt" or "none"; client certificates are not supported`)
	}
	if secret == "" && s.method != authcode.NoSecret {
		args.Missing("app_secret (args.client_options.secret)")
	}
}

// algorithms are those an ID token may be signed with. With a shared secret
// (HS256) whoever knows the secret could vouch for anybody, and with the
// provider's public key taken for one, everybody could.
func algorithms() []string {
	return []string{"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"}
}
