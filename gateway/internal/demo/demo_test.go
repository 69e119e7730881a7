package demo_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/demo"
	"github.com/penstock/penstock/gateway/internal/llm"
)

const hi = `"messages":[{"role":"system","content":"be kind"},{"role":"user","content":[{"type":"text","text":"Say “hi” to <gateways> & me"}]}]`

func TestPlainAndStreamedSayTheSame(t *testing.T) {
	s, c := start(t, demo.Options{})
	for _, model := range []string{"demo", "demo-fast", "demo-smart", "demo-slow"} {
		plain := ask(t, s, c, `{"model":"`+model+`",`+hi+`}`)
		first := plain.Choices[0]
		if *first.Finish != "stop" || first.Message.Role != "assistant" || plain.Model != model {
			t.Errorf("%s: completion = %+v", model, plain)
		}
		if text := *first.Message.Content; !strings.Contains(text, "Penstock") || !strings.Contains(text, "Say “hi” to <gateways> & me") {
			t.Errorf("%s says %q, want Penstock and the prompt in it", model, text)
		}
		u := plain.Usage
		if u.Prompt <= 0 || u.Completion != (int64(len(*first.Message.Content))+3)/4 || u.Total != u.Prompt+u.Completion {
			t.Errorf("%s: usage = %+v", model, u)
		}
		got := readStream(t, post(t, s, c, `{"model":"`+model+`","stream":true,"stream_options":{"include_usage":true},`+hi+`}`))
		if !got.done || got.err != nil || got.text != *first.Message.Content || got.finish != "stop" || got.chunks < 10 {
			t.Errorf("%s: stream = %+v", model, got)
		}
		if diff := cmp.Diff(u, got.usage); diff != "" || got.usages != got.chunks {
			t.Errorf("%s: %d of %d chunks with usage, -plain +streamed:\n%s", model, got.usages, got.chunks, diff)
		}
		if got := readStream(t, post(t, s, c, `{"model":"`+model+`","stream":true,`+hi+`}`)); got.usages != 0 || !got.done {
			t.Errorf("%s: usage in %d chunks though nobody asked", model, got.usages)
		}
	}
}

func TestAnswersAreDeterministic(t *testing.T) {
	s, c := start(t, demo.Options{})
	a, b := ask(t, s, c, `{"model":"demo",`+hi+`}`), ask(t, s, c, `{"model":"demo",`+hi+`}`)
	if diff := cmp.Diff(a.Choices, b.Choices); diff != "" || a.ID == b.ID {
		t.Errorf("ids %s and %s, answers differ:\n%s", a.ID, b.ID, diff)
	}
}

func TestTools(t *testing.T) {
	s, c := start(t, demo.Options{})
	body := `{"model":"demo",` + weather + `,"tool_choice":{"type":"function","function":{"name":"get_weather"}},` + hi
	got := ask(t, s, c, body+`}`).Choices[0]
	if len(got.Message.Calls) != 1 || *got.Finish != "tool_calls" || got.Message.Content != nil {
		t.Fatalf("choice = %+v, want one call", got)
	}
	call := got.Message.Calls[0]
	const want = `{"city":"demo","days":3,"unit":"C"}`
	if call.Function.Name != "get_weather" || call.Function.Arguments != want || call.Type != "function" || call.ID == "" {
		t.Errorf("call = %+v, want get_weather%s", call, want)
	}
	if st := readStream(t, post(t, s, c, body+`,"stream":true}`)); st.tool != "get_weather" || st.args != want || st.finish != "tool_calls" || !st.done {
		t.Errorf("streamed call = %+v", st)
	}
	if got := ask(t, s, c, `{"model":"demo",`+weather+`,"tool_choice":"required",`+hi+`}`).Choices[0]; got.Message.Calls[0].Function.Name != "other" ||
		got.Message.Calls[0].Function.Arguments != "{}" {
		t.Errorf("required call = %+v, want the first tool", got.Message.Calls)
	}
	for _, body := range []string{
		`"tool_choice":"auto",` + hi,
		`"tool_choice":"none",` + hi,
		`"tool_choice":{"function":{"name":"missing"}},` + hi,
		`"tool_choice":"required","messages":[{"role":"user","content":"x"},{"role":"tool","tool_call_id":"c","content":"21 degrees"}]`,
	} {
		got := ask(t, s, c, `{"model":"demo",`+weather+`,`+body+`}`).Choices[0]
		if len(got.Message.Calls) > 0 || *got.Finish != "stop" || *got.Message.Content == "" {
			t.Errorf("with %s: %+v, want text", body, got)
		}
	}
}

