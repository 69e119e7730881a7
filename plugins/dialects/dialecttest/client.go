package dialecttest

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
)

// Reply is the content of a reply, whether it came whole or as a stream.
type Reply struct {
	Model, Text, Reasoning, Finish string
	Calls                          []Call
	Thoughts                       []Thought
	Details                        []Detail
	Refusal                        string
	// Links are the addresses and titles of the annotations.
	Links                        []string
	Prompt, Completion, Thinking int64
	// Logprobs is how many tokens came with their probabilities.
	Logprobs int
}

// Call is one tool call of a reply; the input of a custom tool stands in Arguments.
type Call struct{ ID, Name, Arguments string }

// Thought is one of a reply's thinking_blocks.
type Thought struct{ Type, Thinking, Signature, Data string }

// Detail is one of a reply's reasoning_details.
type Detail struct{ Type, Summary, Text, Data, ID, Format, Provider string }

type completion struct {
	ID, Object, Model string
	Created           int64
	Choices           []struct {
		Index        int
		Message      message
		Delta        message
		FinishReason *string `json:"finish_reason"`
		Logprobs     *struct{ Content []struct{ Token string } }
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

type message struct {
	Role      string
	Content   *string
	Refusal   *string
	Reasoning string `json:"reasoning_content"`
	Thoughts  []struct {
		Index int
		Thought
	} `json:"thinking_blocks"`
	Details []struct {
		Index int
		Detail
	} `json:"reasoning_details"`
	Calls []struct {
		Index    *int
		ID, Type string
		Function struct{ Name, Arguments string }
		Custom   struct{ Name, Input string }
	} `json:"tool_calls"`
	Annotations []annotation
}

type annotation struct {
	Type     string
	Citation struct {
		URL, Title string
		Start      int `json:"start_index"`
		End        int `json:"end_index"`
	} `json:"url_citation"`
}

// links are the addresses of the annotations, whose spans must lie in the text.
func (m message) links(t *testing.T, text string) []string {
	t.Helper()
	var links []string
	for _, a := range m.Annotations {
		links = append(links, a.Citation.URL+" "+a.Citation.Title)
		if n := len([]rune(text)); a.Citation.Start > a.Citation.End || a.Citation.End > n {
			t.Errorf("annotation spans %d to %d of %d characters", a.Citation.Start, a.Citation.End, n)
		}
	}
	return links
}

// ReadCompletion checks what every completion must satisfy, and reads it.
func ReadCompletion(t *testing.T, body []byte) Reply {
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
	e := Reply{Model: c.Model, Reasoning: m.Reasoning, Finish: *c.Choices[0].FinishReason,
		Prompt: c.Usage.Prompt, Completion: c.Usage.Completion, Thinking: c.Usage.Details.Reasoning}
	if m.Content != nil {
		e.Text = *m.Content
	}
	e.Links = m.links(t, e.Text)
	if m.Refusal != nil {
		e.Refusal = *m.Refusal
	}
	if l := c.Choices[0].Logprobs; l != nil {
		e.Logprobs = len(l.Content)
	}
	for _, one := range m.Calls {
		if one.Type == "custom" {
			e.Calls = append(e.Calls, Call{ID: one.ID, Name: one.Custom.Name, Arguments: one.Custom.Input})
			continue
		}
		e.Calls = append(e.Calls, Call{ID: one.ID, Name: one.Function.Name, Arguments: Compact(t, one.Function.Arguments)})
	}
	for i, d := range m.Details {
		if d.Index != i {
			t.Errorf("reasoning_details[%d] has the index %d", i, d.Index)
		}
		e.Details = append(e.Details, d.Detail)
	}
	for _, x := range m.Thoughts {
		e.Thoughts = append(e.Thoughts, x.Thought)
	}
	return e
}

// IsNote reports whether a line only reports usage to the host: no client sees it.
func IsNote(line string) bool {
	return strings.Contains(line, `"usage":`) && !strings.Contains(line, `"choices":`)
}

// ReadStream accumulates chunks as OpenAI's own clients do, and checks what every stream
// must satisfy.
func ReadStream(t *testing.T, lines []string) Reply {
	t.Helper()
	lines = slices.DeleteFunc(slices.Clone(lines), IsNote)
	a := accumulator{t: t}
	for i, line := range lines {
		if line == "[DONE]" {
			if i != len(lines)-1 || a.usages != 1 || a.finishes != 1 || a.roles != 1 {
				t.Errorf("[DONE] is line %d of %d, after %d roles, %d finish reasons, %d usages", i+1, len(lines), a.roles, a.finishes, a.usages)
			}
			continue
		}
		a.add(i, line)
	}
	a.Links = message{Annotations: a.annotations}.links(t, a.Text)
	for i := range a.Calls {
		if a.custom[i] {
			continue
		}
		a.Calls[i].Arguments = Compact(t, a.Calls[i].Arguments)
	}
	return a.Reply
}

// accumulator is a reply while its chunks come.
type accumulator struct {
	Reply
	t                       *testing.T
	roles, finishes, usages int
	annotations             []annotation
	// custom marks the calls of custom tools.
	custom []bool
}

// add adds one chunk.
func (a *accumulator) add(i int, line string) {
	a.t.Helper()
	var c completion
	if err := json.Unmarshal([]byte(line), &c); err != nil {
		a.t.Fatalf("line %d, %q: %v", i, line, err)
	}
	if c.ID != "chatcmpl-req_1" || c.Object != "chat.completion.chunk" || c.Created != 1700000000 {
		a.t.Fatalf("line %d lacks something: %s", i, line)
	}
	if a.Model == "" {
		a.Model = c.Model
	}
	if c.Model != a.Model {
		a.t.Errorf("line %d changes the model from %s to %s", i, a.Model, c.Model)
	}
	if c.Usage != nil {
		a.usages++
		a.Prompt, a.Completion, a.Thinking = c.Usage.Prompt, c.Usage.Completion, c.Usage.Details.Reasoning
		if len(c.Choices) != 0 || c.Usage.Total != a.Prompt+a.Completion {
			a.t.Errorf("the usage chunk is wrong: %s", line)
		}
		return
	}
	if len(c.Choices) != 1 || a.finishes > 0 {
		a.t.Fatalf("line %d has %d choices, after %d finish reasons", i, len(c.Choices), a.finishes)
	}
	a.addDelta(i, line, &c.Choices[0].Delta)
	if l := c.Choices[0].Logprobs; l != nil {
		a.Logprobs += len(l.Content)
	}
	if f := c.Choices[0].FinishReason; f != nil {
		a.finishes++
		a.Finish = *f
	}
}

func (a *accumulator) addDelta(i int, line string, d *message) {
	a.t.Helper()
	if d.Role != "" {
		a.roles++
		if i != 0 {
			a.t.Errorf("line %d has the role", i)
		}
	}
	if d.Content != nil {
		a.Text += *d.Content
	}
	a.Reasoning += d.Reasoning
	if d.Refusal != nil {
		a.Refusal += *d.Refusal
	}
	a.addDetails(d)
	a.annotations = append(a.annotations, d.Annotations...)
	for _, x := range d.Thoughts {
		if x.Index == len(a.Thoughts) {
			a.Thoughts = append(a.Thoughts, Thought{Type: x.Type})
		}
		a.Thoughts[x.Index].Thinking += x.Thinking
		a.Thoughts[x.Index].Signature += x.Signature
		a.Thoughts[x.Index].Data += x.Data
	}
	for _, x := range d.Calls {
		if *x.Index == len(a.Calls) {
			a.custom = append(a.custom, x.Type == "custom")
			name := x.Function.Name + x.Custom.Name
			if x.ID == "" || x.Type != "function" && x.Type != "custom" || name == "" {
				a.t.Errorf("the call begins without id, type or name: %s", line)
			}
			a.Calls = append(a.Calls, Call{ID: x.ID, Name: name})
		}
		a.Calls[*x.Index].Arguments += x.Function.Arguments + x.Custom.Input
	}
}

func (a *accumulator) addDetails(d *message) {
	for _, x := range d.Details {
		if x.Index == len(a.Details) {
			a.Details = append(a.Details, Detail{Type: x.Type, ID: x.ID, Format: x.Format, Provider: x.Provider})
		}
		a.Details[x.Index].Summary += x.Summary
		a.Details[x.Index].Text += x.Text
		a.Details[x.Index].Data += x.Data
	}
}

// Failure is what normalise_response returns instead of a completion.
type Failure struct {
	Error struct {
		Message, Type, Code string
		Param               *string
	}
	Status int
}

// ReadError checks what every error must satisfy, and reads it.
func ReadError(t testing.TB, body []byte) Failure {
	t.Helper()
	var f Failure
	if err := json.Unmarshal(body, &f); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(body), `"param":null`) || f.Error.Message == "" || f.Error.Type == "" || f.Error.Code == "" {
		t.Errorf("the error lacks something: %s", body)
	}
	return f
}
