//go:build faults

package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"
	"time"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

// ownDialect is that of the targets of each format's callers: what they send passes through.
var ownDialect = map[string]string{"chat": "openai", "responses": "openai-responses", "messages": "anthropic", "generateContent": "gemini"}

// The routes on which the clock matters have the gateway's default limits, but for the
// total time and that of pings, which would take minutes. pace is the pause between two
// requests: nearly all of them fail, and retries and fallbacks are bounded in a second.
const (
	realLimits = "ping_idle: 40s, total: 90s"
	pace       = 250 * time.Millisecond
	downFor    = 60 * time.Second
)

// TestScorecard runs a gateway against a provider with every fault, in real time, and
// prints what callers of each format and the provider saw.
func TestScorecard(t *testing.T) {
	cards := map[string]*scorecard{}
	t.Run("faults", func(t *testing.T) {
		for _, client := range llmtest.Clients() {
			card := &scorecard{client: client}
			cards[client.Name] = card
			t.Run(client.Name, func(t *testing.T) {
				t.Parallel()
				card.run(t)
			})
		}
	})
	for _, client := range llmtest.Clients() {
		fmt.Print(cards[client.Name])
	}
}

// scorecard is what callers of one format see.
type scorecard struct {
	client llmtest.Client
	up     *llmtest.FaultServer
	base   string
	cases  []*llmtest.FaultCase
	outage outage
}

func (s *scorecard) run(t *testing.T) {
	dialect := ownDialect[s.client.Name]
	s.up = llmtest.NewFaultServer(t, llmtest.FaultTimes{})
	dir, api := t.TempDir(), freeAddress()
	text := fmt.Sprintf("listen: %s\nadmin: {listen: \"127.0.0.1:0\"}\nkeys: off\nserver: {max_reply: 1MiB}\nledger: sqlite://penstock.db\n", api) +
		llmtest.FaultConfig(s.up, dialect, realLimits)
	if err := os.WriteFile(filepath.Join(dir, "penstock.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	spawn(t, dir, "TEST_KEY=sk-canary-4711")
	s.base = "http://" + api
	s.cases = llmtest.FaultCases()
	var wg sync.WaitGroup
	wg.Go(func() { s.outage.run(t, s) })
	slices.SortStableFunc(s.cases, func(a, b *llmtest.FaultCase) int { // the slow ones first
		return map[bool]int{true: 0, false: 1}[a.Clock] - map[bool]int{true: 0, false: 1}[b.Clock]
	})
	for _, c := range s.cases {
		if c.Row == 15 {
			continue
		}
		time.Sleep(pace)
		wg.Go(func() { c.Ask(t.Context(), s.client, s.base) })
	}
	wg.Wait()
	for _, c := range s.cases {
		if c.Row == 15 {
			continue
		}
		for _, problem := range c.Problems(s.up) {
			t.Errorf("%s: %s", c.Model(), problem)
		}
	}
	for _, problem := range s.outage.problems() {
		t.Errorf("the target that is down for %s: %s", downFor, problem)
	}
}

// rows are the cases by the rows of the table.
func (s *scorecard) rows() [][]*llmtest.FaultCase {
	rows := make([][]*llmtest.FaultCase, 19)
	for _, c := range s.cases {
		rows[c.Row-1] = append(rows[c.Row-1], c)
	}
	return rows
}

// String is the table of all rows.
func (s *scorecard) String() string {
	var b strings.Builder
	good := 0
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "\n%s, targets of dialect %s\n", s.client.Name, ownDialect[s.client.Name])
	fmt.Fprintln(w, "\tfault\talone: stream\tplain\twith a fallback: stream\tplain\tslowest\tattempts\tshortest gap\t")
	for i, cases := range s.rows() {
		if s.row(w, i+1, cases) {
			good++
		}
	}
	w.Flush()
	fmt.Fprintf(&b, "row 15: %s\n%d of 19\n", &s.outage, good)
	return b.String()
}

// row writes one row and reports whether all is right in it.
func (s *scorecard) row(w *tabwriter.Writer, row int, cases []*llmtest.FaultCase) bool {
	var does []string
	ends, ok := map[[2]bool][]string{}, row != 15 || len(s.outage.problems()) == 0
	var slowest, shortest time.Duration
	attempts := 0
	for _, c := range cases {
		if !slices.Contains(does, c.Does) {
			does = append(does, c.Does)
		}
		if row == 15 {
			continue // its figures have a line of their own
		}
		ok = ok && len(c.Problems(s.up)) == 0
		attempts = max(attempts, len(s.up.Attempts(c.Model())))
		if gap, some := c.Gap(s.up); some && (shortest == 0 || gap < shortest) {
			shortest = gap
		}
		end := "no reply"
		if c.Err == nil {
			end, _, _ = strings.Cut(c.Seen.Ending(), ":")
			slowest = max(slowest, c.Seen.Took)
		}
		kind := [2]bool{c.Replaceable, c.Stream}
		if !slices.Contains(ends[kind], end) {
			ends[kind] = append(ends[kind], end)
		}
	}
	name := does[0]
	if len(does) > 1 {
		name += fmt.Sprintf(", and %d more", len(does)-1)
	}
	end := func(fallback, stream bool) string { return strings.Join(ends[[2]bool{fallback, stream}], ", ") }
	gap := ""
	if shortest > 0 {
		gap = shortest.Round(time.Millisecond).String()
	}
	fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\t%s\n", row, name, end(false, true), end(false, false), end(true, true), end(true, false),
		slowest.Round(10*time.Millisecond), attempts, gap, mark(ok))
	return ok
}

func mark(ok bool) string {
	if ok {
		return "ok"
	}
	return "FAIL"
}
