// Package foreign reads and writes SQLite files that are not ours: such as came
// from other software, and such as are made for it. What came from elsewhere is
// hostile until proved otherwise: it is opened for reading alone, nothing of its
// schema is run, and what it holds is bounded.
package foreign

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"gatehouse"
)

// Limits bound what a file may hold.
type Limits struct {
	Cell int   // bytes of one value
	Rows int64 // of all that is read, together
}

// File is an open file of somebody else.
type File struct {
	db   *sql.DB
	conn *sql.Conn
	rows int64 // that may still be read
}

// Open opens a file for reading. It must not be one that somebody else can
// change meanwhile. A file that is no database, or has in it what a file of
// plain tables has not (views, triggers, virtual tables), is Invalid.
func Open(ctx context.Context, path string, limits Limits) (*File, error) {
	db, err := sql.Open("sqlite", address(path, "mode=ro&immutable=1&_pragma=trusted_schema(0)&_pragma=query_only(1)&_pragma=cell_size_check(1)&_pragma=mmap_size(0)&_pragma=temp_store(2)"))
	if err != nil {
		return nil, fmt.Errorf("open the file: %w", err)
	}
	f := &File{db: db, rows: limits.Rows}
	if f.conn, err = db.Conn(ctx); err != nil {
		return nil, errors.Join(unreadable(err), db.Close())
	}
	for id, most := range map[int]int{
		sqlite3.SQLITE_LIMIT_LENGTH: limits.Cell, sqlite3.SQLITE_LIMIT_ATTACHED: 0, sqlite3.SQLITE_LIMIT_SQL_LENGTH: 64 << 10,
		sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 20, sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH: 1, sqlite3.SQLITE_LIMIT_COMPOUND_SELECT: 2,
		sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
	} {
		if _, err := sqlite.Limit(f.conn, id, most); err != nil {
			return nil, errors.Join(fmt.Errorf("limit the database: %w", err), f.Close())
		}
	}
	if err := f.checkSchema(ctx); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func address(path, options string) string {
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + options
}

func unreadable(err error) error {
	return gatehouse.Errorf(gatehouse.Invalid, "What is in the file is no SQLite database that can be read. Was it copied whole?").Because(err)
}

// Close closes the file.
func (f *File) Close() error { return errors.Join(f.conn.Close(), f.db.Close()) }

// mostObjects bounds a schema.
const mostObjects = 200

// checkSchema refuses what is not a plain table or an index of one: a view or a
// virtual table of the name of a table runs what its author wrote.
func (f *File) checkSchema(ctx context.Context) error {
	rows, err := f.conn.QueryContext(ctx, `select type, name, coalesce(sql, '') from sqlite_master limit ?`, mostObjects+1)
	if err != nil {
		return unreadable(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var kind, name, text string
		if err := rows.Scan(&kind, &name, &text); err != nil {
			return unreadable(err)
		}
		text = strings.ToLower(text)
		plain := kind == "index" || kind == "table" && !strings.HasPrefix(strings.Join(strings.Fields(text), " "), "create virtual") && !strings.Contains(text, "generated always")
		if n++; !plain || n > mostObjects {
			return gatehouse.Errorf(gatehouse.Invalid, "The database in the file has more in it than plain tables, so it is not read.")
		}
	}
	if err := rows.Err(); err != nil {
		return unreadable(err)
	}
	return nil
}

// plainName is what may stand in a statement.
var plainName = regexp.MustCompile(`^[a-z0-9_]{1,64}$`)

// Columns are the names of a table's columns that are stored; none: there is no
// such table.
func (f *File) Columns(ctx context.Context, table string) ([]string, error) {
	rows, err := f.conn.QueryContext(ctx, `select name, hidden from pragma_table_xinfo(?)`, table)
	if err != nil {
		return nil, unreadable(err)
	}
	defer rows.Close()
	var all []string
	for rows.Next() {
		var name string
		var hidden int
		if err := rows.Scan(&name, &hidden); err != nil {
			return nil, unreadable(err)
		}
		if hidden != 0 {
			return nil, gatehouse.Errorf(gatehouse.Invalid, "The database in the file has more in it than plain tables, so it is not read.")
		}
		all = append(all, name)
	}
	if err := rows.Err(); err != nil {
		return nil, unreadable(err)
	}
	return all, nil
}

// Rows reads columns of a table, where one of them has a value ("" = all rows),
// in no order. A column that the table has not is nil. What do is given is only
// good until it returns: text and blobs as bytes, numbers as int64 or float64.
func (f *File) Rows(ctx context.Context, table string, columns []string, where, is string, do func([]any) error) error {
	has, err := f.Columns(ctx, table)
	if err != nil {
		return err
	}
	if len(has) == 0 {
		return gatehouse.Errorf(gatehouse.Invalid, "The database in the file has no table %s, so it is not what it should be.", table)
	}
	picked := make([]string, len(columns))
	for i, c := range columns {
		if picked[i] = "null"; slices.Contains(has, c) {
			picked[i] = c
		}
	}
	names := slices.Concat([]string{table}, columns)
	if where != "" {
		names = append(names, where)
	}
	for _, name := range names {
		if !plainName.MatchString(name) {
			return fmt.Errorf("%q is no name of a table or column", name)
		}
	}
	query, args := "select "+strings.Join(picked, ", ")+" from "+table+" not indexed", []any(nil)
	if where != "" {
		query, args = query+" where "+where+" = ?", []any{is}
	}
	return f.each(ctx, len(columns), do, query, args...)
}

func (f *File) each(ctx context.Context, width int, do func([]any) error, query string, args ...any) error {
	rows, err := f.conn.QueryContext(ctx, query, args...)
	if err != nil {
		return unreadable(err)
	}
	defer rows.Close()
	values, into := make([]any, width), make([]any, width)
	for i := range values {
		into[i] = &values[i]
	}
	for rows.Next() {
		if f.rows--; f.rows < 0 {
			return gatehouse.Errorf(gatehouse.Invalid, "The file has more rows than are read of one.")
		}
		if err := rows.Scan(into...); err != nil {
			return unreadable(err)
		}
		if err := do(values); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return unreadable(err)
	}
	return nil
}

// Text is a value that a row has, as text.
func Text(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case []byte:
		return string(v)
	case time.Time: // by the declared type of the column
		return v.UTC().Format(time.RFC3339Nano)
	case nil:
		return ""
	}
	return fmt.Sprint(v)
}

// Bytes is a value that a row has, as bytes.
func Bytes(v any) []byte {
	switch v := v.(type) {
	case string:
		return []byte(v)
	case []byte:
		return slices.Clone(v)
	}
	return nil
}
