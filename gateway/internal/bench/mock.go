package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"time"
)

// mock is an upstream that answers immediately: OpenAI chat completions and Anthropic
// messages, plain or as 20 events written one by one.
type mock struct {
	replies *canned
	// pace is the pause after every event of a stream. Without it the kernel gives a slow
	// reader several events at once, which saves a proxy the work per event that a real
	// model's stream costs.
	pace time.Duration
	// pause is the same for the streams of the paced model.
	pause time.Duration
}

// runMock serves the mock on a free loopback port, prints the address, and returns when
// stdin ends, which means that the bench has stopped it or is gone.
func runMock(pace time.Duration, stdin io.Reader, stdout io.Writer) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	fmt.Fprintln(stdout, l.Addr())
	go func() { // ends when stdin does
		_, _ = io.Copy(io.Discard, stdin)
		l.Close()
	}()
	m := &mock{replies: newCanned(), pace: pace, pause: streamPause}
	m.accept(l)
	return nil
}

// accept serves connections until the listener is closed. Connections that are open then
// end with the process.
func (m *mock) accept(l net.Listener) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go m.serve(conn)
	}
}

// serve answers one connection's requests in order until either side ends it.
func (m *mock) serve(conn net.Conn) {
	defer conn.Close()
	r := newReader(conn)
	for {
		h, err := r.head()
		if err != nil {
			return
		}
		path, hangUp := bytes.Clone(h.path()), h.close
		body, err := r.body(h)
		if err != nil {
			fmt.Fprintln(os.Stderr, "mock: read request:", err)
			return
		}
		if m.answer(conn, path, body) != nil || hangUp {
			return
		}
	}
}

// answer writes the reply to one request. Only the end of the path counts, so that base
// URLs with and without /v1 both work.
func (m *mock) answer(w io.Writer, path, body []byte) error {
	stream := hasTrue(body, `"stream"`)
	switch {
	case bytes.HasSuffix(path, []byte("/chat/completions")) && stream:
		return m.streamChat(w, isPaced(body), hasTrue(body, `"include_usage"`))
	case bytes.HasSuffix(path, []byte("/chat/completions")):
		return write(w, m.replies.chat)
	case bytes.HasSuffix(path, []byte("/messages")) && stream:
		return m.stream(w, m.replies.events, m.pace)
	case bytes.HasSuffix(path, []byte("/messages")):
		return write(w, m.replies.messages)
	case bytes.HasSuffix(path, []byte("/models")):
		return write(w, m.replies.models)
	default:
		return write(w, m.replies.notFound)
	}
}

func (m *mock) streamChat(w io.Writer, paced, usage bool) error {
	pieces, pace := m.replies.stream, m.pace
	if paced {
		pieces, pace = m.replies.paced, m.pause
	}
	if err := m.stream(w, pieces, pace); err != nil {
		return err
	}
	if usage {
		if err := m.stream(w, [][]byte{m.replies.usage}, m.pace); err != nil {
			return err
		}
	}
	return write(w, m.replies.streamEnd)
}

// stream writes each piece with its own system call, as a server that flushes every event
// does, and lets other streams run in between.
func (m *mock) stream(w io.Writer, pieces [][]byte, pace time.Duration) error {
	for _, p := range pieces {
		if err := write(w, p); err != nil {
			return err
		}
		if pace > 0 {
			time.Sleep(pace)
		} else {
			runtime.Gosched()
		}
	}
	return nil
}

func write(w io.Writer, piece []byte) error {
	_, err := w.Write(piece)
	return err
}

// hasTrue reports whether the body has the quoted member set to true. The benchmark's own
// bodies never have such a name in a message's text.
func hasTrue(body []byte, member string) bool {
	_, after, found := bytes.Cut(body, []byte(member))
	if !found {
		return false
	}
	after = bytes.TrimLeft(after, " \t\r\n:")
	return bytes.HasPrefix(after, []byte("true"))
}
