package dialects

import (
	"encoding/binary"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	penstock "github.com/penstock/penstock/sdk/go"
)

// The functions of this file play the host on one side and an OpenAI client on the
// other.

// respond calls normalise_response with a provider's reply.
func respond(t testing.TB, status int, headers map[string]string, body string) []byte {
	t.Helper()
	return normalise(t, status, headers, body, nil)
}

// respondIn is respond for a successful reply to a request with a context.
func respondIn(t testing.TB, context json.RawMessage, body string) []byte {
	t.Helper()
	return normalise(t, 200, nil, body, context)
}

func normalise(t testing.TB, status int, headers map[string]string, body string, context json.RawMessage) []byte {
	t.Helper()
	in := map[string]any{"v": 1, "dialect": "anthropic", "target": map[string]any{"model": "claude-test"},
		"request_id": "req_1", "created": 1700000000, "status": status, "headers": headers}
	if json.Valid([]byte(body)) {
		in["body"] = json.RawMessage(body)
	} else {
		in["text"] = body
	}
	if context != nil {
		in["context"] = context
	}
	out, err := new(translator).normaliseResponse(nil, encode(t, in))
	if err != nil {
		t.Fatalf("normaliseResponse(%s) = %v", body, err)
	}
	if !json.Valid(out) {
		t.Fatalf("normaliseResponse(%s) = %s, which is not JSON", body, out)
	}
	return out
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		t.Fatal(err)
	}
	return []byte(b.String())
}

// player feeds events to a fresh instance each, as a pool may.
type player struct {
	t     testing.TB
	state []byte
	lines []string
}

func (p *player) feed(name, data string) {
	p.t.Helper()
	in := binary.LittleEndian.AppendUint32(nil, uint32(len(p.state)))
	in = append(append(in, p.state...), name+"\n"+data...)
	out, err := new(translator).normaliseEvent(nil, in)
	if err != nil {
		p.t.Fatalf("normaliseEvent(%s, %s) = %v", name, data, err)
	}
	state, payload, ok := penstock.SplitFrame(out)
	if !ok {
		p.t.Fatalf("normaliseEvent(%s, %s) gave a broken frame", name, data)
	}
	p.state = append([]byte(nil), state...)
	if len(payload) > 0 {
		p.lines = append(p.lines, strings.Split(string(payload), "\n")...)
	}
}

const streamStart = `{"dialect":"anthropic","target":{"model":"claude-test"},"request_id":"req_1","created":1700000000,"include_usage":true}`

// play runs a whole stream and returns the lines that came out.
func play(t testing.TB, events []sseEvent) []string {
	t.Helper()
	return playIn(t, nil, events)
}

// playIn is play for the answer to a request with a context.
func playIn(t testing.TB, context json.RawMessage, events []sseEvent) []string {
	t.Helper()
	p := &player{t: t}
	begin := streamStart
	if context != nil {
		begin = strings.TrimSuffix(begin, "}") + `,"context":` + string(context) + "}"
	}
	p.feed(eventStart, begin)
	for _, e := range events {
		p.feed(e.name, e.data)
	}
	p.feed(eventEnd, "")
	return p.lines
}

