package wire

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Translator runs the modules that know other wire formats. Its errors are
// *llm.Error: a module that refuses a request says why to the caller, one that
// misbehaves is FaultTransform. It must be safe for concurrent use.
type Translator interface {
	// Request makes the provider's request of a canonical one, without credentials.
	Request(ctx context.Context, e Envelope, body []byte) (llm.Call, Notes, error)
	// Response makes a canonical completion of a provider's reply. A provider's error
	// comes back as *llm.Error with its status and pause, its Body in the canonical form
	// and no Fault: the caller classifies it.
	Response(ctx context.Context, e Envelope, a *llm.Answer, body []byte) ([]byte, error)
	// Events opens the translation of one provider's stream.
	Events(ctx context.Context, e Envelope) (Translation, error)
}

// Notes are what a module says beside the request that it has made.
type Notes struct {
	// Dropped names members of the request that the format has no place for, or that were
	// changed to fit it.
	Dropped []string
	// Context is a JSON object that the module wants to see again with the reply, or nil.
	Context []byte
}

// Translation is one stream on its way through a module. It is used by one goroutine
// at a time.
type Translation interface {
	// Next gives the canonical lines that follow from one event: chunks, [DONE], or
	// an error object. They are valid JSON, and valid until the next call.
	Next(ctx context.Context, name string, data []byte) ([][]byte, error)
	// End gives what is left to say after the provider's last event.
	End(ctx context.Context) ([][]byte, error)
	// Close lets the module go. It may be called twice.
	Close()
}

// Envelope is what a module gets of the request besides its body.
type Envelope struct {
	Target    *llm.Target
	RequestID string
	Stream    bool
	// IncludeUsage says that the client asked for a usage chunk.
	IncludeUsage bool
	Created      time.Time
	// Context is what the module noted when it made the request, for the reply.
	Context []byte
}

func envelope(req *llm.Request, x *llm.Exchange) Envelope {
	return Envelope{Target: x.Target, RequestID: req.ID, Stream: req.Facts.Stream, IncludeUsage: wantsUsage(req),
		Created: req.Received, Context: x.Context}
}

// translateRequest puts a request, which transforms may have changed, into the target's
// format.
func (d *Dialects) translateRequest(ctx context.Context, x *llm.Exchange) (llm.Call, error) {
	req := x.Sent
	call, notes, err := d.Modules.Request(ctx, envelope(req, x), canonical(req, x.MaxOutput))
	if err != nil {
		return llm.Call{}, err
	}
	x.Dropped, x.Context = notes.Dropped, notes.Context
	if x.Route.RejectUnsupported && len(x.Dropped) > 0 {
		return llm.Call{}, unsupported(x)
	}
	call.Stream = req.Facts.Stream
	return call, nil
}

// withoutExtensions takes out of a canonical request what is there because its client's
// format has it, and OpenAI's has not.
func (d *Dialects) withoutExtensions(ctx context.Context, x *llm.Exchange) error {
	call, err := d.translateRequest(ctx, x)
	if err != nil {
		return err
	}
	facts, err := scanAgain(call.Body)
	if err != nil {
		return &llm.Error{Code: llm.CodeInternal, Status: http.StatusBadGateway, Fault: llm.FaultTransform,
			Message: "The gateway's module made a request that can't be sent.", Err: err}
	}
	req := *x.Sent
	req.Body, req.Facts = call.Body, facts
	if x.Sent = &req; x.MaxOutput > 0 {
		x.MaxOutput = facts.MaxTokens // the module may have lowered it
	}
	return nil
}

