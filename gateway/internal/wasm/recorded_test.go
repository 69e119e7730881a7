package wasm

import (
	"context"
	"testing"
)

func TestARecordedCallIsACaseThatPasses(t *testing.T) {
	a := importing([]asmImport{{"penstock", "kv_get", "iiii", "i"}, {"penstock", "kv_set", "iiiii", "i"}, {"penstock", "now_ms", "", "I"}, {"penstock", "random_u64", "", "I"}},
		i32c(2048), i32c(512), i32c(1), i32c(2052), i32c(16), call(0), mem(0x36, 0),
		i32c(512), i32c(1), get(0), get(1), i32c(5), call(1), op(0x1a),
		i32c(2048), call(2), mem(0x37, 24), i32c(2048), call(3), mem(0x37, 32), result(2048, 40))
	a.data = [][]byte{cat([]byte{0}, i32c(512), []byte{opEnd}, sized([]byte("k")))}
	a.funcs[2].export = RouteFlat.String()
	var records []Recorded
	s := Spec{Name: "kept", Wasm: a.bytes(), Grants: []string{GrantKV, GrantClock, GrantRandom}, Config: []byte(`{"a":1}`),
		Record: func(r Recorded) { records = append(records, r) }}
	h := newTestHost(t)
	m, err := h.Load(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	for i, in := range []string{"first", "\xffsecond", "third"} {
		if _, _, err := m.Call(context.Background(), RouteFlat, 1<<63+uint64(i), []byte(in), nil); err != nil {
			t.Fatal(err)
		}
	}
	var cases []Case
	for _, r := range records {
		cases = append(cases, r.Case())
	}
	if got := cases[2].KVBase64["k"]; string(got) != "\xffsecond" || cases[1].KV["k"] != "first" || cases[0].Now == 0 || cases[0].MaxFuel == 0 {
		t.Errorf("cases %+v", cases)
	}
	trials, err := h.Try(context.Background(), s, cases)
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
	var records []Recorded
	s := Spec{Name: "no", Wasm: evil(op(0x00)).bytes(), Record: func(r Recorded) { records = append(records, r) }}
	h := newTestHost(t)
	m, err := h.Load(context.Background(), s)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = ask(m, "!")
	_, _ = ask(m, "fine")
	_, _ = ask(m, "")
	var cases []Case
	for _, r := range records {
		cases = append(cases, r.Case())
	}
	trials, err := h.Try(context.Background(), s, cases)
	if err != nil || len(trials) != 3 {
		t.Fatal(trials, err)
	}
	for _, tr := range trials {
		if tr.Err != nil {
			t.Error(tr.Err)
		}
	}
	if cases[0].ExpectError == nil || cases[0].ExpectError.Fault != Trapped || string(cases[1].Expect) != `"fine"` {
		t.Errorf("cases %+v", cases)
	}
}
