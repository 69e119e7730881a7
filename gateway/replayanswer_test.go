package main

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// spoken is what a client says of one reply, in its own words.
type spoken struct {
	Model   string
	Text    string
	Refusal string
	Calls   []spokenCall
	Finish  string
	Usage   map[string]any
	Error   *fault
}

type spokenCall struct {
	Name      string
	Arguments string
}

// fault is the error that a client raised.
type fault struct {
	Class   string
	Status  int
	Message string
}

// answer is what a reply holds, in one form for all dialects.
type answer struct {
	Text   string
	Calls  []answerCall
	Finish string
	// Usage is nil when the provider counts nothing.
	Usage *tokens
	// Status is the error's; 0 is none. Where the provider's error came in a reply of status
	// 200, it is failedInside. Class is that of the client.
	Status int
	Class  string
	// Message is part of the error's message.
	Message string
}

type answerCall struct {
	Name      string
	Arguments any
}

// tokens are counts: In with what a cache had, which Cached is, Out with reasoning.
type tokens struct{ In, Out, Cached int64 }

// finishWords are the clients' words for finish reasons, and the providers'.
var finishWords = map[string]map[string]string{
	"openai": {"stop": "stop", "length": "length", "tool_calls": "tool_calls", "content_filter": "content_filter",
		"eos": "stop", "model_length": "length", "function_call": "tool_calls"},
	"openai-responses": {"completed": "stop", "complete": "stop", "max_output_tokens": "length", "content_filter": "content_filter"},
	"anthropic": {"end_turn": "stop", "stop_sequence": "stop", "pause_turn": "stop", "max_tokens": "length",
		"model_context_window_exceeded": "length", "tool_use": "tool_calls", "refusal": "content_filter"},
	"gemini": {"STOP": "stop", "1": "stop", "MAX_TOKENS": "length", "SAFETY": "content_filter", "PROHIBITED_CONTENT": "content_filter", "MODEL_ARMOR": "content_filter"},
	"cohere": {"COMPLETE": "stop", "STOP_SEQUENCE": "stop", "MAX_TOKENS": "length", "TOOL_CALL": "tool_calls"},
	"ollama": {"stop": "stop", "load": "stop", "length": "length"},
	"vercel": {"stop": "stop", "length": "length", "tool-calls": "tool_calls", "content-filter": "content_filter"},
}

// answer puts what the client says into that form. A refusal is text, as it is in dialects
// that have no place for one. Of what the provider did not count, and of how it ended if the
// provider did not say, the client may say anything.
func (c replayClient) answer(s spoken, want answer) answer {
	if s.Error != nil {
		return s.Error.answer(want)
	}
	a := answer{Text: s.Text, Finish: finishWord(c.dialect, s), Usage: countTokens(c.dialect, s.Usage)}
	if s.Refusal != "" && (c.dialect != "gemini" || a.Finish == "content_filter") { // Google also says why a reply ended well
		a.Text, a.Finish = s.Text+s.Refusal, "content_filter"
	}
	if want.Usage == nil {
		a.Usage = nil
	}
	if want.Finish == "" {
		a.Finish = ""
	}
	for _, call := range s.Calls {
		a.Calls = append(a.Calls, answerCall{call.Name, parsedArguments(call.Arguments)})
	}
	return a
}

// finishWord is the finish reason in OpenAI's words. Google and the Responses API do not say
// of calls that they ended the reply.
func finishWord(dialect string, s spoken) string {
	word, ok := finishWords[dialect][s.Finish]
	if !ok && s.Finish != "" {
		return "unknown: " + s.Finish
	}
	if word == "stop" && len(s.Calls) > 0 {
		return "tool_calls"
	}
	return word
}

// parsedArguments are the arguments of a call. None are an empty object, and what is no
// JSON stays text.
func parsedArguments(text string) any {
	if text == "" {
		text = "{}"
	}
	var v any
	if json.Unmarshal([]byte(text), &v) != nil {
		return text
	}
	return v
}