// unsupported refuses a target that would leave a part of the request out.
func unsupported(x *llm.Exchange) error {
	names := strings.Join(x.Dropped, ", ")
	return &llm.Error{Code: llm.CodeUnsupported, Status: http.StatusBadRequest, Param: x.Dropped[0], Fault: llm.FaultUnsupported,
		Message: fmt.Sprintf("%s has no equivalent for %s. Remove it, or ask the gateway's operator for on_unsupported: drop.", x.Target.ID, names)}
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
func (d *Dialects) translateResponse(ctx context.Context, x *llm.Exchange, a *llm.Answer, body []byte) ([]byte, error) {
	return d.Modules.Response(ctx, envelope(x.Request, x), a, body)
}

// translated is a provider's stream on its way through a module.
type translated struct {
	dialects *Dialects
	ctx      context.Context
	module   Translation
	answer   *llm.Answer
	events   framing.Source
	chunks   *chunkReader
	// native says that the provider's errors are read here and not by the module.
	native bool
	// lines is what the module has made and the client has not been sent, frame the
	// frame under construction.
	lines [][]byte
	frame []byte
	// eof says that the provider's stream is over, torn that it ended inside an event.
	ended, eof, torn, closed bool
}

func (d *Dialects) translateEvents(ctx context.Context, x *llm.Exchange, a *llm.Answer, kind framing.Kind) (llm.Stream, error) {
	req := x.Request
	e := envelope(req, x)
	e.IncludeUsage = true // a client that did not ask for it is not shown it
	module, err := d.Modules.Events(ctx, e)
	if err != nil {
		a.Body.Close()
		return nil, err
	}
	return &translated{dialects: d, ctx: ctx, module: module, answer: a, events: framing.Open(kind, a.Body, d.maxEvent()),
		chunks: newChunkReader(d, x, a), native: d.readsErrorsOf(x.Target.Dialect)}, nil
}

// Next gives the next canonical chunk as a frame. What the provider sends and the
// module makes nothing of is a hidden event without a frame.
func (s *translated) Next() (llm.Event, error) {
	if s.ended {
		return llm.Event{}, io.EOF
	}
	if len(s.lines) == 0 && !s.eof {
		if err := s.feed(); err != nil {
			return llm.Event{}, err
		}
	}
	ev, err := s.next()
	s.ended = ev.Final
	ev.More = !ev.Final && (len(s.lines) > 0 || s.eof || s.events.Ready())
	return ev, err
}

// next gives what the module has made, or how the stream has ended.
func (s *translated) next() (llm.Event, error) {
	switch {
	case len(s.lines) > 0:
		line := s.lines[0]
		s.lines = s.lines[1:]
		if s.note(line) {
			return llm.Event{Hidden: true}, nil
		}
		return s.emit(line)
	case s.torn:
		return llm.Event{}, cut()
	case s.eof:
		return s.chunks.over()
	}
	return llm.Event{Hidden: true}, nil
}

// feed gives the module the next event of the provider. The last one may lack the blank
// line after it, but must not end in the middle of its data.
func (s *translated) feed() error {
	ev, err := s.events.Next()
	data := bytes.TrimSpace(ev.Data)
	switch {
	case err == io.EOF:
		return s.end()
	case timedOut(err):
		return s.endLate(s.dialects.broken(err))
	case err != nil:
		return s.dialects.broken(err)
	case len(data) == 0 && string(ev.Name) != "error":
		return nil
	case ev.Partial && !isJSON(data):
		s.torn = true
		return s.end()
	}
	if err := s.failure(ev.Name, data); err != nil {
		return err
	}
	s.lines, err = s.module.Next(s.ctx, string(ev.Name), ev.Data)
	return err
}

// end asks the module for what is left to say. The call may have been ended by its limits.
func (s *translated) end() (err error) {
	s.eof = true
	s.lines, err = s.module.End(context.WithoutCancel(s.ctx))
	return err
}

// endLate ends a stream of which nothing more came. It is whole if every choice has finished,
// or if the module says so; otherwise late is its error.
func (s *translated) endLate(late error) error {
	whole := s.chunks.whole()
	if err := s.end(); err != nil {
		return late
	}
	if n := len(s.lines); !whole && (n == 0 || !isDone(s.lines[n-1])) {
		return late
	}
	return nil
}

// failure is the error that an event of the provider is, if it is one.
func (s *translated) failure(name, data []byte) error {
	if !s.native {
		return nil
	}
	c, sound := readChunk(data)
	unnamed := len(c.kind.typ) == 0 || string(c.kind.typ) == "error"
	if string(name) == "error" || sound && c.failed && unnamed {
		return keptError(s.dialects.errorOf(s.answer, data))
	}
	return nil
}

// note reports whether a line only says what has been counted so far: usage without
// choices, which no client sees.
func (s *translated) note(line []byte) bool {
	c, sound := readChunk(line)
	if !sound || c.usage == nil || c.choices || c.failed {
		return false
	}
	s.chunks.noteTier(&c)
	s.chunks.info.Usage = later(s.chunks.info.Usage, usageOf(c.usage, s.chunks.bounds))
	return true
}

// emit frames one line for the client.
func (s *translated) emit(line []byte) (llm.Event, error) {
	if isDone(line) {
		return s.chunks.done(terminator)
	}
	s.frame = framing.AppendData(s.frame[:0], line)
	ev, err := s.chunks.take(nil, line, s.frame)
	if err != nil && s.eof { // the module noticed the end, too
		return llm.Event{}, cut()
	}
	return ev, err
}

// Info describes the reply as far as the chunks so far go.
func (s *translated) Info() llm.ReplyInfo { return s.chunks.info }

// Close releases the module and the connection. It may be called twice.
func (s *translated) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.module.Close()
	s.events.Release()
	return s.answer.Body.Close()
}
