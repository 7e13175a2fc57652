package openid

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/integration/authcode"
)

// metadata is what we need to know of a provider (OpenID Connect Discovery 3,
// RFC 9207 3).
type metadata struct {
	Issuer        string   `json:"issuer"`
	Authorization string   `json:"authorization_endpoint"`
	Token         string   `json:"token_endpoint"`
	UserInfo      string   `json:"userinfo_endpoint"`
	Keys          string   `json:"jwks_uri"`
	EndSession    string   `json:"end_session_endpoint"`
	SendsIssuer   bool     `json:"authorization_response_iss_parameter_supported"`
	Methods       []string `json:"token_endpoint_auth_methods_supported"`
}

// discover gives the provider's metadata: its own, checked, or that of the
// settings.
func (d *door) discover(ctx context.Context) (metadata, error) {
	if !d.discovery {
		return d.byHand, nil
	}
	address := strings.TrimSuffix(d.issuer, "/") + "/.well-known/openid-configuration"
	body, err := d.client.Get(ctx, address, "")
	if err != nil {
		return metadata{}, err
	}
	var m metadata
	if _, err := authcode.Object(body); err != nil || json.Unmarshal(body, &m) != nil {
		return metadata{}, d.client.Garbled(errors.New("the discovery document is not the JSON we expect"))
	}
	// RFC 9700 4.4 and OpenID Connect Discovery 4.3: whoever can answer for
	// another issuer could have that one's people sign in by his own endpoints.
	if m.Issuer != d.issuer {
		return metadata{}, d.errIssuer().Because(fmt.Errorf("the setting args.issuer is %q, and the provider says %q", d.issuer, clip(m.Issuer)))
	}
	return m.complete(d)
}

// complete fills what discovery left open from the settings, and checks the
// addresses: an https provider has no http endpoints.
func (m metadata) complete(d *door) (metadata, error) {
	issuer, _ := url.Parse(d.issuer)
	for _, e := range []struct {
		name   string
		to     *string
		byHand string
		needed bool
	}{
		{"authorization_endpoint", &m.Authorization, d.byHand.Authorization, true},
		{"token_endpoint", &m.Token, d.byHand.Token, true},
		{"jwks_uri", &m.Keys, d.byHand.Keys, true},
		{"userinfo_endpoint", &m.UserInfo, d.byHand.UserInfo, false},
		{"end_session_endpoint", &m.EndSession, d.byHand.EndSession, false},
	} {
		if *e.to == "" {
			*e.to = e.byHand
		}
		if *e.to == "" && !e.needed {
			continue
		}
		u, err := url.Parse(*e.to)
		if err != nil || !authcode.Usable(*e.to, d.plain) || issuer.Scheme == "https" && u.Scheme != "https" {
			return metadata{}, d.client.Garbled(fmt.Errorf("the discovery document's %s is not a usable address: %q", e.name, clip(*e.to)))
		}
	}
	return m, nil
}

// authMethod is the method of the settings, or else the first of ours that the
// provider takes; basic is what a provider takes that says nothing.
func (d *door) authMethod(m metadata) authcode.AuthMethod {
	switch {
	case d.method != "":
		return d.method
	case !slices.Contains(m.Methods, string(authcode.SecretBasic)) && slices.Contains(m.Methods, string(authcode.SecretPost)):
		return authcode.SecretPost
	}
	return authcode.SecretBasic
}

func (d *door) errIssuer() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Upstream, "%s gives itself another name than the one in the setting args.issuer, so nobody was signed in. Ask an administrator to compare the two: they must be the same to the letter.", d.client.Label)
}

// clip is a text from outside for the log.
func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 200)], "?") }
