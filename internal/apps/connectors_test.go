package apps

import (
	"context"
	"errors"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/integration"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

// directory is an app that can be read, and offers groups to choose.
type directory struct {
	probe integration.Probe
	err   error
	asked []string
}

func (d *directory) Probe(context.Context) (integration.Probe, error) {
	d.asked = append(d.asked, "probe")
	return d.probe, d.err
}

func (d *directory) Pull(context.Context, integration.Checkpoint) iter.Seq2[integration.Page, error] {
	return func(func(integration.Page, error) bool) {}
}

func (d *directory) Account(context.Context, string) (gatehouse.Account, []gatehouse.Grant, error) {
	return gatehouse.Account{}, nil, gatehouse.NotFound
}

func (d *directory) Choose(_ context.Context, field, search string) ([]integration.Choice, error) {
	d.asked = append(d.asked, field+" "+search)
	return []integration.Choice{{Value: "eng", Label: "Engineering"}, {Value: "eng/core", Label: "Core"}}, nil
}

// keep adds a kind of connectors with every type of field.
func (o *office) keep() *directory {
	d := &directory{probe: integration.Probe{Version: "1", Actor: "root", Admin: true, ExpiresAt: "2030-01-01"}}
	o.Clock = func() time.Time { return time.Now().Truncate(time.Millisecond) }
	o.URL = "https://id.example.com"
	o.Kinds = append(o.Kinds, integration.Kind{
		Name: "directory", Title: "Directory",
		ConnectorHosts: func(c gatehouse.Connector) []string { return []string{c.URL} },
		ConnectorForm: integration.ConnectorForm{
			Summary: "People.", URL: integration.Field{Label: "URL", Required: true}, Token: integration.Field{Label: "Token", Required: true},
			Fields: []integration.Field{
				{Arg: "group", Label: "Group", Type: integration.PickField},
				{Arg: "mode", Label: "Mode", Type: integration.ChoiceField, Choices: []integration.Choice{{Value: "stream"}, {Value: "callback"}}},
				{Arg: "deep", Label: "Deep", Type: integration.FlagField, Usual: "true"},
				{Arg: "aes_key", Label: "Key", Type: integration.SecretField},
			},
		},
		OpenConnector: func(c gatehouse.Connector, _ integration.Env) (integration.Connected, error) {
			if c.Token == "bad" {
				return integration.Connected{}, gatehouse.Errorf(gatehouse.Invalid, "The setting %s is bad.", "personal_access_token")
			}
			return integration.Connected{Source: d, Chooser: d}, nil
		},
	})
	return d
}

func entered() gatehouse.Connector {
	return gatehouse.Connector{
		Key: "people", Kind: "directory", Name: "People", URL: "https://9.9.9.7", Token: secret,
		Settings: map[string]string{"group": "eng"}, Secrets: map[string]string{"aes_key": "hidden-aes"}, Owners: []string{"Ann@Example.com", ""},
	}
}

// put tries a connector and saves it.
func (o *office) put(c gatehouse.Connector) (saved gatehouse.Connector, err error) {
	o.t.Helper()
	if c.Seen, err = o.TryConnector(o.t.Context(), c); err != nil {
		return c, err
	}
	err = o.Store.Update(o.t.Context(), func(tx *store.Tx) error {
		saved, err = o.SaveConnector(tx, admin(), c)
		return err
	})
	return saved, err
}

func TestSaveConnector(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		d := o.keep()
		made, err := o.put(entered())
		if err != nil {
			t.Fatal(err)
		}
		if made.Managed != gatehouse.ManagedByDashboard || !made.Enabled || made.Seen.Actor != "root" || made.Status != gatehouse.ConnectorNotConfigured {
			t.Errorf("made %+v", made)
		}
		if diff := cmp.Diff([]string{"ann@example.com"}, made.Owners); diff != "" {
			t.Error(diff)
		}
		t.Run("WhatIsNotEnteredIsKept", func(t *testing.T) {
			change := made
			change.Token, change.Secrets, change.Settings = "", nil, map[string]string{"group": "eng", "deep": "true", "mode": ""}
			change.Name, change.Schedule, change.TimeZone = "Folk", "0 3 * * *", "Asia/Shanghai"
			change.Key, change.Kind, change.HookSecret = "other", "gitlab", "x"
			change.Seen = gatehouse.Sighting{}
			var saved gatehouse.Connector
			o.update(func(tx *store.Tx) (err error) {
				saved, err = o.SaveConnector(tx, admin(), change)
				return err
			})
			want := made
			want.Name, want.Schedule, want.TimeZone, want.UpdatedAt = "Folk", "0 3 * * *", "Asia/Shanghai", saved.UpdatedAt
			if diff := cmp.Diff(want, saved); diff != "" {
				t.Error(diff)
			}
			made = saved
		})
		t.Run("WhereItReadsMustHaveBeenTried", func(t *testing.T) {
			change := made
			change.Token, change.Secrets = "another", nil
			err := s.Update(t.Context(), func(tx *store.Tx) error {
				_, err := o.SaveConnector(tx, admin(), change)
				return err
			})
			if !errors.Is(err, gatehouse.Conflict) {
				t.Errorf("a token that was not tried: %v", err)
			}
		})
		t.Run("AStaleStateIsAConflict", func(t *testing.T) {
			change := made
			change.UpdatedAt = change.UpdatedAt.Add(-time.Hour)
			if _, err := o.put(change); !errors.Is(err, gatehouse.Conflict) {
				t.Errorf("%v", err)
			}
		})
		t.Run("WhatIsInTheFileIsItsOwn", func(t *testing.T) {
			c := gatehouse.Connector{Key: "file", Kind: "directory", Name: "F", Token: "t", URL: "https://9.9.9.9", Managed: gatehouse.ManagedByFile, Enabled: true}
			o.update(func(tx *store.Tx) error { return tx.SaveConnector(&c) })
			if _, err := o.put(c); !errors.Is(err, gatehouse.Conflict) {
				t.Errorf("%v", err)
			}
			err := s.Update(t.Context(), func(tx *store.Tx) error { return o.RemoveConnector(tx, admin(), c.ID, c.UpdatedAt, true) })
			if !errors.Is(err, gatehouse.Conflict) {
				t.Errorf("removal: %v", err)
			}
		})
		if !slices.Contains(d.asked, "group eng") {
			t.Errorf("the group was not looked for: %v", d.asked)
		}
		if got := o.events(); !slices.Equal(got, []string{"connector.created", "connector.changed name, schedule"}) {
			t.Errorf("events %q", got)
		}
		if strings.Contains(o.out.String(), "hidden-aes") {
			t.Error("the log has a secret")
		}
	})
}

