package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"strings"
	"time"
)

// federated measures sign-ins through a GitLab and back: POST /sign-in/gitlab,
// the stand-in's answer, the callback. The hub asks the stand-in for the token
// and the person, decides, and starts a session: three durable writes. The
// stand-in is another process and the browsers a third; what the hub itself
// takes is its processor time for each, whose inverse is what one core would do.
func (b *bench) federated(ctx context.Context) error {
	t := &table{}
	t.add("database", "browsers", "sign-ins/s", "p50", "p95", "p99", "hub CPU each", "a core of the hub")
	return b.onEach(ctx, t, func(name, about, database string) error { return b.federatedOn(ctx, t, name, about, database) })
}

// leastFederated is the direction: sign-ins a second and core of the hub.
const leastFederated = 500

func (b *bench) federatedOn(ctx context.Context, t *table, name, about, database string) (err error) {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	gitlab, err := launch(ctx, nil, self, childTwin)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, gitlab.stop()) }()
	in, err := b.install(ctx, "federated "+name, database, federatedYAML(gitlab.address))
	if err != nil {
		return err
	}
	hub, err := in.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hub.stop()) }()
	if err := register(ctx, gitlab.address, in.url+"/users/auth/gitlab/callback"); err != nil {
		return err
	}
	for _, n := range clients() {
		m, err := in.loadFederated(ctx, hub, gitlab.address, n)
		if err != nil {
			return fmt.Errorf("%d browsers on %s: %w (%s)", n, name, err, hub.errors)
		}
		each := m.cpu / time.Duration(max(1, len(m.took)))
		t.add(about, fmt.Sprint(n), fmt.Sprintf("%.0f", float64(len(m.took))/m.during.Seconds()),
			milliseconds(percentile(m.took, 50)), milliseconds(percentile(m.took, 95)), milliseconds(percentile(m.took, 99)),
			milliseconds(each), aCore(each, leastFederated))
	}
	return nil
}

// federatedYAML lets everybody of the GitLab in. The browsers say other
// addresses as theirs, since one address may not begin so many sign-ins.
func federatedYAML(gitlab string) string {
	return fmt.Sprintf("trusted_proxies: [127.0.0.1]\nomniauth:\n  allow_single_sign_on: true\n  block_auto_created_users: false\n  providers:\n"+
		"    - {name: gitlab, app_id: %q, app_secret: %q, args: {scope: read_user, client_options: {site: %q}}}\n", gitlabApp, gitlabAppSecret, gitlab)
}

func register(ctx context.Context, gitlab, callback string) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, gitlab+callbackPath+"?callback="+url.QueryEscape(callback), nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return fmt.Errorf("register at the stand-in: %w", err)
	}
	return resp.Body.Close()
}

// visitor is a browser that is signed in at the stand-in, each as somebody else.
type visitor struct {
	hub, gitlab string
	here        *browser     // at the hub, without cookies of before
	there       *http.Client // at the stand-in
	number      int
	signIns     int
}

func newVisitor(ctx context.Context, hub, gitlab string, number int) (*visitor, error) {
	jar, err := cookiejar.New(nil)
	if err != nil {
		return nil, err
	}
	b := newBrowser(hub)
	v := &visitor{hub: hub, gitlab: gitlab, here: b, number: number, there: &http.Client{
		Timeout: 30 * time.Second, Jar: jar, Transport: b.http.Transport, CheckRedirect: b.http.CheckRedirect,
	}}
	_, err = v.send(ctx, v.there, http.MethodPost, gitlab+"/users/sign_in", "", url.Values{"user_id": {fmt.Sprint(2 + number)}}) //nolint:bodyclose // send closes it
	return v, err
}

// signIn goes through the stand-in and back with a browser that the hub has
// never seen, and ends with a session.
func (v *visitor) signIn(ctx context.Context) error {
	v.signIns++
	begun, err := v.send(ctx, v.here.http, http.MethodPost, v.hub+"/sign-in/gitlab", "", url.Values{}) //nolint:bodyclose // send closes it
	if err != nil {
		return err
	}
	answered, err := v.send(ctx, v.there, http.MethodGet, begun.Header.Get("Location"), "", nil) //nolint:bodyclose // send closes it
	if err != nil {
		return err
	}
	ended, err := v.send(ctx, v.here.http, http.MethodGet, answered.Header.Get("Location"), cookies(begun), nil) //nolint:bodyclose // send closes it
	if err != nil {
		return err
	}
	if to := ended.Header.Get("Location"); to != "/user" || !strings.Contains(cookies(ended), "gatehouse_session=") {
		return fmt.Errorf("the callback led to %q without a session", to)
	}
	return nil
}

// send expects a redirect.
func (v *visitor) send(ctx context.Context, c *http.Client, method, address, cookie string, form url.Values) (*http.Response, error) {
	r, err := http.NewRequestWithContext(ctx, method, address, strings.NewReader(form.Encode()))
	if err != nil {
		return nil, err
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	if cookie != "" {
		r.Header.Set("Cookie", cookie)
	}
	r.Header.Set("X-Forwarded-For", fmt.Sprintf("10.%d.%d.%d", v.number, v.signIns>>8&255, v.signIns&255))
	resp, err := c.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 3 {
		return nil, fmt.Errorf("%s answers %d", r.URL.Path, resp.StatusCode)
	}
	return resp, nil
}

func cookies(r *http.Response) string {
	var all []string
	for _, c := range r.Cookies() {
		all = append(all, c.Name+"="+c.Value)
	}
	return strings.Join(all, "; ")
}

// loadFederated lets n browsers sign in, first unmeasured, then measured.
func (in *installation) loadFederated(ctx context.Context, hub *process, gitlab string, n int) (measured, error) {
	visitors := make([]*visitor, n)
	for i := range visitors {
		v, err := newVisitor(ctx, in.url, gitlab, i)
		if err != nil {
			return measured{}, err
		}
		visitors[i] = v
		defer v.here.close()
	}
	return in.measure(ctx, hub, n, func(ctx context.Context, i, _ int) error { return visitors[i].signIn(ctx) })
}
