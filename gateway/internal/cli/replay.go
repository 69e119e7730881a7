package cli

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/replay"
	"github.com/penstock/penstock/gateway/internal/server"
)

func (e *environment) replayCommand() *cobra.Command {
	var output string
	cmd := &cobra.Command{
		Use:   "replay REQUEST-ID",
		Short: "Rank a recorded request again, and compare bit for bit",
		Long: "Runs the router that ranked a request again, with the figures of that moment, which its record has, and compares\n" +
			"order, scores and terms to the last bit. It sends nothing, and works with the gateway running or stopped. It says so\n" +
			"where the router, or what it was given, is not the same as then.\n\n" +
			"The exit code is 0 if the ranking is the same, 1 if it differs and 2 if it cannot be replayed.",
		Example: "  penstock replay req_01k9zq6m3c8v7e2x5d4r1t0wbn\n  penstock replay req_01k9zq6m3c8v7e2x5d4r1t0wbn -o json",
		Args:    exactly(1, "the id of a request, from the header x-penstock-request-id"),
		RunE: func(cmd *cobra.Command, args []string) error {
			result, err := onRecords(cmd.Context(), e, func(s *server.Server, l *ledger.Reader) (*replay.Result, error) {
				return s.Replay(cmd.Context(), l, args[0])
			})
			if err != nil {
				return &codeError{fmt.Errorf("replay %s: %w", args[0], messageOnly(err)), exitReplay}
			}
			if output == "json" {
				err = e.printJSON(result)
			} else {
				err = printReplay(e.stdout, result)
			}
			if err == nil && !result.Same {
				err = errDiffers
			}
			return err
		},
	}
	addOutput(cmd, &output, "text", "json")
	return cmd
}

// exitReplay is the exit code for a request that cannot be replayed.
const exitReplay = 2

var errDiffers = errors.New("the ranking differs from the recorded one")

func printReplay(out io.Writer, r *replay.Result) error {
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, cells("request", r.ID))
	fmt.Fprintln(w, cells("router", r.Router))
	verdict := "same: order, scores and terms are equal to the last bit"
	if !r.Same {
		verdict = "differs"
	}
	fmt.Fprintln(w, cells("ranking", verdict))
	if r.Exact {
		fmt.Fprintln(w, cells("replay", "exact: the same module, with all that it was given"))
	} else {
		fmt.Fprintln(w, cells("replay", "not exact"))
	}
	for _, note := range r.Notes {
		fmt.Fprintln(w, cells("", note))
	}
	if r.Fault != "" {
		fmt.Fprintln(w, cells("fault", "the router failed here: "+r.Fault))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Fprintln(w, "\nTARGET\tRANK\tREPLAYED\tSCORE\tREPLAYED\tDIFFERS")
	for _, c := range r.Candidates {
		fmt.Fprintln(w, cells(c.Target, rankOf(c.Recorded), rankOf(c.Replayed), scoreOf(c.Recorded), scoreOf(c.Replayed), differencesOf(&c)))
	}
	return w.Flush()
}

func rankOf(p *replay.Place) string {
	if p == nil {
		return "-"
	}
	return strconv.Itoa(p.Rank)
}

func scoreOf(p *replay.Place) string {
	if p == nil || p.Score == nil {
		return "-"
	}
	return exactNumber(*p.Score)
}

// differencesOf lists what differs; terms with both values.
func differencesOf(c *replay.Candidate) string {
	list := make([]string, len(c.Differs))
	for i, name := range c.Differs {
		list[i] = name
		if name != "rank" && name != "score" {
			list[i] += " " + termAt(c.Recorded, name) + " → " + termAt(c.Replayed, name)
		}
	}
	return dash(strings.Join(list, ", "))
}

func termAt(p *replay.Place, name string) string {
	if p == nil {
		return "-"
	}
	return termIn(p.Terms, name, exactNumber)
}
