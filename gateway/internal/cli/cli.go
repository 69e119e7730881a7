// Package cli is the command line: one file for each verb. It reads flags and arguments,
// calls the packages that do the work and prints what they return. It wires nothing.
package cli

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

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/server"
)

// The exit codes.
const (
	exitFault = 1
	exitUsage = 2
)

// Main runs the process's command line until it ends or a signal stops it, and returns
// the exit code. A second signal ends the process at once.
func Main(version string) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop)
	defer stop()
	stdout, stderr := newTerminal(os.Stdout), newTerminal(os.Stderr)
	stdout.styled = showsStyles(os.Stdout, os.Getenv)
	code := Run(ctx, os.Args[1:], Environment{Getenv: os.Getenv, Stdout: stdout, Stderr: stderr, Version: version})
	_, _ = stdout.Flush(), stderr.Flush() // there is nowhere to report a failure
	return code
}

// Environment is what a command line runs in.
type Environment struct {
	// Getenv looks up environment variables.
	Getenv func(string) string
	// Stdout receives what programs read, Stderr everything else.
	Stdout, Stderr io.Writer
	// Version is the gateway's version.
	Version string
}

// Run runs one command line and returns the exit code.
func Run(ctx context.Context, args []string, env Environment) int {
	e := &environment{stdout: env.Stdout, stderr: env.Stderr,
		options: server.Options{Getenv: env.Getenv, Stderr: env.Stderr, Version: env.Version}}
	root := e.root()
	root.SetArgs(args)
	root.SetOut(env.Stdout)
	root.SetErr(env.Stderr)
	err := root.ExecuteContext(ctx)
	if err != nil && strings.HasPrefix(err.Error(), "unknown command") {
		err = &usageError{err}
	}
	return printError(env.Stderr, err)
}

// environment is what the verbs share.
type environment struct {
	stdout, stderr io.Writer
	// options has the path of the configuration file if a flag names it.
	options server.Options
	// adminURL is the admin API of a running gateway if a flag names it.
	adminURL string
}

func (e *environment) root() *cobra.Command {
	root := &cobra.Command{
		Use:           "penstock",
		Short:         "One HTTP endpoint in front of every model provider",
		Long:          "Penstock is an AI gateway. Start it with `penstock serve`: no configuration is needed for a first try.",
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       e.options.Version,
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return &usageError{err} })
	root.PersistentFlags().StringVarP(&e.options.Config, "config", "c", "",
		"configuration file (default: $PENSTOCK_CONFIG, else penstock.yaml if it is there)")
	root.AddCommand(e.serveCommand(), e.initCommand(), e.checkCommand(), e.doctorCommand(), e.requestsCommand(), e.topCommand(), e.explainCommand(), e.replayCommand(), e.routeCommand(), e.feedbackCommand(), e.targetsCommand(), e.dashboardCommand(), e.cacheCommand(), e.keysCommand(), e.teamsCommand(), e.usersCommand(), e.auditCommand(),
		e.spendCommand(), e.budgetCommand(), e.limitsCommand(), e.ledgerCommand(), e.healthCommand(), e.providersCommand(), e.modelsCommand(), e.catalogCommand(), e.classifierCommand(), e.policyCommand(), e.pluginCommand(), e.schemaCommand(), e.versionCommand(), e.compileCommand())
	return root
}

// usageError is the error for a command line with wrong flags or arguments.
type usageError struct{ error }

func (e *usageError) Unwrap() error { return e.error }

// codeError is an error with an exit code of its own.
type codeError struct {
	error
	code int
}

func (e *codeError) Unwrap() error { return e.error }

// exactly is a cobra argument check whose error is a usage error.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) == n {
			return nil
		}
		return &usageError{hint.Add(fmt.Errorf("%s takes %s", cmd.CommandPath(), what), "%s --help shows an example", cmd.CommandPath())}
	}
}

// atMostOne is a cobra argument check whose error is a usage error.
func atMostOne(cmd *cobra.Command, args []string) error {
	if len(args) <= 1 {
		return nil
	}
	return exactly(1, "at most one argument")(cmd, args)
}

// printError prints an error with its hint, and returns the exit code.
func printError(stderr io.Writer, err error) int {
	if err == nil {
		return 0
	}
	if t, ok := stderr.(*terminal); ok && t.stuck() {
		stderr = io.Discard // nobody reads it, and the process must end
	}
	fmt.Fprintf(stderr, "penstock: %v\n", err)
	if h := hint.Of(err); h != "" {
		fmt.Fprintf(stderr, "  hint: %s\n", h)
	}
	var u *usageError
	var c *codeError
	switch {
	case errors.As(err, &u):
		return exitUsage
	case errors.As(err, &c):
		return c.code
	}
	return exitFault
}
