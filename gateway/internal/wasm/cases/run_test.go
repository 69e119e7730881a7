package cases

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

// try runs cases written as JSON.
func try(t testing.TB, code []byte, cases string) []Result {
	t.Helper()
	list, err := Parse("cases.json", []byte(cases))
	if err != nil {
		t.Fatal(err)
	}
	trials, err := Run(context.Background(), newTestHost(t), wasm.Spec{Name: "tried", Wasm: code}, list)
	if err != nil {
		t.Fatal(err)
	}
	return trials
}

// failureText returns a result's error as a string, "" for none.
func failureText(tr Result) string {
	if tr.Err == nil {
		return ""
	}
	return tr.Err.Error()
}

func TestRunHoldsResultsAgainstExpectations(t *testing.T) {
	const ranking = `{"ranking":[{"i":1,"score":2}],"reason":"r"}`
	const fleet = `"input":{"candidates":[{},{}]}`
	flat := asm.Answering(hook.RouteFlat, asm.Cat(asm.Entry(1, 0, 2), asm.Entry(0, 1, 0))).Bytes()
	for _, c := range []struct {
		code        []byte
		cases, want string
	}{
		{asm.Answering(hook.Route, []byte(ranking)).Bytes(), `{"hook":"route",` + fleet + `,"expect":{"ranking":[{"i":1}]},"max_fuel":100}`, ""},
		{asm.Answering(hook.Route, []byte(ranking)).Bytes(), `{"hook":"route",` + fleet + `,"expect":{"ranking":[{"i":0}]}}`, "ranking.0.i is 1, want 0"},
		{asm.Answering(hook.Route, []byte(ranking)).Bytes(), `{"hook":"route",` + fleet + `,"expect":{},"max_fuel":1}`, "want at most 1"},
		{asm.Answering(hook.Route, []byte(ranking)).Bytes(), `{"hook":"route",` + fleet + `,"expect_error":{"code":400}}`, "want a rejection with 400, got a result"},
		{asm.Answering(hook.Route, []byte(ranking)).Bytes(), `{"hook":"route","input":{"candidates":[{}]},"expect_error":{"fault":"bad_result","message":"candidate 1 of 1"}}`, ""},
		{asm.Answering(hook.Route, []byte(ranking)).Bytes(), `{"hook":"route_flat"}`, "does not export penstock_route_flat"},
		{flat, `{"hook":"route_flat",` + fleet + `,"expect":{"ranking":[{"i":1,"score":2}],"drop":[0]}}`, ""},
		{flat, `{"hook":"route_flat","input_base64":"AAAA","expect_base64":"AQAAAAAAAAAAAAAAAAAAQAAAAAABAAAAAAAAAAAAAAA="}`, ""},
		{flat, `{"hook":"route_flat","input_base64":"AAAA","expect_base64":"AQ=="}`, "want the bytes"},
		{flat, `{"hook":"route_flat","input":{"candidates":[{}]}}`, "candidates of 1"},
		{asm.Echo().Bytes(), `{"hook":"route","input":"[ 1]","expect":"[ 1]"}`, ""},
		{asm.Echo().Bytes(), `{"hook":"route","input_base64":"/w==","expect_base64":"/w=="}`, ""},
		{asm.Misbehaving(asm.Op(0x00)).Bytes(), `{"hook":"route","input":"!","expect_error":{"fault":"trap","message":"unreachable"}}`, ""},
		{asm.Misbehaving(asm.Endless()).Bytes(), `{"hook":"route","input":"!","expect_error":{"fault":"out_of_fuel"}}`, ""},
		{asm.Misbehaving(asm.Endless()).Bytes(), `{"hook":"route","input":"!","expect":null}`, "used up its fuel"},
		{asm.Echo().Bytes(), `{"hook":"init"}`, ""},
		{asm.Echo().Bytes(), `{"hook":"route","grants":["magic"]}`, `unknown grant "magic"`},
	} {
		got := failureText(try(t, c.code, c.cases)[0])
		if (got == "") != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.cases, got, c.want)
		}
	}
}

// counting is a router that returns how often its instance was called, from a global.
func counting() asm.Module {
	a := asm.Guest(hook.Route, asm.GlobalGet(0), asm.I32(1), asm.Op(0x6a), asm.GlobalSet(0),
		asm.I32(2048), asm.I32('0'), asm.GlobalGet(0), asm.Op(0x6a), asm.Mem(0x3a, 0), asm.Result(2048, 1))
	a.Globals = [][]byte{asm.Cat([]byte{0x7f, 1}, asm.I32(0), []byte{asm.End})}
	return a
}

func TestRunNoticesAModuleThatRemembers(t *testing.T) {
	got := failureText(try(t, counting().Bytes(), `{"hook":"route"}`)[0])
	if !strings.Contains(got, `it answers differently when the same instance is called again: first "1", then "2"`) {
		t.Errorf("Err = %q", got)
	}
}

