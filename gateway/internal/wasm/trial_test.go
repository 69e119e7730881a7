package wasm

import (
	"context"
	"errors"
	"strings"
	"testing"
)

// try runs cases written as JSON.
func try(t testing.TB, wasm []byte, cases string) []Trial {
	t.Helper()
	list, err := ParseCases("cases.json", []byte(cases))
	if err != nil {
		t.Fatal(err)
	}
	trials, err := newTestHost(t).Try(context.Background(), Spec{Name: "tried", Wasm: wasm}, list)
	if err != nil {
		t.Fatal(err)
	}
	return trials
}

// failureText is a trial's error in one string, "" for none.
func failureText(tr Trial) string {
	if tr.Err == nil {
		return ""
	}
	return tr.Err.Error()
}

func TestTryHoldsResultsAgainstExpectations(t *testing.T) {
	const ranking = `{"ranking":[{"i":1,"score":2}],"reason":"r"}`
	const fleet = `"input":{"candidates":[{},{}]}`
	flat := answering(RouteFlat, cat(entry(1, 0, 2), entry(0, 1, 0))).bytes()
	for _, c := range []struct {
		wasm        []byte
		cases, want string
	}{
		{answering(Route, []byte(ranking)).bytes(), `{"hook":"route",` + fleet + `,"expect":{"ranking":[{"i":1}]},"max_fuel":100}`, ""},
		{answering(Route, []byte(ranking)).bytes(), `{"hook":"route",` + fleet + `,"expect":{"ranking":[{"i":0}]}}`, "ranking.0.i is 1, want 0"},
		{answering(Route, []byte(ranking)).bytes(), `{"hook":"route",` + fleet + `,"expect":{},"max_fuel":1}`, "want at most 1"},
		{answering(Route, []byte(ranking)).bytes(), `{"hook":"route",` + fleet + `,"expect_error":{"code":400}}`, "want a rejection with 400, got a result"},
		{answering(Route, []byte(ranking)).bytes(), `{"hook":"route","input":{"candidates":[{}]},"expect_error":{"fault":"bad_result","message":"candidate 1 of 1"}}`, ""},
		{answering(Route, []byte(ranking)).bytes(), `{"hook":"route_flat"}`, "does not export penstock_route_flat"},
		{flat, `{"hook":"route_flat",` + fleet + `,"expect":{"ranking":[{"i":1,"score":2}],"drop":[0]}}`, ""},
		{flat, `{"hook":"route_flat","input_base64":"AAAA","expect_base64":"AQAAAAAAAAAAAAAAAAAAQAAAAAABAAAAAAAAAAAAAAA="}`, ""},
		{flat, `{"hook":"route_flat","input_base64":"AAAA","expect_base64":"AQ=="}`, "want the bytes"},
		{flat, `{"hook":"route_flat","input":{"candidates":[{}]}}`, "candidates of 1"},
		{echo().bytes(), `{"hook":"route","input":"[ 1]","expect":"[ 1]"}`, ""},
		{echo().bytes(), `{"hook":"route","input_base64":"/w==","expect_base64":"/w=="}`, ""},
		{evil(op(0x00)).bytes(), `{"hook":"route","input":"!","expect_error":{"fault":"trap","message":"unreachable"}}`, ""},
		{evil(storm()).bytes(), `{"hook":"route","input":"!","expect_error":{"fault":"out_of_fuel"}}`, ""},
		{evil(storm()).bytes(), `{"hook":"route","input":"!","expect":null}`, "used up its fuel"},
		{echo().bytes(), `{"hook":"init"}`, ""},
		{echo().bytes(), `{"hook":"route","grants":["magic"]}`, `unknown grant "magic"`},
	} {
		got := failureText(try(t, c.wasm, c.cases)[0])
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.cases, got, c.want)
		}
	}
}

// counting is a router whose answer is how often it was called since it was made, in a
// global; init calls count too.
func counting() asm {
	a := guest(Route, globalGet(0), i32c(1), op(0x6a), globalSet(0),
		i32c(2048), i32c('0'), globalGet(0), op(0x6a), mem(0x3a, 0), result(2048, 1))
	a.globals = [][]byte{cat([]byte{0x7f, 1}, i32c(0), []byte{opEnd})}
	return a
}

func TestTryNoticesAModuleThatRemembers(t *testing.T) {
	got := failureText(try(t, counting().bytes(), `{"hook":"route"}`)[0])
	if !strings.Contains(got, `it answers differently when the same instance is called again: first "1", then "2"`) {
		t.Errorf("decision %q", got)
	}
}

