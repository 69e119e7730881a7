package main

import (
	"errors"
	"flag"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestDefaultsEndWithinFourMinutes(t *testing.T) {
	o, err := parseOptions(nil, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	// The goals allow 4 s for a start without and 0.7 s for one with the cache.
	total := time.Duration(o.Starts) * 4700 * time.Millisecond
	for _, c := range o.cells() {
		total += time.Duration(o.Rounds) * (o.Warm + caseNamed(c.Case).measured(o.Measure))
	}
	if total > 4*time.Minute {
		t.Errorf("a run takes %v, want at most 4m", total)
	}
}

func TestCellsOfACaseFollowEachOther(t *testing.T) {
	o, err := parseOptions([]string{"-cases", "sse-1,hit-64", "-only", "gateway,direct"}, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	want := []cell{{"hit-64", gateway}, {"sse-1", direct}, {"sse-1", gateway}}
	if diff := cmp.Diff(want, o.cells()); diff != "" {
		t.Errorf("cells (-want +got):\n%s", diff)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, c := range []struct{ args, want string }{
		{"-only direct,proxy", `"proxy"`},
		{"-cases json", `"json"`},
		{"-rounds 0", "-rounds"},
		{"-measure 1h", "-measure"},
		{"-warm -1s", "-warm"},
		{"-pace 1m", "-pace"},
		{"-o html", `"html"`},
		{"-unknown", "unknown"},
	} {
		err := run(t.Context(), strings.Fields(c.args), strings.NewReader(""), io.Discard, io.Discard)
		if err == nil || !strings.Contains(err.Error(), c.want) || exitCode(err) != 2 {
			t.Errorf("run(%q) = %v with exit code %d, want an error with %q and 2", c.args, err, exitCode(err), c.want)
		}
	}
	if _, err := parseOptions([]string{"-h"}, io.Discard); !errors.Is(err, flag.ErrHelp) {
		t.Errorf("-h = %v, want %v", err, flag.ErrHelp)
	}
}
