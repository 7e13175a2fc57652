package server

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/attribute"
	exporter "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/metric"
	sdk "go.opentelemetry.io/otel/sdk/metric"
)

// meters is gatehouse.Metrics by OpenTelemetry, shown in Prometheus's format.
// Instruments are made at their first use.
type meters struct {
	meter    metric.Meter
	provider *sdk.MeterProvider
	registry *prometheus.Registry

	mu         sync.Mutex
	counters   map[string]metric.Int64Counter
	histograms map[string]metric.Float64Histogram
	sets       map[string]metric.MeasurementOption // of labels, by their text
}

// newMeters makes an empty set of instruments with those of Go and the process.
func newMeters() (*meters, error) {
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	reader, err := exporter.New(exporter.WithRegisterer(registry), exporter.WithNamespace("gatehouse"), exporter.WithoutScopeInfo(), exporter.WithoutTargetInfo())
	if err != nil {
		return nil, err
	}
	provider := sdk.NewMeterProvider(sdk.WithReader(reader))
	return &meters{
		meter: provider.Meter("gatehouse"), provider: provider, registry: registry,
		counters: map[string]metric.Int64Counter{}, histograms: map[string]metric.Float64Histogram{}, sets: map[string]metric.MeasurementOption{},
	}, nil
}

// Count adds one.
func (m *meters) Count(name string, labels ...string) {
	m.mu.Lock()
	c, ok := m.counters[name]
	if !ok {
		var err error
		if c, err = m.meter.Int64Counter(name); err == nil {
			m.counters[name] = c
		}
	}
	set := m.set(labels)
	m.mu.Unlock()
	if c != nil {
		c.Add(context.Background(), 1, set)
	}
}

// Observe adds a duration, in seconds.
func (m *meters) Observe(name string, took time.Duration, labels ...string) {
	m.mu.Lock()
	h, ok := m.histograms[name]
	if !ok {
		var err error
		h, err = m.meter.Float64Histogram(name, metric.WithUnit("s"),
			metric.WithExplicitBucketBoundaries(.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 120))
		if err == nil {
			m.histograms[name] = h
		}
	}
	set := m.set(labels)
	m.mu.Unlock()
	if h != nil {
		h.Record(context.Background(), took.Seconds(), set)
	}
}

// gauge is a number that is asked for whenever the metrics are. While it cannot
// be told it is left out.
func (m *meters) gauge(name string, ask func(context.Context) (int64, error)) error {
	_, err := m.meter.Int64ObservableGauge(name, metric.WithInt64Callback(func(ctx context.Context, o metric.Int64Observer) error {
		n, err := ask(ctx)
		if err == nil {
			o.Observe(n)
		}
		return err
	}))
	if err != nil {
		return fmt.Errorf("make the gauge %s: %w", name, err)
	}
	return nil
}

// set is what labels are to the instruments, sorted and summed up once: their
// values are few, as those of every metric are. m.mu is held.
func (m *meters) set(labels []string) metric.MeasurementOption {
	text := strings.Join(labels, "\x00")
	s, ok := m.sets[text]
	if !ok {
		s = metric.WithAttributeSet(attribute.NewSet(attributes(labels)...))
		m.sets[text] = s
	}
	return s
}

func attributes(labels []string) []attribute.KeyValue {
	all := make([]attribute.KeyValue, 0, len(labels)/2)
	for i := 0; i+1 < len(labels); i += 2 {
		all = append(all, attribute.String(labels[i], labels[i+1]))
	}
	return all
}

// handler shows them.
func (m *meters) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *meters) close(ctx context.Context) error { return m.provider.Shutdown(ctx) }
