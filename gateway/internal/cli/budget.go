package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) budgetCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "budget",
		Short: "Show what is used of every limit, and correct it",
		Long: "Shows the counters of the running gateway: what has been used of each limit in its current window, and what requests\n" +
			"in flight hold of it. It asks the admin API; where that needs a key, put one with the role admin into " + adminKey + ".",
		Example: "  penstock budget\n" +
			"  penstock budget -o json\n" +
			"  penstock budget set team:search usd day 0",
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			return e.askBudgets(cmd.Context(), http.MethodGet, nil, output)
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
			return e.askBudgets(cmd.Context(), http.MethodPost, c, output)
		},
	}
	addOutput(cmd, &output, "table", "json")
	addOutput(set, &output, "table", "json")
	cmd.AddCommand(set)
	return cmd
}

// adminKey is the environment variable with the key for the admin API.
const adminKey = "PENSTOCK_ADMIN_KEY"

// askBudgets sends one request to the admin API and shows the counters that it answers.
func (e *environment) askBudgets(ctx context.Context, method string, body any, output string) error {
	c, err := e.options.LoadWithoutSecrets(ctx)
	if err != nil {
		return err
	}
	reply, err := askAdmin(ctx, c.Admin.Listen, method, "/admin/v1/budgets", body)
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
	return e.showBudgets(list)
}

// askAdmin calls the admin API of the gateway that listens there.
func askAdmin(ctx context.Context, listen, method, path string, body any) ([]byte, error) {
	ctx, stop := context.WithTimeout(ctx, 10*time.Second)
	defer stop()
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			return nil, err
		}
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+dialable(listen)+path, bytes.NewReader(sent))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if key := os.Getenv(adminKey); key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, hint.Add(fmt.Errorf("no gateway answers at %s: %w", listen, errors.Unwrap(err)), "counters are the running gateway's: start it with penstock serve, or name its configuration with -c")
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, 32<<20))
	if err != nil {
		return nil, fmt.Errorf("read the gateway's answer: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusedBy(resp.StatusCode, reply)
	}
	return reply, nil
}

// dialable is the address under which a listener on this machine is reached.
func dialable(listen string) string {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return listen
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// refusedBy is the admin API's refusal in words.
func refusedBy(status int, reply []byte) error {
	var said struct{ Error struct{ Message string } }
	if err := json.Unmarshal(reply, &said); err != nil || said.Error.Message == "" {
		return fmt.Errorf("the gateway answers with status %d", status)
	}
	err := errors.New(said.Error.Message)
	if status == http.StatusUnauthorized || status == http.StatusForbidden {
		return hint.Add(err, "put a key with the role admin into "+adminKey)
	}
	return err
}

func (e *environment) showBudgets(list server.BudgetList) error {
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