type completion struct {
	ID, Object, Model string
	Created           int64
	Choices           []struct {
		Index        int
		Message      reply
		Delta        reply
		FinishReason *string `json:"finish_reason"`
	}
	Usage *struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
		Total      int64 `json:"total_tokens"`
		Details    struct {
			Reasoning int64 `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	}
}

type reply struct {
	Role      string
	Content   *string
	Refusal   *string
	Reasoning string `json:"reasoning_content"`
	Thoughts  []struct {
		Index int
		thought
	} `json:"thinking_blocks"`
	Calls []struct {
		Index    *int
		ID, Type string
		Function struct{ Name, Arguments string }
	} `json:"tool_calls"`
	Annotations []struct {
		Type     string
		Citation struct {
			URL, Title string
			Start      int `json:"start_index"`
			End        int `json:"end_index"`
		} `json:"url_citation"`
	}
}

// links are the addresses of a reply's annotations, whose spans must lie in the
// text.
func (r reply) links(t *testing.T, text string) []string {
	t.Helper()
	var links []string
	for _, a := range r.Annotations {
		links = append(links, a.Citation.URL+" "+a.Citation.Title)
		if n := len([]rune(text)); a.Citation.Start > a.Citation.End || a.Citation.End > n {
			t.Errorf("annotation spans %d to %d of %d characters", a.Citation.Start, a.Citation.End, n)
		}
	}
	return links
}

// readCompletion checks what every completion must satisfy and takes its essence.
func readCompletion(t *testing.T, body []byte) essence {
	t.Helper()
	var c completion
	if err := json.Unmarshal(body, &c); err != nil {
		t.Fatal(err)
	}
	if c.ID != "chatcmpl-req_1" || c.Object != "chat.completion" || c.Created != 1700000000 || len(c.Choices) != 1 || c.Usage == nil {
		t.Fatalf("the completion lacks something: %s", body)
	}
	m := c.Choices[0].Message
	if m.Role != "assistant" || m.Content == nil && len(m.Calls) == 0 {
		t.Errorf("message = %+v", m)
	}
	if c.Usage.Total != c.Usage.Prompt+c.Usage.Completion {
		t.Errorf("usage does not add up: %+v", c.Usage)
	}
	e := essence{Model: c.Model, Reasoning: m.Reasoning, Finish: *c.Choices[0].FinishReason,
		Prompt: c.Usage.Prompt, Completion: c.Usage.Completion, Thinking: c.Usage.Details.Reasoning}
	if m.Content != nil {
		e.Text = *m.Content
	}
	e.Links = m.links(t, e.Text)
	for _, call1 := range m.Calls {
		e.Calls = append(e.Calls, call{call1.ID, call1.Function.Name, compact(t, call1.Function.Arguments)})
	}
	for _, x := range m.Thoughts {
		e.Thoughts = append(e.Thoughts, x.thought)
	}
	return e
}

// isNote reports whether a line only tells the host of usage: no client sees it.
func isNote(line string) bool {
	return strings.Contains(line, `"usage":`) && !strings.Contains(line, `"choices":`)
}

// readStream accumulates chunks as OpenAI's own clients do, checks what every
// stream must satisfy, and takes its essence.
func readStream(t *testing.T, lines []string) essence {
	t.Helper()
	var e essence
	roles, finishes, usages := 0, 0, 0
	var notes reply
	lines = slices.DeleteFunc(slices.Clone(lines), isNote)
	for i, line := range lines {
		if line == "[DONE]" {
			if i != len(lines)-1 || usages != 1 || finishes != 1 || roles != 1 {
				t.Errorf("[DONE] is line %d of %d, after %d roles, %d finish reasons, %d usages", i+1, len(lines), roles, finishes, usages)
			}
			continue
		}
		var c completion
		if err := json.Unmarshal([]byte(line), &c); err != nil {
			t.Fatalf("line %d, %q: %v", i, line, err)
		}
		if c.ID != "chatcmpl-req_1" || c.Object != "chat.completion.chunk" || c.Created != 1700000000 {
			t.Fatalf("line %d lacks something: %s", i, line)
		}
		if e.Model == "" {
			e.Model = c.Model
		}
		if c.Model != e.Model {
			t.Errorf("line %d changes the model from %s to %s", i, e.Model, c.Model)
		}
		if c.Usage != nil {
			usages++
			e.Prompt, e.Completion, e.Thinking = c.Usage.Prompt, c.Usage.Completion, c.Usage.Details.Reasoning
			if len(c.Choices) != 0 || c.Usage.Total != e.Prompt+e.Completion {
				t.Errorf("the usage chunk is wrong: %s", line)
			}
			continue
		}
		if len(c.Choices) != 1 || finishes > 0 {
			t.Fatalf("line %d has %d choices, after %d finish reasons", i, len(c.Choices), finishes)
		}
		d := c.Choices[0].Delta
		if d.Role != "" {
			roles++
			if i != 0 {
				t.Errorf("line %d has the role", i)
			}
		}
		if d.Content != nil {
			e.Text += *d.Content
		}
		e.Reasoning += d.Reasoning
		notes.Annotations = append(notes.Annotations, d.Annotations...)
		for _, x := range d.Thoughts {
			if x.Index == len(e.Thoughts) {
				e.Thoughts = append(e.Thoughts, thought{Type: x.Type})
			}
			e.Thoughts[x.Index].Thinking += x.Thinking
			e.Thoughts[x.Index].Signature += x.Signature
			e.Thoughts[x.Index].Data += x.Data
		}
		for _, x := range d.Calls {
			if *x.Index == len(e.Calls) {
				if x.ID == "" || x.Type != "function" || x.Function.Name == "" {
					t.Errorf("the call begins without id, type or name: %s", line)
				}
				e.Calls = append(e.Calls, call{ID: x.ID, Name: x.Function.Name})
			}
			e.Calls[*x.Index].Arguments += x.Function.Arguments
		}
		if f := c.Choices[0].FinishReason; f != nil {
			finishes++
			e.Finish = *f
		}
	}
	e.Links = notes.links(t, e.Text)
	for i := range e.Calls {
		e.Calls[i].Arguments = compact(t, e.Calls[i].Arguments)
	}
	return e
}

type failed struct {
	Error struct {
		Message, Type, Code string
		Param               *string
	}
	Status int
}

func readError(t testing.TB, body []byte) failed {
	t.Helper()
	var f failed
	if err := json.Unmarshal(body, &f); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), `"param":null`) || f.Error.Message == "" || f.Error.Type == "" || f.Error.Code == "" {
		t.Errorf("the error lacks something: %s", body)
	}
	return f
}
