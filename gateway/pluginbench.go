package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/wasm"
)

// shownTiming is a case's timing as machines read it.
type shownTiming struct {
	Name      string        `json:"name"`
	Calls     int           `json:"calls"`
	PerSecond float64       `json:"calls_per_second"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	Fuel      int64         `json:"fuel"`
	Memory    int64         `json:"memory_bytes"`
}

func (a *app) pluginBenchCommand() *cobra.Command {
	var files []string
	var long time.Duration
	var output string
	cmd := &cobra.Command{
		Use:   "bench FILE --case FILE",
		Short: "Say how long a module takes for a case",
		Long: "One instance answers each case of the file again and again, metered as in the gateway. All events of a\n" +
			"stream count as one call. Fuel is the same on every machine, times are not.",
		Example: "  penstock plugin bench first-router/first-router.wasm --case first-router/tests/price.json",
		Args:    exactly(1, "a module's file"),
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(files) == 0 {
				return &usageError{hint(errors.New("plugin bench needs a case"), "plugin bench --help shows an example")}
			}
			t := &pluginTests{spec: wasm.Spec{Name: moduleName(args[0])}}
			var err error
			if t.spec.Wasm, err = readModule(args[0]); err != nil {
				return err
			}
			if err := t.read(files); err != nil {
				return err
			}
			host, err := a.pluginHost(io.Discard)
			if err != nil {
				return err
			}
			defer host.Close(cmd.Context())
			var rows []shownTiming
			for _, c := range t.cases {
				got, err := host.Time(cmd.Context(), t.spec, c, long)
				if err != nil {
					return err
				}
				rows = append(rows, shownTiming{c.Name, got.Calls, got.PerSecond, got.P50, got.P99, got.Fuel, got.Memory})
			}
			return a.showTimings(output, rows)
		},
	}
	cmd.Flags().StringArrayVar(&files, "case", nil, "file with cases; may be given again")
	cmd.Flags().DurationVar(&long, "for", time.Second, "how long each case is timed")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (a *app) showTimings(output string, rows []shownTiming) error {
	if output == "json" {
		return a.printJSON(rows)
	}
	w := tabwriter.NewWriter(a.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "CASE\tCALLS/S\tP50\tP99\tFUEL\tMEMORY")
	for _, r := range rows {
		fmt.Fprintf(w, "%s\t%.0f\t%s\t%s\t%d\t%s\n", r.Name, r.PerSecond, brief(r.P50), brief(r.P99), r.Fuel, kib(r.Memory))
	}
	return w.Flush()
}
