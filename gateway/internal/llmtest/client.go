package llmtest

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/framing"
)

// Client is one format in which callers ask, and what such a caller makes of a reply.
type Client struct {
	// Name is the format's: chat, messages, responses or generateContent.
	Name string

	path func(model string, stream bool) string
	body func(model, text string, stream bool) object
	// event notes what one event of a stream says, or a whole plain reply.
	event func(s *Seen, name string, data any)
	plain func(s *Seen, body any)
	// fault returns the message of an error in the format, or "".
	fault func(body any) string
}

// Seen is what a caller sees of a reply.
type Seen struct {
	Status int
	Header http.Header
	// Text is all text that came, Complete whether the format's own end came with it.
	Text     string
	Complete bool
	// Errors are the messages of the errors in it: one where the status is an error's.
	Errors []string
	// Odd says what no caller of the format could read; empty when all is well.
	Odd string
	// First and Took are the times to the first byte of the body and to the end.
	First, Took time.Duration
	Body        []byte

	streamed bool
}

// The endings of a reply.
const (
	EndWhole   = "whole"   // complete, and no error
	EndRefused = "refused" // one error and no text
	EndInBand  = "in-band" // text, then one error in the stream, and never complete
)

// Ending returns how a reply ended: one of the constants, or what is wrong with it.
func (s *Seen) Ending() string {
	switch refused := s.Status >= 400; {
	case s.Odd != "":
		return "broken: " + s.Odd
	case s.Complete && len(s.Errors) > 0:
		return "broken: complete, with the error " + s.Errors[0]
	case len(s.Errors) > 1:
		return fmt.Sprintf("broken: the errors %q", s.Errors)
	case len(s.Errors) == 1 && (refused || s.streamed && s.Text == ""): // comments may have begun the stream
		return EndRefused
	case s.Complete && !refused:
		return EndWhole
	case len(s.Errors) == 1 && s.streamed:
		return EndInBand
	}
	return fmt.Sprintf("broken: status %d, and it just ends", s.Status)
}

// Clients returns the formats of callers.
func Clients() []Client {
	return []Client{chatClient(), messagesClient(), responsesClient(), geminiClient()}
}

// Ask sends a request to a gateway at base, such as http://127.0.0.1:8080, and reads the
// whole reply. Header is given as name, value, name, value. An error means that there was
// no reply at all.
func (c Client) Ask(ctx context.Context, base, model, text string, stream bool, header ...string) (*Seen, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, base+c.path(model, stream), bytes.NewReader(encode(c.body(model, text, stream))))
	if err != nil {
		return nil, err
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	start := time.Now()
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	s := &Seen{Status: resp.StatusCode, Header: resp.Header}
	body := &timedReader{Reader: resp.Body, start: start}
	s.Body, err = io.ReadAll(body)
	s.First, s.Took = body.first, time.Since(start)
	if err != nil {
		s.Odd = "the connection broke off: " + err.Error()
	}
	c.read(s)
	return s, nil
}

// timedReader notes when the first byte came.
type timedReader struct {
	io.Reader
	start time.Time
	first time.Duration
}

// Read implements io.Reader.
func (r *timedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	if n > 0 && r.first == 0 {
		r.first = time.Since(r.start)
	}
	return n, err
}

// read reads what came by the format's rules.
func (c Client) read(s *Seen) {
	s.streamed = strings.HasPrefix(s.Header.Get("Content-Type"), "text/event-stream")
	if !s.streamed {
		var body any
		if err := json.Unmarshal(s.Body, &body); err != nil {
			s.odd("the body is not JSON: %.200q", s.Body)
			return
		}
		if s.Status >= 400 {
			s.fail(c.fault(body))
			return
		}
		c.plain(s, body)
		return
	}
	r := framing.NewReader(bytes.NewReader(s.Body), 64<<20)
	defer r.Release()
	for {
		e, err := r.Next()
		if err == io.EOF {
			// Google's streams have no terminator, so an error after the finish reason says that it is broken.
			s.Complete = s.Complete && (c.Name != "generateContent" || len(s.Errors) == 0)
			return
		}
		if err != nil || e.Partial {
			s.odd("an event is cut off: %.200q", e.Raw)
			return
		}
		c.readEvent(s, e)
	}
}

func (c Client) readEvent(s *Seen, e framing.Event) {
	if len(e.Data) == 0 {
		return // a comment
	}
	if s.Complete && c.Name != "generateContent" {
		s.odd("%.200q after the end", e.Data)
		return
	}
	if string(e.Data) == "[DONE]" {
		s.Complete = true
		return
	}
	var data any
	if err := json.Unmarshal(e.Data, &data); err != nil {
		s.odd("an event is not JSON: %.200q", e.Data)
		return
	}
	c.event(s, string(e.Name), data)
}

