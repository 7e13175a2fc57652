package server

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"sync"
)

// secretNames are the parameters, fields of answers and inputs of pages whose
// values must be in no log. The values of cookies are such too, and whatever
// stands in Authorization, Private-Token and DPoP.
var secretNames = map[string]bool{
	"code": true, "state": true, "nonce": true, "request": true, "request_uri": true, "attempt": true, "token": true, "access_token": true,
	"refresh_token": true, "id_token": true, "id_token_hint": true, "device_code": true, "user_code": true, "client_secret": true,
	"client_assertion": true, "assertion": true, "subject_token": true, "code_verifier": true, "registration_access_token": true, "password": true,
	"private_token": true, "logout_token": true,
}

var (
	hiddenInput = regexp.MustCompile(`<input type="hidden" name="([a-z_]+)" value="([^"]*)"`)
	linkedQuery = regexp.MustCompile(`(?:href|action)="[^"?]*\?([^"]*)"`)
)

// collector keeps every secret that passes, by its name.
type collector struct {
	mu   sync.Mutex
	seen map[string]map[string]bool // name, then value
}

func (c *collector) add(name, value string) {
	if len(value) < 8 {
		return // too short to be a secret of anybody's
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen == nil {
		c.seen = map[string]map[string]bool{}
	}
	if c.seen[name] == nil {
		c.seen[name] = map[string]bool{}
	}
	c.seen[name][value] = true
}

func (c *collector) values(v url.Values) {
	for name, all := range v {
		for _, value := range all {
			if secretNames[name] {
				c.add(name, value)
			}
		}
	}
}

func (c *collector) address(address string) {
	if u, err := url.Parse(address); err == nil {
		c.values(u.Query())
	}
}

// headers reads those of a request or of an answer.
func (c *collector) headers(h http.Header, cookies []*http.Cookie) {
	for _, one := range cookies {
		if len(one.Value) >= 32 {
			c.add("cookie", one.Value)
		}
	}
	c.add("private-token", h.Get("Private-Token"))
	c.add("dpop", h.Get("DPoP"))
	scheme, value, _ := strings.Cut(h.Get("Authorization"), " ")
	c.add("authorization "+strings.ToLower(scheme), value)
	if plain, err := base64.StdEncoding.DecodeString(value); err == nil && strings.EqualFold(scheme, "basic") {
		_, secret, _ := strings.Cut(string(plain), ":")
		c.add("client_secret", secret)
	}
	c.address(h.Get("Location"))
}

// body reads a form, JSON, or what a page hides in forms and links.
func (c *collector) body(contentType string, body []byte) {
	kind, _, _ := mime.ParseMediaType(contentType)
	switch kind {
	case "application/x-www-form-urlencoded":
		if v, err := url.ParseQuery(string(body)); err == nil {
			c.values(v)
		}
	case "application/json":
		var fields map[string]any
		_ = json.Unmarshal(body, &fields)
		for name, value := range fields {
			if text, ok := value.(string); ok && secretNames[name] {
				c.add(name, text)
			}
		}
	case "text/html":
		for _, m := range hiddenInput.FindAllStringSubmatch(string(body), -1) {
			c.values(url.Values{m[1]: {m[2]}})
		}
		for _, m := range linkedQuery.FindAllStringSubmatch(string(body), -1) {
			if v, err := url.ParseQuery(strings.ReplaceAll(m[1], "&amp;", "&")); err == nil {
				c.values(v)
			}
		}
	}
}

// over watches what goes through a transport.
func (c *collector) over(next http.RoundTripper) http.RoundTripper {
	return roundTrip(func(r *http.Request) (*http.Response, error) {
		c.headers(r.Header, r.Cookies())
		c.values(r.URL.Query())
		if r.GetBody != nil {
			if again, err := r.GetBody(); err == nil {
				sent, _ := io.ReadAll(again)
				c.body(r.Header.Get("Content-Type"), sent)
			}
		}
		answer, err := next.RoundTrip(r)
		if err != nil {
			return nil, err
		}
		told, err := io.ReadAll(answer.Body)
		answer.Body.Close()
		answer.Body = io.NopCloser(bytes.NewReader(told))
		c.headers(answer.Header, answer.Cookies())
		c.body(answer.Header.Get("Content-Type"), told)
		return answer, err
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// behind watches what a server is asked, and what it answers.
func (c *collector) behind(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c.headers(r.Header, r.Cookies())
		c.values(r.URL.Query())
		sent, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(sent))
		c.body(r.Header.Get("Content-Type"), sent)
		kept := &keptAnswer{ResponseWriter: w}
		next.ServeHTTP(kept, r)
		c.headers(w.Header(), (&http.Response{Header: w.Header()}).Cookies())
		c.body(w.Header().Get("Content-Type"), kept.body.Bytes())
	})
}

type keptAnswer struct {
	http.ResponseWriter
	body bytes.Buffer
}

func (k *keptAnswer) Write(p []byte) (int, error) {
	k.body.Write(p)
	return k.ResponseWriter.Write(p)
}

// in names the secrets that are in a text: whole, as an address has them, or by
// their end, which tells as much.
func (c *collector) in(text string) (found []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for name, values := range c.seen {
		for value := range values {
			end := value
			if len(value) >= 32 {
				end = value[len(value)-16:]
			}
			if strings.Contains(text, end) || strings.Contains(text, url.QueryEscape(value)) {
				found = append(found, name+" "+value)
			}
		}
	}
	return found
}

// lacks are the names of which no secret came by: what was not seen was not looked for.
func (c *collector) lacks(names ...string) (missing []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, name := range names {
		if len(c.seen[name]) == 0 {
			missing = append(missing, name)
		}
	}
	return missing
}
