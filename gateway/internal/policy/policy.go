// Package policy decides admission with Rego: whether a request is allowed, which limits
// apply to it and which obligations it has. It compiles a folder of policies, tests them
// and remembers decisions for equal inputs.
//
// It is not a meter: it counts nothing, and its only state between requests is what it can
// compute again. It does not watch files: a changed folder needs a new Engine.
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

// Options tune an Engine. Source is required; the zero value of everything else works.
type Options struct {
	Source
	// Log gets a line for every policy that is published, and a warning when it does not
	// read what keys are granted. Nil logs nothing.
	Log *slog.Logger
	// Now is the clock; nil means time.Now.
	Now func() time.Time
	// Location is the time zone of input.time; nil means UTC.
	Location *time.Location
	// Timeout bounds one evaluation; 0 means 20 ms. One that exceeds it is tried once more
	// with ten times as long, so that a busy machine refuses no requests.
	Timeout time.Duration
	// LoadTimeout bounds reading, compiling and testing the policy; 0 means 30 s.
	LoadTimeout time.Duration
	// Workers bound what runs at once; nil means new ones.
	Workers *Workers
	// MemoBytes bounds the memory for remembered decisions; 0 means 4 MiB, and below 0
	// none are remembered.
	MemoBytes int
	// Usage fills input.usage. Nil leaves it empty.
	Usage Usage
	// Decisions gets every decision; nil logs none. It must not wait.
	Decisions func(llm.Decided)
}

// Usage returns how much of each limit is used, in whole percent and in the order of
// limits; below zero means unknown. It must not wait, and neither keep nor change its
// argument.
type Usage func(limits []llm.Limit) []int

// Source is where policies are read from.
type Source struct {
	// Dir is a folder of .rego files, teams.yaml, limits.yaml and models.yaml, data.json or
	// data.yaml files and *_test.rego files; empty means the built-in policy. A folder that does not define
	// data.penstock.decision extends the built-in policy instead of replacing it.
	Dir string
	// Files are the files of such a folder by their path within it; nil means Dir's. With
	// Files, Dir is only their folder's name in faults.
	Files map[string]string
	// Revision is the revision of the bundle that Files are from, as its manifest has it; empty
	// without one.
	Revision string
	// Roots are the paths in data that Files may define, such as "penstock/teams"; nil means any.
	Roots []string
	// FS is policies.FS: the built-in policy and the schema of the input.
	FS fs.FS
	// whole includes the built-in rules that do nothing without settings, for their tests.
	whole bool
}

// Engine decides. It is safe for concurrent use. Its goroutines end with their decisions,
// except for evaluations that do not end within their limit.
type Engine struct {
	options Options
	program *program
	hits    atomic.Uint64
	misses  atomic.Uint64
}

// New compiles and tests the policy. Its error has Faults when the policy is invalid.
func New(ctx context.Context, o Options) (*Engine, error) {
	e := &Engine{options: o.withDefaults()}
	p, err := build(ctx, e.options)
	if err != nil {
		return nil, fmt.Errorf("load policy: %w", err)
	}
	e.publish(p)
	return e, nil
}

// Source returns where the policy was read from.
func (e *Engine) Source() Source { return e.options.Source }

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

// Current reports whether the policy in force is what its source has now. A source that
// cannot be read is not current: New returns what is wrong with it.
func (e *Engine) Current() bool {
	b, err := load(e.options.Source)
	return err == nil && b.digest == e.program.revision
}

func (e *Engine) publish(p *program) {
	e.program = p
	e.options.Log.Info("policy published", "revision", p.revision, "files", p.files, "tests", p.tests)
	for _, n := range p.notes {
		e.options.Log.Warn(n.String(), "revision", p.revision)
	}
	for _, path := range p.plan.unreadGrants() {
		e.options.Log.Warn("no policy rule reads "+path+": it has no effect", "revision", p.revision)
	}
}

// Status is the state of an engine.
type Status struct {
	Revision string
	// Files are the policy and data files, tests excluded; Tests is how many tests passed.
	Files []string
	Tests int
	// Reads are the parts of the input that the policy depends on, such as
	// "input.key.models".
	Reads []string
	// Hits and Misses count decisions since the start, Remembered those in memory now.
	Hits, Misses uint64
	Remembered   int
	// Overrunning is how many evaluations have exceeded their time limit and still run;
	// when all workers do, only remembered decisions are made.
	Overrunning int
}

// Status returns the state of the engine.
func (e *Engine) Status() Status {
	p := e.program
	s := Status{Revision: p.revision, Files: p.files, Tests: p.tests, Reads: p.plan.reads(),
		Hits: e.hits.Load(), Misses: e.misses.Load(), Remembered: p.decisions.Len(),
		Overrunning: e.options.Workers.Overrunning()}
	return s
}
