package apps

import (
	"errors"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// idp is a kind with a form: an address, a choice, and a secret that is needed.
func (o *office) idp() {
	site := func(c gatehouse.Connection) string {
		options, _ := c.Args["client_options"].(map[string]any)
		s, _ := options["site"].(string)
		return s
	}
	o.Kinds = append(o.Kinds, integration.Kind{
		Name: "idp", Title: "Provider",
		Form: integration.Form{Scopes: "read", Fields: []integration.Field{
			{Arg: "client_options.site", Label: "URL", Type: integration.URLField, Required: true},
			{Arg: "mood", Type: integration.ChoiceField, Choices: []integration.Choice{{Value: "good"}, {Value: "fine"}, {Value: "bad"}}},
		}},
		ConnectionHosts: func(c gatehouse.Connection) []string { return []string{site(c)} },
		OpenConnection: func(c gatehouse.Connection, _ integration.Env) (integration.Door, error) {
			if c.AppSecret == "" {
				return integration.Door{}, gatehouse.Errorf(gatehouse.Invalid, "The setting %s is missing.", "app_secret")
			}
			if c.Args["mood"] == "bad" {
				return integration.Door{}, gatehouse.Errorf(gatehouse.Invalid, "The setting %s is bad.", "args.mood")
			}
			o.sites = append(o.sites, c.AppID+" at "+site(c))
			return integration.Door{Provider: o.fake}, nil
		},
	})
}

func admin() gatehouse.Actor {
	return gatehouse.Actor{Kind: gatehouse.ActorUser, ID: "u", Name: "root", Address: "192.0.2.1"}
}

func good() gatehouse.Connection {
	return gatehouse.Connection{
		Name: "mine", Kind: "idp", Enabled: true, AppID: "id", AppSecret: secret,
		Args: map[string]any{"client_options": map[string]any{"site": "https://idp.example"}},
	}
}

// save saves and gives what was wrong, by field.
func (o *office) save(c gatehouse.Connection) (gatehouse.Connection, error) {
	o.t.Helper()
	var saved gatehouse.Connection
	err := o.Store.Update(o.t.Context(), func(tx *store.Tx) (err error) {
		saved, err = o.SaveConnection(tx, admin(), c)
		return err
	})
	return saved, err
}

func (o *office) must(c gatehouse.Connection) gatehouse.Connection {
	o.t.Helper()
	saved, err := o.save(c)
	if err != nil {
		o.t.Fatal(err)
	}
	return saved
}

// events are the actions of the audit log with the fields they name.
func (o *office) events() []string {
	o.t.Helper()
	var all []string
	o.update(func(tx *store.Tx) error {
		page, err := tx.Events(store.EventFilter{}, store.Cursor{})
		all = nil
		for _, e := range slices.Backward(page.Items) {
			if e.Actor.Name != "root" || e.Actor.Address != "192.0.2.1" {
				o.t.Errorf("by %+v", e.Actor)
			}
			for _, v := range e.Details {
				if strings.Contains(v, secret) || strings.Contains(v, "idp.example") {
					o.t.Errorf("a value is in the log: %v", e.Details)
				}
			}
			all = append(all, strings.TrimSpace(e.Action+" "+e.Details["fields"]))
		}
		return err
	})
	return all
}

func TestSaveConnection(t *testing.T) {
	t.Parallel()
	t.Run("KeepsWhatIsRightAndTellsWhatChanged", func(t *testing.T) {
		t.Parallel()
		storetest.Each(t, func(t *testing.T, s *store.Store) {
			o := newOffice(t, s)
			o.idp()
			c := o.must(good())
			if c.ID == "" || c.Label != "Provider" || c.Managed != gatehouse.ManagedByDashboard {
				t.Errorf("saved %+v", c)
			}
			same := o.must(c)
			if !same.UpdatedAt.Equal(c.UpdatedAt) {
				t.Error("nothing was changed, and yet it was written")
			}
			c.AppSecret, c.Label, c.Enabled, c.Rules.TrustedDomains = "", "Other", false, []string{"example.com"}
			c = o.must(c)
			o.update(func(tx *store.Tx) error {
				kept, err := tx.Connection(c.ID)
				if kept.AppSecret != secret || kept.Label != "Other" || kept.Enabled {
					t.Errorf("kept %+v", kept)
				}
				return err
			})
			c.AppSecret, c.Enabled = "another secret", true
			o.must(c)
			want := []string{
				"connection.created", "connection.changed label, rules.trusted_domains", "connection.disabled",
				"connection.changed app_secret", "connection.enabled",
			}
			if diff := cmp.Diff(want, o.events()); diff != "" {
				t.Errorf("audit log (-want +got):\n%s", diff)
			}
		})
	})
	t.Run("WhatIsWrongCanStillBeDisabled", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, storetest.Open(t))
		o.idp()
		c := o.must(good())
		c.Args["mood"] = "bad" // as when a newer build knows better
		o.update(func(tx *store.Tx) error { return tx.SaveConnection(&c) })
		c.AppSecret, c.Enabled = "", false
		if c = o.must(c); c.Enabled || c.AppSecret != secret {
			t.Errorf("became %+v", c)
		}
		c.Enabled = true
		if _, err := o.save(c); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("enabled again: %v", err)
		}
	})
	t.Run("NameAndKindNeverChange", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, storetest.Open(t))
		o.idp()
		c := o.must(good())
		c.Name, c.Kind, c.Label = "other", "gitlab", "x"
		if c = o.must(c); c.Name != "mine" || c.Kind != "idp" {
			t.Errorf("became %s of the kind %s", c.Name, c.Kind)
		}
	})
	t.Run("WhatSomebodyElseChangedIsAConflict", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, storetest.Open(t))
		o.idp()
		c := o.must(good())
		c.UpdatedAt = c.UpdatedAt.Add(-1)
		c.Label = "late"
		if _, err := o.save(c); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("%v", err)
		}
	})
	t.Run("TheFilesOwnIsAConflict", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t, storetest.Open(t))
		o.adopt(file())
		c, _, _, _ := o.rows()
		c.Label = "mine now"
		_, err := o.save(c)
		if !errors.Is(err, gatehouse.Conflict) || !strings.Contains(err.Error(), "configuration file") {
			t.Errorf("%v", err)
		}
		err = o.Store.Update(t.Context(), func(tx *store.Tx) error { return o.RemoveConnection(tx, admin(), c.ID, c.UpdatedAt) })
		if !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("removed: %v", err)
		}
	})
}

