package dialect

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"strconv"
	"time"

	"github.com/tidwall/gjson"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/sse"
)

// Translator runs the modules that know other wire formats. Its errors are
// *llm.Error: a module that refuses a request says why to the caller, one that
// misbehaves is FaultTransform. It must be safe for concurrent use.
type Translator interface {
	// Request makes the provider's request of a canonical one, without credentials.
	Request(ctx context.Context, e Envelope, body []byte) (llm.Call, error)
	// Response makes a canonical completion of a provider's reply. A provider's error
	// comes back as *llm.Error with the provider's code and status, its Fault unset.
	Response(ctx context.Context, e Envelope, a *llm.Answer, body []byte) ([]byte, error)
	// Event appends the canonical chunks that follow from one event to dst, a line
	// each, and gives the stream's next state. state is nil at first. The result is
	// valid until the next call with the same dst.
	Event(ctx context.Context, e Envelope, state, name, data, dst []byte) (next, out []byte, err error)
}

// Envelope is what a module is told about the request besides its body.
type Envelope struct {
	Target    *llm.Target
	RequestID string
	Stream    bool
	// IncludeUsage says that the client asked for a usage chunk.
	IncludeUsage bool
	Created      time.Time
}

// The events that the gateway adds to a provider's stream: what a module needs to
// know first, and that nothing more will come.
var (
	startEvent = []byte("penstock.start")
	endEvent   = []byte("penstock.end")
)

func envelope(req *llm.Request, t *llm.Target) Envelope {
	return Envelope{Target: t, RequestID: req.ID, Stream: req.Facts.Stream, IncludeUsage: req.Facts.IncludeUsage, Created: req.Received}
}

func (d *Dialects) translateRequest(ctx context.Context, req *llm.Request, t *llm.Target, maxOutput int64) (llm.Call, error) {
	body := canonical(req, maxOutput)
	call, err := d.Modules.Request(ctx, envelope(req, t), body)
	if err != nil {
		return llm.Call{}, err
	}
	call.Stream = req.Facts.Stream
	return call, nil
}

// canonical is the client's request with the gateway's own members taken out and
// its obligations put in.
func canonical(req *llm.Request, maxOutput int64) []byte {
	f := &req.Facts
	var edits []edit
	if !f.CacheAt.IsZero() {
		edits = append(edits, edit{at: f.CacheAt})
	}
	if maxOutput > 0 && !f.MaxTokensAt.IsZero() {
		edits = append(edits, edit{f.MaxTokensAt, strconv.AppendInt(nil, maxOutput, 10)})
	} else if maxOutput > 0 {
		edits = append(edits, insert(f, strconv.AppendInt([]byte(`,"max_completion_tokens":`), maxOutput, 10)))
	}
	return apply(req.Body, edits)
}

// translateResponse gives the canonical form of a plain reply, or the provider's
// error in it.
func (d *Dialects) translateResponse(ctx context.Context, req *llm.Request, t *llm.Target, a *llm.Answer, body []byte) ([]byte, error) {
	out, err := d.Modules.Response(ctx, envelope(req, t), a, body)
	if err == nil {
		return out, nil
	}
	var e *llm.Error
	if !errors.As(err, &e) || e.Fault != llm.FaultNone {
		return nil, err
	}
	e.Fault = d.Classify(e, a.Header, nil)
	return nil, e
}

// translated is a provider's stream on its way through a module.
type translated struct {
	dialects *Dialects
	ctx      context.Context
	envelope Envelope
	answer   *llm.Answer
	sse      *sse.Reader
	watch    watcher
	state    []byte
	// out is the module's last result, lines what of it has not been sent yet; frame
	// is the frame under construction.
	out, lines, frame []byte
	begun, ended      bool
	eof, closed       bool
}

func (d *Dialects) translateEvents(ctx context.Context, req *llm.Request, t *llm.Target, a *llm.Answer) (llm.Stream, error) {
	return &translated{dialects: d, ctx: ctx, envelope: envelope(req, t), answer: a, sse: sse.NewReader(a.Body, 0),
		watch: watcher{showUsage: req.Facts.IncludeUsage}}, nil
}

// Next gives the next canonical chunk as a frame. The module says when the reply is
// complete; a stream that ends without its saying so is not.
func (s *translated) Next() (llm.Event, error) {
	for {
		if s.ended {
			s.drain()
			return llm.Event{}, io.EOF
		}
		if line, ok := s.line(); ok {
			return s.emit(line)
		}
		if s.eof {
			return llm.Event{}, cut()
		}
		if err := s.feed(); err != nil {
			return llm.Event{}, err
		}
	}
}

// line takes the next line of what the module said.
func (s *translated) line() ([]byte, bool) {
	for len(s.lines) > 0 {
		line, rest, _ := bytes.Cut(s.lines, []byte("\n"))
		s.lines = rest
		if len(line) > 0 {
			return line, true
		}
	}
	return nil, false
}

// feed gives the module the next event of the provider.
func (s *translated) feed() error {
	if !s.begun {
		s.begun = true
		return s.call(startEvent, nil)
	}
	ev, err := s.sse.Next()
	switch {
	case err == io.EOF || err == nil && ev.Partial:
		s.eof = true
		return s.call(endEvent, nil)
	case err != nil:
		return s.dialects.broken(err)
	case len(ev.Data) == 0:
		return nil
	}
	return s.call(ev.Name, ev.Data)
}

func (s *translated) call(name, data []byte) error {
	next, out, err := s.dialects.Modules.Event(s.ctx, s.envelope, s.state, name, data, s.out[:0])
	if err != nil {
		return err
	}
	s.state, s.out, s.lines = append(s.state[:0], next...), out, out
	return nil
}

// emit frames one line for the client.
func (s *translated) emit(line []byte) (llm.Event, error) {
	if bytes.Equal(line, done) {
		s.ended = true
		return terminator, nil
	}
	if !gjson.ValidBytes(line) {
		return llm.Event{}, &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform,
			Message: "The dialect module for " + string(s.envelope.Target.Dialect) + " gave an event that is not JSON."}
	}
	if isErrorEvent(nil, line) {
		return llm.Event{}, s.dialects.ErrorOf(s.answer.Status, s.answer.Header, line)
	}
	s.frame = sse.AppendData(s.frame[:0], line)
	ev := llm.Event{Frame: s.frame, Data: line, More: len(s.lines) > 0 || s.sse.Buffered() > 0}
	s.watch.see(&ev)
	return ev, nil
}

// drain takes in the closing bytes of the connection, so that it can be used again.
func (s *translated) drain() {
	for !s.eof {
		_, err := s.sse.Next()
		s.eof = err != nil
	}
}

// Tally is what the chunks so far have said.
func (s *translated) Tally() llm.Tally { return s.watch.tally }

// Close releases the connection. It may be called twice.
func (s *translated) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.sse.Release()
	return s.answer.Body.Close()
}
