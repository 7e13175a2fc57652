package store

import (
	"database/sql"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// postgresDB opens connections by pgx, which keeps prepared statements for each.
func postgresDB(c *pgx.ConnConfig) *sql.DB { return stdlib.OpenDB(*c) }
