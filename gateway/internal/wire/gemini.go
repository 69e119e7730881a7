package wire

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// generateContent is Google's Gemini API (https://ai.google.dev/api/generate-content).
var generateContent = &Format{
	Endpoint: llm.ChatCompletions,
	Dialect:  llm.Gemini,
	Title:    "Gemini generateContent",
	target:   geminiTarget,
	facts:    intake.ScanGemini,
	call:     callGemini,
	read:     passing{newGeminiReader, (*Dialects).geminiError, (*Dialects).wholeGemini}.read,
	render:   renderGemini,
	breakOff: breakGemini,
}

// geminiTarget reads a path such as /v1beta/models/gemini-2.5-flash:streamGenerateContent.
func geminiTarget(path string) (model string, stream, ok bool) {
	model, method := cutMethod(path)
	stream = method == "streamGenerateContent"
	return model, stream, stream || method == "generateContent"
}

// cutMethod splits a path of Google's API into the model and what is to be done with it. Both
// are empty for other paths.
func cutMethod(path string) (model, method string) {
	for _, base := range [...]string{"/v1beta/models/", "/v1/models/", "/models/"} {
		rest, found := strings.CutPrefix(path, base)
		if colon := strings.LastIndexByte(rest, ':'); found && colon > 0 {
			return rest[:colon], rest[colon+1:]
		}
	}
	return "", ""
}

// methodTarget reads the paths of one method without streams.
func methodTarget(name string) func(path string) (model string, stream, ok bool) {
	return func(path string) (model string, stream, ok bool) {
		model, method := cutMethod(path)
		return model, false, method == name
	}
}

// maxPathModel bounds the model's name in a path, in bytes.
const maxPathModel = 256

// pathFacts is what a request's path says of it. The body may repeat the model.
func (c *Client) pathFacts(path, repeated string) (model string, stream bool, err error) {
	model, stream, _ = c.format.target(path)
	if len(model) > maxPathModel || strings.ContainsFunc(model, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\uFFFD' }) {
		return "", false, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "model",
			Message: "The model in the path must have at most 256 bytes and no control characters."}
	}
	if repeated != "" && repeated != model {
		return "", false, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: "model",
			Message: "The body names the model " + llm.Quote(repeated) + " and the path " + llm.Quote(model) + ": name the same one, or none in the body."}
	}
	return model, stream, nil
}

// callGemini makes the call to a target that speaks Google's format: the client's bytes with
// the bound on output changed, and the model where the body repeats it. Streams are always
// asked for as Server-Sent Events. Signatures of others' models are taken out.
func callGemini(_ *Dialects, x *llm.Exchange) (llm.Call, error) {
	f := &x.Sent.Facts
	edits := withoutForeignSignatures(x.Sent.Body, x.Target.Model)
	if !f.ModelAt.IsZero() && f.Model != x.Target.Model {
		edits = append(edits, edit{f.ModelAt, jsontext.AppendQuote(nil, geminiName(x.Target.Model))})
	}
	switch n := strconv.AppendInt(nil, x.MaxOutput, 10); {
	case x.MaxOutput <= 0:
	case f.MaxTokensAt.IsZero():
		edits = append(edits, boundGemini(x.Sent, n))
	default:
		edits = append(edits, edit{f.MaxTokensAt, n})
	}
	call := llm.Call{Path: geminiPath(x.Target.Model) + ":generateContent", Body: apply(x.Sent.Body, edits), Stream: f.Stream}
	if f.Stream {
		call.Path, call.Query = geminiPath(x.Target.Model)+":streamGenerateContent", "alt=sse"
	}
	return call, nil
}

// geminiName is a model's name with its collection, which it may have.
func geminiName(model string) string {
	if strings.Contains(model, "/") {
		return model
	}
	return "models/" + model
}

// geminiPath is where a model is called.
func geminiPath(model string) string {
	segments := strings.Split(geminiName(model), "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return "/" + strings.Join(segments, "/")
}

// boundGemini puts a bound on output into the body's generationConfig.
func boundGemini(r *llm.Request, number []byte) edit {
	member := append([]byte(`"maxOutputTokens":`), number...)
	s := newScan(r.Body)
	for s.Open('{'); s.More('}'); {
		name := s.Name()
		s.Peek()
		start := s.Pos()
		if !name.Is("generationConfig") && !name.Is("generation_config") {
			s.Skip()
			continue
		}
		if s.Peek() != '{' { // null
			s.Skip()
			return edit{llm.Span{Start: start, End: s.Pos()}, append(append([]byte("{"), member...), '}')}
		}
		s.Open('{')
		if s.Peek() != '}' {
			member = append(member, ',')
		}
		return edit{llm.Span{Start: start + 1, End: start + 1}, member}
	}
	return insert(&r.Facts, append(append([]byte(`,"generationConfig":{`), member...), '}'))
}

// wholeGemini checks that a body is a whole reply and makes a stream of it.
func (d *Dialects) wholeGemini(x *llm.Exchange, a *llm.Answer, body []byte) (llm.Stream, error) {
	g, ok := readGeminiReply(body)
	switch {
	case ok && g.failed:
		return nil, d.geminiError(a, body)
	case !ok || g.begun.count() == 0 && !g.blocked:
		return nil, malformed("something that is not a reply of Gemini's", nil)
	case x.Sent.Facts.Stream:
		return nil, malformed("a plain reply in answer to a request for a stream", nil)
	case !g.begun.within(&g.finished):
		return nil, cut()
	}
	info := llm.ReplyInfo{Usage: withSearches(usageOf(g.usage, boundsOf(x)), g.searches), TextBytes: g.text, Pieces: 1, Finish: g.finish(),
		Model: string(g.model), ToolCalls: g.calls, Content: g.content, Whole: true}
	return &plain{body: body, info: info, dialect: llm.Gemini}, nil
}

// withSearches adds the web searches that usage does not have at Google's.
func withSearches(u *llm.Usage, searches int64) *llm.Usage {
	if searches > 0 && u != nil {
		u.Searches = min(searches, maxSearches)
	}
	return u
}

// geminiError is the error that a reply is. What has Google's form passes unchanged.
func (d *Dialects) geminiError(a *llm.Answer, body []byte) *llm.Error {
	e := d.errorOf(a, body)
	var own struct {
		Error *struct{ Message, Status *string }
	}
	if json.Unmarshal(body, &own) == nil && own.Error != nil && own.Error.Message != nil && own.Error.Status != nil {
		e.Body, e.Dialect = bytes.TrimSpace(body), llm.Gemini
	}
	return e
}
