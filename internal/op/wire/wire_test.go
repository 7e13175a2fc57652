package wire

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func post(target, contentType, body string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, target, strings.NewReader(body))
	if contentType != "" {
		r.Header.Set("Content-Type", contentType)
	}
	return r
}

const form = "application/x-www-form-urlencoded"

func TestT8PostForm(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		target, kind, body string
		want               Params
		status             int // 0: no error
	}{
		"Right":               {"/", form, "a=1&b=%C3%BC+2", Params{"a": "1", "b": "ü 2"}, 0},
		"WithCharset":         {"/", form + "; charset=UTF-8", "a=1", Params{"a": "1"}, 0},
		"EmptyIsAbsent":       {"/", form, "a=&b=1", Params{"b": "1"}, 0},
		"Empty":               {"/", form, "", Params{}, 0},
		"HarmlessQuery":       {"/?lang=zh", form, "a=1", Params{"a": "1"}, 0},
		"ResourceTwice":       {"/", form, "resource=a&resource=b&a=1", Params{"a": "1", "resource": "a b"}, 0},
		"Doubled":             {"/", form, "a=1&a=2", nil, 400},
		"DoubledSame":         {"/", form, "a=1&a=1", nil, 400},
		"DoubledOneEmpty":     {"/", form, "a=&a=1", nil, 400},
		"SecretInAddress":     {"/?client_secret=x", form, "a=1", nil, 400},
		"CodeInAddress":       {"/?code=x", form, "a=1", nil, 400},
		"EncodedNameInURL":    {"/?client%5Fsecret=x", form, "a=1", nil, 400},
		"JSON":                {"/", "application/json", `{"a":1}`, nil, 400},
		"Multipart":           {"/", "multipart/form-data; boundary=x", "--x--", nil, 400},
		"NoContentType":       {"/", "", "a=1", nil, 400},
		"BrokenContentType":   {"/", "a/b;;=", "a=1", nil, 400},
		"BrokenEscape":        {"/", form, "a=%zz", nil, 400},
		"Semicolon":           {"/", form, "a=1;b=2", nil, 400},
		"AsLongAsAllowed":     {"/", form, "a=" + strings.Repeat("x", MaxBody-2), Params{"a": strings.Repeat("x", MaxBody-2)}, 0},
		"LongerThanIsAllowed": {"/", form, "a=" + strings.Repeat("x", MaxBody-1), nil, 413},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := PostForm(httptest.NewRecorder(), post(c.target, c.kind, c.body))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			var e *Error
			if errors.As(err, &e) != (c.status != 0) || e != nil && c.status != max(e.Status, 400) {
				t.Errorf("error %v, want status %d", err, c.status)
			}
		})
	}
}

func TestDescriptionsAreWhatTheRFCAllows(t *testing.T) {
	t.Parallel()
	_, err := PostForm(httptest.NewRecorder(), post("/", form, url.QueryEscape("\"\\\nü"+strings.Repeat("x", 100))+"=1&"+url.QueryEscape("\"\\\nü"+strings.Repeat("x", 100))+"=2"))
	var e *Error
	if !errors.As(err, &e) || strings.ContainsAny(e.Description, "\"\\\nü") || len(e.Description) > 200 {
		t.Errorf("got %v", err)
	}
}

