package llmtest

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// What Model says. ModelArguments are those of its calls, and its structured output.
const (
	ModelText      = "Gateways keep good company."
	ModelResult    = "It is 21 degrees in Oslo."
	ModelThinking  = "Something nice is wanted."
	ModelSignature = "c2lnbmVkIGJ5IHRoZSBwcm92aWRlcg=="
	ModelArguments = `{"city":"Oslo","degrees":21}`
	ModelTokens    = 10 // of any prompt
)

// Model answers in the format of the request's path, plain or streamed, as a small model
// would: it calls the first tool of the request (twice if the last message has the word
// "both") until it is given results, which it answers with ModelResult; it gives
// ModelArguments where JSON is asked for, and ModelText otherwise. Where the request has a
// setting for thinking, it begins with ModelThinking. It also counts tokens, and embeds texts
// as ModelVector. The model's name may ask for a fault:
//
//	fail-429  an error with that status
//	cut       the connection closes in the middle of the reply
//	stall     nothing follows the first half of a stream until the client is gone
//
// or, as tier-flex and the like, for a service tier that the reply names.
func Model() Step { return answering((*question).chat) }

// Agent answers as Model does, for an agent that solves a task in several turns: the model
// makes the calls one after the other, each when it has the results of those before, and
// then says done. Requests that do not declare the tool of the call get ModelText.
func Agent(done string, calls ...ToolCall) Step {
	return answering(func(q *question) Chat {
		n := q.results()
		switch {
		case n >= len(calls) && len(q.tools()) > 0:
			return Chat{Model: q.model, Text: done}
		case n < len(calls) && slices.Contains(q.tools(), calls[n].Name):
			return Chat{Model: q.model, Tools: calls[n : n+1]}
		}
		return Chat{Model: q.model, Text: ModelText}
	})
}

// Answers answers in the format of the request's path, plain or streamed, with the reply that
// chat returns for the model's name.
func Answers(chat func(model string) Chat) Step {
	return answering(func(q *question) Chat { return chat(q.model) })
}

// answering reads a request and answers with what chat makes of it.
func answering(chat func(*question) Chat) Step {
	return func(x *Exchange) {
		q, err := readQuestion(x.R)
		if err != nil {
			JSON(http.StatusBadRequest, OpenAIError("invalid_request_error", "invalid_request", err.Error()))(x)
			return
		}
		q.reply = chat(q)
		q.step()(x)
	}
}

// step returns what answers the question.
func (q *question) step() Step {
	if code, ok := strings.CutPrefix(q.model, "fail-"); ok {
		status, err := strconv.Atoi(code)
		if err != nil {
			status = http.StatusInternalServerError
		}
		return JSON(status, q.fault(status))
	}
	switch {
	case q.kind == counting:
		return JSON(http.StatusOK, fmt.Sprintf(`{"input_tokens":%d,"totalTokens":%[1]d}`, ModelTokens))
	case q.kind == embedding:
		return JSON(http.StatusOK, q.vectors())
	case q.stream && q.model == "stall":
		return Steps(Frames(half(q.events())...), Stall())
	case q.stream && q.model == "cut":
		return Steps(Frames(half(q.events())...), Cut())
	case q.model == "stall":
		return Stall()
	case q.model == "cut":
		body := []byte(q.plain())
		return WrongLength(len(body), string(half(body)))
	case q.stream:
		return Frames(q.events()...)
	}
	return JSON(http.StatusOK, q.plain())
}

// half is the first half of something.
func half[T any](all []T) []T { return all[:len(all)/2] }

func (q *question) plain() string {
	switch q.kind {
	case messages:
		return q.reply.Anthropic()
	case responses:
		return q.reply.Responses()
	case generateContent:
		return q.reply.Gemini()
	case completions:
		return q.reply.Completion()
	}
	return q.reply.OpenAI()
}

func (q *question) events() [][]byte {
	switch q.kind {
	case messages:
		return q.reply.AnthropicEvents()
	case responses:
		return q.reply.ResponsesEvents()
	case generateContent:
		return q.reply.GeminiEvents()
	case completions:
		return q.reply.CompletionPieces(q.at("stream_options", "include_usage") == true)
	}
	return q.reply.OpenAIChunks(q.at("stream_options", "include_usage") == true)
}

func (q *question) fault(status int) string {
	message := "This model fails with status " + strconv.Itoa(status) + "."
	switch q.kind {
	case messages:
		return AnthropicError(anthropicKind(status), message)
	case generateContent:
		return GeminiError(status, message)
	}
	return OpenAIError("server_error", "test_failure", message)
}

// anthropicKind is the type of Anthropic's errors with a status.
func anthropicKind(status int) string {
	switch status {
	case http.StatusBadRequest:
		return "invalid_request_error"
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case 529:
		return "overloaded_error"
	}
	return "api_error"
}
