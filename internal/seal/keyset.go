package seal

import (
	"bytes"
	"encoding/json"
	"errors"

	"github.com/tink-crypto/tink-go/v2/aead"
	"github.com/tink-crypto/tink-go/v2/insecurecleartextkeyset"
	tinkset "github.com/tink-crypto/tink-go/v2/keyset"
	"github.com/tink-crypto/tink-go/v2/tink"
)

// keyset is never changed once it was made. The key file holds it in clear,
// since the file is the secret.
type keyset struct {
	handle *tinkset.Handle
	aead   tink.AEAD
}

func newKeyset() (*keyset, error) {
	h, err := tinkset.NewHandle(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	return opened(h)
}

// rotated is the keyset with one more key, the primary one.
func (k *keyset) rotated() (*keyset, error) {
	m := tinkset.NewManagerFromHandle(k.handle)
	id, err := m.Add(aead.AES256GCMKeyTemplate())
	if err != nil {
		return nil, err
	}
	if err := m.SetPrimary(id); err != nil {
		return nil, err
	}
	h, err := m.Handle()
	if err != nil {
		return nil, err
	}
	return opened(h)
}

func parseKeyset(data []byte) (*keyset, error) {
	h, err := insecurecleartextkeyset.Read(tinkset.NewJSONReader(bytes.NewReader(data)))
	if err != nil {
		return nil, errors.New("it is not a cleartext keyset in JSON") // the parser's words might quote a key
	}
	return opened(h)
}

func opened(h *tinkset.Handle) (*keyset, error) {
	a, err := aead.New(h)
	if err != nil {
		return nil, errors.New("its keys are not for authenticated encryption")
	}
	return &keyset{handle: h, aead: a}, nil
}

func (k *keyset) marshal() ([]byte, error) {
	var raw, out bytes.Buffer
	if err := insecurecleartextkeyset.Write(k.handle, tinkset.NewJSONWriter(&raw)); err != nil {
		return nil, err
	}
	if err := json.Indent(&out, raw.Bytes(), "", "  "); err != nil {
		return nil, err
	}
	out.WriteByte('\n')
	return out.Bytes(), nil
}

func (k *keyset) encrypt(plain, about []byte) ([]byte, error) { return k.aead.Encrypt(plain, about) }

func (k *keyset) decrypt(sealed, about []byte) ([]byte, error) { return k.aead.Decrypt(sealed, about) }
