package cli

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/plugintool"
)

func (e *environment) pluginReplayCommand() *cobra.Command {
	var save, output string
	cmd := &cobra.Command{
		Use:   "replay REQUEST-ID",
		Short: "Make a request's recorded calls again and compare the answers byte for byte",
		Long: "A plugin with `record: true` in the configuration has its calls recorded beside the ledger, those of the\n" +
			"last 1,000 requests. The modules are those that the configuration names now, so a new version of a plugin\n" +
			"can be compared with the old one.",
		Example: "  penstock plugin replay req_01k9zq6m3c8v7e2x5d4r1t0wbn\n" +
			"  penstock plugin replay req_01k9zq6m3c8v7e2x5d4r1t0wbn --save first-router/tests",
		Args: exactly(1, "a request's id, as in the header x-penstock-request-id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := e.options.Load(cmd.Context())
			if err != nil {
				return err
			}
			calls, err := plugintool.RecordedCalls(c, args[0])
			if err != nil {
				return err
			}
			if save != "" {
				paths, err := plugintool.SaveCalls(save, args[0], calls)
				for _, path := range paths {
					fmt.Fprintln(e.stdout, path)
				}
				return err
			}
			r, err := plugintool.NewRunner(e.options.Getenv, io.Discard)
			if err != nil {
				return err
			}
			defer r.Close(cmd.Context())
			replayed, err := r.Replay(cmd.Context(), c, calls)
			if err != nil {
				return err
			}
			return e.printReplay(output, replayed)
		},
	}
	cmd.Flags().StringVar(&save, "save", "", "write the calls as cases into this folder instead")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) printReplay(output string, rows []plugintool.Replayed) error {
	differ := 0
	for _, r := range rows {
		if !r.Same {
			differ++
		}
	}
	if output == "json" {
		if err := e.printJSON(map[string]any{"calls": rows, "differing": differ}); err != nil {
			return err
		}
	} else if err := printCalls(e.stdout, rows); err != nil {
		return err
	}
	if differ > 0 {
		return hint.Add(fmt.Errorf("%d of %d calls are answered differently now", differ, len(rows)),
			"the module or its settings have changed since; --save keeps the calls as cases")
	}
	return nil
}

func printCalls(out io.Writer, rows []plugintool.Replayed) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\tPLUGIN\tHOOK\tFUEL")
	for _, r := range rows {
		mark := "same"
		if !r.Same {
			mark = "DIFFERS"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\n", mark, r.Plugin, r.Hook, r.Fuel)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range rows {
		if !r.Same {
			fmt.Fprintf(out, "\n%s\n  %s\n", r.File, strings.ReplaceAll(r.Error, "\n", "\n  "))
		}
	}
	return nil
}
