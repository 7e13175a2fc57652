package rest

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"gatehouse/internal/twin/gitlab/world"
)

// route is one line of the API.
type route struct {
	method    string
	pattern   string // {} stands for one part
	scopes    []string
	kind      world.SourceKind // for routes that groups and projects share
	limit     string           // name of the application limit, "": none
	anonymous bool
	handle    handler

	parts []string
}

// Prefixes of the API.
const (
	prefixV4 = "/api/v4/"
	prefixV3 = "/api/v3/"
)

// find returns the route of a path. known says that the path exists with
// another method.
func (a *API) find(method, path string) (rt *route, vars []string, known bool) {
	rest, ok := strings.CutPrefix(path, prefixV4)
	if path == prefixV3+"user" && method == http.MethodGet { // kept for old clients
		rest, ok = "user", true
	}
	if !ok {
		return nil, nil, false
	}
	parts := strings.Split(strings.TrimSuffix(rest, "/"), "/")
	for _, r := range a.routes() {
		vars, ok := match(r.parts, parts)
		if !ok {
			continue
		}
		known = true
		if r.method == method || r.method == http.MethodGet && method == http.MethodHead {
			return r, vars, true
		}
	}
	return nil, nil, known
}

func match(pattern, parts []string) ([]string, bool) {
	if len(pattern) != len(parts) {
		return nil, false
	}
	var vars []string
	for i, p := range pattern {
		if p != "{}" {
			if p != parts[i] {
				return nil, false
			}
			continue
		}
		v, err := url.PathUnescape(parts[i])
		if err != nil || v == "" {
			return nil, false
		}
		vars = append(vars, v)
	}
	return vars, true
}

// Class names the kind of a request for counting: method and pattern, as in
// "GET /groups/{}/members".
func (a *API) Class(r *http.Request) string {
	rt, _, _ := a.find(r.Method, r.URL.EscapedPath())
	if rt == nil {
		return r.Method + " unknown"
	}
	return rt.method + " /" + rt.pattern
}

func readUser() []string  { return []string{"read_user", "api", "read_api"} }
func readAPI() []string   { return []string{"api", "read_api"} }
func readGroup() []string { return []string{"ai_workflows", "api", "read_api"} }
func full() []string      { return []string{"api"} }

// routes is the list of all routes; more exact ones stand first.
func (a *API) routes() []*route {
	a.once.Do(func() { a.table = buildTable() })
	return a.table
}

func buildTable() []*route {
	all := slices.Concat(userRoutes(), groupRoutes(), projectRoutes(), otherRoutes(),
		sourceRoutes(world.GroupSource, "groups/{}"), sourceRoutes(world.ProjectSource, "projects/{}"))
	for _, r := range all {
		r.parts = strings.Split(r.pattern, "/")
	}
	return all
}

func get(pattern string, scopes []string, h handler) *route {
	return &route{method: http.MethodGet, pattern: pattern, scopes: scopes, handle: h}
}

func change(method, pattern string, h handler) *route {
	return &route{method: method, pattern: pattern, scopes: full(), handle: h}
}

func (r *route) limited(name string) *route { r.limit = name; return r }
func (r *route) public() *route             { r.anonymous = true; return r }
