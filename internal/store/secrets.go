package store

import (
	"encoding/json"
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

// sealAll seals secrets by their names together; none stay null.
func (tx *Tx) sealAll(secrets map[string]string, c cell) ([]byte, error) {
	if len(secrets) == 0 {
		return nil, nil
	}
	return tx.seal([]byte(asJSON(secrets)), c)
}

// unsealAll turns back what sealAll made.
func (tx *Tx) unsealAll(sealed []byte, c cell) (secrets map[string]string, err error) {
	plain, err := tx.unseal(sealed, c)
	if err != nil || len(plain) == 0 {
		return nil, err
	}
	if err := json.Unmarshal(plain, &secrets); err != nil {
		return nil, fmt.Errorf("read %s: %w", c, err)
	}
	return secrets, nil
}
