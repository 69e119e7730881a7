package server

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/activity"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/replay"
	"github.com/penstock/penstock/gateway/internal/upstream"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// newDashboard makes the dashboard.
func (s *Server) newDashboard() *dashboard.Dashboard {
	return dashboard.New(dashboard.Options{Gateway: pages{s}, Authenticate: s.authenticatePage, Holder: s.holder, Log: s.log})
}

// authenticatePage returns the holder of a key with which somebody signs in.
func (s *Server) authenticatePage(r *http.Request, key string) (llm.Principal, error) {
	return s.api.Load().Authenticate(r, key)
}

// maxPrimed is how many of the latest records are read at the start.
const maxPrimed = 10_000

// prime reads the latest records of earlier processes into the figures of the last day, and the
// maxima of limits that no request has told yet. Those of another policy than that in force are left.
func (s *Server) prime(ctx context.Context, started time.Time) {
	sn := s.acquire()
	revision := sn.policy.Status().Revision
	sn.release()
	since := started.Add(-activity.Steps * activity.Step)
	for n, before := 0, ""; n < maxPrimed; {
		list, err := s.ledger.List(ctx, ledger.Page{Limit: 1000, Before: before})
		if err != nil {
			s.log.Warn("read the requests of the last day for the dashboard", "err", err)
			return
		}
		for _, r := range list {
			if r.Time.Before(started) {
				s.activity.Observe(r)
			}
			if r.Decision != nil && r.Decision.Revision == revision {
				s.meter.Recall(r.Limits)
			}
		}
		if n += len(list); len(list) < 1000 || list[len(list)-1].Time.Before(since) {
			return
		}
		before = list[len(list)-1].ID
	}
}

// pages is the server as the dashboard shows it.
type pages struct{ server *Server }

var _ dashboard.Gateway = pages{}

func (p pages) Version() string { return p.server.o.Version }

func (p pages) Zone() *time.Location { return p.server.Config().TimeZone.Location() }

func (p pages) Record(ctx context.Context, id string) (*llm.Record, error) {
	return p.server.ledger.Record(ctx, id)
}

// Explained adds the rules to a recorded decision, where its policy is in force still.
func (p pages) Explained(ctx context.Context, r *llm.Record) *llm.Decision {
	if r.Decision == nil {
		return nil
	}
	sn := p.server.acquire()
	defer sn.release()
	d, err := sn.policy.Explain(ctx, *r.Decision)
	if err != nil { // what the record says without its rules
		return r.Decision
	}
	return &d
}

func (p pages) Replay(ctx context.Context, id string) (*replay.Result, error) {
	return p.server.Replay(ctx, p.server.ledger.Reader, id)
}

// RequestURL returns the address that a request was sent to.
func (p pages) RequestURL(r *llm.Record) string {
	path, ok := wire.PathOf(r.Endpoint, cmp.Or(r.Dialect, llm.OpenAI), r.Model, r.Stream)
	if !ok {
		return ""
	}
	return strings.TrimSuffix(p.BaseURL(), "/v1") + path
}

func (p pages) Follow(ctx context.Context, each func(*llm.Record)) error {
	return p.server.feed.follow(ctx, each)
}

func (p pages) Requests(ctx context.Context, f llm.RecordFilter) ([]*llm.Record, error) {
	f.Limit = cmp.Or(f.Limit, 50)
	return p.server.requests(ctx, f)
}

// Day returns the figures of the last 24 hours.
func (p pages) Day() dashboard.Day {
	starts, steps := p.server.activity.Day()
	d := dashboard.Day{Starts: starts, Step: activity.Step, Requests: make([]int64, len(steps)), Errors: make([]int64, len(steps)), Refused: make([]int64, len(steps)),
		FirstTokenP95: make([]float64, len(steps)), Cost: make([]llm.NanoUSD, len(steps)), Saved: make([]llm.NanoUSD, len(steps))}
	var first activity.Histogram
	for i := range steps {
		st := &steps[i]
		d.Requests[i], d.Errors[i], d.Refused[i], d.Cost[i], d.Saved[i] = st.Requests, st.Errors, st.Refused, st.Cost, st.Saved
		d.FirstTokenP95[i] = st.FirstToken.Quantile(0.95)
		first.Merge(&st.FirstToken)
	}
	d.FirstTokenDay = first.Quantile(0.95)
	return d
}

// SpentToday returns what has been spent since midnight, and the fullest budget per day.
func (p pages) SpentToday(ctx context.Context, zone *time.Location) (llm.NanoUSD, *dashboard.DayBudget, error) {
	now := time.Now().In(zone)
	midnight := time.Date(now.Year(), now.Month(), now.Day(), 0, 0, 0, 0, zone)
	report, err := p.server.ledger.Spend(ctx, ledger.Query{Since: midnight})
	if err != nil {
		return 0, nil, err
	}
	daily := p.server.counts(func(c counted) bool { return c.Unit == llm.UnitUSD && c.Window == "day" && c.Max > 0 })
	if fullest := least(1, daily, fuller); len(fullest) > 0 {
		c := fullest[0]
		return report.Total.Cost, &dashboard.DayBudget{Scope: c.Scope, Spent: llm.NanoUSD(c.Spent), Held: llm.NanoUSD(c.Reserved), Max: llm.NanoUSD(c.Max), Resets: c.Resets}, nil
	}
	return report.Total.Cost, nil, nil
}

