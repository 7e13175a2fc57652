package mtls_test

import (
	"encoding/base64"
	"encoding/pem"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"gatehouse/internal/op/mtls"
)

func TestFromHeader(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	c := s.Certificate()
	text := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	for name, value := range map[string]string{
		"RFC9440": ":" + base64.StdEncoding.EncodeToString(c.Raw) + ":",
		"Escaped": url.PathEscape(text),
		"Query":   strings.ReplaceAll(url.QueryEscape(text), "+", "%20"),
	} {
		if got, err := mtls.FromHeader(value); err != nil || !got.Equal(c) || len(mtls.Thumbprint(got)) != 43 {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, value := range []string{"", ":", "::", ":x:", "%zz", "(null)", ":" + strings.Repeat("A", 20<<10) + ":", url.PathEscape(strings.ReplaceAll(text, "CERTIFICATE", "PRIVATE KEY"))} {
		if _, err := mtls.FromHeader(value); err == nil {
			t.Errorf("%.20q passes", value)
		}
	}
}

func FuzzFromHeader(f *testing.F) {
	f.Add(":AAAA:")
	f.Add("-----BEGIN%20CERTIFICATE-----")
	f.Fuzz(func(t *testing.T, value string) {
		if c, err := mtls.FromHeader(value); (c == nil) == (err == nil) {
			t.Errorf("%v %v", c, err)
		}
	})
}
