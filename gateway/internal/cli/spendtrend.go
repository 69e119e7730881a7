package cli

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/ledger"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// spendTrends returns the cost of each group of a query over time, by its values joined with
// zero bytes: by the hour, or by the day if the query spans more than two. There are none for a
// query that is grouped by time already, or asks for the time before the first record.
func spendTrends(ctx context.Context, l *ledger.Reader, q ledger.Query, now time.Time) (map[string][]int64, error) {
	for _, d := range q.By {
		if llm.Step(d).Known() {
			return nil, nil
		}
	}
	until := q.Until
	if until.IsZero() {
		until = now
	}
	if q.Since.IsZero() || !q.Since.Before(until) || len(q.By) == maxTrendDimensions {
		return nil, nil
	}
	step := llm.StepHour
	if until.Sub(q.Since) > 48*time.Hour {
		step = llm.StepDay
	}
	q.By = append(slices.Clone(q.By), string(step))
	q.Limit = maxTrendRows
	report, err := l.Spend(ctx, q)
	if err != nil {
		return nil, err
	}
	return trendsOf(report, timeSteps(q.Since.In(q.Zone), until.In(q.Zone), step)), nil
}

const (
	// maxTrendDimensions is how many dimensions a query may have at most: one more is not
	// possible.
	maxTrendDimensions = 8
	// maxTrendRows bounds the rows that trends are made from.
	maxTrendRows = 200_000
)

// trendsOf sorts the rows of a report into steps of time.
func trendsOf(report ledger.Report, steps []string) map[string][]int64 {
	trends := map[string][]int64{}
	for _, row := range report.Rows {
		last := len(row.Values) - 1
		at := slices.Index(steps, row.Values[last])
		if at < 0 {
			continue
		}
		group := strings.Join(row.Values[:last], "\x00")
		if trends[group] == nil {
			trends[group] = make([]int64, len(steps))
		}
		trends[group][at] += int64(row.Cost)
	}
	return trends
}

// timeSteps returns the names of the steps from since to until; at most 400.
func timeSteps(since, until time.Time, step llm.Step) (names []string) {
	const most = 400
	for at := since; at.Before(until) && len(names) < most; at = step.Next(at) {
		names = append(names, step.Label(at))
	}
	return names
}

// sparkline draws numbers as a row of bars; nothing for none.
func sparkline(values []int64) string {
	bars := []rune("▁▂▃▄▅▆▇█")
	largest := int64(0)
	for _, v := range values {
		largest = max(largest, v)
	}
	var out strings.Builder
	for _, v := range values {
		switch {
		case v <= 0:
			out.WriteRune(' ')
		default:
			out.WriteRune(bars[int(float64(v)/float64(largest)*float64(len(bars)-1))])
		}
	}
	return out.String()
}
