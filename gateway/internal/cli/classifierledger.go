package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/penstock/penstock/gateway/internal/classifier"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/server"
	"github.com/penstock/penstock/plugins/strategies/classify"
)

// outcomes name the feedback that a classifier is trained with: on answers of two lists of
// targets, since a time. The zero value names none.
type outcomes struct {
	targets [classify.Heads][]string
	since   string
	from    time.Time
}

func (o *outcomes) add(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&o.targets[classify.Weak], "weak", nil, "read feedback on answers of these targets, the weak model's")
	cmd.Flags().StringSliceVar(&o.targets[classify.Strong], "strong", nil, "read feedback on answers of these targets, the strong model's")
	cmd.Flags().StringVar(&o.since, "since", "", "how far back feedback is read: 24h, 7d, or a time such as 2026-11-01 (default 30d)")
}

// wanted reports whether the ledger is to be read.
func (o *outcomes) wanted() bool {
	return len(o.targets[classify.Weak])+len(o.targets[classify.Strong]) > 0 || o.since != ""
}

// check checks the flags and parses the time.
func (o *outcomes) check() (err error) {
	weak, strong := o.targets[classify.Weak], o.targets[classify.Strong]
	if len(weak) == 0 || len(strong) == 0 {
		return &usageError{hint.Add(errors.New("feedback needs targets of both kinds, --weak and --strong"), "such as --weak openai/gpt-5-mini --strong openai/gpt-5")}
	}
	for _, t := range weak {
		if slices.Contains(strong, t) {
			return &usageError{fmt.Errorf("%s is in both --weak and --strong", t)}
		}
	}
	if o.from, err = parseTime(cmp.Or(o.since, "30d"), time.Now()); err != nil {
		return &usageError{fmt.Errorf("--since: %w", err)}
	}
	return nil
}

// headOf is the list that a target is in; -1 for neither.
func (o *outcomes) headOf(target string) int {
	return slices.IndexFunc(o.targets[:], func(list []string) bool { return slices.Contains(list, target) })
}

// ledgerRows returns a row for each request with feedback on an answer of one of the targets,
// without those whose prompt is in except.
func (e *environment) ledgerRows(ctx context.Context, o *outcomes, except map[string]bool) ([]classifier.Row, error) {
	l, err := e.options.OpenLedger(ctx)
	if err != nil {
		return nil, err
	}
	defer l.Close()
	r := &rated{outcomes: o, answers: map[string]int{}, requests: map[string]*ratedRequest{}}
	err = e.withDryServer(ctx, func(s *server.Server) error {
		return s.Examples(ctx, l, o.from, func(x server.Example) error { r.note(&x); return nil })
	})
	if err != nil {
		return nil, err
	}
	c, err := e.options.LoadWithoutSecrets(ctx)
	if err != nil {
		return nil, err
	}
	if err := r.check(c); err != nil {
		return nil, err
	}
	rows, textless := r.rows(except)
	if textless == 0 {
		return rows, nil
	}
	what := fmt.Sprintf("%d of %d requests with feedback are left out, since their text is not kept", textless, len(r.requests))
	if len(rows) == 0 {
		return nil, hint.Add(errors.New(what), "%s", keepTexts)
	}
	fmt.Fprintf(e.stderr, "%s. %s\n", what, keepTexts)
	return rows, nil
}

const keepTexts = `The policy's log obligation "full" keeps it: obligations["log"] := "full"`

// rated is the feedback on answers of the targets.
type rated struct {
	*outcomes
	// answers counts the feedback on each target's answers, whether or not it is one of them.
	answers  map[string]int
	requests map[string]*ratedRequest
	// order has the keys of requests, the oldest feedback first.
	order []string
}

// ratedRequest is a request with its feedback, and that on its mirrored copy. Other requests with
// an equal text are others: what "go on" asks for is in the messages before it.
type ratedRequest struct {
	prompt, session string
	sum, n          [classify.Heads]float64
}

// note takes one feedback.
func (r *rated) note(x *server.Example) {
	r.answers[x.Target]++
	head := r.headOf(x.Target)
	if head < 0 {
		return
	}
	one := r.requests[x.Request]
	if one == nil {
		one = new(ratedRequest)
		r.requests[x.Request] = one
		r.order = append(r.order, x.Request)
	}
	one.prompt, one.session = cmp.Or(one.prompt, x.Prompt), cmp.Or(one.session, x.Session)
	one.sum[head] += x.Score
	one.n[head]++
}

// rows returns the rows of requests whose text is kept, and how many others there are. Prompts of
// one session are one group. Several scores for one model's answers become their mean.
func (r *rated) rows(except map[string]bool) (rows []classifier.Row, textless int) {
	for _, id := range r.order {
		one := r.requests[id]
		switch {
		case strings.TrimSpace(one.prompt) == "":
			textless++
		case !except[one.prompt]:
			rows = append(rows, classifier.Row{Prompt: one.prompt, Group: cmp.Or(one.session, id), Weak: one.mean(classify.Weak), Strong: one.mean(classify.Strong)})
		}
	}
	return rows, textless
}

// mean is the mean score of a head; NaN without any.
func (r *ratedRequest) mean(head int) float64 {
	if r.n[head] == 0 {
		return math.NaN()
	}
	return r.sum[head] / r.n[head]
}

// check reports targets that do not exist, or that nobody has said anything about.
func (r *rated) check(c *config.Config) error {
	for _, list := range r.targets {
		for _, t := range list {
			if r.answers[t] == 0 && !served(c, t) {
				names := slices.Concat(slices.Collect(maps.Keys(r.answers)), targetNames(c))
				slices.Sort(names)
				return hint.Add(fmt.Errorf("no target %q: it is not in the configuration, and no feedback is about it", t), "%s", config.DidYouMean(t, slices.Compact(names)))
			}
		}
	}
	if len(r.answers) == 0 {
		return hint.Add(fmt.Errorf("there is no feedback since %s", r.from.Format(time.DateTime)),
			`applications send it with POST /v1/feedback: {"request_id": "…", "score": 0 to 1}`)
	}
	if len(r.requests) == 0 {
		return hint.Add(fmt.Errorf("there is no feedback on answers of %s since %s", strings.Join(slices.Concat(r.targets[:]...), ", "), r.from.Format(time.DateTime)),
			"there is some on those of %s", strings.Join(slices.Sorted(maps.Keys(r.answers)), ", "))
	}
	return nil
}

// served reports whether a model of the configuration has the target.
func served(c *config.Config, target string) bool {
	return slices.ContainsFunc(targetNames(c), func(pattern string) bool { return llm.MatchName(pattern, target) })
}

// targetNames returns the targets of all models, with their mirrors.
func targetNames(c *config.Config) (names []string) {
	for _, m := range c.Models {
		for _, chain := range m.Chains() {
			for _, t := range chain.Targets {
				names = append(names, t.Target)
			}
		}
		if m.Mirror != nil && m.Mirror.Target != nil {
			names = append(names, m.Mirror.Target.Target)
		}
	}
	return names
}
