package op

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"gatehouse"
	"gatehouse/internal/op/assertion"
	"gatehouse/internal/op/request"
)

// read takes an authorization request apart: the parameters themselves or, in
// place of all of them, a request object of the client (RFC 9101 section 6.3).
// An object that is not right is told where the parameters beside it say, if
// that is an address of the client.
func (p *Provider) read(ctx context.Context, c *gatehouse.Client, asked request.Params) request.Params {
	asked.Issuer = p.issuer()
	if c == nil || asked.Object == "" && asked.ObjectURI == "" || len(asked.Doubled) > 0 {
		return asked
	}
	unpacked, wrong := p.unpack(ctx, *c, asked)
	if wrong != nil {
		asked.Wrong = wrong
		return asked
	}
	return unpacked
}

func (p *Provider) unpack(ctx context.Context, c gatehouse.Client, asked request.Params) (request.Params, *request.Wrong) {
	s := c.Settings
	compact := asked.Object
	switch {
	case asked.Object != "" && asked.ObjectURI != "":
		return asked, &request.Wrong{Code: "invalid_request", Description: "The request has both a request object and the address of one."}
	case asked.ObjectURI != "":
		var wrong *request.Wrong
		if compact, wrong = p.fetchObject(ctx, c, asked.ObjectURI); wrong != nil {
			return asked, wrong
		}
	}
	if payload, unsigned := unsignedObject(compact); unsigned && asked.ObjectURI != "" && s.RequestObjectAlg == "" && !c.FAPI() {
		return p.parameters(ctx, c, asked, payload, false)
	}
	if s.JWKS == nil && s.JWKSURI == "" {
		return asked, &request.Wrong{Code: "request_not_supported", Description: "The client has no public keys registered here, so its request objects cannot be checked. Send the parameters themselves."}
	}
	payload, err := p.sets().Verify(ctx, assertion.Of(c, p.web(c), s.RequestObjectAlg, "oauth-authz-req+jwt"), compact)
	if err != nil {
		return asked, p.badObject(ctx, c, err)
	}
	return p.parameters(ctx, c, asked, payload, true)
}

// parameters are those that a request object stands for.
func (p *Provider) parameters(ctx context.Context, c gatehouse.Client, asked request.Params, payload []byte, signed bool) (request.Params, *request.Wrong) {
	v, err := request.FromObject(payload, c.ID, p.issuer(), p.Clock.Now())
	if err != nil {
		return asked, p.badObject(ctx, c, err)
	}
	unpacked := request.Parse(v)
	unpacked.Signed, unpacked.Issuer = signed, asked.Issuer
	return unpacked, nil
}

func (p *Provider) badObject(ctx context.Context, c gatehouse.Client, why error) *request.Wrong {
	p.log().InfoContext(ctx, "a request object was refused", "client", c.ID, "why", why)
	return &request.Wrong{Code: "invalid_request_object", Description: "The request object is not signed by a key of the client, or not meant for this server, or not good any more."}
}

// algNone is the alg of a request object that nobody signed.
const algNone = "none"

// unsignedObject is the payload of a request object that nobody signed (RFC 7515
// appendix A.5); false when it is none. One that lies at an address of the client's
// says no less than the parameters of a plain request, which anybody can change
// (OpenID Connect Core section 6.2).
func unsignedObject(compact string) ([]byte, bool) {
	head, rest, _ := strings.Cut(compact, ".")
	body, signature, whole := strings.Cut(rest, ".")
	if len(compact) > maxJWT || !whole || signature != "" {
		return nil, false
	}
	var said struct {
		Algorithm string `json:"alg"`
	}
	header, err := base64.RawURLEncoding.DecodeString(head)
	if err != nil || json.Unmarshal(header, &said) != nil || said.Algorithm != algNone {
		return nil, false
	}
	payload, err := base64.RawURLEncoding.DecodeString(body)
	return payload, err == nil
}

// fetchObject reads a request object from an address that the client registered,
// and from nowhere else (A14).
func (p *Provider) fetchObject(ctx context.Context, c gatehouse.Client, address string) (string, *request.Wrong) {
	bare, _, _ := strings.Cut(address, "#") // a fragment tells versions apart (OpenID Connect Core section 6.2)
	if len(c.Settings.RequestURIs) == 0 {
		return "", &request.Wrong{Code: "request_uri_not_supported", Description: "The client has no request_uris registered here. Send the parameters themselves."}
	}
	known := slices.ContainsFunc(c.Settings.RequestURIs, func(r string) bool {
		r, _, _ = strings.Cut(r, "#")
		return r == bare
	})
	err := errors.New("it is not registered")
	var body []byte
	if web := p.web(c); known && web != nil {
		body, err = assertion.Fetch(ctx, web, bare, assertion.MaxSize)
	}
	if err != nil {
		p.log().InfoContext(ctx, "a request_uri was refused", "client", c.ID, "why", err)
		return "", &request.Wrong{Code: "invalid_request_uri", Description: "The request_uri is not registered for the client, or could not be read."}
	}
	return strings.TrimSpace(string(body)), nil
}
