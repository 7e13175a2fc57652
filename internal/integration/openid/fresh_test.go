package openid_test

import (
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"testing"
	"time"

	"gatehouse"
	twin "gatehouse/internal/twin/openid"
)

// visit opens the provider's address in a browser and, where a page is shown,
// picks the person there. asked says whether one was.
func visit(t *testing.T, b *http.Client, address, sub string) (answer url.Values, asked bool) {
	t.Helper()
	resp, err := b.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if asked = resp.StatusCode == http.StatusOK; asked {
		if resp, err = b.PostForm(address, url.Values{"sub": {sub}, "consent": {"agree"}}); err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
	}
	to, err := resp.Location()
	if err != nil {
		t.Fatalf("the provider answered %d instead of sending the browser back", resp.StatusCode)
	}
	return to.Query(), asked
}

func newBrowser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

func TestFresh_AsksThePersonAgain(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	d, b := c.open(t), newBrowser(t)
	for i, test := range []struct{ fresh, asked bool }{{false, true}, {false, false}, {true, true}} {
		c.clock.add(5 * time.Minute)
		a := attempt()
		a.Fresh, a.CreatedAt = test.fresh, c.clock.Now()
		address, err := d.Provider.Begin(t.Context(), a)
		if err != nil {
			t.Fatal(err)
		}
		answer, asked := visit(t, b, address, twin.DemoSub("nora"))
		if asked != test.asked {
			t.Errorf("sign-in %d: a page was shown is %v, want %v (%s)", i, asked, test.asked, address)
		}
		v, err := d.Provider.Finish(t.Context(), a, answer)
		if err != nil || v.Subject != twin.DemoSub("nora") || v.Tokens.ID == "" {
			t.Fatalf("sign-in %d: %+v, %v", i, v, err)
		}
		if recent := v.AuthAt.Equal(c.clock.Now().Truncate(time.Second)); recent != test.asked {
			t.Errorf("sign-in %d: signed in there at %s, now is %s", i, v.AuthAt, c.clock.Now())
		}
	}
}

// TestFresh_IsChecked: a provider that takes no notice of it, or a person who
// edits the address, gets nobody through.
func TestFresh_IsChecked(t *testing.T) {
	t.Parallel()
	c := start(t, nil)
	d, b := c.open(t), newBrowser(t)
	a := attempt()
	address, err := d.Provider.Begin(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	visit(t, b, address, twin.DemoSub("nora"))
	c.clock.add(5 * time.Minute)
	a.Fresh, a.CreatedAt = true, c.clock.Now()
	answer, asked := visit(t, b, address, twin.DemoSub("nora")) // without prompt and max_age
	if asked {
		t.Fatal("the twin asked, and this test proves nothing")
	}
	v, err := d.Provider.Finish(t.Context(), a, answer)
	refused(t, v, err, gatehouse.Forbidden)
}
