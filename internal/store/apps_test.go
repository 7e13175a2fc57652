package store_test

import (
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestConnections(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		var c gatehouse.Connection
		update(t, s, func(tx *store.Tx) error {
			c = gatehouse.Connection{
				Name: "gitlab", Kind: "gitlab", Label: "GitLab", Icon: "i", Enabled: true, AppID: "id", AppSecret: "secret",
				Args:    map[string]any{"scope": []any{"openid"}, "client_options": map[string]any{"site": "https://g", "n": 1.5}},
				Rules:   gatehouse.ConnectionRules{AllowSingleSignOn: true, TrustedDomains: []string{"example.com"}},
				Managed: gatehouse.ManagedByFile,
			}
			is(t, tx.SaveConnection(&c), "")
			is(t, tx.SaveConnection(&gatehouse.Connection{Name: "gitlab"}), gatehouse.Conflict)
			is(t, tx.SaveConnection(&gatehouse.Connection{Name: "bad", Args: map[string]any{"f": func() {}}}), gatehouse.Invalid)
			is(t, tx.SaveConnection(&gatehouse.Connection{ID: "none", Name: "none"}), gatehouse.NotFound)
			is(t, tx.SaveConnection(&gatehouse.Connection{Name: "dingtalk"}), "")
			return nil
		})
		move(time.Hour)
		update(t, s, func(tx *store.Tx) error {
			got, err := tx.ConnectionByName("gitlab")
			is(t, err, "")
			same(t, got, c)
			c.AppSecret, c.Enabled, c.Args, c.BuiltIn = "", false, nil, true
			is(t, tx.SaveConnection(&c), "")
			if !c.UpdatedAt.Equal(noon.Add(time.Hour)) || !c.CreatedAt.Equal(noon) {
				t.Errorf("times are %v and %v", c.CreatedAt, c.UpdatedAt)
			}
			got, err = tx.Connection(c.ID)
			is(t, err, "")
			same(t, got, c)
			_, err = tx.ConnectionByName("x")
			is(t, err, gatehouse.NotFound)
			list, err := tx.Connections()
			if len(list) != 2 || list[0].Name != "dingtalk" {
				t.Errorf("the list is %+v", list)
			}
			return err
		})
	})
}

func TestDeleteConnection(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		var used, free gatehouse.Connection
		update(t, s, func(tx *store.Tx) error {
			used, free = gatehouse.Connection{Name: "used"}, gatehouse.Connection{Name: "free"}
			is(t, tx.SaveConnection(&used), "")
			is(t, tx.SaveConnection(&free), "")
			u := gatehouse.User{Username: "a", State: gatehouse.UserActive}
			is(t, tx.SaveUser(&u), "")
			is(t, tx.SaveIdentity(&gatehouse.Identity{UserID: u.ID, ConnectionID: used.ID, Subject: "1"}), "")
			is(t, tx.SaveIdentity(&gatehouse.Identity{UserID: u.ID, ConnectionID: used.ID, Subject: "2"}), "")
			return tx.SaveAttempt(&gatehouse.Attempt{ConnectionID: free.ID, State: "state", BrowserHash: hash("b"), ExpiresAt: tx.Now().Add(time.Hour)})
		})
		update(t, s, func(tx *store.Tx) error {
			for id, want := range map[string]int64{used.ID: 2, free.ID: 0, "none": 0} {
				if n, err := tx.CountIdentities(id); n != want || err != nil {
					t.Errorf("%s has %d identities (%v), want %d", id, n, err, want)
				}
			}
			is(t, tx.DeleteConnection(used.ID), gatehouse.Conflict)
			is(t, tx.DeleteConnection("none"), gatehouse.NotFound)
			is(t, tx.DeleteConnection(free.ID), "")
			_, err := tx.PeekAttempt("state")
			is(t, err, gatehouse.NotFound)
			_, err = tx.Connection(free.ID)
			is(t, err, gatehouse.NotFound)
			_, err = tx.Connection(used.ID)
			return err
		})
	})
}

