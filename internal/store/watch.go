package store

import "sync"

// watchers are told in this process when jobs were added or asked to end. What
// other nodes add is found by looking.
type watchers struct {
	mu  sync.Mutex
	all map[chan struct{}]bool
}

// WatchJobs gives a channel that receives after every Update of this Store that
// added a job or asked one to end; several such may come as one. stop ends it.
func (s *Store) WatchJobs() (changed <-chan struct{}, stop func()) {
	c := make(chan struct{}, 1)
	w := &s.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.all == nil {
		w.all = map[chan struct{}]bool{}
	}
	w.all[c] = true
	return c, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.all, c)
	}
}

func (w *watchers) tell() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for c := range w.all {
		select {
		case c <- struct{}{}:
		default: // has one waiting already
		}
	}
}
