package replay

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Comparison replays records through two routers and sums up what each would have done. Its
// memory does not grow with the records. It is used by one goroutine.
type Comparison struct {
	a, b    Router
	report  Report
	skipped map[string]int64
	columns [3]column
}

// Report is the result of a Comparison. Recorded is what the routers of then did.
type Report struct {
	// Records is how many there were, Compared how many of them were replayed.
	Records  int64  `json:"records"`
	Compared int64  `json:"compared"`
	Skipped  []Skip `json:"skipped,omitempty"`
	// Moved is how many requests the two routers would have sent to different targets first.
	Moved    int64  `json:"moved"`
	Recorded Column `json:"recorded"`
	A        Column `json:"a"`
	B        Column `json:"b"`
	// Priced is how many requests the costs are of: those whose price is known for all three.
	// Timed is the same for the latencies.
	Priced int64 `json:"priced"`
	Timed  int64 `json:"timed"`
}

// Skip is a reason for not replaying records.
type Skip struct {
	Why     string `json:"why"`
	Records int64  `json:"records"`
}

// Column is what one router did.
type Column struct {
	Router string `json:"router"`
	// Cost is what the requests that are compared would have cost with the tokens that they
	// used, in US dollars. LatencyMS is the mean of the expected time of a whole reply.
	Cost      llm.NanoUSD `json:"cost_nano_usd"`
	LatencyMS float64     `json:"latency_ms"`
	// Moved is how many requests went to another first target than was recorded.
	Moved  int64   `json:"moved"`
	Shares []Share `json:"shares"`
}

// Share is how many requests had a target as their first.
type Share struct {
	Target   string  `json:"target"`
	Requests int64   `json:"requests"`
	Share    float64 `json:"share"`
}

// column sums up one router.
type column struct {
	cost    llm.NanoUSD
	latency float64
	moved   int64
	first   map[string]int64
}

// maxTargets bounds the targets and reasons that are told apart; others are summed up.
const (
	maxTargets = 1024
	others     = "(others)"
)

// Compare returns a comparison of two routers by these names.
func Compare(nameA string, a Router, nameB string, b Router) *Comparison {
	c := &Comparison{a: a, b: b, skipped: map[string]int64{}}
	c.report.Recorded.Router, c.report.A.Router, c.report.B.Router = "as recorded", nameA, nameB
	for i := range c.columns {
		c.columns[i].first = map[string]int64{}
	}
	return c
}

// Skip counts a record that is not replayed, with the reason.
func (c *Comparison) Skip(why string) {
	c.report.Records++
	count(c.skipped, why)
}

func count(m map[string]int64, key string) {
	if _, ok := m[key]; !ok && len(m) >= maxTargets {
		key = others
	}
	m[key]++
}

// Add replays a record through both routers. facts is called for the facts of its route, and
// text for the request with its body, if one of the routers reads the prompt; it returns nil
// when the text is not kept. An error of facts that is a *llm.Error with status 404 skips the
// record; Add returns any other.
func (c *Comparison) Add(ctx context.Context, r *llm.Record, facts func(digest string) (*llm.RouteFacts, error), text func(*llm.Record) *llm.Request) error {
	if err := unranked(r); err != nil {
		c.Skip(err.Error())
		return nil
	}
	f, err := facts(r.Ranking.Input.Route)
	if e := new(llm.Error); errors.As(err, &e) && e.Status == 404 {
		c.Skip("the ledger has no facts of its route")
		return nil
	} else if err != nil {
		return err
	}
	var body *llm.Request
	if c.a.ReadsPrompt || c.b.ReadsPrompt {
		if body = text(r); body == nil {
			c.Skip("a router reads the prompt, whose text is not kept")
			return nil
		}
	}
	in, err := inputOf(r, f, body)
	if err != nil {
		c.Skip(err.Error())
		return nil
	}
	c.add(ctx, r, in)
	return nil
}

