//go:build !linux

package porttest

import "net"

// keep finds a port, any if it is 0. Elsewhere than on Linux a socket that keeps
// a port keeps it from its owner, too, so it is only looked up here.
func keep(port int) (int, func(), error) {
	l, err := net.Listen("tcp", address(port))
	if err != nil {
		return 0, nil, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, func() {}, nil
}
