package wire

import (
	"bytes"
	"context"
	"slices"

	"github.com/penstock/penstock/gateway/internal/framing"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// filtered is a stream behind the route's transforms. What it says of usage and
// finish is the provider's; what it sends is what the plugins made of it.
type filtered struct {
	llm.Stream
	ctx     context.Context
	filters []Filter // in the order in which a reply passes them
	// ready are the events that wait to be handed out. Their frames lie in frames.
	ready, spare []llm.Event
	frames       []byte
	// due says that content has been swallowed, so that the next event that goes out
	// is the first to be waited for.
	due    bool
	closed bool
}

// transformEvents puts the route's transforms behind a stream. The stream is its own
// when none of them looks at events.
func (d *Dialects) transformEvents(ctx context.Context, x *llm.Exchange, s llm.Stream) (llm.Stream, error) {
	var filters []Filter
	for _, name := range slices.Backward(x.Route.Transforms) {
		f, err := d.Transforms[name].Events(ctx, x)
		if err != nil {
			s.Close()
			closeAll(filters)
			return nil, err
		}
		if f != nil {
			filters = append(filters, f)
		}
	}
	if len(filters) == 0 {
		return s, nil
	}
	return &filtered{Stream: s, ctx: ctx, filters: filters}, nil
}

func closeAll(filters []Filter) {
	for _, f := range filters {
		f.Close()
	}
}

// Next gives the next event that the plugins let through.
func (s *filtered) Next() (llm.Event, error) {
	for len(s.ready) == 0 {
		ev, err := s.Stream.Next()
		if err != nil {
			return llm.Event{}, err
		}
		if err := s.take(ev); err != nil {
			return llm.Event{}, err
		}
	}
	ev := s.ready[0]
	s.ready = s.ready[1:]
	return ev, nil
}

// take passes one event through the plugins. Usage that the client did not ask for is
// not theirs to see, and comments are nobody's.
func (s *filtered) take(ev llm.Event) error {
	s.ready, s.frames = s.spare[:0], s.frames[:0]
	defer func() { s.spare = s.ready[:0] }() // Next moves its beginning
	switch {
	case ev.Final:
		if err := s.flush(); err != nil {
			return err
		}
	case len(ev.Data) > 0 && !ev.Hidden:
		lines, changed, err := s.pass(0, ev.Data)
		if err != nil {
			return err
		}
		if changed {
			s.emit(lines, ev)
			if len(lines) == 0 { // a writer may be waiting for this one with what came before it
				s.ready = append(s.ready, llm.Event{Hidden: true, Progress: ev.Progress, More: ev.More})
			}
			return nil
		}
	}
	if s.due && !ev.Hidden && (ev.Final || len(ev.Data) > 0) {
		ev.Content, s.due = true, false
	}
	s.ready = append(s.ready, ev)
	return nil
}

// pass sends a chunk through the plugins from the given one on, and gives what stands
// for it, or says that none of them has changed it.
func (s *filtered) pass(from int, chunk []byte) (out [][]byte, changed bool, err error) {
	for i := from; i < len(s.filters); i++ {
		lines, touched, err := s.filters[i].Next(s.ctx, chunk)
		if err != nil {
			return nil, false, err
		}
		if touched {
			out, err = s.passAll(i+1, lines)
			return out, true, err
		}
	}
	return nil, false, nil
}

// passAll sends several chunks through the plugins from the given one on. What those
// say is valid only until they are asked again, so it is copied.
func (s *filtered) passAll(from int, chunks [][]byte) ([][]byte, error) {
	if from == len(s.filters) {
		return chunks, nil
	}
	var out [][]byte
	for _, chunk := range chunks {
		lines, changed, err := s.pass(from, chunk)
		if err != nil {
			return nil, err
		}
		if !changed {
			lines = [][]byte{chunk}
		}
		for _, line := range lines {
			out = append(out, bytes.Clone(line))
		}
	}
	return out, nil
}

// flush asks every plugin for what it has held back, and sends that through those
// behind it.
func (s *filtered) flush() error {
	for i, f := range s.filters {
		lines, err := f.End(s.ctx)
		if err == nil {
			lines, err = s.passAll(i+1, lines)
		}
		if err != nil {
			return err
		}
		s.emit(lines, llm.Event{More: true})
	}
	return nil
}

// emit frames chunks that stand for an event. The first of them has its content; if
// there is none, the next event that goes out has.
func (s *filtered) emit(lines [][]byte, ev llm.Event) {
	s.due = s.due || ev.Content
	for i, line := range lines {
		from := len(s.frames)
		s.frames = framing.AppendData(s.frames, line)
		out := chunkEvent(s.frames[from:], line)
		out.Content, out.Progress, out.More = s.due, ev.Progress, ev.More || i+1 < len(lines)
		s.ready = append(s.ready, out)
		s.due = false
	}
}

// Close lets the plugins go and closes the stream. It may be called twice.
func (s *filtered) Close() error {
	if !s.closed {
		s.closed = true
		closeAll(s.filters)
	}
	return s.Stream.Close()
}