// wrongFields are the fields of Problems.
func wrongFields(t *testing.T, err error) []string {
	t.Helper()
	var p Problems
	if !errors.As(err, &p) {
		t.Errorf("got %v, want Problems", err)
	}
	var all []string
	for _, one := range p {
		all = append(all, one.Field)
	}
	return all
}

func TestSaveConnectionNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	site := func(s string) map[string]any { return map[string]any{"client_options": map[string]any{"site": s}} }
	for name, tt := range map[string]struct {
		spoil func(*gatehouse.Connection)
		want  []string
	}{
		"Name":            {func(c *gatehouse.Connection) { c.Name = "Mine!" }, []string{"name"}},
		"NoName":          {func(c *gatehouse.Connection) { c.Name = "" }, []string{"name"}},
		"ReservedName":    {func(c *gatehouse.Connection) { c.Name = "confirm" }, []string{"name"}},
		"TakenName":       {func(c *gatehouse.Connection) { c.Name = "taken" }, []string{"name"}},
		"Kind":            {func(c *gatehouse.Connection) { c.Kind = "myspace" }, []string{"kind"}},
		"KindWithoutDoor": {func(c *gatehouse.Connection) { c.Kind = "shut" }, []string{"kind"}},
		"Label":           {func(c *gatehouse.Connection) { c.Label = strings.Repeat("x", 101) }, []string{"label"}},
		"LabelOfLines":    {func(c *gatehouse.Connection) { c.Label = "a\nb" }, []string{"label"}},
		"Icon":            {func(c *gatehouse.Connection) { c.Icon = "javascript:alert(1)" }, []string{"icon"}},
		"NoClientID":      {func(c *gatehouse.Connection) { c.AppID = " " }, []string{"app_id"}},
		"NoSecret":        {func(c *gatehouse.Connection) { c.AppSecret = "" }, []string{"app_secret"}},
		"LongSecret":      {func(c *gatehouse.Connection) { c.AppSecret = strings.Repeat("x", 17<<10) }, []string{"app_secret"}},
		"NoSite":          {func(c *gatehouse.Connection) { c.Args = nil }, []string{"args.client_options.site"}},
		"Site":            {func(c *gatehouse.Connection) { c.Args = site("ftp://x") }, []string{"args.client_options.site"}},
		"SiteWithUser":    {func(c *gatehouse.Connection) { c.Args = site("https://me:pw@x.example") }, []string{"args.client_options.site"}},
		"KindsOwnNo":      {func(c *gatehouse.Connection) { c.Args["mood"] = "bad" }, []string{"args.mood"}},
		"Choice":          {func(c *gatehouse.Connection) { c.Args["mood"] = "odd" }, []string{"args.mood"}},
		"SecretInArgs":    {func(c *gatehouse.Connection) { c.Args["more"] = map[string]any{"jwt_secret": "x"} }, []string{"args"}},
		"KeyInArgs":       {func(c *gatehouse.Connection) { c.Args["more"] = "-----BEGIN PRIVATE KEY-----" }, []string{"args"}},
		"LongArgs":        {func(c *gatehouse.Connection) { c.Args["more"] = strings.Repeat("x", 33<<10) }, []string{"args"}},
		"Domain":          {func(c *gatehouse.Connection) { c.Rules.TrustedDomains = []string{"example.com", "*"} }, []string{"rules.trusted_domains"}},
		"Attribute":       {func(c *gatehouse.Connection) { c.Rules.SyncProfileAttributes = []string{"role"} }, []string{"rules.sync_profile_attributes"}},
		"BuiltIn":         {func(c *gatehouse.Connection) { c.BuiltIn = true }, []string{"built_in"}},
		"SeveralAtOnce":   {func(c *gatehouse.Connection) { c.Name, c.AppID, c.Icon = "", "", "?" }, []string{"name", "icon", "app_id"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t, storetest.Open(t))
			o.idp()
			taken := good()
			taken.Name = "taken"
			o.must(taken)
			c := good()
			tt.spoil(&c)
			_, err := o.save(c)
			if diff := cmp.Diff(tt.want, wrongFields(t, err)); diff != "" {
				t.Errorf("fields (-want +got):\n%s", diff)
			}
			if k := gatehouse.KindOf(err); k != gatehouse.Invalid && k != gatehouse.Conflict || strings.Contains(err.Error(), secret) {
				t.Errorf("%v", err)
			}
			o.update(func(tx *store.Tx) error {
				if all, err := tx.Connections(); len(all) != 1 || err != nil {
					t.Errorf("%d connections, %v", len(all), err)
				}
				return nil
			})
		})
	}
}

