package foreign

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
)

// Writer makes a new file, in one transaction.
type Writer struct {
	db *sql.DB
	tx *sql.Tx
}

// Create makes a database in a file that is there and empty, with a schema.
func Create(ctx context.Context, path, schema string) (*Writer, error) {
	db, err := sql.Open("sqlite", address(path, "mode=rw&_pragma=journal_mode(off)&_pragma=synchronous(0)"))
	if err != nil {
		return nil, fmt.Errorf("make the file: %w", err)
	}
	db.SetMaxOpenConns(1)
	tx, err := db.BeginTx(ctx, nil)
	if err == nil {
		_, err = tx.ExecContext(ctx, schema)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("make the database: %w", err), db.Close())
	}
	return &Writer{db, tx}, nil
}

// Insert adds a row: columns are separated by commas.
func (w *Writer) Insert(ctx context.Context, table, columns string, values ...any) error {
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(values)), ", ")
	_, err := w.tx.ExecContext(ctx, "insert into "+table+" ("+columns+") values ("+marks+")", values...)
	if err != nil {
		return fmt.Errorf("write into %s: %w", table, err)
	}
	return nil
}

// Close ends the file. Without commit nothing is in it.
func (w *Writer) Close(commit bool) error {
	end := w.tx.Rollback
	if commit {
		end = w.tx.Commit
	}
	return errors.Join(end(), w.db.Close())
}
