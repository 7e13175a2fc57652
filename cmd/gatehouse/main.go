// Command gatehouse is the whole of Gatehouse in one binary: the server, its
// development mode, and the commands by which an operator looks at it and
// changes it.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], streams{in: os.Stdin, out: os.Stdout, err: os.Stderr}, os.LookupEnv)
	stop()
	os.Exit(code)
}

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1 // it was understood and could not be done
	exitUsage  = 2 // the command line or the configuration is wrong
)

// run is main without the process, so that tests can run it.
func run(ctx context.Context, args []string, s streams, env func(string) (string, bool)) int {
	root := newRoot(&cli{streams: s, env: env})
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if err == nil {
		return exitOK
	}
	fmt.Fprintf(s.err, "gatehouse: %v\n", err)
	return exitCode(err)
}
