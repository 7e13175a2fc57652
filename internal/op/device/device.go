// Package device decides what a device without a browser hears while its person
// answers elsewhere (RFC 8628), and makes the codes that people type in. It
// reads nothing and changes nothing.
package device

import (
	"crypto/rand"
	"math/big"
	"strings"
	"time"

	"gatehouse"
)

// How long a device's wish waits, and how often the device may ask.
const (
	Life     = 10 * time.Minute
	Interval = 5 * time.Second
	slower   = 5 * time.Second // for each time that it asked too soon (RFC 8628 section 3.5)
	slowest  = time.Minute
)

// Wrong codes that one person may type in before they have to wait. Of 25.6
// billion codes a guess then hits one that waits never in practice (RFC 8628
// section 5.1).
const (
	MaxGuesses = 10
	Forget     = 15 * time.Minute
)

// letters of user codes: no vowels, so that no words come out, and nothing that
// is easily taken for something else (RFC 8628 section 6.1).
const (
	letters = "BCDFGHJKLMNPQRSTVWXZ"
	length  = 8
)

// NewUserCode makes the code that a person types in.
func NewUserCode() string {
	var code strings.Builder
	for range length {
		n, err := rand.Int(rand.Reader, big.NewInt(int64(len(letters))))
		if err != nil {
			panic(err) // never: crypto/rand stops the program instead
		}
		code.WriteByte(letters[n.Int64()])
	}
	return code.String()
}

// Shown is a user code as people read it: WDJB-MJHT.
func Shown(code string) string {
	if len(code) != length {
		return code
	}
	return code[:length/2] + "-" + code[length/2:]
}

// Typed reads a user code as people type it: in any case, with or without the
// dash, with spaces. False when it can be none.
func Typed(text string) (string, bool) {
	if len(text) > 4*length {
		return "", false
	}
	code := strings.Map(func(r rune) rune {
		if strings.ContainsRune(" -_.–—\t", r) {
			return -1
		}
		return r
	}, strings.ToUpper(text))
	return code, len(code) == length && strings.Trim(code, letters) == ""
}

// Answer is what a device hears when it asks.
type Answer string

// The answers. All but the last two are errors of RFC 8628 section 3.5.
const (
	Pending  Answer = "authorization_pending"
	SlowDown Answer = "slow_down"
	Denied   Answer = "access_denied"
	Expired  Answer = "expired_token"
	Give     Answer = ""              // it gets its tokens
	Again    Answer = "invalid_grant" // it has got them already
)

// Ask decides what a device hears that asks now, and gives its wish as it is
// afterwards.
func Ask(d gatehouse.DeviceGrant, now time.Time) (gatehouse.DeviceGrant, Answer) {
	switch {
	case d.State == gatehouse.DeviceDone:
		return d, Again
	case !now.Before(d.ExpiresAt):
		return d, Expired
	case d.State == gatehouse.DeviceDenied:
		return d, Denied
	}
	soon := !d.PolledAt.IsZero() && now.Sub(d.PolledAt) < d.Interval
	d.PolledAt = now
	switch {
	case soon:
		d.Interval = min(d.Interval+slower, slowest)
		return d, SlowDown
	case d.State == gatehouse.DeviceAllowed:
		d.State = gatehouse.DeviceDone
		return d, Give
	}
	return d, Pending
}
