package cli

import (
	"context"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/policy"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) policyCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "policy",
		Short: "Check, test and try out admission policies",
		Long: "Policies decide which requests are admitted and which limits apply to them. They are settings in teams.yaml,\n" +
			"limits.yaml and models.yaml, and rules in Rego files.\n" +
			"Without a folder, the one that the configuration names is meant, else the built-in policy.",
		Args: exactly(0, "one of check, test, eval, fmt, diff"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.policyCheckCommand(), e.policyTestCommand(), e.policyEvalCommand(), e.policyFmtCommand(), e.policyDiffCommand())
	return cmd
}

// policySource returns the policy in the folder or bundle that the command line or the
// configuration names, else the built-in one.
func (e *environment) policySource(cmd *cobra.Command, args []string) (policy.Source, error) {
	if len(args) == 1 {
		return server.PolicySource(args[0])
	}
	return e.options.ConfiguredPolicy(cmd.Context())
}

func (e *environment) policyCheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:     "check [FOLDER]",
		Short:   "Compile a policy and list every fault",
		Example: "  penstock policy check ./policies",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := e.policySource(cmd, args)
			if err != nil {
				return err
			}
			if err := policy.Check(cmd.Context(), source); err != nil {
				return hint.Add(err, "the gateway keeps the last good policy until this is fixed")
			}
			e.printWarnings(policy.Notes(source, time.Now()))
			fmt.Fprintln(e.stdout, "policy ok")
			return nil
		},
	}
}

func (e *environment) policyTestCommand() *cobra.Command {
	var o policy.TestOptions
	cmd := &cobra.Command{
		Use:     "test [FOLDER]",
		Short:   "Run a policy's *_test.rego",
		Example: "  penstock policy test ./policies --coverage",
		Args:    atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			source, err := e.policySource(cmd, args)
			if err != nil {
				return err
			}
			report, err := policy.Test(cmd.Context(), source, e.stdout, o)
			if err != nil {
				return err
			}
			if report.Failed > 0 {
				return fmt.Errorf("%d of %d policy tests failed", report.Failed, report.Failed+report.Passed)
			}
			return nil
		},
	}
	cmd.Flags().BoolVarP(&o.Verbose, "verbose", "v", false, "name the tests that passed, too")
	cmd.Flags().BoolVar(&o.Coverage, "coverage", false, "say which rows no test reaches")
	return cmd
}

func (e *environment) policyEvalCommand() *cobra.Command {
	var file string
	var explain bool
	cmd := &cobra.Command{
		Use:   "eval [FOLDER]",
		Short: "Decide on one input and print the decision",
		Long: "The input need not be complete: what the gateway sends with every request is added, and named on standard error.\n" +
			"What the gateway would never send is an error; policies/schema/input.json describes the input.",
		Example: "  penstock policy eval ./policies --input input.json\n" +
			"  echo '{\"key\":{\"team\":\"search\"}}' | penstock policy eval --input -",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			input, err := e.readInput(cmd, file)
			if err != nil {
				return err
			}
			source, err := e.policySource(cmd, args)
			if err != nil {
				return err
			}
			zone, err := e.policyZone(cmd.Context())
			if err != nil {
				return err
			}
			result, err := policy.Eval(cmd.Context(), source, input, policy.EvalOptions{File: inputName(file), Location: zone, Trace: explain})
			if err != nil {
				return err
			}
			if len(result.Added) > 0 {
				fmt.Fprintf(e.stderr, "added what every request has: %s\n", strings.Join(result.Added, ", "))
			}
			fmt.Fprint(e.stderr, result.Trace, result.Rules)
			if result.Raw != nil {
				fmt.Fprintf(e.stdout, "%s\n", result.Raw)
			}
			return hint.Add(result.Err, "the gateway denies every request that the policy cannot decide")
		},
	}
	cmd.Flags().StringVarP(&file, "input", "f", "", "file with the input as JSON; - is standard input")
	cmd.Flags().BoolVar(&explain, "explain", false, "trace the evaluation on standard error, and name the rule, file and line of every part of the decision")
	return cmd
}

// inputName returns how errors name the file of a flag.
func inputName(file string) string {
	if file == "-" {
		return "standard input"
	}
	return file
}

// policyZone returns the time zone of the configuration, UTC without one.
func (e *environment) policyZone(ctx context.Context) (*time.Location, error) {
	if e.options.ConfigPath() == "" {
		return time.UTC, nil
	}
	c, err := e.options.Load(ctx)
	if err != nil {
		return nil, err
	}
	return c.TimeZone.Location(), nil
}

// readInput reads the file that a flag names; "-" is standard input.
func (e *environment) readInput(cmd *cobra.Command, file string) ([]byte, error) {
	switch file {
	case "":
		return nil, &usageError{hint.Add(fmt.Errorf("%s needs --input", cmd.CommandPath()), "%s --help shows an example", cmd.CommandPath())}
	case "-":
		return io.ReadAll(cmd.InOrStdin())
	}
	return os.ReadFile(file)
}
