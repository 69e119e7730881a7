package wire

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// plugin is a transform made of functions; nil ones leave everything alone.
type plugin struct {
	request, response func([]byte) ([]byte, error)
	// event gets what is held back and a chunk's text, and gives what to send and what
	// to hold back now; end is what to send at the end.
	event func(held, text string) (send []string, hold string)
	fail  error
}

func (p plugin) Request(_ context.Context, _ *llm.Exchange, body []byte) ([]byte, error) {
	if p.request == nil {
		return nil, p.fail
	}
	return p.request(body)
}

func (p plugin) Response(_ context.Context, _ *llm.Exchange, _ int, body []byte) ([]byte, error) {
	if p.response == nil {
		return nil, p.fail
	}
	return p.response(body)
}

func (p plugin) Events(context.Context, *llm.Exchange) (Filter, error) {
	if p.event == nil {
		return nil, p.fail
	}
	return &filter{plugin: p}, nil
}

type filter struct {
	plugin
	held   string
	closed int
	line   []byte // reused, as a module's buffer is
}

func (f *filter) Next(_ context.Context, chunk []byte) ([][]byte, bool, error) {
	text, ok := textOf(chunk)
	if !ok || f.fail != nil {
		return nil, false, f.fail
	}
	send, hold := f.event(f.held, text)
	if len(send) == 1 && send[0] == text && hold == "" && f.held == "" {
		return nil, false, nil
	}
	f.held, f.line = hold, f.line[:0]
	var lines [][]byte
	for _, s := range send {
		from := len(f.line)
		f.line = append(f.line, saying(s)...)
		lines = append(lines, f.line[from:])
	}
	return lines, true, nil
}

func (f *filter) End(context.Context) ([][]byte, error) {
	if f.held == "" {
		return nil, nil
	}
	return [][]byte{[]byte(saying(f.held))}, nil
}

func (f *filter) Close() { f.closed++ }

func saying(text string) string {
	return fmt.Sprintf(`{"choices":[{"index":0,"delta":{"content":%q}}]}`, text)
}

// textOf is the content of a chunk that saying has made, with or without white space.
func textOf(chunk []byte) (string, bool) {
	_, rest, ok := bytes.Cut(chunk, []byte(`"content":"`))
	text, _, _ := bytes.Cut(rest, []byte(`"`))
	return string(text), ok
}

// onRoute is a request that was sent to OpenAI over a route.
func onRoute(route *llm.Route, req *llm.Request) *llm.Exchange {
	x := exchange(req)
	x.Route = route
	return x
}

// with are dialects whose routes pass through the plugins, named a, b, c, in that order.
func with(plugins ...plugin) (*Dialects, *llm.Route) {
	d, route := dialects(), &llm.Route{}
	d.Transforms = map[string]Transform{}
	for i, p := range plugins {
		name := string(rune('a' + i))
		d.Transforms[name], route.Transforms = p, append(route.Transforms, name)
	}
	return d, route
}

func replace(from, to string) func([]byte) ([]byte, error) {
	return func(body []byte) ([]byte, error) { return bytes.ReplaceAll(body, []byte(from), []byte(to)), nil }
}

