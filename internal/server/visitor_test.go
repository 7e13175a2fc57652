package server

import (
	"fmt"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// visitor is a browser without a screen or a script: it follows redirects,
// keeps cookies, and fills in forms.
type visitor struct {
	*testing.T
	client *http.Client
	at     *url.URL
	status int
	text   string // the source of the page
	doc    *html.Node

	location string // where the last answer sent the browser, when it did not follow
}

func newVisitor(t *testing.T) *visitor {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &visitor{T: t, client: &http.Client{Jar: jar}}
}

// open goes to an address.
func (v *visitor) open(address string) *visitor {
	v.Helper()
	r, err := http.NewRequestWithContext(v.Context(), http.MethodGet, address, nil)
	if err != nil {
		v.Fatal(err)
	}
	return v.send(r)
}

func (v *visitor) send(r *http.Request) *visitor {
	v.Helper()
	r.Header.Set("Accept", "text/html,*/*;q=0.8")
	if r.Header.Get("Accept-Language") == "" {
		r.Header.Set("Accept-Language", "en")
	}
	answer, err := v.client.Do(r)
	if err != nil {
		v.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, 4<<20))
	if err != nil {
		v.Fatal(err)
	}
	v.location = answer.Header.Get("Location")
	v.at, v.status, v.text = answer.Request.URL, answer.StatusCode, string(body)
	if v.doc, err = html.Parse(strings.NewReader(v.text)); err != nil {
		v.Fatal(err)
	}
	return v
}

// submit sends the first form of the page that has all the wanted names and
// values ("action" is the form's own, by its end), as if its button were pressed. Other fields keep what
// they have.
func (v *visitor) submit(want map[string]string) *visitor {
	v.Helper()
	for _, f := range v.forms() {
		values, ok := f.with(want)
		if !ok {
			continue
		}
		target, err := v.at.Parse(f.action)
		if err != nil {
			v.Fatal(err)
		}
		if f.method == "get" {
			target.RawQuery = values.Encode()
			return v.open(target.String())
		}
		r, err := http.NewRequestWithContext(v.Context(), http.MethodPost, target.String(), strings.NewReader(values.Encode()))
		if err != nil {
			v.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", v.at.Scheme+"://"+v.at.Host)
		r.Header.Set("Sec-Fetch-Site", "same-origin")
		return v.send(r)
	}
	v.Fatalf("%s has no form with %v:\n%s", v.at, want, excerptOf(v.text))
	return v
}

// sees fails unless the page has all the texts.
func (v *visitor) sees(texts ...string) *visitor {
	v.Helper()
	seen := text(v.doc)
	for _, want := range texts {
		if !strings.Contains(seen, want) {
			v.Fatalf("%s (%d) does not show %q:\n%s", v.at, v.status, want, excerptOf(seen))
		}
	}
	return v
}

// follow goes where the link with this text leads.
func (v *visitor) follow(label string) *visitor {
	v.Helper()
	for n := range v.doc.Descendants() {
		if n.Type == html.ElementNode && n.Data == "a" && strings.Contains(text(n), label) {
			target, err := v.at.Parse(attr(n, "href"))
			if err != nil {
				v.Fatal(err)
			}
			return v.open(target.String())
		}
	}
	v.Fatalf("%s has no link %q:\n%s", v.at, label, excerptOf(v.text))
	return v
}

// element is the text of the element with an id.
func (v *visitor) element(id string) string {
	v.Helper()
	for n := range v.doc.Descendants() {
		if n.Type == html.ElementNode && attr(n, "id") == id {
			return text(n)
		}
	}
	v.Fatalf("%s has no element %q:\n%s", v.at, id, excerptOf(v.text))
	return ""
}

// form is a form of a page: its fields, and its buttons with names.
type form struct {
	action, method string
	fields         url.Values
	buttons        [][2]string
}

func (v *visitor) forms() []form {
	var all []form
	for n := range v.doc.Descendants() {
		if n.Type != html.ElementNode || n.Data != "form" {
			continue
		}
		f := form{action: attr(n, "action"), method: strings.ToLower(attr(n, "method")), fields: url.Values{}}
		for c := range n.Descendants() {
			name := attr(c, "name")
			switch {
			case c.Type != html.ElementNode || name == "":
			case c.Data == "button" || (c.Data == "input" && attr(c, "type") == "submit"):
				f.buttons = append(f.buttons, [2]string{name, attr(c, "value")})
			case c.Data == "input":
				f.fields.Add(name, attr(c, "value"))
			}
		}
		all = append(all, f)
	}
	return all
}

// with is what the form sends when the wanted values are among it; false when
// the form cannot send them.
func (f form) with(want map[string]string) (url.Values, bool) {
	values := url.Values{}
	for k, v := range f.fields {
		values[k] = v
	}
	for name, value := range want {
		switch {
		case name == "action":
			if !strings.HasSuffix(strings.SplitN(f.action, "?", 2)[0], value) {
				return nil, false
			}
		case values.Get(name) == value && values.Has(name):
		case f.hasButton(name, value):
			values.Set(name, value)
		default:
			return nil, false
		}
	}
	return values, true
}

func (f form) hasButton(name, value string) bool {
	for _, b := range f.buttons {
		if b == [2]string{name, value} {
			return true
		}
	}
	return false
}

func attr(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

// text is what a person reads of a node.
func text(n *html.Node) string {
	var b strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode && c.Parent.Data != "style" && c.Parent.Data != "script" {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}

func excerptOf(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	return fmt.Sprintf("%.1500s", s)
}
