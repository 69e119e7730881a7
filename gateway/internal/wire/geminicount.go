package wire

import (
	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire/intake"
)

// countGemini is Google's API for counting the tokens of a prompt
// (https://ai.google.dev/api/tokens).
var countGemini = &Format{
	Endpoint: llm.CountTokens,
	Dialect:  llm.Gemini,
	Title:    "the tokens of a Gemini request",
	target:   methodTarget("countTokens"),
	facts:    countOnly(intake.ScanCountTokens),
	call:     callGeminiCount,
	read:     passing{failure: (*Dialects).geminiError, whole: (*Dialects).wholeCount}.read,
	render:   renderGemini,
	breakOff: breakGemini,
}

// callGeminiCount asks a target that speaks Google's format. Of any other the likely size is
// the answer, as for the other APIs that count.
func callGeminiCount(_ *Dialects, x *llm.Exchange) (llm.Call, error) {
	if !x.Sent.PassesTo(x.Target) {
		return estimatedCount(x, `{"totalTokens":`, `}`), nil
	}
	return llm.Call{Path: geminiPath(x.Target.Model) + ":countTokens", Body: apply(x.Sent.Body, renameModels(x))}, nil
}

// renameModels names the target's model wherever a body of Google's repeats the client's.
func renameModels(x *llm.Exchange) []edit {
	if x.Sent.Facts.Model == x.Target.Model || x.Sent.Facts.ModelAt.IsZero() {
		return nil
	}
	s := newScan(x.Sent.Body)
	return s.renameModels(nil, jsontext.AppendQuote(nil, geminiName(x.Target.Model)))
}

// renameModels appends an edit for the model of a request, and of those within it.
func (s *scan) renameModels(edits []edit, to []byte) []edit {
	for in := s.enter('{'); in && s.More('}'); {
		switch name := s.Name(); {
		case name.Is("model") && s.Peek() == '"':
			start := s.Pos()
			s.Skip()
			edits = append(edits, edit{llm.Span{Start: start, End: s.Pos()}, to})
		case name.Is("generateContentRequest") || name.Is("generate_content_request"):
			edits = s.renameModels(edits, to)
		case name.Is("requests"):
			for list := s.enter('['); list && s.More(']'); {
				edits = s.renameModels(edits, to)
			}
		default:
			s.Skip()
		}
	}
	return edits
}
