package api

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"gatehouse"
	"gatehouse/internal/i18n"
	"gatehouse/internal/web/ui"
)

// answer writes v as JSON. A page of a list also says by Link where the next
// one is (RFC 8288).
func (a *API) answer(w http.ResponseWriter, r *http.Request, status int, v any) {
	b, err := json.Marshal(v)
	if err != nil {
		a.UI.Fail(w, r, fmt.Errorf("write the answer: %w", err))
		return
	}
	if p, ok := v.(interface{ next() string }); ok && p.next() != "" {
		q := r.URL.Query()
		q.Set("after", p.next())
		w.Header().Set("Link", "<"+a.base()+r.URL.EscapedPath()+"?"+q.Encode()+`>; rel="next"`)
	}
	if _, secret := v.(interface{ secret() }); secret { // not even what it is made of is told
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(b) // the asker has gone; nobody is left to tell
		return
	}
	send(w, r, status, "application/json", b)
}

// send writes an answer. What is read has an ETag made of its content, so that
// a program which asks again and again is told that nothing changed.
func send(w http.ResponseWriter, r *http.Request, status int, contentType string, body []byte) {
	h := w.Header()
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		tag := etag(body)
		h.Set("ETag", tag)
		if matches(r.Header.Get("If-None-Match"), tag) {
			w.WriteHeader(http.StatusNotModified)
			return
		}
	}
	h.Set("Content-Type", contentType)
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	_, _ = w.Write(body) // the asker has gone; nobody is left to tell
}

// etag is the entity tag of an answer, made of its content.
func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:16]) + `"`
}

// matches compares an If-None-Match with a tag, weakly (RFC 9110 section 13.1.2).
func matches(header, tag string) bool {
	for candidate := range strings.SplitSeq(header, ",") {
		candidate = strings.TrimSpace(candidate)
		if candidate == "*" || strings.TrimPrefix(candidate, "W/") == tag {
			return true
		}
	}
	return false
}

// problem is an error as programs are told it (RFC 9457), the same as package
// ui writes it.
type problem struct {
	Type      string       `json:"type" doc:"Always about:blank: the code says more"`
	Title     string       `json:"title"`
	Status    int          `json:"status"`
	Detail    string       `json:"detail" doc:"What happened and what to do, in the language of Accept-Language"`
	Code      string       `json:"code" doc:"For programs: invalid, not_found, unauthorized, forbidden, conflict, limited, unavailable, method_not_allowed, internal"`
	Reference string       `json:"reference" doc:"Stands in the log beside the cause"`
	Errors    []wrongInput `json:"errors,omitempty" nullable:"false" doc:"What is wrong with which parameter"`
}

// wrongInput says what is wrong with a part of a request. It never repeats what
// was sent, which may be a secret.
type wrongInput struct {
	Location string `json:"location" doc:"For example query.limit"`
	Message  string `json:"message"`
}

func newProblem(ctx context.Context, status int, code, title, detail string) *problem {
	return &problem{Type: "about:blank", Title: title, Status: status, Detail: detail, Code: code, Reference: ui.RequestID(ctx)}
}

// Error is what the asker is told: a problem may be returned as an error.
func (p *problem) Error() string { return p.Detail }

func (p *problem) write(w http.ResponseWriter) {
	w.Header().Set("Content-Type", problemType)
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // the asker has gone; nobody is left to tell
}

const problemType = "application/problem+json"

// problemFormat writes what huma itself answers: problems with parameters.
func problemFormat() huma.Format {
	return huma.Format{
		Marshal: func(w io.Writer, v any) error {
			b, err := json.Marshal(v)
			if err == nil {
				_, _ = w.Write(b) // the asker has gone; nobody is left to tell
			}
			return err
		},
		Unmarshal: json.Unmarshal,
	}
}

// withoutValues makes huma's errors problems of ours. Huma's own repeat the
// values that were refused, which may be secrets. It is done here, for this API
// alone, since huma.NewError is a variable that all APIs of a process share.
func withoutValues(hc huma.Context, _ string, v any) (any, error) {
	e, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	ctx := hc.Context()
	if e.Status >= http.StatusInternalServerError {
		return newProblem(ctx, e.Status, "internal", i18n.Text(ctx, "Something went wrong"),
			i18n.Text(ctx, "This is a fault of Gatehouse, not yours.")), nil
	}
	p := newProblem(ctx, e.Status, string(gatehouse.Invalid), i18n.Text(ctx, "That did not work"),
		i18n.Text(ctx, "Something in the request is not right. Correct what stands under errors, and send it again."))
	for _, d := range e.Errors {
		if d != nil {
			p.Errors = append(p.Errors, wrong(hc.Operation(), d))
		}
	}
	return p, nil
}

func wrong(op *huma.Operation, d *huma.ErrorDetail) wrongInput {
	if d.Message == "unknown query parameter" { // its name is the sender's too
		known := strings.Join(knownParameters(op), ", ")
		if known == "" {
			known = "none"
		}
		return wrongInput{Location: "query", Message: "unknown query parameter; this address knows: " + known}
	}
	message := d.Message
	ours := strings.HasPrefix(message, "expected value to be one of") // and then the choices, not what was sent
	if sent := fmt.Sprint(d.Value); !ours && d.Value != nil && sent != "" && strings.Contains(message, sent) {
		message = "not a value that is understood"
	}
	return wrongInput{Location: d.Location, Message: message}
}
