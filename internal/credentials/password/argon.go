package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/argon2"

	"gatehouse"
)

// Cost is what one guess costs.
type Cost struct {
	Memory uint32 // KiB
	Passes uint32
}

// usual is the first of the equal choices of OWASP's Password Storage Cheat
// Sheet: 46 MiB, one pass, one lane. docs/security.md has how long it takes.
func usual() Cost { return Cost{Memory: 47104, Passes: 1} }

// Bounds of what is worked out at once: this much memory and these processors
// at most, and nobody waits for longer than a person would.
const (
	slots       = 2
	mostWaiting = 16
	longestWait = 5 * time.Second
)

const (
	saltLength = 16
	keyLength  = 32
)

// Hasher turns passwords into what is kept, and compares. It works out two at
// once and lets a few wait, so that passwords cannot take the machine. It is used
// by pointer and is safe for concurrent use; the zero value works.
type Hasher struct {
	Cost Cost // zero: the usual one

	once    sync.Once
	worked  atomic.Int64
	working chan struct{}
	waiting chan struct{}
}

func (h *Hasher) cost() Cost {
	if h.Cost == (Cost{}) {
		return usual()
	}
	return h.Cost
}

// Hash is a password as it is kept, as a PHC string with a salt of its own.
func (h *Hasher) Hash(ctx context.Context, p string) (string, error) {
	k := kept{cost: h.cost(), salt: make([]byte, saltLength)}
	_, _ = rand.Read(k.salt) // never fails: crypto/rand stops the program instead
	var err error
	k.key, err = h.work(ctx, p, k)
	return k.String(), err
}

// Matches says whether a password is the one that is kept. With kept "" it says
// no after as much work, so that nobody learns by the time who has a password.
func (h *Hasher) Matches(ctx context.Context, p, phc string) (bool, error) {
	k, ok := parse(phc)
	if !ok {
		k = kept{cost: h.cost(), salt: make([]byte, saltLength), key: make([]byte, keyLength)}
	}
	key, err := h.work(ctx, p, k)
	if err != nil {
		return false, err
	}
	return subtle.ConstantTimeCompare(key, k.key) == 1 && ok, nil
}

// Outdated says whether what is kept should be made anew with the present cost.
func (h *Hasher) Outdated(phc string) bool {
	k, ok := parse(phc)
	return !ok || k.cost != h.cost()
}

// Worked is how many hashes were worked out so far.
func (h *Hasher) Worked() int { return int(h.worked.Load()) }

// work waits for its turn. Too many at once is Limited.
func (h *Hasher) work(ctx context.Context, p string, k kept) ([]byte, error) {
	h.once.Do(func() { h.working, h.waiting = make(chan struct{}, slots), make(chan struct{}, slots+mostWaiting) })
	busy := gatehouse.Errorf(gatehouse.Limited, "Too many passwords are being checked right now. Wait a moment, and try again.")
	select {
	case h.waiting <- struct{}{}:
		defer func() { <-h.waiting }()
	default:
		return nil, busy
	}
	turn := time.NewTimer(longestWait)
	defer turn.Stop()
	select {
	case h.working <- struct{}{}:
		defer func() { <-h.working }()
	case <-turn.C:
		return nil, busy
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	h.worked.Add(1)
	if len(p) > longestBytes {
		p = "" // none of ours; the same work all the same
	}
	return argon2.IDKey([]byte(Normal(p)), k.salt, k.cost.Passes, k.cost.Memory, 1, keyLength), nil
}

// kept is a password as it is kept.
type kept struct {
	cost      Cost
	salt, key []byte
}

// String is the PHC string.
func (k kept) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=1$%s$%s", argon2.Version, k.cost.Memory, k.cost.Passes,
		b64.EncodeToString(k.salt), b64.EncodeToString(k.key))
}

// mostMemory and mostPasses bound what a row of the database can make us work.
const (
	mostMemory = 1 << 20 // KiB: 1 GiB
	mostPasses = 16
)

// parse reads a PHC string of ours.
func parse(phc string) (kept, bool) {
	var k kept
	var version int
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" {
		return k, false
	}
	if _, err := fmt.Sscanf(parts[2], "v=%d", &version); err != nil || version != argon2.Version {
		return k, false
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=1", &k.cost.Memory, &k.cost.Passes); err != nil {
		return k, false
	}
	var errSalt, errKey error
	k.salt, errSalt = base64.RawStdEncoding.DecodeString(parts[4])
	k.key, errKey = base64.RawStdEncoding.DecodeString(parts[5])
	ok := errSalt == nil && errKey == nil && len(k.salt) >= 8 && len(k.key) == keyLength &&
		k.cost.Memory >= 8 && k.cost.Memory <= mostMemory && k.cost.Passes >= 1 && k.cost.Passes <= mostPasses
	return k, ok
}
