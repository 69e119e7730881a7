package pipeline

import (
	"context"
	"io"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// action is what a fake target does with one call.
type action struct {
	// err fails the call; hang waits for the context.
	err  error
	hang bool
	// connected says that there is a connection before that.
	connected bool
	// events is the reply, tail the error after the last of them: io.EOF unless set.
	// pause comes before each event.
	events []llm.Event
	tail   error
	pause  time.Duration
	stuck  bool // after the events, wait for the context
	// counted says that the target counts a token for every event with content, as it comes.
	counted bool
	// usageAtEnd says that nothing is known of its usage before its reason for ending.
	usageAtEnd bool
	info       llm.ReplyInfo
}

// plain is a plain reply.
func plain(text string) action {
	return action{events: []llm.Event{{Frame: []byte(text), Final: true, Content: true}},
		info: llm.ReplyInfo{Usage: &llm.Usage{Input: 100, Output: 10}, Finish: "stop", Content: true, Whole: true}}
}

// stream is a reply of several events with a terminator.
func stream(texts ...string) action {
	p := action{info: llm.ReplyInfo{Usage: &llm.Usage{Input: 100, Output: 10}, Finish: "stop", Content: len(texts) > 0}}
	p.events = append(p.events, llm.Event{Frame: []byte("role ")})
	for _, text := range texts {
		p.events = append(p.events, llm.Event{Frame: []byte(text), Content: true, Progress: true})
	}
	p.events = append(p.events, llm.Event{Frame: []byte("usage"), Hidden: true}, llm.Event{Frame: []byte("[DONE]"), Final: true})
	return p
}

// broken is a stream that ends without its terminator.
func broken(err error, texts ...string) action {
	p := stream(texts...)
	p.events, p.tail = p.events[:len(p.events)-2], err
	p.info = llm.ReplyInfo{TextBytes: 40, Content: len(texts) > 0}
	return p
}

func failing(f llm.Fault, status int) action {
	return action{err: &llm.Error{Code: "upstream_said_no", Status: status, Fault: f, Message: string(f)}}
}

// fakeStream is the reply of an action.
type fakeStream struct {
	action
	ctx      context.Context
	next     int
	received func()
}

func (p *fakeStream) Read([]byte) (int, error) { return 0, io.EOF }

func (p *fakeStream) Next() (llm.Event, error) {
	if p.next == len(p.events) {
		switch {
		case p.stuck:
			<-p.ctx.Done()
			return llm.Event{}, p.ctx.Err()
		case p.tail != nil:
			return llm.Event{}, p.tail
		}
		return llm.Event{}, io.EOF
	}
	if p.pause > 0 {
		select {
		case <-time.After(p.pause):
		case <-p.ctx.Done():
			if last := len(p.events) - 1; p.next == last && p.events[last].Final { // all has been said
				break
			}
			return llm.Event{}, p.ctx.Err()
		}
	}
	p.next++
	if p.received != nil {
		p.received()
	}
	return p.events[p.next-1], nil
}

// Info says how the reply ends only when all but its last event was read.
func (p *fakeStream) Info() llm.ReplyInfo {
	info := p.info
	if p.next < len(p.events)-1 {
		info.Finish = ""
	}
	if p.usageAtEnd && info.Finish == "" {
		info.Usage = nil
	}
	if p.counted {
		for _, ev := range p.events[:p.next] {
			if ev.Content {
				info.Pieces++
			}
		}
		info.TextBytes, info.Usage = 4*info.Pieces, nil
	}
	return info
}
func (p *fakeStream) Close() error { return nil }

func request(stream bool) *llm.Request {
	return &llm.Request{ID: "req_1", Endpoint: llm.ChatCompletions, Dialect: llm.OpenAI,
		Facts: llm.Facts{Model: "smart", Stream: stream, EstInputTokens: 120, Choices: 1}}
}

// caller is a Writer that keeps what it is sent.
type caller struct {
	head *llm.Head
	text string
	fail error
	// slow is how long the caller takes to read an event.
	slow time.Duration
	// comments counts what was sent to keep the connection alive.
	comments int
}

func (c *caller) KeepAlive(h llm.Head) (bool, error) {
	if c.head == nil {
		c.head = &h
	}
	c.comments++
	return true, nil
}

func (c *caller) Start(h llm.Head) error { c.head = &h; return nil }

func (c *caller) Event(e llm.Event) error {
	time.Sleep(c.slow)
	if !e.Hidden {
		c.text += string(e.Frame)
	}
	return c.fail
}
