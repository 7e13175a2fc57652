package porttest

import (
	"errors"
	"fmt"
	"syscall"
)

// keep keeps a port, any if it is 0. The port is bound but not listened at, which
// is enough for the system not to give it away. What says SO_REUSEADDR, as
// every listener of Go does, may still listen there, since the kept socket says
// so too; it says so only once it is bound, so that it took the port of nobody.
func keep(port int) (int, func(), error) {
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, nil, fmt.Errorf("make a socket: %w", err)
	}
	release := func() { _ = syscall.Close(fd) }
	err = errors.Join(
		syscall.Bind(fd, &syscall.SockaddrInet4{Port: port, Addr: [4]byte{127, 0, 0, 1}}),
		syscall.SetsockoptInt(fd, syscall.SOL_SOCKET, syscall.SO_REUSEADDR, 1),
	)
	if err != nil {
		release()
		return 0, nil, fmt.Errorf("keep port %d: %w", port, err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		release()
		return 0, nil, fmt.Errorf("read the port that was kept: %w", err)
	}
	at, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		release()
		return 0, nil, fmt.Errorf("the port that was kept has the address %T", name)
	}
	return at.Port, release, nil
}
