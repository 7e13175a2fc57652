package store

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"gatehouse"
)

// row is one row of a result.
type row interface{ Scan(dest ...any) error }

// millis is how times are stored: Unix milliseconds, 0 for the zero time.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// at reads a time that millis wrote; null is the zero time too.
func at(t *time.Time) *timeColumn { return (*timeColumn)(t) }

type timeColumn time.Time

// Scan is for database/sql.
func (c *timeColumn) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*c = timeColumn{}
	case int64:
		*c = timeColumn{}
		if v != 0 {
			*c = timeColumn(time.UnixMilli(v).UTC())
		}
	default:
		return fmt.Errorf("read time: a %T is no number of milliseconds", src)
	}
	return nil
}

// text reads a text that may be null; null is "".
func text(s *string) *textColumn { return (*textColumn)(s) }

type textColumn string

// Scan is for database/sql.
func (c *textColumn) Scan(src any) error {
	switch v := src.(type) {
	case nil:
		*c = ""
	case string:
		*c = textColumn(v)
	case []byte:
		*c = textColumn(v)
	default:
		return fmt.Errorf("read text: a %T is none", src)
	}
	return nil
}

// orNull stores "" as null, for columns that refer to another table.
func orNull(s string) any {
	if s == "" {
		return nil
	}
	return s
}

// orNoTime stores the zero time as null.
func orNoTime(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return millis(t)
}

// asJSON is how lists and maps are stored. What is stored so are our own types,
// which always can be written.
func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(fmt.Sprintf("store: %T as JSON: %v", v, err))
	}
	return string(b)
}

// fromJSON reads what asJSON wrote.
func fromJSON(v any) jsonColumn { return jsonColumn{v} }

type jsonColumn struct{ into any }

// Scan is for database/sql.
func (c jsonColumn) Scan(src any) error {
	switch v := src.(type) {
	case string:
		return json.Unmarshal([]byte(v), c.into)
	case []byte:
		return json.Unmarshal(v, c.into)
	}
	return fmt.Errorf("read JSON: a %T is none", src)
}

// asDetails stores the details of a grant: "" when there are none, as usual.
func asDetails(d gatehouse.GrantDetails) string {
	if d.IsZero() {
		return ""
	}
	return asJSON(d)
}

// details reads what asDetails wrote.
func details(d *gatehouse.GrantDetails) *detailsColumn { return (*detailsColumn)(d) }

type detailsColumn gatehouse.GrantDetails

// Scan is for database/sql.
func (c *detailsColumn) Scan(src any) error {
	if src == "" {
		*c = detailsColumn{}
		return nil
	}
	return fromJSON((*gatehouse.GrantDetails)(c)).Scan(src)
}

// searchable is the column that a search looks at: lower case by Unicode's
// rules, which the databases' own lower() does not know everywhere. The first
// text is also what lists are ordered by.
func searchable(texts ...string) string {
	s := clean(strings.ToLower(strings.Join(texts, "\n")))
	if len(s) > longestKey {
		s = strings.ToValidUTF8(s[:longestKey], "")
	}
	return s
}

// longestKey bounds what is indexed, in bytes: PostgreSQL's indexes take up to 2704.
const longestKey = 1024

// asList is a list of texts as the parameter of dialect.in.
func asList[T ~string](s []T) string {
	if s == nil {
		return "[]"
	}
	return asJSON(s)
}

// containing is the pattern that finds a text in a searchable column.
func containing(s string) string { return "%" + escapeLike(strings.ToLower(s)) + "%" }

// escapeLike takes the meaning from the signs that like knows.
func escapeLike(s string) string {
	return strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`).Replace(s)
}
