package llmtest

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/framing"
)

// Gemini returns the reply as Gemini gives it to generateContent.
func (c Chat) Gemini() string {
	c = c.withDefaults()
	return string(encode(c.geminiReply(c.geminiParts(), true)))
}

// GeminiEvents returns the frames of the reply as streamGenerateContent?alt=sse sends it,
// one part each, the text word by word.
func (c Chat) GeminiEvents() [][]byte {
	c = c.withDefaults()
	var parts []object
	for _, p := range c.geminiParts() {
		text, spoken := p["text"].(string)
		if !spoken || p["thought"] == true {
			parts = append(parts, p)
			continue
		}
		for word := range strings.SplitAfterSeq(text, " ") {
			parts = append(parts, object{"text": word})
		}
	}
	var frames [][]byte
	for i, p := range parts {
		frames = append(frames, framing.AppendData(nil, encode(c.geminiReply([]object{p}, i == len(parts)-1))))
	}
	return frames
}

func (c Chat) geminiParts() []object {
	var parts []object
	if c.Thinking != "" {
		parts = append(parts, object{"text": c.Thinking, "thought": true})
	}
	if c.Text != "" {
		parts = append(parts, object{"text": c.Text})
	}
	for i, t := range c.Tools {
		part := object{"functionCall": object{"name": t.Name, "args": json.RawMessage(t.Arguments)}}
		if i == 0 && c.Signature != "" { // only the first of parallel calls has it
			part["thoughtSignature"] = c.Signature
		}
		parts = append(parts, part)
	}
	return parts
}

func (c Chat) geminiReply(parts []object, last bool) object {
	candidate := object{"index": 0, "content": object{"role": "model", "parts": parts}}
	if last {
		candidate["finishReason"] = c.geminiFinish()
	}
	usage := object{"promptTokenCount": c.Usage.Input, "candidatesTokenCount": c.Usage.Output - c.Usage.Reasoning,
		"thoughtsTokenCount": c.Usage.Reasoning, "cachedContentTokenCount": c.Usage.CacheRead, "totalTokenCount": c.Usage.Total()}
	c.setTier(usage, "serviceTier", "standard")
	return object{"candidates": []object{candidate}, "modelVersion": c.Model, "responseId": c.ID, "usageMetadata": usage}
}

// geminiFinish is STOP also for function calls.
func (c Chat) geminiFinish() string {
	switch c.Finish {
	case "length":
		return "MAX_TOKENS"
	case "content_filter":
		return "SAFETY"
	}
	return "STOP"
}

// GeminiError returns an error body in Google's format.
func GeminiError(code int, message string) string {
	status := map[int]string{http.StatusBadRequest: "INVALID_ARGUMENT", http.StatusUnauthorized: "UNAUTHENTICATED",
		http.StatusForbidden: "PERMISSION_DENIED", http.StatusNotFound: "NOT_FOUND", http.StatusTooManyRequests: "RESOURCE_EXHAUSTED",
		http.StatusServiceUnavailable: "UNAVAILABLE", http.StatusGatewayTimeout: "DEADLINE_EXCEEDED"}[code]
	if status == "" {
		status = "INTERNAL"
	}
	return string(encode(object{"error": object{"code": code, "message": message, "status": status}}))
}