func TestAnyForm(t *testing.T) {
	t.Parallel()
	t.Run("GetReadsTheQuery", func(t *testing.T) {
		t.Parallel()
		v, err := AnyForm(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "/?a=1&a=2", nil))
		if diff := cmp.Diff(url.Values{"a": {"1", "2"}}, v); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
	t.Run("PostReadsBoth", func(t *testing.T) {
		t.Parallel()
		v, err := AnyForm(httptest.NewRecorder(), post("/?a=1", form, "a=2&b=3"))
		if diff := cmp.Diff(url.Values{"a": {"1", "2"}, "b": {"3"}}, v); diff != "" || err != nil {
			t.Error(err, diff)
		}
	})
	for name, r := range map[string]*http.Request{
		"Broken":     httptest.NewRequest(http.MethodGet, "/?a=%zz", nil),
		"BrokenBody": post("/?a=1", form, "a=%zz"),
		"JSON":       post("/", "application/json", "{}"),
		"TooLong":    httptest.NewRequest(http.MethodGet, "/?a="+strings.Repeat("x", MaxBody), nil),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var e *Error
			if _, err := AnyForm(httptest.NewRecorder(), r); !errors.As(err, &e) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func basicHeader(s string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(s)) }

func TestReadBasic(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		headers []string
		want    Basic
		has     bool
		fails   bool
	}{
		"None":            {nil, Basic{}, false, false},
		"Bearer":          {[]string{"Bearer x"}, Basic{}, false, false},
		"Plain":           {[]string{basicHeader("id:secret")}, Basic{"id", []string{"secret"}}, true, false},
		"AnyCase":         {[]string{strings.Replace(basicHeader("id:secret"), "Basic", "bAsIc", 1)}, Basic{"id", []string{"secret"}}, true, false},
		"Encoded":         {[]string{basicHeader("my%2Did:a%2Bb+c")}, Basic{"my-id", []string{"a+b c", "a%2Bb+c"}}, true, false},
		"NotEncoded":      {[]string{basicHeader("id:a%zz")}, Basic{"id", []string{"a%zz"}}, true, false},
		"ColonInSecret":   {[]string{basicHeader("id:a:b")}, Basic{"id", []string{"a:b"}}, true, false},
		"EmptySecret":     {[]string{basicHeader("id:")}, Basic{"id", []string{""}}, true, false},
		"NoColon":         {[]string{basicHeader("id")}, Basic{}, false, true},
		"EmptyID":         {[]string{basicHeader(":secret")}, Basic{}, false, true},
		"IDWithNUL":       {[]string{basicHeader("i%00d:secret")}, Basic{}, false, true},
		"IDNotASCII":      {[]string{basicHeader("ü:secret")}, Basic{}, false, true},
		"IDTooLong":       {[]string{basicHeader(strings.Repeat("i", 256) + ":s")}, Basic{}, false, true},
		"NotBase64":       {[]string{"Basic ???"}, Basic{}, false, true},
		"T8/TwoOfThem":    {[]string{basicHeader("id:secret"), basicHeader("id:secret")}, Basic{}, false, true},
		"T8/BasicsFriend": {[]string{"Bearer x", basicHeader("id:secret")}, Basic{}, false, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/", nil)
			for _, h := range c.headers {
				r.Header.Add("Authorization", h)
			}
			got, has, err := ReadBasic(r)
			if diff := cmp.Diff(c.want, got); diff != "" || has != c.has || (err != nil) != c.fails {
				t.Errorf("%v %v %s", has, err, diff)
			}
		})
	}
}

func FuzzBasic(f *testing.F) {
	f.Add(base64.StdEncoding.EncodeToString([]byte("id:secret")))
	f.Add(base64.StdEncoding.EncodeToString([]byte("%zz:%00")))
	f.Add("%%%")
	f.Fuzz(func(t *testing.T, encoded string) {
		b, ok := parseBasic(encoded)
		if !ok {
			return
		}
		if !Identifier(b.ID) || len(b.Secrets) == 0 || len(b.Secrets) > 2 {
			t.Fatalf("%q is read as %+v", encoded, b)
		}
		raw, err := base64.StdEncoding.DecodeString(encoded)
		if err != nil || !strings.HasSuffix(string(raw), ":"+b.Secrets[len(b.Secrets)-1]) {
			t.Fatalf("%q is read as %+v: what was sent is not among the secrets", encoded, b)
		}
	})
}

func TestBearer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		headers []string
		want    string
		fails   bool
	}{
		"None":        {nil, "", false},
		"Right":       {[]string{"Bearer abc"}, "abc", false},
		"AnyCase":     {[]string{"bearer abc"}, "abc", false},
		"Spaces":      {[]string{"Bearer   abc "}, "abc", false},
		"NoToken":     {[]string{"Bearer"}, "", false},
		"OtherScheme": {[]string{"Bearers abc"}, "", false},
		"Two":         {[]string{"Bearer a", "Bearer b"}, "", true},
	} {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		for _, h := range c.headers {
			r.Header.Add("Authorization", h)
		}
		got, err := Bearer(r)
		if got != c.want || (err != nil) != c.fails {
			t.Errorf("%s: %q %v", name, got, err)
		}
	}
}

