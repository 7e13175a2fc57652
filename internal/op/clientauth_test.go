package op

import (
	"encoding/base64"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"gatehouse"
	"gatehouse/internal/op/wire"
)

func TestT8ClientAuthentication(t *testing.T) {
	t.Parallel()
	usual := gatehouse.Client{ID: "app", SecretHash: gatehouse.Digest("secret"), Enabled: true}
	with := func(change func(*gatehouse.Client)) gatehouse.Client {
		c := usual
		change(&c)
		return c
	}
	basicOnly := with(func(c *gatehouse.Client) { c.AuthMethod = gatehouse.AuthBasic })
	postOnly := with(func(c *gatehouse.Client) { c.AuthMethod = gatehouse.AuthPost })
	public := with(func(c *gatehouse.Client) { c.SecretHash = nil })
	none := with(func(c *gatehouse.Client) { c.AuthMethod = gatehouse.AuthNone })
	off := with(func(c *gatehouse.Client) { c.Enabled = false })
	body := func(secret string) wire.Params { return wire.Params{"client_id": "app", "client_secret": secret} }
	id := wire.Params{"client_id": "app"}
	for name, c := range map[string]struct {
		client gatehouse.Client
		basic  string // "id:secret", "" for no header
		form   wire.Params
		code   string // "" = it is the client
	}{
		"Basic":                  {usual, "app:secret", nil, ""},
		"BasicWithSameID":        {usual, "app:secret", id, ""},
		"Post":                   {usual, "", body("secret"), ""},
		"BasicWrong":             {usual, "app:wrong", nil, "invalid_client"},
		"PostWrong":              {usual, "", body("wrong"), "invalid_client"},
		"PostEmpty":              {usual, "", id, "invalid_client"},
		"BasicEmpty":             {usual, "app:", nil, "invalid_client"},
		"Nothing":                {usual, "", nil, "invalid_client"},
		"HashIsNoSecret":         {usual, "", body(string(gatehouse.Digest("secret"))), "invalid_client"},
		"TwoWays":                {usual, "app:secret", body("secret"), "invalid_request"},
		"TwoClients":             {usual, "app:secret", wire.Params{"client_id": "other"}, "invalid_request"},
		"Assertion":              {usual, "", wire.Params{"client_id": "app", "client_assertion": "x"}, "invalid_client"},
		"BasicOnlyByBasic":       {basicOnly, "app:secret", nil, ""},
		"BasicOnlyByPost":        {basicOnly, "", body("secret"), "invalid_client"},
		"PostOnlyByPost":         {postOnly, "", body("secret"), ""},
		"PostOnlyByBasic":        {postOnly, "app:secret", nil, "invalid_client"},
		"PublicByID":             {public, "", id, ""},
		"PublicByEmptyBasic":     {public, "app:", nil, ""},
		"PublicWithSecret":       {public, "", body("secret"), "invalid_client"},
		"NoneIgnoresOldSecret":   {none, "", body("secret"), "invalid_client"},
		"NoneByID":               {none, "", id, ""},
		"Disabled":               {off, "app:secret", nil, "invalid_client"},
		"IDThatCannotBe":         {usual, "", wire.Params{"client_id": "a\x00pp", "client_secret": "secret"}, "invalid_client"},
		"HeaderThatCannotBeRead": {usual, "no colon", nil, "invalid_client"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequest(http.MethodPost, "/oauth/token", nil)
			if c.basic != "" {
				r.Header.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte(c.basic)))
			}
			pr, err := present(r, c.form)
			if err == nil && (pr.id != "app" || !authentic(c.client, pr)) {
				err = wire.InvalidClient()
			}
			var e *wire.Error
			if got := errors.As(err, &e); got != (c.code != "") || got && e.Code != c.code {
				t.Errorf("got %v, want %q", err, c.code)
			}
		})
	}
}
