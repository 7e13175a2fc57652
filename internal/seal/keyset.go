package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
)

// The key file and the sealed values have exactly Tink's format (a cleartext
// JSON keyset of AesGcmKey with prefix TINK), so that Tink's own tools read,
// rotate and move them.
const (
	typeURL   = "type.googleapis.com/google.crypto.tink.AesGcmKey"
	keySize   = 32
	prefix    = 0x01 // of a value sealed under outputPrefixType TINK
	prefixLen = 5    // and four bytes of key id
	enabled   = "ENABLED"
)

// keyFile is google.crypto.tink.Keyset in JSON.
type keyFile struct {
	PrimaryKeyID uint32    `json:"primaryKeyId"`
	Key          []fileKey `json:"key"`
}

type fileKey struct {
	KeyData struct {
		TypeURL         string `json:"typeUrl"`
		Value           []byte `json:"value"` // serialized AesGcmKey
		KeyMaterialType string `json:"keyMaterialType"`
	} `json:"keyData"`
	Status           string `json:"status"`
	KeyID            uint32 `json:"keyId"`
	OutputPrefixType string `json:"outputPrefixType"`
}

// keyset is never changed once it was made.
type keyset struct {
	file  keyFile
	aeads map[uint32]cipher.AEAD
}

func newKeyset() (*keyset, error) { return (&keyset{}).rotated() }

// rotated is the keyset with one more key, the primary one.
func (k *keyset) rotated() (*keyset, error) {
	var key fileKey
	key.KeyData.TypeURL = typeURL
	key.KeyData.KeyMaterialType = "SYMMETRIC"
	key.KeyData.Value = append([]byte{0x1a, keySize}, randomBytes(keySize)...) // field 3 (key_value), 32 bytes
	key.Status, key.OutputPrefixType = enabled, "TINK"
	for key.KeyID == 0 || k.aeads[key.KeyID] != nil {
		key.KeyID = binary.BigEndian.Uint32(randomBytes(4))
	}
	file := keyFile{PrimaryKeyID: key.KeyID, Key: append(append([]fileKey{}, k.file.Key...), key)}
	return file.open()
}

func parseKeyset(data []byte) (*keyset, error) {
	var file keyFile
	if err := json.Unmarshal(data, &file); err != nil {
		return nil, errors.New("it is not JSON of that kind") // the parser's words might quote a key
	}
	return file.open()
}

func (f keyFile) open() (*keyset, error) {
	k := &keyset{file: f, aeads: make(map[uint32]cipher.AEAD, len(f.Key))}
	for i, key := range f.Key {
		if key.Status != enabled {
			continue
		}
		aead, err := key.open()
		if err != nil {
			return nil, fmt.Errorf("key %d of %d: %w", i+1, len(f.Key), err)
		}
		if k.aeads[key.KeyID] != nil {
			return nil, fmt.Errorf("key %d of %d: its id is there twice", i+1, len(f.Key))
		}
		k.aeads[key.KeyID] = aead
	}
	if k.aeads[f.PrimaryKeyID] == nil {
		return nil, errors.New("it has no enabled primary key")
	}
	return k, nil
}

func (key fileKey) open() (cipher.AEAD, error) {
	if key.KeyData.TypeURL != typeURL || key.OutputPrefixType != "TINK" {
		return nil, errors.New("it is not an AES-GCM key with Tink's prefix")
	}
	raw := key.KeyData.Value
	if len(raw) == keySize+4 && raw[0] == 0x08 && raw[1] == 0x00 { // version 0, said explicitly
		raw = raw[2:]
	}
	if len(raw) != keySize+2 || raw[0] != 0x1a || raw[1] != keySize {
		return nil, errors.New("it is not a key of 256 bits")
	}
	block, err := aes.NewCipher(raw[2:])
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

func (k *keyset) marshal() ([]byte, error) {
	data, err := json.MarshalIndent(k.file, "", "  ")
	return append(data, '\n'), err
}

// encrypt gives prefix, key id, nonce, ciphertext and tag.
func (k *keyset) encrypt(plain, about []byte) ([]byte, error) {
	aead := k.aeads[k.file.PrimaryKeyID]
	head := binary.BigEndian.AppendUint32([]byte{prefix}, k.file.PrimaryKeyID)
	nonce := randomBytes(aead.NonceSize())
	out := make([]byte, 0, prefixLen+len(nonce)+len(plain)+aead.Overhead())
	out = append(append(out, head...), nonce...)
	return aead.Seal(out, nonce, plain, about), nil
}

func (k *keyset) decrypt(sealed, about []byte) ([]byte, error) {
	if len(sealed) < prefixLen || sealed[0] != prefix {
		return nil, errors.New("not a sealed value")
	}
	aead := k.aeads[binary.BigEndian.Uint32(sealed[1:prefixLen])]
	sealed = sealed[prefixLen:]
	if aead == nil || len(sealed) < aead.NonceSize() {
		return nil, errors.New("unknown key")
	}
	n := aead.NonceSize()
	return aead.Open(nil, sealed[:n], sealed[n:], about)
}

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b) //nolint:errcheck // crypto/rand.Read never returns an error (Go 1.24)
	return b
}
