package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/go-jose/go-jose/v4"
	"github.com/jackc/pgx/v5"

	"gatehouse"
	"gatehouse/internal/config"
	"gatehouse/internal/seal"
	"gatehouse/internal/server"
	"gatehouse/internal/session"
	"gatehouse/internal/store"
	"gatehouse/internal/users"
)

// postgresServer names the environment variable with the address of a server.
const postgresServer = "GATEHOUSE_TEST_POSTGRES"

// The client app of the measurements.
const (
	clientID     = "bench"
	ecClientID   = "bench-ec" // its ID tokens are signed by ES256
	clientSecret = "bench-client-secret-of-a-loopback-installation"
	redirectURI  = "https://bench.example.com/callback"
)

// algorithmOf is how the ID tokens of a client are signed.
func algorithmOf(client string) jose.SignatureAlgorithm {
	if client == ecClientID {
		return jose.ES256
	}
	return jose.RS256
}

func clientYAML() string {
	text := "clients:\n"
	for _, id := range []string{clientID, ecClientID} {
		text += fmt.Sprintf("  - {id: %s, secret: %q, name: Bench, redirect_uris: [%q], scopes: [openid, profile, email], "+
			"grant_types: [authorization_code, refresh_token, client_credentials], id_token_signed_response_alg: %s}\n",
			id, clientSecret, redirectURI, algorithmOf(id))
	}
	return text
}

// seedUsers is how many people have a session, so that not everybody is one.
const seedUsers = 64

// person has a session in the hub.
type person struct{ cookie string }

// seed makes the schema and what the configuration names, then people with
// sessions who allowed the client what it asks for. The first administers.
func (in *installation) seed(ctx context.Context) (people []person, err error) {
	c, err := in.read()
	if err != nil {
		return nil, err
	}
	s, err := server.Open(ctx, server.Options{Config: c})
	if err != nil {
		return nil, err
	}
	if err := s.Close(); err != nil {
		return nil, err
	}
	st, err := openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	err = st.Update(ctx, func(tx *store.Tx) error {
		people = nil
		for i := range seedUsers {
			p, err := addPerson(tx, st, i, c.Clients)
			if err != nil {
				return err
			}
			people = append(people, p)
		}
		return nil
	})
	return people, err
}

func openStore(ctx context.Context, c *config.Config) (*store.Store, error) {
	return openStoreAt(ctx, c, nil)
}

// openStoreAt is openStore with another clock.
func openStoreAt(ctx context.Context, c *config.Config, clock gatehouse.Clock) (*store.Store, error) {
	box, err := seal.Open(c.KeyFile)
	if err != nil {
		return nil, err
	}
	return store.Open(ctx, c.Database, store.Options{Seal: box, Clock: clock})
}

func addPerson(tx *store.Tx, st *store.Store, i int, clients []gatehouse.Client) (person, error) {
	by := gatehouse.Actor{Kind: gatehouse.ActorOperator, Name: "bench"}
	n := users.New{Username: fmt.Sprintf("person%02d", i), Name: fmt.Sprintf("Person %d", i)}
	if i == 0 {
		n.Role = gatehouse.RoleSuperAdministrator
	}
	u, err := (&users.Users{Store: st}).Make(tx, by, n)
	if err != nil {
		return person{}, err
	}
	m := &session.Manager{Store: st}
	token, _, err := m.Start(tx, session.Start{UserID: u.ID, UserName: u.Username, Method: "link", UserAgent: "bench", Address: "127.0.0.1"})
	for _, c := range clients {
		if err == nil {
			err = tx.SaveConsent(store.Consent{UserID: u.ID, ClientID: c.ID, Scopes: c.Scopes})
		}
	}
	return person{cookie: token}, err
}

// onEach measures on a new SQLite database, and on a new one of the PostgreSQL
// server if there is one, and prints what came of it. about says how durable the
// commits of a database are.
func (b *bench) onEach(ctx context.Context, t *table, measure func(name, about, database string) error) error {
	if err := measure("sqlite", "SQLite, synchronous=FULL", "sqlite:gatehouse.db"); err != nil {
		return err
	}
	if b.postgres == "" {
		t.add("PostgreSQL", "skipped: "+postgresServer+" is not set")
		b.print(t)
		return nil
	}
	address, about, err := b.newPostgres(ctx)
	if err != nil {
		return err
	}
	if err := measure("postgres", about, address); err != nil {
		return err
	}
	b.print(t)
	return nil
}

// newPostgres makes a database that is dropped at the end of the run, and says
// how durable the server's commits are.
func (b *bench) newPostgres(ctx context.Context) (address, about string, err error) {
	u, err := url.Parse(b.postgres)
	if err != nil {
		return "", "", fmt.Errorf("%s is no address", postgresServer)
	}
	name := "gatehouse_bench_" + strings.ToLower(rand.Text())
	err = b.inServer(ctx, func(c *pgx.Conn) error {
		var version, fsync, synchronous string
		err := c.QueryRow(ctx, `select current_setting('server_version'), current_setting('fsync'), current_setting('synchronous_commit')`).
			Scan(&version, &fsync, &synchronous)
		if err != nil {
			return err
		}
		about = fmt.Sprintf("PostgreSQL %s, fsync=%s, synchronous_commit=%s", strings.Fields(version)[0], fsync, synchronous)
		_, err = c.Exec(ctx, "create database "+name+" template template0 encoding 'UTF8'")
		return err
	})
	if err != nil {
		return "", "", err
	}
	b.ended = append(b.ended, func(ctx context.Context) error {
		return b.inServer(ctx, func(c *pgx.Conn) error {
			_, err := c.Exec(ctx, "drop database if exists "+name+" with (force)")
			return err
		})
	})
	u.Path = "/" + name
	return u.String(), about, nil
}

func (b *bench) inServer(ctx context.Context, fn func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, b.postgres)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", postgresServer, err)
	}
	defer c.Close(ctx) //nolint:errcheck // its work is done
	return fn(c)
}
