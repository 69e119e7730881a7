package module
import ("testing";"os";"time";"context"
"github.com/penstock/penstock/gateway/internal/llm")
func BenchmarkZZ(b *testing.B) {
	c := fleet(8)
	req := &llm.Request{ID: "req-1", Facts: llm.Facts{Model: "m", EstInputTokens: 900}}
	in := appendEnvelope(nil, req, c, []byte(`,"with":{}`), false, time.Now())
	b.Log(len(in), string(in))
	for _, p := range []string{"/tmp/rt/c63.wasm","../../../sdk/rust/build/cheapest.wasm","../../../sdk/c/build/cheapest.wasm"} {
		wasm, err := os.ReadFile(p)
		if err != nil { continue }
		o, err := sketch(wasm)
		if err != nil { b.Fatal(err) }
		code, err := metered(o, false)
		if err != nil { b.Fatal(err) }
		b.Run(p+"/fuel", func(b *testing.B) { benchmarkGuest(b, o, code, Route, in) })
		b.Run(p+"/bare", func(b *testing.B) { benchmarkGuest(b, o, unmetered(o), Route, in) })
		m := load(b, wasm)
		_, f, err := m.Call(context.Background(), Route, 1, in, nil)
		b.Log(p, f, err)
	}
}
