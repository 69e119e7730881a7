package cli

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// printCandidates prints the targets of a record as a table, those that were ranked first, and
// below it the terms of their scores.
func printCandidates(out io.Writer, r *llm.Record) error {
	if len(r.Candidates) == 0 {
		return nil
	}
	ranked := r.ByRank()
	order := slices.Clone(ranked)
	for i := range r.Candidates {
		if !slices.Contains(ranked, i) {
			order = append(order, i)
		}
	}
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, "\nRANK\tTARGET\tSCORE\tAT MOST\tFIRST TOKEN\tTOKENS/S\tERRORS\tIN FLIGHT\tOUTCOME")
	for rank, i := range order {
		c := &r.Candidates[i]
		fmt.Fprintln(w, cells(rankAt(rank, len(ranked)), candidateName(c), scoreIn(c), atMost(c), firstToken(c), speed(c), errorShare(c),
			strconv.FormatInt(c.Stats.Inflight, 10), outcomeIn(r, c)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	printTerms(w, r, order)
	fmt.Fprintln(w)
	return w.Flush()
}

// printTerms prints the terms of each score, with a column for each term.
func printTerms(w io.Writer, r *llm.Record, order []int) {
	var names []string
	for _, c := range r.Candidates {
		for _, t := range c.Terms {
			if !slices.Contains(names, t.Name) {
				names = append(names, t.Name)
			}
		}
	}
	if len(names) == 0 {
		return
	}
	fmt.Fprintln(w, "\nTERMS\t"+cells(names...))
	for _, i := range order {
		c := &r.Candidates[i]
		if len(c.Terms) == 0 {
			continue
		}
		row := []string{c.Target}
		for _, name := range names {
			row = append(row, termIn(c.Terms, name, shortNumber))
		}
		fmt.Fprintln(w, cells(row...))
	}
}

// termIn formats the term of a name; "-" without one.
func termIn(terms []llm.Term, name string, format func(float64) string) string {
	i := slices.IndexFunc(terms, func(t llm.Term) bool { return t.Name == name })
	if i < 0 {
		return "-"
	}
	return format(terms[i].Value)
}

// shortNumber writes four digits, and no exponent from 1e-9 to 1e10.
func shortNumber(f float64) string {
	s := strconv.FormatFloat(f, 'g', 4, 64)
	if _, exponent, ok := strings.Cut(s, "e-0"); ok {
		digits := 3 + int(exponent[0]-'0')
		return strings.TrimRight(strconv.FormatFloat(f, 'f', digits, 64), "0")
	}
	if strings.Contains(s, "e+0") {
		return strconv.FormatFloat(f, 'f', 0, 64)
	}
	return s
}

// exactNumber writes all digits that a float64 has.
func exactNumber(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

func rankAt(position, ranked int) string {
	if position >= ranked {
		return "-"
	}
	return strconv.Itoa(position + 1)
}

func candidateName(c *llm.Considered) string {
	if c.For == llm.FaultNone {
		return c.Target
	}
	return c.Target + " (only after " + string(c.For) + ")"
}

func scoreIn(c *llm.Considered) string {
	if c.Score == nil {
		return "-"
	}
	return shortNumber(*c.Score)
}

// atMost formats the highest cost of a request at a target.
func atMost(c *llm.Considered) string {
	switch {
	case c.Unpriced:
		return "no price"
	case c.EstCost == 0:
		return "free"
	}
	return c.EstCost.String()
}

// firstToken formats the median of the time to the first token, or its mean where that is all
// that is known.
func firstToken(c *llm.Considered) string {
	t := time.Duration(cmp.Or(c.Stats.TTFTP50, c.Stats.TTFT))
	switch {
	case t <= 0:
		return "-"
	case t < 10*time.Millisecond:
		return t.Round(10 * time.Microsecond).String()
	}
	return t.Round(time.Millisecond).String()
}

func speed(c *llm.Considered) string {
	if c.Stats.TPS <= 0 {
		return "-"
	}
	return strconv.FormatFloat(c.Stats.TPS, 'f', 0, 64)
}

// errorShare formats the share of attempts that have failed, with the class of most of them.
func errorShare(c *llm.Considered) string {
	if c.Stats.Samples <= 0 {
		return "-"
	}
	share := strconv.FormatFloat(100*c.Stats.ErrorRate, 'f', 0, 64) + "%"
	if c.Stats.FailingBy != "" {
		share += " " + string(c.Stats.FailingBy)
	}
	return share
}

// outcomeIn says what became of a target: why it was refused, or how its last attempt ended,
// and what else is to be known of it.
func outcomeIn(r *llm.Record, c *llm.Considered) string {
	var notes []string
	switch {
	case c.Refused != "":
		notes = append(notes, "refused: "+c.Refused)
	default:
		notes = append(notes, attemptAt(r, c.Target))
	}
	if c.CachedPrefix > 0 {
		notes = append(notes, fmt.Sprintf("%d tokens of the prompt cached", c.CachedPrefix))
	}
	if len(c.Dropped) > 0 && c.Refused == "" {
		notes = append(notes, "has no equivalent for "+strings.Join(c.Dropped, ", "))
	}
	return strings.Join(notes, "; ")
}

// attemptAt says how the last attempt at a target ended.
func attemptAt(r *llm.Record, target string) string {
	for _, a := range slices.Backward(r.Attempts) {
		switch {
		case a.Target != target:
		case a.Fault != llm.FaultNone:
			return "tried: " + string(a.Fault)
		case target == r.Target:
			return "served"
		default:
			return "tried"
		}
	}
	if r.Dry {
		return "may be asked"
	}
	return "not asked"
}
