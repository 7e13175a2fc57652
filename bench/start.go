package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"
)

// The marks to reach.
const (
	markReady = 100 * time.Millisecond
	markIdle  = int64(50e6)
	markPull  = 10 * time.Second
	markPeak  = int64(150e6)
	markTimes = 2.0 // the requests of the lower bound
)

// starts is how often the start on an existing database is measured.
const starts = 10

// start measures from starting the process to its ready line, and until /readyz
// says yes, which includes a durable write.
func (b *bench) start(ctx context.Context) error {
	fresh, err := b.install(ctx, "start first", "sqlite:gatehouse.db", clientYAML())
	if err != nil {
		return err
	}
	line, yes, _, err := fresh.timed(ctx)
	if err != nil {
		return err
	}
	in, err := b.install(ctx, "start again", "sqlite:gatehouse.db", clientYAML())
	if err != nil {
		return err
	}
	if _, err := in.seed(ctx); err != nil {
		return err
	}
	var lines, yeses, stops, bare []time.Duration
	for range starts {
		l, y, s, err := in.timed(ctx)
		if err != nil {
			return err
		}
		v, err := b.version(ctx)
		if err != nil {
			return err
		}
		lines, yeses, stops, bare = append(lines, l), append(yeses, y), append(stops, s), append(bare, v)
	}
	t := &table{}
	t.add("start of the process to", "min", "median", "max", "mark")
	t.add("ready line, new database", "", milliseconds(line), "", "")
	t.add("/readyz, new database", "", milliseconds(yes), "", "")
	t.add(row("ready line, existing SQLite", lines, mark(median(lines), markReady, milliseconds))...)
	t.add(row("/readyz, existing SQLite", yeses, mark(median(yeses), markReady, milliseconds))...)
	t.add(row("end of `gatehouse version` (the limit)", bare, "")...)
	t.add(row("SIGTERM to the end", stops, "")...)
	b.print(t)
	return nil
}

func row(name string, all []time.Duration, mark string) []string {
	return []string{name, milliseconds(slices.Min(all)), milliseconds(median(all)), milliseconds(slices.Max(all)), mark}
}

// timed starts the hub and ends it again.
func (in *installation) timed(ctx context.Context) (line, yes, stop time.Duration, err error) {
	hub, err := in.start(ctx)
	if err != nil {
		return 0, 0, 0, err
	}
	yes, err = hub.awaitReadyz(ctx, in.url)
	began := time.Now()
	err = errors.Join(err, hub.stop())
	return hub.ready, yes, time.Since(began), err
}

// version runs the binary without anything to do: what the system and the
// language need to start it.
func (b *bench) version(ctx context.Context) (time.Duration, error) {
	began := time.Now()
	err := exec.CommandContext(ctx, b.binary, "version").Run() //nolint:gosec // what we built
	return time.Since(began), err
}

// idleTime is how long after being ready the memory is looked at again.
const idleTime = 10 * time.Second

// memory measures the process that nobody asks anything, on a database with
// some people.
func (b *bench) memory(ctx context.Context) (err error) {
	in, err := b.install(ctx, "memory", "sqlite:gatehouse.db", clientYAML())
	if err != nil {
		return err
	}
	if _, err := in.seed(ctx); err != nil {
		return err
	}
	size, err := os.Stat(b.binary)
	if err != nil {
		return err
	}
	hub, err := in.start(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, hub.stop()) }()
	if _, err := hub.awaitReadyz(ctx, in.url); err != nil {
		return err
	}
	t := &table{}
	t.add("memory of the idle process", "resident", "of it not of files", "mark")
	for _, when := range []struct {
		name string
		wait time.Duration
	}{{"ready", 0}, {fmt.Sprintf("%s later", idleTime), idleTime}} {
		if err := pause(ctx, when.wait); err != nil {
			return err
		}
		rss, err := memoryOf(hub.pid(), "VmRSS")
		if err != nil {
			return err
		}
		anonymous, err := memoryOf(hub.pid(), "RssAnon")
		if err != nil {
			return err
		}
		t.add(when.name, megabytes(rss), megabytes(anonymous), mark(rss, markIdle, megabytes))
	}
	t.add(filepath.Base(b.binary)+", one static file", megabytes(size.Size()), "", "")
	b.print(t)
	return nil
}
