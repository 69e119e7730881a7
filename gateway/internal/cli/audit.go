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

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
)

func (e *environment) auditCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "audit",
		Short: "Show who changed what by the admin API or the command line",
		Args:  exactly(0, "list"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	e.addAdmin(cmd)
	cmd.AddCommand(e.auditListCommand())
	return cmd
}

func (e *environment) auditListCommand() *cobra.Command {
	var output, since, after string
	var limit int
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List the changes, the newest first",
		Example: "  penstock audit list --since 24h\n  penstock audit list --limit 10 -o json",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := admin.ParseSince(since, time.Now())
			if err != nil {
				return &usageError{fmt.Errorf("--since: %w", err)}
			}
			list, err := everyPage(limit, after, func(after string, limit int) ([]audit.Entry, string, error) {
				return e.auditPage(cmd.Context(), audit.Query{Since: from, After: after, Limit: limit})
			})
			if err != nil {
				return err
			}
			if output == "json" {
				return e.printJSON(list)
			}
			return e.printAudit(list)
		},
	}
	cmd.Flags().StringVar(&since, "since", "7d", "how far back, such as 24h, 7d or 2026-11-22")
	addPaging(cmd, &limit, &after)
	addOutput(cmd, &output, "table", "json")
	return cmd
}

// auditPage returns a page of the log of a running gateway, or of the one in the ledger.
func (e *environment) auditPage(ctx context.Context, q audit.Query) ([]audit.Entry, string, error) {
	if e.adminURL == "" {
		_, log, l, err := e.options.OpenKeys(ctx)
		if err != nil {
			return nil, "", err
		}
		defer l.Close()
		return log.List(ctx, q)
	}
	query := url.Values{"since": {q.Since.Format(time.RFC3339)}, "limit": {strconv.Itoa(q.Limit)}}
	if q.After != "" {
		query.Set("after", q.After)
	}
	reply, err := e.callAdmin(ctx, http.MethodGet, "/admin/v1/audit?"+query.Encode(), nil)
	if err != nil {
		return nil, "", err
	}
	var l admin.AuditList
	if err := json.Unmarshal(reply, &l); err != nil {
		return nil, "", fmt.Errorf("read the gateway's answer: %w", err)
	}
	return l.Entries, l.Next, nil
}

func (e *environment) printAudit(list []audit.Entry) error {
	if len(list) == 0 {
		fmt.Fprintln(e.stderr, "Nothing was changed in that time.")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tWHO\tACTION\tOBJECT\tOUTCOME")
	for _, a := range list {
		outcome := a.Outcome
		if a.Detail != "" {
			outcome += ": " + a.Detail
		}
		fmt.Fprintln(w, cells(a.Time.Format(time.RFC3339), whoText(&a), a.Action, dash(a.Object), outcome))
	}
	return w.Flush()
}

// whoText is who made a change: the key, its user and where from.
func whoText(a *audit.Entry) string {
	var parts []string
	for _, p := range []struct{ label, text string }{{"key ", a.Key}, {"user ", a.User}, {"", a.Address}} {
		if p.text != "" {
			parts = append(parts, p.label+p.text)
		}
	}
	return dash(strings.Join(parts, ", "))
}
