// Package schema is the GraphQL API of a stand-in GitLab: the part of GitLab's
// schema that tells who exists and who is a member of what, with GitLab's limits
// on how much may be asked at once.
package schema

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/graphql"
	"gatehouse/internal/twin/gitlab/world"
)

const (
	maxQuery      = 10_000 // characters
	maxBody       = 4 << 20
	maxMultiplex  = 50
	depthStranger = 15
	depthUser     = 20
)

// A Server answers /api/graphql.
type Server struct {
	World *world.World
	// Rules are asked afresh for every request.
	Rules func() caller.Rules
	// Complexity is the highest complexity for everybody, asked afresh for every
	// request; 0 from it, or nil, means GitLab's own: 200 for strangers, 250 for
	// people, 300 for administrators.
	Complexity func() int
}

type request struct {
	Query         string         `json:"query"`
	OperationName string         `json:"operationName"`
	Variables     map[string]any `json:"variables"`
}

type answer struct {
	Data   json.RawMessage  `json:"data,omitempty"`
	Errors []*graphql.Error `json:"errors,omitempty"`
}

func problem(text string) answer { return answer{Errors: []*graphql.Error{{Message: text}}} }

// ServeHTTP answers one query, or several in a list. GitLab takes queries by GET,
// too; nobody here sends any.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodPost {
		reply(w, http.StatusNotFound, problem("Not found"))
		return
	}
	requests, multiplex, err := read(r)
	if err != nil {
		reply(w, http.StatusUnprocessableEntity, problem(err.Error()))
		return
	}
	s.World.Read(func(d *world.Data) {
		// A token that is dead, unknown or, so the code suggests, too weak is all the same here.
		who, err := caller.Identify(d, r, r.URL.Query().Get, []string{"api", "read_api"}, s.Rules())
		if err != nil {
			refuse(w, err)
			return
		}
		answers := s.answer(&view{d: d, who: who, sight: d.Sight(who.Viewer), rules: s.Rules()}, requests)
		send(w, http.StatusOK, encode(answers, multiplex))
	})
}

// encode puts answers together without reading the data in them again.
func encode(answers []answer, multiplex bool) []byte {
	var b bytes.Buffer
	if multiplex {
		b.WriteByte('[')
	}
	for i, a := range answers {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteByte('{')
		if a.Data != nil {
			b.WriteString(`"data":`)
			b.Write(a.Data)
		}
		if a.Errors != nil {
			if a.Data != nil {
				b.WriteByte(',')
			}
			b.WriteString(`"errors":`)
			raw, err := json.Marshal(a.Errors)
			if err != nil {
				raw = []byte(`[{"message":"Internal server error"}]`)
			}
			b.Write(raw)
		}
		b.WriteByte('}')
	}
	if multiplex {
		b.WriteByte(']')
	}
	return b.Bytes()
}

func refuse(w http.ResponseWriter, err error) {
	var f *caller.Failure
	if ok := asFailure(err, &f); ok && f.Status == http.StatusForbidden && f.Header == nil {
		reply(w, http.StatusForbidden, problem("API not accessible for user"))
		return
	}
	reply(w, http.StatusUnauthorized, problem("Invalid token"))
}

func reply(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"errors":[{"message":"Internal server error"}]}`)
	}
	send(w, status, raw)
}

func send(w http.ResponseWriter, status int, raw []byte) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(raw)
}

// read takes the queries out of a request: JSON, a JSON list, or a form.
func read(r *http.Request) (all []request, multiplex bool, err error) {
	raw, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err != nil || len(raw) > maxBody {
		return nil, false, fmt.Errorf("Query too large") //nolint:staticcheck // GitLab's text
	}
	switch text := strings.TrimSpace(string(raw)); {
	case strings.HasPrefix(r.Header.Get("Content-Type"), "application/x-www-form-urlencoded"):
		form, err := url.ParseQuery(text)
		if err != nil {
			return nil, false, fmt.Errorf("Unexpected end of document") //nolint:staticcheck // GitLab's text
		}
		one := request{Query: form.Get("query"), OperationName: form.Get("operationName")}
		if v := form.Get("variables"); v != "" && json.Unmarshal([]byte(v), &one.Variables) != nil {
			return nil, false, fmt.Errorf("Invalid variables") //nolint:staticcheck // GitLab's text
		}
		all = []request{one}
	case strings.HasPrefix(text, "["):
		multiplex = true
		err = json.Unmarshal(raw, &all)
	default:
		all = make([]request, 1)
		err = json.Unmarshal(raw, &all[0])
	}
	if err != nil || len(all) == 0 || len(all) > maxMultiplex {
		return nil, false, fmt.Errorf("Unexpected end of document") //nolint:staticcheck // GitLab's text
	}
	size := 0
	for _, q := range all {
		size += len([]rune(q.Query))
	}
	if size > maxQuery {
		return nil, false, fmt.Errorf("Query too large") //nolint:staticcheck // GitLab's text
	}
	return all, multiplex, nil
}

// answer checks and weighs all queries together, then runs them.
func (s *Server) answer(v *view, requests []request) []answer {
	v.limit = s.limit(v.who.Viewer)
	schema := v.schema()
	answers := make([]answer, len(requests))
	queries := make([]*graphql.Query, len(requests))
	for i, r := range requests {
		q, findings := schema.Prepare(graphql.Request{Query: r.Query, Operation: r.OperationName, Variables: r.Variables})
		if findings != nil {
			answers[i] = answer{Errors: findings}
			continue
		}
		queries[i] = q
		v.score += q.Complexity
	}
	for i, q := range queries {
		if q == nil {
			continue
		}
		if text := v.tooMuch(q); text != "" {
			answers[i] = problem(text)
			continue
		}
		data, findings := q.Run(v)
		answers[i] = answer{Data: data, Errors: findings}
	}
	return answers
}

func (s *Server) limit(w world.Viewer) int {
	if s.Complexity != nil {
		if n := s.Complexity(); n != 0 {
			return n
		}
	}
	switch {
	case w.User == nil:
		return 200
	case w.Admin:
		return 300
	}
	return 250
}

func (v *view) tooMuch(q *graphql.Query) string {
	depth := depthUser
	if v.who.User == nil {
		depth = depthStranger
	}
	switch {
	case v.score > v.limit:
		return fmt.Sprintf("Query has complexity of %d, which exceeds max complexity of %d", v.score, v.limit)
	case q.Depth > depth:
		return fmt.Sprintf("Query has depth of %d, which exceeds max depth of %d", q.Depth, depth)
	}
	return ""
}
