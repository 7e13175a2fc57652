// Package seal keeps secrets at rest unreadable. A Box seals a value with the
// installation's key (an AES-256-GCM keyset of Tink, kept in a file of its own,
// mode 0600) and binds it to the row it belongs to, so that a sealed value
// copied to another row does not open.
package seal

import (
	"errors"
	"fmt"
)

// ErrUnseal is in the chain of every error of Unseal for a value that is there:
// it was sealed with another key file, for another row, or was changed.
var ErrUnseal = errors.New("the value was sealed with another key file, belongs to another row, or was changed")

var (
	errNoKey   = errors.New("the box has no key")
	errNoAbout = errors.New("nothing says which row the value belongs to")
)

// Box seals and opens. It is safe for concurrent use. A Box sees its key file
// as it was when it was opened: after Rotate, processes that share a database
// are restarted before values that the new key sealed can be read by them.
type Box struct {
	keys *keyset
}

// Open reads the key file, or makes it with mode 0600 if it does not exist. A
// file that others may read, or that is no keyset, is an error that says so.
// Of several processes that make the same file at once one wins, and all use
// the winner's key.
func Open(path string) (*Box, error) {
	keys, err := readOrMake(path)
	if err != nil {
		return nil, err
	}
	return &Box{keys: keys}, nil
}

// Ephemeral makes a box with a key that is kept nowhere; for tests.
func Ephemeral() (*Box, error) {
	keys, err := newKeyset()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	return &Box{keys: keys}, nil
}

// Seal encrypts plain for the row that about names ("connections/0191…/app_secret"). Empty stays empty.
func (b *Box) Seal(plain []byte, about string) ([]byte, error) {
	if len(plain) == 0 {
		return nil, nil
	}
	if err := b.check(about); err != nil {
		return nil, fmt.Errorf("seal %q: %w", about, err)
	}
	sealed, err := b.keys.encrypt(plain, []byte(about))
	if err != nil {
		return nil, fmt.Errorf("seal %q: %w", about, err)
	}
	return sealed, nil
}

// Unseal decrypts what Seal made for the same row. Every refusal of a sealed
// value is ErrUnseal, and never says how far it came.
func (b *Box) Unseal(sealed []byte, about string) ([]byte, error) {
	if len(sealed) == 0 {
		return nil, nil
	}
	if err := b.check(about); err != nil {
		return nil, fmt.Errorf("unseal %q: %w", about, err)
	}
	plain, err := b.keys.decrypt(sealed, []byte(about))
	if err != nil {
		return nil, fmt.Errorf("unseal %q: %w", about, ErrUnseal)
	}
	return plain, nil
}

func (b *Box) check(about string) error {
	if b == nil || b.keys == nil {
		return errNoKey
	}
	if about == "" {
		return errNoAbout
	}
	return nil
}
