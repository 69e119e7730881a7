package cli

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

const requestsPath = "/admin/v1/requests"

func (e *environment) requestsCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "requests",
		Short: "List requests, show one, or follow them as they end",
		Args:  exactly(0, "list, show or tail"),
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	e.addAdmin(cmd)
	cmd.AddCommand(e.requestsListCommand(), e.requestsShowCommand(), e.requestsTailCommand())
	return cmd
}

// addFilter adds the flags of a filter of requests.
func addFilter(cmd *cobra.Command, f *llm.RecordFilter) {
	fl := cmd.Flags()
	fl.StringVar(&f.Model, "model", "", "only those that asked for a model")
	fl.StringVar(&f.Target, "target", "", "only those that a target answered")
	fl.StringVar(&f.Team, "team", "", "only those of a team")
	fl.StringVar(&f.Key, "key", "", "only those of a key, by its id")
	fl.StringVar(&f.User, "user", "", "only those of a user")
	fl.StringVar(&f.Tag, "tag", "", "only those with a tag, NAME=VALUE")
	fl.StringVar(&f.Outcome, "outcome", "", "only those that ended so: "+strings.Join(llm.Outcomes(), ", "))
}

// checkFilter returns a usage error for a flag that selects nothing.
func checkFilter(f *llm.RecordFilter) error {
	if f.Tag != "" && !strings.Contains(f.Tag, "=") {
		return &usageError{fmt.Errorf("--tag %s: write NAME=VALUE, such as usecase=support", f.Tag)}
	}
	if f.Outcome != "" && !slices.Contains(llm.Outcomes(), f.Outcome) {
		return &usageError{fmt.Errorf("--outcome %s: write one of %s", f.Outcome, strings.Join(llm.Outcomes(), ", "))}
	}
	return nil
}

// filterQuery is a filter as the admin API has it.
func filterQuery(f *llm.RecordFilter) url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"model": f.Model, "target": f.Target, "team": f.Team, "key": f.Key, "user": f.User, "tag": f.Tag, "outcome": f.Outcome, "before": f.Before} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if f.Limit > 0 {
		q.Set("limit", strconv.Itoa(f.Limit))
	}
	return q
}

func (e *environment) requestsListCommand() *cobra.Command {
	var f llm.RecordFilter
	var output string
	cmd := &cobra.Command{
		Use:     "list",
		Short:   "List requests, the newest first",
		Long:    "Without --admin the requests are read from the ledger of the configuration.",
		Example: "  penstock requests list --team search --outcome error\n  penstock requests list --limit 1000 -o json",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFilter(&f); err != nil {
				return err
			}
			if f.Limit < 1 || f.Limit > listPage {
				return &usageError{fmt.Errorf("--limit %d: write a number from 1 to %d", f.Limit, listPage)}
			}
			list, err := e.requestRows(cmd.Context(), &f)
			if err != nil {
				return messageOnly(err)
			}
			return e.printRequests(output, list)
		},
	}
	addFilter(cmd, &f)
	cmd.Flags().IntVar(&f.Limit, "limit", 50, "the most to list, up to 1000")
	cmd.Flags().StringVar(&f.Before, "before", "", "list those that are older than this one")
	addOutput(cmd, &output, "table", "json")
	return cmd
}

// requestRows lists the requests of a running gateway, or those in the ledger.
func (e *environment) requestRows(ctx context.Context, f *llm.RecordFilter) ([]admin.RequestRow, error) {
	if e.adminURL != "" {
		list, err := askAdmin[admin.RequestList](ctx, e, requestsPath+"?"+filterQuery(f).Encode())
		return list.Requests, err
	}
	l, err := e.options.OpenLedger(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	records, err := l.List(ctx, ledger.PageOf(*f))
	rows := make([]admin.RequestRow, len(records))
	for i, r := range records {
		rows[i] = admin.RowOf(r)
	}
	return rows, err
}

// askAdmin reads a reply of the admin API.
func askAdmin[T any](ctx context.Context, e *environment, path string) (out T, err error) {
	reply, err := e.callAdmin(ctx, http.MethodGet, path, nil)
	if err != nil {
		return out, err
	}
	if err := json.Unmarshal(reply, &out); err != nil {
		return out, fmt.Errorf("read the gateway's answer: %w", err)
	}
	return out, nil
}

func (e *environment) printRequests(output string, list []admin.RequestRow) error {
	if output == "json" {
		return e.printJSON(list)
	}
	if len(list) == 0 {
		fmt.Fprintln(e.stderr, "There are no such requests.")
		return nil
	}
	w := tabwriter.NewWriter(e.stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "TIME\tID\tSTATUS\tMODEL\tTARGET\tCALLER\tTOKENS\tCOST\tDURATION")
	for i := range list {
		r := &list[i]
		fmt.Fprintln(w, cells(r.Time.Format("2006-01-02 15:04:05"), r.ID, rowStatus(r), r.Model, dash(r.Target), callerOf(r), tokensOf(r), costOf(r), millis(r.Duration)))
	}
	return w.Flush()
}

// rowStatus is the status, with the code of an error or what the cache did.
func rowStatus(r *admin.RequestRow) string {
	switch {
	case r.Code != "":
		return fmt.Sprintf("%d %s", r.Status, r.Code)
	case r.Outcome == "cached":
		return fmt.Sprintf("%d cached", r.Status)
	}
	return strconv.Itoa(r.Status)
}

// callerOf names who asked, by what is known: key, team and user.
func callerOf(r *admin.RequestRow) string {
	var parts []string
	for _, p := range []string{r.KeyName, r.Team, r.User} {
		if p != "" {
			parts = append(parts, p)
		}
	}
	return dash(strings.Join(parts, "/"))
}

func tokensOf(r *admin.RequestRow) string { return fmt.Sprintf("%d+%d", r.Input, r.Output) }

func costOf(r *admin.RequestRow) string {
	if r.CostUSD == "" {
		return "-"
	}
	return "$" + r.CostUSD.String()
}

func (e *environment) requestsShowCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:     "show ID",
		Short:   "Show why a request was treated as it was, and what it cost",
		Example: "  penstock requests show req_01k9zq6m3c8v7e2x5d4r1t0wbn",
		Args:    exactly(1, "the id of a request, from the header x-penstock-request-id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			record, err := e.requestRecord(cmd, args[0])
			if err != nil {
				return messageOnly(err)
			}
			if output == "json" {
				return e.printJSON(record)
			}
			return printRecord(e.stdout, record)
		},
	}
	addOutput(cmd, &output, "text", "json")
	return cmd
}

