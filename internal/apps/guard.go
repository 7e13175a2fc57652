package apps

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"net/url"
	"runtime/debug"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
)

// How long a call may take. A pull and a feed take as long as they take: each
// request in them has its own end.
const (
	signInLimit = 30 * time.Second // a person waits before a blank page
	probeLimit  = 2 * time.Minute
	// A hundred are asked for at the pace that the app allows.
	confirmLimit = 10 * time.Minute
	applyLimit   = 2 * time.Minute
	hookLimit    = 10 * time.Second // after that an app believes that we are down
)

// guard stands around everything that speaks to one app.
type guard struct {
	kind, name string
	log        *slog.Logger
	metrics    gatehouse.Metrics
	secrets    []string
	limit      time.Duration // in place of every limit; 0: those
}

// call makes one call: it has an end, it is measured, a panic is an error, an
// error has a sentence and no secret.
func call[T any](ctx context.Context, g *guard, what string, limit time.Duration, fn func(context.Context) (T, error)) (T, error) {
	if g.limit != 0 {
		limit = g.limit
	}
	began := time.Now()
	inner, stop := context.WithTimeout(ctx, limit)
	defer stop()
	v, err := shield(inner, g, what, fn)
	if err != nil {
		var none T
		v, err = none, g.explain(ctx, inner, err)
	}
	g.note(ctx, what, began, err)
	return v, err
}

func shield[T any](ctx context.Context, g *guard, what string, fn func(context.Context) (T, error)) (v T, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = g.panicked(ctx, what, p)
		}
	}()
	return fn(ctx)
}

func (g *guard) panicked(ctx context.Context, what string, p any) error {
	g.log.ErrorContext(ctx, "A panic was caught in what speaks to an outside system. This is a fault of Gatehouse.",
		"call", what, "panic", fmt.Sprint(p), "stack", string(debug.Stack()))
	return g.unusable().Because(fmt.Errorf("panic in %s", what))
}

func (g *guard) unusable() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Upstream, "%s gave an answer that cannot be used. Try again later, and ask an administrator if it happens again.", g.name)
}

// explain gives an error a sentence, if it has none.
func (g *guard) explain(outer, inner context.Context, err error) error {
	err = hush(err, g.secrets)
	switch {
	case outer.Err() != nil, gatehouse.KindOf(err) != "":
		return err
	case errors.Is(inner.Err(), context.DeadlineExceeded), errors.Is(err, context.DeadlineExceeded):
		return gatehouse.Errorf(gatehouse.Unavailable, "%s did not answer in time. Try again in a moment.", g.name).Because(err)
	}
	return g.unusable().Because(err)
}

// note measures a call, and writes down what failed on their side. A person who
// is refused is no failure; a caller who went away neither.
func (g *guard) note(ctx context.Context, what string, began time.Time, err error) {
	took := time.Since(began)
	outcome := "ok"
	switch kind := gatehouse.KindOf(err); {
	case err == nil:
	case ctx.Err() != nil:
		outcome = "canceled"
	default:
		outcome = string(kind)
		if kind == gatehouse.Upstream || kind == gatehouse.Unavailable || kind == gatehouse.Unauthorized || kind == gatehouse.Limited {
			g.log.WarnContext(ctx, "A call of an outside system failed.", "call", what, "took", took, "error", err)
		}
	}
	g.metrics.Observe("outside_call", took, "kind", g.kind, "call", what, "outcome", outcome)
}

func (g *guard) door(d integration.Door) integration.Door {
	if d.Provider != nil {
		d.Provider = provider{g, d.Provider}
	}
	if d.Refresher != nil {
		d.Refresher = refresher{g, d.Refresher}
	}
	if d.Logout != nil {
		d.Logout = logout{g, d.Logout}
	}
	if d.Embedded != nil {
		d.Embedded = embedded{g, d.Embedded}
	}
	if d.BackChannel != nil {
		d.BackChannel = backChannel{g, d.BackChannel}
	}
	return d
}

