package lists

import (
	"bufio"
	_ "embed"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

//go:embed disposable.txt
var builtin string

// Bounds of a list of domains that is read from a file.
const (
	maxFile  = 32 << 20
	maxLines = 1_000_000
)

// Disposable are the domains of throw-away addresses, sorted. A nil one has none.
type Disposable struct{ domains []string }

// OpenDisposable reads a list from a file: a domain a line, # begins a remark. ""
// is the list that came with the program; its date and source stand at its top.
func OpenDisposable(path string) (*Disposable, error) {
	if path == "" {
		return ReadDisposable(strings.NewReader(builtin))
	}
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read the disposable domains: %w", err)
	}
	defer f.Close()
	d, err := ReadDisposable(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, fmt.Errorf("read the disposable domains: %s: %w", path, err)
	}
	return d, nil
}

// ReadDisposable reads such a list. A line that is no domain is an error that
// names it.
func ReadDisposable(r io.Reader) (*Disposable, error) {
	var d Disposable
	s := bufio.NewScanner(r)
	s.Buffer(nil, 4096)
	bytes := 0
	for n := 1; s.Scan(); n++ {
		bytes += len(s.Bytes()) + 1
		line, _, _ := strings.Cut(s.Text(), "#")
		if line = strings.ToLower(strings.TrimSpace(line)); line == "" {
			continue
		}
		labels, ok := domainLabels(line)
		if !ok || slices.Contains(labels, "*") {
			return nil, fmt.Errorf("line %d is no domain", n)
		}
		d.domains = append(d.domains, strings.Join(labels, "."))
		if len(d.domains) > maxLines || bytes > maxFile {
			return nil, fmt.Errorf("it is too long: %d domains and %d MiB are the most", maxLines, maxFile>>20)
		}
	}
	if err := s.Err(); err != nil {
		return nil, err
	}
	slices.Sort(d.domains)
	d.domains = slices.Compact(d.domains)
	return &d, nil
}

// Len is how many domains there are.
func (d *Disposable) Len() int {
	if d == nil {
		return 0
	}
	return len(d.domains)
}

// Has says whether an address, or a domain above its own, is on the list.
func (d *Disposable) Has(address string) bool {
	if d == nil {
		return false
	}
	_, domain, _ := strings.Cut(address, "@")
	for strings.Contains(domain, ".") {
		if _, found := slices.BinarySearch(d.domains, domain); found {
			return true
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return false
}
