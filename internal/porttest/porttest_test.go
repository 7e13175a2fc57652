package porttest_test

import (
	"net"
	"runtime"
	"strconv"
	"testing"

	"gatehouse/internal/porttest"
)

func listen(t *testing.T, at string) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", at)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestKeep(t *testing.T) {
	t.Parallel()
	t.Run("CanBeListenedAtAgainAndAgain", func(t *testing.T) {
		t.Parallel()
		at := porttest.Keep(t)
		for range 3 {
			l := listen(t, at)
			c, err := net.Dial("tcp", at)
			if err != nil {
				t.Fatal(err)
			}
			c.Close()
			if second, err := net.Listen("tcp", at); err == nil {
				second.Close()
				t.Error("two listen at once")
			}
			l.Close()
		}
	})
	t.Run("NobodyListensYet", func(t *testing.T) {
		t.Parallel()
		if c, err := net.Dial("tcp", porttest.Keep(t)); err == nil {
			c.Close()
			t.Error("somebody answers")
		}
	})
	t.Run("IsGivenToNobodyElse", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS != "linux" {
			t.Skip("ports are only looked up here")
		}
		seen := map[string]bool{}
		for range 200 {
			at := porttest.Keep(t)
			if seen[at] {
				t.Fatalf("%s was kept twice", at)
			}
			seen[at] = true
		}
		for range 200 {
			l := listen(t, "127.0.0.1:0")
			defer l.Close()
			if seen[l.Addr().String()] {
				t.Fatalf("%s was given away", l.Addr())
			}
		}
	})
	t.Run("RowsDoNotOverlap", func(t *testing.T) {
		t.Parallel()
		if runtime.GOOS != "linux" {
			t.Skip("ports are only looked up here")
		}
		seen := map[int]bool{}
		for range 20 {
			_, port, _ := net.SplitHostPort(porttest.KeepRow(t, 4))
			first, err := strconv.Atoi(port)
			if err != nil {
				t.Fatal(err)
			}
			for p := first; p < first+4; p++ {
				if seen[p] {
					t.Fatalf("port %d is in two rows", p)
				}
				seen[p] = true
				listen(t, net.JoinHostPort("127.0.0.1", strconv.Itoa(p))).Close()
			}
		}
	})
}