// maxNotices bounds the notices of each kind.
const maxNotices = 10

// Attention lists what an operator should look at, the most urgent first.
func (p pages) Attention(context.Context) []dashboard.Notice {
	s := p.server
	var all []dashboard.Notice
	h := s.ledger.Health()
	if h.Fault != nil {
		all = append(all, dashboard.Notice{Broken: true, Text: h.Fault.Message, Command: "penstock check"})
	}
	all = append(all, s.circuitNotices()...)
	all = append(all, s.budgetNotices()...)
	if err := s.reloadError.Load(); err != nil {
		all = append(all, dashboard.Notice{Text: "The last reload was refused, and the configuration before it is in force: " + firstLine((*err).Error()), Link: "/policies", Command: "penstock check"})
	}
	if store, ok := s.cacheStoreMetrics(); ok && store.Down {
		all = append(all, dashboard.Notice{Text: "The cache's store does not answer; requests go on without it."})
	}
	all = append(all, s.unpricedNotices()...)
	var urgent, rest []dashboard.Notice
	for _, n := range all {
		if n.Broken {
			urgent = append(urgent, n)
		} else {
			rest = append(rest, n)
		}
	}
	return append(urgent, rest...)
}

// circuitNotices are the targets that get no calls now.
func (s *Server) circuitNotices() (all []dashboard.Notice) {
	for _, t := range s.targets() {
		if t.State == upstream.Closed || len(all) == maxNotices {
			continue
		}
		n := dashboard.Notice{Broken: t.State == upstream.Open, Text: fmt.Sprintf("The circuit of %s is %s", t.Target, t.State), Link: "/health?" + url.Values{"find": {t.Target}}.Encode()}
		if t.Why != "" {
			n.Text += " (" + t.Why + ")"
		}
		if t.Until != nil {
			n.Text += ", for " + max(time.Until(*t.Until), 0).Round(time.Second).String() + " more"
		}
		if n.Text += "."; n.Broken {
			n.Command = "penstock targets close " + hint.ShellWord(t.Target)
		} else {
			n.Text += " The next request shows whether it has recovered."
		}
		all = append(all, n)
	}
	return all
}

// noticedShare is the share of a budget from which on it is noticed.
const noticedShare = 0.8

// budgetNotices are the budgets that are used to 80 % and more, the fullest first. One more notice
// counts those that are left out.
func (s *Server) budgetNotices() (all []dashboard.Notice) {
	found := 0
	fullest := least(maxNotices, s.counts(func(c counted) bool {
		noticed := c.Unit != llm.UnitConcurrent && c.share() >= noticedShare
		if noticed {
			found++
		}
		return noticed
	}), fuller)
	for _, c := range fullest {
		all = append(all, dashboard.Notice{Broken: c.share() >= 1, Text: fmt.Sprintf("%s has used %d %% of its %s per %s.", c.Scope, *c.percent(), unitName(c.Unit), c.Window), Link: "/keys?scope=" + url.QueryEscape(c.Scope) + "#budgets"})
	}
	if more := found - len(fullest); more > 0 {
		all = append(all, dashboard.Notice{Text: fmt.Sprintf("%d more limits are used to %d %% and more.", more, int(100*noticedShare)), Command: "penstock budget list --full " + fmt.Sprint(noticedShare)})
	}
	return all
}

// firstLine returns a text up to its first end of a line: the page that a notice links to has all.
func firstLine(s string) string {
	first, _, _ := strings.Cut(s, "\n")
	return first
}

// unitName names a unit in a sentence.
func unitName(u llm.Unit) string {
	if u == llm.UnitUSD {
		return "budget in US dollars"
	}
	return strings.ReplaceAll(string(u), "_", " ")
}

// unpricedNotices names the targets of the configuration whose price is unknown.
func (s *Server) unpricedNotices() (all []dashboard.Notice) {
	sn := s.acquire()
	defer sn.release()
	var names []string
	for _, m := range sn.routes.List() {
		for _, t := range s.serving(m.ID) {
			if !t.Price.Known && !slices.Contains(names, t.ID) {
				names = append(names, t.ID)
			}
		}
	}
	if len(names) == 0 {
		return nil
	}
	return []dashboard.Notice{{Text: fmt.Sprintf("No price is known for %s, so budgets in money do not count their requests.", list(names, 5)), Link: "/spend?by=target", Command: "penstock models"}}
}

// list writes at most n names.
func list(names []string, n int) string {
	if len(names) <= n {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:n], ", "), len(names)-n)
}
