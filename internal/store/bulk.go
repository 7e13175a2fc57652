package store

import (
	"strconv"
	"strings"
)

// bulk inserts many rows by few statements.
type bulk struct {
	head    string // "insert into t (a, b) values "
	columns int
	tail    string // "on conflict …"
}

// sizes are the numbers of rows of one statement, so that there are few
// different statements to prepare. The largest stays far below the 32766
// parameters that SQLite allows (PostgreSQL: 65535).
func sizes() []int { return []int{256, 32, 4, 1} }

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

// load inserts rows.
func (tx *Tx) load(b bulk, rows [][]any) error {
	for _, size := range sizes() {
		if len(rows) < size {
			continue
		}
		statement := b.statement(size)
		for len(rows) >= size {
			args := make([]any, 0, size*b.columns)
			for _, r := range rows[:size] {
				args = append(args, r...)
			}
			if _, err := tx.exec(statement, args...); err != nil {
				return err
			}
			rows = rows[size:]
		}
	}
	return nil
}
