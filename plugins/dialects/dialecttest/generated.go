package dialecttest

import (
	"encoding/base64"
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// Generated is a reply of Google's generateContent, whether it came whole or as a stream.
type Generated struct {
	Model, ID string
	Answers   []GeneratedAnswer
	Usage     GeneratedUsage
}

// GeneratedAnswer is one candidate. Signatures are those of its parts, in order.
type GeneratedAnswer struct {
	Text, Thoughts, Finish string
	Calls                  []Call
	Signatures             []string
	// Media are the types of what was made.
	Media []string
	// Links are the addresses and titles of the pages that the text refers to, Spans the texts
	// that do.
	Links, Spans []string
	// Logprobs is how many tokens came with their probabilities.
	Logprobs int
}

// GeneratedUsage counts tokens as Google does.
type GeneratedUsage struct {
	Prompt   int64 `json:"promptTokenCount"`
	Answer   int64 `json:"candidatesTokenCount"`
	Total    int64 `json:"totalTokenCount"`
	Cached   int64 `json:"cachedContentTokenCount"`
	Thoughts int64 `json:"thoughtsTokenCount"`
}

// wireGenerated is a reply as it is sent. Members that clients rely on are pointers.
type wireGenerated struct {
	Candidates []wireCandidate
	Usage      *GeneratedUsage `json:"usageMetadata"`
	Model      string          `json:"modelVersion"`
	ID         *string         `json:"responseId"`
}

type wireCandidate struct {
	Content *struct {
		Role  string
		Parts []wirePart
	}
	Finish    *string `json:"finishReason"`
	Index     *int
	Grounding struct {
		Chunks []struct {
			Web struct{ URI, Title string }
		} `json:"groundingChunks"`
		Supports []struct {
			Segment struct {
				Start int `json:"startIndex"`
				End   int `json:"endIndex"`
			}
			Indices []int `json:"groundingChunkIndices"`
		} `json:"groundingSupports"`
	} `json:"groundingMetadata"`
	Chances struct {
		Chosen []struct {
			Token  *string
			Chance *float64 `json:"logProbability"`
		} `json:"chosenCandidates"`
		Top []json.RawMessage `json:"topCandidates"`
	} `json:"logprobsResult"`
}

type wirePart struct {
	Text      *string
	Thought   bool
	Signature string `json:"thoughtSignature"`
	Call      *struct {
		ID, Name string
		Args     json.RawMessage
	} `json:"functionCall"`
	Inline *struct {
		Media string `json:"mimeType"`
		Data  string
	} `json:"inlineData"`
	File *struct {
		URI string `json:"fileUri"`
	} `json:"fileData"`
}

// finishReasons are those of Google's that are written.
var finishReasons = map[string]bool{"STOP": true, "MAX_TOKENS": true, "SAFETY": true, "MALFORMED_FUNCTION_CALL": true}

// ReadGenerated checks what every plain reply must satisfy, and reads it.
func ReadGenerated(t testing.TB, body []byte) Generated {
	t.Helper()
	g := generatedReader{t: t}
	g.read(body)
	for i, a := range g.Answers {
		if a.Finish == "" {
			t.Errorf("candidate %d has no finish reason: %s", i, body)
		}
	}
	g.check()
	return g.Generated
}

// ReadGeneratedStream checks what every stream must satisfy, and reads it up to its end or to
// an error, whose data it returns. Only a stream that is whole has a finish reason.
func ReadGeneratedStream(t testing.TB, frames string) (reply Generated, failed string) {
	t.Helper()
	g := generatedReader{t: t}
	events := strings.Split(strings.TrimSuffix(frames, "\n\n"), "\n\n")
	for i, event := range events {
		data, ok := strings.CutPrefix(event, "data: ")
		if !ok || strings.Contains(data, "\n") || g.finished() {
			t.Fatalf("the event %q is none of Google's, or comes after the end", event)
		}
		if strings.HasPrefix(data, `{"error":`) {
			if i != len(events)-1 {
				t.Errorf("an error is event %d of %d", i+1, len(events))
			}
			checkGeneratedError(t, data)
			return g.Generated, data
		}
		g.stream = true
		g.read([]byte(data))
	}
	if !g.finished() {
		t.Fatalf("the stream does not end: %s", frames)
	}
	g.check()
	return g.Generated, ""
}

func checkGeneratedError(t testing.TB, data string) {
	t.Helper()
	var e struct {
		Error struct {
			Code            int
			Message, Status string
		}
	}
	if err := json.Unmarshal([]byte(data), &e); err != nil || e.Error.Code < 400 || e.Error.Message == "" || e.Error.Status == "" {
		t.Errorf("the error lacks something: %s", data)
	}
}

// generatedReader puts replies together as Google's own clients do.
type generatedReader struct {
	Generated
	t      testing.TB
	stream bool
}

func (g *generatedReader) finished() bool { return len(g.Answers) > 0 && g.Answers[0].Finish != "" }

// read reads a whole reply or an event.
func (g *generatedReader) read(data []byte) {
	g.t.Helper()
	CheckMembers(g.t, data)
	var w wireGenerated
	if err := json.Unmarshal(data, &w); err != nil {
		g.t.Fatalf("%s: %v", data, err)
	}
	if w.ID == nil || g.ID != "" && g.ID != *w.ID || g.Model != "" && g.Model != w.Model || len(w.Candidates) == 0 {
		g.t.Fatalf("the reply lacks something, or is another: %s", data)
	}
	g.ID, g.Model = *w.ID, w.Model
	for i := range w.Candidates {
		g.candidate(&w.Candidates[i], data)
	}
	if w.Usage != nil {
		if g.stream && !g.finished() {
			g.t.Errorf("usage before the end: %s", data)
		}
		g.Usage = *w.Usage
	}
}

func (g *generatedReader) candidate(c *wireCandidate, data []byte) {
	g.t.Helper()
	if c.Content == nil || c.Content.Role != "model" || c.Index == nil || *c.Index < 0 || *c.Index > 7 || g.stream && len(c.Content.Parts) == 0 {
		g.t.Fatalf("a candidate lacks something: %s", data)
	}
	for len(g.Answers) <= *c.Index {
		g.Answers = append(g.Answers, GeneratedAnswer{})
	}
	a := &g.Answers[*c.Index]
	for i := range c.Content.Parts {
		a.part(g.t, &c.Content.Parts[i], data)
	}
	if c.Finish != nil {
		if !finishReasons[*c.Finish] {
			g.t.Errorf("the finish reason %s is not one of Google's", *c.Finish)
		}
		a.Finish = *c.Finish
	}
	a.Logprobs += len(c.Chances.Chosen)
	for _, chance := range c.Chances.Chosen {
		if chance.Token == nil || chance.Chance == nil {
			g.t.Errorf("a token lacks something: %s", data)
		}
	}
	if n := len(c.Chances.Top); n > 0 && n != len(c.Chances.Chosen) {
		g.t.Errorf("%d tokens with %d lists of others: %s", len(c.Chances.Chosen), n, data)
	}
	for _, chunk := range c.Grounding.Chunks {
		a.Links = append(a.Links, chunk.Web.URI+" "+chunk.Web.Title)
	}
	for _, s := range c.Grounding.Supports {
		if s.Segment.Start < 0 || s.Segment.Start >= s.Segment.End || s.Segment.End > len(a.Text) || len(s.Indices) != 1 || s.Indices[0] >= len(a.Links) {
			g.t.Fatalf("the segment %+v of a text of %d bytes: %s", s, len(a.Text), data)
		}
		a.Spans = append(a.Spans, a.Text[s.Segment.Start:s.Segment.End])
	}
}

// signature are the characters of base64, as clients decode it.
var signature = regexp.MustCompile(`^[A-Za-z0-9+/_-]*={0,2}$`)

func (a *GeneratedAnswer) part(t testing.TB, p *wirePart, data []byte) {
	t.Helper()
	if p.Signature != "" {
		a.Signatures = append(a.Signatures, p.Signature)
		if !signature.MatchString(p.Signature) {
			t.Errorf("the signature %q is not base64", p.Signature)
		}
	}
	switch {
	case p.Text != nil && p.Call == nil && p.Inline == nil && p.File == nil:
		if p.Thought {
			a.Thoughts += *p.Text
		} else {
			a.Text += *p.Text
		}
	case p.Call != nil && p.Text == nil && p.Inline == nil && p.File == nil:
		if p.Call.Name == "" {
			t.Errorf("a call has no name: %s", data)
		}
		a.Calls = append(a.Calls, Call{ID: p.Call.ID, Name: p.Call.Name, Arguments: Compact(t, string(p.Call.Args))})
	case p.Inline != nil && p.Text == nil:
		if p.Inline.Media == "" || p.Inline.Data == "" {
			t.Errorf("a medium lacks something: %s", data)
		}
		a.Media = append(a.Media, p.Inline.Media)
	case p.File != nil && p.File.URI != "":
		a.Media = append(a.Media, p.File.URI)
	default:
		t.Errorf("a part is nothing, or several things: %s", data)
	}
}

// check checks a reply that is whole.
func (g *generatedReader) check() {
	g.t.Helper()
	if u := g.Usage; u.Prompt < 0 || u.Answer < 0 || u.Total != u.Prompt+u.Answer+u.Thoughts || u.Cached > u.Prompt {
		g.t.Errorf("usage %+v", u)
	}
}

// CarriedBy decodes what a signature of the gateway's own carries; empty for one of a
// provider's.
func CarriedBy(signature string) string {
	plain, err := base64.StdEncoding.DecodeString(signature)
	carried, own := strings.CutPrefix(string(plain), "penstock:")
	if err != nil || !own {
		return ""
	}
	return carried
}
