package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) budgetRaiseCommand() *cobra.Command {
	var spec admin.RaiseSpec
	var end, output string
	cmd := &cobra.Command{
		Use:   "raise SCOPE",
		Short: "Raise a limit until a time, or end a raise early",
		Long: "Adds an amount to the maximum of every limit with this scope, unit and window, those that only warn included, until a time.\n" +
			"Raises add up, take effect at once, outlive a restart, and end by themselves. The unit and the window may be left out where\n" +
			"the scope has one limit that has been counted. penstock budget raises lists them.\n\n" +
			"A day as the end means its first moment, in the gateway's time zone: --until 2026-12-05 raises up to the end of 4 December.",
		Example: "  penstock budget raise team:search --by 50 --until +3d --reason 'launch week'\n" +
			"  penstock budget raise team:search --unit usd --window month --to 250 --until 2026-12-05\n" +
			"  penstock budget raise key:7pPFCkDT --unit concurrent --by 8 --until +2h\n" +
			"  penstock budget raise --end raise_k3jx2mq7w5ab",
		Args: atMostOne,
		RunE: func(cmd *cobra.Command, args []string) error {
			if end != "" {
				return e.endRaise(cmd, end, args, output)
			}
			if err := checkRaise(args, &spec); err != nil {
				return &usageError{hint.Add(err, "penstock budget raise --help shows an example")}
			}
			spec.Scope = args[0]
			var made server.Raise
			if err := e.askAdmin(cmd.Context(), http.MethodPost, "/admin/v1/raises", spec, &made); err != nil {
				return err
			}
			return e.printRaise(&made, output, "")
		},
	}
	f := cmd.Flags()
	f.StringVar((*string)(&spec.Unit), "unit", "", "unit of the limit: usd, tokens, input_tokens, output_tokens, requests, concurrent")
	f.StringVar(&spec.Window, "window", "", "window of the limit, as penstock budget shows it")
	f.StringVar((*string)(&spec.By), "by", "", "what to add to the maximum: US dollars, or a count")
	f.StringVar((*string)(&spec.To), "to", "", "the maximum that it is to become")
	f.StringVar(&spec.Until, "until", "", "when it ends: +3d, +12h, 2026-12-05, \"2026-12-05 18:00\"")
	f.StringVar(&spec.Reason, "reason", "", "why, for those who read it later")
	f.StringVar(&end, "end", "", "end the raise with this id now")
	addOutput(cmd, &output, "text", "json")
	return cmd
}

// checkRaise returns what the command line lacks.
func checkRaise(args []string, spec *admin.RaiseSpec) error {
	switch {
	case len(args) == 0:
		return errors.New("budget raise needs the scope of a limit, such as team:search")
	case (spec.By == "") == (spec.To == ""):
		return errors.New("budget raise needs one of --by and --to")
	case spec.Until == "":
		return errors.New("budget raise needs --until: a raise must end")
	}
	for name, n := range map[string]json.Number{"by": spec.By, "to": spec.To} {
		if _, err := n.Float64(); n != "" && err != nil {
			return fmt.Errorf("--%s: %q is not a number", name, n)
		}
	}
	return nil
}

// endRaise ends a raise.
func (e *environment) endRaise(cmd *cobra.Command, id string, args []string, output string) error {
	if len(args) > 0 {
		return &usageError{errors.New("--end takes the id of a raise, and no scope goes with it")}
	}
	var ended server.Raise
	if err := e.askAdmin(cmd.Context(), http.MethodDelete, "/admin/v1/raises/"+url.PathEscape(id), nil, &ended); err != nil {
		return err
	}
	return e.printRaise(&ended, output, "ended ")
}

func (e *environment) printRaise(r *server.Raise, output, what string) error {
	if r.Warning != "" {
		fmt.Fprintf(e.stderr, "warning: %s\n", r.Warning)
	}
	if output == "json" {
		return e.printJSON(r)
	}
	_, err := fmt.Fprintf(e.stdout, "%s%s: %s %s %s raised by %s until %s\n", what, r.ID, cells(r.Scope), r.Unit, dash(r.Window), r.By, r.Until.Format(time.RFC3339))
	return err
}

func (e *environment) budgetRaisesCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "raises",
		Short:   "List the raises in force",
		Example: "  penstock budget raises\n  penstock budget raises -o json",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			raises, err := everyAdminPage(cmd.Context(), e, "/admin/v1/raises", url.Values{}, func(l server.RaiseList) ([]server.Raise, string) { return l.Raises, l.Next })
			if err != nil {
				return err
			}
			list := server.RaiseList{Raises: raises}
			if output == "json" {
				return e.printJSON(list)
			}
			return e.printRaises(list)
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) printRaises(list server.RaiseList) error {
	if len(list.Raises) == 0 {
		fmt.Fprintln(e.stderr, "No limit is raised now.")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tSCOPE\tUNIT\tWINDOW\tBY\tUNTIL\tREASON\tMADE BY")
	for _, r := range list.Raises {
		fmt.Fprintln(w, cells(r.ID, r.Scope, string(r.Unit), dash(r.Window), r.By.String(), r.Until.Format(time.RFC3339), dash(r.Reason), dash(r.Operator)))
	}
	return w.Flush()
}
