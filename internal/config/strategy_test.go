package config

import "testing"

// TestProvidersOfOneKind: a gitlab.yml has several OpenID providers by
// strategy_class, and a public client has no secret.
func TestProvidersOfOneKind(t *testing.T) {
	t.Parallel()
	c, _, err := Parse("gatehouse.yml", []byte(`
url: https://id.example.com
omniauth:
  providers:
    - {name: openid_connect, args: {issuer: "https://a.example.com", client_options: {identifier: a, secret: "0123456789abcdef0123456789abcdef"}}}
    - name: openid_connect_2
      args: {strategy_class: "OmniAuth::Strategies::OpenIDConnect", issuer: "https://b.example.com", client_options: {identifier: b, secret: "0123456789abcdef0123456789abcdef"}}
    - {name: intranet, app_id: c, app_secret: "0123456789abcdef0123456789abcdef", args: {strategy_class: "OmniAuth::Strategies::OAuth2Generic"}}
    - {name: public, kind: openid, app_id: d, args: {issuer: "https://d.example.com", client_auth_method: none}}
    - {name: chosen, kind: openid, app_id: e, app_secret: "0123456789abcdef0123456789abcdef", args: {strategy_class: "OmniAuth::Strategies::OAuth2Generic"}}
`), func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"openid_connect": "openid_connect", "openid_connect_2": "openid_connect", "intranet": "oauth2_generic", "public": "openid", "chosen": "openid"}
	for _, connection := range c.Connections() {
		if connection.Kind != want[connection.Name] {
			t.Errorf("%s is of the kind %s, want %s", connection.Name, connection.Kind, want[connection.Name])
		}
	}
}
