package cli

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) limitsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "limits",
		Short: "Show which limits apply to a caller",
		Args:  exactly(0, "show"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.limitsShowCommand())
	return cmd
}

func (e *environment) limitsShowCommand() *cobra.Command {
	var output, model string
	var as askerFlags
	cmd := &cobra.Command{
		Use:   "show [KEY]",
		Short: "Show every limit that applies to a key, how full it is and when it resets",
		Long: "Asks the policy of the running gateway which limits come with a request of a key, a team or a user, for each model that it\n" +
			"may use or for one of them, and shows what has been used of each, what requests in flight have reserved, its maximum with\n" +
			"what raises add to it, when its window ends, and the rule that names it. Limits that depend on more, such as a tag or the\n" +
			"time of day, need it as a flag. It calls the admin API; if that needs a key, put one with the role admin into " + adminKey + ".",
		Example: "  penstock limits show search-bot\n" +
			"  penstock limits show 7pPFCkDT --model smart --tag usecase=support\n" +
			"  penstock limits show --team search --user ada -o json",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 && as.Team == "" && as.User == "" {
				return &usageError{hint.Add(errors.New("limits show needs the id or the name of a key, or --team or --user"), "penstock limits show --help shows examples")}
			}
			asker, err := as.parse()
			if err != nil {
				return err
			}
			q := url.Values{"key": args, "model": nonEmpty(model), "team": nonEmpty(asker.Team), "user": nonEmpty(asker.User), "session": nonEmpty(asker.Session), "at": nonEmpty(asker.At)}
			for name, value := range asker.Tags {
				q.Add("tag", name+"="+value)
			}
			var list server.LimitList
			limits, err := everyAdminPage(cmd.Context(), e, "/admin/v1/limits", q, func(page server.LimitList) ([]server.LimitShown, string) {
				list = page // all pages say the same of the caller
				return page.Limits, page.Next
			})
			if err != nil {
				return err
			}
			list.Limits, list.Next = limits, ""
			if output == "json" {
				return e.printJSON(list)
			}
			return e.printLimits(list)
		},
	}
	f := cmd.Flags()
	f.StringVar(&model, "model", "", "only for this model (default: every model that the key may use)")
	f.StringVar(&as.Team, "team", "", "team of the caller, in place of the key's")
	f.StringVar(&as.User, "user", "", "user of the caller, in place of the key's")
	f.StringVar(&as.Session, "session", "", "session that the caller names")
	f.StringArrayVar(&as.tags, "tag", nil, "NAME=VALUE, a tag that the caller sends; may be repeated")
	f.StringVar(&as.At, "at", "", "when, such as 23:30, in the configured time zone")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

// nonEmpty returns the values of a parameter that is left out when it is empty.
func nonEmpty(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}

func (e *environment) printLimits(list server.LimitList) error {
	for _, d := range list.Denied {
		fmt.Fprintf(e.stderr, "%s is denied: %s %s\n", cells(d.Model), cells(d.Reason), cells(d.Rule))
	}
	if list.Skipped > 0 {
		fmt.Fprintf(e.stderr, "%d more models were left out; --model names one.\n", list.Skipped)
	}
	if len(list.Limits) == 0 {
		fmt.Fprintf(e.stderr, "The policy names no limit for this caller with %d models.\n", list.Models-len(list.Denied))
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "LIMIT\tSCOPE\tUNIT\tWINDOW\tUSED\tRESERVED\tMAX\tFULL\tRESETS\tON EXCEED\tMODELS\tRULE")
	for _, l := range list.Limits {
		models := "all"
		if len(l.Models) > 0 {
			models = strings.Join(l.Models, ",")
		}
		fmt.Fprintln(w, cells(l.Name, l.Scope)+"\t"+fullness(&l.Budget)+"\t"+cells(l.OnExceed, models, dash(l.Rule)))
	}
	return w.Flush()
}
