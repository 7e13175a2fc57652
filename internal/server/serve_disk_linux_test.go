package server

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// disk is a small file system of the test's own, in memory.
func disk(t *testing.T, flags uintptr) string {
	t.Helper()
	dir := t.TempDir()
	if err := syscall.Mount("tmpfs", dir, "tmpfs", flags, "size=4m"); err != nil {
		t.Skipf("no file system can be mounted here (%v); only the superuser may", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// fill writes until nothing more fits, and gives the file.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for err == nil {
		_, err = f.Write(bytes.Repeat([]byte("x"), 4096))
	}
	if !errors.Is(err, syscall.ENOSPC) {
		t.Fatal(err)
	}
	return path
}

func TestDiskFullWhileServing(t *testing.T) {
	t.Parallel()
	dir := disk(t, 0)
	s := startServe(t, written(t, dir, oneClient))
	t.Cleanup(func() { _ = s.stop() })
	filler := ""
	badDay(t, s, "disk full", func() { filler = fill(t, dir) }, func() {
		if err := os.Remove(filler); err != nil {
			t.Fatal(err)
		}
	})
	if err := s.stop(); err != nil {
		t.Errorf("it ended with %v", err)
	}
	startServe(t, s.config) // nothing is lost or broken
}

func TestServeRefusesReadOnlyDisk(t *testing.T) {
	t.Parallel()
	dir := disk(t, 0)
	c := written(t, dir, "")
	if err := startServe(t, c).stop(); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", syscall.MS_REMOUNT|syscall.MS_RDONLY, ""); err != nil {
		t.Skipf("the file system cannot be made read-only here: %v", err)
	}
	s := tryServe(t, c)
	if s.failed == nil || !strings.Contains(s.failed.Error(), "cannot be opened for writing") {
		t.Errorf("got %v, want a sentence that it cannot be written", s.failed)
	}
}
