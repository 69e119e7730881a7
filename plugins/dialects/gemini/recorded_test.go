package gemini_test

import (
	"encoding/json"
	"testing"

	"github.com/penstock/penstock/plugins/dialects/dialecttest"
)

// geminiReply is Google's reply, or an event of a streamed one, as far as a chat completion can
// express it.
type geminiReply struct {
	Model      string `json:"modelVersion"`
	Candidates []struct {
		Content struct {
			Parts []struct {
				Text      *string
				Thought   bool
				Signature string `json:"thoughtSignature"`
				Call      *struct {
					ID, Name string
					Args     json.RawMessage
				} `json:"functionCall"`
			}
		}
		Finish    any    `json:"finishReason"`
		Message   string `json:"finishMessage"`
		Grounding struct {
			Chunks []struct {
				Web struct{ URI, Title string }
			} `json:"groundingChunks"`
			Supports []struct {
				Segment struct {
					Start int `json:"startIndex"`
					End   int `json:"endIndex"`
				}
				Chunks []int `json:"groundingChunkIndices"`
			} `json:"groundingSupports"`
		} `json:"groundingMetadata"`
	}
	Feedback struct {
		Reason  string `json:"blockReason"`
		Message string `json:"blockReasonMessage"`
	} `json:"promptFeedback"`
	Usage struct {
		Prompt   int64 `json:"promptTokenCount"`
		Tools    int64 `json:"toolUsePromptTokenCount"`
		Answer   int64 `json:"candidatesTokenCount"`
		Thoughts int64 `json:"thoughtsTokenCount"`
		Total    int64 `json:"totalTokenCount"`
	} `json:"usageMetadata"`
}

var wantFinish = map[any]string{"STOP": "stop", float64(1): "stop", "MAX_TOKENS": "length", "MODEL_ARMOR": "content_filter"}

// recorded is what a reply adds up to. Signatures are those of calls, by their ids, and that of
// the text; Cited are the texts that refer to a page.
type recorded struct {
	dialecttest.Reply
	Signatures map[string]string
	Cited      []string
	spans      [][2]int
}

// add adds an event to what came before.
func (r *recorded) add(t *testing.T, e *geminiReply) {
	t.Helper()
	if r.Model == "" {
		r.Model = e.Model
	}
	for _, c := range e.Candidates {
		for _, p := range c.Content.Parts {
			id, text := "", ""
			if p.Text != nil {
				text = *p.Text
			}
			switch {
			case p.Call != nil:
				if id = p.Call.ID; id == "" {
					id = "call_req_1_" + string(rune('1'+len(r.Calls)))
				}
				r.Calls = append(r.Calls, call{ID: id, Name: p.Call.Name, Arguments: dialecttest.Compact(t, string(p.Call.Args))})
			case p.Thought:
				r.Reasoning += text
			default:
				r.Text += text
			}
			if p.Signature != "" && (p.Call != nil || p.Text != nil) {
				r.Signatures[id] = p.Signature
			}
		}
		if c.Finish != nil {
			if r.Finish = wantFinish[c.Finish]; r.Finish == "content_filter" {
				r.Refusal = c.Message
			}
		}
		for _, s := range c.Grounding.Supports {
			for _, k := range s.Chunks {
				if web := c.Grounding.Chunks[k].Web; web.URI != "" {
					r.Links = append(r.Links, web.URI+" "+web.Title)
					r.spans = append(r.spans, [2]int{s.Segment.Start, s.Segment.End})
				}
			}
		}
	}
	if e.Feedback.Reason != "" {
		r.Finish = "content_filter"
	}
	u := e.Usage
	if u.Prompt > 0 {
		r.Prompt = u.Prompt + u.Tools
	}
	if u.Answer+u.Thoughts > 0 {
		r.Completion, r.Thinking = u.Answer, u.Thoughts
	}
}

// done completes what was added up.
func (r *recorded) done() recorded {
	for _, span := range r.spans { // in bytes; one recording was shortened behind them
		r.Cited = append(r.Cited, r.Text[span[0]:min(span[1], len(r.Text))])
	}
	r.spans = nil
	r.Completion += r.Thinking
	if len(r.Calls) > 0 && r.Finish == "stop" {
		r.Finish = "tool_calls"
	}
	return *r
}

func newRecorded() *recorded { return &recorded{Signatures: map[string]string{}} }

// extras are the members of a message that the host's client does not read.
type extras struct {
	Content     *string
	Refusal     *string
	Annotations []struct {
		Citation struct {
			Start int `json:"start_index"`
			End   int `json:"end_index"`
		} `json:"url_citation"`
	}
	Calls []struct {
		ID    string
		Extra struct {
			Google struct {
				Signature string `json:"thought_signature"`
			}
		} `json:"extra_content"`
	} `json:"tool_calls"`
}

// read adds the extras of a message to what a client has made of it.
func (x *extras) read(t *testing.T, r *recorded, text string) {
	t.Helper()
	for _, d := range r.Details {
		if d.Type != "reasoning.encrypted" || d.Format != "google-gemini-v1" || d.Provider != "gemini" {
			t.Errorf("a detail is %+v", d)
		}
		r.Signatures[d.ID] = d.Data
	}
	r.Details = nil
	for _, c := range x.Calls {
		if want := r.Signatures[c.ID]; c.Extra.Google.Signature != want {
			t.Errorf("the call %s has the signature %.20q, and the details %.20q", c.ID, c.Extra.Google.Signature, want)
		}
	}
	runes := []rune(text)
	for _, a := range x.Annotations {
		r.Cited = append(r.Cited, string(runes[a.Citation.Start:a.Citation.End]))
	}
}
