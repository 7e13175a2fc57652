package openid

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// maxBody bounds what a caller may send.
const maxBody = 1 << 20

// call is a request that was read to its end.
type call struct {
	*http.Request
	now   time.Time
	query url.Values
	form  url.Values // a form body; nil = there was none
}

func readCall(w http.ResponseWriter, r *http.Request) (*call, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	c := &call{Request: r, query: r.URL.Query()}
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
		c.form, _ = url.ParseQuery(string(body)) // what cannot be parsed is missing, as anywhere
	}
	return c, nil
}

// doubled names a parameter that was sent twice (RFC 6749, 3.1 and 3.2); "" =
// there is none.
func doubled(params url.Values) string {
	for name, values := range params {
		if len(values) > 1 {
			return name
		}
	}
	return ""
}

// answer is what goes back.
type answer struct {
	status int
	header http.Header
	body   []byte
	after  func() // runs before the answer is written, without the twin's lock; nil = nothing
}

func (a answer) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	if w.Header().Get("Content-Type") == "" {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
	w.WriteHeader(a.status)
	_, _ = w.Write(a.body) // a caller that went away is its own business
}

func failed(err error) answer {
	return answer{status: http.StatusInternalServerError, body: []byte(err.Error())}
}

func asJSON(status int, v any) answer {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return failed(err)
	}
	return answer{
		status: status, body: bytes.TrimSuffix(b.Bytes(), []byte("\n")),
		header: http.Header{"Content-Type": {"application/json"}, "Cache-Control": {"no-store"}},
	}
}

// oauthError is a refusal of the token endpoint (RFC 6749, 5.2).
func oauthError(code, description string) *answer {
	status := http.StatusBadRequest
	if code == "invalid_client" {
		status = http.StatusUnauthorized
	}
	a := asJSON(status, map[string]string{"error": code, "error_description": description})
	if status == http.StatusUnauthorized {
		a.header.Set("WWW-Authenticate", `Basic realm="twin"`)
	}
	return &a
}

// bearerError is a refusal of the userinfo endpoint (RFC 6750, 3).
func bearerError(status int, code, description string) *answer {
	return &answer{status: status, header: http.Header{
		"WWW-Authenticate": {fmt.Sprintf(`Bearer realm="twin", error=%q, error_description=%q`, code, description)},
		"Cache-Control":    {"no-store"},
	}}
}

// secret is a code or token that cannot be guessed.
func secret() string { return strings.ToLower(rand.Text()) }
