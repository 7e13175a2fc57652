package op

import (
	"context"
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
	if s.JWKS == nil && s.JWKSURI == "" {
		return asked, &request.Wrong{Code: "request_not_supported", Description: "The client has no public keys registered here, so its request objects cannot be checked. Send the parameters themselves."}
	}
	payload, err := p.sets().Verify(ctx, assertion.Of(c, p.web(c), s.RequestObjectAlg, "oauth-authz-req+jwt"), compact)
	if err == nil {
		v, e := request.FromObject(payload, c.ID, p.issuer(), p.Clock.Now())
		if err = e; err == nil {
			unpacked := request.Parse(v)
			unpacked.Signed, unpacked.Issuer = true, asked.Issuer
			return unpacked, nil
		}
	}
	p.log().InfoContext(ctx, "a request object was refused", "client", c.ID, "why", err)
	return asked, &request.Wrong{Code: "invalid_request_object", Description: "The request object is not signed by a key of the client, or not meant for this server, or not good any more."}
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
