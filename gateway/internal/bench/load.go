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

// job is one run of the load generator. It is passed as JSON on standard input, so that no
// key is on a command line.
type job struct {
	// Addr is host:port; Head is the HTTP request up to its empty line, included.
	Addr string
	Head string
	Body string
	// Nonce is the offset in Body of eight bytes that are replaced by another number in
	// every request; 0 means that all requests are the same.
	Nonce int
	Want  want
	// Clients is how many connections are open, each with one request at a time.
	Clients int
	// Warm is the time before measuring; replies count during Measure.
	Warm, Measure time.Duration
	// PID is the process to measure; 0 means none.
	PID int
}

// want describes a correct reply, whose status is 200.
type want struct {
	// Bytes is the body's exact length without chunk framing; 0 means any.
	Bytes int
	// Holds must be in the body, and Ends at its end.
	Holds, Ends string
	// Header is a whole header line, such as "x-penstock-cache: hit"; empty for any.
	Header string
}

// result is a job's result. Its durations are of correct replies while measuring.
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
	// CPU is the processor time that the measured process used while measuring, Memory its
	// memory at the end.
	CPU    time.Duration
	Memory memory
}

// runLoad runs the job on stdin and writes its result to stdout.
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

// run runs all clients concurrently and sums up their results. It takes Warm plus Measure,
// and at most grace for the last replies.
func (j job) run() (result, error) {
	start := time.Now().Add(j.Warm)
	clients := make([]*client, j.Clients)
	var wg sync.WaitGroup
	for i := range clients {
		clients[i] = newClient(j, i, start, start.Add(j.Measure))
		wg.Go(clients[i].run)
	}
	before, beforeErr := j.readUsage(start)
	after, afterErr := j.readUsage(start.Add(j.Measure))
	wg.Wait()
	r := sum(clients)
	r.Elapsed, r.Memory = j.Measure, after.memory
	// On a busy machine the readings are a little late, but requests are counted by their
	// own times.
	late := after.at.Sub(before.at).Seconds() / j.Measure.Seconds()
	r.CPU = time.Duration(float64(after.cpu-before.cpu) / late)
	return r, errors.Join(beforeErr, afterErr)
}

// reading is a process's resource usage at one time.
type reading struct {
	at     time.Time
	cpu    time.Duration
	memory memory
}

// readUsage reads the usage of the measured process at the given time and resets its peak.
func (j job) readUsage(at time.Time) (reading, error) {
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

// sum combines the clients' results.
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
