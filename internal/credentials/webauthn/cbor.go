package webauthn

import (
	"encoding/binary"
	"errors"
)

var errCBOR = errors.New("the answer of the authenticator is no CBOR that CTAP2 allows")

// What bounds a CBOR item of an authenticator.
const (
	deepest     = 4 // CTAP 2.1 section 8: at most four levels
	mostEntries = 64
)

// decode reads one CBOR item of those that authenticators write (CTAP2
// canonical form, of RFC 8949): int64, []byte, string, bool, nil, []any and
// map[any]any, with integers and texts as keys. What is left is returned.
func decode(b []byte) (item any, rest []byte, err error) { return decodeAt(b, deepest+1) }

func decodeAt(b []byte, levels int) (any, []byte, error) {
	if levels == 0 {
		return nil, nil, errCBOR
	}
	major, n, b, err := head(b)
	if err != nil {
		return nil, nil, err
	}
	switch major {
	case 0:
		return int64(n), b, nil
	case 1:
		return -1 - int64(n), b, nil
	case 2, 3:
		if n > uint64(len(b)) {
			return nil, nil, errCBOR
		}
		if major == 2 {
			return b[:n:n], b[n:], nil
		}
		return string(b[:n]), b[n:], nil
	case 4:
		return decodeList(b, n, levels)
	case 5:
		return decodeMap(b, n, levels)
	case 7:
		switch n {
		case 20, 21:
			return n == 21, b, nil
		case 22:
			return nil, b, nil
		}
	}
	return nil, nil, errCBOR
}

// head reads the type and number that an item begins with. Endless items and
// numbers beyond what anybody needs are refused.
func head(b []byte) (major byte, n uint64, rest []byte, err error) {
	if len(b) == 0 {
		return 0, 0, nil, errCBOR
	}
	major, short, b := b[0]>>5, b[0]&31, b[1:]
	if short < 24 {
		return major, uint64(short), b, nil
	}
	size := 1 << (short - 24)
	if short > 27 || len(b) < size || major == 7 {
		return 0, 0, nil, errCBOR
	}
	var whole [8]byte
	copy(whole[8-size:], b)
	n = binary.BigEndian.Uint64(whole[:])
	if n > 1<<62 {
		return 0, 0, nil, errCBOR
	}
	return major, n, b[size:], nil
}

func decodeList(b []byte, n uint64, levels int) (any, []byte, error) {
	if n > mostEntries {
		return nil, nil, errCBOR
	}
	list := make([]any, n)
	for i := range list {
		var err error
		if list[i], b, err = decodeAt(b, levels-1); err != nil {
			return nil, nil, err
		}
	}
	return list, b, nil
}

func decodeMap(b []byte, n uint64, levels int) (any, []byte, error) {
	if n > mostEntries {
		return nil, nil, errCBOR
	}
	m := make(map[any]any, n)
	for range n {
		var key, value any
		var err error
		if key, b, err = decodeAt(b, levels-1); err != nil {
			return nil, nil, err
		}
		switch key.(type) {
		case int64, string:
		default:
			return nil, nil, errCBOR
		}
		if _, twice := m[key]; twice {
			return nil, nil, errCBOR
		}
		if value, b, err = decodeAt(b, levels-1); err != nil {
			return nil, nil, err
		}
		m[key] = value
	}
	return m, b, nil
}
