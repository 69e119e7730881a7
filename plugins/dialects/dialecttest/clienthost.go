package dialecttest

import (
	"cmp"
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects"
	penstock "github.com/penstock/penstock/sdk/go"
)

// Accept calls accept_request with a client's request, and returns the canonical one.
func (h Host) Accept(t testing.TB, headers map[string]string, body string) (json.RawMessage, error) {
	t.Helper()
	accepted, _, err := h.AcceptWithContext(t, headers, body)
	return accepted, err
}

// AcceptWithContext is Accept that returns the context, too, nil without one.
func (h Host) AcceptWithContext(t testing.TB, headers map[string]string, body string) (accepted, context json.RawMessage, err error) {
	t.Helper()
	in := Encode(t, map[string]any{"v": 1, "dialect": h.Dialect, "request_id": "req_1", "path": cmp.Or(h.Path, "/"), "query": "",
		"headers": headers, "body": json.RawMessage(body)})
	out, err := dialects.NewHooks().AcceptRequest(nil, in)
	if err != nil {
		return nil, nil, err
	}
	var made struct{ Body, Context json.RawMessage }
	if err := json.Unmarshal(out, &made); err != nil {
		t.Fatalf("the request became %s: %v", out, err)
	}
	CheckMembers(t, made.Body)
	return made.Body, made.Context, nil
}

// Render calls render_response with a canonical completion or error, and returns the
// client's reply.
func (h Host) Render(t testing.TB, status int, body string) json.RawMessage {
	t.Helper()
	return h.RenderWithContext(t, status, nil, body)
}

// RenderWithContext is Render with the context of the request, nil without one.
func (h Host) RenderWithContext(t testing.TB, status int, context json.RawMessage, body string) json.RawMessage {
	t.Helper()
	envelope := map[string]any{"v": 1, "dialect": h.Dialect, "request_id": "req_1", "created": 1700000000, "status": status,
		"body": json.RawMessage(body)}
	if context != nil {
		envelope["context"] = context
	}
	out, err := dialects.NewHooks().RenderResponse(nil, Encode(t, envelope))
	if err != nil {
		t.Fatalf("render_response of %s: %v", body, err)
	}
	var rendered struct{ Body json.RawMessage }
	if err := json.Unmarshal(out, &rendered); err != nil {
		t.Fatalf("%s became %s: %v", body, out, err)
	}
	return rendered.Body
}

// RenderStream plays a stream of canonical chunks to a client, and returns the frames. Each
// chunk has a fresh instance, as a pool may have it. [DONE] ends the stream, as its end does.
func (h Host) RenderStream(t testing.TB, chunks []string) string {
	t.Helper()
	return h.RenderStreamWithContext(t, nil, chunks)
}

// RenderStreamWithContext is RenderStream with the context of the request, nil without one.
func (h Host) RenderStreamWithContext(t testing.TB, context json.RawMessage, chunks []string) string {
	t.Helper()
	var frames strings.Builder
	var state []byte
	feed := func(name, data string) {
		out, err := dialects.NewHooks().RenderEvent(nil, Frame(state, name, data))
		if err != nil {
			t.Fatalf("render_event of %s %s: %v", name, data, err)
		}
		next, payload, ok := penstock.SplitFrame(out)
		if !ok {
			t.Fatalf("render_event of %s %s returned a broken frame", name, data)
		}
		state = append([]byte(nil), next...)
		frames.Write(payload)
	}
	start := map[string]any{"v": 1, "dialect": h.Dialect, "request_id": "req_1", "created": 1700000000}
	if context != nil {
		start["context"] = context
	}
	feed("penstock.start", strings.TrimSpace(string(Encode(t, start))))
	for _, chunk := range chunks {
		switch {
		case chunk == "[DONE]":
			feed("penstock.end", "")
		case !IsNote(chunk):
			feed("chunk", chunk)
		}
	}
	return frames.String()
}

// CheckMembers wants no object of a JSON text to have a member twice.
func CheckMembers(t testing.TB, text []byte) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(text)))
	type level struct {
		names map[string]bool
		name  bool
	}
	var open []level
	for {
		token, err := d.Token()
		if err != nil {
			return
		}
		top := len(open) - 1
		if s, ok := token.(string); ok && top >= 0 && open[top].name {
			if open[top].names[s] {
				t.Errorf("the member %q is there twice in %s", s, text)
			}
			open[top].names[s], open[top].name = true, false
			continue
		}
		switch token {
		case json.Delim('{'):
			open = append(open, level{names: map[string]bool{}, name: true})
			continue
		case json.Delim('['):
			open = append(open, level{})
			continue
		case json.Delim('}'), json.Delim(']'):
			open = open[:top]
			top--
		}
		if top >= 0 && open[top].names != nil {
			open[top].name = true
		}
	}
}
