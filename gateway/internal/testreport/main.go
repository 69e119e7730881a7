// Command testreport reads the output of `go test -json`. It prints a line for each
// package as soon as it is done, the output of each failure, and at the end the skipped
// tests with their reasons and the totals. It exits with 1 if anything failed. A run of
// go test that ends with an error must be followed by the line {"Action":"fail"}, since
// not every such error is an event.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
)

func main() {
	r := newReport(os.Stdout)
	if err := r.read(os.Stdin); err != nil {
		fmt.Fprintln(os.Stderr, "testreport:", err)
		os.Exit(1)
	}
	r.printTotals()
	if r.failed || r.packages == 0 {
		os.Exit(1)
	}
}

// event is one line of `go test -json`; see go doc test2json.
type event struct {
	Action, Package, ImportPath, Test, Output, FailedBuild string
	Elapsed                                                float64
}

// test names one test of one package; a package's own output has no test.
type test struct{ pkg, name string }

// report collects what is printed later.
type report struct {
	out io.Writer
	// output is the output of running tests.
	output map[test][]string
	// skipped holds the reasons of skipped tests.
	skipped  map[test]string
	passed   map[test]bool
	packages int
	// failures counts the failed tests; failed is also true after other failures.
	failures int
	failed   bool
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[test][]string{}, skipped: map[test]string{}, passed: map[test]bool{}}
}

// read reads events until in ends. A line that is no event is printed: it comes from a tool
// that go test runs.
func (r *report) read(in io.Reader) error {
	lines := bufio.NewScanner(in)
	lines.Buffer(nil, 64<<20)
	for lines.Scan() {
		var e event
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Action == "" {
			fmt.Fprintln(r.out, lines.Text())
			continue
		}
		r.take(e)
	}
	return lines.Err()
}

func (r *report) take(e event) {
	t := test{e.Package, e.Test}
	switch e.Action {
	case "build-output":
		fmt.Fprint(r.out, e.Output)
	case "build-fail":
		r.failed = true
	case "output":
		r.output[t] = append(r.output[t], e.Output)
	case "pass":
		r.passed[t] = e.Test != ""
		r.finish(e)
	case "skip":
		r.skipped[t] = reason(r.output[t])
		r.finish(e)
	case "fail":
		r.failed = true
		if e.Package == "" {
			return // the run as a whole
		}
		if e.Test != "" {
			r.failures++
		}
		fmt.Fprint(r.out, strings.Join(r.output[t], ""))
		r.finish(e)
	}
}

// finish ends a test or a package. For a package it prints a line.
func (r *report) finish(e event) {
	t := test{e.Package, e.Test}
	if e.Test == "" {
		r.packages++
		delete(r.skipped, t) // a package without tests
		if e.Action != "skip" {
			fmt.Fprintf(r.out, "%-4s  %s  %.1fs\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
		}
	}
	delete(r.output, t)
}

// reason returns the last line that a skipped test printed, without file and line.
func reason(output []string) string {
	for _, line := range slices.Backward(output) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "===") {
			continue
		}
		if place, text, ok := strings.Cut(line, ": "); ok && strings.Contains(place, ".go:") {
			return text
		}
		return line
	}
	return "no reason given"
}

// printTotals prints the skipped tests and the totals. A test that was skipped in one run
// and passed in another counts as passed; one that ran twice counts once.
func (r *report) printTotals() {
	skipped := r.printSkipped()
	passed := 0
	for _, ok := range r.passed {
		if ok {
			passed++
		}
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", passed, r.failures, skipped)
}

// printSkipped prints the skipped tests by reason and returns how many there are.
func (r *report) printSkipped() int {
	byReason := map[string][]string{}
	n := 0
	for t, reason := range r.skipped {
		if r.passed[t] {
			continue
		}
		n++
		byReason[reason] = append(byReason[reason], t.pkg[strings.LastIndexByte(t.pkg, '/')+1:]+"."+t.name)
	}
	if n == 0 {
		fmt.Fprintln(r.out, "skipped: nothing")
		return 0
	}
	var parts []string
	for reason, names := range byReason {
		slices.Sort(names)
		parts = append(parts, strings.Join(names, ", ")+": "+reason)
	}
	slices.Sort(parts)
	fmt.Fprintf(r.out, "skipped: %d tests; %s\n", n, strings.Join(parts, "; "))
	return n
}
