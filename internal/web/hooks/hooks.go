// Package hooks takes what connected apps push to us at /hooks/{connector}: a
// delivery is checked by the app's own secret, what it tells is kept together
// with the job that looks into it, and the app is answered at once. Nothing is
// done here: what a delivery says is a hint, and the app is asked again.
package hooks

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"gatehouse"
	"gatehouse/internal/access"
	"gatehouse/internal/apps"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/web/ui"
)

// What a delivery may take of us.
const (
	maxBody  = 1 << 20
	readTime = 10 * time.Second
	// Deliveries of one connector that are kept: so many at once, and then one
	// after each. What is beyond is answered 429, and the app is read whole.
	burst = 2000
	each  = 5 * time.Millisecond
)

// Hooks receives. All fields but Refusals and Clock are needed.
type Hooks struct {
	Store    *store.Store
	Apps     *apps.Apps
	Access   *access.Service
	Log      *slog.Logger
	Metrics  gatehouse.Metrics
	Refusals *ui.Limiter // of deliveries that are refused, by address; nil: none
	Clock    gatehouse.Clock

	mu   sync.Mutex
	open map[string]*door // by connector
}

// door is what is remembered of one connector's deliveries while the process runs.
type door struct {
	keep sync.Mutex // one delivery is kept at a time: they meet in the same rows
	full time.Time  // when the whole allowance is there again
	over time.Time  // when it was said last that there was too much

	refused   int64 // that are not counted in the database yet; under the lock of Hooks, as the next
	refusedAt time.Time
}

// Mount adds the address.
func (h *Hooks) Mount(mux *http.ServeMux) {
	mux.HandleFunc("POST /hooks/{connector}", h.receive)
	mux.HandleFunc("GET /hooks/{connector}", h.receive)
}

// receive answers one delivery. Programs read the answer, so it is JSON, in
// English.
func (h *Hooks) receive(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	began := h.Clock.Now()
	answer, err := h.take(w, r)
	h.Metrics.Observe("hook", h.Clock.Now().Sub(began), "outcome", outcome(err))
	if err != nil {
		h.refuse(w, r, err)
		return
	}
	if answer.ContentType != "" {
		w.Header().Set("Content-Type", answer.ContentType)
	}
	if answer.Status == 0 {
		answer.Status = http.StatusOK
	}
	w.WriteHeader(answer.Status)
	_, _ = w.Write(answer.Body)
}

func outcome(err error) string {
	if err == nil {
		return "kept"
	}
	if kind := gatehouse.KindOf(err); kind != "" {
		return string(kind)
	}
	return "error"
}

// errNoHook is the answer for every address that takes nothing, whatever the
// reason: it tells nobody which connectors there are.
func errNoHook() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.NotFound, "Nothing is received at this address.")
}

// take checks a delivery and keeps what it tells.
func (h *Hooks) take(w http.ResponseWriter, r *http.Request) (integration.Answer, error) {
	if err := h.Refusals.Left(r); err != nil {
		return integration.Answer{}, err
	}
	c, connected, err := h.receiver(r.Context(), r.PathValue("connector"))
	if err == nil && r.Method != http.MethodPost && !connected.VerifiesAddress {
		err = errNoHook()
	}
	if err != nil {
		return integration.Answer{}, errors.Join(err, h.Refusals.Allow(r))
	}
	body, err := read(w, r)
	if err != nil {
		return integration.Answer{}, err
	}
	answer, notices, err := connected.Receiver.Receive(r.Context(), integration.Delivery{
		Header: r.Header, Query: r.URL.Query(), Body: body, Method: r.Method,
	})
	if err != nil {
		h.count(r, c, err)
		return integration.Answer{}, errors.Join(err, h.Refusals.Allow(r))
	}
	return answer, h.keep(r.Context(), c, notices)
}