func TestTryFreezesTheClockAndSeedsRandomness(t *testing.T) {
	a := importing([]asmImport{{"penstock", "now_ms", "", "I"}, {"penstock", "random_u64", "", "I"}},
		i32c(2048), call(0), mem(0x37, 0), i32c(2048), call(1), mem(0x37, 8), result(2048, 16))
	trials := try(t, a.bytes(), `[
		{"hook":"route","grants":["clock","random"],"now":1700000000123,"seed":1},{"hook":"route","grants":["clock","random"],"seed":1},
		{"hook":"route","grants":["clock","random"],"seed":2},{"hook":"route","grants":["random"]}]`)
	for i, tr := range trials[:3] {
		if tr.Err != nil || len(tr.Output) != 16 {
			t.Fatalf("%d: %q, %v", i, tr.Output, tr.Err)
		}
	}
	clock := func(i int) string { return string(trials[i].Output[:8]) }
	random := func(i int) string { return string(trials[i].Output[8:]) }
	if clock(0) != "\x7b\x68\xe5\xcf\x8b\x01\x00\x00" || clock(1) != "\xe8\x03\x00\x00\x00\x00\x00\x00" {
		t.Errorf("clocks %x and %x, want 1700000000123 and 1000", clock(0), clock(1))
	}
	if random(0) != random(1) || random(1) == random(2) {
		t.Errorf("seed 1 gave %x and %x, seed 2 %x", random(0), random(1), random(2))
	}
	if got := failureText(trials[3]); !strings.Contains(got, `needs the grant "clock"`) {
		t.Errorf("without the grant: %q", got)
	}
}

func TestTryShowsRejectionsAndTheSettings(t *testing.T) {
	// penstock_init refuses with its own input for a message.
	a := echo()
	a.imports = []asmImport{{"penstock", "error", "iii", ""}}
	a.funcs = append(a.funcs, asmFunc{export: exportInit, params: "ii", results: "I",
		code: cat(i32c(400), get(0), get(1), call(0), result(0, 0))})
	trials := try(t, a.bytes(), `[{"hook":"init","config":{"x":1},"expect_error":{"code":400,"message":"\"config\":{\"x\":1},\"seed\":\"0\""}},
		{"hook":"route","expect_error":{"code":400}},{"hook":"init","expect_error":{"code":401}},{"hook":"init"}]`)
	for i, want := range []string{"", "", `want a rejection with 401, got: module tried: penstock_init: rejected with 400: {"v":1,"plugin":"tried"`, "want no error, got"} {
		if got := failureText(trials[i]); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%d: %q, want %q", i, got, want)
		}
	}
	var r *Rejection
	if !errors.As(trials[3].Err, &r) || r.Code != 400 {
		t.Errorf("the rejection is not in the chain of %v", trials[3].Err)
	}
}

func TestTryPlaysEvents(t *testing.T) {
	// The state is the input's state, the payload the input's: name, line end, data.
	a := echo()
	a.funcs[2].export = RenderEvent.String()
	tr := try(t, a.bytes(), `{"hook":"render_event","events":[["chunk",{"a": 1}],["penstock.end",null]],"expect":[["chunk\n{\"a\":1}"],["penstock.end\n"]]}`)[0]
	if tr.Err != nil || string(tr.Output) != `[["chunk\n{\"a\":1}"],["penstock.end\n"]]` {
		t.Errorf("%s, %v", tr.Output, tr.Err)
	}
	a.funcs[2].export = NormaliseEvent.String()
	tr = try(t, a.bytes(), `{"hook":"normalise_event","events":[["{\"choices\":[],\"n\":1}","[DONE]"]],"expect":[[{"n":1.0},"[DONE]"]]}`)[0]
	if tr.Err != nil {
		t.Error(tr.Err)
	}
	tr = try(t, a.bytes(), `{"hook":"normalise_event","events":[["chunk",{}]],"expect_error":{"fault":"bad_result","message":"line 1"}}`)[0]
	if tr.Err != nil {
		t.Error(tr.Err)
	}
	silent := answering(NormaliseEvent, nil)
	tr = try(t, silent.bytes(), `{"hook":"normalise_event","events":[["penstock.start",{}],["chunk",{"a":1}],["penstock.end",null]],
		"expect":[[],[{"a":1}],null]}`)[0]
	if tr.Err != nil || string(tr.Output) != `[null,null,null]` {
		t.Errorf("no opinion: %s, %v", tr.Output, tr.Err)
	}
	tr = try(t, silent.bytes(), `{"hook":"normalise_event","events":[["chunk",{"a":1}]],"expect":[[{"a":2}]]}`)[0]
	if got := failureText(tr); !strings.Contains(got, "event 1 (chunk): line 1: a is 1, want 2") {
		t.Errorf("decision %q", got)
	}
}
