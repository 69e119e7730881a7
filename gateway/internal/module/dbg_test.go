package module
import ("testing";"context";"time";"github.com/penstock/penstock/gateway/internal/llm")
func BenchmarkDbg(b *testing.B){
	k := rustRanker(b, `{"output_tokens":300}`)
	req, c := &llm.Request{ID: "req-1", Facts: llm.Facts{Model: "m", EstInputTokens: 900}}, fleet(8)
	in := appendEnvelope(nil, req, c, k.part, false, time.Now())
	b.Run("env", func(b *testing.B){ for b.Loop(){ in = appendEnvelope(in[:0], req, c, k.part, false, time.Now())}})
	b.Run("guest", func(b *testing.B){ var fuel int64; var out []byte; for b.Loop(){ out, fuel, _ = k.router.module.Call(context.Background(), Route, 1, in, out[:0])}; b.ReportMetric(float64(fuel),"fuel"); b.ReportMetric(float64(len(in)),"bytes"); b.Log(string(out))})
	var bal ballot
	out := []byte(`{"ranking":[{"i":7,"score":-7676},{"i":6,"score":-7676},{"i":5,"score":-7676},{"i":4,"score":-7676},{"i":3,"score":-7676},{"i":2,"score":-7676},{"i":1,"score":-7676},{"i":0,"score":-7676}],"reason":"cheapest"}`)
	b.Run("read", func(b *testing.B){ for b.Loop(){ bal.reset(8); if err := readRanking(&bal, out); err != nil {b.Fatal(err)}}})
}
