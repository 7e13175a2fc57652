package apps

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/outgoing"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// fake is a provider and a source that do what a test says.
type fake struct {
	begin  func(context.Context, gatehouse.Attempt) (string, error)
	finish func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error)
	pull   func(yield func(integration.Page, error) bool)
	probe  func(context.Context) (integration.Probe, error)
}

func (f *fake) Begin(ctx context.Context, a gatehouse.Attempt) (string, error) {
	return f.begin(ctx, a)
}

func (f *fake) Finish(ctx context.Context, a gatehouse.Attempt, v url.Values) (gatehouse.Vouched, error) {
	return f.finish(ctx, a, v)
}

func (f *fake) Probe(ctx context.Context) (integration.Probe, error) { return f.probe(ctx) }

func (f *fake) Pull(context.Context, integration.Checkpoint) iter.Seq2[integration.Page, error] {
	return f.pull
}

func (f *fake) Account(context.Context, string) (gatehouse.Account, []gatehouse.Grant, error) {
	return gatehouse.Account{ID: "a"}, nil, nil
}

// counted remembers what was measured.
type counted struct {
	gatehouse.NoMetrics
	mu  sync.Mutex
	all []string
}

func (c *counted) Observe(name string, _ time.Duration, labels ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all = append(c.all, name+" "+strings.Join(labels, " "))
}

// office is an Apps with one kind on a database of its own.
type office struct {
	*Apps
	t       *testing.T
	fake    *fake
	metrics *counted
	out     *bytes.Buffer
	opened  int
	sites   []string // where the kind idp was opened
}

const secret = "s3cret/with+odd chars"

func newOffice(t *testing.T, s *store.Store) *office {
	t.Helper()
	maker, err := outgoing.New(outgoing.Options{})
	if err != nil {
		t.Fatal(err)
	}
	o := &office{t: t, fake: &fake{}, metrics: &counted{}, out: &bytes.Buffer{}}
	o.Apps = &Apps{
		Store: s, Outgoing: maker, Metrics: o.metrics, Log: slog.New(slog.NewTextHandler(o.out, nil)),
		Kinds: []integration.Kind{
			{
				Name: "gitlab", Title: "GitLab",
				OpenConnection: func(c gatehouse.Connection, env integration.Env) (integration.Door, error) {
					o.opened++
					if env.HTTP == nil || env.Log == nil {
						t.Error("the environment is not complete")
					}
					switch c.Args["mood"] {
					case "bad":
						return integration.Door{}, gatehouse.Errorf(gatehouse.Invalid, "args.mood of %s is bad.", c.Name)
					case "panic":
						panic("the mood is " + c.AppSecret)
					}
					return integration.Door{Provider: o.fake}, nil
				},
				OpenConnector: func(c gatehouse.Connector, _ integration.Env) (integration.Connected, error) {
					o.opened++
					return integration.Connected{Source: o.fake}, nil
				},
			},
			{Name: "shut", Title: "Has no doors"},
		},
	}
	return o
}

func (o *office) update(fn func(*store.Tx) error) {
	o.t.Helper()
	if err := o.Store.Update(o.t.Context(), fn); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) connection() gatehouse.Connection {
	o.t.Helper()
	c := gatehouse.Connection{Name: "gitlab", Kind: "gitlab", Label: "GitLab", Enabled: true, AppSecret: secret, Managed: gatehouse.ManagedByDashboard}
	o.update(func(tx *store.Tx) error { return tx.SaveConnection(&c) })
	return c
}

// provider is the wrapped provider of a new connection.
func (o *office) provider() integration.Provider {
	o.t.Helper()
	_, d, err := o.Door(o.t.Context(), o.connection().ID)
	if err != nil {
		o.t.Fatal(err)
	}
	return d.Provider
}

func TestDoor(t *testing.T) {
	t.Parallel()
	t.Run("IsKeptOpenUntilTheRowChanges", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			o := newOffice(t, s)
			c := o.connection()
			for range 3 {
				if _, d, err := o.Door(t.Context(), c.ID); err != nil || d.Provider == nil {
					t.Fatalf("door %+v: %v", d, err)
				}
			}
			if got, _, err := o.DoorByName(t.Context(), "gitlab"); err != nil || got.ID != c.ID || o.opened != 1 {
				t.Errorf("opened %d times, %v; want once", o.opened, err)
			}
			c.AppSecret = "another"
			o.update(func(tx *store.Tx) error { return tx.SaveConnection(&c) })
			if _, _, err := o.Door(t.Context(), c.ID); err != nil || o.opened != 2 {
				t.Errorf("opened %d times, %v; want twice", o.opened, err)
			}
		})
	})
	t.Run("H7 DisabledIsShutAtOnce", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, storetest.Open(t))
		c := o.connection()
		if _, _, err := o.Door(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
		c.Enabled = false
		o.update(func(tx *store.Tx) error { return tx.SaveConnection(&c) })
		got, d, err := o.Door(t.Context(), c.ID)
		if !errors.Is(err, gatehouse.Forbidden) || d.Provider != nil || got.ID != c.ID {
			t.Errorf("got %v", err)
		}
	})
	t.Run("UnknownIsNotFound", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, storetest.Open(t))
		if _, _, err := o.Door(t.Context(), store.NewID()); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("by id: %v", err)
		}
		if _, _, err := o.DoorByName(t.Context(), "x'; --"); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("by name: %v", err)
		}
		if _, _, err := o.Connector(t.Context(), "x"); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("connector: %v", err)
		}
	})
	t.Run("WrongSettingsAreInvalid", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, storetest.Open(t))
		for name, c := range map[string]gatehouse.Connection{
			"bad":     {Kind: "gitlab", Args: map[string]any{"mood": "bad"}},
			"panic":   {Kind: "gitlab", Args: map[string]any{"mood": "panic"}, AppSecret: secret},
			"no-door": {Kind: "shut"},
			"unknown": {Kind: "myspace"},
		} {
			c.Name, c.Enabled = name, true
			o.update(func(tx *store.Tx) error { return tx.SaveConnection(&c) })
			_, _, err := o.Door(t.Context(), c.ID)
			if !errors.Is(err, gatehouse.Invalid) {
				t.Errorf("%s: %v, want Invalid", name, err)
			}
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: G7: the error has the secret: %v", name, err)
			}
		}
	})
}

