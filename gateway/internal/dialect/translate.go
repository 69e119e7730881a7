package dialect

import (
	"bytes"
	"context"
	"io"
	"strconv"
	"time"

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
	// comes back as *llm.Error with the provider's code and status, classified.
	Response(ctx context.Context, e Envelope, a *llm.Answer, body []byte) ([]byte, error)
	// Events opens the translation of one provider's stream.
	Events(ctx context.Context, e Envelope) (Translation, error)
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

// Envelope is what a module is told about the request besides its body.
type Envelope struct {
	Target    *llm.Target
	RequestID string
	Stream    bool
	// IncludeUsage says that the client asked for a usage chunk.
	IncludeUsage bool
	Created      time.Time
}

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
	return d.Modules.Response(ctx, envelope(req, t), a, body)
}

// translated is a provider's stream on its way through a module.
type translated struct {
	dialects *Dialects
	ctx      context.Context
	module   Translation
	answer   *llm.Answer
	sse      *sse.Reader
	watch    watcher
	// lines is what the module has said and the client has not been told, frame the
	// frame under construction.
	lines              [][]byte
	frame              []byte
	ended, eof, closed bool
}

func (d *Dialects) translateEvents(ctx context.Context, req *llm.Request, t *llm.Target, a *llm.Answer) (llm.Stream, error) {
	module, err := d.Modules.Events(ctx, envelope(req, t))
	if err != nil {
		a.Body.Close()
		return nil, err
	}
	return &translated{dialects: d, ctx: ctx, module: module, answer: a, sse: sse.NewReader(a.Body, 0),
		watch: watcher{showUsage: req.Facts.IncludeUsage}}, nil
}

// Next gives the next canonical chunk as a frame. The module says when the reply is
// complete; a stream that ends without its saying so is not.
func (s *translated) Next() (llm.Event, error) {
	for {
		switch {
		case s.ended:
			return llm.Event{}, io.EOF
		case len(s.lines) > 0:
			line := s.lines[0]
			s.lines = s.lines[1:]
			return s.emit(line)
		case s.eof:
			return llm.Event{}, cut()
		}
		if err := s.feed(); err != nil {
			return llm.Event{}, err
		}
	}
}

// feed gives the module the next event of the provider.
func (s *translated) feed() (err error) {
	ev, err := s.sse.Next()
	switch {
	case err == io.EOF || err == nil && ev.Partial:
		s.eof = true
		s.lines, err = s.module.End(s.ctx)
		return err
	case err != nil:
		return broken(err)
	case len(ev.Data) == 0:
		return nil
	}
	s.lines, err = s.module.Next(s.ctx, string(ev.Name), ev.Data)
	return err
}

// emit frames one line for the client.
func (s *translated) emit(line []byte) (llm.Event, error) {
	if bytes.Equal(line, done) {
		s.ended = true
		return terminator, nil
	}
	c, _ := readChunk(line) // the module's host has checked it
	switch {
	case c.failed && s.eof: // the module noticed, too
		return llm.Event{}, cut()
	case c.failed:
		return llm.Event{}, s.dialects.ErrorOf(s.answer.Status, s.answer.Header, line)
	}
	s.frame = sse.AppendData(s.frame[:0], line)
	ev := llm.Event{Frame: s.frame, Data: line, More: len(s.lines) > 0 || s.sse.Buffered() > 0}
	s.watch.see(&ev, &c)
	return ev, nil
}

// Tally is what the chunks so far have said.
func (s *translated) Tally() llm.Tally { return s.watch.tally }

// Close releases the module and the connection. It may be called twice.
func (s *translated) Close() error {
	if s.closed {
		return nil
	}
	s.closed = true
	s.module.Close()
	s.sse.Release()
	return s.answer.Body.Close()
}
