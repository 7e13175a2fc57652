package store_test

import (
	"testing"
	"time"

	"gatehouse"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func TestClientSettings(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, s *store.Store) {
		seconds := int64(0)
		c := gatehouse.Client{ID: "app", Name: "App", Secret: "a secret that signs", AuthMethod: gatehouse.AuthSecretJWT, Settings: gatehouse.ClientSettings{
			JWKS: []byte(`{"keys":[]}`), Resources: []string{"https://api.example"}, MaxAge: &seconds,
			Lifetimes: gatehouse.ClientLifetimes{Access: time.Minute},
			Federated: []gatehouse.FederatedIssuer{{Issuer: "https://ci.example", Subject: "a*"}},
		}}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveClient(&c), "")
			got, err := tx.Client("app")
			is(t, err, "")
			same(t, got, c)
			c.Secret, c.Settings = "", gatehouse.ClientSettings{}
			is(t, tx.SaveClient(&c), "")
			got, err = tx.Client("app")
			is(t, err, "")
			same(t, got, c)
			return nil
		})
	})
}

func TestUseAssertion(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		use := func(issuer, id string) (first bool) {
			update(t, s, func(tx *store.Tx) (err error) {
				first, err = tx.UseAssertion(issuer, id, noon.Add(time.Minute))
				return err
			})
			return first
		}
		if !use("app", "1") || use("app", "1") || !use("other", "1") || !use("app", "2") {
			t.Error("an id is good once for each issuer")
		}
		move(time.Minute)
		update(t, s, func(tx *store.Tx) error {
			n, err := tx.DeleteExpired(10)
			if n != 3 {
				t.Errorf("%d rows went", n)
			}
			return err
		})
		if !use("app", "1") {
			t.Error("what has expired is still known")
		}
	})
}

func TestDeviceGrants(t *testing.T) {
	t.Parallel()
	movable(t, func(t *testing.T, s *store.Store, move func(time.Duration)) {
		ann := newUser(t, s, "ann")
		d := gatehouse.DeviceGrant{
			Hash: hash("device"), UserCodeHash: hash("USER"), Grant: gatehouse.Grantable{ClientID: "tv", Scopes: []string{"openid"}},
			Family: "f", State: gatehouse.DeviceWaits, Interval: 5 * time.Second, CreatedAt: noon, ExpiresAt: noon.Add(time.Minute),
		}
		update(t, s, func(tx *store.Tx) error {
			is(t, tx.SaveDeviceGrant(&d), "")
			twin := d
			twin.Hash = hash("another device")
			is(t, tx.SaveDeviceGrant(&twin), gatehouse.Conflict)
			got, err := tx.DeviceGrantByUserCode(d.UserCodeHash)
			is(t, err, "")
			same(t, got, d)
			d.Grant.UserID, d.Grant.AuthAt, d.State, d.Interval, d.PolledAt = ann.ID, noon, gatehouse.DeviceAllowed, 10*time.Second, noon
			d.Grant.Details = gatehouse.GrantDetails{ACR: "1", AMR: []string{"pwd"}}
			is(t, tx.SaveDeviceGrant(&d), "")
			got, err = tx.DeviceGrant(d.Hash)
			is(t, err, "")
			same(t, got, d)
			_, err = tx.DeviceGrantByUserCode(d.UserCodeHash)
			is(t, err, gatehouse.NotFound)
			is(t, tx.RevokeUserTokens(ann.ID, "other"), "")
			_, err = tx.DeviceGrant(d.Hash)
			is(t, err, "")
			is(t, tx.RevokeUserTokens(ann.ID, ""), "")
			_, err = tx.DeviceGrant(d.Hash)
			is(t, err, gatehouse.NotFound)
			d.Grant.UserID, d.State = "", gatehouse.DeviceWaits
			return tx.SaveDeviceGrant(&d)
		})
		move(time.Minute)
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.DeviceGrantByUserCode(d.UserCodeHash)
			is(t, err, gatehouse.NotFound)
			_, err = tx.DeviceGrant(d.Hash) // so that the device hears that it has expired
			return err
		})
		move(time.Hour)
		update(t, s, func(tx *store.Tx) error {
			_, err := tx.DeleteExpired(10)
			is(t, err, "")
			_, err = tx.DeviceGrant(d.Hash)
			is(t, err, gatehouse.NotFound)
			return nil
		})
	})
}
