package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
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
	var output, scope string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "Show how much of each limit is used",
		Long: "Shows what has been used of each limit in its current window, what requests in flight have reserved, and when the window\n" +
			"ends. MAX is the hard maximum for the last request, with what raises add to it.",
		Example: "  penstock budget list\n" +
			"  penstock budget list --scope 'team:search*' -o json",
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.callBudgets(cmd.Context(), http.MethodGet, nil, output, scope)
		},
	}
	cmd.Flags().StringVar(&scope, "scope", "*", "only scopes of this pattern, such as team:* or key:7pPFCkDT")
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
			return e.callBudgets(cmd.Context(), http.MethodPost, c, output, "*")
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

// callBudgets makes one call of the admin API and prints the counters in its reply whose
// scope fits a pattern.
func (e *environment) callBudgets(ctx context.Context, method string, body any, output, scope string) error {
	var list server.BudgetList
	if err := e.askAdmin(ctx, method, "/admin/v1/budgets", body, &list); err != nil {
		return err
	}
	list.Budgets = slices.DeleteFunc(list.Budgets, func(b server.Budget) bool { return !llm.MatchName(scope, b.Scope) })
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
