package gemini_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// canonicalReply is a completion as this test reads it.
type canonicalReply struct {
	Model   string
	Choices []struct {
		Index   int
		Message canonicalMessage
		Delta   canonicalMessage
		Finish  *string                              `json:"finish_reason"`
		Chances *struct{ Content []json.RawMessage } `json:"logprobs"`
	}
	Usage *struct {
		Prompt     int64 `json:"prompt_tokens"`
		Completion int64 `json:"completion_tokens"`
		Total      int64 `json:"total_tokens"`
		Cached     int64 `json:"cached_tokens"`
		Hit        int64 `json:"prompt_cache_hit_tokens"`
		In         struct {
			Cached int64 `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		Out struct {
			Reasoning int64 `json:"reasoning_tokens"`
		} `json:"completion_tokens_details"`
	}
}

type canonicalMessage struct {
	Content          any
	Refusal          *string
	ReasoningContent *string `json:"reasoning_content"`
	Reasoning        any
	Blocks           []json.RawMessage                                          `json:"thinking_blocks"`
	Details          []struct{ Type, Format, Data, ID, Text, Signature string } `json:"reasoning_details"`
	Calls            []struct {
		Index    *int
		ID       string
		Function struct {
			Name      string
			Arguments any
		}
		Extra struct {
			Google struct {
				Signature string `json:"thought_signature"`
			}
		} `json:"extra_content"`
	} `json:"tool_calls"`
	Call        *struct{ Name, Arguments string } `json:"function_call"`
	Annotations []struct {
		Page struct {
			URL, Title string
			Start      int `json:"start_index"`
			End        int `json:"end_index"`
		} `json:"url_citation"`
	}
	Images []struct {
		URL struct{ URL string } `json:"image_url"`
	}
}

// finishes are the finish reasons that canonical ones become.
var finishes = map[string]string{"length": "MAX_TOKENS", "model_length": "MAX_TOKENS", "content_filter": "SAFETY"}

// completionOf is the reply that a completion is to become.
func completionOf(t *testing.T, body string) generated {
	t.Helper()
	var c canonicalReply
	if err := json.Unmarshal([]byte(body), &c); err != nil {
		t.Fatalf("%.500s: %v", body, err)
	}
	g := generated{Model: c.Model, ID: "req_1"}
	for i := range c.Choices {
		choice := &c.Choices[i]
		a := answerOf(t, &choice.Message)
		switch {
		case a.Finish != "":
		case choice.Finish != nil && finishes[*choice.Finish] != "":
			a.Finish = finishes[*choice.Finish]
		default:
			a.Finish = "STOP"
		}
		if choice.Chances != nil {
			a.Logprobs = len(choice.Chances.Content)
		}
		g.Answers = append(g.Answers, a)
	}
	if u := c.Usage; u != nil && u.Prompt+u.Completion > 0 {
		if u.Out.Reasoning > 0 && u.Total == u.Prompt+u.Completion+u.Out.Reasoning {
			u.Completion += u.Out.Reasoning
		}
		thoughts := min(u.Out.Reasoning, u.Completion)
		g.Usage = dialecttest.GeneratedUsage{Prompt: u.Prompt, Answer: u.Completion - thoughts, Total: u.Prompt + u.Completion,
			Cached: min(max(u.In.Cached, u.Cached, u.Hit), u.Prompt), Thoughts: thoughts}
	}
	return g
}

func answerOf(t *testing.T, m *canonicalMessage) (a answer) {
	t.Helper()
	a.Text, _ = m.Content.(string)
	if m.ReasoningContent != nil && *m.ReasoningContent != "" {
		a.Thoughts = *m.ReasoningContent
	} else {
		a.Thoughts, _ = m.Reasoning.(string)
	}
	for _, d := range m.Details {
		if m.ReasoningContent == nil && m.Reasoning == nil && d.Format == "anthropic-claude-v1" {
			a.Thoughts += d.Text
		}
	}
	for _, page := range m.Annotations {
		if page.Page.URL == "" {
			continue // a file
		}
		link := page.Page.URL + " " + page.Page.Title
		if !contains(a.Links, page.Page.URL+" ") {
			a.Links = append(a.Links, link)
		}
		if runes := []rune(a.Text); page.Page.End > page.Page.Start {
			a.Spans = append(a.Spans, string(runes[page.Page.Start:min(page.Page.End, len(runes))]))
		}
	}
	if m.Refusal != nil && *m.Refusal != "" {
		a.Text, a.Finish = a.Text+*m.Refusal, "SAFETY"
	}
	for _, image := range m.Images {
		media, _, _ := strings.Cut(strings.TrimPrefix(image.URL.URL, "data:"), ";")
		a.Media = append(a.Media, media)
	}
	for _, c := range m.Calls {
		arguments, isText := c.Function.Arguments.(string)
		if !isText && c.Function.Arguments != nil {
			arguments = string(dialecttest.Encode(t, c.Function.Arguments))
		}
		if strings.TrimSpace(arguments) == "" || arguments == "null" {
			arguments = "{}"
		}
		a.Calls = append(a.Calls, call{ID: c.ID, Name: c.Function.Name, Arguments: dialecttest.Compact(t, arguments)})
	}
	if m.Call != nil && m.Call.Name != "" {
		a.Calls = append(a.Calls, call{Name: m.Call.Name, Arguments: dialecttest.Compact(t, m.Call.Arguments)})
	}
	a.Signatures = signaturesOf(t, m, &a)
	return a
}

func contains(links []string, begins string) bool {
	for _, link := range links {
		if strings.HasPrefix(link, begins) {
			return true
		}
	}
	return false
}

// signaturesOf are the signatures that an answer's parts have: Google's own, or what is carried
// for another provider.
func signaturesOf(t *testing.T, m *canonicalMessage, a *answer) (signatures []string) {
	t.Helper()
	var blocks, details []string
	text := ""
	for _, b := range m.Blocks {
		var block struct{ Signature, Data string }
		_ = json.Unmarshal(b, &block)
		if block.Signature+block.Data != "" {
			blocks = append(blocks, block.Signature+block.Data)
		}
	}
	for _, d := range m.Details {
		switch {
		case d.Format == "anthropic-claude-v1" && len(m.Blocks) == 0 && d.Signature+d.Data != "":
			blocks = append(blocks, d.Signature+d.Data)
		case d.Type == "reasoning.encrypted" && d.Format == "google-gemini-v1" && d.ID == "" && d.Data != "":
			text = d.Data
		case d.Type == "reasoning.encrypted" && d.Format != "google-gemini-v1" && d.Format != "anthropic-claude-v1" && d.Data != "":
			details = append(details, d.Data)
		}
	}
	if text != "" {
		signatures = append(signatures, text)
	}
	carried := strings.Join(append(blocks, details...), "\n")
	if len(m.Calls) == 0 && (m.Call == nil || m.Call.Name == "") {
		if carried != "" && text == "" {
			signatures = append(signatures, carried)
		}
		return signatures
	}
	for i, c := range m.Calls {
		switch {
		case c.Extra.Google.Signature != "":
			signatures = append(signatures, c.Extra.Google.Signature)
		case i == 0 && carried == "":
			signatures = append(signatures, a.Thoughts)
		case i == 0:
			signatures = append(signatures, carried)
		}
	}
	if len(m.Calls) == 0 {
		signatures = append(signatures, carried)
	}
	return signatures
}

// decoded is a reply with what its signatures carry in their place: signatures and data, or what
// the model thought.
func decoded(t *testing.T, g generated) generated {
	t.Helper()
	for i := range g.Answers {
		for k, signature := range g.Answers[i].Signatures {
			carried := dialecttest.CarriedBy(signature)
			if carried == "" {
				continue
			}
			var c struct {
				Blocks    []struct{ Signature, Data string } `json:"thinking_blocks"`
				Details   []struct{ Data string }            `json:"reasoning_details"`
				Reasoning string                             `json:"reasoning_content"`
			}
			if err := json.Unmarshal([]byte(carried), &c); err != nil {
				t.Fatalf("%s: %v", carried, err)
			}
			var all []string
			for _, b := range c.Blocks {
				all = append(all, b.Signature+b.Data)
			}
			for _, d := range c.Details {
				all = append(all, d.Data)
			}
			g.Answers[i].Signatures[k] = strings.Join(all, "\n") + c.Reasoning
		}
	}
	return g
}
