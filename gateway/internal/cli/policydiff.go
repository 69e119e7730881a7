package cli

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/admin"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
	"github.com/penstock/penstock/gateway/internal/server"
)

// exitDifferent and exitNoDiff are the exit codes of policy diff: 1 says that the policies
// differ, and 2 that they could not be compared.
const (
	exitDifferent = 1
	exitNoDiff    = 2
)

// The values of --fail-on.
const (
	failOnAny    = "any"
	failOnDenied = "denied"
	failOnNone   = "none"
)

func (e *environment) policyDiffCommand() *cobra.Command {
	var since, until, output, failOn string
	var q admin.PolicyChange
	cmd := &cobra.Command{
		Use:   "diff --policies FOLDER",
		Short: "Decide on recorded requests again with changed policies: who would be treated differently",
		Long: "Decides on the requests in the ledger again with the policies in a folder, whose tests must pass, and shows which would have\n" +
			"been denied, allowed, or come with other limits and obligations, by rule, key, team and model.\n\n" +
			"The inputs are those that were recorded: the parts that the policy of then read, and what the record says itself. What\n" +
			"neither has is taken from the key and the route as they are now; a request whose input is still not complete is left out,\n" +
			"with the reason.\n\n" +
			"Limits are counted again, in the order of the requests' arrival, those of then and those of the changed policies in the\n" +
			"same way, so that only differences count: which requests a lower or new limit would have refused, from when on, and what\n" +
			"they have cost. A counter begins with what the first record says was used before; of a new scope, unit or window that is\n" +
			"nothing. A request takes what it has used, at the prices recorded, and one that is refused takes nothing. A request that\n" +
			"was refused then takes what it could have cost. Raises hold as they held then. input.usage is that of then; of limits that\n" +
			"did not exist it is what has been counted again.\n\n" +
			"Money is what the requests have cost, and for those that another target would have answered, or with less output, what\n" +
			"their tokens cost there at the prices of now.\n\n" +
			"The exit code is 0 without a difference, 1 with one (see --fail-on), and 2 when the policies could not be compared.",
		Example: "  penstock policy diff --since 7d --policies ./policies\n" +
			"  penstock policy diff --policies ./policies --fail-on denied -o json",
		Args: exactly(0, "no arguments, only flags"),
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := parseDiff(&q, since, until); err != nil {
				return &usageError{err}
			}
			report, err := onRecords(cmd.Context(), e, func(s *server.Server, l *ledger.Reader) (*replay.PolicyReport, error) {
				return s.DiffPolicy(cmd.Context(), l, q)
			})
			if err != nil {
				return &codeError{messageOnly(err), exitNoDiff}
			}
			if output == "json" {
				err = e.printJSON(report)
			} else {
				err = printPolicyDiff(e.stdout, report)
			}
			if err != nil {
				return &codeError{err, exitNoDiff}
			}
			return failOnDiff(report, failOn)
		},
	}
	cmd.Flags().StringVar(&q.Dir, "policies", "", "folder with the changed policies")
	addPeriod(cmd, &since, &until)
	cmd.Flags().StringVar(&q.Model, "model", "", "only requests for this model, as callers name it")
	cmd.Flags().IntVar(&q.Examples, "examples", admin.UsualExamples, "how many requests to name")
	addWord(cmd, &failOn, "fail-on", "which differences make the exit code 1", failOnAny, failOnDenied, failOnNone)
	addOutput(cmd, &output, "text", "json")
	return cmd
}

func parseDiff(q *admin.PolicyChange, since, until string) (err error) {
	if q.Dir == "" {
		return hint.Add(fmt.Errorf("policy diff needs --policies"), "penstock policy diff --help shows an example")
	}
	if q.Examples < 0 || q.Examples > admin.MaxExamples {
		return fmt.Errorf("--examples must be from 0 to %d", admin.MaxExamples)
	}
	q.Since, q.Until, err = parsePeriod(since, until)
	return err
}

