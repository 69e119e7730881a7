package module
import ("testing";"context";"time";"github.com/penstock/penstock/gateway/internal/llm")
func TestDbg2(t *testing.T){
	k := rustRanker(t, `{"output_tokens":300}`)
	for n := range 5 {
	in := appendEnvelope(nil, &llm.Request{}, fleet(n), k.part, false, time.Now())
	_, fuel, _ := k.router.module.Call(context.Background(), Route, 1, in, nil)
	t.Log(n, len(in), fuel)
	}
	_, fuel, _ := k.router.module.Call(context.Background(), Route, 1, []byte(`{"x":"`+string(make([]byte,1))+`abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz"}`), nil)
	t.Log(fuel)
	_, fuel, _ = k.router.module.Call(context.Background(), Route, 1, []byte(`{"x":""}`), nil)
	t.Log(fuel)
}
