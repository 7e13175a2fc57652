package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"net"

	"github.com/jackc/pgx/v5/pgconn"
	driversqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"gatehouse"
)

// SQLSTATEs of PostgreSQL (appendix A of its manual).
const (
	pgForeignKey    = "23503"
	pgUnique        = "23505"
	pgSerialization = "40001"
	pgDeadlock      = "40P01"
	pgLockTimeout   = "55P03"
	pgReadOnly      = "25006"
)

// explain makes an error of a driver one with a sentence. Others stay as they are.
func explain(err error) error {
	if err == nil || gatehouse.KindOf(err) != "" ||
		errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	if e := sentence(err); e != nil {
		return e.Because(err)
	}
	return err
}

func sentence(err error) *gatehouse.Error {
	var lite *driversqlite.Error
	var pg *pgconn.PgError
	var network net.Error
	switch {
	case errors.As(err, &lite):
		return sqliteSentence(lite.Code())
	case errors.As(err, &pg):
		return postgresSentence(pg.Code)
	case errors.Is(err, sql.ErrConnDone), errors.Is(err, driver.ErrBadConn), errors.As(err, &network), isConnect(err):
		return gatehouse.Errorf(gatehouse.Unavailable, "The database cannot be reached. Nothing that was saved before is lost; try again in a moment.")
	}
	return nil
}

func isConnect(err error) bool {
	var e *pgconn.ConnectError
	return errors.As(err, &e) || pgconn.SafeToRetry(err)
}

func sqliteSentence(code int) *gatehouse.Error {
	switch code {
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY:
		return duplicate()
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return dangling()
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return gatehouse.Errorf(gatehouse.Unavailable, "The database file cannot be written (disk full). Nothing that was saved before is lost; free some space, and try again.")
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM:
		return gatehouse.Errorf(gatehouse.Unavailable, "The database file cannot be written (read-only). Let the user that runs Gatehouse write the file and its directory.")
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED:
		return gatehouse.Errorf(gatehouse.Unavailable, "The database file is locked by another program. End that program, and try again.")
	case sqlite3.SQLITE_CANTOPEN:
		return gatehouse.Errorf(gatehouse.Unavailable, "The database file cannot be opened. See that it and its directory exist and may be read and written.")
	case sqlite3.SQLITE_IOERR:
		return gatehouse.Errorf(gatehouse.Unavailable, "The database file cannot be read or written (input/output error). See to the disk, and try again.")
	case sqlite3.SQLITE_NOTADB:
		return gatehouse.Errorf(gatehouse.Unavailable, "The database file is no database of Gatehouse. Correct the path, or move the file away.")
	case sqlite3.SQLITE_CORRUPT:
		return gatehouse.Errorf(gatehouse.Unavailable, "The database file is damaged. Stop Gatehouse, and restore a backup.")
	}
	return nil
}

func postgresSentence(code string) *gatehouse.Error {
	switch code {
	case pgUnique:
		return duplicate()
	case pgForeignKey:
		return dangling()
	case pgSerialization, pgDeadlock, pgLockTimeout:
		return gatehouse.Errorf(gatehouse.Unavailable, "The database is busy. Try again in a moment.")
	case pgReadOnly:
		return gatehouse.Errorf(gatehouse.Unavailable, "The database cannot be written (read-only). Point Gatehouse to the primary server.")
	}
	switch code[:min(2, len(code))] {
	case "53": // insufficient resources
		return gatehouse.Errorf(gatehouse.Unavailable, "The database server has no room left (disk, memory or connections). Nothing that was saved before is lost; make room, and try again.")
	case "08", "57": // connection, operator intervention
		return gatehouse.Errorf(gatehouse.Unavailable, "The database cannot be reached. Nothing that was saved before is lost; try again in a moment.")
	case "28", "3D": // authorization, no such database
		return gatehouse.Errorf(gatehouse.Unavailable, "The database server does not let Gatehouse in. See to the user, the password and the name of the database.")
	}
	return nil
}

func duplicate() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Conflict, "That is there already. Load the page again, and choose another name.")
}

func dangling() *gatehouse.Error {
	return gatehouse.Errorf(gatehouse.Conflict, "That belongs to something that is not there any more. Load the page again.")
}

// again says whether running the transaction once more may help: it did not run
// as if alone, or a row appeared that it could not see.
func again(err error) bool {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return false
	}
	return pg.Code == pgSerialization || pg.Code == pgDeadlock || pg.Code == pgUnique
}

func isDuplicate(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == pgUnique
}

// refuseFile names the file in an error of opening it, which an operator reads.
func refuseFile(path string, err error) error {
	err = explain(err)
	var e *gatehouse.Error
	if !errors.As(err, &e) {
		return gatehouse.Errorf(gatehouse.Unavailable, "The database file %s cannot be used.", path).Because(err)
	}
	named := *e
	named.Message = "%s: " + e.Message
	named.Args = append([]any{path}, e.Args...)
	return &named
}
