package store

import (
	"database/sql"
	"database/sql/driver"
	"fmt"
	"reflect"
)

// values is one row of SQLite's driver.
type values []driver.Value

// Scan writes the columns where they belong.
func (v values) Scan(dest ...any) error {
	if len(dest) != len(v) {
		return fmt.Errorf("read a row: %d columns are asked for, it has %d", len(dest), len(v))
	}
	for i, d := range dest {
		if err := assign(d, v[i]); err != nil {
			return fmt.Errorf("read column %d: %w", i+1, err)
		}
	}
	return nil
}

// assign writes one column. A driver's value is an int64, a float64, a text,
// bytes or nil, and a truth is an int64.
func assign(dest any, src driver.Value) error {
	switch d := dest.(type) {
	case *string:
		if v, ok := src.(string); ok {
			*d = v
			return nil
		}
	case *int64:
		if v, ok := src.(int64); ok {
			*d = v
			return nil
		}
	case *bool:
		if v, ok := src.(int64); ok {
			*d = v != 0
			return nil
		}
	case *[]byte:
		switch v := src.(type) {
		case []byte:
			*d = v
			return nil
		case string:
			*d = []byte(v)
			return nil
		case nil:
			*d = nil
			return nil
		}
	case sql.Scanner:
		return d.Scan(src)
	default:
		return assignKind(reflect.ValueOf(dest).Elem(), src)
	}
	return fmt.Errorf("a %T does not fit into a %T", src, dest)
}

// assignKind writes one column into what is of a type of ours.
func assignKind(dest reflect.Value, src driver.Value) error {
	switch v := src.(type) {
	case string:
		if dest.Kind() == reflect.String {
			dest.SetString(v)
			return nil
		}
	case int64:
		switch {
		case dest.CanInt() && !dest.OverflowInt(v):
			dest.SetInt(v)
			return nil
		case dest.Kind() == reflect.Bool:
			dest.SetBool(v != 0)
			return nil
		}
	case float64:
		if dest.CanFloat() {
			dest.SetFloat(v)
			return nil
		}
	}
	return fmt.Errorf("a %T does not fit into a %s", src, dest.Type())
}
