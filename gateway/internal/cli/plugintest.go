package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/plugintool"
)

func (e *environment) pluginTestCommand() *cobra.Command {
	var file, output string
	var verbose bool
	var fuzz time.Duration
	var seed uint64
	cmd := &cobra.Command{
		Use:   "test [FOLDER | FILE…]",
		Short: "Run a plugin's cases in the gateway's own host",
		Long: "Every case runs twice on one instance and twice on fresh ones, with fuel and memory bounded as in the\n" +
			"gateway. A folder is a project, whose tests/*.json are run, or holds cases itself. With --fuzz, inputs\n" +
			"that vary the cases' follow: they may be rejected, but must not make the plugin fail.",
		Example: "  penstock plugin test first-router\n" +
			"  penstock plugin test first-router --fuzz=1m\n" +
			"  penstock plugin test cases/price.json --module first-router.wasm -o json",
		RunE: func(cmd *cobra.Command, args []string) error {
			t, err := plugintool.FindTests(args, file)
			if errors.Is(err, plugintool.ErrArguments) {
				return &usageError{err}
			}
			if err != nil {
				return err
			}
			log := io.Discard
			if verbose {
				log = e.stderr
			}
			r, err := plugintool.NewRunner(e.options.Getenv, log)
			if err != nil {
				return err
			}
			defer r.Close(cmd.Context())
			if err := e.runTests(cmd.Context(), r, t, output); err != nil || fuzz == 0 {
				return err
			}
			return e.fuzz(cmd.Context(), r, t, fuzz, cmp.Or(seed, rand.Uint64()))
		},
	}
	cmd.Flags().StringVar(&file, "module", "", "the module to test (default: the project's)")
	cmd.Flags().BoolVarP(&verbose, "verbose", "v", false, "show what the plugin logs, once for each of a case's runs")
	cmd.Flags().DurationVar(&fuzz, "fuzz", 0, "try variations of the cases' inputs for this long")
	cmd.Flags().Lookup("fuzz").NoOptDefVal = "10s"
	cmd.Flags().Uint64Var(&seed, "seed", 0, "repeat the inputs of an earlier --fuzz")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

// runTests runs the cases and prints the results. The error counts the failures.
func (e *environment) runTests(ctx context.Context, r *plugintool.Runner, t *plugintool.Tests, output string) error {
	results, err := r.Test(ctx, t)
	if err != nil {
		return err
	}
	failed := 0
	for _, result := range results {
		if !result.OK {
			failed++
		}
	}
	if err := e.printResults(output, t.Name(), results, failed); err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d cases failed", failed, len(results))
	}
	return nil
}

// fuzz runs the fuzzer and prints how many inputs it tried.
func (e *environment) fuzz(ctx context.Context, r *plugintool.Runner, t *plugintool.Tests, d time.Duration, seed uint64) error {
	fmt.Fprintf(e.stderr, "fuzzing %s for %s with --seed %d\n", t.Name(), d, seed)
	tried, err := r.Fuzz(ctx, t, d, seed)
	if err != nil {
		return err
	}
	fmt.Fprintf(e.stderr, "%d inputs: no fault, and the same answer every time\n", tried)
	return nil
}

func (e *environment) printResults(output, name string, rows []plugintool.Result, failed int) error {
	if output == "json" {
		return e.printJSON(map[string]any{"module": name, "cases": rows, "passed": len(rows) - failed, "failed": failed})
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\tCASE\tFUEL\tMEMORY\tP50")
	for _, r := range rows {
		mark := "ok"
		if !r.OK {
			mark = "FAIL"
		}
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", mark, r.Name, r.Fuel, kib(r.Memory), brief(r.P50))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if !r.OK {
			fmt.Fprintf(e.stdout, "\nFAIL %s (%s)\n  %s\n", r.Name, r.File, strings.ReplaceAll(r.Error, "\n", "\n  "))
		}
	}
	fmt.Fprintf(e.stdout, "\n%s: %d cases ok, %d failed\n", name, len(rows)-failed, failed)
	return nil
}

// kib formats a number of bytes.
func kib(n int64) string {
	if n < 1<<20 {
		return fmt.Sprintf("%.0f KiB", float64(n)/(1<<10))
	}
	return fmt.Sprintf("%.1f MiB", float64(n)/(1<<20))
}

// brief formats a duration with three digits.
func brief(d time.Duration) string {
	for unit := time.Duration(1); ; unit *= 10 {
		if d < 1000*unit {
			return d.Round(unit).String()
		}
	}
}
