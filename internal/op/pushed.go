package op

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/op/request"
	"gatehouse/internal/op/wire"
	"gatehouse/internal/store"
)

// pushedLife is how long a pushed request waits for its browser: it is on the
// way there already.
const pushedLife = time.Minute

// pushedURN goes before the handle of a pushed request (RFC 9126 section 2.2).
const pushedURN = "urn:ietf:params:oauth:request_uri:"

// pushedAnswer is the answer of RFC 9126 section 2.2.
type pushedAnswer struct {
	RequestURI string `json:"request_uri"`
	ExpiresIn  int64  `json:"expires_in"`
}

// pushedKey is under what a pushed request is kept. No handle of a request that
// waits in a browser looks like it, so that none is taken for the other.
func pushedKey(handle string) string { return "pushed " + handle }

// noBrowser stands where a request of a browser has the browser's hash.
func noBrowser() []byte { return []byte{0} }

// push answers POST /oauth/par (RFC 9126): a client, as sure as at the token
// endpoint, leaves its authorization request here and sends the browser with a
// name of it alone.
func (p *Provider) push(w http.ResponseWriter, r *http.Request) error {
	form, c, used, err := p.fromClient(w, r)
	if err != nil {
		return err
	}
	asked, err := p.pushable(w, r, c, form)
	if err != nil {
		return errors.Join(p.settle(r.Context(), used), err)
	}
	kept, err := json.Marshal(asked)
	if err != nil {
		return err
	}
	now := p.Clock.Now()
	waits := gatehouse.Request{
		ClientID: c.ID, BrowserHash: noBrowser(), Params: kept, CreatedAt: now, ExpiresAt: now.Add(pushedLife),
	}
	handle := gatehouse.NewSecret()
	waits.Handle = pushedKey(handle)
	if err := p.update(r.Context(), used, func(tx *store.Tx) error { return tx.SaveRequest(&waits) }); err != nil {
		return err
	}
	p.count("pushed", "outcome", "kept")
	wire.JSON(w, http.StatusCreated, pushedAnswer{RequestURI: pushedURN + handle, ExpiresIn: int64(pushedLife.Seconds())})
	return nil
}

// pushable is the request in a form, if it is right.
func (p *Provider) pushable(w http.ResponseWriter, r *http.Request, c gatehouse.Client, form wire.Params) (request.Params, error) {
	if form["request_uri"] != "" {
		return request.Params{}, wire.InvalidRequest("A pushed request cannot name a request_uri (RFC 9126 section 2.1).")
	}
	if c.Public() { // anybody can be it, and make us keep what they like
		if err := p.Limiter.Allow(r); err != nil {
			return request.Params{}, err
		}
	}
	v := url.Values{}
	for name, value := range form {
		v.Set(name, value)
	}
	proof, err := p.proofOf(w, r, c, "")
	switch {
	case err != nil:
		return request.Params{}, err
	case proof != nil && form["dpop_jkt"] != "" && form["dpop_jkt"] != proof.Thumbprint:
		return request.Params{}, badProof("The dpop_jkt is not that of the DPoP proof.")
	case proof != nil:
		v.Set("dpop_jkt", proof.Thumbprint) // as if it had been sent (RFC 9449 section 10.1)
	}
	v.Set("client_id", c.ID) // may be left out beside other proof of it
	asked := p.read(r.Context(), &c, request.Parse(v))
	asked.Pushed = true
	asked.HintedSubject = p.hinted(r.Context(), asked.IDTokenHint)
	if _, refused := request.Validate(&c, asked); refused != nil {
		p.log().InfoContext(r.Context(), "pushed request refused", "client", c.ID, "why", refused.Error())
		return asked, pushRefusal(refused)
	}
	return asked, nil
}

// pushRefusal tells a client what a person would have read, too: here it is sure
// that it is the client.
func pushRefusal(why *request.Refusal) *wire.Error {
	if why.Page != nil {
		return wire.InvalidRequest("The redirect_uri is missing, came twice, or is not registered for the client.")
	}
	return &wire.Error{Code: why.Code, Description: why.Description}
}

// pushed finds the request that a client pushed before. It is taken where it is
// answered or kept for its browser, in the same transaction, so that it is good
// once.
func (p *Provider) pushed(ctx context.Context, c *gatehouse.Client, asked request.Params) (request.Params, string, error) {
	handle := strings.TrimPrefix(asked.ObjectURI, pushedURN)
	if c == nil || !gatehouse.IsSecret(handle) || len(asked.Doubled) > 0 {
		return neverPushed(asked)
	}
	var kept gatehouse.Request
	err := p.Store.View(ctx, func(tx *store.Tx) (err error) {
		kept, err = tx.Request(pushedKey(handle))
		return err
	})
	if errors.Is(err, gatehouse.NotFound) || errors.Is(err, gatehouse.Expired) || err == nil && kept.ClientID != c.ID {
		return neverPushed(asked)
	}
	if err != nil {
		return asked, "", err
	}
	var was request.Params
	if err := json.Unmarshal(kept.Params, &was); err != nil {
		return asked, "", err
	}
	was.Issuer = p.issuer()
	return was, handle, nil
}

// neverPushed tells the client, if the request says where to, else the person.
func neverPushed(asked request.Params) (request.Params, string, error) {
	if asked.RedirectURI == "" {
		return asked, "", notWaiting()
	}
	asked.Wrong = &request.Wrong{Code: "invalid_request_uri", Description: "The request_uri was not given to this client, or was used already, or has expired. Push the request again."}
	return asked, "", nil
}

// isPushed says whether a request names one that was pushed before.
func isPushed(asked request.Params) bool { return strings.HasPrefix(asked.ObjectURI, pushedURN) }

// takePushed uses a pushed request up; it is an error for whoever comes second.
func takePushed(tx *store.Tx, handle string) error {
	if handle == "" {
		return nil
	}
	taken, err := tx.TakeRequest(pushedKey(handle))
	if err == nil && !taken {
		err = notWaiting()
	}
	return err
}

// spendPushed uses up a pushed request that is refused without more ado.
func (p *Provider) spendPushed(ctx context.Context, handle string) error {
	if handle == "" {
		return nil
	}
	return p.Store.Update(ctx, func(tx *store.Tx) error { return takePushed(tx, handle) })
}