// failOnDiff returns an error for the differences that a flag names.
func failOnDiff(r *replay.PolicyReport, failOn string) error {
	switch {
	case failOn == failOnAny && r.Different > 0:
		return &codeError{fmt.Errorf("%d of %d requests would have been treated differently", r.Different, r.Compared), exitDifferent}
	case failOn == failOnDenied && r.Denied > 0:
		return &codeError{fmt.Errorf("%d of %d requests would have been denied", r.Denied, r.Compared), exitDifferent}
	}
	return nil
}

func printPolicyDiff(out io.Writer, r *replay.PolicyReport) error {
	fmt.Fprintf(out, "%d of %d records were decided again by revision %s. %d (%s) would have been treated differently.\n", r.Compared, r.Records, r.Revision, r.Different, percent(r.Different, r.Compared))
	for _, s := range r.Skipped {
		fmt.Fprintf(out, "  %d left out: %s\n", s.Records, cells(s.Why))
	}
	if r.Different == 0 {
		return nil
	}
	if err := printLimitCounts(out, r.Limits); err != nil {
		return err
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "\nnewly denied\t%d\t%s\n", r.Denied, deniedCost(r))
	fmt.Fprintf(w, "newly allowed\t%d\t\n", r.Allowed)
	fmt.Fprintf(w, "changed\t%d\t%s\n", r.Changed, repricedCost(&r.Repriced))
	fmt.Fprintln(w, "\nCHANGE\tREQUESTS\tCOST\tRULE")
	for _, c := range r.Changes {
		fmt.Fprintf(w, "%s\t%d\t%s\t%s\n", cells(named(c.What, c.Name)), c.Requests, c.Cost, cells(dash(c.Rule)))
	}
	fmt.Fprintln(w, "\nBY\tNAME\tDENIED\tALLOWED\tCHANGED\tCOST")
	for _, g := range r.Groups {
		fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\n", g.By, cells(dash(g.Name)), g.Denied, g.Allowed, g.Changed, g.Cost)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return printExamples(out, r.Examples)
}

// printLimitCounts prints the limits that would have refused requests.
func printLimitCounts(out io.Writer, limits []replay.LimitCount) error {
	if len(limits) == 0 {
		return nil
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\nLIMIT\tSCOPE\tMAX\tWINDOW\tREFUSED\tSAVED\tFULL FROM\tLAST\tRULE")
	for _, l := range limits {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%s\t%s\t%s\t%s\n", cells(l.Name, l.Scope), amount(l.Unit, l.Max), dash(l.Window), l.Refused, l.Saved,
			l.First.Format(time.RFC3339), l.Last.Format(time.RFC3339), cells(dash(l.Rule)))
	}
	return w.Flush()
}

// named joins a kind of change and its name.
func named(what, name string) string {
	if name == "" {
		return what
	}
	return what + ": " + name
}

func deniedCost(r *replay.PolicyReport) string {
	switch {
	case r.Denied == 0:
		return ""
	case r.DeniedUnpriced > 0:
		return fmt.Sprintf("have cost %s, and %d of them an unknown amount", r.DeniedCost, r.DeniedUnpriced)
	}
	return fmt.Sprintf("have cost %s", r.DeniedCost)
}

func repricedCost(p *replay.Repriced) string {
	if p.Requests == 0 {
		return ""
	}
	costs := llm.Dollars(p.Before, p.After)
	text := fmt.Sprintf("%d of them have cost %s and would cost %s by other targets or less output", p.Requests-p.Unpriced, costs[0], costs[1])
	if p.Unpriced > 0 {
		text += fmt.Sprintf("; of %d a price is unknown", p.Unpriced)
	}
	return text
}

func printExamples(out io.Writer, examples []replay.Example) error {
	if len(examples) > 0 {
		fmt.Fprintln(out, "\nfor example")
	}
	for _, x := range examples {
		fmt.Fprintf(out, "  %s  %s  key %s, team %s, model %s, %s\n", x.ID, x.Time.Format(time.RFC3339), cells(dash(x.Key)), cells(dash(x.Team)), cells(x.Model), x.Cost)
		for _, c := range x.Changes {
			fmt.Fprintf(out, "    %s: %s → %s  %s\n", cells(named(c.What, c.Name)), cells(dash(string(c.Before))), cells(dash(string(c.After))), cells(c.Rule))
		}
	}
	return nil
}
