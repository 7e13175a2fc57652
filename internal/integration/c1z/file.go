package c1z

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/klauspost/compress/zstd"

	"gatehouse"
	"gatehouse/internal/store/foreign"
)

// The first bytes of files (pkg/dotc1z of github.com/ConductorOne/baton-sdk).
const (
	headerSQLite = "C1ZF\x00"
	headerPebble = "C1Z3\x00"
)

// Limits bound what is read of a file. The zero Limits are usable.
type Limits struct {
	Unpacked int64 // bytes of the database in the file; 0: 2 GiB
	Rows     int64 // of all its tables that are read; 0: 4 million
}

const (
	usualUnpacked = 2 << 30
	usualRows     = 4_000_000
	widestWindow  = 128 << 20 // what the writers of such files allow themselves
	longestCell   = 4 << 20
	// mostRatio is how many times smaller than the database the file may be, once
	// the database is larger than freely. Real ones are some ten times smaller.
	mostRatio = 400
	freely    = 64 << 20
)

// Run is one sync in a file: everything of an app as it was read at a time.
type Run struct {
	ID       string
	Started  time.Time
	Ended    time.Time // zero: it was not finished
	Kind     string    // "full", "partial" …
	Finished bool
}

// Whole says whether everything of the app is in it.
func (r Run) Whole() bool { return r.Finished && (r.Kind == "" || r.Kind == "full") }

// File is a .c1z file of the first format.
type File struct {
	dir string
	db  *foreign.File
}

// Open unpacks a file into a private one below dir ("" = the system's place for
// such files) and opens what is in it. What is no such file, is of another
// format, or goes beyond the limits is Invalid. Close removes what was unpacked.
func Open(ctx context.Context, from io.Reader, dir string, l Limits) (*File, error) {
	packed := &counting{from: from}
	if err := readHeader(packed); err != nil {
		return nil, err
	}
	own, err := os.MkdirTemp(dir, "gatehouse-c1z-")
	if err != nil {
		return nil, fmt.Errorf("make a private folder: %w", err)
	}
	f := &File{dir: own}
	path := filepath.Join(own, "db")
	err = unpack(ctx, path, packed, orUsual(l.Unpacked, usualUnpacked))
	if err == nil {
		f.db, err = foreign.Open(ctx, path, foreign.Limits{Cell: longestCell, Rows: orUsual(l.Rows, usualRows)})
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

func orUsual(n, usual int64) int64 {
	if n > 0 {
		return n
	}
	return usual
}

// Close removes what was unpacked.
func (f *File) Close() error {
	var err error
	if f.db != nil {
		err = f.db.Close()
	}
	return errors.Join(err, os.RemoveAll(f.dir))
}

func readHeader(from io.Reader) error {
	head := make([]byte, len(headerSQLite))
	_, err := io.ReadFull(from, head)
	switch {
	case bytes.Equal(head, []byte(headerPebble)):
		return gatehouse.Errorf(gatehouse.Invalid, "This is a .c1z file of the third format (Pebble), which is not read. Have the connector write the first one (SQLite), or convert the file by the tools of baton-sdk, and import that.")
	case err != nil || !bytes.Equal(head, []byte(headerSQLite)):
		return gatehouse.Errorf(gatehouse.Invalid, "This is no .c1z file: it does not begin as one.")
	}
	return nil
}

// counting counts what was read.
type counting struct {
	from io.Reader
	n    int64
}

func (c *counting) Read(p []byte) (int, error) {
	n, err := c.from.Read(p)
	c.n += int64(n)
	return n, err
}

// unpack writes the database into a file that only we can read.
func unpack(ctx context.Context, path string, packed *counting, most int64) (err error) {
	to, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // in a folder of our own
	if err != nil {
		return fmt.Errorf("make a private file: %w", err)
	}
	defer func() { err = errors.Join(err, to.Close()) }()
	from, err := zstd.NewReader(packed, zstd.WithDecoderConcurrency(1), zstd.WithDecoderLowmem(true), zstd.WithDecoderMaxWindow(widestWindow))
	if err != nil {
		return fmt.Errorf("unpack the file: %w", err)
	}
	defer from.Close()
	for piece, total := make([]byte, 256<<10), int64(0); ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := from.Read(piece)
		total += int64(n)
		if n > 0 && total <= most {
			if _, err := to.Write(piece[:n]); err != nil {
				return fmt.Errorf("unpack the file: %w", err)
			}
		}
		switch {
		case total > most, total > freely && total > mostRatio*packed.n, errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
			return gatehouse.Errorf(gatehouse.Invalid, "What is in the file is far larger than the file, beyond what is read of one.").Because(err)
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return gatehouse.Errorf(gatehouse.Invalid, "The file cannot be unpacked. Was it copied whole?").Because(err)
		}
	}
}

// Runs are the syncs in the file, as they are listed there.
func (f *File) Runs(ctx context.Context) ([]Run, error) {
	var all []Run
	err := f.db.Rows(ctx, "v1_sync_runs", []string{"sync_id", "started_at", "ended_at", "sync_type", "is_partial"}, "", "", func(v []any) error {
		r := Run{ID: foreign.Text(v[0]), Started: timeOf(v[1]), Ended: timeOf(v[2]), Finished: foreign.Text(v[2]) != "", Kind: foreign.Text(v[3])}
		if partial := foreign.Text(v[4]); partial == "1" || partial == "true" {
			r.Kind = "partial"
		}
		all = append(all, r)
		return nil
	})
	return all, err
}

// timeOf reads a time as SQLite's text has it; zero: it is none.
func timeOf(v any) time.Time {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02 15:04:05.999999999", "2006-01-02 15:04:05.999999999-07:00"} {
		if at, err := time.Parse(layout, foreign.Text(v)); err == nil {
			return at.UTC()
		}
	}
	return time.Time{}
}