func TestSaveConnectorNamesWhatIsWrong(t *testing.T) {
	t.Parallel()
	o := newOffice(t, storetest.Open(t))
	d := o.keep()
	if _, err := o.put(entered()); err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name string
		edit func(*gatehouse.Connector)
		want []string
	}{
		{"Name", func(c *gatehouse.Connector) { c.Name = " " }, []string{"name"}},
		{"Key", func(c *gatehouse.Connector) { c.Key = "Not a key" }, []string{"key"}},
		{"Kind", func(c *gatehouse.Connector) { c.Kind = "shut" }, []string{"kind"}},
		{"NoAddress", func(c *gatehouse.Connector) { c.URL = "" }, []string{"url"}},
		{"OddAddress", func(c *gatehouse.Connector) { c.URL = "https://a:b@example.com" }, []string{"url"}},
		{"Script", func(c *gatehouse.Connector) { c.URL = "javascript:alert(1)" }, []string{"url"}},
		{"PrivateAddress", func(c *gatehouse.Connector) { c.URL = "http://127.0.0.1:9" }, []string{"url"}},
		{"NoToken", func(c *gatehouse.Connector) { c.Token = "" }, []string{"token"}},
		{"BadToken", func(c *gatehouse.Connector) { c.Token = "bad" }, []string{"token"}},
		{"Schedule", func(c *gatehouse.Connector) { c.Schedule = "often" }, []string{"schedule"}},
		{"Zone", func(c *gatehouse.Connector) { c.TimeZone = "Mars" }, []string{"schedule"}},
		{"Owner", func(c *gatehouse.Connector) { c.Owners = []string{"ann"} }, []string{"owners"}},
		{"Owners", func(c *gatehouse.Connector) {
			c.Owners = nil
			for i := range 33 {
				c.Owners = append(c.Owners, strings.Repeat("a", i+1)+"@example.com")
			}
		}, []string{"owners"}},
		{"Setting", func(c *gatehouse.Connector) { c.Settings = map[string]string{"nonsense": "1"} }, []string{"settings"}},
		{"SecretAsASetting", func(c *gatehouse.Connector) { c.Settings = map[string]string{"aes_key": "1"} }, []string{"settings"}},
		{"SettingAsASecret", func(c *gatehouse.Connector) { c.Secrets = map[string]string{"group": "1"} }, []string{"secrets"}},
		{"Choice", func(c *gatehouse.Connector) { c.Settings = map[string]string{"mode": "pigeon"} }, []string{"settings.mode"}},
		{"Flag", func(c *gatehouse.Connector) { c.Settings = map[string]string{"deep": "perhaps"} }, []string{"settings.deep"}},
		{"GroupThatIsNotThere", func(c *gatehouse.Connector) { c.Settings = map[string]string{"group": "nobody"} }, []string{"settings.group"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := entered()
			c.Key = "another"
			tt.edit(&c)
			asked := len(d.asked)
			_, err := o.put(c)
			if diff := cmp.Diff(tt.want, wrongFields(t, err)); diff != "" {
				t.Error(diff)
			}
			if tt.name != "GroupThatIsNotThere" && len(d.asked) != asked {
				t.Error("the app was asked all the same")
			}
			if tt.name == "PrivateAddress" && !strings.Contains(err.Error(), `outgoing: {allow: ["127.0.0.1/32"]}`) {
				t.Errorf("nothing says what would permit it: %v", err)
			}
		})
	}
	t.Run("TakenKey", func(t *testing.T) {
		if _, err := o.put(entered()); !errors.Is(err, gatehouse.Conflict) || !slices.Equal(wrongFields(t, err), []string{"key"}) {
			t.Errorf("%v", err)
		}
	})
	for kind, field := range map[gatehouse.ErrorKind]string{gatehouse.Unauthorized: "token", gatehouse.Forbidden: "token", gatehouse.Upstream: "url", gatehouse.Unavailable: "url"} {
		t.Run("Probe/"+string(kind), func(t *testing.T) {
			c := entered()
			c.Key, d.err = "another", gatehouse.Errorf(kind, "No.")
			if _, err := o.put(c); !slices.Equal(wrongFields(t, err), []string{field}) {
				t.Errorf("%v", err)
			}
		})
	}
}

