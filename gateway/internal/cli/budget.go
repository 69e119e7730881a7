package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) budgetCommand() *cobra.Command {
	list := e.budgetListCommand()
	cmd := &cobra.Command{
		Use:   "budget",
		Short: "Show how much of each limit is used, raise limits for a time, correct what is counted",
		Long: "Shows the counters of the running gateway: what has been used of each limit in its current window, and what requests\n" +
			"in flight have reserved. What a limit's maximum is, the policy says: raise lifts it until a time, and set corrects what has\n" +
			"been counted. It calls the admin API; if that needs a key, put one with the role admin into " + adminKey + ".",
		Example: "  penstock budget list --scope 'team:*'\n" +
			"  penstock budget raise team:search --by 50 --until +3d --reason 'launch week'\n" +
			"  penstock budget set team:search usd day 0",
		Args: exactly(0, "one of list, raise, raises, set"),
		RunE: list.RunE,
	}
	cmd.Flags().AddFlagSet(list.Flags())
	cmd.AddCommand(list, e.budgetSetCommand(), e.budgetRaiseCommand(), e.budgetRaisesCommand())
	return cmd
}

func (e *environment) budgetListCommand() *cobra.Command {
	var output, scope, unit string
	var full float64
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show how much of each limit is used",
		Long: "Shows what has been used of each limit in its current window, what requests in flight have reserved, and when the window\n" +
			"ends. MAX is the hard maximum for the last request, with what raises add to it.",
		Example: "  penstock budget list\n" +
			"  penstock budget list --scope 'team:search*' -o json\n" +
			"  penstock budget list --unit usd --full 0.8",
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			query := url.Values{"scope": nonEmpty(scope), "unit": nonEmpty(unit)}
			if full != 0 {
				query.Set("full", strconv.FormatFloat(full, 'f', -1, 64))
			}
			list, err := everyAdminPage(cmd.Context(), e, "/admin/v1/budgets", query, func(l server.BudgetList) ([]server.Budget, string) { return l.Budgets, l.Next })
			if err != nil {
				return err
			}
			if len(list) == 0 && output != "json" && (scope != "" || unit != "" || full != 0) {
				fmt.Fprintln(e.stderr, "Nothing has been counted that fits --scope, --unit and --full: penstock budget list shows all.")
				return nil
			}
			return e.showBudgets(output, server.BudgetList{Budgets: list})
		},
	}
	cmd.Flags().StringVar(&scope, "scope", "", "only scopes of this pattern, such as team:* or key:7pPFCkDT")
	cmd.Flags().StringVar(&unit, "unit", "", "only this unit: usd, tokens, input_tokens, output_tokens, requests, concurrent")
	cmd.Flags().Float64Var(&full, "full", 0, "only those of which at least this share of the maximum is used, such as 0.8")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) budgetSetCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "set SCOPE UNIT WINDOW USED",
		Short: "Correct what a limit counts as used in its current window",
		Long: "Sets what has been used, for what was counted wrongly: it is stored, and outlives a restart. It changes no maximum. That is\n" +
			"the policy's to say; penstock budget raise lifts it for a time.",
		Example: "  penstock budget set key:7pPFCkDT usd day 0.25\n  penstock budget set team:search tokens 1m 0",
		Args:    exactly(4, "scope, unit, window and what is used, as penstock budget shows them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			c := admin.Correction{Scope: args[0], Unit: llm.Unit(args[1]), Window: args[2], Used: json.Number(args[3])}
			if _, err := server.ParseAmount(c.Unit, args[3]); err != nil {
				return &usageError{err}
			}
			var list server.BudgetList
			if err := e.askAdmin(cmd.Context(), http.MethodPost, "/admin/v1/budgets", c, &list); err != nil {
				return err
			}
			return e.showBudgets(output, list)
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) showBudgets(output string, list server.BudgetList) error {
	if output == "json" {
		return e.printJSON(list)
	}
	return e.printBudgets(list)
}

// askAdmin calls the admin API and reads its reply.
func (e *environment) askAdmin(ctx context.Context, method, path string, body, into any) error {
	reply, err := e.callAdmin(ctx, method, path, body)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(reply, into); err != nil {
		return fmt.Errorf("read the gateway's answer: %w", err)
	}
	return nil
}

func (e *environment) printBudgets(list server.BudgetList) error {
	if len(list.Budgets) == 0 {
		fmt.Fprintln(e.stderr, "Nothing has been counted yet: limits are counted from their first request on.")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "SCOPE\tUNIT\tWINDOW\tUSED\tRESERVED\tMAX\tFULL\tRESETS")
	for _, c := range list.Budgets {
		fmt.Fprintln(w, cells(c.Scope)+"\t"+fullness(&c))
	}
	return w.Flush()
}

// fullness returns the columns of a counter after its scope.
func fullness(c *server.Budget) string {
	resets := "-"
	if c.Resets != nil {
		resets = c.Resets.Format(time.RFC3339)
	}
	most := dash(c.Max.String())
	if c.Raised != "" {
		most += " (raised by " + c.Raised.String() + ")"
	}
	return strings.Join([]string{string(c.Unit), dash(c.Window), c.Used.String(), c.Reserved.String(), most, bar(c.Percent), resets}, "\t")
}

// barWidth is how many characters a full bar has.
const barWidth = 10

// bar draws how full a limit is.
func bar(percent *int) string {
	if percent == nil {
		return "-"
	}
	full := min(max(*percent, 0)*barWidth/100, barWidth)
	return fmt.Sprintf("%s%s %3d %%", strings.Repeat("█", full), strings.Repeat("░", barWidth-full), *percent)
}
