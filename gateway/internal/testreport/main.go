// Command testreport reads what `go test -json` says, and prints a line for each package
// as soon as it is done, the output of whatever failed, and at the end one line that
// names the tests which were skipped and why, and one that counts. It exits with 1 when
// anything failed. A run of go test that ends with an error must be followed by the line
// {"Action":"fail"}, since not every such error is an event.
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
	r.end()
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

// report gathers what is not printed at once.
type report struct {
	out io.Writer
	// said is the output of tests that are not over.
	said map[test][]string
	// skipped are the reasons of tests that have only been skipped so far.
	skipped  map[test]string
	passed   map[test]bool
	packages int
	// failures counts the tests that failed; failed is also true for what is no test.
	failures int
	failed   bool
}

func newReport(out io.Writer) *report {
	return &report{out: out, said: map[test][]string{}, skipped: map[test]string{}, passed: map[test]bool{}}
}

// read takes events until in ends. A line that is none is printed: it is what a tool
// said beside them.
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
		r.said[t] = append(r.said[t], e.Output)
	case "pass":
		r.passed[t] = e.Test != ""
		r.over(e)
	case "skip":
		r.skipped[t] = reason(r.said[t])
		r.over(e)
	case "fail":
		r.failed = true
		if e.Package == "" {
			return // a whole run
		}
		if e.Test != "" {
			r.failures++
		}
		fmt.Fprint(r.out, strings.Join(r.said[t], ""))
		r.over(e)
	}
}

// over ends a test, or a package with a line.
func (r *report) over(e event) {
	t := test{e.Package, e.Test}
	if e.Test == "" {
		r.packages++
		delete(r.skipped, t) // a package without tests
		if e.Action != "skip" {
			fmt.Fprintf(r.out, "%-4s  %s  %.1fs\n", map[string]string{"pass": "ok", "fail": "FAIL"}[e.Action], e.Package, e.Elapsed)
		}
	}
	delete(r.said, t)
}

// reason is what a skipped test said last, without the place where it said so.
func reason(said []string) string {
	for _, line := range slices.Backward(said) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "---") || strings.HasPrefix(line, "===") {
			continue
		}
		if place, why, ok := strings.Cut(line, ": "); ok && strings.Contains(place, ".go:") {
			return why
		}
		return line
	}
	return "no reason given"
}

// end prints the lines about what was skipped and how many there were. A test that passed
// in another run was not skipped; one that ran twice counts once.
func (r *report) end() {
	skipped := r.printSkipped()
	passed := 0
	for _, ok := range r.passed {
		if ok {
			passed++
		}
	}
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped\n", passed, r.failures, skipped)
}

// printSkipped names the tests that were skipped, by reason, and counts them.
func (r *report) printSkipped() int {
	byReason := map[string][]string{}
	n := 0
	for t, why := range r.skipped {
		if r.passed[t] {
			continue
		}
		n++
		byReason[why] = append(byReason[why], t.pkg[strings.LastIndexByte(t.pkg, '/')+1:]+"."+t.name)
	}
	if n == 0 {
		fmt.Fprintln(r.out, "skipped: nothing")
		return 0
	}
	var parts []string
	for why, names := range byReason {
		slices.Sort(names)
		parts = append(parts, strings.Join(names, ", ")+": "+why)
	}
	slices.Sort(parts)
	fmt.Fprintf(r.out, "skipped: %d tests; %s\n", n, strings.Join(parts, "; "))
	return n
}