// TestG6SecretStaysWhereItWasEnteredFor: whoever may change an address, but does
// not know the secret, cannot have it sent to themselves.
func TestG6SecretStaysWhereItWasEnteredFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t, storetest.Open(t))
	o.idp()
	c := o.must(good())
	for _, site := range []string{"https://evil.example", "http://idp.example", "https://idp.example:8443"} {
		moved := c
		moved.AppSecret, moved.Args = "", map[string]any{"client_options": map[string]any{"site": site}}
		_, err := o.save(moved)
		if diff := cmp.Diff([]string{"app_secret"}, wrongFields(t, err)); diff != "" {
			t.Errorf("%s: %s", site, diff)
		}
		moved.AppSecret = secret
		if _, err := o.save(moved); err != nil {
			t.Errorf("%s with the secret: %v", site, err)
		}
		o.update(func(tx *store.Tx) (err error) {
			c, err = tx.Connection(c.ID)
			return err
		})
	}
}

func TestBuiltInCredentials(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		o.idp()
		var registered []string
		o.URL = "https://id.example"
		o.BuiltIn = map[string]BuiltIn{"idp": {
			AppID: "twin-id", AppSecret: "twin-secret", Args: map[string]any{"client_options": map[string]any{"site": "http://127.0.0.1:1"}},
			Register: func(uri string) error {
				registered = append(registered, uri)
				return nil
			},
		}}
		c := good()
		c.BuiltIn, c.Args = true, map[string]any{"scope": []any{"x"}}
		c = o.must(c)
		if c.AppID != "" || c.AppSecret != "" {
			t.Errorf("credentials were kept: %+v", c)
		}
		if _, _, err := o.Door(t.Context(), c.ID); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(o.sites, "twin-id at http://127.0.0.1:1") || !slices.Contains(registered, "https://id.example/users/auth/mine/callback") {
			t.Errorf("opened %q, registered %q", o.sites, registered)
		}
		elsewhere := newOffice(t, s) // the database of development, in production
		elsewhere.idp()
		if _, _, err := elsewhere.Door(t.Context(), c.ID); !errors.Is(err, gatehouse.Invalid) {
			t.Errorf("without stand-ins: %v", err)
		}
		c.BuiltIn, c.AppID = false, "mine"
		_, err := o.save(c)
		if diff := cmp.Diff([]string{"args.client_options.site"}, wrongFields(t, err)); diff != "" {
			t.Errorf("custom credentials that are not there: %s", diff)
		}
	})
}

