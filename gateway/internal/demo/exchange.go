package demo

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/jsontext"
)

// exchange is one request and its reply.
type exchange struct {
	s       *Server
	w       http.ResponseWriter
	ctx     context.Context
	req     *request
	id      string
	created int64
	buf     []byte
}

// serve answers the request, with the fault that it asks for. To close the connection
// early it panics with http.ErrAbortHandler, the way that net/http provides.
func (x *exchange) serve() {
	if status, ok := statusOf(x.req.fault); ok {
		refuse(x.w, status, requestedFault(status))
		return
	}
	r := compose(x.req)
	if x.req.Stream {
		x.stream(r)
		return
	}
	x.plain(r)
}

// wait waits as long as a model would take. If the caller is gone it aborts.
func (x *exchange) wait(d time.Duration) {
	if x.s.o.Pause(x.ctx, d) != nil {
		panic(http.ErrAbortHandler)
	}
}

// stall sends nothing more until the caller is gone or MaxStall is over.
func (x *exchange) stall() {
	x.wait(x.s.o.MaxStall)
	panic(http.ErrAbortHandler)
}

func (x *exchange) pace() (first, each time.Duration) {
	if x.req.fault == "slow" {
		return slowFirstDelay, slowWordDelay
	}
	return x.req.spec.firstDelay, x.req.spec.wordDelay
}

// plain answers with one JSON body, after the time that streaming it would take.
func (x *exchange) plain(r reply) {
	if x.req.fault == "stall" {
		x.stall()
	}
	first, each := x.pace()
	x.wait(first + each*time.Duration(len(r.pieces)))
	x.completion(r)
	x.w.Header().Set("Content-Type", "application/json")
	x.w.Header().Set("Content-Length", strconv.Itoa(len(x.buf)))
	if x.req.fault == "cut" {
		x.buf = x.buf[:len(x.buf)/2]
		x.send()
		panic(http.ErrAbortHandler)
	}
	x.w.Write(x.buf)
}

// send writes what is in the buffer and flushes it.
func (x *exchange) send() {
	_, err := x.w.Write(x.buf)
	if err != nil || http.NewResponseController(x.w).Flush() != nil {
		panic(http.ErrAbortHandler)
	}
	x.buf = x.buf[:0]
}

// stream answers word by word. A stream that stalls begins but has no content; one that is
// cut ends after half of its words.
func (x *exchange) stream(r reply) {
	x.w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	x.w.Header().Set("Cache-Control", "no-cache")
	first, each := x.pace()
	x.opening(r)
	x.send()
	if x.req.fault == "stall" {
		x.stall()
	}
	x.wait(first)
	for i, piece := range r.pieces {
		if i > 0 {
			x.wait(each)
		}
		for choice := range x.req.Choices {
			x.delta(choice, r, piece)
		}
		x.send()
		if x.req.fault == "cut" && 2*(i+1) >= len(r.pieces) {
			panic(http.ErrAbortHandler)
		}
	}
	x.closing(r)
	x.send()
}

// opening appends the first chunk of every choice.
func (x *exchange) opening(r reply) {
	for choice := range x.req.Choices {
		x.begin(choice)
		x.raw(`{"role":"assistant","content":`)
		if r.call == "" {
			x.raw(`"","refusal":null}`)
		} else {
			x.raw(`null,"tool_calls":[{"index":0,"id":`)
			x.text(x.callID(choice))
			x.raw(`,"type":"function","function":{"name":`)
			x.text(r.call)
			x.raw(`,"arguments":""}}]}`)
		}
		x.end("")
	}
}

// delta appends a chunk with one piece of text or arguments.
func (x *exchange) delta(choice int, r reply, piece string) {
	x.begin(choice)
	if r.call == "" {
		x.raw(`{"content":`)
		x.text(piece)
		x.raw(`}`)
	} else {
		x.raw(`{"tool_calls":[{"index":0,"function":{"arguments":`)
		x.text(piece)
		x.raw(`}}]}`)
	}
	x.end("")
}

