package dingtalk

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/url"
	"slices"
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
	form  url.Values     // a form body
	json  map[string]any // a JSON body; nil = there was none
}

func readCall(w http.ResponseWriter, r *http.Request) (*call, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if err != nil {
		return nil, fmt.Errorf("read the body: %w", err)
	}
	c := &call{Request: r, query: r.URL.Query()}
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if strings.TrimSpace(strings.ToLower(media)) == "application/x-www-form-urlencoded" {
		c.form, _ = url.ParseQuery(string(body)) // what cannot be parsed is missing, as anywhere
		return c, nil
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber() // ids exceed what a float can hold
	if dec.Decode(&c.json) != nil {
		c.json = nil
	}
	return c, nil
}

// text is a parameter of the old API, which may stand in a JSON body, in a form
// or in the query; "" = missing.
func (c *call) text(name string) string {
	switch v := c.json[name].(type) {
	case string:
		return v
	case json.Number:
		return v.String()
	}
	if v := c.form.Get(name); v != "" {
		return v
	}
	return c.query.Get(name)
}

// number is a parameter of the old API that must be a whole number.
func (c *call) number(name string) (int64, bool) {
	n, err := strconv.ParseInt(c.text(name), 10, 64)
	return n, err == nil
}

// field is a string in the JSON body, and nowhere else, as the new API reads it.
func (c *call) field(name string) string {
	s, _ := c.json[name].(string)
	return s
}

func (c *call) ip() string {
	host, _, err := net.SplitHostPort(c.RemoteAddr)
	if err != nil {
		return c.RemoteAddr
	}
	return host
}

func (a *App) allows(ip string) bool {
	return a.AllowedIPs == nil || slices.Contains(a.AllowedIPs, ip)
}

// answer is what goes back.
type answer struct {
	status int
	header http.Header
	body   []byte
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

func asJSON(status int, v any) answer {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return answer{status: http.StatusInternalServerError, body: []byte(err.Error())}
	}
	header := http.Header{"Content-Type": {"application/json;charset=utf-8"}}
	return answer{status: status, header: header, body: bytes.TrimSuffix(b.Bytes(), []byte("\n"))}
}

// The new API, api.dingtalk.com.

func apiAnswer(status int, v any, requestID string) answer {
	a := asJSON(status, v)
	a.header.Set("Server", "DingTalk/1.0.0")
	a.header.Set("X-Acs-Request-Id", requestID)
	a.header.Set("X-Acs-Trace-Id", strings.ToLower(strings.ReplaceAll(requestID, "-", "")))
	return a
}

func apiOK(v any) answer { return apiAnswer(http.StatusOK, v, newUUID()) }

type apiFailure struct {
	Code      string     `json:"code"`
	RequestID string     `json:"requestid"`
	Message   string     `json:"message"`
	Denied    *apiDenied `json:"accessdenieddetail,omitempty"`
}

type apiDenied struct {
	RequiredScopes []string `json:"requiredScopes,omitempty"`
}

func apiError(status int, code, message string) answer {
	id := newUUID()
	return apiAnswer(status, apiFailure{Code: code, RequestID: id, Message: message}, id)
}

func apiForbidden(code, message string, scopes ...string) answer {
	id := newUUID()
	return apiAnswer(http.StatusForbidden, apiFailure{
		Code: "Forbidden.AccessDenied." + code, RequestID: id, Message: message, Denied: &apiDenied{RequiredScopes: scopes},
	}, id)
}

func apiNoPermission(scope string) answer {
	return apiForbidden("AccessTokenPermissionDenied",
		"没有调用该接口的权限，接口权限申请参考：https://open.dingtalk.com/document/orgapp-server/add-api-permission", scope)
}

func apiMissing(name string) answer {
	return apiError(http.StatusBadRequest, "Missing"+name, name+" is mandatory for this action.")
}

// The old API, oapi.dingtalk.com: always HTTP 200.

type oldAnswer struct {
	Code      int    `json:"errcode"`
	SubCode   string `json:"sub_code,omitempty"`
	SubMsg    string `json:"sub_msg,omitempty"`
	Message   string `json:"errmsg"`
	Result    any    `json:"result,omitempty"`
	RequestID string `json:"request_id,omitempty"`
}

// topOK answers a topapi call.
func topOK(result any) answer {
	return asJSON(http.StatusOK, oldAnswer{Message: "ok", Result: result, RequestID: shortID()})
}

// topError is a refusal by the API itself, in a topapi call.
func topError(code int, message string) answer {
	return asJSON(http.StatusOK, oldAnswer{Code: code, Message: message, RequestID: shortID()})
}

// gatewayError is a refusal by the gateway before the API of a topapi call: 88
// with the true code inside, as text.
func gatewayError(code, message, tail string) answer {
	return asJSON(http.StatusOK, oldAnswer{
		Code: 88, SubCode: code, SubMsg: message, RequestID: shortID(),
		Message: fmt.Sprintf("ding talk error[subcode=%s,submsg=%s%s]", code, message, tail),
	})
}

// oldError is a refusal by a path outside topapi: no wrapper, no request_id.
func oldError(code int, message string) answer {
	return asJSON(http.StatusOK, oldAnswer{Code: code, Message: message})
}

// newUUID is a request id of the new API.
func newUUID() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails
	return fmt.Sprintf("%X-%X-%X-%X-%X", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// shortID is a request id of the old API: lower-case base 36.
func shortID() string {
	var b [9]byte
	_, _ = rand.Read(b[:]) // never fails
	b[0] |= 0x80
	text := new(big.Int).SetBytes(b[:]).Text(36)
	return text[:13]
}

// secret is a code or token that cannot be guessed.
func secret() string { return strings.ToLower(rand.Text()) }
