package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// flow is one thing that applications ask of the provider, again and again.
type flow struct {
	name   string
	client string
	mark   int // requests a second and core: the direction, 0 = none
	// begin makes a client ready and gives what it then repeats.
	begin func(ctx context.Context, br *browser, p person) (func(context.Context) error, error)
}

func flows() []flow {
	return []flow{
		{"code + PKCE, RS256", clientID, 1000, beginSignIns},
		{"code + PKCE, ES256", ecClientID, 3000, beginSignIns},
		{"refresh, RS256", clientID, 1000, beginRefreshes},
		{"refresh, ES256", ecClientID, 3000, beginRefreshes},
		{"client credentials", clientID, 10_000, beginCredentials},
		{"introspection", clientID, 20_000, beginIntrospections},
		{"user-info", clientID, 20_000, beginUserInfos},
		{"discovery", clientID, 0, beginDiscoveries},
	}
}

func beginSignIns(_ context.Context, br *browser, p person) (func(context.Context) error, error) {
	return func(ctx context.Context) error {
		_, err := br.signIn(ctx, p)
		return err
	}, nil
}

func beginRefreshes(ctx context.Context, br *browser, p person) (func(context.Context) error, error) {
	t, err := br.signIn(ctx, p)
	return func(ctx context.Context) (err error) {
		if t, err = br.token(ctx, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {t.Refresh}}); err == nil && (t.ID == "" || t.Refresh == "") {
			err = errors.New("the answer has no ID token or no refresh token")
		}
		return err
	}, err
}

func beginCredentials(_ context.Context, br *browser, _ person) (func(context.Context) error, error) {
	return func(ctx context.Context) error {
		_, err := br.token(ctx, url.Values{"grant_type": {"client_credentials"}})
		return err
	}, nil
}

func beginIntrospections(ctx context.Context, br *browser, p person) (func(context.Context) error, error) {
	t, err := br.signIn(ctx, p)
	return func(ctx context.Context) error {
		body, err := br.post(ctx, "/oauth/introspect", url.Values{"token": {t.Access}})
		if err == nil && !bytes.Contains(body, []byte(`"active":true`)) {
			err = fmt.Errorf("the token is not active: %.200s", body)
		}
		return err
	}, err
}

func beginUserInfos(ctx context.Context, br *browser, p person) (func(context.Context) error, error) {
	t, err := br.signIn(ctx, p)
	return func(ctx context.Context) error {
		_, err := br.get(ctx, "/oauth/userinfo", t.Access)
		return err
	}, err
}

func beginDiscoveries(_ context.Context, br *browser, _ person) (func(context.Context) error, error) {
	return func(ctx context.Context) error {
		_, err := br.get(ctx, "/.well-known/openid-configuration", "")
		return err
	}, nil
}

// flowClients are how many ask at once.
const flowClients = 8

// flows measures each flow with a hub that Go's scheduler holds to one core. The
// clients have the others.
func (b *bench) flows(ctx context.Context) error {
	t := &table{}
	t.add("database", "flow", "requests/s", "p50", "p95", "p99", "hub CPU each", "a core of the hub")
	return b.onEach(ctx, t, func(name, about, database string) error { return b.flowsOn(ctx, t, name, about, database) })
}

func (b *bench) flowsOn(ctx context.Context, t *table, name, about, database string) (err error) {
	in, err := b.install(ctx, "flows "+name, database, clientYAML())
	if err != nil {
		return err
	}
	in.env = []string{"GOMAXPROCS=1"}
	people, err := in.seed(ctx)
	if err != nil {
		return fmt.Errorf("seed %s: %w", name, err)
	}
	hub, err := in.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hub.stop()) }()
	for _, f := range flows() {
		if !strings.Contains(f.name, b.only) {
			continue
		}
		m, err := in.flow(ctx, hub, f, people)
		if err != nil {
			return fmt.Errorf("%s on %s: %w", f.name, name, err)
		}
		each := m.cpu / time.Duration(max(1, len(m.took)))
		t.add(about, f.name, fmt.Sprintf("%.0f", float64(len(m.took))/m.during.Seconds()),
			milliseconds(percentile(m.took, 50)), milliseconds(percentile(m.took, 95)), milliseconds(percentile(m.took, 99)),
			milliseconds(each), aCore(each, f.mark))
	}
	peak, err := memoryOf(hub.pid(), "VmHWM")
	if err == nil {
		t.add(about, fmt.Sprintf("peak memory of the hub: %d MB", peak>>20))
	}
	return err
}

// aCore is how many such requests a core of the hub would answer.
func aCore(each time.Duration, mark int) string {
	rate := fmt.Sprintf("%.0f/s", float64(time.Second)/float64(max(1, each)))
	if mark > 0 {
		rate += fmt.Sprintf(" (direction %d)", mark)
	}
	return rate
}

func (in *installation) flow(ctx context.Context, hub *process, f flow, people []person) (measured, error) {
	do := make([]func(context.Context) error, flowClients)
	for i := range do {
		br := newBrowser(in.url)
		defer br.close()
		br.client = f.client
		var err error
		if do[i], err = f.begin(ctx, br, people[i]); err != nil {
			return measured{}, err
		}
	}
	return in.measure(ctx, hub, flowClients, func(ctx context.Context, i, _ int) error { return do[i](ctx) })
}