// Choose is the run of an id, or for "" the last one that is whole. One that is
// not whole is Invalid: what it did not see would count as gone.
func Choose(runs []Run, id string) (Run, error) {
	var best Run
	for _, r := range runs {
		switch {
		case id != "" && r.ID == id && !r.Whole():
			return r, gatehouse.Errorf(gatehouse.Invalid, "The sync %s in the file was not finished, or is of a part of the app only: what it did not see would count as gone.", id)
		case id != "" && r.ID == id:
			return r, nil
		case id == "" && r.Whole() && (best.ID == "" || r.Ended.After(best.Ended)):
			best = r
		}
	}
	switch {
	case id != "":
		return best, gatehouse.Errorf(gatehouse.Invalid, "There is no sync %s in the file.", id)
	case best.ID == "":
		return best, gatehouse.Errorf(gatehouse.Invalid, "No sync in the file was finished and is of the whole app. Have the connector run to its end, and import that.")
	}
	return best, nil
}

// contents are what one run saw.
type contents struct {
	types        map[string]resourceType
	resources    map[ref]resource
	order        []ref
	entitlements map[string]entitlement
	grants       []grant
}

// read reads a run whole.
func (f *File) read(ctx context.Context, run string) (contents, error) {
	c := contents{types: map[string]resourceType{}, resources: map[ref]resource{}, entitlements: map[string]entitlement{}}
	each := func(table string, do func(message, expansion []byte) error) error {
		return f.db.Rows(ctx, table, []string{"data", "expansion"}, "sync_id", run, func(v []any) error {
			return do(foreign.Bytes(v[0]), foreign.Bytes(v[1]))
		})
	}
	err := each("v1_resource_types", func(m, _ []byte) error {
		t, err := readType(m)
		c.types[t.id] = t
		return err
	})
	if err != nil {
		return c, err
	}
	err = each("v1_resources", func(m, _ []byte) error {
		r, err := readResource(m)
		if err == nil && (r.id.kind == "" || r.id.id == "") {
			err = malformed()
		}
		if _, again := c.resources[r.id]; !again {
			c.order = append(c.order, r.id)
		}
		c.resources[r.id] = r
		return err
	})
	if err != nil {
		return c, err
	}
	err = each("v1_entitlements", func(m, _ []byte) error {
		e, err := readEntitlement(m)
		c.entitlements[e.id] = e
		return err
	})
	if err != nil {
		return c, err
	}
	return c, each("v1_grants", func(m, expansion []byte) error {
		g, err := readGrant(m)
		if err == nil && len(expansion) > 0 { // newer writers keep it beside the grant
			g.expands, err = readExpansion(expansion)
		}
		c.grants = append(c.grants, g)
		return err
	})
}
