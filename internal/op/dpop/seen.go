package dpop

import (
	"sync"
	"time"
)

// most is how many proofs one half of Seen holds.
const most = 50_000

// Seen remembers, on this node, the proofs of requests that only read, so that
// none is good twice here. It is bounded: when very many come, the oldest are
// forgotten before their end. The zero value is ready, and it is safe for
// concurrent use.
type Seen struct {
	mu       sync.Mutex
	now, old map[[2]string]struct{}
	began    time.Time
}

// First notes a proof, and says whether it is new.
func (s *Seen) First(p Proof, now time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || len(s.now) >= most || now.Sub(s.began) > Life+ahead {
		s.old, s.now, s.began = s.now, map[[2]string]struct{}{}, now
	}
	key := [2]string{p.Thumbprint, p.ID}
	if _, known := s.now[key]; known {
		return false
	}
	if _, known := s.old[key]; known {
		return false
	}
	s.now[key] = struct{}{}
	return true
}
