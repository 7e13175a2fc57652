package gatehouse

import "time"

// Clock tells the time. Everything that compares times is given one, so that a
// test can say what the time is; nil means time.Now.
type Clock func() time.Time

// Now is the time by this clock.
func (c Clock) Now() time.Time {
	if c == nil {
		return time.Now()
	}
	return c()
}
