package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) budgetCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "budget",
		Short: "Show how much of each limit is used, and correct it",
		Long: "Shows the counters of the running gateway: what has been used of each limit in its current window, and what requests\n" +
			"in flight have reserved. It calls the admin API; if that needs a key, put one with the role admin into " + adminKey + ".",
		Example: "  penstock budget\n" +
			"  penstock budget -o json\n" +
			"  penstock budget set team:search usd day 0",
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.callBudgets(cmd.Context(), http.MethodGet, nil, output)
		},
	}
	set := &cobra.Command{
		Use:     "set SCOPE UNIT WINDOW USED",
		Short:   "Correct what a limit counts as used in its current window",
		Example: "  penstock budget set key:7pPFCkDT usd day 0.25\n  penstock budget set team:search tokens 1m 0",
		Args:    exactly(4, "scope, unit, window and what is used, as penstock budget shows them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := admin.Correction{Scope: args[0], Unit: llm.Unit(args[1]), Window: args[2], Used: json.Number(args[3])}
			if _, err := server.ParseAmount(c.Unit, args[3]); err != nil {
				return &usageError{err}
			}
			return e.callBudgets(cmd.Context(), http.MethodPost, c, output)
		},
	}
	addOutput(cmd, &output, "table", "json")
	addOutput(set, &output, "table", "json")
	cmd.AddCommand(set)
	return cmd
}

// callBudgets makes one call of the admin API and prints the counters in its reply.
func (e *environment) callBudgets(ctx context.Context, method string, body any, output string) error {
	reply, err := e.callAdmin(ctx, method, "/admin/v1/budgets", body)
	if err != nil {
		return err
	}
	var list server.BudgetList
	if err := json.Unmarshal(reply, &list); err != nil {
		return fmt.Errorf("read the gateway's answer: %w", err)
	}
	if output == "json" {
		return e.printJSON(list)
	}
	return e.printBudgets(list)
}

func (e *environment) printBudgets(list server.BudgetList) error {
	if len(list.Budgets) == 0 {
		fmt.Fprintln(e.stderr, "Nothing has been counted yet: limits are counted from their first request on.")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SCOPE\tUNIT\tWINDOW\tUSED\tRESERVED\tMAX\tRESETS")
	for _, c := range list.Budgets {
		resets := "-"
		if c.Resets != nil {
			resets = c.Resets.Format(time.RFC3339)
		}
		fmt.Fprintln(w, strings.Join([]string{cells(c.Scope), string(c.Unit), dash(c.Window), c.Used.String(), c.Reserved.String(), dash(c.Max.String()), resets}, "\t"))
	}
	return w.Flush()
}
