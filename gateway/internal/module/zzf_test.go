package module
import ("testing";"os";"time";"context";"strings"
"github.com/penstock/penstock/gateway/internal/llm")
func TestZZFuel(t *testing.T) {
	c := fleet(8)
	req := &llm.Request{ID: "req-1", Facts: llm.Facts{Model: "m", EstInputTokens: 900}}
	in := appendEnvelope(nil, req, c, []byte(`,"with":{}`), false, time.Now())
	for _, p := range strings.Fields(os.Getenv("ZZ")) {
		wasm, err := os.ReadFile(p)
		if err != nil { continue }
		m := load(t, wasm)
		m.Call(context.Background(), Route, 1, in, nil)
		_, f, err := m.Call(context.Background(), Route, 1, in, nil)
		best := time.Hour
		for range 3000 { n := time.Now(); m.Call(context.Background(), Route, 1, in, nil); best = min(best, time.Since(n)) }
		t.Log(p, len(wasm), f, best, err)
	}
}