func TestRequestsPassThroughTransforms(t *testing.T) {
	const in = `{"model":"m","messages":[{"role":"user","content":"one"}],"max_tokens":50}`
	for _, tt := range []struct {
		name      string
		plugins   []plugin
		body      string
		maxOutput int64
		want      string
	}{
		{name: "none of them says anything", plugins: []plugin{{}, {}}, body: in,
			want: `{"model":"gpt","messages":[{"role":"user","content":"one"}],"max_tokens":50}`},
		{name: "in order", plugins: []plugin{{request: replace("one", "two")}, {request: replace("two", "three")}}, body: in,
			want: `{"model":"gpt","messages":[{"role":"user","content":"three"}],"max_tokens":50}`},
		{name: "the model is the host's", plugins: []plugin{{request: replace(`"m"`, `"other"`)}}, body: in,
			want: `{"model":"gpt","messages":[{"role":"user","content":"one"}],"max_tokens":50}`},
		{name: "a bound may be lowered", plugins: []plugin{{request: replace("50", "20")}}, body: in,
			want: `{"model":"gpt","messages":[{"role":"user","content":"one"}],"max_tokens":20}`},
		{name: "but not raised", plugins: []plugin{{request: replace("50", "5000")}}, body: in,
			want: `{"model":"gpt","messages":[{"role":"user","content":"one"}],"max_tokens":50}`},
		{name: "nor taken out", plugins: []plugin{{request: replace(`,"max_tokens":50`, "")}}, body: in,
			want: `{"model":"gpt","messages":[{"role":"user","content":"one"}],"max_completion_tokens":50}`},
		{name: "the policy's bound counts", plugins: []plugin{{request: replace("one", "two")}}, body: in, maxOutput: 30,
			want: `{"model":"gpt","messages":[{"role":"user","content":"two"}],"max_tokens":30}`},
		{name: "a stream can't be begun", plugins: []plugin{{request: replace(`,"max_tokens":50`, `,"stream":true`)}}, body: in,
			want: `{"model":"gpt","messages":[{"role":"user","content":"one"}],"stream":false,"max_completion_tokens":50}`},
		{name: "nor ended", plugins: []plugin{{request: replace(`,"stream":true`, "")}},
			body: `{"model":"m","messages":[{"role":"user","content":"one"}],"stream":true}`,
			want: `{"model":"gpt","messages":[{"role":"user","content":"one"}],"stream":true,"stream_options":{"include_usage":true}}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, route := with(tt.plugins...)
			x := &llm.Exchange{Request: scanned(t, tt.body), Route: route, Target: &llm.Target{Provider: "openai", Model: "gpt", Dialect: llm.OpenAI, OutputNames: llm.BothNames}, MaxOutput: tt.maxOutput}
			if err := d.Prepare(t.Context(), x); err != nil {
				t.Fatal(err)
			}
			call, err := d.Call(t.Context(), x)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tt.want, string(call.Body)); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			if string(x.Request.Body) != tt.body {
				t.Errorf("the caller's own request has become %s", x.Request.Body)
			}
		})
	}
}

func TestATransformThatMakesNonsenseFails(t *testing.T) {
	for _, made := range []string{`{"model":`, `{"model":"a","Model":"b","messages":[]}`, `[]`, `{"messages":[]}`} {
		d, route := with(plugin{request: func([]byte) ([]byte, error) { return []byte(made), nil }})
		err := d.Prepare(t.Context(), &llm.Exchange{Request: scanned(t, `{"model":"m","messages":[{"role":"user","content":"one"}]}`), Route: route, Target: openAI})
		if e := llm.AsError(err); err == nil || e.Fault != llm.FaultTransform || e.Status != 502 {
			t.Errorf("%s: %v, want a fault of the plugin's", made, err)
		}
	}
	d, route := with(plugin{response: func([]byte) ([]byte, error) { return []byte(`{"a":1}`), nil }})
	_, err := d.Read(t.Context(), onRoute(route, &llm.Request{}), answer(200, "application/json", `{"choices":[{"message":{"content":"one"},"finish_reason":"stop"}]}`))
	if e := llm.AsError(err); err == nil || e.Fault != llm.FaultTransform {
		t.Errorf("a reply that is none: %v, want a fault of the plugin's", err)
	}
}

func TestRepliesPassThroughTransformsBackwards(t *testing.T) {
	d, route := with(plugin{response: replace("two", "three")}, plugin{response: replace("one", "two")}, plugin{})
	s, err := d.Read(t.Context(), onRoute(route, &llm.Request{}),
		answer(200, "application/json", `{"model":"served","choices":[{"message":{"content":"one"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":4}}`))
	if err != nil {
		t.Fatal(err)
	}
	ev, err := s.Next()
	if text, _ := textOf(ev.Data); err != nil || text != "three" || !ev.Final {
		t.Errorf("Next() = %s, %v", ev.Data, err)
	}
	if info := s.Info(); info.Model != "served" || info.Usage == nil || info.Usage.Output != 4 || info.Finish != "stop" {
		t.Errorf("info = %+v, want the provider's", info)
	}
}

// upper sends what it gets in capitals; last holds one letter back; twice says
// everything in two chunks.
func upper(_, text string) ([]string, string) { return []string{strings.ToUpper(text)}, "" }
func twice(_, text string) ([]string, string) { return []string{text, text}, "" }
func last(held, text string) ([]string, string) {
	text = held + text
	if len(text) < 2 {
		return nil, text
	}
	return []string{text[:len(text)-1]}, text[len(text)-1:]
}

func TestStreamsPassThroughTransforms(t *testing.T) {
	const (
		ab    = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"ab\"}}]}\n\n"
		c     = "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"c\"}}]}\n\n"
		end   = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"
		usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n"
		done  = "data: [DONE]\n\n"
	)
	for _, tt := range []struct {
		name    string
		plugins []plugin
		in      string
		want    []string // texts
		first   int      // which event is the first marked as content
	}{
		{"nobody looks", []plugin{{}}, ab + c + end + usage + done, []string{"ab", "c"}, 0},
		{"nothing changes", []plugin{{event: func(_, s string) ([]string, string) { return []string{s}, "" }}}, ab + c + end + usage + done, []string{"ab", "c"}, 0},
		{"text changes", []plugin{{event: upper}}, ": hello\n\n" + ab + c + end + usage + done, []string{"AB", "C"}, 1},
		{"text is held to the end", []plugin{{event: last}}, ab + c + end + usage + done, []string{"a", "b", "c"}, 0},
		{"the first content is swallowed", []plugin{{event: last}}, c + end + done, []string{"c"}, 0},
		{"one after the other", []plugin{{event: upper}, {event: twice}}, ab + c + end + done, []string{"AB", "AB", "C", "C"}, 0},
		{"what is held passes those behind", []plugin{{event: twice}, {event: last}}, ab + end + done, []string{"a", "a", "b", "b"}, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			d, route := with(tt.plugins...)
			s, err := d.Read(t.Context(), onRoute(route, &llm.Request{Facts: llm.Facts{Stream: true}}),
				answer(200, "text/event-stream", tt.in))
			if err != nil {
				t.Fatal(err)
			}
			got, firsts, hidden := collect(t, s)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("texts (-want +got):\n%s", diff)
			}
			if len(firsts) == 0 || firsts[0] != tt.first {
				t.Errorf("events %v are marked as content, want %d as the first", firsts, tt.first)
			}
			if want := strings.Contains(tt.in, "usage"); (hidden == 1) != want || (s.Info().Usage != nil) != want {
				t.Errorf("%d hidden events, info %+v", hidden, s.Info())
			}
			if err := errors.Join(s.Close(), s.Close()); err != nil {
				t.Error(err)
			}
		})
	}
}

// collect reads a stream to its end and checks that frames and data agree.
func collect(t *testing.T, s llm.Stream) (texts []string, firsts []int, hidden int) {
	t.Helper()
	for i := 0; ; i++ {
		ev, err := s.Next()
		if err != nil {
			if err != io.EOF {
				t.Error(err)
			}
			return texts, firsts, hidden
		}
		if ev.Hidden && len(ev.Data) == 0 { // what is left of a swallowed chunk
			i--
			continue
		}
		if ev.Content {
			firsts = append(firsts, i)
		}
		if ev.Hidden {
			hidden++
			continue
		}
		text, ok := textOf(ev.Frame)
		if inData, _ := textOf(ev.Data); ok && inData != text {
			t.Errorf("the frame says %q, the data %q", text, inData)
		}
		if string(ev.Text) != text {
			t.Errorf("the frame says %q, the event's text is %q", text, ev.Text)
		}
		if ok {
			texts = append(texts, text)
		}
	}
}

// TestASwallowedChunkLetsTheFramesBeforeItGo sends two chunks at once of which the
// second is swallowed: a writer that waits for it must learn that nothing follows.
func TestASwallowedChunkLetsTheFramesBeforeItGo(t *testing.T) {
	d, route := with(plugin{event: func(held, text string) ([]string, string) {
		if text == "b" {
			return nil, held + text
		}
		return []string{held + text + "!"}, ""
	}})
	a := answer(200, "text/event-stream", "")
	a.Body = io.NopCloser(strings.NewReader("data: " + saying("a") + "\n\ndata: " + saying("b") + "\n\n"))
	s, err := d.Read(t.Context(), onRoute(route, &llm.Request{Facts: llm.Facts{Stream: true}}), a)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	first, err := s.Next()
	if err != nil || !first.More {
		t.Fatalf("Next() = %+v, %v; want a chunk with another behind it", first, err)
	}
	if last, err := s.Next(); err != nil || last.More || !last.Hidden {
		t.Errorf("Next() = %+v, %v; want a hidden event with nothing behind it", last, err)
	}
}

func TestATransformMayEndAStream(t *testing.T) {
	no := &llm.Error{Code: llm.CodeRejected, Status: 400, Message: "not that word"}
	f := plugin{event: upper, fail: no}
	d, route := with(f)
	s, err := d.Read(t.Context(), onRoute(route, &llm.Request{Facts: llm.Facts{Stream: true}}),
		answer(200, "text/event-stream", "data: "+saying("x")+"\n\ndata: [DONE]\n\n"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Next(); !errors.Is(err, error(no)) {
		t.Errorf("Next() = %v, want the plugin's refusal", err)
	}
	filters := s.(*filtered).filters
	s.Close()
	if filters[0].(*filter).closed != 1 {
		t.Error("the plugin was not let go")
	}
}