func TestLimits(t *testing.T) {
	s, c := start(t, demo.Options{MaxBody: 1000})
	for _, name := range []string{"max_tokens", "max_completion_tokens"} {
		got := ask(t, s, c, `{"model":"demo","`+name+`":5,`+hi+`}`)
		if *got.Choices[0].Finish != "length" || got.Usage.Completion > 5 || len(*got.Choices[0].Message.Content) > 20 {
			t.Errorf("with %s: %+v", name, got)
		}
	}
	got := ask(t, s, c, `{"model":"demo-fast","n":3,`+hi+`}`)
	if len(got.Choices) != 3 || got.Choices[2].Index != 2 || got.Usage.Completion%3 != 0 {
		t.Errorf("three choices = %+v", got)
	}
	if resp := post(t, s, c, `{"model":"`+strings.Repeat("x", 1000)+`"}`); resp.StatusCode != 413 {
		t.Errorf("status of a large body = %d, want 413", resp.StatusCode)
	}
}

func TestBusy(t *testing.T) {
	s, c := start(t, demo.Options{MaxRequests: 1})
	post(t, s, c, `{"model":"demo-stall","stream":true,`+hi+`}`) // answered, and still going on
	if resp := post(t, s, c, `{"model":"demo",`+hi+`}`); resp.StatusCode != 503 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("status of one too many = %d, want 503 with Retry-After", resp.StatusCode)
	}
}

func TestModels(t *testing.T) {
	s, c := start(t, demo.Options{})
	get := func(path string, v any) int {
		t.Helper()
		resp, err := c.Get(s.URL() + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(v); err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode
	}
	var list struct {
		Object string
		Data   []struct{ ID, Object, Owned_By string }
	}
	if status := get("/models", &list); status != 200 || list.Object != "list" || len(list.Data) != len(demo.Targets()) || list.Data[0].ID != "demo" {
		t.Errorf("models = %d %+v", status, list)
	}
	var one struct{ ID, Object string }
	if status := get("/models/demo-fail-418", &one); status != 200 || one.ID != "demo-fail-418" || one.Object != "model" {
		t.Errorf("model = %d %+v", status, one)
	}
	if status := get("/models/nobody", &one); status != 404 {
		t.Errorf("status of an unknown model = %d", status)
	}
	if status := get("/embeddings", &one); status != 404 {
		t.Errorf("status of an unknown path = %d", status)
	}
}

func TestTargets(t *testing.T) {
	for _, target := range demo.Targets() {
		if target.ID != "demo/"+target.Model || target.Provider != "demo" || target.Dialect != llm.OpenAI || !target.Price.Known ||
			target.Price.Input <= 0 || target.Price.Row != target.ID+"@built-in" || target.Context <= 0 || !target.FeaturesKnown {
			t.Errorf("target = %+v", target)
		}
		if again, ok := demo.Target(target.Model); !ok || !cmp.Equal(again, target) {
			t.Errorf("Target(%q) = %+v, %v", target.Model, again, ok)
		}
	}
	if _, ok := demo.Target("demo-fail-418"); !ok {
		t.Error("demo-fail-418 is no target")
	}
	for _, name := range []string{"", "demo-", "demo-fail-", "demo-fail-99", "demo-fail-0503", "demo-fail-+50", "gpt-5"} {
		if _, ok := demo.Target(name); ok {
			t.Errorf("Target(%q) exists", name)
		}
	}
}

func TestPace(t *testing.T) {
	var mu sync.Mutex
	var waits []time.Duration
	s, c := start(t, demo.Options{Pause: func(ctx context.Context, d time.Duration) error {
		mu.Lock()
		defer mu.Unlock()
		waits = append(waits, d)
		return ctx.Err()
	}})
	st := readStream(t, post(t, s, c, `{"model":"demo-slow","stream":true,`+hi+`}`))
	mu.Lock()
	defer mu.Unlock()
	if len(waits) != st.chunks-2 || waits[0] != 2*time.Second || slices.Max(waits[1:]) != 150*time.Millisecond {
		t.Errorf("%d chunks, waits %v, want one before each word, the first longer", st.chunks, waits)
	}
}

func TestManyAtOnce(t *testing.T) {
	s, c := start(t, demo.Options{})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			body := fmt.Sprintf(`{"model":"demo-fast","stream":%v,"messages":[{"role":"user","content":"number %d"}]}`, i%2 == 0, i)
			for range 10 {
				resp, err := c.Post(s.URL()+"/chat/completions", "application/json", strings.NewReader(body))
				if err != nil {
					t.Error(err)
					return
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || !bytes.Contains(b, fmt.Appendf(nil, "%d", i)) {
					t.Errorf("request %d: %q, %v", i, b, err)
				}
			}
		})
	}
	wg.Wait()
}

func BenchmarkPlain(b *testing.B) {
	s, c := start(b, demo.Options{})
	b.ReportAllocs()
	for b.Loop() {
		resp, err := c.Post(s.URL()+"/chat/completions", "application/json", strings.NewReader(`{"model":"demo-fast",`+hi+`}`))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, resp.Body); err != nil {
			b.Fatal(err)
		}
		resp.Body.Close()
	}
}
