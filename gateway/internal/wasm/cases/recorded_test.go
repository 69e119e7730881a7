package cases

import (
	"context"
	"testing"

	"github.com/penstock/penstock/gateway/internal/wasm"
	"github.com/penstock/penstock/gateway/internal/wasm/asm"
	"github.com/penstock/penstock/gateway/internal/wasm/hook"
)

func TestARecordedCallIsACaseThatPasses(t *testing.T) {
	a := asm.Importing([]asm.Import{{Module: "penstock", Name: "kv_get", Params: "iiii", Results: "i"}, {Module: "penstock", Name: "kv_set", Params: "iiiii", Results: "i"}, {Module: "penstock", Name: "now_ms", Params: "", Results: "I"}, {Module: "penstock", Name: "random_u64", Params: "", Results: "I"}},
		asm.I32(2048), asm.I32(512), asm.I32(1), asm.I32(2052), asm.I32(16), asm.Call(0), asm.Mem(0x36, 0),
		asm.I32(512), asm.I32(1), asm.Get(0), asm.Get(1), asm.I32(5), asm.Call(1), asm.Op(0x1a),
		asm.I32(2048), asm.Call(2), asm.Mem(0x37, 24), asm.I32(2048), asm.Call(3), asm.Mem(0x37, 32), asm.Result(2048, 40))
	a.Data = [][]byte{asm.Data(512, []byte("k"))}
	a.Funcs[2].Export = hook.RouteFlat.String()
	var records []wasm.Recorded
	s := wasm.Spec{Name: "kept", Wasm: a.Bytes(), Grants: []string{hook.GrantKV, hook.GrantClock, hook.GrantRandom}, Config: []byte(`{"a":1}`),
		Record: func(r wasm.Recorded) { records = append(records, r) }}
	h := newTestHost(t)
	m, err := h.Load(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	for i, in := range []string{"first", "\xffsecond", "third"} {
		if _, _, err := m.Call(context.Background(), hook.RouteFlat, 1<<63+uint64(i), []byte(in), nil); err != nil {
			t.Fatal(err)
		}
	}
	var cases []Case
	for _, r := range records {
		cases = append(cases, FromRecorded(r))
	}
	if got := cases[2].KVBase64["k"]; string(got) != "\xffsecond" || cases[1].KV["k"] != "first" || cases[0].Now == 0 || cases[0].MaxFuel == 0 {
		t.Errorf("cases %+v", cases)
	}
	trials, err := Run(context.Background(), h, s, cases)
	if err != nil {
		t.Fatal(err)
	}
	for i, tr := range trials {
		if tr.Err != nil || tr.Fuel != records[i].Fuel {
			t.Errorf("%d: %v, fuel %d, recorded %d", i, tr.Err, tr.Fuel, records[i].Fuel)
		}
	}
	if len(records) != 3 {
		t.Errorf("%d records, want none of the trials", len(records))
	}
}

func TestRecordedRefusalsAreExpectedAgain(t *testing.T) {
	var records []wasm.Recorded
	s := wasm.Spec{Name: "no", Wasm: asm.Misbehaving(asm.Op(0x00)).Bytes(), Record: func(r wasm.Recorded) { records = append(records, r) }}
	h := newTestHost(t)
	m, err := h.Load(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range []string{"!", "fine", ""} {
		_, _, _ = m.Call(t.Context(), hook.Route, 7, []byte(in), nil)
	}
	var cases []Case
	for _, r := range records {
		cases = append(cases, FromRecorded(r))
	}
	trials, err := Run(context.Background(), h, s, cases)
	if err != nil || len(trials) != 3 {
		t.Fatal(trials, err)
	}
	for _, tr := range trials {
		if tr.Err != nil {
			t.Error(tr.Err)
		}
	}
	if cases[0].ExpectError == nil || cases[0].ExpectError.Fault != hook.Trapped || string(cases[1].Expect) != `"fine"` {
		t.Errorf("cases %+v", cases)
	}
}
