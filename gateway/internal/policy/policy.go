// Package policy decides admission with Rego: whether a request may go ahead, which
// limits apply to it and what duties come with it. It compiles a folder of policies,
// tests them and remembers decisions for equal inputs.
//
// It is not a meter: it counts nothing and holds no state between requests beyond what
// it can forget. It does not watch files; whoever does makes a new Engine.
package policy

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Options say where the policy is and how it is run. Source is required; the zero value
// of everything else works.
type Options struct {
	Source
	// Log gets a line for every policy that is published, and a warning when it leaves
	// promises made to keys unread. Nil logs nothing.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Location is the time zone of input.time; nil means UTC.
	Location *time.Location
	// Timeout bounds one evaluation; 0 means 20 ms. One that is cut off is tried once
	// more with ten times as long, since a busy machine is no reason to refuse anybody.
	Timeout time.Duration
	// LoadTimeout bounds how long the policy may take to be read, compiled and tested; 0
	// means 30 s.
	LoadTimeout time.Duration
	// Workers bound what runs at once; nil means workers of its own.
	Workers *Workers
	// MemoBytes bounds the memory for remembered decisions; 0 means 4 MiB, below 0
	// remembers nothing.
	MemoBytes int
	// Usage fills input.usage. Nil leaves it empty.
	Usage Usage
	// Decisions gets every decision; nil logs none.
	Decisions *DecisionLog
}

// Usage says how full each limit is in whole percent, in the order of limits; below
// zero means unknown. It must not wait, and neither keep nor change its argument.
type Usage func(limits []llm.Limit) []int

// Source is where policies are read from.
type Source struct {
	// Dir is a folder of .rego files, data.json or data.yaml files and *_test.rego files;
	// empty means the built-in policy. A folder that does not define
	// data.penstock.decision extends the built-in policy instead of replacing it.
	Dir string
	// FS is policies.FS: the built-in policy and the schema of the input.
	FS fs.FS
}

// Engine decides. It is safe for use by many goroutines. Those that it starts end with
// the decision that they are for, unless that does not end within its limit.
type Engine struct {
	options Options
	program *program
	hits    atomic.Uint64
	misses  atomic.Uint64
}

// New compiles and tests the policy. Its error is Faults when the policy is to blame.
func New(ctx context.Context, o Options) (*Engine, error) {
	e := &Engine{options: o.withDefaults()}
	p, err := build(ctx, e.options)
	if err != nil {
		return nil, fmt.Errorf("load policy: %w", err)
	}
	e.publish(p)
	return e, nil
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Location == nil {
		o.Location = time.UTC
	}
	if o.Timeout <= 0 {
		o.Timeout = 20 * time.Millisecond
	}
	if o.LoadTimeout <= 0 {
		o.LoadTimeout = loadLimit
	}
	if o.Workers == nil {
		o.Workers = NewWorkers()
	}
	if o.MemoBytes == 0 {
		o.MemoBytes = 4 << 20
	}
	return o
}

// Current reports whether the policy in force is what its source holds now. What can't
// be read is not current: New says what is wrong with it.
func (e *Engine) Current() bool {
	b, err := load(e.options.Source)
	return err == nil && b.digest == e.program.revision
}

func (e *Engine) publish(p *program) {
	e.program = p
	e.options.Log.Info("policy published", "revision", p.revision, "files", p.files, "tests", p.tests)
	for _, path := range p.plan.ignored() {
		e.options.Log.Warn("no policy rule reads "+path+": it has no effect", "revision", p.revision)
	}
}

// Status says which policy decides and how well its decisions are remembered.
type Status struct {
	Revision string
	// Files are the policy and data files, tests excluded; Tests is how many tests passed.
	Files []string
	Tests int
	// Reads are the parts of the input that the policy depends on, such as
	// "input.key.models".
	Reads []string
	// Hits and Misses count decisions since start, Remembered those held now.
	Hits, Misses uint64
	Remembered   int
	// Overrunning is how many evaluations have passed their time limit and still run;
	// when as many as may run at once do, only remembered decisions are made.
	Overrunning int
}

// Status reports on the policy in force.
func (e *Engine) Status() Status {
	p := e.program
	s := Status{Revision: p.revision, Files: p.files, Tests: p.tests, Reads: p.plan.reads(),
		Hits: e.hits.Load(), Misses: e.misses.Load(), Remembered: p.decisions.Len(),
		Overrunning: e.options.Workers.Overrunning()}
	return s
}