func (c *Comparison) add(ctx context.Context, r *llm.Record, in *input) {
	rankings := [3]llm.Ranking{*r.Ranking}
	for i, router := range []Router{c.a, c.b} {
		k := router.Replay(ctx, in.request, in.candidates, in.at)
		if k.Fault != "" || len(k.Order) == 0 {
			c.Skip(fmt.Sprintf("router %s failed: %s", "AB"[i:i+1], k.Fault))
			return
		}
		rankings[i+1] = k
	}
	c.report.Records++
	c.report.Compared++
	var costs [3]llm.NanoUSD
	var times [3]time.Duration
	priced, timed := worked(r), worked(r)
	for i := range c.columns {
		chosen := &in.candidates[rankings[i].Order[0]]
		count(c.columns[i].first, chosen.Target.ID)
		if rankings[i].Order[0] != rankings[0].Order[0] {
			c.columns[i].moved++
		}
		known := chosen.Target.Price.Known
		costs[i] = expectedCost(r, chosen)
		priced = priced && known
		times[i], known = expectedTime(r, chosen)
		timed = timed && known
	}
	if rankings[1].Order[0] != rankings[2].Order[0] {
		c.report.Moved++
	}
	c.sum(priced, timed, costs, times)
}

func (c *Comparison) sum(priced, timed bool, costs [3]llm.NanoUSD, times [3]time.Duration) {
	if priced {
		c.report.Priced++
	}
	if timed {
		c.report.Timed++
	}
	for i := range c.columns {
		if priced {
			c.columns[i].cost = llm.Add(c.columns[i].cost, costs[i])
		}
		if timed {
			c.columns[i].latency += float64(times[i]) / float64(time.Millisecond)
		}
	}
}

// worked reports whether a request was answered, so that its real usage is known.
func worked(r *llm.Record) bool { return r.Target != "" && (r.Usage.Input > 0 || r.Usage.Output > 0) }

// expectedCost returns what the recorded usage costs at a target. At the one that answered,
// the tokens are billed as they were; at any other, what its cache probably held is read
// from it.
func expectedCost(r *llm.Record, c *llm.Candidate) llm.NanoUSD {
	if c.Target.ID == r.Target {
		return c.Target.Price.Cost(r.Usage)
	}
	return c.Target.Price.Cost(elsewhere(r.Usage, c.CachedPrefix))
}

// elsewhere is the recorded usage at a target that has so many tokens of the prompt cached.
func elsewhere(u llm.Usage, cached int64) llm.Usage {
	return llm.Usage{Input: u.Input, Output: u.Output, CacheRead: min(cached, u.Input), AudioInput: u.AudioInput, AudioOutput: u.AudioOutput, Searches: u.Searches}
}

// expectedTime returns how long the recorded reply takes at a target by its figures of that
// moment: the time to the first token, then the recorded output at its speed. known is false
// for a target that had not been measured.
func expectedTime(r *llm.Record, c *llm.Candidate) (t time.Duration, known bool) {
	t = time.Duration(c.Stats.TTFT)
	if r.Usage.Output > 0 {
		t += time.Duration(min(float64(r.Usage.Output)/max(c.Stats.TPS, 1e-9), 24*3600) * float64(time.Second))
	}
	return t, c.Stats.TTFT > 0 && (c.Stats.TPS > 0 || r.Usage.Output <= 0)
}

// Report returns what has been summed up.
func (c *Comparison) Report() *Report {
	r := c.report
	r.Skipped = skips(c.skipped)
	for i, out := range []*Column{&r.Recorded, &r.A, &r.B} {
		c.columns[i].into(out, r.Compared, r.Timed)
	}
	return &r
}

// skips lists reasons, the most frequent first.
func skips(counted map[string]int64) (list []Skip) {
	for _, why := range slices.Sorted(maps.Keys(counted)) {
		list = append(list, Skip{why, counted[why]})
	}
	slices.SortStableFunc(list, func(a, b Skip) int { return cmp.Compare(b.Records, a.Records) })
	return list
}

func (c *column) into(out *Column, compared, timed int64) {
	out.Cost, out.Moved = c.cost, c.moved
	if timed > 0 {
		out.LatencyMS = c.latency / float64(timed)
	}
	out.Shares = []Share{}
	for target, n := range c.first {
		out.Shares = append(out.Shares, Share{target, n, float64(n) / float64(compared)})
	}
	slices.SortFunc(out.Shares, func(a, b Share) int { return order(b.Requests-a.Requests, a.Target, b.Target) })
}

// order sorts by a difference, then by name.
func order(difference int64, a, b string) int {
	if difference != 0 {
		return int(max(min(difference, 1), -1))
	}
	return strings.Compare(a, b)
}