func (s *Seen) odd(format string, args ...any) {
	if s.Odd == "" {
		s.Odd = fmt.Sprintf(format, args...)
	}
}

// fail notes an error's message; an empty one is not of the format.
func (s *Seen) fail(message string) {
	if message == "" {
		s.odd("the error is not in the format: %.300q", s.Body)
		return
	}
	s.Errors = append(s.Errors, message)
}

// text returns the member of v at a path as text, or "".
func text(v any, path ...string) string {
	t, _ := at(v, path...).(string)
	return t
}

// items returns the member of v at a path as a list.
func items(v any, path ...string) []any {
	list, _ := at(v, path...).([]any)
	return list
}

func openAIFault(body any) string {
	if text(body, "error", "type") == "" {
		return ""
	}
	return text(body, "error", "message")
}

func chatClient() Client {
	return Client{
		Name: "chat",
		path: func(string, bool) string { return "/v1/chat/completions" },
		body: func(model, text string, stream bool) object {
			return object{"model": model, "stream": stream, "messages": []object{{"role": "user", "content": text}}}
		},
		fault: openAIFault,
		event: func(s *Seen, _ string, data any) {
			if at(data, "error") != nil {
				s.fail(openAIFault(data))
			}
			for _, choice := range items(data, "choices") {
				s.Text += text(choice, "delta", "content")
			}
		},
		plain: func(s *Seen, body any) {
			for _, choice := range items(body, "choices") {
				s.Text += text(choice, "message", "content")
				s.Complete = text(choice, "finish_reason") != ""
			}
		},
	}
}

func messagesClient() Client {
	fault := func(body any) string {
		if text(body, "type") != "error" || text(body, "error", "type") == "" {
			return ""
		}
		return text(body, "error", "message")
	}
	return Client{
		Name: "messages",
		path: func(string, bool) string { return "/v1/messages" },
		body: func(model, text string, stream bool) object {
			return object{"model": model, "max_tokens": 200, "stream": stream, "messages": []object{{"role": "user", "content": text}}}
		},
		fault: fault,
		event: func(s *Seen, name string, data any) {
			if name != text(data, "type") {
				s.odd("the event %q has the type %q", name, text(data, "type"))
			}
			switch name {
			case "error":
				s.fail(fault(data))
			case "message_stop":
				s.Complete = true
			}
			s.Text += text(data, "delta", "text")
		},
		plain: func(s *Seen, body any) {
			for _, block := range items(body, "content") {
				s.Text += text(block, "text")
			}
			s.Complete = text(body, "stop_reason") != ""
		},
	}
}

func responsesClient() Client {
	return Client{
		Name: "responses",
		path: func(string, bool) string { return "/v1/responses" },
		body: func(model, text string, stream bool) object {
			return object{"model": model, "input": text, "stream": stream}
		},
		fault: openAIFault,
		event: func(s *Seen, name string, data any) {
			if name != text(data, "type") {
				s.odd("the event %q has the type %q", name, text(data, "type"))
			}
			switch name {
			case "error":
				s.fail(cmp.Or(text(data, "message"), text(data, "error", "message")))
			case "response.failed": // some clients read this event, others the one before it
				if message := text(data, "response", "error", "message"); len(s.Errors) == 0 || s.Errors[0] != message {
					s.fail(message)
				}
			case "response.completed":
				s.Complete = true
			case "response.output_text.delta":
				s.Text += text(data, "delta")
			}
		},
		plain: func(s *Seen, body any) {
			for _, item := range items(body, "output") {
				for _, part := range items(item, "content") {
					s.Text += text(part, "text")
				}
			}
			s.Complete = text(body, "status") == "completed"
		},
	}
}

func geminiClient() Client {
	fault := func(body any) string {
		if text(body, "error", "status") == "" || at(body, "error", "code") == nil {
			return ""
		}
		return text(body, "error", "message")
	}
	reply := func(s *Seen, body any) {
		if at(body, "error") != nil {
			s.fail(fault(body))
		}
		for _, candidate := range items(body, "candidates") {
			for _, part := range items(candidate, "content", "parts") {
				s.Text += text(part, "text")
			}
			s.Complete = s.Complete || text(candidate, "finishReason") != ""
		}
	}
	return Client{
		Name: "generateContent",
		path: func(model string, stream bool) string {
			if stream {
				return "/v1beta/models/" + model + ":streamGenerateContent?alt=sse"
			}
			return "/v1beta/models/" + model + ":generateContent"
		},
		body: func(_, text string, _ bool) object {
			return object{"contents": []object{{"role": "user", "parts": []object{{"text": text}}}}}
		},
		fault: fault,
		event: func(s *Seen, _ string, data any) { reply(s, data) },
		plain: reply,
	}
}
