package seal

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// maxKeyFile bounds what is read; a keyset of a hundred keys is under 32 KiB.
const maxKeyFile = 256 << 10

func readOrMake(path string) (*keyset, error) {
	keys, err := read(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return keys, err
	}
	keys, err = newKeyset()
	if err != nil {
		return nil, fmt.Errorf("make a key: %w", err)
	}
	switch err := create(path, keys); {
	case errors.Is(err, fs.ErrExist): // another process was quicker
		return read(path)
	case err != nil:
		return nil, fmt.Errorf("make key file %s: %w", path, err)
	}
	return keys, nil
}

// read is fs.ErrNotExist when there is no file.
func read(path string) (*keyset, error) {
	f, err := os.Open(path) //nolint:gosec // the operator names the file
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	defer f.Close()
	// The open file is asked, not the path, so that it cannot be swapped between.
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read key file: %w", err)
	}
	if err := private(path, info); err != nil {
		return nil, err
	}
	data, err := io.ReadAll(io.LimitReader(f, maxKeyFile+1))
	if err != nil {
		return nil, fmt.Errorf("read key file %s: %w", path, err)
	}
	if len(data) > maxKeyFile {
		return nil, fmt.Errorf("key file %s is longer than %d bytes, so it is not one", path, maxKeyFile)
	}
	keys, err := parseKeyset(data)
	if err != nil {
		return nil, fmt.Errorf("key file %s is no keyset that we can use (%w); restore it from a backup: "+
			"without it, the secrets in the database cannot be read", path, err)
	}
	return keys, nil
}

// private refuses a file that somebody else could read. Windows has no such modes.
func private(path string, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("key file %s is not a regular file", path)
	}
	if mode := info.Mode().Perm(); mode&0o077 != 0 && runtime.GOOS != "windows" {
		return fmt.Errorf("key file %s is open to other users (mode %04o), and who reads it can read every secret; "+
			"close it with: chmod 600 %s", path, mode, path)
	}
	return nil
}

// create makes the file, whole or not at all, and is fs.ErrExist when it is
// there already.
func create(path string, keys *keyset) error {
	tmp, err := writeTemp(path, keys)
	if err != nil {
		return err
	}
	defer os.Remove(tmp) //nolint:errcheck // a leftover harms nothing
	err = os.Link(tmp, path)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		// Some file systems know no links. Then a process that starts in the
		// same instant may meet half a file, and says so.
		err = createPlain(path, keys)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(path))
}

func createPlain(path string, keys *keyset) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator names the file
	if err != nil {
		return err
	}
	if err := fill(f, keys); err != nil {
		os.Remove(path) //nolint:errcheck // the first error counts
		return err
	}
	return nil
}

// writeTemp writes the keys to a new file beside path and gives its name.
func writeTemp(path string, keys *keyset) (string, error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*") // 0600
	if err != nil {
		return "", err
	}
	if err := fill(f, keys); err != nil {
		os.Remove(f.Name()) //nolint:errcheck // the first error counts
		return "", err
	}
	return f.Name(), nil
}

// fill writes, syncs and closes.
func fill(f *os.File, keys *keyset) error {
	data, err := keys.marshal()
	if err == nil {
		_, err = f.Write(data)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes a new name in the folder outlive a crash.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir) //nolint:gosec // the folder of the operator's file
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