func TestRunFreezesTheClockAndSeedsRandomness(t *testing.T) {
	a := asm.Importing([]asm.Import{{Module: "penstock", Name: "now_ms", Params: "", Results: "I"}, {Module: "penstock", Name: "random_u64", Params: "", Results: "I"}},
		asm.I32(2048), asm.Call(0), asm.Mem(0x37, 0), asm.I32(2048), asm.Call(1), asm.Mem(0x37, 8), asm.Result(2048, 16))
	trials := try(t, a.Bytes(), `[
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

func TestRunShowsRejectionsAndTheSettings(t *testing.T) {
	// penstock_init rejects with its input as the message.
	a := asm.Echo()
	a.Imports = []asm.Import{{Module: "penstock", Name: "error", Params: "iii", Results: ""}}
	a.Funcs = append(a.Funcs, asm.Func{Export: hook.ExportInit, Params: "ii", Results: "I",
		Code: asm.Cat(asm.I32(400), asm.Get(0), asm.Get(1), asm.Call(0), asm.Result(0, 0))})
	trials := try(t, a.Bytes(), `[{"hook":"init","config":{"x":1},"expect_error":{"code":400,"message":"\"config\":{\"x\":1},\"seed\":\"0\""}},
		{"hook":"route","expect_error":{"code":400}},{"hook":"init","expect_error":{"code":401}},{"hook":"init"}]`)
	for i, want := range []string{"", "", `want a rejection with 401, got: module tried: penstock_init: rejected with 400: {"v":1,"plugin":"tried"`, "want no error, got"} {
		if got := failureText(trials[i]); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%d: %q, want %q", i, got, want)
		}
	}
	var r *hook.Rejection
	if !errors.As(trials[3].Err, &r) || r.Code != 400 {
		t.Errorf("the rejection is not in the chain of %v", trials[3].Err)
	}
}

func TestRunPlaysEvents(t *testing.T) {
	// The state is the input's state, the payload the input's: name, line end, data.
	a := asm.Echo()
	a.Funcs[2].Export = hook.RenderEvent.String()
	tr := try(t, a.Bytes(), `{"hook":"render_event","events":[["chunk",{"a": 1}],["penstock.end",null]],"expect":[["chunk\n{\"a\":1}"],["penstock.end\n"]]}`)[0]
	if tr.Err != nil || string(tr.Output) != `[["chunk\n{\"a\":1}"],["penstock.end\n"]]` {
		t.Errorf("%s, %v", tr.Output, tr.Err)
	}
	a.Funcs[2].Export = hook.NormalizeEvent.String()
	tr = try(t, a.Bytes(), `{"hook":"normalise_event","events":[["{\"choices\":[],\"n\":1}","[DONE]"]],"expect":[[{"n":1.0},"[DONE]"]]}`)[0]
	if tr.Err != nil {
		t.Error(tr.Err)
	}
	tr = try(t, a.Bytes(), `{"hook":"normalise_event","events":[["chunk",{}]],"expect_error":{"fault":"bad_result","message":"line 1"}}`)[0]
	if tr.Err != nil {
		t.Error(tr.Err)
	}
	silent := asm.Answering(hook.NormalizeEvent, nil)
	tr = try(t, silent.Bytes(), `{"hook":"normalise_event","events":[["penstock.start",{}],["chunk",{"a":1}],["penstock.end",null]],
		"expect":[[],[{"a":1}],null]}`)[0]
	if tr.Err != nil || string(tr.Output) != `[null,null,null]` {
		t.Errorf("no opinion: %s, %v", tr.Output, tr.Err)
	}
	tr = try(t, silent.Bytes(), `{"hook":"normalise_event","events":[["chunk",{"a":1}]],"expect":[[{"a":2}]]}`)[0]
	if got := failureText(tr); !strings.Contains(got, "event 1 (chunk): line 1: a is 1, want 2") {
		t.Errorf("Err = %q", got)
	}
}

func TestRunShowsAndChecksTheStore(t *testing.T) {
	trials := try(t, asm.Keeping(5).Bytes(), `[
		{"hook":"route","grants":["kv"],"kv":{"k":"old","l":"x"},"input":"new","expect_kv":{"k":"new","l":"x","m":null}},
		{"hook":"route","grants":["kv"],"kv_base64":{"k":"/w=="},"input":"new","expect_base64":"AQAAAP8AAAAAAAAAAAAAAAAAAAA="},
		{"hook":"route","grants":["kv"],"input":"new","expect_kv":{"k":"old"}},
		{"hook":"route","grants":["kv"],"input":"new","expect_kv":{"k":null,"q":"x"}}]`)
	for i, want := range []string{"", "", `holds "k" = "new", want "old"`, `the store lacks "q"`} {
		if got := failureText(trials[i]); (got == "") != (want == "") || !strings.Contains(got, want) {
			t.Errorf("%d: %q, want %q", i, got, want)
		}
	}
}

func TestRunGivesACaseTheManifestsGrants(t *testing.T) {
	const manifest = `{"grants":["kv"]}`
	told := asm.Keeping(5)
	told.Memories = [][]byte{{0, 1}}
	told.Funcs = append(told.Funcs, asm.Func{Export: hook.ExportDescribe, Results: "I", Code: asm.Result(4096, int64(len(manifest)))})
	told.Data = append(told.Data, asm.Data(4096, []byte(manifest)))
	section, err := wasm.WithManifest(asm.Keeping(5).Bytes(), []byte(manifest), CheckTests)
	if err != nil {
		t.Fatal(err)
	}
	for how, code := range map[string][]byte{"section": section, "describe": told.Bytes()} {
		trials := try(t, code, `[{"hook":"route","input":"x","expect_kv":{"k":"x"}},{"hook":"route","grants":[]}]`)
		if trials[0].Err != nil || !strings.Contains(failureText(trials[1]), `needs the grant "kv"`) {
			t.Errorf("%s: %v, then %v", how, trials[0].Err, trials[1].Err)
		}
	}
	if got := failureText(try(t, asm.Keeping(5).Bytes(), `{"hook":"route"}`)[0]); !strings.Contains(got, `needs the grant "kv"`) {
		t.Errorf("without a manifest: %q", got)
	}
}
