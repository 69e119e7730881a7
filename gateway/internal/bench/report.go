package main

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"runtime"
	"strings"
	"time"
)

// report has all results, in the form of the printed tables.
type report struct {
	rows     []row
	routing  []routingRow
	starts   startups
	goals    []goal
	machine  string
	settings string
	errors   []error
}

// row is one cell's medians over the rounds. A ratio is the median of the rounds'
// ratios, each taken within one round. Unknown values are NaN.
type row struct {
	cell
	Title                    string
	Rate, OfDirect, OfFloor  float64
	P50, P99, FirstByte      float64 // milliseconds
	OverFloor50, OverFloor99 float64 // milliseconds more than the floor's
	OverFloorFirst           float64 // the same of the first byte
	CPU, CPUOfFloor          float64 // microseconds per request; ratio
	PeakMB                   float64 // highest of all rounds
	Errors                   int
}

// rate returns the requests per second.
func (r result) rate() float64 { return float64(r.Requests) / r.Elapsed.Seconds() }

// cpu returns the processor time per request, in microseconds.
func (r result) cpu() float64 {
	return float64(r.CPU.Microseconds()) / float64(r.Requests)
}

func newReport(o options, all results, starts startups) *report {
	r := &report{starts: starts, machine: machine()}
	r.settings = fmt.Sprintf("%d rounds of %v after %v of warm-up; medians; ratios taken within a round; the mock pauses %v after an event, and %v in paced streams of %d",
		o.Rounds, o.Measure, o.Warm, o.Pace, streamPause, pacedChunks)
	for _, c := range o.cells() {
		r.rows = append(r.rows, newRow(c, all))
		for _, one := range all[c] {
			if one.Errors > 0 {
				r.errors = append(r.errors, fmt.Errorf("%s, %s: %d errors, such as: %s", c.Case, c.Target, one.Errors, one.FirstError))
			}
		}
	}
	r.routing = newRoutingRows(o, all)
	r.goals = goals(r.rows, r.routing, starts)
	return r
}

func newRow(c cell, all results) row {
	w := caseNamed(c.Case)
	mine, base, bottom := all[c], all[cell{w.Like, direct}], all[cell{w.Like, floor}]
	r := row{
		cell: c, Title: w.Title,
		Rate: medianOf(mine, result.rate), OfDirect: medianRatio(mine, base, result.rate), OfFloor: medianRatio(mine, bottom, result.rate),
		P50: medianOf(mine, p50), P99: medianOf(mine, p99), FirstByte: medianOf(mine, firstByte),
		OverFloor50: medianOf(mine, p50) - medianOf(bottom, p50), OverFloor99: medianOf(mine, p99) - medianOf(bottom, p99),
		OverFloorFirst: medianOf(mine, firstByte) - medianOf(bottom, firstByte),
		CPU:            medianOf(mine, result.cpu), CPUOfFloor: medianRatio(mine, bottom, result.cpu),
	}
	for _, one := range mine {
		r.PeakMB = max(r.PeakMB, megabytes(one.Memory.Peak))
		r.Errors += one.Errors
	}
	return r
}

func p50(r result) float64       { return milliseconds(r.P50) }
func p99(r result) float64       { return milliseconds(r.P99) }
func firstByte(r result) float64 { return milliseconds(r.FirstByte) }

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

func megabytes(bytes int64) float64 { return float64(bytes) / (1 << 20) }

func medianOf(all []result, figure func(result) float64) float64 {
	var values []float64
	for _, r := range all {
		values = append(values, figure(r))
	}
	return median(values)
}

// medianRatio returns the median of a's figure divided by b's of the same round.
func medianRatio(a, b []result, figure func(result) float64) float64 {
	var values []float64
	for i := range min(len(a), len(b)) {
		values = append(values, figure(a[i])/figure(b[i]))
	}
	return median(values)
}

// fault returns an error if any request failed: the figures then mean little.
func (r *report) fault() error { return errors.Join(r.errors...) }

func (r *report) print(w io.Writer, markdown bool) {
	fmt.Fprintf(w, "%s\n%s\n", r.machine, r.settings)
	for _, t := range []table{r.figures(), r.limitTable(), r.routingTable(), r.coldStarts(), r.goalTable()} {
		if len(t.rows) == 0 {
			continue
		}
		fmt.Fprintln(w)
		if markdown {
			t.markdown(w)
		} else {
			t.text(w)
		}
	}
}

func (r *report) figures() table {
	t := table{left: 2, header: []string{"case", "target", "req/s", "of direct", "of floor", "p50 ms", "p99 ms",
		"first byte ms", "CPU µs/req", "of floor", "peak RSS MB", "errors"}}
	for i, row := range r.rows {
		title := row.Title
		if i > 0 && r.rows[i-1].Title == title {
			title = ""
		}
		cells := []string{title, row.Target, number(row.Rate, 0), number(row.OfDirect, 2), number(row.OfFloor, 2),
			number(row.P50, 2), number(row.P99, 2), number(row.FirstByte, 2), "-", "-", "-", fmt.Sprint(row.Errors)}
		if row.Target != direct { // the mock's own cost does not matter
			cells[8], cells[9], cells[10] = number(row.CPU, 0), number(row.CPUOfFloor, 2), number(row.PeakMB, 0)
		}
		t.rows = append(t.rows, cells)
	}
	return t
}

func (r *report) coldStarts() table {
	t := table{left: 1, header: []string{"cold start", "first answer s", "first Anthropic answer s", "RSS then MB"}}
	add := func(title string, all []startup) {
		if len(all) == 0 {
			return
		}
		t.rows = append(t.rows, []string{title,
			number(median(seconds(all, func(s startup) time.Duration { return s.First })), 2),
			number(median(seconds(all, func(s startup) time.Duration { return s.Anthropic })), 2),
			number(median(idleMB(all)), 0)})
	}
	add("empty compile cache", r.starts.Empty)
	add("filled compile cache", r.starts.Warm)
	return t
}

func idleMB(all []startup) []float64 {
	var values []float64
	for _, s := range all {
		values = append(values, megabytes(s.Idle.Now))
	}
	return values
}

// number formats a figure with grouped thousands; "-" when it is unknown.
func number(v float64, decimals int) string {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return "-"
	}
	s := fmt.Sprintf("%.*f", decimals, v)
	whole, fraction, _ := strings.Cut(s, ".")
	for i := len(whole) - 3; i > 0 && whole[i-1] != '-'; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	if fraction == "" {
		return whole
	}
	return whole + "." + fraction
}

// machine describes the machine and the time of the figures.
func machine() string {
	model := "unknown processor"
	info, err := os.ReadFile("/proc/cpuinfo")
	for line := range strings.Lines(string(info)) {
		name, value, found := strings.Cut(line, ":")
		if err == nil && found && strings.TrimSpace(name) == "model name" {
			model = strings.TrimSpace(value)
			break
		}
	}
	return fmt.Sprintf("%d × %s, %s/%s, %s, %s", runtime.NumCPU(), model, runtime.GOOS, runtime.GOARCH, runtime.Version(),
		time.Now().UTC().Format("2006-01-02 15:04 UTC"))
}