func TestConnectorIsNotOpenedAnewForItsStatus(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		c := gatehouse.Connector{Key: "gitlab", Name: "GitLab", Kind: "gitlab", Token: secret, Enabled: true}
		o.update(func(tx *store.Tx) error { return tx.SaveConnector(&c) })
		for _, status := range []gatehouse.ConnectorStatus{gatehouse.ConnectorSyncing, gatehouse.ConnectorConnected} {
			o.update(func(tx *store.Tx) error { return tx.SetConnectorStatus(c.ID, status, gatehouse.Notef("text")) })
			got, d, err := o.Connector(t.Context(), c.ID)
			if err != nil || d.Source == nil || d.Target != nil || got.Status != status {
				t.Fatalf("%+v: %v", d, err)
			}
		}
		if o.opened != 1 {
			t.Errorf("opened %d times, want once", o.opened)
		}
	})
}

func TestProvider(t *testing.T) {
	t.Parallel()
	vouch := func(v gatehouse.Vouched, err error) func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
		return func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) { return v, err }
	}
	tests := map[string]struct {
		finish  func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error)
		want    gatehouse.ErrorKind
		outcome string
	}{
		"Vouches":           {vouch(gatehouse.Vouched{Subject: "7"}, nil), "", "ok"},
		"EmptySubject":      {vouch(gatehouse.Vouched{}, nil), gatehouse.Upstream, "upstream"},
		"RefusesThePerson":  {vouch(gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Forbidden, "Not you.")), gatehouse.Forbidden, "forbidden"},
		"ErrorWithoutAKind": {vouch(gatehouse.Vouched{Subject: "7"}, errors.New("unexpected end of JSON")), gatehouse.Upstream, "upstream"},
		"Panics": {func(context.Context, gatehouse.Attempt, url.Values) (gatehouse.Vouched, error) {
			panic("nil map with " + secret)
		}, gatehouse.Upstream, "upstream"},
		"DoesNotAnswer": {func(ctx context.Context, _ gatehouse.Attempt, _ url.Values) (gatehouse.Vouched, error) {
			<-ctx.Done()
			return gatehouse.Vouched{}, ctx.Err()
		}, gatehouse.Unavailable, "unavailable"},
		"ErrorWithTheSecretInAnAddress": {vouch(gatehouse.Vouched{}, &url.Error{Op: "Get", URL: "https://x/?appsecret=" + url.QueryEscape(secret), Err: errors.New("reset")}), gatehouse.Upstream, "upstream"},
		"SentenceWithTheSecret":         {vouch(gatehouse.Vouched{}, gatehouse.Errorf(gatehouse.Upstream, "It said %s.", secret)), gatehouse.Upstream, "upstream"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, storetest.Open(t))
			o.fake.finish = tt.finish
			p := o.provider()
			if name == "DoesNotAnswer" {
				p = provider{o.guard("gitlab", "GitLab", o.log(), nil), o.fake}
				p.(provider).g.limit = time.Millisecond
			}
			v, err := p.Finish(t.Context(), gatehouse.Attempt{}, nil)
			if gatehouse.KindOf(err) != tt.want || (err == nil) != (v.Subject == "7") {
				t.Errorf("got %+v, %v; want kind %q", v, err, tt.want)
			}
			for _, s := range []string{secret, url.QueryEscape(secret)} {
				if err != nil && strings.Contains(err.Error(), s) || strings.Contains(o.out.String(), s) {
					t.Errorf("G7: the secret is in %v or in the log:\n%s", err, o.out)
				}
			}
			want := "outside_call kind gitlab call finish outcome " + tt.outcome
			if len(o.metrics.all) != 1 || o.metrics.all[0] != want {
				t.Errorf("measured %q, want %q", o.metrics.all, want)
			}
		})
	}
	t.Run("BeginGivesAnAddress", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, storetest.Open(t))
		p := o.provider()
		for address, ok := range map[string]bool{"https://gitlab.example/oauth": true, "http://127.0.0.1:1/x": true, "": false, "/x": false, "javascript:alert(1)": false, "https://%zz": false} {
			o.fake.begin = func(context.Context, gatehouse.Attempt) (string, error) { return address, nil }
			got, err := p.Begin(t.Context(), gatehouse.Attempt{})
			if (err == nil) != ok || ok && got != address || !ok && !errors.Is(err, gatehouse.Upstream) {
				t.Errorf("%q: %q, %v", address, got, err)
			}
		}
	})
	t.Run("CallerWhoLeftIsNoFault", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, storetest.Open(t))
		p := o.provider()
		ctx, cancel := context.WithCancel(t.Context())
		o.fake.finish = func(ctx context.Context, _ gatehouse.Attempt, _ url.Values) (gatehouse.Vouched, error) {
			cancel()
			return gatehouse.Vouched{}, ctx.Err()
		}
		if _, err := p.Finish(ctx, gatehouse.Attempt{}, nil); !errors.Is(err, context.Canceled) || o.out.Len() != 0 {
			t.Errorf("got %v, log %q", err, o.out)
		}
	})
}

