package cli

import (
	"context"
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

func (e *environment) targetsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "targets",
		Short: "Show the state of targets and their credentials, and take them out of use",
		Long: "Calls the admin API of the running gateway, at the address that the configuration names. If that needs a key\n" +
			"(admin: {auth: key}), put one with the role admin into " + adminKey + ".",
		Args: exactly(0, "list, open or close"),
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(e.targetsListCommand(), e.targetsOpenCommand(), e.targetsCloseCommand())
	return cmd
}

func (e *environment) targetsListCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the targets with their circuits, figures and credentials",
		Long: "STATE is what a circuit lets through: closed all calls, open none, and half-open one that shows whether the target\n" +
			"has recovered. ERRORS is the share of recent attempts that failed, with the kind of failure that most of them had.\n" +
			"TTFT is the mean time to the first token, P50 and P95 are percentiles of what streams have shown; TOKENS/S is the\n" +
			"speed after it. REQUESTS and TOKENS are what the provider has said is left of its limits.",
		Example: "  penstock targets list\n  penstock targets list -o json",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			list, err := e.allTargets(cmd.Context())
			if err != nil {
				return err
			}
			return e.showTargets(output, server.TargetList{Targets: list})
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) targetsOpenCommand() *cobra.Command {
	var output string
	var span time.Duration
	cmd := &cobra.Command{
		Use:   "open TARGET | CREDENTIAL",
		Short: "Take a target or a credential out of use",
		Long: "No new calls go to the target, or are made with the credential, until it is closed or the time of --for is over. Calls\n" +
			"in flight go on. A reload of the configuration does not change it; a restart of the gateway ends it.",
		Example: "  penstock targets open openai/gpt-5 --for 30m\n  penstock targets open openai#2",
		Args:    exactly(1, "a target or a credential, as penstock targets list shows them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			body := admin.OpeningBody{ID: args[0]}
			if cmd.Flags().Changed("for") {
				if span <= 0 {
					return &usageError{fmt.Errorf("--for must be more than 0")}
				}
				body.For = span.String()
			}
			return e.changeTarget(cmd.Context(), "/open", body, output)
		},
	}
	cmd.Flags().DurationVar(&span, "for", 0, "how long, such as 30m; until it is closed when left out")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

func (e *environment) targetsCloseCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "close TARGET | CREDENTIAL",
		Short:   "Let a target or a credential be used at once, and forget its failures",
		Example: "  penstock targets close openai/gpt-5\n  penstock targets close openai#2",
		Args:    exactly(1, "a target or a credential, as penstock targets list shows them"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return e.changeTarget(cmd.Context(), "/close", admin.OpeningBody{ID: args[0]}, output)
		},
	}
	addOutput(cmd, &output, "table", "json")
	return cmd
}

const targetsPath = "/admin/v1/targets"

// allTargets returns the targets of the running gateway.
func (e *environment) allTargets(ctx context.Context) ([]server.Target, error) {
	return everyAdminPage(ctx, e, targetsPath, url.Values{}, func(l server.TargetList) ([]server.Target, string) { return l.Targets, l.Next })
}

// changeTarget opens or closes a target or credential and prints the targets that it concerns.
func (e *environment) changeTarget(ctx context.Context, path string, body admin.OpeningBody, output string) error {
	var list server.TargetList
	if err := e.askAdmin(ctx, http.MethodPost, targetsPath+path, body, &list); err != nil {
		return err
	}
	return e.showTargets(output, list)
}

func (e *environment) showTargets(output string, list server.TargetList) error {
	if output == "json" {
		return e.printJSON(list)
	}
	return e.printTargets(list)
}

func (e *environment) printTargets(list server.TargetList) error {
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "TARGET\tSTATE\tWHY\tUNTIL\tIN FLIGHT\tERRORS\tTTFT\tP50\tP95\tTOKENS/S\tREQUESTS\tTOKENS")
	row := func(name string, c *server.Circuit, figures ...string) {
		columns := append([]string{cells(name), c.State, dash(c.Why), untilOf(c)}, figures...)
		fmt.Fprintln(w, strings.Join(append(columns, count(c.RemainingRequests), count(c.RemainingTokens)), "\t"))
	}
	for _, t := range list.Targets {
		row(t.Target, &t.Circuit, strconv.FormatInt(t.InFlight, 10), errorsOf(&t), millis(t.TTFT), millis(t.TTFTP50), millis(t.TTFTP95), speedOf(t.TPS))
		for _, c := range t.Credentials {
			row("  "+c.Credential, &c.Circuit, "", "", "", "", "", "")
		}
	}
	return w.Flush()
}

// errorsOf formats the share of failed attempts, and the kind of failure that most of them have.
func errorsOf(t *server.Target) string {
	text := strconv.FormatFloat(100*t.ErrorRate, 'f', 0, 64) + "%"
	most := llm.Fault("")
	for class, share := range t.Errors {
		if share > t.Errors[most] || share == t.Errors[most] && class < most {
			most = class
		}
	}
	if most != "" {
		text += " " + string(most)
	}
	return text
}

// millis formats a time that may be unknown.
func millis(d llm.Millis) string {
	if d <= 0 {
		return "-"
	}
	return time.Duration(d).Round(time.Millisecond).String()
}

// speedOf formats tokens per second, which may be unknown.
func speedOf(tps float64) string {
	if tps <= 0 {
		return "-"
	}
	return strconv.FormatFloat(tps, 'f', 1, 64)
}

// untilOf formats until when a circuit stays as it is.
func untilOf(c *server.Circuit) string {
	switch {
	case c.Until != nil:
		return c.Until.Format(time.RFC3339)
	case c.State == "closed" || c.Why == "":
		return "-"
	}
	return "closed"
}

// count formats a number that may be unknown.
func count(n *int64) string {
	if n == nil {
		return "-"
	}
	return strconv.FormatInt(*n, 10)
}
