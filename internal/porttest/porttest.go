// Package porttest keeps ports of this machine for tests that run the whole
// program, which wants to be told its address before it listens there. A port
// that was merely looked up can be taken by anybody before it is used.
package porttest

import (
	"fmt"
	"net"
	"strconv"
	"testing"
)

// Keep keeps a port of 127.0.0.1 until the test ends and gives its address as
// host:port. It can be listened at, also several times one after the other, but
// it is given to nobody who asks for just any port.
func Keep(t testing.TB) string {
	t.Helper()
	return KeepRow(t, 1)
}

// KeepRow is Keep for n ports that follow each other. It gives the first
// address.
func KeepRow(t testing.TB, n int) string {
	t.Helper()
	at, release, err := Row(n)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(release)
	return at
}

// rows is how many times a row of ports is looked for.
const rows = 1000

// Row is KeepRow for who has no test: the ports are kept until release is called.
func Row(n int) (first string, release func(), err error) {
	for range rows {
		var port int
		if port, release, err = keepRow(n); err == nil {
			return address(port), release, nil
		}
	}
	return "", nil, fmt.Errorf("found no %d free ports in a row: %w", n, err)
}

// keepRow keeps any port and those that follow it, or none.
func keepRow(n int) (first int, release func(), err error) {
	var held []func()
	release = func() {
		for _, r := range held {
			r()
		}
	}
	for i := range n {
		port := 0
		if i > 0 {
			port = first + i
		}
		got, free, err := keep(port)
		if err != nil {
			release()
			return 0, nil, err
		}
		held = append(held, free)
		if i == 0 {
			first = got
		}
	}
	return first, release, nil
}

func address(port int) string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(port)) }
