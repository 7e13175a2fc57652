package zstd_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/internal/integration/c1z/zstd"
)

func limits() zstd.Limits { return zstd.Limits{Window: 8 << 20, Output: 64 << 20} }

// text is what the files of testdata hold: names and numbers, as tables do.
func text() []byte {
	var b bytes.Buffer
	seed := uint32(1)
	for b.Len() < 300_000 {
		seed = seed*1664525 + 1013904223
		b.WriteString([]string{"group", "project", "maintainer", "li.na", "wang", "\x00\x00\x00\x00"}[seed>>16%6])
		b.WriteString(strings.Repeat("x", int(seed>>24%5)))
		b.WriteByte(byte(seed >> 8))
	}
	return b.Bytes()
}

func TestFramesOfAnotherProgramAreRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.zst")
	if err != nil || len(files) < 5 {
		t.Fatalf("Glob = %v, %v; want the test files", files, err)
	}
	for _, name := range files {
		f, err := os.Open(name)
		if err != nil {
			t.Fatal(err)
		}
		got, err := io.ReadAll(zstd.NewReader(f, limits()))
		_ = f.Close()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if want := text(); !bytes.Equal(got, want) {
			t.Errorf("%s: %d bytes differ from the %d that were compressed", name, len(got), len(want))
		}
	}
}

func TestAStreamBeyondTheLimitsIsRefused(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/3.zst")
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		limits zstd.Limits
		want   error
	}{
		"too much comes out": {zstd.Limits{Window: 8 << 20, Output: 100_000}, zstd.ErrOutput},
		"window too large":   {zstd.Limits{Window: 1 << 10, Output: 64 << 20}, zstd.ErrWindow},
	} {
		if _, err := io.ReadAll(zstd.NewReader(bytes.NewReader(data), tt.limits)); !errors.Is(err, tt.want) {
			t.Errorf("%s: %v, want %v", name, err, tt.want)
		}
	}
}

func TestADamagedStreamIsRefused(t *testing.T) {
	t.Parallel()
	data, err := os.ReadFile("testdata/19.zst") // with a checksum
	if err != nil {
		t.Fatal(err)
	}
	for cut := 1; cut < len(data); cut += 997 {
		if _, err := io.ReadAll(zstd.NewReader(bytes.NewReader(data[:cut]), limits())); !errors.Is(err, zstd.ErrCorrupt) {
			t.Fatalf("cut after %d bytes: %v, want it refused", cut, err)
		}
	}
	for at := 0; at < len(data); at += 1511 {
		bad := bytes.Clone(data)
		bad[at] ^= 0x55
		if got, err := io.ReadAll(zstd.NewReader(bytes.NewReader(bad), limits())); err == nil && !bytes.Equal(got, text()) {
			t.Fatalf("byte %d changed: something else was read without a word", at)
		}
	}
}

func FuzzReader(f *testing.F) {
	for _, name := range []string{"1", "3", "19", "raw"} {
		data, err := os.ReadFile("testdata/" + name + ".zst")
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data[:min(len(data), 4000)])
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		n, err := io.Copy(io.Discard, zstd.NewReader(bytes.NewReader(data), zstd.Limits{Window: 1 << 20, Output: 4 << 20}))
		if n > 4<<20 {
			t.Fatalf("%d bytes came out, beyond the limit (%v)", n, err)
		}
	})
}