func (g *guard) connected(c integration.Connected) integration.Connected {
	if c.Source != nil {
		c.Source = source{g, c.Source}
	}
	if c.Confirmer != nil {
		c.Confirmer = confirmer{g, c.Confirmer}
	}
	if c.Target != nil {
		c.Target = target{g, c.Target}
	}
	if c.Feed != nil {
		c.Feed = feed{g, c.Feed}
	}
	if c.Receiver != nil {
		c.Receiver = receiver{g, c.Receiver}
	}
	if c.Chooser != nil {
		c.Chooser = chooser{g, c.Chooser}
	}
	if c.Resources != nil {
		c.Resources = resources{g, c.Resources}
	}
	if c.Glancer != nil {
		c.Glancer = glancer{g, c.Glancer}
	}
	return c
}

type provider struct {
	g  *guard
	in integration.Provider
}

func (p provider) Begin(ctx context.Context, a gatehouse.Attempt) (string, error) {
	return call(ctx, p.g, "begin", signInLimit, func(ctx context.Context) (string, error) {
		address, err := p.in.Begin(ctx, a)
		if err != nil {
			return "", err
		}
		u, err := url.Parse(address)
		if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" {
			return "", p.g.unusable().Because(errors.New("the address to send the browser to is none"))
		}
		return address, nil
	})
}

func (p provider) Finish(ctx context.Context, a gatehouse.Attempt, answer url.Values) (gatehouse.Vouched, error) {
	return call(ctx, p.g, "finish", signInLimit, func(ctx context.Context) (gatehouse.Vouched, error) {
		v, err := p.in.Finish(ctx, a, answer)
		return p.g.vouched(v, err)
	})
}

// vouched never lets through somebody without an id: all of them would be one.
func (g *guard) vouched(v gatehouse.Vouched, err error) (gatehouse.Vouched, error) {
	if err == nil && v.Subject == "" {
		err = g.unusable().Because(errors.New("the subject is empty"))
	}
	return v, err
}

type refresher struct {
	g  *guard
	in integration.Refresher
}

func (r refresher) Refresh(ctx context.Context, old gatehouse.Tokens) (gatehouse.Tokens, error) {
	return call(ctx, r.g, "refresh", signInLimit, func(ctx context.Context) (gatehouse.Tokens, error) { return r.in.Refresh(ctx, old) })
}

type logout struct {
	g  *guard
	in integration.Logout
}

func (l logout) LogoutURL(ctx context.Context, idToken, returnTo string) (string, error) {
	return call(ctx, l.g, "logout", signInLimit, func(ctx context.Context) (string, error) { return l.in.LogoutURL(ctx, idToken, returnTo) })
}

type embedded struct {
	g  *guard
	in integration.Embedded
}

// Page speaks to nobody; what a panic leaves is a page that fits no client.
func (e embedded) Page() integration.EmbeddedPage {
	p, err := shield(context.Background(), e.g, "page", func(context.Context) (integration.EmbeddedPage, error) { return e.in.Page(), nil })
	if err != nil {
		return integration.EmbeddedPage{}
	}
	return p
}

func (e embedded) FinishEmbedded(ctx context.Context, code string) (gatehouse.Vouched, error) {
	return call(ctx, e.g, "finish_embedded", signInLimit, func(ctx context.Context) (gatehouse.Vouched, error) {
		v, err := e.in.FinishEmbedded(ctx, code)
		return e.g.vouched(v, err)
	})
}

type backChannel struct {
	g  *guard
	in integration.BackChannel
}

func (b backChannel) Ended(ctx context.Context, token string) (integration.Ended, error) {
	return call(ctx, b.g, "back_channel", hookLimit, func(ctx context.Context) (integration.Ended, error) { return b.in.Ended(ctx, token) })
}

type source struct {
	g  *guard
	in integration.Source
}

func (s source) Probe(ctx context.Context) (integration.Probe, error) {
	return call(ctx, s.g, "probe", probeLimit, s.in.Probe)
}

