// Package dialecttest is for the tests of dialects: it plays the host on one side of a
// dialect and an OpenAI client on the other, and reads recordings and golden files.
package dialecttest

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects"
	penstock "github.com/penstock/penstock/sdk/go"
)

// Host calls the hooks of the module for one dialect, each time on a fresh instance, as a
// pool may. Model is the target's, where a reply does not name the model that answers. Path is
// that of a client's requests; empty means a slash.
type Host struct{ Dialect, Model, Path string }

// Target is the model that a request is for. MaxOutput is its bound on output tokens, 0 when
// unknown.
type Target struct {
	Model     string
	MaxOutput int64
	// Features are what the model can do; nil when nothing is.
	Features []string
	// Provider is the target's; empty for one that is called like the dialect.
	Provider string
}

// Outbound is what the host would send.
type Outbound struct {
	Method, Path, Query string
	Headers             map[string]string
	Dropped             []string
	Context             json.RawMessage
	Body                json.RawMessage
}

// Request calls transform_request.
func (h Host) Request(t testing.TB, target Target, stream bool, body string) (Outbound, error) {
	t.Helper()
	in := Encode(t, map[string]any{"v": 1, "dialect": h.Dialect, "request_id": "req_1", "stream": stream,
		"target": map[string]any{"id": h.Dialect + "/" + target.Model, "provider": cmp.Or(target.Provider, h.Dialect), "model": target.Model, "max_output": target.MaxOutput, "features": target.Features},
		"body":   json.RawMessage(body)})
	request := dialects.NewHooks().TransformRequest
	out, err := request(nil, in)
	if err != nil {
		return Outbound{}, err
	}
	var sent Outbound
	if err := json.Unmarshal(out, &sent); err != nil {
		t.Fatalf("the request became %s: %v", out, err)
	}
	if !strings.HasSuffix(string(out), `,"body":`+string(sent.Body)+`}`) {
		t.Errorf("the body is not the last member of %s", out)
	}
	return sent, nil
}

// Response calls normalise_response with a provider's reply. Context is what the request left
// for it, nil without any.
func (h Host) Response(t testing.TB, status int, context json.RawMessage, body string) []byte {
	t.Helper()
	in := map[string]any{"v": 1, "dialect": h.Dialect, "target": map[string]any{"provider": h.Dialect, "model": h.Model},
		"request_id": "req_1", "created": 1700000000, "status": status, "headers": nil}
	if json.Valid([]byte(body)) {
		in["body"] = json.RawMessage(body)
	} else {
		in["text"] = body
	}
	if context != nil {
		in["context"] = context
	}
	response := dialects.NewHooks().NormaliseResponse
	out, err := response(nil, Encode(t, in))
	if err != nil {
		t.Fatalf("normalise_response of %s: %v", body, err)
	}
	if !json.Valid(out) {
		t.Fatalf("%s became %s, which is not JSON", body, out)
	}
	return out
}

// Event is one event of a provider's stream.
type Event struct{ Name, Data string }

// Stream is a stream as the host plays it.
type Stream struct {
	t testing.TB
	// State is what the last event returned, Lines are all that came out.
	State []byte
	Lines []string
}

// Start begins a stream with penstock.start.
func (h Host) Start(t testing.TB, context json.RawMessage) *Stream {
	t.Helper()
	begin := map[string]any{"dialect": h.Dialect, "target": map[string]any{"provider": h.Dialect, "model": h.Model}, "request_id": "req_1",
		"created": 1700000000, "include_usage": true}
	if context != nil {
		begin["context"] = context
	}
	s := &Stream{t: t}
	s.Feed("penstock.start", strings.TrimSpace(string(Encode(t, begin))))
	return s
}

// Feed feeds one event.
func (s *Stream) Feed(name, data string) {
	s.t.Helper()
	event := dialects.NewHooks().NormaliseEvent
	out, err := event(nil, Frame(s.State, name, data))
	if err != nil {
		s.t.Fatalf("normalise_event of %s %s: %v", name, data, err)
	}
	state, payload, ok := penstock.SplitFrame(out)
	if !ok {
		s.t.Fatalf("normalise_event of %s %s returned a broken frame", name, data)
	}
	s.State = append([]byte(nil), state...)
	if len(payload) > 0 {
		s.Lines = append(s.Lines, strings.Split(string(payload), "\n")...)
	}
}

// End feeds penstock.end.
func (s *Stream) End() {
	s.t.Helper()
	s.Feed("penstock.end", "")
}

// Frame is the input of an event hook.
func Frame(state []byte, name, data string) []byte {
	in := binary.LittleEndian.AppendUint32(nil, uint32(len(state)))
	return append(append(in, state...), name+"\n"+data...)
}

// Play plays a whole stream and returns the lines that came out.
func (h Host) Play(t testing.TB, context json.RawMessage, events []Event) []string {
	t.Helper()
	s := h.Start(t, context)
	for _, e := range events {
		s.Feed(e.Name, e.Data)
	}
	s.End()
	return s.Lines
}
