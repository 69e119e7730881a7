package cli

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/plugintool"
)

func (e *environment) pluginBenchCommand() *cobra.Command {
	var files []string
	var each time.Duration
	var output string
	cmd := &cobra.Command{
		Use:   "bench FILE --case FILE",
		Short: "Measure how long a module takes for a case",
		Long: "One instance answers each case of the file again and again, with fuel counted as in the gateway. All events of\n" +
			"a stream count as one call. Fuel is the same on every machine, times are not.",
		Example: "  penstock plugin bench first-router/first-router.wasm --case first-router/tests/price.json",
		Args:    exactly(1, "a module's file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(files) == 0 {
				return &usageError{hint.Add(errors.New("plugin bench needs a case"), "plugin bench --help shows an example")}
			}
			t, err := plugintool.ReadTests(args[0], files)
			if err != nil {
				return err
			}
			r, err := plugintool.NewRunner(e.options.Getenv, io.Discard)
			if err != nil {
				return err
			}
			defer r.Close(cmd.Context())
			timings, err := r.Bench(cmd.Context(), t, each)
			if err != nil {
				return err
			}
			return e.printTimings(output, timings)
		},
	}
	cmd.Flags().StringArrayVar(&files, "case", nil, "file with cases; may be given again")
	cmd.Flags().DurationVar(&each, "for", time.Second, "how long each case is timed")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) printTimings(output string, rows []plugintool.Timing) error {
	if output == "json" {
		return e.printJSON(rows)
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "CASE\tCALLS/S\tP50\tP99\tFUEL\tMEMORY")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%.0f\t%s\t%s\t%d\t%s\n", r.Name, r.PerSecond, brief(r.P50), brief(r.P99), r.Fuel, kib(r.Memory))
	}
	return w.Flush()
}
