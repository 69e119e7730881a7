// Command bench measures the gateway's overhead. It starts a mock upstream, a bare Echo
// proxy (the floor) and the gateway with every feature on, sends them the same requests in
// turn, and prints one table with ratios to the mock and to the floor, and a line for every
// goal. `make bench` builds what it needs and runs it.
//
// The servers and the load generator are separate processes on loopback, which end with it.
// It measures whole processes from outside, and the routing call in its own process, as a part of
// a request's processor time; `go test -bench` measures single stages. It
// needs Linux for processor time and memory.
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

// errUsage marks an invalid command line.
var errUsage = errors.New("bench -h lists the flags")

// run runs the program. The commands mock, mock-tls and load are for the processes that it
// starts.
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