func TestRemoveConnection(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		o.idp()
		c := o.must(good())
		remove := func() error {
			return s.Update(t.Context(), func(tx *store.Tx) error { return o.RemoveConnection(tx, admin(), c.ID, c.UpdatedAt) })
		}
		var user gatehouse.User
		identity := gatehouse.Identity{ConnectionID: c.ID, Subject: "1"}
		o.update(func(tx *store.Tx) error {
			user = gatehouse.User{Username: "a", State: gatehouse.UserActive}
			if err := tx.SaveUser(&user); err != nil {
				return err
			}
			identity.ID, identity.UserID = "", user.ID
			return tx.SaveIdentity(&identity)
		})
		if err := remove(); !errors.Is(err, gatehouse.Conflict) || !strings.Contains(err.Error(), "(1)") || !strings.Contains(err.Error(), "Disable it") {
			t.Errorf("with people: %v", err)
		}
		o.update(func(tx *store.Tx) error { return tx.DeleteIdentity(identity.ID) })
		c.UpdatedAt = c.UpdatedAt.Add(-1)
		if err := remove(); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("an older state: %v", err)
		}
		c.UpdatedAt = c.UpdatedAt.Add(1)
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		if err := remove(); !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("a second time: %v", err)
		}
		if diff := cmp.Diff([]string{"connection.created", "connection.deleted"}, o.events()); diff != "" {
			t.Errorf("audit log (-want +got):\n%s", diff)
		}
	})
}

func TestNewConnectionHasAFreeName(t *testing.T) {
	t.Parallel()
	o := newOffice(t, storetest.Open(t))
	o.idp()
	for _, want := range []string{"idp", "idp-2", "idp-3"} {
		var c gatehouse.Connection
		o.update(func(tx *store.Tx) (err error) {
			c, err = o.NewConnection(tx, "idp")
			return err
		})
		if c.Name != want || c.Rules.NewPeople() != gatehouse.NewPeoplePending || !c.Enabled {
			t.Errorf("got %+v, want %s", c, want)
		}
		c.AppID, c.AppSecret, c.Args = "id", secret, good().Args
		o.must(c)
	}
	err := o.Store.View(t.Context(), func(tx *store.Tx) error {
		_, err := o.NewConnection(tx, "myspace")
		return err
	})
	if !errors.Is(err, gatehouse.Invalid) {
		t.Errorf("unknown kind: %v", err)
	}
}

func TestH9PrivateAddressIsToldWithTheLineThatPermitsIt(t *testing.T) {
	t.Parallel()
	o := newOffice(t, storetest.Open(t))
	o.idp()
	c := good()
	c.Args["client_options"] = map[string]any{"site": "https://10.1.2.3/"}
	err := o.CheckAddresses(t.Context(), c)
	if diff := cmp.Diff([]string{"args.client_options.site"}, wrongFields(t, err)); diff != "" || !strings.Contains(err.Error(), `outgoing: {allow: ["10.1.2.3/32"]}`) {
		t.Errorf("%v %s", err, diff)
	}
	c.Args["client_options"] = map[string]any{"site": (&url.URL{Scheme: "https", Host: "nowhere.invalid"}).String()}
	if err := o.CheckAddresses(t.Context(), c); err != nil {
		t.Errorf("a name that is not found: %v", err)
	}
}

func TestDoorToTestOpensWhatIsDisabled(t *testing.T) {
	t.Parallel()
	o := newOffice(t, storetest.Open(t))
	o.idp()
	c := good()
	c.Enabled = false
	o.must(c)
	if _, _, err := o.DoorByName(t.Context(), "mine"); !errors.Is(err, gatehouse.Forbidden) {
		t.Errorf("to sign in: %v", err)
	}
	if _, d, err := o.DoorToTest(t.Context(), "mine"); err != nil || d.Provider == nil {
		t.Errorf("to test: %v", err)
	}
}
