package main

import (
	"context"
	"io"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// pieceEvery is the longest time between two events of a reply: as with a real provider, a
// slow one is not silent.
const pieceEvery = 2 * time.Second

// reply is the stream of a provider's answer: the first content after its time, a piece now
// and then, the end.
type reply struct {
	ctx context.Context
	// bytes is the answer's body as the pipeline watches it: reading it tells the watchdog that
	// something has come.
	bytes io.ReadCloser
	body  *body
	run   *running
	// rest is what is left of the time after the first token.
	rest         time.Duration
	begun, ended bool
}

// Next implements llm.Stream.
func (r *reply) Next() (llm.Event, error) {
	if r.ended {
		return llm.Event{}, io.EOF
	}
	wait, ev := r.next()
	timer := time.NewTimer(wait)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.ctx.Done():
		return llm.Event{}, context.Cause(r.ctx)
	}
	_, _ = r.bytes.Read(make([]byte, 1)) // its end is not that of the stream
	if r.ended = ev.Final; r.ended {
		r.body.provider.keep(r.run.session, r.run.turn.prompt)
	}
	return ev, nil
}

// next returns the next event and how long it takes to come.
func (r *reply) next() (time.Duration, llm.Event) {
	switch {
	case !r.run.turn.stream:
		return r.body.times.first + r.body.times.rest, llm.Event{Frame: []byte("x"), Content: true, Progress: true, Final: true}
	case !r.begun:
		r.begun, r.rest = true, r.body.times.rest
		return r.body.times.first, llm.Event{Frame: []byte("x"), Content: true, Progress: true}
	case r.rest > pieceEvery:
		r.rest -= pieceEvery
		return pieceEvery, llm.Event{Frame: []byte("x"), Content: true, Progress: true}
	}
	return r.rest, llm.Event{Frame: []byte("x"), Final: true}
}

// Info implements llm.Stream.
func (r *reply) Info() llm.ReplyInfo {
	info := llm.ReplyInfo{Content: true, Whole: !r.run.turn.stream, Model: "m"}
	if r.ended {
		info.Finish, info.Usage = "stop", &r.body.usage
	}
	return info
}

// Close implements llm.Stream.
func (r *reply) Close() error { return r.bytes.Close() }
