package op

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"gatehouse"
	"gatehouse/internal/jobs"
	"gatehouse/internal/op/keys"
	"gatehouse/internal/op/logout"
	"gatehouse/internal/store"
)

// tellFor is how long one attempt to tell a client may take.
const tellFor = 30 * time.Second

// Register adds the provider's work to a runner: telling clients of sessions
// that ended.
func (p *Provider) Register(r *jobs.Runner) {
	jobs.Handle(r, p.tellOfEnd, jobs.HandleOptions{Timeout: tellFor})
}

// tellOfEnd sends a client a logout token (OpenID Connect Back-Channel Logout 1.0
// section 2.5). Each attempt has a new one: the one before may have arrived, and
// a client refuses one that it knows.
func (p *Provider) tellOfEnd(ctx context.Context, j *jobs.Job[store.Logout]) error {
	c, err := p.client(ctx, j.Args.ClientID)
	if err != nil {
		return err
	}
	if c == nil || !c.Enabled || c.BackchannelLogoutURI == "" || p.Web == nil {
		return nil // it does not want to hear of it any more
	}
	err = p.sendLogout(ctx, *c, j.Args)
	switch {
	case err == nil:
		p.count("logout_token", "outcome", "sent")
		return nil
	case j.Attempt < j.MaxAttempts:
		p.count("logout_token", "outcome", "retried")
		return err
	}
	p.count("logout_token", "outcome", "failed")
	p.log().WarnContext(ctx, "a client was not told that a session ended", "client", c.ID, "error", err)
	return errors.Join(err, p.Store.Update(ctx, func(tx *store.Tx) error {
		return tx.Record(gatehouse.Event{
			Actor: gatehouse.Actor{Kind: gatehouse.ActorJob, Name: "op.logout"}, Action: "client.logout_failed", Target: "client/" + c.ID,
			Details: map[string]string{"session": j.Args.Session},
		})
	}))
}

func (p *Provider) sendLogout(ctx context.Context, c gatehouse.Client, l store.Logout) error {
	claims := logout.NewToken(p.issuer(), p.subject(c, gatehouse.User{Number: l.Number}), c.ID, p.sid(c, l.Session), p.Clock.Now())
	payload, err := json.Marshal(claims)
	if err != nil {
		return fmt.Errorf("encode a logout token: %w", err)
	}
	token, err := p.keys().Sign(ctx, c.Settings.IDTokenAlg, keys.TypeLogout, payload)
	if err != nil {
		return err
	}
	form := url.Values{"logout_token": {token}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.BackchannelLogoutURI, strings.NewReader(form.Encode()))
	if err != nil {
		return fmt.Errorf("%w: %w", jobs.Discard, err)
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	resp, err := p.Web(c).Do(r)
	if err != nil {
		return fmt.Errorf("tell client %s of a sign-out: %w", c.ID, err)
	}
	defer func() { _ = resp.Body.Close() }()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 64<<10)) // so that the connection can be used again
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		return fmt.Errorf("tell client %s of a sign-out: it answered %d", c.ID, resp.StatusCode)
	}
	return nil
}