func (e *environment) requestRecord(cmd *cobra.Command, id string) (*llm.Record, error) {
	if e.adminURL != "" {
		return askAdmin[*llm.Record](cmd.Context(), e, requestsPath+"/"+url.PathEscape(id))
	}
	return e.recordFor(cmd, []string{id}, "", nil)
}

func (e *environment) requestsTailCommand() *cobra.Command {
	var f llm.RecordFilter
	var output string
	cmd := &cobra.Command{
		Use:   "tail",
		Short: "Follow the requests of a running gateway as they end, until Ctrl-C",
		Long: "Follows by the admin API of the running gateway, at the address that the configuration or --admin names. If that\n" +
			"needs a key (admin: {auth: key}), put one into " + adminKey + "; one with the role member follows its own requests.\n" +
			"With -o json each request is one line of JSON.",
		Example: "  penstock requests tail\n  penstock requests tail --outcome error --team search\n  penstock requests tail -o json | jq .cost_usd",
		Args:    exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkFilter(&f); err != nil {
				return err
			}
			body, err := e.openAdmin(cmd.Context(), http.MethodGet, requestsPath+"/live?"+filterQuery(&f).Encode(), nil)
			if err != nil {
				return err
			}
			defer body.Close()
			err = e.tail(body, output)
			if cmd.Context().Err() != nil {
				return nil // Ctrl-C is how it ends
			}
			return err
		},
	}
	addFilter(cmd, &f)
	addOutput(cmd, &output, "text", "json")
	return cmd
}

// maxRow bounds a line of the live requests, in bytes: tags are bounded, and so is the rest.
const maxRow = 1 << 20

// tail prints rows as they come.
func (e *environment) tail(body io.Reader, output string) error {
	lines := bufio.NewScanner(body)
	lines.Buffer(nil, maxRow)
	for lines.Scan() {
		if len(lines.Bytes()) == 0 {
			continue
		}
		var row struct {
			admin.RequestRow
			Error *struct{ Message string }
		}
		if err := json.Unmarshal(lines.Bytes(), &row); err != nil {
			return fmt.Errorf("read the gateway's answer: %w", err)
		}
		if row.Error != nil {
			return errors.New(row.Error.Message)
		}
		if err := e.printTailed(&row.RequestRow, lines.Bytes(), output); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the gateway's answer broke off: %w", err)
	}
	return errors.New("the gateway has ended the connection; it may have been stopped")
}

func (e *environment) printTailed(r *admin.RequestRow, line []byte, output string) error {
	p := newPainter(e.stdout)
	if output == "json" {
		p.text(string(line) + "\n")
		return p.err
	}
	p.paint(faint, r.Time.Local().Format(time.TimeOnly))
	p.text("  ")
	p.paint(outcomeStyle(r.Outcome), fmt.Sprintf("%-4s", oneLine(rowStatus(r))))
	p.text(fmt.Sprintf("  %s → %s  %s  %s tokens  %s  %s  %s\n", oneLine(r.Model), oneLine(dash(r.Target)), oneLine(callerOf(r)), tokensOf(r), costOf(r), millis(r.Duration), oneLine(r.ID)))
	return p.err
}

func outcomeStyle(outcome string) style {
	return map[string]style{llm.OutcomeOK: green, llm.OutcomeCached: green, llm.OutcomeError: red, llm.OutcomeRefused: amber}[outcome]
}