func TestG6SecretsOfAConnectorStayWhereTheyWereEnteredFor(t *testing.T) {
	t.Parallel()
	o := newOffice(t, storetest.Open(t))
	d := o.keep()
	made, err := o.put(entered())
	if err != nil {
		t.Fatal(err)
	}
	d.asked = nil
	for _, edit := range []func(*gatehouse.Connector){
		func(c *gatehouse.Connector) { c.Token, c.Secrets = "", nil },
		func(c *gatehouse.Connector) { c.Token = "" },
		func(c *gatehouse.Connector) { c.Secrets = nil }, // the token is new, the key would be sent all the same
	} {
		change := made
		change.URL = "https://9.9.9.8"
		edit(&change)
		if _, err := o.put(change); !slices.Equal(wrongFields(t, err), []string{"token"}) || len(d.asked) > 0 {
			t.Errorf("%v, asked %v", err, d.asked)
		}
	}
	made.URL = "https://9.9.9.8"
	if _, err := o.put(made); err != nil {
		t.Errorf("with the secrets: %v", err)
	}
}

func TestRemoveConnector(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		o := newOffice(t, s)
		o.keep()
		client := gatehouse.Client{ID: "wiki", Name: "Wiki", Enabled: true, Managed: gatehouse.ManagedByDashboard}
		o.update(func(tx *store.Tx) error { return tx.SaveClient(&client) })
		var draft gatehouse.Connector
		o.update(func(tx *store.Tx) (err error) {
			draft, err = o.NewConnector(tx, "directory", "client/wiki")
			return err
		})
		if draft.Name != "Wiki" || draft.Key != "directory" {
			t.Errorf("it begins as %+v", draft)
		}
		draft.URL, draft.Token = "https://9.9.9.7", secret
		made, err := o.put(draft)
		if err != nil {
			t.Fatal(err)
		}
		o.update(func(tx *store.Tx) error {
			c, err := tx.Client("wiki")
			if c.ConnectorKey != "directory" {
				t.Errorf("the client belongs to %q", c.ConnectorKey)
			}
			c.Settings.GroupsFrom = made.Key
			return errors.Join(err, tx.SaveClient(&c), tx.SavePull(&gatehouse.Pull{ConnectorID: made.ID}))
		})
		remove := func(forget bool) error {
			return s.Update(t.Context(), func(tx *store.Tx) error {
				c, err := tx.Connector(made.ID)
				if err != nil {
					return err
				}
				return o.RemoveConnector(tx, admin(), c.ID, c.UpdatedAt, forget)
			})
		}
		if err := remove(true); !errors.Is(err, gatehouse.Conflict) {
			t.Errorf("one whose groups a client is told: %v", err)
		}
		if err := remove(false); err != nil {
			t.Fatal(err)
		}
		o.update(func(tx *store.Tx) error {
			c, err := tx.Connector(made.ID)
			if c.Token != "" || c.Enabled || c.Status != gatehouse.ConnectorNotConfigured {
				t.Errorf("disconnected: %+v", c)
			}
			_, last := tx.LastPull(made.ID)
			return errors.Join(err, last)
		})
		t.Run("AndConnectedAgain", func(t *testing.T) {
			var c gatehouse.Connector
			o.update(func(tx *store.Tx) (err error) {
				c, err = tx.Connector(made.ID)
				return err
			})
			c.Token = secret
			if c, err = o.put(c); err != nil || !c.Enabled {
				t.Errorf("%+v, %v", c, err)
			}
		})
		o.update(func(tx *store.Tx) error {
			c, err := tx.Client("wiki")
			c.Settings.GroupsFrom = ""
			return errors.Join(err, tx.SaveClient(&c))
		})
		if err := remove(true); err != nil {
			t.Fatal(err)
		}
		err = s.View(t.Context(), func(tx *store.Tx) error {
			_, err := tx.Connector(made.ID)
			return err
		})
		if !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("deleted: %v", err)
		}
	})
}

