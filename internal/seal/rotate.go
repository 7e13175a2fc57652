package seal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Rotate adds a new primary key to the key file; old values still open. The
// file keeps its owner. Rotate never makes a file, and of two at once the
// second is refused, since one of the new keys would be lost.
func Rotate(path string) (err error) {
	path, err = filepath.EvalSymlinks(path) // the file is replaced, not a link to it
	if err != nil {
		return fmt.Errorf("rotate key file: %w", err)
	}
	unlock, err := lock(path)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, unlock()) }()
	keys, err := read(path)
	if err != nil {
		return err
	}
	keys, err = keys.rotated()
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	if err := replace(path, keys); err != nil {
		return fmt.Errorf("rotate key file %s: %w", path, err)
	}
	return nil
}

func lock(path string) (unlock func() error, err error) {
	name := path + ".lock"
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // beside the operator's file
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("key file %s is being rotated by another process; if that one was broken off, remove %s and try again", path, name)
	}
	if err != nil {
		return nil, fmt.Errorf("rotate key file %s: %w", path, err)
	}
	return func() error { return errors.Join(f.Close(), os.Remove(name)) }, nil
}

// replace puts the new file in place of the old one in one step.
func replace(path string, keys *keyset) error {
	info, err := os.Stat(path)
	if err != nil {
		return err
	}
	tmp, err := writeTemp(path, keys)
	if err != nil {
		return err
	}
	err = sameOwner(tmp, info)
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp) //nolint:errcheck // the first error counts
		return err
	}
	return syncDir(filepath.Dir(path))
}
