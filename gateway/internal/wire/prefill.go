package wire

import (
	"strings"
	"unicode"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Prefills reports whether a target is known to continue an assistant's message at the end
// of a request, instead of answering it or refusing it.
func (d *Dialects) Prefills(t *llm.Target) bool {
	_, _, ok := prefillMembers(t)
	return ok && (!t.FeaturesKnown || t.Features.Has(llm.Prefill))
}

// prefillMembers are what a request to a target needs beside the message, as it stands in
// the message and in the request. It reports false for targets that continue no message.
func prefillMembers(t *llm.Target) (message, request string, ok bool) {
	switch {
	case t.Dialect == llm.Anthropic || t.Dialect == llm.Ollama:
		return "", "", true // https://docs.anthropic.com/en/docs/build-with-claude/prompt-engineering/prefill-claudes-response
	case t.Dialect != llm.OpenAI:
		return "", "", false
	}
	switch t.Catalog {
	case "mistral": // https://docs.mistral.ai/capabilities/completion/prefix
		return `,"prefix":true`, "", true
	case "llamacpp": // https://github.com/ggml-org/llama.cpp/tree/master/tools/server
		return "", "", true
	case "vllm", "sglang": // https://docs.vllm.ai/en/latest/serving/openai_compatible_server.html
		return "", `,"add_generation_prompt":false,"continue_final_message":true`, true
	}
	return "", "", false
}

// prefilled adds the beginning of the answer to a canonical request.
func prefilled(req *llm.Request, t *llm.Target, begun string) (*llm.Request, error) {
	message, request, _ := prefillMembers(t)
	at := endOfMessages(req.Body)
	// Anthropic refuses white space at the end.
	text := jsontext.AppendQuote(nil, strings.TrimRightFunc(begun, unicode.IsSpace))
	edits := []edit{{llm.Span{Start: at, End: at}, append(append([]byte(`,{"role":"assistant","content":`), text...), message+"}"...)}}
	if request != "" {
		edits = append(edits, insert(&req.Facts, []byte(request)))
	}
	body := apply(req.Body, edits)
	facts, err := scanAgain(body)
	if err != nil {
		return nil, err
	}
	r := *req
	r.Body, r.Facts = body, facts
	return &r, nil
}

// endOfMessages is where another message goes in a canonical request, which has one at least.
func endOfMessages(body []byte) int {
	s := newScan(body)
	for open := s.enter('{'); open && s.More('}'); {
		if name := s.Name(); !name.Is("messages") {
			s.Skip()
			continue
		}
		s.Skip()
		return s.Pos() - 1
	}
	return 0
}
