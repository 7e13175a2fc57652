package store_test

import (
	"fmt"
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func newConnector(t *testing.T, s *store.Store, key string) gatehouse.Connector {
	t.Helper()
	var c gatehouse.Connector
	update(t, s, func(tx *store.Tx) error {
		c = gatehouse.Connector{Key: key, Name: key, Kind: "gitlab", Managed: gatehouse.ManagedByDashboard}
		return tx.SaveConnector(&c)
	})
	return c
}

// pull stages and finishes a whole pull, and says how many rows it wrote.
func pull(t *testing.T, s *store.Store, connectorID string, parts ...store.Staged) int64 {
	t.Helper()
	id := stage(t, s, connectorID, parts...)
	var written int64
	update(t, s, func(tx *store.Tx) (err error) {
		written, err = tx.FinishPull(connectorID, id)
		return err
	})
	return written
}

func stage(t *testing.T, s *store.Store, connectorID string, parts ...store.Staged) string {
	t.Helper()
	var p gatehouse.Pull
	update(t, s, func(tx *store.Tx) error {
		p = gatehouse.Pull{ConnectorID: connectorID}
		return tx.SavePull(&p)
	})
	for _, part := range parts {
		update(t, s, func(tx *store.Tx) error { return tx.Stage(p.ID, part) })
	}
	return p.ID
}

func someApp() store.Staged {
	return store.Staged{
		Accounts: []gatehouse.Account{
			{
				ID: "1", Username: "ann", Name: "Ann Ä", Email: "ann@example.com", EmailVerified: true, Type: gatehouse.AccountPerson,
				State: "active", Admin: true, TwoFactor: true, WebURL: "https://g/ann", Avatar: "https://g/a.png",
				Identities: []gatehouse.AccountIdentity{{Provider: "openid", Subject: "7"}},
				CreatedAt:  noon.Add(-time.Hour), LastSignInAt: noon, LastActiveAt: noon,
			},
			{ID: "2", Username: "bot", Name: "bot", Type: gatehouse.AccountTokenBot, State: "blocked", External: true},
		},
		Resources: []gatehouse.Resource{
			{ID: "group/1", Kind: gatehouse.ResourceGroup, Name: "Top", Path: "top", Visibility: "private", WebURL: "https://g/top"},
			{ID: "group/2", Kind: gatehouse.ResourceGroup, Parent: "group/1", Name: "Sub", Path: "top/sub"},
			{ID: "project/3", Kind: gatehouse.ResourceProject, Parent: "group/2", Name: "Deep", Path: "top/sub/deep", State: "archived"},
			{ID: "project/4", Kind: gatehouse.ResourceProject, OwnerID: "1", Name: "Own", Path: "ann/own"},
		},
		Grants: []gatehouse.Grant{
			{AccountID: "1", ResourceID: "group/1", Role: gatehouse.Role{Level: 50}, GrantedAt: noon},
			{
				AccountID: "2", ResourceID: "project/3", Role: gatehouse.Role{Level: 31, Name: "Auditor+", Custom: "9"},
				ExpiresAt: noon.Add(24 * time.Hour), State: "awaiting",
			},
		},
		Shares: []gatehouse.Share{
			{GroupID: "group/2", ResourceID: "group/1", Cap: gatehouse.Role{Level: 20}, ExpiresAt: noon.Add(time.Hour)},
		},
	}
}

func TestFinishPull(t *testing.T) {
	t.Parallel()
	storetest.EachWith(t, storetest.Options{Clock: func() time.Time { return noon }}, func(t *testing.T, s *store.Store) {
		c, other := newConnector(t, s, "one"), newConnector(t, s, "two")
		if n := pull(t, s, c.ID, someApp()); n != 9 {
			t.Errorf("the first pull wrote %d rows, want 9", n)
		}
		pull(t, s, other.ID, someApp())
		view(t, s, func(tx *store.Tx) error {
			a, err := tx.Account(c.ID, "1")
			want := someApp().Accounts[0]
			want.ConnectorID, want.Since = c.ID, noon
			same(t, a, want)
			return err
		})
		if n := pull(t, s, c.ID, someApp()); n != 0 {
			t.Errorf("a pull without news wrote %d rows", n)
		}
	})
}

func TestFinishPullOfManyIsQuick(t *testing.T) {
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		c := newConnector(t, s, "big")
		var big store.Staged
		for i := range 50_000 {
			big.Accounts = append(big.Accounts, gatehouse.Account{ID: fmt.Sprint(i), Username: fmt.Sprintf("user%d", i), Name: "Some Body", Email: fmt.Sprintf("user%d@example.com", i), State: "active"})
			for j := range 3 {
				big.Grants = append(big.Grants, gatehouse.Grant{AccountID: fmt.Sprint(i), ResourceID: gatehouse.ResourceID(fmt.Sprintf("project/%d", (i+j*7)%5000)), Role: gatehouse.Role{Level: 30}})
			}
		}
		for round := range 3 {
			start := time.Now()
			id := stage(t, s, c.ID, big)
			mid := time.Now()
			if round == 2 {
				update(t, s, func(tx *store.Tx) error {
					big.Accounts[5].Name = "New"
					return tx.Stage(id, store.Staged{Accounts: big.Accounts[5:6]})
				})
			}
			var n int64
			update(t, s, func(tx *store.Tx) (err error) {
				n, err = tx.FinishPull(c.ID, id)
				return err
			})
			t.Logf("staged in %v, finished in %v, wrote %d", mid.Sub(start), time.Since(mid), n)
		}
	})
}
