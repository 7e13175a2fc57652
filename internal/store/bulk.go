package store

import (
	"strconv"
	"strings"
)

// bulk inserts many rows.
type bulk struct {
	head    string // "insert into t (a, b) values "
	columns int
	tail    string // "on conflict …"
}

func (b bulk) statement(rows int) string {
	var s strings.Builder
	s.WriteString(b.head)
	n := 1
	for i := range rows {
		if i > 0 {
			s.WriteByte(',')
		}
		for j := range b.columns {
			s.WriteByte("(,"[min(j, 1)])
			s.WriteByte('$')
			s.WriteString(strconv.Itoa(n))
			n++
		}
		s.WriteByte(')')
	}
	s.WriteString(" " + b.tail)
	return s.String()
}

// load inserts rows by statements of as many rows as the database likes, then
// of half as many, and so on: there are few different ones to prepare.
func (tx *Tx) load(b bulk, rows [][]any) error {
	for size := tx.store.dialect.rows; size > 0; size /= 2 {
		if len(rows) < size {
			continue
		}
		statement := b.statement(size)
		for len(rows) >= size {
			args := make([]any, 0, size*b.columns)
			for _, r := range rows[:size] {
				args = append(args, r...)
			}
			if err := tx.send(statement, args...); err != nil {
				return err
			}
			rows = rows[size:]
		}
	}
	return nil
}
