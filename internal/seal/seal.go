// Package seal keeps secrets at rest unreadable. A Box seals a value with the
// installation's key (an AES-256-GCM keyset of Tink, kept in a file of its own,
// mode 0600) and binds it to the row it belongs to, so that a sealed value
// copied to another row does not open.
package seal

// Box seals and opens. It is safe for concurrent use.
type Box struct{}

// Open reads the key file, or makes it with mode 0600 if it does not exist. A
// file that others may read, or that is no keyset, is an error that says so.
func Open(path string) (*Box, error) { panic("todo") }

// Ephemeral makes a box with a key that is kept nowhere; for tests.
func Ephemeral() (*Box, error) { panic("todo") }

// Seal encrypts plain for the row that about names ("connections/0191…/app_secret"). Empty stays empty.
func (b *Box) Seal(plain []byte, about string) ([]byte, error) { panic("todo") }

// Unseal decrypts what Seal made for the same row.
func (b *Box) Unseal(sealed []byte, about string) ([]byte, error) { panic("todo") }

// Rotate adds a new primary key to the key file; old values still open.
func Rotate(path string) error { panic("todo") }
