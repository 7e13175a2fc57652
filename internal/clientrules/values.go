package clientrules

import (
	"encoding/json"
	"fmt"

	"gatehouse"
)

// Values are the settings of a client's protocol as programs read and write
// them, by the names of the configuration file. In a change what is absent stays
// as it is.
type Values struct {
	AuthMethod     *string                      `json:"token_endpoint_auth_method,omitempty" doc:"How it proves itself; empty: basic or post, one per request. A change that needs another secret tells one, this once"`
	AuthSigningAlg *string                      `json:"token_endpoint_auth_signing_alg,omitempty" doc:"Only this algorithm for the JWTs by which it proves itself; empty: any"`
	JWKSURI        *string                      `json:"jwks_uri,omitempty" doc:"Where its public keys are; not with jwks"`
	JWKS           *map[string]any              `json:"jwks,omitempty" doc:"Its public keys (RFC 7517); an empty object takes them away"`
	Federated      *[]gatehouse.FederatedIssuer `json:"federated,omitempty" doc:"Who else signs assertions for it (RFC 7523)"`
	TLSSubject     *string                      `json:"tls_client_auth_subject_dn,omitempty" doc:"The name in its certificate, as in RFC 2253; one of the five"`
	TLSDNS         *string                      `json:"tls_client_auth_san_dns,omitempty"`
	TLSURI         *string                      `json:"tls_client_auth_san_uri,omitempty"`
	TLSIP          *string                      `json:"tls_client_auth_san_ip,omitempty"`
	TLSEmail       *string                      `json:"tls_client_auth_san_email,omitempty"`

	AccessToken  *string   `json:"access_token_format,omitempty" doc:"opaque or jwt (RFC 9068)"`
	IDTokenAlg   *string   `json:"id_token_signed_response_alg,omitempty" doc:"How ID tokens, and access tokens that are JWTs, are signed; empty: RS256"`
	DPoPBound    *bool     `json:"dpop_bound_access_tokens,omitempty" doc:"Its tokens are always bound to a key of its own (RFC 9449)"`
	DPoPNonce    *bool     `json:"require_dpop_nonce,omitempty" doc:"Its DPoP proofs must name a nonce of Gatehouse (RFC 9449 section 8)"`
	CertBound    *bool     `json:"tls_client_certificate_bound_access_tokens,omitempty" doc:"Its tokens are bound to its certificate (RFC 8705)"`
	Resources    *[]string `json:"resources,omitempty" doc:"APIs that it may ask for (RFC 8707); the first is the audience of JWTs that name none"`
	ExchangeFrom *[]string `json:"exchange_from,omitempty" doc:"Clients whose tokens it may exchange, besides its own"`

	Profile          *string   `json:"profile,omitempty" doc:"fapi2: it is held to the FAPI 2.0 Security Profile"`
	RequirePushed    *bool     `json:"require_pushed_authorization_requests,omitempty" doc:"Requests come by /oauth/par (RFC 9126)"`
	RequireSigned    *bool     `json:"require_signed_request_object,omitempty" doc:"Requests come signed (RFC 9101)"`
	RequestObjectAlg *string   `json:"request_object_signing_alg,omitempty" doc:"Only this algorithm for request objects; empty: any"`
	RequestURIs      *[]string `json:"request_uris,omitempty" doc:"From where request objects may be fetched"`
	MaxAge           *int64    `json:"default_max_age,omitempty" doc:"People must have signed in at most so many seconds ago; -1 takes it away, and absent in an answer means none"`
	ACRValues        *[]string `json:"default_acr_values,omitempty" doc:"How surely people must have signed in, as if it had wished for it"`

	SubjectType   *string `json:"subject_type,omitempty" doc:"public or pairwise"`
	UserIDFrom    *string `json:"user_id_from,omitempty" doc:"Name of the GitLab connection by whose ids it knows people; empty: by the numbers of Gatehouse. A change ends its tokens"`
	SectorURI     *string `json:"sector_identifier_uri,omitempty" doc:"Whose host is the sector of pairwise subjects"`
	InitiateLogin *string `json:"initiate_login_uri,omitempty" doc:"Where a sign-in to it begins that others start"`

	BackchannelLogoutURI  *string `json:"backchannel_logout_uri,omitempty" doc:"Where it is told that a session ended"`
	FrontchannelLogoutURI *string `json:"frontchannel_logout_uri,omitempty" doc:"Opened in a frame of the page after signing out"`
	FrontchannelSession   *bool   `json:"frontchannel_logout_session_required,omitempty" doc:"That address gets iss and sid"`

	UserinfoAlg *string `json:"userinfo_signed_response_alg,omitempty" doc:"How user-info is signed; empty: it is not, and plain JSON"`
}

// Tell is the values of a client, all of them but those of jwks and
// default_max_age that are not set.
func Tell(c gatehouse.Client) Values {
	all := map[string]any{}
	for _, s := range Settings() {
		switch v := s.Of(&c).(type) {
		case *string:
			all[s.Name] = v
			if *v == "" && s.Usual != "" {
				all[s.Name] = s.Usual
			}
		case *[]string:
			all[s.Name] = append([]string{}, *v...)
		case *[]gatehouse.FederatedIssuer:
			all[s.Name] = append([]gatehouse.FederatedIssuer{}, *v...)
		case *json.RawMessage:
			if len(*v) > 0 {
				all[s.Name] = v
			}
		default:
			all[s.Name] = v
		}
	}
	var told Values
	text, err := json.Marshal(all)
	if err == nil {
		err = json.Unmarshal(text, &told)
	}
	if err != nil {
		panic(fmt.Sprintf("clientrules: the settings of %s are no JSON: %v", c.ID, err)) // what is stored was JSON
	}
	return told
}

// Over puts the values that are there over a client. Whether they may be had,
// Each and Together say.
func (v Values) Over(c *gatehouse.Client) error {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("read the settings of a client: %w", err)
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(text, &all); err != nil {
		return fmt.Errorf("read the settings of a client: %w", err)
	}
	for _, s := range Settings() {
		raw, ok := all[s.Name]
		if !ok {
			continue
		}
		to := s.Of(c)
		if keys, ok := to.(*json.RawMessage); ok && string(raw) == "{}" {
			*keys = nil
			continue
		}
		if err := json.Unmarshal(raw, to); err != nil {
			return fmt.Errorf("read the setting %s: %w", s.Name, err)
		}
		settle(s, to)
	}
	return nil
}

// settle writes values that mean "the usual" as they are kept.
func settle(s Setting, to any) {
	switch v := to.(type) {
	case *string:
		if *v == s.Usual {
			*v = ""
		}
	case **int64:
		if *v != nil && **v < 0 {
			*v = nil
		}
	case *[]string:
		if len(*v) == 0 {
			*v = nil
		}
	case *[]gatehouse.FederatedIssuer:
		if len(*v) == 0 {
			*v = nil
		}
	}
}
