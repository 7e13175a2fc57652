package geoip

import (
	"encoding/binary"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// The writer below makes a small database by the format's description
// (https://maxmind.github.io/MaxMind-DB/): a binary tree of 24-bit records over
// IPv6, with IPv4 below ::/96.

type names map[string]string

type entry struct {
	prefix        string
	city, country names
	code          string
}

func control(kind, size int) []byte {
	var b []byte
	switch {
	case size < 29:
		b = []byte{byte(size)}
	default:
		b = []byte{29, byte(size - 29)}
	}
	if kind > 7 {
		return append([]byte{b[0], byte(kind - 7)}, b[1:]...)
	}
	b[0] |= byte(kind << 5)
	return b
}

func text(s string) []byte { return append(control(2, len(s)), s...) }

func dict(items ...[]byte) []byte {
	b := control(7, len(items)/2)
	for _, i := range items {
		b = append(b, i...)
	}
	return b
}

func number(kind int, n uint64) []byte {
	var whole [8]byte
	binary.BigEndian.PutUint64(whole[:], n)
	b := strings.TrimLeft(string(whole[:]), "\x00")
	return append(control(kind, len(b)), b...)
}

func (n names) encode() []byte {
	var items [][]byte
	for language, name := range n {
		items = append(items, text(language), text(name))
	}
	return dict(items...)
}

func (e entry) encode() []byte {
	var items [][]byte
	if e.city != nil {
		items = append(items, text("city"), dict(text("names"), e.city.encode()))
	}
	country := [][]byte{text("iso_code"), text(e.code)}
	if e.country != nil {
		country = append(country, text("names"), e.country.encode())
	}
	return dict(append(items, text("country"), dict(country...))...)
}

func database(entries ...entry) []byte {
	const empty = -1
	nodes := [][2]int{{empty, empty}}
	var data []byte
	offsets := map[int]int{} // of leaves, which are below -1 in the nodes
	for i, e := range entries {
		p := netip.MustParsePrefix(e.prefix)
		bits := p.Bits()
		raw := p.Addr().As16()
		if p.Addr().Is4() {
			bits += 96
			four := p.Addr().As4()
			raw = [16]byte{12: four[0], 13: four[1], 14: four[2], 15: four[3]}
		}
		at := 0
		for b := range bits {
			side := int(raw[b/8]>>(7-b%8)) & 1
			if b == bits-1 {
				nodes[at][side] = -2 - i
				break
			}
			if nodes[at][side] < 0 {
				nodes = append(nodes, [2]int{empty, empty})
				nodes[at][side] = len(nodes) - 1
			}
			at = nodes[at][side]
		}
		offsets[-2-i] = len(data)
		data = append(data, e.encode()...)
	}
	var tree []byte
	for _, n := range nodes {
		for _, v := range n {
			switch {
			case v == empty:
				v = len(nodes)
			case v < empty:
				v = len(nodes) + 16 + offsets[v]
			}
			tree = append(tree, byte(v>>16), byte(v>>8), byte(v))
		}
	}
	meta := dict(
		text("node_count"), number(6, uint64(len(nodes))), text("record_size"), number(5, 24), text("ip_version"), number(5, 6),
		text("database_type"), text("Test-City"), text("languages"), control(11, 0), text("description"), dict(),
		text("binary_format_major_version"), number(5, 2), text("binary_format_minor_version"), number(5, 0), text("build_epoch"), number(9, 1),
	)
	out := append(tree, make([]byte, 16)...)
	out = append(append(out, data...), "\xab\xcd\xefMaxMind.com"...)
	return append(out, meta...)
}

func shanghai() entry {
	return entry{prefix: "203.0.113.0/24", code: "CN", city: names{"en": "Shanghai", "zh-CN": "上海"}, country: names{"en": "China", "zh-CN": "中国"}}
}

func write(t *testing.T, path string, data []byte) {
	t.Helper()
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestPlace(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "places.mmdb")
	write(t, path, database(
		shanghai(),
		entry{prefix: "198.51.100.0/25", code: "DE", country: names{"en": "Germany"}},
		entry{prefix: "198.51.100.128/25", code: "SG", city: names{"en": "Singapore"}, country: names{"en": "Singapore"}},
		entry{prefix: "2001:db8::/32", code: "FR", city: names{"en": "Paris\u202e\n<b>" + strings.Repeat("x", 200)}},
	))
	f, err := Open(path, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ address, language, want string }{
		{"203.0.113.9", "en", "Shanghai, China"},
		{"203.0.113.9", "zh-CN", "中国 上海"},
		{"::ffff:203.0.113.9", "en", "Shanghai, China"},
		{"198.51.100.1", "zh-CN", "Germany"},
		{"198.51.100.200", "en", "Singapore"},
		{"192.0.2.1", "en", ""},
		{"127.0.0.1", "en", ""},
		{"", "en", ""},
		{"nonsense", "en", ""},
	} {
		if got := f.Place(tt.address, tt.language); got != tt.want {
			t.Errorf("%s in %s: %q, want %q", tt.address, tt.language, got, tt.want)
		}
	}
	if got := f.Place("2001:db8::7", "en"); !strings.HasPrefix(got, "Paris<b>xxx") || !strings.HasSuffix(got, ", FR") || len(got) > longestPlace+4 {
		t.Errorf("a name that is none: %q", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, filepath.Join(dir, "text"), []byte("no database"))
	write(t, filepath.Join(dir, "empty"), nil)
	write(t, filepath.Join(dir, "cut"), database(shanghai())[:40])
	for _, name := range []string{"text", "empty", "cut", "missing", "."} {
		if _, err := Open(filepath.Join(dir, name), nil, nil); err == nil || !strings.Contains(err.Error(), "geoip_file") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestReadAgain: a file that is replaced counts within a minute, one that is
// broken or gone does not.
func TestReadAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "places.mmdb")
	write(t, path, database(shanghai()))
	var mu sync.Mutex
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	f, err := Open(path, func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return now
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	later := func(want string) {
		t.Helper()
		mu.Lock()
		now = now.Add(lookEvery)
		mu.Unlock()
		if got := f.Place("203.0.113.9", "en"); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	moved := shanghai()
	moved.city = names{"en": "Suzhou"}
	write(t, path, database(moved))
	if got := f.Place("203.0.113.9", "en"); got != "Shanghai, China" {
		t.Errorf("at once: %q", got)
	}
	later("Suzhou, China")
	write(t, path, []byte("broken"))
	later("Suzhou, China")
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	later("Suzhou, China")
	write(t, path, database(shanghai()))
	later("Shanghai, China")
}
