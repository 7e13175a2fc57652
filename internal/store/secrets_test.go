package store_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"gatehouse"
	"gatehouse/internal/seal"
	"gatehouse/internal/store"
	"gatehouse/internal/store/storetest"
)

func open(t *testing.T, address string, box *seal.Box) *store.Store {
	t.Helper()
	s, err := store.Open(t.Context(), address, store.Options{Seal: box})
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	t.Cleanup(func() { is(t, s.Close(), "") })
	return s
}

func key(t *testing.T) *seal.Box {
	t.Helper()
	box, err := seal.Ephemeral()
	if err != nil {
		t.Fatal(err)
	}
	return box
}

func TestSecretsAreNotInTheFile(t *testing.T) {
	t.Parallel()
	address := storetest.SQLite(t)
	s := open(t, address, key(t))
	update(t, s, func(tx *store.Tx) error {
		is(t, tx.SaveConnection(&gatehouse.Connection{Name: "visible-name", AppSecret: "hidden-app"}), "")
		is(t, tx.SaveConnector(&gatehouse.Connector{Key: "k", Token: "hidden-token", HookSecret: "hidden-hook", Secrets: map[string]string{"aes": "hidden-aes"}}), "")
		is(t, tx.SaveSigningKey(&gatehouse.SigningKey{ID: "kid", Private: []byte("hidden-key")}), "")
		is(t, tx.SaveAttempt(&gatehouse.Attempt{State: "hidden-state", Nonce: "hidden-nonce", Verifier: "hidden-verifier", Request: "hidden-handle"}), "")
		is(t, tx.SaveRequest(&gatehouse.Request{Handle: "hidden-handle"}), "")
		is(t, tx.SaveProof(&gatehouse.Proof{
			ConnectionID: "c", BrowserHash: hash("b"), Request: "hidden-handle", ExpiresAt: noon,
			Vouched: gatehouse.Vouched{Subject: "hidden-subject", Tokens: &gatehouse.Tokens{Refresh: "hidden-refresh"}},
		}), "")
		u := gatehouse.User{Username: "ann"}
		is(t, tx.SaveUser(&u), "")
		session := gatehouse.Session{TokenHash: hash("s"), UserID: u.ID, ExpiresAt: noon}
		is(t, tx.SaveSession(&session), "")
		is(t, tx.SaveAuthenticator(&gatehouse.Authenticator{UserID: u.ID, Secret: []byte("hidden-authenticator")}), "")
		is(t, tx.SaveRecoveryCodes(u.ID, []string{"hidden-code"}), "")
		is(t, tx.SaveCeremony("hidden-ceremony", &gatehouse.Ceremony{Purpose: "p", UserID: u.ID, BrowserHash: hash("b"), Data: []byte("hidden-data"), ExpiresAt: noon}), "")
		is(t, tx.SaveOrigin(session.ID, "c", gatehouse.Origin{Subject: "s", IDToken: "hidden-id-token"}), "")
		return tx.SaveLink("hidden-link", store.Link{Purpose: "claim"})
	})
	path := strings.TrimPrefix(address, "sqlite:")
	files, err := filepath.Glob(path + "*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	var all strings.Builder
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all.Write(b)
	}
	if !strings.Contains(all.String(), "visible-name") || strings.Contains(all.String(), "hidden") {
		t.Error("a secret can be read in the file, or nothing can")
	}
}

func TestSecretsOpenOnlyInTheirOwnRow(t *testing.T) {
	t.Parallel()
	address := storetest.Postgres(t)
	s := open(t, address, key(t))
	var one, two gatehouse.Connection
	update(t, s, func(tx *store.Tx) error {
		one, two = gatehouse.Connection{Name: "one", AppSecret: "hidden"}, gatehouse.Connection{Name: "two"}
		is(t, tx.SaveConnection(&one), "")
		return tx.SaveConnection(&two)
	})
	statement(t, address, `update connections set app_secret_sealed = (select app_secret_sealed from connections where name = 'one') where name = 'two'`)
	if err := s.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Connection(one.ID)
		is(t, err, "")
		_, err = tx.Connection(two.ID)
		return err
	}); err == nil || strings.Contains(err.Error(), "hidden") {
		t.Errorf("a secret that was copied from another row: %v", err)
	}
	other := open(t, address, key(t))
	if err := other.View(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Connection(one.ID)
		return err
	}); err == nil {
		t.Error("a secret opened with another key")
	}
}

func statement(t *testing.T, address, sql string) {
	t.Helper()
	c, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close(t.Context())
	if _, err := c.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

func refuses(t *testing.T, address, want string) {
	t.Helper()
	s, err := store.Open(t.Context(), address, store.Options{Seal: key(t)})
	if err == nil {
		s.Close()
	}
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestOpenRefusesPostgres(t *testing.T) {
	t.Parallel()
	t.Run("NewerSchema", func(t *testing.T) {
		t.Parallel()
		address := storetest.Postgres(t)
		statement(t, address, `insert into goose_db_version (version_id, is_applied) values (9999, true)`)
		refuses(t, address, "written by a newer Gatehouse")
	})
	t.Run("MissingDatabase", func(t *testing.T) {
		t.Parallel()
		refuses(t, strings.Replace(storetest.Postgres(t), "gatehouse_test_", "gatehouse_none_", 1), "does not let Gatehouse in")
	})
	t.Run("ReadOnlyServer", func(t *testing.T) {
		t.Parallel()
		refuses(t, storetest.Postgres(t)+"&default_transaction_read_only=on", "read-only")
	})
}

func TestSeveralNodesMigrateAtOnce(t *testing.T) {
	t.Parallel()
	address := storetest.Postgres(t)
	statement(t, address, `drop schema public cascade`)
	statement(t, address, `create schema public`)
	race(4, func(int) {
		s, err := store.Open(t.Context(), address, store.Options{Seal: key(t)})
		if err != nil {
			t.Errorf("open: %v", err)
			return
		}
		is(t, s.Close(), "")
	})
}

func TestOpenNeedsAKey(t *testing.T) {
	t.Parallel()
	if _, err := store.Open(t.Context(), storetest.SQLite(t), store.Options{}); err == nil {
		t.Error("it opened without a key for its secrets")
	}
}
