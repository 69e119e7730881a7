// Command bench measures what the gateway costs. It starts a mock upstream, a bare
// Echo proxy (the floor) and the gateway with everything on, asks them the same
// questions in turn, and prints one table with ratios to the mock and to the floor,
// and a line for every goal. `make bench` builds what it needs and runs it.
//
// Every server and the load generator are processes of their own on loopback, and
// end with it. It measures whole processes from outside: the cost of single stages
// is what `go test -bench` is for. It needs Linux for processor time and memory.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
	}
	os.Exit(exitCode(err))
}

// errUsage marks a command line that can't be read.
var errUsage = errors.New("bench -h lists the flags")

// run is the whole program. The commands mock, mock-tls and load are how it starts its own
// processes.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) error {
	if len(args) == 2 && args[0] == "mock" {
		pace, err := time.ParseDuration(args[1])
		return errors.Join(err, runMock(pace, stdin, stdout))
	}
	if len(args) == 2 && args[0] == "mock-tls" {
		return runTLSMock(args[1], stdin, stdout)
	}
	if len(args) == 1 && args[0] == "load" {
		return runLoad(stdin, stdout)
	}
	o, err := parseOptions(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return nil
	}
	if err != nil {
		return errors.Join(err, errUsage)
	}
	return bench(ctx, o, stdout, stderr)
}

func exitCode(err error) int {
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errUsage):
		return 2
	default:
		return 1
	}
}