func TestErrorWrite(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err       *Error
		status    int
		body      string
		challenge string
	}{
		"T9/InvalidClient":  {InvalidClient(), 401, `{"error":"invalid_client","error_description":"Client authentication failed due to unknown client, no client authentication included, or unsupported authentication method."}`, `Basic realm="Gatehouse", charset="UTF-8"`},
		"InvalidGrant":      {InvalidGrant(), 400, `{"error":"invalid_grant","error_description":"The provided authorization grant is invalid, expired, revoked, does not match the redirection URI used in the authorization request, or was issued to another client."}`, ""},
		"Missing":           {Missing("code"), 400, `{"error":"invalid_request","error_description":"Missing required parameter: code."}`, ""},
		"InvalidScope":      {InvalidScope(), 400, `{"error":"invalid_scope","error_description":"The requested scope is invalid, unknown, or malformed."}`, ""},
		"NoToken":           {NoToken(), 401, `{"error":"invalid_token","error_description":"An access token is required."}`, `Bearer realm="Gatehouse"`},
		"InvalidToken":      {InvalidToken("Why"), 401, `{"error":"invalid_token","error_description":"Why"}`, `Bearer realm="Gatehouse", error="invalid_token", error_description="Why"`},
		"InsufficientScope": {InsufficientScope("openid"), 403, `{"error":"insufficient_scope","error_description":"The request requires higher privileges than provided by the access token.","scope":"openid"}`, `Bearer realm="Gatehouse", error="insufficient_scope", error_description="The request requires higher privileges than provided by the access token.", scope="openid"`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			c.err.Write(w)
			if w.Code != c.status || w.Body.String() != c.body || w.Header().Get("WWW-Authenticate") != c.challenge {
				t.Errorf("%d %s %q", w.Code, w.Body, w.Header().Get("WWW-Authenticate"))
			}
			if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Pragma") != "no-cache" {
				t.Errorf("T9: it may be kept: %v", w.Header())
			}
		})
	}
}

func TestT22CORS(t *testing.T) {
	t.Parallel()
	h := CORS(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { JSON(w, http.StatusOK, struct{}{}) }), http.MethodPost)
	t.Run("AskedBefore", func(t *testing.T) {
		t.Parallel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodOptions, "/", nil))
		if w.Code != http.StatusNoContent || w.Header().Get("Access-Control-Allow-Origin") != "*" ||
			w.Header().Get("Access-Control-Allow-Methods") != "POST" || !strings.Contains(w.Header().Get("Access-Control-Allow-Headers"), "Authorization") {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
	t.Run("NeverWithCookies", func(t *testing.T) {
		t.Parallel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/", nil))
		if w.Header().Get("Access-Control-Allow-Origin") != "*" || w.Header().Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%v", w.Header())
		}
	})
	t.Run("T8/OtherMethods", func(t *testing.T) {
		t.Parallel()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "POST" {
			t.Errorf("%d %v", w.Code, w.Header())
		}
	})
}

func TestPublicMayBeKept(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	w.Header().Set("Cache-Control", "no-store") // as for everything, from outside
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	Public(w, r, 60, NewDocument([]byte("{}")))
	tag := w.Header().Get("ETag")
	if w.Header().Get("Cache-Control") != "public, max-age=60" || w.Body.String() != "{}" || tag == "" {
		t.Errorf("%v %s", w.Header(), w.Body)
	}
	for known, status := range map[string]int{
		tag: http.StatusNotModified, `"other", W/` + tag: http.StatusNotModified, `"other"`: http.StatusOK, tag + "x": http.StatusOK,
	} {
		r.Header.Set("If-None-Match", known)
		again := httptest.NewRecorder()
		Public(again, r, 60, NewDocument([]byte("{}")))
		if again.Code != status || status == http.StatusNotModified && again.Body.Len() > 0 {
			t.Errorf("%s: %d %s", known, again.Code, again.Body)
		}
	}
}

func TestIdentifier(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"": false, "app": true, "a b": false, "a\x00": false, "ü": false, strings.Repeat("a", 255): true, strings.Repeat("a", 256): false, "\xff": false} {
		if Identifier(s) != want {
			t.Errorf("Identifier(%q) = %v", s, !want)
		}
	}
}
