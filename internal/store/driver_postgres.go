package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"

	"github.com/jackc/pgx/v5"
)

// TODO: replaced by pgx/v5/stdlib as soon as go.mod has github.com/jackc/puddle/v2, which it imports.
func postgresDB(*pgx.ConnConfig) *sql.DB { return sql.OpenDB(noDriver{}) }

type noDriver struct{}

func (noDriver) Connect(context.Context) (driver.Conn, error) {
	return nil, errors.New("PostgreSQL needs github.com/jackc/puddle/v2 in go.mod")
}
func (noDriver) Driver() driver.Driver { return nil }
