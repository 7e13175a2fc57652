// Package geoip says where in the world an address is, by a file of the
// operator's in the MaxMind DB format. Nothing leaves the machine for it. A file
// that is replaced is read again; one that cannot be read leaves the one before
// in force.
package geoip

import (
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"
	"unicode"

	"github.com/oschwald/maxminddb-golang/v2"

	"gatehouse"
)

// largest bounds the file; the largest that are offered have some 150 MB.
const largest = 512 << 20

// lookEvery is how often the file is looked at for a new one.
const lookEvery = time.Minute

// longestPlace bounds a name out of the file, in bytes.
const longestPlace = 100

// File is a database of places. It is used by pointer and is safe for
// concurrent use. Open makes it.
type File struct {
	path  string
	clock gatehouse.Clock
	log   *slog.Logger

	mu     sync.Mutex
	db     *maxminddb.Reader
	seen   os.FileInfo // of what was read
	looked time.Time
}

// Open reads the file. One that is not there, or is none in that format, is an
// error that names it. log may be nil.
func Open(path string, clock gatehouse.Clock, log *slog.Logger) (*File, error) {
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	f := &File{path: path, clock: clock, log: log}
	if err := f.read(); err != nil {
		return nil, err
	}
	f.looked = clock.Now()
	return f, nil
}

func (f *File) read() error {
	info, err := os.Stat(f.path)
	if err != nil {
		return fmt.Errorf("read geoip_file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > largest {
		return fmt.Errorf("read geoip_file: %s is no file, or larger than %d MB", f.path, largest>>20)
	}
	// Not mapped into memory: a file that is written over would take us down.
	data, err := os.ReadFile(f.path)
	if err != nil {
		return fmt.Errorf("read geoip_file: %w", err)
	}
	db, err := maxminddb.OpenBytes(data)
	if err != nil {
		return fmt.Errorf("read geoip_file: %s is none in the MaxMind DB format: %w", f.path, err)
	}
	f.db, f.seen = db, info
	return nil
}

// present is the database, read again if the file is another one.
func (f *File) present() *maxminddb.Reader {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.clock.Now()
	if now.Sub(f.looked) < lookEvery {
		return f.db
	}
	f.looked = now
	info, err := os.Stat(f.path)
	if err == nil && info.ModTime().Equal(f.seen.ModTime()) && info.Size() == f.seen.Size() {
		return f.db
	}
	if err := f.read(); err != nil {
		f.log.Warn("The file of places cannot be read anew; the one before stays in force.", "error", err)
	} else {
		f.log.Info("The file of places is read anew.", "file", f.path)
	}
	return f.db
}

// record is what we read of an entry.
type record struct {
	City struct {
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"city"`
	Country struct {
		Code  string            `maxminddb:"iso_code"`
		Names map[string]string `maxminddb:"names"`
	} `maxminddb:"country"`
}

// Place is the town and country of an address, in a language ("en", "zh-CN") or
// else in English; "" when the file does not know it.
func (f *File) Place(address, language string) string {
	ip, err := netip.ParseAddr(address)
	if err != nil {
		return ""
	}
	var r record
	if err := f.present().Lookup(ip.Unmap()).Decode(&r); err != nil {
		f.log.Debug("An entry of the file of places cannot be read.", "error", err)
		return ""
	}
	city, country := named(r.City.Names, language), named(r.Country.Names, language)
	if country == "" {
		country = clean(r.Country.Code)
	}
	switch {
	case city == "" || city == country:
		return country
	case country == "":
		return city
	case strings.HasPrefix(language, "zh"): // from the large to the small
		return country + " " + city
	}
	return city + ", " + country
}

func named(names map[string]string, language string) string {
	if n := clean(names[language]); n != "" {
		return n
	}
	return clean(names["en"])
}

// clean is a name that shows what it says.
func clean(s string) string {
	s = strings.TrimSpace(strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, "")))
	if len(s) > longestPlace {
		s = strings.ToValidUTF8(s[:longestPlace], "")
	}
	return s
}
