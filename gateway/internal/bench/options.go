package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// options say what to measure and for how long.
type options struct {
	Gateway, Floor string
	Targets, Cases []string
	Rounds, Starts int
	Warm, Measure  time.Duration
	Pace           time.Duration
	Markdown       bool
}

// parseOptions parses the command line. It returns flag.ErrHelp after printing the help.
func parseOptions(args []string, stderr io.Writer) (options, error) {
	o := options{}
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	only := f.String("only", strings.Join([]string{direct, floor, gateway}, ","), "targets to measure, separated by commas")
	cases := f.String("cases", strings.Join(caseNames(), ","), "cases to measure, separated by commas")
	f.StringVar(&o.Gateway, "gateway", "bin/penstock", "the gateway's binary")
	f.StringVar(&o.Floor, "floor", "bin/floor", "the bare proxy's binary")
	f.IntVar(&o.Rounds, "rounds", 3, "how often every case runs; the table has medians")
	f.IntVar(&o.Starts, "starts", 3, "how many cold starts with and without the compile cache")
	f.DurationVar(&o.Warm, "warm", 300*time.Millisecond, "how long every run warms up")
	f.DurationVar(&o.Measure, "measure", 1700*time.Millisecond, "how long every run is measured")
	f.DurationVar(&o.Pace, "pace", 0, "how long the mock pauses after every event of a stream")
	quick := f.Bool("quick", false, "one short round, for a first look")
	format := f.String("o", "text", "text or md")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if *quick {
		o.Rounds, o.Starts, o.Warm, o.Measure = 1, 1, 300*time.Millisecond, time.Second
	}
	o.Targets, o.Cases, o.Markdown = strings.Split(*only, ","), strings.Split(*cases, ","), *format == "md"
	return o, errors.Join(o.validate(), oneOf("-o", []string{*format}, []string{"text", "md"}))
}

// validate bounds every wait.
func (o options) validate() error {
	return errors.Join(
		oneOf("-only", o.Targets, []string{direct, floor, gateway}),
		oneOf("-cases", o.Cases, caseNames()),
		within("-rounds", o.Rounds, 1, 20),
		within("-starts", o.Starts, 1, 20),
		within("-warm", o.Warm, 0, time.Minute),
		within("-pace", o.Pace, 0, 100*time.Millisecond),
		within("-measure", o.Measure, 100*time.Millisecond, time.Minute),
	)
}

func oneOf(name string, values, allowed []string) error {
	for _, v := range values {
		if !slices.Contains(allowed, v) {
			return fmt.Errorf("%s: %q is not one of %s", name, v, strings.Join(allowed, ", "))
		}
	}
	return nil
}

func within[T int | time.Duration](name string, value, low, high T) error {
	if value < low || value > high {
		return fmt.Errorf("%s: %v is not between %v and %v", name, value, low, high)
	}
	return nil
}

func caseNames() []string {
	var names []string
	for _, w := range workloads() {
		names = append(names, w.Name)
	}
	return names
}

// measures reports whether the target is to be measured.
func (o options) measures(target string) bool { return slices.Contains(o.Targets, target) }

// cells returns the runs of one round, in order. The targets of a case follow each other,
// so that their results are comparable.
func (o options) cells() []cell {
	var cells []cell
	for _, w := range workloads() {
		for _, target := range []string{direct, floor, gateway} {
			skip := w.GatewayOnly && target != gateway || w.Upstream != plainHTTP && target == direct
			if slices.Contains(o.Cases, w.Name) && o.measures(target) && !skip {
				cells = append(cells, cell{w.Name, target})
			}
		}
	}
	return cells
}
