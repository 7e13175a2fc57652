package certify

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
)

// Bounds of a file of certificates, which comes from outside.
const (
	maxFile         = 256 << 20 // bytes
	maxCertificates = 100_000
)

// Report is what a file of certificates proves.
type Report struct {
	Key    string      // KeyID of the key that signed all of them
	Chains []Chain     // by connector, in the order of the file
	Last   []Statement // the newest of each chain
}

// Chain is an unbroken row of certificates of one connector.
type Chain struct {
	Connector   string // id
	First, Last int64  // numbers
	Digest      string // of the last one: whoever wrote it down finds later whether anything before it was changed
}

// Verify reads certificates, one JSON object after the other, and checks that
// every one was signed by the key, was not changed since, and that those of a
// connector follow upon each other without one missing. An error says which one
// is wrong, and how.
func Verify(r io.Reader, key ed25519.PublicKey) (Report, error) {
	report := Report{Key: KeyID(key)}
	limited := &io.LimitedReader{R: r, N: maxFile + 1}
	dec := json.NewDecoder(limited)
	for n := 1; ; n++ {
		var c Certificate
		err := dec.Decode(&c)
		switch {
		case limited.N == 0:
			return report, fmt.Errorf("the file is longer than %d MiB; check it in parts", maxFile>>20)
		case errors.Is(err, io.EOF) && n == 1:
			return report, errors.New("there is no certificate in the file")
		case errors.Is(err, io.EOF):
			return report, nil
		case err != nil:
			return report, fmt.Errorf("certificate %d of the file cannot be read: it is not JSON as Gatehouse writes it", n)
		case n > maxCertificates:
			return report, fmt.Errorf("the file has more than %d certificates; check it in parts", maxCertificates)
		}
		s, err := check(c, key)
		if err == nil {
			err = report.add(c, s)
		}
		if err != nil {
			return report, fmt.Errorf("certificate %d of the file: %w", n, err)
		}
	}
}

// check is the statement of a certificate that was signed by the key.
func check(c Certificate, key ed25519.PublicKey) (Statement, error) {
	var s Statement
	text, err := c.compact()
	if err != nil {
		return s, err
	}
	if c.Key != KeyID(key) {
		return s, fmt.Errorf("it is signed by the key %.64q, and not by the one that it is checked with (%s)", c.Key, KeyID(key))
	}
	signature, err := base64.StdEncoding.DecodeString(c.Signature)
	if err != nil || !ed25519.Verify(key, append([]byte(signedFor), text...), signature) {
		return s, errors.New("its signature is wrong: it was changed, or somebody else made it")
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&s); err != nil || s.Format != Format {
		return s, errors.New("it is of another form than this version of Gatehouse knows; check it with the version that made it")
	}
	return s, nil
}

// add puts a checked certificate at the end of its chain.
func (r *Report) add(c Certificate, s Statement) error {
	i := slices.IndexFunc(r.Chains, func(have Chain) bool { return have.Connector == s.Connector.ID })
	if i < 0 {
		if first := s.Number == 1; first != (s.Former == "") {
			return errors.New("its number and the digest of the former one do not go together")
		}
		r.Chains = append(r.Chains, Chain{Connector: s.Connector.ID, First: s.Number, Last: s.Number, Digest: c.Digest()})
		r.Last = append(r.Last, s)
		return nil
	}
	chain := &r.Chains[i]
	switch {
	case s.Number != chain.Last+1:
		return fmt.Errorf("number %d of %s follows upon number %d: certificates are missing, or in another order", s.Number, s.Connector.Key, chain.Last)
	case s.Former != chain.Digest:
		return fmt.Errorf("number %d of %s does not name the digest of number %d: one of them was replaced", s.Number, s.Connector.Key, chain.Last)
	}
	chain.Last, chain.Digest, r.Last[i] = s.Number, c.Digest(), s
	return nil
}
