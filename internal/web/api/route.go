package api

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/pats"
)

// route describes one address.
type route struct {
	method  string // "": GET
	path    string // below /api/v1
	id      string // what generated clients call it
	tag     string
	summary string
	status  int // of success; 0: 200
	may     may
	scope   string // that a personal token needs; "": read_api to read, api to change
	fresh   bool   // who comes with the session of a browser must have proved who they are just now
}

func (rt route) needs() string {
	switch {
	case rt.scope != "":
		return rt.scope
	case rt.method == "" || rt.method == http.MethodGet:
		return pats.ReadAPI
	}
	return pats.API
}

// admits says why somebody may not use the address; nil when they may.
func (rt route) admits(c caller) error {
	switch {
	case !rt.may.allows(c) && rt.may.tokens && !c.token:
		return gatehouse.Errorf(gatehouse.Forbidden, "This address takes a token, and not the session of a browser.")
	case !rt.may.allows(c):
		return gatehouse.Errorf(gatehouse.Forbidden, "Your account may not do this. Ask an administrator if you need it.")
	case c.token && c.client == "" && !pats.Covers(c.scopes, rt.needs()):
		return gatehouse.Errorf(gatehouse.Forbidden, "The token lacks the scope %s, which this address needs. Make one that has it.", rt.needs())
	}
	return nil
}

// serve adds an address: its parameters are the fields of I, its answer is O.
func serve[I, O any](a *API, h huma.API, rt route, fn func(ctx context.Context, by caller, in *I) (O, error)) {
	schemas, status := h.OpenAPI().Components.Schemas, cmp.Or(rt.status, http.StatusOK)
	op := huma.Operation{
		Method: cmp.Or(rt.method, http.MethodGet), Path: prefix + rt.path, OperationID: rt.id, Summary: rt.summary,
		Tags: []string{rt.tag}, DefaultStatus: status,
		Security:    rt.security(),
		Extensions:  map[string]any{"x-roles": rt.may.names(), "x-scope": rt.needs(), "x-fresh": rt.fresh},
		Middlewares: huma.Middlewares{a.only(rt)},
		Responses: map[string]*huma.Response{
			strconv.Itoa(status): {
				Description: http.StatusText(status),
				Content:     map[string]*huma.MediaType{"application/json": {Schema: schemas.Schema(reflect.TypeFor[O](), true, "")}},
			},
			"default": {
				Description: "A problem (RFC 9457)",
				Content:     map[string]*huma.MediaType{problemType: {Schema: schemas.Schema(reflect.TypeFor[problem](), true, "")}},
			},
		},
	}
	huma.Register(h, op, func(_ context.Context, in *I) (*huma.StreamResponse, error) {
		return &huma.StreamResponse{Body: func(hc huma.Context) {
			r, w := humago.Unwrap(hc)
			out, err := fn(hc.Context(), callerOf(hc.Context()), in)
			if p := (*problem)(nil); errors.As(err, &p) {
				p.write(w)
				return
			}
			if err != nil {
				a.UI.Fail(w, r, err)
				return
			}
			a.answer(w, r, status, out)
		}}, nil
	})
}

// guard goes around all addresses: it keeps answers out of caches, refuses
// queries that can be read in two ways, and answers what is not there.
func (a *API) guard(own *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Add("Vary", "Accept-Language, Cookie")
		if _, pattern := own.Handler(r); pattern == "" {
			a.absent(w, r, own)
			return
		}
		if err := plainQuery(r.URL.RawQuery); err != nil {
			a.UI.Fail(w, r, err)
			return
		}
		own.ServeHTTP(w, r)
	})
}

// absent answers for an address that is not there, or not with this method.
func (a *API) absent(w http.ResponseWriter, r *http.Request, own *http.ServeMux) {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		other := &http.Request{Method: method, URL: r.URL, Host: r.Host}
		if _, pattern := own.Handler(other); pattern != "" {
			allowed = append(allowed, method)
		}
	}
	if len(allowed) == 0 {
		a.UI.Fail(w, r, gatehouse.NotFound)
		return
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	ctx := r.Context()
	p := newProblem(ctx, http.StatusMethodNotAllowed, "method_not_allowed",
		i18n.Text(ctx, "That did not work"), i18n.Text(ctx, "This address does not answer that kind of request."))
	p.write(w)
}

// plainQuery refuses a query of which a part would be dropped silently: then a
// filter that was asked for would not be applied, and more would be shown.
func plainQuery(raw string) error {
	wrong := gatehouse.Errorf(gatehouse.Invalid, "The query of the address cannot be read. Write each parameter once, as name=value.")
	for pair := range strings.SplitSeq(raw, "&") {
		if pair != "" && !strings.Contains(pair, "=") {
			return wrong
		}
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return wrong.Because(err)
	}
	for _, v := range values {
		if len(v) > 1 {
			return wrong
		}
	}
	return nil
}

// knownParameters are the names in the query that an address understands.
func knownParameters(op *huma.Operation) []string {
	var names []string
	for _, p := range op.Parameters {
		if p.In == "query" {
			names = append(names, p.Name)
		}
	}
	slices.Sort(names)
	return names
}
