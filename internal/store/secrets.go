package store

import (
	"fmt"
)

// cell names one value of one row. A secret is sealed for its cell and opens
// nowhere else.
type cell struct{ table, id, column string }

func (c cell) String() string { return c.table + "/" + c.id + "/" + c.column }

// seal makes a secret unreadable; an empty one stays null.
func (tx *Tx) seal(plain []byte, c cell) ([]byte, error) {
	if len(plain) == 0 {
		return nil, nil
	}
	b, err := tx.store.opts.Seal.Seal(plain, c.String())
	if err != nil {
		return nil, fmt.Errorf("seal %s: %w", c, err)
	}
	return b, nil
}

// unseal turns back what seal made.
func (tx *Tx) unseal(sealed []byte, c cell) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	b, err := tx.store.opts.Seal.Unseal(sealed, c.String())
	if err != nil {
		return nil, fmt.Errorf("unseal %s: %w", c, err)
	}
	return b, nil
}
