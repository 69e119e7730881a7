package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// job is what one run of the load generator does. It is passed as JSON on standard
// input, so that no key stands on a command line.
type job struct {
	// Addr is host:port; Head is the HTTP request up to its empty line, included.
	Addr string
	Head string
	Body string
	// Nonce is the offset in Body of eight bytes that are replaced by a number of
	// their own in every request; 0 means that all requests are the same.
	Nonce int
	Want  want
	// Clients is how many connections ask at the same time, each its next question
	// when the last is answered.
	Clients int
	// Warm is the time before, Measure the time during which answers count.
	Warm, Measure time.Duration
	// PID is the process to measure; 0 means none.
	PID int
}

// want is what a good reply looks like; the status is 200.
type want struct {
	// Bytes is the body's exact length without chunk framing; 0 means any.
	Bytes int
	// Holds must stand somewhere in the body, and Ends at its end.
	Holds, Ends string
	// Header is a whole header line, such as "x-penstock-cache: hit"; empty for any.
	Header string
}

// result is what a job found. Durations are those of requests answered well while
// measuring.
type result struct {
	Requests int
	Errors   int
	// FirstError is one of the errors, the earliest of the first client that had any.
	FirstError string
	// Elapsed is the time in which the requests were answered.
	Elapsed  time.Duration
	P50, P99 time.Duration
	// FirstByte is the median time to the first byte of a body.
	FirstByte time.Duration
	// CPU is the processor time that the measured process used meanwhile, and
	// Memory what it held at the end.
	CPU    time.Duration
	Memory memory
}

// runLoad does the job that stdin describes and writes the result to stdout.
func runLoad(stdin io.Reader, stdout io.Writer) error {
	var j job
	if err := json.NewDecoder(stdin).Decode(&j); err != nil {
		return fmt.Errorf("read job: %w", err)
	}
	r, err := j.run()
	if err != nil {
		return err
	}
	return json.NewEncoder(stdout).Encode(r)
}

// run asks from all clients at once and sums up. It takes Warm plus Measure and at
// most the grace that unanswered requests get.
func (j job) run() (result, error) {
	start := time.Now().Add(j.Warm)
	clients := make([]*client, j.Clients)
	var wg sync.WaitGroup
	for i := range clients {
		clients[i] = newClient(j, i, start, start.Add(j.Measure))
		wg.Go(clients[i].run)
	}
	before, beforeErr := j.meter(start)
	after, afterErr := j.meter(start.Add(j.Measure))
	wg.Wait()
	r := sum(clients)
	r.Elapsed, r.Memory = j.Measure, after.memory
	// On a busy machine the readings come a little late; the requests are counted by
	// their own clocks.
	late := after.at.Sub(before.at).Seconds() / j.Measure.Seconds()
	r.CPU = time.Duration(float64(after.cpu-before.cpu) / late)
	return r, errors.Join(beforeErr, afterErr)
}

// reading is what a process had used at one moment.
type reading struct {
	at     time.Time
	cpu    time.Duration
	memory memory
}

// meter reads the measured process at the given time and starts its peak anew.
func (j job) meter(at time.Time) (reading, error) {
	time.Sleep(time.Until(at))
	r := reading{at: time.Now()}
	if j.PID == 0 {
		return r, nil
	}
	var cerr, merr error
	r.cpu, cerr = cpuTime(j.PID)
	r.memory, merr = residentMemory(j.PID)
	resetPeak(j.PID)
	return r, errors.Join(cerr, merr)
}

// sum puts the clients' observations together.
func sum(clients []*client) result {
	var r result
	var whole, first []time.Duration
	for _, c := range clients {
		whole = append(whole, c.whole...)
		first = append(first, c.first...)
		r.Errors += c.errors
		if r.FirstError == "" {
			r.FirstError = c.firstError
		}
	}
	slices.Sort(whole)
	slices.Sort(first)
	r.Requests = len(whole)
	r.P50, r.P99 = percentile(whole, 50), percentile(whole, 99)
	r.FirstByte = percentile(first, 50)
	return r
}