// Pull passes the pages on. What the consumer does with a page is not ours: a
// panic there goes its way.
func (s source) Pull(ctx context.Context, from integration.Checkpoint) iter.Seq2[integration.Page, error] {
	return func(yield func(integration.Page, error) bool) {
		began, consuming := time.Now(), false
		var failed error
		defer func() {
			if consuming {
				return
			}
			if p := recover(); p != nil {
				failed = s.g.panicked(ctx, "pull", p)
				s.g.note(ctx, "pull", began, failed)
				yield(integration.Page{}, failed)
				return
			}
			s.g.note(ctx, "pull", began, failed)
		}()
		for page, err := range s.in.Pull(ctx, from) {
			if err != nil {
				failed = s.g.explain(ctx, ctx, err)
				err = failed
			}
			consuming = true
			more := yield(page, err)
			consuming = false
			if !more || err != nil {
				return
			}
		}
	}
}

type accountRead struct {
	account gatehouse.Account
	grants  []gatehouse.Grant
}

func (s source) Account(ctx context.Context, id string) (gatehouse.Account, []gatehouse.Grant, error) {
	r, err := call(ctx, s.g, "account", probeLimit, func(ctx context.Context) (r accountRead, err error) {
		r.account, r.grants, err = s.in.Account(ctx, id)
		return r, err
	})
	return r.account, r.grants, err
}

type resources struct {
	g  *guard
	in integration.Resources
}

func (r resources) Resource(ctx context.Context, id gatehouse.ResourceID) (integration.Contents, error) {
	return call(ctx, r.g, "resource", probeLimit, func(ctx context.Context) (integration.Contents, error) { return r.in.Resource(ctx, id) })
}

type glancer struct {
	g  *guard
	in integration.Glancer
}

func (l glancer) Glance(ctx context.Context, mark string) (integration.Glance, error) {
	return call(ctx, l.g, "glance", probeLimit, func(ctx context.Context) (integration.Glance, error) { return l.in.Glance(ctx, mark) })
}

type confirmer struct {
	g  *guard
	in integration.Confirmer
}

func (c confirmer) Confirm(ctx context.Context, accounts []string, resources []gatehouse.ResourceID) (integration.Confirmed, error) {
	return call(ctx, c.g, "confirm", confirmLimit, func(ctx context.Context) (integration.Confirmed, error) {
		return c.in.Confirm(ctx, accounts, resources)
	})
}

type target struct {
	g  *guard
	in integration.Target
}

func (t target) Verbs() []gatehouse.Verb { return t.in.Verbs() }

func (t target) Apply(ctx context.Context, c gatehouse.Change) error {
	_, err := call(ctx, t.g, "apply", applyLimit, func(ctx context.Context) (struct{}, error) { return struct{}{}, t.in.Apply(ctx, c) })
	return err
}

type feed struct {
	g  *guard
	in integration.Feed
}

func (f feed) Listen(ctx context.Context, deliver func(context.Context, gatehouse.Notice) error) error {
	began := time.Now()
	_, err := shield(ctx, f.g, "listen", func(ctx context.Context) (struct{}, error) { return struct{}{}, f.in.Listen(ctx, deliver) })
	if err != nil {
		err = f.g.explain(ctx, ctx, err)
	}
	f.g.note(ctx, "listen", began, err)
	return err
}

type received struct {
	answer  integration.Answer
	notices []gatehouse.Notice
}

type receiver struct {
	g  *guard
	in integration.Receiver
}

func (r receiver) Receive(ctx context.Context, d integration.Delivery) (integration.Answer, []gatehouse.Notice, error) {
	got, err := call(ctx, r.g, "receive", hookLimit, func(ctx context.Context) (got received, err error) {
		got.answer, got.notices, err = r.in.Receive(ctx, d)
		return got, err
	})
	return got.answer, got.notices, err
}

type chooser struct {
	g  *guard
	in integration.Chooser
}

func (c chooser) Choose(ctx context.Context, field, search string) ([]integration.Choice, error) {
	return call(ctx, c.g, "choose", signInLimit, func(ctx context.Context) ([]integration.Choice, error) { return c.in.Choose(ctx, field, search) })
}