// countTokens reads a usage object of a dialect, by the rules of the provider whose dialect
// it is.
func countTokens(dialect string, usage map[string]any) *tokens {
	n := func(path ...string) int64 {
		f, _ := dig(usage, path...).(float64)
		return int64(f)
	}
	if len(usage) == 0 {
		return nil
	}
	var t tokens
	switch dialect {
	case "openai":
		t = tokens{n("prompt_tokens"), n("completion_tokens"), max(n("prompt_tokens_details", "cached_tokens"), n("prompt_cache_hit_tokens"))}
		// xAI leaves reasoning out of completion_tokens, but not out of the total.
		if r := n("completion_tokens_details", "reasoning_tokens"); n("total_tokens") == t.In+t.Out+r {
			t.Out += r
		}
	case "openai-responses":
		t = tokens{n("input_tokens"), n("output_tokens"), n("input_tokens_details", "cached_tokens")}
	case "anthropic":
		t = anthropicTokens(usage)
	case "gemini":
		t = tokens{n("promptTokenCount") + n("toolUsePromptTokenCount"), n("candidatesTokenCount") + n("thoughtsTokenCount"), n("cachedContentTokenCount")}
	case "cohere":
		t = tokens{n("tokens", "input_tokens") + n("tokens", "image_tokens"), n("tokens", "output_tokens"), n("cached_tokens")}
	case "vercel":
		t = tokens{n("inputTokens"), n("outputTokens"), n("inputTokenDetails", "cacheReadTokens")}
	}
	if t == (tokens{}) {
		return nil
	}
	t.Cached = min(t.Cached, t.In)
	return &t
}

// anthropicTokens adds up what Anthropic counts: the cache apart from the input and, of a
// reply made in several passes, each pass but those of another model.
func anthropicTokens(usage map[string]any) (t tokens) {
	passes, _ := usage["iterations"].([]any)
	if len(passes) == 0 {
		passes = []any{usage}
	}
	for _, pass := range passes {
		n := func(name string) int64 {
			f, _ := dig(pass, name).(float64)
			return int64(f)
		}
		if dig(pass, "type") == "advisor_message" {
			continue
		}
		read := n("cache_read_input_tokens")
		t.In += n("input_tokens") + read + n("cache_creation_input_tokens")
		t.Out, t.Cached = t.Out+n("output_tokens"), t.Cached+read
	}
	return t
}

// dig returns what is at a path within objects and lists of JSON, or nil; "0" is the first of a
// list.
func dig(v any, path ...string) any {
	for _, name := range path {
		if list, ok := v.([]any); ok && name == "0" && len(list) > 0 {
			v = list[0]
			continue
		}
		o, _ := v.(map[string]any)
		v = o[name]
	}
	return v
}

// failedInside stands for the status of an error that came in a reply of status 200: the
// client may have begun to read when it comes.
const failedInside = -1

// errorClasses are the clients' classes of errors by status. Others are those of servers.
var errorClasses = map[int]string{http.StatusBadRequest: "BadRequestError", http.StatusUnauthorized: "AuthenticationError",
	http.StatusForbidden: "PermissionDeniedError", http.StatusNotFound: "NotFoundError", http.StatusUnprocessableEntity: "UnprocessableEntityError",
	http.StatusTooManyRequests: "RateLimitError"}

// serverErrors are the clients' classes of errors of servers, and those of clients with one
// class for all errors.
var serverErrors, anyErrors = []string{"InternalServerError", "ServiceUnavailableError", "OverloadedError", "ServerError"},
	[]string{"*apierror.Error", "APICallError", "ApiError"}

// answer puts an error into the form of answers: its class is right if it is that of the
// wanted status, and its message if the wanted one is in it.
func (f *fault) answer(want answer) answer {
	a := answer{Status: f.Status, Message: f.Message, Class: f.Class}
	if want.Status == failedInside {
		a.Status = failedInside
	}
	if want.Message != "" && strings.Contains(f.Message, want.Message) {
		a.Message = want.Message
	}
	if want.Status == failedInside || f.classFits() {
		a.Class = ""
	}
	return a
}

// classFits reports whether the class is the client's for the status.
func (f *fault) classFits() bool {
	switch {
	case slices.Contains(anyErrors, f.Class):
		return true
	case f.Status >= http.StatusInternalServerError:
		return slices.Contains(serverErrors, f.Class)
	}
	return f.Class == errorClasses[f.Status] || f.Class == "ClientError"
}