// receiver finds who reads the deliveries of a connector. One that is disabled,
// or has no secret for hooks, receives nothing.
func (h *Hooks) receiver(ctx context.Context, key string) (c gatehouse.Connector, connected integration.Connected, err error) {
	err = h.Store.View(ctx, func(tx *store.Tx) (err error) {
		c, err = tx.ConnectorByKey(key)
		return err
	})
	if errors.Is(err, gatehouse.NotFound) || err == nil && !c.Enabled {
		return c, connected, errNoHook()
	}
	if err != nil {
		return c, connected, err
	}
	_, connected, err = h.Apps.Connector(ctx, c.ID)
	if err != nil || connected.Receiver == nil {
		if err != nil {
			h.Log.Warn("open a connector for what was pushed", "connector", key, "error", err)
		}
		return c, connected, errNoHook()
	}
	return c, connected, nil
}

// read reads a body that is bounded in size and time.
func read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(readTime)) // without it the server's own holds
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return nil, err
	case err != nil:
		return nil, gatehouse.Errorf(gatehouse.Invalid, "The delivery was cut off.").Because(err)
	}
	return body, nil
}

// keep writes the notices with their job, before the app is answered.
func (h *Hooks) keep(ctx context.Context, c gatehouse.Connector, notices []gatehouse.Notice) error {
	if len(notices) == 0 {
		return nil
	}
	d := h.door(c.ID)
	d.keep.Lock()
	defer d.keep.Unlock()
	limited := d.limited(h.Clock.Now())
	if limited {
		notices = []gatehouse.Notice{{Kind: gatehouse.NoticeAll, Event: "too many notices"}}
	}
	if !limited || h.Clock.Now().Sub(d.over) > time.Minute {
		err := h.Store.Update(ctx, func(tx *store.Tx) error {
			return h.Access.Hear(tx, c.ID, gatehouse.NoticeHook, notices...)
		})
		if err != nil {
			return err
		}
	}
	if limited {
		d.over = h.Clock.Now()
		return gatehouse.Errorf(gatehouse.Limited, "Too much is pushed at once. Everything will be read anew instead.")
	}
	return nil
}

func (h *Hooks) door(connectorID string) *door {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open == nil {
		h.open = map[string]*door{}
	}
	if h.open[connectorID] == nil {
		h.open[connectorID] = &door{}
	}
	return h.open[connectorID]
}

// limited takes one of the allowance, or says that there is none left.
func (d *door) limited(now time.Time) bool {
	full := d.full
	if full.Before(now) {
		full = now
	}
	if full = full.Add(each); full.Sub(now) > burst*each {
		return true
	}
	d.full = full
	return false
}

// count keeps that a delivery was refused: at once, and then at most once a
// minute, so that strangers cannot make us write.
func (h *Hooks) count(r *http.Request, c gatehouse.Connector, why error) {
	d, now := h.door(c.ID), h.Clock.Now()
	h.mu.Lock()
	d.refused++
	n := d.refused
	tell := d.refusedAt.IsZero() || now.Sub(d.refusedAt) >= time.Minute
	if tell {
		d.refused, d.refusedAt = 0, now
	}
	h.mu.Unlock()
	if !tell {
		return
	}
	note := gatehouse.Notef("Something went wrong inside Gatehouse; the log says more.")
	var known *gatehouse.Error
	if errors.As(why, &known) {
		note = known.Note()
	}
	by := gatehouse.Actor{Kind: gatehouse.ActorAnonymous, Address: ui.ClientAddress(r)}
	h.Log.Warn("a delivery was refused", "connector", c.Key, "address", by.Address, "error", why)
	if err := h.Access.Refused(r.Context(), c.ID, by, n, note); err != nil {
		h.Log.Error("count refused deliveries", "connector", c.Key, "error", err)
	}
}

// refuse answers a delivery that is not taken. What the app must try again is
// 503.
func (h *Hooks) refuse(w http.ResponseWriter, r *http.Request, err error) {
	status := ui.StatusOf(err)
	if status == http.StatusInternalServerError {
		h.Log.ErrorContext(r.Context(), "take a delivery", "error", err)
		status = http.StatusServiceUnavailable
	}
	if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "10")
	}
	text := http.StatusText(status)
	var known *gatehouse.Error
	if errors.As(err, &known) {
		text = known.Sentence()
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"error": text})
}
