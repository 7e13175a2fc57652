// Package rest is the REST API v4 of a stand-in GitLab: the accounts, groups,
// projects and memberships of a [world.World], shown and changed with the rows,
// headers, limits and refusals of GitLab 18.9.
package rest

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

// An API answers requests below /api. All fields but Settings and Limiter must
// be set.
type API struct {
	World *world.World
	URL   string // the external URL, without a slash at the end
	CE    bool   // Community Edition
	Com   bool   // GitLab.com
	Now   func() time.Time
	// Settings are asked afresh for every request; nil: all off.
	Settings func() Settings
	Limiter  *Limiter // nil: no limits

	once  sync.Once
	table []*route
}

// Settings are what an administrator of the instance can switch.
type Settings struct {
	AdminMode bool // administrators need tokens with the scope admin_mode
	// QueueRolePromotions makes new members above Guest wait for an administrator.
	QueueRolePromotions bool
	// WrongMembersAll makes members/all give inherited members one level too low.
	WrongMembersAll bool
}

// reply is an answer with a status of its own.
type reply struct {
	status int
	body   any // nil: no body
}

type handler func(*call) (any, error)

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	w.Header().Set("Vary", "Origin")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("X-Frame-Options", "SAMEORIGIN")
	w.Header().Set("Cache-Control", "max-age=0, private, must-revalidate")
	id := requestID(r)
	w.Header().Set("X-Request-Id", id)
	w.Header().Set("X-Gitlab-Meta", `{"correlation_id":"`+id+`","version":"1"}`)

	status, body := a.answer(w.Header(), r)
	w.Header().Set("X-Runtime", strconv.FormatFloat(time.Since(started).Seconds(), 'f', 6, 64))
	write(w, r, status, body)
}

func requestID(r *http.Request) string {
	sum := sha256.Sum256([]byte(r.RequestURI + r.RemoteAddr + time.Now().String()))
	return strings.ToUpper("01" + hex.EncodeToString(sum[:12]))
}

// answer finds the route, runs it under the right lock and turns its error into
// a body.
func (a *API) answer(h http.Header, r *http.Request) (int, any) {
	rt, vars, known := a.find(r.Method, r.URL.EscapedPath())
	if rt == nil {
		return unrouted(r.URL.Path, known)
	}
	c := &call{api: a, r: r, route: rt, vars: vars, header: h}
	if f := c.readParams(); f != nil {
		return f.Status, f.Body
	}
	var result any
	var err error
	run := func(d *world.Data) error {
		c.d = d
		result, err = c.run()
		return err
	}
	if rt.method == http.MethodGet {
		a.World.Read(func(d *world.Data) { _ = run(d) })
	} else {
		_ = a.World.Write(run)
	}
	return c.finish(result, err)
}

func unrouted(path string, known bool) (int, any) {
	switch {
	case path == "/api/v3" || strings.HasPrefix(path, prefixV3):
		return http.StatusGone, errorBody{"API V3 is no longer supported. Use API V4 instead."}
	case known:
		return http.StatusMethodNotAllowed, errorBody{"405 Not Allowed"}
	}
	return http.StatusNotFound, errorBody{"404 Not Found"}
}

func (c *call) run() (any, error) {
	who, err := caller.Identify(c.d, c.r, c.params.Get, c.route.scopes, c.rules())
	if err != nil {
		return nil, err
	}
	c.who = who
	if who.User == nil && !c.route.anonymous {
		return nil, caller.Unauthorized()
	}
	c.sight = c.d.Sight(who.Viewer)
	if err := c.limit(); err != nil {
		return nil, err
	}
	// The answer is encoded while the world is held still.
	result, err := c.route.handle(c)
	if err != nil {
		return nil, err
	}
	return c.encode(result)
}

func (c *call) encode(result any) (any, error) {
	rep, ok := result.(reply)
	if !ok {
		rep = reply{status: c.usualStatus(), body: result}
	}
	if rep.body == nil && rep.status == http.StatusNoContent {
		return rep, nil
	}
	raw, err := marshal(rep.body)
	return reply{rep.status, raw}, err
}

func (c *call) usualStatus() int {
	switch c.r.Method {
	case http.MethodPost:
		return http.StatusCreated
	case http.MethodDelete:
		return http.StatusNoContent
	}
	return http.StatusOK
}

func (c *call) finish(result any, err error) (int, any) {
	var f *caller.Failure
	switch {
	case errors.As(err, &f):
		for k, v := range f.Header {
			c.header[k] = v
		}
		return f.Status, f.Body
	case err != nil:
		return http.StatusInternalServerError, errorBodyMessage("500 Internal Server Error")
	}
	rep := result.(reply)
	return rep.status, rep.body
}

// marshal is JSON as Grape writes it: no escaped angle brackets, no line end.
func marshal(v any) (json.RawMessage, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, err
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

func write(w http.ResponseWriter, r *http.Request, status int, body any) {
	if body == nil {
		w.WriteHeader(status)
		return
	}
	raw, ok := body.(json.RawMessage)
	if !ok {
		raw, _ = marshal(body)
	}
	w.Header().Set("Content-Type", "application/json")
	if status == http.StatusOK && r.Method == http.MethodGet {
		sum := sha256.Sum256(raw)
		tag := `W/"` + hex.EncodeToString(sum[:16]) + `"`
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}
