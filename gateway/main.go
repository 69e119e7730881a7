// Penstock is an AI gateway: one HTTP endpoint in front of every model provider.
// This package is its command line and the wiring of its parts; each verb has a
// file of its own, and serve.go puts the gateway together.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"
)

// version is set by the linker.
var version = "dev"

// The exit codes.
const (
	exitFault = 1
	exitUsage = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	stdout, stderr := newVisible(os.Stdout), newVisible(os.Stderr)
	err := run(ctx, os.Args[1:], os.Getenv, stdout, stderr)
	stop()
	code := report(err, stderr)
	_, _ = stdout.Flush(), stderr.Flush() // there is nobody left to tell
	os.Exit(code)
}

// app is what the verbs share.
type app struct {
	getenv         func(string) string
	stdout, stderr io.Writer
	// config is the path of the configuration file; empty means none.
	config string
}

// run executes one command line. What machines read goes to stdout, talk to stderr.
func run(ctx context.Context, args []string, getenv func(string) string, stdout, stderr io.Writer) error {
	a := &app{getenv: getenv, stdout: stdout, stderr: stderr}
	root := a.root()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && strings.HasPrefix(err.Error(), "unknown command") {
		return &usageError{err}
	}
	return err
}

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "penstock",
		Short:         "One HTTP endpoint in front of every model provider",
		Long:          "Penstock is an AI gateway. Start it with `penstock serve`: no configuration is needed for a first try.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       version,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.PersistentFlags().StringVarP(&a.config, "config", "c", "",
		"configuration file (default: $PENSTOCK_CONFIG, else penstock.yaml if it is there)")
	root.AddCommand(a.serveCommand(), a.initCommand(), a.checkCommand(), a.explainCommand(), a.cacheCommand(), a.keysCommand(),
		a.spendCommand(), a.budgetCommand(), a.policyCommand(), a.pluginCommand(), a.schemaCommand(), a.versionCommand(), a.compileCommand())
	return root
}

// usageError is a command line that makes no sense.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// hinted is an error that knows what to type next.
type hinted struct {
	error
	hint string
}

func (e *hinted) Unwrap() error { return e.error }

// hint adds what to do to an error; nil stays nil.
func hint(err error, format string, args ...any) error {
	if err == nil {
		return nil
	}
	return &hinted{err, fmt.Sprintf(format, args...)}
}

// exactly is a cobra argument check whose error is a usage error.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return &usageError{hint(fmt.Errorf("%s takes %s", cmd.CommandPath(), what), "%s --help shows an example", cmd.CommandPath())}
	}
}

// report prints an error, once, with its hint, and gives the exit code.
func report(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	fmt.Fprintf(stderr, "penstock: %v\n", err)
	var h *hinted
	if errors.As(err, &h) {
		fmt.Fprintf(stderr, "  hint: %s\n", h.hint)
	}
	var u *usageError
	if errors.As(err, &u) {
		return exitUsage
	}
	return exitFault
}

// atMostOne is a cobra argument check whose error is a usage error.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return exactly(1, "at most one argument")(cmd, args)
}
