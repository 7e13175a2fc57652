package op

import (
	"errors"
	"net/http"
	"strings"

	"gatehouse"
	"gatehouse/internal/op/assertion"
	"gatehouse/internal/op/dpop"
	"gatehouse/internal/op/wire"
)

// held is what the client of a request shows that it holds: tokens are bound to
// it, and bound ones are of use only beside it. Zero: nothing.
type held struct {
	certificate string // thumbprint of the certificate (RFC 8705)
	key         string // thumbprint of the key of a DPoP proof (RFC 9449)
}

// boundTo says whether a grant is bound to something.
func boundTo(d gatehouse.GrantDetails) bool { return d.JKT != "" || d.X5T != "" }

// fits says whether what is held is what a grant is bound to.
func (h held) fits(d gatehouse.GrantDetails) bool {
	return (d.JKT == "" || d.JKT == h.key) && (d.X5T == "" || d.X5T == h.certificate)
}

// bind binds a grant to what is held, and to nothing else.
func (h held) bind(g *gatehouse.Grantable) { g.Details.JKT, g.Details.X5T = h.key, h.certificate }

// binds says whether the refresh tokens of a client are bound as well. A client
// that proves itself at the token endpoint need not keep its key for as long
// (RFC 9449 section 5).
func bindsRefresh(c gatehouse.Client) bool { return c.Public() }

// proofOf checks the DPoP proof of a request, if it has one. access is the
// token beside it. A client that must name a nonce is told one in any case (RFC
// 9449 sections 8.2 and 9).
func (p *Provider) proofOf(w http.ResponseWriter, r *http.Request, c gatehouse.Client, access string) (*dpop.Proof, error) {
	sent := r.Header.Values("DPoP")
	switch {
	case len(sent) == 0:
		return nil, nil
	case len(sent) > 1:
		return nil, badProof("The request has more than one DPoP proof.")
	}
	proof, err := dpop.Check(sent[0], dpop.Want{
		Method: r.Method, URLs: p.placesOf(r), Access: access, Algorithms: proofAlgorithms(c), Now: p.Clock.Now(),
	})
	if err != nil {
		p.count("proof", "outcome", "refused")
		p.log().InfoContext(r.Context(), "DPoP proof refused", "client", c.ID, "path", r.URL.Path, "why", err)
		return nil, badProof("The DPoP proof is not right: " + err.Error() + ".")
	}
	if c.Settings.DPoPNonce {
		now, nonces := p.Clock.Now(), p.nonces()
		w.Header().Set("DPoP-Nonce", nonces.Now(now))
		if !nonces.Good(proof.Nonce, now) {
			p.count("proof", "outcome", "without_nonce")
			return nil, &wire.Error{Code: useNonce, Description: "The DPoP proof must name the nonce of the header DPoP-Nonce."}
		}
	}
	p.count("proof", "outcome", "right")
	return &proof, nil
}

// useNonce is the error of a proof without a nonce that is good now.
const useNonce = "use_dpop_nonce"

// nonces are the same on all nodes: what they are made with is that of pairwise
// subjects, which is sealed in the store.
func (p *Provider) nonces() dpop.Nonces {
	salt := p.salt.Load()
	if salt == nil {
		panic("op: EnsureKeys was not called")
	}
	return dpop.NewNonces(*salt)
}

// placesOf are the addresses that a request may have been sent to.
func (p *Provider) placesOf(r *http.Request) []string {
	all := []string{p.issuer() + r.URL.EscapedPath()}
	if p.MutualTLS != nil {
		all = append(all, p.MutualTLS.URL+r.URL.EscapedPath())
	}
	return all
}

func proofAlgorithms(c gatehouse.Client) []string {
	if c.FAPI() {
		return assertion.StrictAlgorithms()
	}
	return dpop.Algorithms()
}

func badProof(why string) *wire.Error {
	return &wire.Error{Code: "invalid_dpop_proof", Description: why}
}

// hold finds out what the client of a request for tokens holds. The proof is
// used up in the transaction that the request makes anyway.
func (p *Provider) hold(a *ask) error {
	proof, err := p.proofOf(a.w, a.r, a.client, "")
	if a.client.Settings.CertBound {
		a.held.certificate = p.thumbprint(a.r)
	}
	switch {
	case err != nil:
		return err
	case a.client.Settings.CertBound && a.held.certificate == "":
		return wire.InvalidRequest("The client is registered to bind its tokens to its certificate, and the request has none.")
	case proof != nil:
		a.held.key = proof.Thumbprint
		a.once = &once{issuer: "dpop " + proof.Thumbprint, id: proof.ID, until: proof.Until, again: badProof("The DPoP proof was used before."), next: a.once}
	case a.client.Settings.DPoPBound || a.client.FAPI() && a.held.certificate == "":
		return badProof("The client is registered to bind its tokens: send a DPoP proof (RFC 9449).")
	}
	return nil
}

// mayUse says whether who asks with an access token holds what it is bound to
// (RFC 9449 section 7.1).
func (p *Provider) mayUse(w http.ResponseWriter, r *http.Request, c gatehouse.Client, value string, d gatehouse.GrantDetails) *wire.Error {
	byProof := wire.HasProofScheme(r)
	switch {
	case d.X5T != "" && d.X5T != p.thumbprint(r):
		return wire.InvalidToken("The access token is bound to the certificate of its client.")
	case byProof != (d.JKT != "") && byProof:
		return notHeld("invalid_token", "The access token is not bound to a key. Send it as Bearer.")
	case byProof != (d.JKT != ""):
		return notHeld("invalid_token", "The access token is bound to a key. Send it as DPoP, with a proof.")
	case !byProof:
		return nil
	}
	proof, err := p.proofOf(w, r, c, value)
	var refused *wire.Error
	switch {
	case errors.As(err, &refused) && refused.Code == useNonce:
		return notHeld(useNonce, refused.Description)
	case err != nil || proof == nil:
		return notHeld("invalid_dpop_proof", "The DPoP proof is missing or not right.")
	case proof.Thumbprint != d.JKT:
		return notHeld("invalid_token", "The access token is bound to another key.")
	case !p.seen.First(*proof, p.Clock.Now()):
		p.count("replay", "of", "proof")
		return notHeld("invalid_dpop_proof", "The DPoP proof was used before.")
	}
	return nil
}

func notHeld(code, why string) *wire.Error {
	return &wire.Error{
		Status: http.StatusUnauthorized, Code: code, Description: why,
		Challenge: proofScheme() + ` realm="` + wire.Realm + `", error="` + code + `", error_description="` + why + `", algs="` + strings.Join(dpop.Algorithms(), " ") + `"`,
	}
}

func proofScheme() string { return "DPoP" }

// confirmation is the cnf of a token (RFC 7800): what it is bound to.
type confirmation struct {
	JKT string `json:"jkt,omitempty"`
	X5T string `json:"x5t#S256,omitempty"`
}

func confirmationOf(d gatehouse.GrantDetails) *confirmation {
	if !boundTo(d) {
		return nil
	}
	return &confirmation{JKT: d.JKT, X5T: d.X5T}
}

// typeOf is the token_type of an access token.
func typeOf(d gatehouse.GrantDetails) string {
	if d.JKT != "" {
		return proofScheme()
	}
	return "Bearer"
}
