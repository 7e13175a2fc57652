package wire

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A form is read whole or not at all, and no parameter is there twice.
func FuzzPostForm(f *testing.F) {
	f.Add("grant_type=authorization_code&code=x", "application/x-www-form-urlencoded", "")
	f.Add("a=1&a=2&resource=x&resource=y", "application/x-www-form-urlencoded; charset=utf-8", "client_secret=s")
	f.Add("%zz;", "multipart/form-data; boundary=x", "%zz")
	f.Fuzz(func(t *testing.T, body, kind, query string) {
		r := httptest.NewRequest(http.MethodPost, "/oauth/token", strings.NewReader(body))
		r.Header.Set("Content-Type", kind)
		r.URL.RawQuery = query
		p, err := PostForm(httptest.NewRecorder(), r)
		if err != nil && p != nil {
			t.Errorf("an error and %v", p)
		}
		for name, value := range p {
			if value == "" {
				t.Errorf("%q is empty and there", name)
			}
		}
	})
}