func TestClients(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		c := gatehouse.Client{
			ID: "app", Name: "B", SecretHash: hash("secret"), RedirectURIs: []string{"https://a/cb"}, PostLogoutRedirectURIs: []string{"https://a/"},
			BackchannelLogoutURI: "https://a/out", Scopes: []string{"openid"}, GrantTypes: []string{"authorization_code"},
			AuthMethod: "client_secret_basic", RequirePKCE: true, Trusted: true, Enabled: true, Managed: gatehouse.ManagedByFile,
		}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveClient(&gatehouse.Client{Name: "none"}), gatehouse.Invalid)
			is(t, tx.SaveClient(&gatehouse.Client{ID: "public", Name: "A"}), "")
			return tx.SaveClient(&c)
		})
		move(time.Hour)
		update(t, s, func(tx *store.Tx) error {
			got, err := tx.Client("app")
			is(t, err, "")
			same(t, got, c)
			changed := c
			changed.Name, changed.SecretHash, changed.GrantTypes, changed.CreatedAt = "0", nil, nil, time.Time{}
			is(t, tx.SaveClient(&changed), "")
			if !changed.CreatedAt.Equal(noon) || !changed.UpdatedAt.Equal(noon.Add(time.Hour)) {
				t.Errorf("times are %v and %v", changed.CreatedAt, changed.UpdatedAt)
			}
			list, err := tx.Clients()
			is(t, err, "")
			if len(list) != 2 || !list[1].Public() {
				t.Fatalf("the list is %+v", list)
			}
			same(t, list[0], changed)
			_, err = tx.Client("x\x00")
			is(t, err, gatehouse.Invalid)
			_, err = tx.Client("x")
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}

func TestConnectors(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		var c gatehouse.Connector
		update(t, s, func(tx *store.Tx) error {
			c = gatehouse.Connector{
				Key: "gitlab", Name: "B", Kind: "gitlab", URL: "https://g", Token: "token", HookSecret: "hook",
				Settings: map[string]string{"group": "1"}, Owners: []string{"a@b"}, Schedule: "1h", Enabled: true,
				Managed: gatehouse.ManagedByDashboard, Secrets: map[string]string{"aes_key": "k"}, TimeZone: "Asia/Shanghai",
				App: "client/wiki", Seen: gatehouse.Sighting{At: noon, Version: "18.1", Scopes: []string{"api"}, ExpiresAt: "2027-01-31"},
				Alarm: gatehouse.Alarm{Failures: 2, Days: 30},
			}
			is(t, tx.SaveConnector(&c), "")
			is(t, tx.SaveConnector(&gatehouse.Connector{Key: "gitlab"}), gatehouse.Conflict)
			is(t, tx.SaveConnector(&gatehouse.Connector{ID: "none", Key: "none"}), gatehouse.NotFound)
			is(t, tx.SaveConnector(&gatehouse.Connector{Key: "a", Name: "A"}), "")
			if c.Status != gatehouse.ConnectorNotConfigured {
				t.Errorf("the status is %q", c.Status)
			}
			return nil
		})
		move(time.Hour)
		update(t, s, func(tx *store.Tx) error {
			got, err := tx.ConnectorByKey("gitlab")
			is(t, err, "")
			same(t, got, c)
			for status, pulled := range map[gatehouse.ConnectorStatus]time.Time{
				gatehouse.ConnectorFailed: {}, gatehouse.ConnectorConnected: noon.Add(time.Hour),
			} {
				is(t, tx.SetConnectorStatus(c.ID, gatehouse.ConnectorSyncing, gatehouse.Note{}), "")
				c.PulledAt = time.Time{}
				is(t, tx.SaveConnector(&c), "")
				is(t, tx.SetConnectorStatus(c.ID, status, gatehouse.Notef("%d of %s", 7, "all")), "")
				got, err = tx.Connector(c.ID)
				is(t, err, "")
				want := c
				want.Status, want.StatusText, want.PulledAt = status, gatehouse.Notef("%d of %s", 7, "all"), pulled
				same(t, got, want)
			}
			is(t, tx.SetConnectorStatus("none", gatehouse.ConnectorFailed, gatehouse.Note{}), gatehouse.NotFound)
			_, err = tx.Connector("none")
			is(t, err, gatehouse.NotFound)
			list, err := tx.Connectors()
			if len(list) != 2 || list[0].Name != "A" {
				t.Errorf("the list is %+v", list)
			}
			return err
		})
	})
}

func TestConnectorsPauseAndAreDeleted(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		update(t, s, func(tx *store.Tx) error {
			c := gatehouse.Connector{Key: "gitlab", Name: "B", Kind: "gitlab"}
			is(t, tx.SaveConnector(&c), "")
			is(t, tx.PauseConnector(c.ID, tx.Now(), gatehouse.ConnectorPaused), "")
			is(t, tx.SetConnectorStatus(c.ID, gatehouse.ConnectorConnected, gatehouse.Note{}), "")
			got, err := tx.Connector(c.ID)
			is(t, err, "")
			if got.Status != gatehouse.ConnectorPaused || got.PausedAt.IsZero() || got.PulledAt.IsZero() {
				t.Errorf("a paused connector whose pull ended is %q since %v, pulled %v", got.Status, got.PausedAt, got.PulledAt)
			}
			is(t, tx.PauseConnector(c.ID, time.Time{}, gatehouse.ConnectorConnected), "")
			seen, alarm := gatehouse.Sighting{Actor: "root", Admin: true}, gatehouse.Alarm{Failures: 3, Told: true, Token: "2027-01-31", Days: 7}
			is(t, tx.NoteSighting(c.ID, seen), "")
			is(t, tx.NoteAlarm(c.ID, alarm), "")
			got, err = tx.Connector(c.ID)
			is(t, err, "")
			if got.Status != gatehouse.ConnectorConnected || !got.PausedAt.IsZero() {
				t.Errorf("a resumed connector is %q since %v", got.Status, got.PausedAt)
			}
			same(t, got.Seen, seen)
			same(t, got.Alarm, alarm)
			client := gatehouse.Client{ID: "wiki", Name: "Wiki", ConnectorKey: "gitlab"}
			is(t, tx.SaveClient(&client), "")
			is(t, tx.SavePull(&gatehouse.Pull{ConnectorID: c.ID, Steps: []gatehouse.PullStep{{Name: "accounts", Accounts: 3, Millis: 12}}}), "")
			last, err := tx.LastPull(c.ID)
			is(t, err, "")
			same(t, last.Steps, []gatehouse.PullStep{{Name: "accounts", Accounts: 3, Millis: 12}})
			is(t, tx.DeleteConnector(c.ID), "")
			is(t, tx.DeleteConnector(c.ID), gatehouse.NotFound)
			if client, err = tx.Client("wiki"); err != nil || client.ConnectorKey != "" {
				t.Errorf("the client of a deleted connector: %q, %v", client.ConnectorKey, err)
			}
			_, err = tx.LastPull(c.ID)
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}
