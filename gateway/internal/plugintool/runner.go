package plugintool

import (
	"context"
	"io"
	"log/slog"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/compiler"
	"github.com/penstock/penstock/gateway/internal/hint"
	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/cases"
)

// Runner runs cases in the gateway's own host.
type Runner struct{ host *wasm.Host }

// NewRunner opens a host. What plugins log goes to log. The caller closes the runner.
func NewRunner(getenv func(string) string, log io.Writer) (*Runner, error) {
	host, err := compiler.OpenHost(getenv, slog.New(slog.NewTextHandler(log, nil)))
	return &Runner{host}, err
}

// Close unloads the modules.
func (r *Runner) Close(ctx context.Context) error { return r.host.Close(ctx) }

// repeats is how often Test runs a case to find how long it takes.
const repeats = 5

// Result is the outcome of one case.
type Result struct {
	File   string        `json:"file"`
	Name   string        `json:"name"`
	OK     bool          `json:"ok"`
	Error  string        `json:"error,omitempty"`
	Fuel   int64         `json:"fuel"`
	Memory int64         `json:"memory_bytes"`
	P50    time.Duration `json:"p50_ns"`
}

// Test runs every case. A case that fails is no error.
func (r *Runner) Test(ctx context.Context, t *Tests) ([]Result, error) {
	var runs []cases.Case
	for _, c := range t.cases {
		runs = append(runs, slices.Repeat([]cases.Case{c}, repeats)...)
	}
	trials, err := cases.Run(ctx, r.host, t.spec, runs)
	if err != nil {
		return nil, hint.Add(err, "penstock plugin inspect says what is in a module")
	}
	results := make([]Result, len(t.files))
	for i, file := range t.files {
		results[i] = result(file, trials[i*repeats:(i+1)*repeats])
	}
	return results, nil
}

// result sums up the runs of one case. It failed if one of them did.
func result(file string, trials []cases.Result) Result {
	r := Result{File: file, Name: trials[0].Name, OK: true, Fuel: trials[0].Fuel, Memory: trials[0].Memory}
	var took []time.Duration
	for _, t := range trials {
		took = append(took, t.Duration)
		if t.Err != nil && r.OK {
			r.OK, r.Error = false, t.Err.Error()
		}
	}
	slices.Sort(took)
	r.P50 = took[(len(took)-1)/2]
	return r
}

// Timing is how long a module takes for one case.
type Timing struct {
	Name      string        `json:"name"`
	Calls     int           `json:"calls"`
	PerSecond float64       `json:"calls_per_second"`
	P50       time.Duration `json:"p50_ns"`
	P99       time.Duration `json:"p99_ns"`
	Fuel      int64         `json:"fuel"`
	Memory    int64         `json:"memory_bytes"`
}

// Bench times each case for the given duration.
func (r *Runner) Bench(ctx context.Context, t *Tests, each time.Duration) ([]Timing, error) {
	var timings []Timing
	for _, c := range t.cases {
		got, err := cases.Time(ctx, r.host, t.spec, c, each)
		if err != nil {
			return nil, err
		}
		timings = append(timings, Timing{c.Name, got.Calls, got.PerSecond, got.P50, got.P99, got.Fuel, got.Memory})
	}
	return timings, nil
}
