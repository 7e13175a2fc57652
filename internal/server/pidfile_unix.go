//go:build unix

package server

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"syscall"
)

// holdPidFile writes this process's id to a file and holds it until release is
// called, so that a file which was left behind by a killed process is told from
// one of a server that runs. One that another server holds is an error.
func holdPidFile(path string) (release func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o644) //nolint:gosec // beside the key file; everybody may know the id
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another server holds %s", path), f.Close())
	}
	err = f.Truncate(0)
	if err == nil {
		_, err = f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() {
		_ = os.Remove(path)
		_ = f.Close()
	}, nil
}

// held says whether a running server holds the file.
func held(path string) bool {
	f, err := os.Open(path) //nolint:gosec // beside the key file
	if err != nil {
		return false
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}

func hangUp(pid int) error { return syscall.Kill(pid, syscall.SIGHUP) }
