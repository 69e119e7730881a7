package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// twoRounds is a run in which every target was half as fast in the second round.
func twoRounds() (options, results, startups) {
	o := options{Targets: []string{direct, floor, gateway}, Cases: []string{"tls-json-16", "tls-json-64", "json-64", "hit-64"}, Rounds: 2,
		Warm: time.Second, Measure: time.Second}
	round := func(requests int, cpu time.Duration) result {
		return result{Requests: requests, Elapsed: time.Second, CPU: cpu,
			P50: 2 * time.Millisecond, P99: 9 * time.Millisecond, FirstByte: time.Millisecond, Memory: memory{Now: 40 << 20, Peak: 50 << 20}}
	}
	slow := round(9000, 900*time.Millisecond)
	slow.P99 = 11 * time.Millisecond
	all := results{
		{"tls-json-16", floor}:   {round(4000, time.Second), round(3000, time.Second)},
		{"tls-json-16", gateway}: {round(3000, time.Second), round(2250, time.Second)},
		{"tls-json-64", floor}:   {round(6000, time.Second), round(3000, time.Second)},
		{"tls-json-64", gateway}: {slow, slow},
		{"json-64", direct}:      {round(20000, 0), round(10000, 0)},
		{"json-64", floor}:       {round(10000, time.Second), round(5000, time.Second)},
		{"json-64", gateway}:     {round(8000, 1200*time.Millisecond), round(4000, 1200*time.Millisecond)},
		{"hit-64", gateway}:      {round(30000, time.Second), round(15000, time.Second)},
		{"ordered-8", routing}:   {round(1000, 2*time.Millisecond), round(1000, 4*time.Millisecond)},
		{"latency-100", routing}: {round(1000, 30*time.Millisecond), round(1000, 10*time.Millisecond)},
	}
	starts := startups{
		Empty: []startup{{First: 2 * time.Second, Anthropic: 3 * time.Second, Idle: memory{Now: 45 << 20}}},
		Warm:  []startup{{First: 900 * time.Millisecond, Anthropic: time.Second, Idle: memory{Now: 40 << 20}}},
	}
	return o, all, starts
}

func TestReport(t *testing.T) {
	var got strings.Builder
	o, all, starts := twoRounds()
	r := newReport(o, all, starts)
	r.machine = "a machine"
	r.print(&got, false)
	want := `a machine
2 rounds of 1s after 1s of warm-up; medians; ratios taken within a round; the mock pauses 0s after an event, and 20ms in paced streams of 64

case                              target    req/s  of direct  of floor  p50 ms  p99 ms  first byte ms  CPU µs/req  of floor  peak RSS MB  errors
JSON over TLS HTTP/2, 16 clients  floor     3,500          -      1.00    2.00    9.00           1.00         292      1.00           50       0
                                  gateway   2,625          -      0.75    2.00    9.00           1.00         389      1.33           50       0
JSON over TLS HTTP/2, 64 clients  floor     4,500          -      1.00    2.00    9.00           1.00         250      1.00           50       0
                                  gateway   9,000          -      2.25    2.00   11.00           1.00         100      0.45           50       0
JSON, 64 clients                  direct   15,000       1.00      2.00    2.00    9.00           1.00           -         -            -       0
                                  floor     7,500       0.50      1.00    2.00    9.00           1.00         150      1.00           50       0
                                  gateway   6,000       0.40      0.80    2.00    9.00           1.00         225      1.50           50       0
JSON cache hit, 64 clients        gateway  22,500       1.50      3.00    2.00    9.00           1.00          50      0.33           50       0

case                  target   req/s at p99 ≤ 10 ms  clients  of floor
JSON over TLS HTTP/2  floor                   4,500       64      1.00
JSON over TLS HTTP/2  gateway                 2,625       16      0.58

routing call  targets  CPU µs  % of a JSON request over TLS, 64 clients
ordered             8     3.0                                       3.0
latency           100    20.0                                      20.0

cold start            first answer s  first Anthropic answer s  RSS then MB
empty compile cache             2.00                      3.00           45
filled compile cache            0.90                      1.00           40

figure                                               measured    goal                   aim
CPU per JSON request over TLS, 64 clients, of floor      0.45  ≤ 1.60           met  ≤ 1.30           met
CPU per SSE request over TLS, 64 clients, of floor          -  ≤ 1.50  not measured  ≤ 1.25  not measured
first token over floor, paced streams, ms                   -       -             -  ≤ 1.00  not measured
highest RSS under load, MB                                 50   ≤ 110           met    ≤ 90           met
cold start, empty compile cache, s                       2.00  ≤ 4.00           met  ≤ 3.00           met
cold start, filled compile cache, s                      0.90  ≤ 0.70        missed  ≤ 0.50        missed
RSS idle, MB                                               40       -             -    ≤ 60           met
req/s JSON over TLS, 64 clients, of floor                2.25       -             -  ≥ 0.77           met
req/s SSE over TLS, 64 clients, of floor                    -       -             -  ≥ 0.80  not measured
req/s cache hit, of floor                                3.00       -             -  ≥ 2.50           met
CPU per OpenAI-to-Anthropic request, of floor               -       -             -  ≤ 1.80  not measured
p50 over floor, JSON over TLS, 1 client, ms                 -       -             -  ≤ 0.08  not measured
p99 over floor, JSON over TLS, 1 client, ms                 -       -             -  ≤ 0.50  not measured
routing call of 8 targets, % of a request's CPU           3.0       -             -   ≤ 2.0        missed
routing call of 100 targets, % of a request's CPU        20.0       -             -   ≤ 8.0        missed
`
	if diff := cmp.Diff(want, got.String()); diff != "" {
		t.Errorf("report (-want +got):\n%s", diff)
	}
	if err := r.fault(); err != nil {
		t.Errorf("fault() = %v, want none", err)
	}
}

func TestReportFailsOnErrors(t *testing.T) {
	o, all, starts := twoRounds()
	all[cell{"json-64", gateway}][1].Errors = 3
	all[cell{"json-64", gateway}][1].FirstError = "status 503"
	err := newReport(o, all, starts).fault()
	if err == nil || !strings.Contains(err.Error(), "json-64, gateway: 3 errors, such as: status 503") {
		t.Errorf("fault() = %v, want the cell, the count and an example", err)
	}
}

func TestTableMarkdown(t *testing.T) {
	var got strings.Builder
	table{left: 1, header: []string{"case", "µs"}, rows: [][]string{{"JSON", "5"}}}.markdown(&got)
	if want := "| case | µs |\n| --- | ---: |\n| JSON | 5 |\n"; got.String() != want {
		t.Errorf("markdown = %q, want %q", got.String(), want)
	}
}

func TestNumber(t *testing.T) {
	for _, c := range []struct {
		v        float64
		decimals int
		want     string
	}{
		{0, 0, "0"}, {999, 0, "999"}, {1000, 0, "1,000"}, {1234567.891, 2, "1,234,567.89"}, {-1234, 0, "-1,234"},
		{-123, 0, "-123"}, {0.005, 2, "0.01"}, {math.NaN(), 0, "-"}, {math.Inf(1), 2, "-"},
	} {
		if got := number(c.v, c.decimals); got != c.want {
			t.Errorf("number(%v, %d) = %q, want %q", c.v, c.decimals, got, c.want)
		}
	}
}