func TestSource(t *testing.T) {
	t.Parallel()
	source := func(t *testing.T) (*office, integration.Source) {
		o := newOffice(t, storetest.Open(t))
		return o, o.guard("gitlab", "GitLab", o.log(), []string{secret}).connected(integration.Connected{Source: o.fake}).Source
	}
	read := func(s integration.Source) (pages int, err error) {
		for _, e := range s.Pull(context.Background(), "") {
			if e != nil {
				return pages, e
			}
			pages++
		}
		return pages, nil
	}
	page := integration.Page{Step: "accounts"}
	t.Run("PassesPagesAndOneError", func(t *testing.T) {
		t.Parallel()
		o, s := source(t)
		o.fake.pull = func(yield func(integration.Page, error) bool) {
			for range 2 {
				yield(page, nil)
			}
			yield(integration.Page{}, errors.New("reset with "+secret))
		}
		n, err := read(s)
		if n != 2 || !errors.Is(err, gatehouse.Upstream) || strings.Contains(err.Error(), secret) {
			t.Errorf("%d pages, %v", n, err)
		}
	})
	t.Run("PanicIsTheLastError", func(t *testing.T) {
		t.Parallel()
		o, s := source(t)
		o.fake.pull = func(yield func(integration.Page, error) bool) {
			yield(page, nil)
			panic("index out of range")
		}
		if n, err := read(s); n != 1 || !errors.Is(err, gatehouse.Upstream) {
			t.Errorf("%d pages, %v", n, err)
		}
	})
	t.Run("StoppingStops", func(t *testing.T) {
		t.Parallel()
		o, s := source(t)
		after := false
		o.fake.pull = func(yield func(integration.Page, error) bool) {
			if yield(page, nil) {
				after = true
			}
		}
		for range s.Pull(t.Context(), "") {
			break
		}
		if after || len(o.metrics.all) != 1 {
			t.Errorf("went on: %t, measured %v", after, o.metrics.all)
		}
	})
	t.Run("PanicOfTheConsumerIsTheConsumers", func(t *testing.T) {
		t.Parallel()
		o, s := source(t)
		o.fake.pull = func(yield func(integration.Page, error) bool) { yield(page, nil) }
		defer func() {
			if p := recover(); p != "mine" {
				t.Errorf("recovered %v", p)
			}
		}()
		for range s.Pull(t.Context(), "") {
			panic("mine")
		}
	})
	t.Run("ProbeAndAccount", func(t *testing.T) {
		t.Parallel()
		o, s := source(t)
		o.fake.probe = func(context.Context) (integration.Probe, error) { panic("no") }
		if _, err := s.Probe(t.Context()); !errors.Is(err, gatehouse.Upstream) {
			t.Errorf("probe: %v", err)
		}
		if a, _, err := s.Account(t.Context(), "a"); err != nil || a.ID != "a" {
			t.Errorf("account: %v, %v", a, err)
		}
	})
}

func TestG7EnvLogWritesNoSecret(t *testing.T) {
	t.Parallel()
	o := newOffice(t, storetest.Open(t))
	log := o.env(outgoing.ClientOptions{}, o.log(), []string{secret, "abc"}).Log
	log = log.With("with", secret).WithGroup("g")
	log.Info("message "+secret, "text", secret, "error", errors.New("Get https://x/?s="+url.QueryEscape(secret)),
		slog.Group("inner", "deep", secret), "short", "abc", "number", 7, "any", []string{secret})
	got := o.out.String()
	if strings.Contains(got, secret) || strings.Contains(got, url.QueryEscape(secret)) || strings.Contains(got, "s3cret") {
		t.Errorf("the log has the secret: %s", got)
	}
	for _, want := range []string{"[redacted]", "g.short=abc", "g.number=7"} {
		if !strings.Contains(got, want) {
			t.Errorf("the log lacks %s: %s", want, got)
		}
	}
}
