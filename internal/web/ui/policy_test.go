package ui

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/a-h/templ"
)

func TestPolicy_NothingRunsThatThePageDoesNotName(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		page Page
		want string // of the script-src; "" = there is none
	}{
		"Usual":                   {Page{}, ""},
		"Ours":                    {Page{Scripts: []string{"embedded"}}, "script-src 'self'"},
		"OneFromElsewhere":        {Page{Scripts: []string{"embedded"}, Vendor: "https://cdn.example/sdk.js"}, "script-src 'self' https://cdn.example/sdk.js"},
		"NotASecondSource":        {Page{Scripts: []string{"embedded"}, Vendor: "https://cdn.example/sdk.js 'unsafe-inline'"}, "script-src 'self'"},
		"NotASecondDirective":     {Page{Scripts: []string{"embedded"}, Vendor: "https://cdn.example/;script-src-elem *"}, "script-src 'self'"},
		"FormsMayLeadToProviders": {Page{FormAction: []string{"https:"}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := policy(c.page)
			_, tail, _ := strings.Cut(got, "; script-src")
			if tail != "" {
				tail = "script-src" + tail
			}
			if !strings.HasPrefix(got, "default-src 'none';") || tail != c.want {
				t.Errorf("%s", got)
			}
		})
	}
}

func TestScripts_AreServedAndNamedByThePage(t *testing.T) {
	t.Parallel()
	u := &UI{}
	rec := httptest.NewRecorder()
	err := u.Render(rec, httptest.NewRequest(http.MethodGet, "/x", nil), http.StatusOK, Page{Scripts: scripts(), Vendor: "https://cdn.example/sdk.js"}, templ.NopComponent)
	if err != nil {
		t.Fatal(err)
	}
	vendor := strings.Index(rec.Body.String(), `<script src="https://cdn.example/sdk.js" defer`)
	for _, name := range scripts() {
		path := assets().scripts[name].path
		if at := strings.Index(rec.Body.String(), `<script src="`+path+`" defer>`); vendor < 0 || at < vendor {
			t.Errorf("%s is not in the page after the vendor's", name)
		}
		file := httptest.NewRecorder()
		u.Assets().ServeHTTP(file, httptest.NewRequest(http.MethodGet, path, nil))
		if file.Code != http.StatusOK || !strings.HasPrefix(file.Header().Get("Content-Type"), "text/javascript") {
			t.Errorf("%s: %d, %s", path, file.Code, file.Header().Get("Content-Type"))
		}
	}
}
