package storetest

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"gatehouse/internal/store/migrations"
)

// Server names the environment variable with the address of a PostgreSQL
// server on which tests may create databases.
const Server = "GATEHOUSE_TEST_POSTGRES"

// Postgres gives the address of an empty PostgreSQL database with the present
// schema, which is dropped at the end of the test. It ends the test when there
// is no server: skipped on a laptop, failed in CI.
func Postgres(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Server)
	if server == "" {
		message := "PostgreSQL is not tested: set " + Server + " to postgres://USER@HOST/postgres, a server on which databases may be created"
		if os.Getenv("CI") == "true" {
			t.Fatal(message)
		}
		t.Skip(message)
	}
	name := "gatehouse_test_" + strings.ToLower(rand.Text())
	address, err := within(server, name)
	if err != nil {
		t.Fatal(err)
	}
	if err := create(t.Context(), server, name); err != nil {
		t.Fatalf("create a database on the PostgreSQL server for tests: %v", err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		if err := admin(ctx, server, func(c *pgx.Conn) error { return drop(ctx, c, name) }); err != nil {
			t.Errorf("drop database %s: %v", name, err)
		}
	})
	return address
}

// within is the address of another database of a server.
func within(server, name string) (string, error) {
	u, err := url.Parse(server)
	if err != nil {
		return "", fmt.Errorf("%s is no address", Server)
	}
	u.Path = "/" + name
	return u.String(), nil
}

// create makes a database by copying the template, which is made first if it is
// missing. All processes that test the same schema share one template.
func create(ctx context.Context, server, name string) error {
	template, err := templateName()
	if err != nil {
		return err
	}
	copyIt := func(c *pgx.Conn) error {
		_, err := c.Exec(ctx, "create database "+name+" template "+template)
		return err
	}
	missing := false
	err = admin(ctx, server, func(c *pgx.Conn) error {
		has, err := exists(ctx, c, template)
		missing = !has
		if err != nil || missing {
			return err
		}
		return copyIt(c)
	})
	if err != nil || !missing {
		return err
	}
	return admin(ctx, server, func(c *pgx.Conn) error {
		if err := makeTemplate(ctx, c, server, template); err != nil {
			return err
		}
		return copyIt(c)
	})
}

// templateName depends on the schema.
func templateName() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(migrations.Files, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := migrations.Files.ReadFile(path)
		fmt.Fprintf(h, "%s %d\n", path, len(b))
		h.Write(b)
		return err
	})
	return "gatehouse_template_" + hex.EncodeToString(h.Sum(nil))[:16], err
}

// templateLock is the advisory lock under which the template is made.
const templateLock = 0x6761746568 // "gateh"

func makeTemplate(ctx context.Context, c *pgx.Conn, server, template string) error {
	if _, err := c.Exec(ctx, "select pg_advisory_lock($1)", int64(templateLock)); err != nil {
		return err
	}
	defer c.Exec(ctx, "select pg_advisory_unlock($1)", int64(templateLock)) //nolint:errcheck // ends with the connection at the latest
	if has, err := exists(ctx, c, template); err != nil || has {
		return err
	}
	unfinished := template + "_new"
	if err := drop(ctx, c, unfinished); err != nil {
		return err
	}
	if _, err := c.Exec(ctx, "create database "+unfinished+" template template0 encoding 'UTF8'"); err != nil {
		return err
	}
	address, err := within(server, unfinished)
	if err != nil {
		return err
	}
	if err := makeEmpty(address); err != nil {
		return err
	}
	return rename(ctx, c, unfinished, template)
}

// rename waits for the server to notice that the connections to the database ended.
func rename(ctx context.Context, c *pgx.Conn, from, to string) error {
	if _, err := c.Exec(ctx, "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1", from); err != nil {
		return err
	}
	_, err := c.Exec(ctx, "alter database "+from+" rename to "+to)
	return err
}

func exists(ctx context.Context, c *pgx.Conn, name string) (has bool, err error) {
	err = c.QueryRow(ctx, "select exists (select 1 from pg_database where datname = $1)", name).Scan(&has)
	return has, err
}

func drop(ctx context.Context, c *pgx.Conn, name string) error {
	_, err := c.Exec(ctx, "drop database if exists "+name+" with (force)")
	return err
}

// admin runs fn on a connection of its own to the server.
func admin(ctx context.Context, server string, fn func(*pgx.Conn) error) error {
	c, err := pgx.Connect(ctx, server)
	if err != nil {
		return fmt.Errorf("connect to %s: %w", Server, err)
	}
	defer c.Close(ctx) //nolint:errcheck // its work is done
	return fn(c)
}