func TestNewConnectorLearnsOfTheApp(t *testing.T) {
	t.Parallel()
	o := newOffice(t, storetest.Open(t))
	o.keep()
	way := gatehouse.Connection{Name: "dir", Kind: "directory", Label: "Our directory", Args: map[string]any{"client_options": map[string]any{"site": "https://dir.example.com/api/v4"}}}
	taken := gatehouse.Connector{Key: "directory", Kind: "directory", Name: "First", URL: "https://first.example.com", Owners: []string{"ann@example.com"}}
	o.update(func(tx *store.Tx) error { return errors.Join(tx.SaveConnection(&way), tx.SaveConnector(&taken)) })
	for app, want := range map[gatehouse.AppRef]string{
		"": "Directory at ", gatehouse.AppRef("connection/" + way.ID): "Our directory at https://dir.example.com", "connector/directory": "First at https://first.example.com",
	} {
		o.update(func(tx *store.Tx) error {
			c, err := o.NewConnector(tx, "directory", app)
			if got := c.Name + " at " + c.URL; got != want || c.Key != "directory-2" || c.App != app {
				t.Errorf("%s: %s, %+v", app, got, c)
			}
			return err
		})
	}
	for _, app := range []gatehouse.AppRef{"connection/none", "client/none", "connector/none", "nonsense", "user/1"} {
		err := o.Store.View(t.Context(), func(tx *store.Tx) error {
			_, err := o.NewConnector(tx, "directory", app)
			return err
		})
		if !errors.Is(err, gatehouse.NotFound) {
			t.Errorf("%s: %v", app, err)
		}
	}
}
