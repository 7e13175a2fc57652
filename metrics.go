package gatehouse

import "time"

// Metrics counts and measures. The exporter is in package server; nil is not
// allowed, NoMetrics does nothing. Labels are pairs of name and value with few
// values each: never an id, an address or a name of a person.
type Metrics interface {
	Count(name string, labels ...string)
	Observe(name string, took time.Duration, labels ...string)
}

// NoMetrics counts nothing.
type NoMetrics struct{}

// Count does nothing.
func (NoMetrics) Count(string, ...string) {}

// Observe does nothing.
func (NoMetrics) Observe(string, time.Duration, ...string) {}
