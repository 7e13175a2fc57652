package foreign_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse"
	"gatehouse/internal/store/foreign"
)

func made(t *testing.T, schema string, rows ...[]any) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "db file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := foreign.Create(t.Context(), path, schema)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range rows {
		if err := w.Insert(t.Context(), "things", "name, data", r...); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(true); err != nil {
		t.Fatal(err)
	}
	return path
}

func read(t *testing.T, path string, limits foreign.Limits) ([]string, error) {
	t.Helper()
	f, err := foreign.Open(t.Context(), path, limits)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var got []string
	err = f.Rows(t.Context(), "things", []string{"name", "data", "later"}, "", "", func(v []any) error {
		got = append(got, foreign.Text(v[0])+"="+string(foreign.Bytes(v[1]))+foreign.Text(v[2]))
		return nil
	})
	return got, err
}

const things = "create table things (name text, data blob);"

func TestPlainTablesAreRead(t *testing.T) {
	t.Parallel()
	got, err := read(t, made(t, things, []any{"a", []byte("1")}, []any{"b", nil}), foreign.Limits{Cell: 1 << 20, Rows: 2})
	if d := cmp.Diff([]string{"a=1", "b="}, got); err != nil || d != "" {
		t.Errorf("read %v, %v: %s", got, err, d)
	}
}

func TestWhatIsNotPlainOrNotBoundedIsRefused(t *testing.T) {
	t.Parallel()
	no := filepath.Join(t.TempDir(), "no")
	if err := os.WriteFile(no, []byte("SQLite format 3\x00 and then nothing of it"), 0o600); err != nil {
		t.Fatal(err)
	}
	many := [][]any{{"a", "1"}, {"b", "2"}, {"c", "3"}}
	for name, path := range map[string]string{
		"a view in place of the table": made(t, "create table t (a); create view things as select a as name, a as data from t;"),
		"a trigger":                    made(t, things+"create trigger tr after insert on things begin delete from things; end;"),
		"a generated column":           made(t, "create table things (name text, data text generated always as (name || name));"),
		"a virtual table":              made(t, things+"create virtual table v using fts5(a);"),
		"no such table":                made(t, "create table t (a);"),
		"too many rows":                made(t, things, many...),
		"too large a value":            made(t, things, []any{"a", make([]byte, 5000)}),
		"no database":                  no,
	} {
		got, err := read(t, path, foreign.Limits{Cell: 2000, Rows: 2})
		if k := gatehouse.KindOf(err); k != gatehouse.Invalid {
			t.Errorf("%s: read %v, %v; want it refused", name, got, err)
		}
	}
}
