package main

import (
	"strings"
	"testing"
)

const events = `{"Action":"start","Package":"x/a"}
{"Action":"output","Package":"x/a","Test":"TestOne","Output":"=== RUN   TestOne\n"}
{"Action":"output","Package":"x/a","Test":"TestOne","Output":"    a_test.go:5: no recordings beside the repository\n"}
{"Action":"output","Package":"x/a","Test":"TestOne","Output":"--- SKIP: TestOne (0.00s)\n"}
{"Action":"skip","Package":"x/a","Test":"TestOne"}
{"Action":"output","Package":"x/b","Test":"TestBad","Output":"    b_test.go:7: wrong\n"}
{"Action":"fail","Package":"x/b","Test":"TestBad"}
{"Action":"fail","Package":"x/b","Elapsed":1.25}
go: downloading something
{"Action":"skip","Package":"x/c"}
{"Action":"skip","Package":"x/a","Test":"TestTwo"}
{"Action":"pass","Package":"x/a","Elapsed":0.5}
{"Action":"pass","Package":"x/a","Test":"TestTwo"}
`

func TestReport(t *testing.T) {
	var out strings.Builder
	r := newReport(&out)
	if err := r.read(strings.NewReader(events)); err != nil {
		t.Fatal(err)
	}
	r.printTotals()
	want := "    b_test.go:7: wrong\nFAIL  x/b  1.2s\ngo: downloading something\nok    x/a  0.5s\n" +
		"skipped: 1 tests; a.TestOne: no recordings beside the repository\n1 passed, 1 failed, 1 skipped\n"
	if out.String() != want {
		t.Errorf("report = %q\nwant     %q", out.String(), want)
	}
	if !r.failed || r.packages != 3 {
		t.Errorf("failed %v, %d packages", r.failed, r.packages)
	}
}

// TestARunThatFailsWithoutAnEvent has a run that go test ended before the first test.
func TestARunThatFailsWithoutAnEvent(t *testing.T) {
	var out strings.Builder
	r := newReport(&out)
	if err := r.read(strings.NewReader("go: no such module\n{\"Action\":\"fail\"}\n")); err != nil {
		t.Fatal(err)
	}
	r.printTotals()
	if want := "go: no such module\nskipped: nothing\n0 passed, 0 failed, 0 skipped\n"; out.String() != want || !r.failed {
		t.Errorf("report = %q, failed %v, want %q, true", out.String(), r.failed, want)
	}
}
