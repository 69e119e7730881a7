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
	r.end()
	want := "    b_test.go:7: wrong\nFAIL  x/b  1.2s\ngo: downloading something\nok    x/a  0.5s\n" +
		"skipped: 1 tests; a.TestOne: no recordings beside the repository\n"
	if out.String() != want {
		t.Errorf("report = %q\nwant     %q", out.String(), want)
	}
	if !r.failed || r.packages != 3 {
		t.Errorf("failed %v, %d packages", r.failed, r.packages)
	}
}
