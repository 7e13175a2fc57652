package gitlab_test

import (
	"errors"
	"net/url"
	"testing"
	"time"

	"gatehouse"
)

func TestFresh(t *testing.T) {
	t.Parallel()
	g := withApp(t)
	c := connection(g)
	c.Args["scope"] = "read_user openid"
	d := door(t, c, env(t))
	a := attempt()
	a.Nonce, a.Fresh, a.CreatedAt = "nonce", true, time.Now()
	address, err := d.Provider.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil || u.Query().Get("max_age") != "60" || u.Query().Get("nonce") != "nonce" {
		t.Fatalf("does not ask again: %s, %v", address, err)
	}
	v, err := d.Provider.Finish(t.Context(), a, browse(t, g, address, "2"))
	if err != nil || v.Subject != "2" || v.Tokens.ID == "" || time.Since(v.AuthAt).Abs() > time.Minute {
		t.Errorf("%+v, %v", v, err)
	}
	for name, test := range map[string]struct {
		change func(*gatehouse.Attempt)
		kind   gatehouse.ErrorKind
	}{
		"SignedInBefore":       {func(a *gatehouse.Attempt) { a.CreatedAt = time.Now().Add(time.Hour) }, gatehouse.Forbidden},
		"OfAnotherSignIn":      {func(a *gatehouse.Attempt) { a.Nonce = "another" }, gatehouse.Upstream},
		"NotSaidWithoutOpenID": {nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := connection(g)
			if test.change != nil {
				c.Args["scope"] = "read_user openid"
			}
			d, a := door(t, c, env(t)), a
			address, err := d.Provider.Begin(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			answer := browse(t, g, address, "2")
			if test.change != nil {
				test.change(&a)
			}
			v, err := d.Provider.Finish(t.Context(), a, answer)
			switch {
			case test.kind == "" && (err != nil || v.Subject != "2" || !v.AuthAt.IsZero()):
				t.Errorf("%+v, %v", v, err)
			case test.kind != "" && !errors.Is(err, test.kind):
				t.Errorf("%+v, %v, want %s", v, err, test.kind)
			}
		})
	}
}
