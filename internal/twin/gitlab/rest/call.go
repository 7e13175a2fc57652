package rest

import (
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"gatehouse/internal/twin/gitlab/caller"
	"gatehouse/internal/twin/gitlab/world"
)

const maxBody = 1 << 20

// call is one request on its way.
type call struct {
	api    *API
	d      *world.Data
	r      *http.Request
	route  *route
	vars   []string
	params url.Values // of query and body together
	header http.Header
	who    caller.Caller
	sight  *world.Sight
}

type errorBody struct {
	Error string `json:"error"`
}

type messageBody struct {
	Message any `json:"message"`
}

func errorBodyMessage(text string) messageBody { return messageBody{text} }

// invalid is the answer of Grape's parameter checks.
func invalid(problems ...string) *caller.Failure {
	return &caller.Failure{Status: http.StatusBadRequest, Body: errorBody{strings.Join(problems, ", ")}}
}

func notFound(what string) *caller.Failure {
	return caller.Message(http.StatusNotFound, "404 "+what+" Not Found")
}

// noRecord is what GitLab says when a lookup in the database fails: with a small f.
func noRecord() *caller.Failure { return caller.Message(http.StatusNotFound, "404 Not found") }

// noRoute is the answer to an address that does not exist, as those of the
// Enterprise Edition in the Community Edition.
func noRoute() *caller.Failure {
	return &caller.Failure{Status: http.StatusNotFound, Body: errorBody{"404 Not Found"}}
}

// validation is the answer of a model that refuses to be saved.
func validation(field string, problems ...string) *caller.Failure {
	return caller.Message(http.StatusBadRequest, map[string][]string{field: problems})
}

func (c *call) settings() Settings {
	if c.api.Settings == nil {
		return Settings{}
	}
	return c.api.Settings()
}

func (c *call) rules() caller.Rules {
	return caller.Rules{URL: c.api.URL, Now: c.api.Now(), AdminMode: c.settings().AdminMode, CE: c.api.CE}
}

func (c *call) now() time.Time { return c.api.Now().UTC() }

func (c *call) admin() bool { return c.who.Viewer.Admin }

// requireAdmin refuses everybody who may not administer.
func (c *call) requireAdmin() error {
	if !c.admin() {
		return caller.Forbidden("")
	}
	return nil
}

func (c *call) readParams() *caller.Failure {
	c.params = c.r.URL.Query()
	if c.r.Method == http.MethodGet || c.r.Body == nil {
		return nil
	}
	raw, err := io.ReadAll(io.LimitReader(c.r.Body, maxBody+1))
	if err != nil || len(raw) > maxBody {
		return &caller.Failure{Status: http.StatusRequestEntityTooLarge, Body: errorBody{"413 Request Entity Too Large"}} // a guess
	}
	if strings.HasPrefix(c.r.Header.Get("Content-Type"), "application/json") {
		return c.addJSON(raw)
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return invalid("Invalid form data")
	}
	for k, v := range form {
		c.params[k] = append(c.params[k], v...)
	}
	return nil
}

func (c *call) addJSON(raw []byte) *caller.Failure {
	if len(strings.TrimSpace(string(raw))) == 0 {
		return nil
	}
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(raw, &fields); err != nil {
		return invalid("message body does not match declared format")
	}
	for k, v := range fields {
		var list []json.RawMessage
		if json.Unmarshal(v, &list) == nil {
			for _, x := range list {
				c.params.Add(k+"[]", plain(x))
			}
			continue
		}
		c.params.Set(k, plain(v))
	}
	return nil
}

func plain(v json.RawMessage) string {
	var s string
	if json.Unmarshal(v, &s) == nil {
		return s
	}
	if string(v) == "null" {
		return ""
	}
	return string(v)
}

// require refuses a request that lacks parameters, in Grape's words.
func (c *call) require(names ...string) error {
	var missing []string
	for _, n := range names {
		if !c.has(n) {
			missing = append(missing, n+" is missing")
		}
	}
	if missing != nil {
		return invalid(missing...)
	}
	return nil
}

func (c *call) has(name string) bool { return c.params.Has(name) }

func (c *call) get(name string) string { return c.params.Get(name) }

// is tells whether a boolean parameter is given and true.
func (c *call) is(name string) bool {
	return slices.Contains([]string{"true", "t", "1", "yes", "on"}, strings.ToLower(c.get(name)))
}

// number reads an integer parameter, or returns what stands in for a missing one.
func (c *call) number(name string, missing int64) (int64, error) {
	v := c.get(name)
	if v == "" {
		return missing, nil
	}
	n, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return 0, invalid(name + " is invalid")
	}
	return n, nil
}

// list reads an array parameter: name[]=1&name[]=2 or name=1,2.
func (c *call) list(name string) []string {
	if all := c.params[name+"[]"]; len(all) > 0 {
		return all
	}
	if v := c.get(name); v != "" {
		return strings.Split(v, ",")
	}
	return nil
}

// oneOf reads a parameter that has few values.
func (c *call) oneOf(name, missing string, values ...string) (string, error) {
	v := c.get(name)
	if v == "" {
		return missing, nil
	}
	if !slices.Contains(values, v) {
		return "", invalid(name + " does not have a valid value")
	}
	return v, nil
}

// group finds the group of the path by id or full path, if the caller sees it.
func (c *call) group() (*world.Group, error) { return c.groupNamed(c.vars[0]) }

func (c *call) groupNamed(name string) (*world.Group, error) {
	g := c.d.GroupByPath(name)
	if id, err := strconv.ParseInt(name, 10, 64); err == nil {
		g = c.d.Group(id)
	}
	if g == nil || !c.sight.Group(g) {
		return nil, notFound("Group")
	}
	return g, nil
}

// project finds the project of the path by id or full path, if the caller sees it.
func (c *call) project() (*world.Project, error) {
	p := c.d.ProjectByPath(c.vars[0])
	if id, err := strconv.ParseInt(c.vars[0], 10, 64); err == nil {
		p = c.d.Project(id)
	}
	if p == nil || !c.sight.Project(p) {
		return nil, notFound("Project")
	}
	return p, nil
}

// user finds a user by the id in the path. What is no number is no address of
// GitLab's at all.
func (c *call) user(v string) (*world.User, error) {
	id, err := strconv.ParseInt(v, 10, 64)
	if err != nil {
		return nil, noRoute()
	}
	u := c.d.User(id)
	if u == nil {
		return nil, notFound("User")
	}
	return u, nil
}

// userForAdmin finds the user of the path for an administrator.
func (c *call) userForAdmin() (*world.User, error) {
	if err := c.requireAdmin(); err != nil {
		return nil, err
	}
	return c.user(c.vars[0])
}

// source finds the group or project whose members are asked for.
func (c *call) source() (world.Source, error) {
	if c.route.kind == world.GroupSource {
		g, err := c.group()
		if err != nil {
			return world.Source{}, err
		}
		return world.InGroup(g.ID), nil
	}
	p, err := c.project()
	if err != nil {
		return world.Source{}, err
	}
	return world.InProject(p.ID), nil
}

func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000Z")
	return &s
}

func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
