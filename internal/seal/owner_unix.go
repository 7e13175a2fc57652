//go:build unix

package seal

import (
	"io/fs"
	"os"
	"syscall"
)

// sameOwner gives the new file to the old one's owner, so that a service still
// reads its key after root rotated it.
func sameOwner(path string, old fs.FileInfo) error {
	was, ok := old.Sys().(*syscall.Stat_t)
	if !ok || int(was.Uid) == os.Geteuid() && int(was.Gid) == os.Getegid() {
		return nil
	}
	return os.Chown(path, int(was.Uid), int(was.Gid))
}