// closing appends the finish reasons, the usage if it was asked for, and the terminator.
func (x *exchange) closing(r reply) {
	for choice := range x.req.Choices {
		x.begin(choice)
		x.raw(`{}`)
		x.end(r.finish)
	}
	if x.req.Options.IncludeUsage {
		x.head()
		x.raw(`"choices":[],"usage":`)
		x.usage(r)
		x.raw("}\n\n")
	}
	x.raw("data: [DONE]\n\n")
}

// head begins a chunk.
func (x *exchange) head() {
	x.raw(`data: `)
	x.object("chat.completion.chunk")
}

// object begins a reply object of this kind.
func (x *exchange) object(kind string) {
	x.raw(`{"id":`)
	x.text(x.id)
	x.raw(`,"object":"` + kind + `","created":`)
	x.buf = strconv.AppendInt(x.buf, x.created, 10)
	x.raw(`,"model":`)
	x.text(x.req.Model)
	x.raw(`,"system_fingerprint":"fp_demo",`)
}

// begin appends the beginning of a chunk, up to its delta.
func (x *exchange) begin(choice int) {
	x.head()
	x.raw(`"choices":[{"index":`)
	x.buf = strconv.AppendInt(x.buf, int64(choice), 10)
	x.raw(`,"delta":`)
}

// end appends the end of a chunk, after its delta.
func (x *exchange) end(finish string) {
	x.raw(`,"logprobs":null,"finish_reason":`)
	if finish == "" {
		x.raw(`null}]`)
	} else {
		x.text(finish)
		x.raw(`}]`)
	}
	if x.req.Options.IncludeUsage {
		x.raw(`,"usage":null`)
	}
	x.raw("}\n\n")
}

// completion appends the whole reply as one JSON object.
func (x *exchange) completion(r reply) {
	x.object("chat.completion")
	x.raw(`"choices":[`)
	for choice := range x.req.Choices {
		if choice > 0 {
			x.raw(`,`)
		}
		x.raw(`{"index":`)
		x.buf = strconv.AppendInt(x.buf, int64(choice), 10)
		x.raw(`,"message":`)
		x.message(choice, r)
		x.raw(`,"logprobs":null,"finish_reason":`)
		x.text(r.finish)
		x.raw(`}`)
	}
	x.raw(`],"usage":`)
	x.usage(r)
	x.raw(`}`)
}

func (x *exchange) message(choice int, r reply) {
	text := strings.Join(r.pieces, "")
	x.raw(`{"role":"assistant","content":`)
	if r.call == "" {
		x.text(text)
		x.raw(`,"refusal":null}`)
		return
	}
	x.raw(`null,"refusal":null,"tool_calls":[{"id":`)
	x.text(x.callID(choice))
	x.raw(`,"type":"function","function":{"name":`)
	x.text(r.call)
	x.raw(`,"arguments":`)
	x.text(text)
	x.raw(`}}]}`)
}

func (x *exchange) callID(choice int) string {
	return "call_" + x.id[len("chatcmpl-"):] + "-" + strconv.Itoa(choice)
}

// usage appends the usage: the prompt once, and every choice.
func (x *exchange) usage(r reply) {
	out := r.size * int64(x.req.Choices)
	x.raw(`{"prompt_tokens":`)
	x.buf = strconv.AppendInt(x.buf, x.req.prompt, 10)
	x.raw(`,"completion_tokens":`)
	x.buf = strconv.AppendInt(x.buf, out, 10)
	x.raw(`,"total_tokens":`)
	x.buf = strconv.AppendInt(x.buf, x.req.prompt+out, 10)
	x.raw(`,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`)
}

func (x *exchange) raw(s string) { x.buf = append(x.buf, s...) }

// text appends a JSON string.
func (x *exchange) text(s string) { x.buf = jsontext.AppendQuote(x.buf, s) }
