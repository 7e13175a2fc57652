package store

import "strings"

// dialect is all in which the two databases differ, as far as the SQL is
// concerned.
type dialect struct {
	// text is the type of text columns: ordered by bytes on both, so that
	// lists, cursors and indexes do not depend on the locale of the server.
	text string
	// among says that what stands before it is one of the elements of a JSON
	// array of texts, given as parameter %. PostgreSQL gets an array: it plans a
	// subquery as if it might bring anything, and then reads whole tables.
	among string
	// skipLocked lets workers on several nodes claim jobs side by side.
	skipLocked string
	// analyze makes the planner know what a bulk load brought into table %; "" where it
	// needs not.
	analyze string
	// rows is how many rows a bulk insert takes at once: SQLite is in our own
	// process (and its driver looks for each parameter among all), PostgreSQL is
	// a journey away. 64 rows stay far below its 65535 parameters.
	rows int
}

func sqliteDialect() dialect {
	return dialect{
		text:  "text",
		among: "in (select value from json_each(%))",
		rows:  1,
	}
}

func postgresDialect() dialect {
	return dialect{
		text:       `text collate "C"`,
		among:      "= any (array(select jsonb_array_elements_text(cast(% as jsonb))))",
		skipLocked: "for update skip locked",
		analyze:    "analyze %",
		rows:       64,
	}
}

// in is what follows x in "x in …" for a list that is given as one parameter:
// one SQL text serves lists of any length.
func (d dialect) in(parameter string) string {
	return strings.Replace(d.among, "%", parameter, 1)
}
