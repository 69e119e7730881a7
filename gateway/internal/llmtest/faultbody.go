package llmtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// whole is the healthy reply's body and its media type.
func (c *faultCall) whole() (body []byte, kind string) {
	if c.stream {
		return bytes.Join(c.events(), nil), "text/event-stream"
	}
	return []byte(c.plain()), "application/json"
}

// breakOff sends the reply up to the token at which it breaks off, and then goes on with
// end.
func (c *faultCall) breakOff(end Step) Step {
	if c.stream {
		begun, _ := c.split()
		return Steps(Frames(begun...), end)
	}
	body := c.plain()
	return Steps(Header("Content-Type", "application/json"), Status(http.StatusOK), Write(body[:len(body)*2/3]), end)
}

// stall breaks off for some time, and then sends the rest.
func (c *faultCall) stall() Step {
	body, kind := c.whole()
	begun := body[:len(body)*2/3]
	if c.stream {
		frames, _ := c.split()
		begun = bytes.Join(frames, nil)
	}
	return Steps(Header("Content-Type", kind), Status(http.StatusOK), Write(string(begun)), pause(c.server.times.Stall), Write(string(body[len(begun):])))
}

// late sends the headers at once and the rest after some time.
func (c *faultCall) late(d time.Duration) Step {
	body, kind := c.whole()
	return Steps(Header("Content-Type", kind), Status(http.StatusOK), pause(d), Write(string(body)))
}

// pings keeps the connection alive and sends nothing else until the client is gone.
func (c *faultCall) pings() Step {
	ping := ": keep-alive\n\n"
	switch {
	case !c.stream:
		ping = " "
	case c.kind == messages:
		ping = string(event("ping", object{}))
	}
	return func(x *Exchange) {
		for {
			pause(c.server.times.Tick)(x)
			Write(ping)(x)
		}
	}
}

// malformed has an event that is not JSON before the content or after some of it; a plain
// reply is not JSON.
func (c *faultCall) malformed(after int) Step {
	if !c.stream {
		body := c.plain()
		return JSON(http.StatusOK, body[:len(body)/2])
	}
	begun, rest := c.split()
	if after == 0 {
		begun, rest = nil, c.events()
	}
	bad := bytes.TrimRight(rest[0], "\n")
	bad = append(bad[:len(bad)-9:len(bad)-9], "\n\n"...)
	return Frames(append(append(begun[:len(begun):len(begun)], bad), rest[1:]...)...)
}

// unterminated sends a complete stream without what says that it is over, where the format
// has that beside the content, and then goes on with end. A plain reply is a plain one.
func (c *faultCall) unterminated(end Step) Step {
	if !c.stream {
		return c.healthy()
	}
	frames := c.events()
	if c.kind == chatCompletions || c.kind == messages {
		frames = frames[:len(frames)-1]
	}
	return Steps(Frames(frames...), end)
}

// length sends the reply with a Content-Length that is off by some bytes.
func (c *faultCall) length(off int) Step {
	body, kind := c.whole()
	return Garbage("HTTP/1.1 200 OK\r\nContent-Type: " + kind + "\r\nContent-Length: " + strconv.Itoa(len(body)+off) +
		"\r\nConnection: close\r\n\r\n" + string(body))
}

// endless sends one event, or one body, without end.
func (c *faultCall) endless() Step {
	if c.stream {
		return Steps(EventStream(), Write(`data: {"x":"`), Endless(strings.Repeat("x", 32<<10)))
	}
	return Steps(Header("Content-Type", "application/json"), Write(`{"x":"`), Endless(strings.Repeat("x", 32<<10)))
}

// endlessEvents repeats the token at which the reply would break off, or, in a plain
// reply, blanks.
func (c *faultCall) endlessEvents() Step {
	if !c.stream {
		return Steps(Header("Content-Type", "application/json"), Endless(strings.Repeat(" ", 32<<10)))
	}
	begun, _ := c.split()
	token := string(begun[len(begun)-1])
	return Steps(Frames(begun...), func(x *Exchange) {
		for {
			pause(c.server.times.Tick / 10)(x)
			Write(token)(x)
		}
	})
}

// trickle sends the reply byte by byte.
func (c *faultCall) trickle() Step {
	body, kind := c.whole()
	return Steps(Header("Content-Type", kind), Status(http.StatusOK), func(x *Exchange) {
		for i := range body {
			pause(c.server.times.Tick)(x)
			Write(string(body[i : i+1]))(x)
		}
	})
}

// early sends two informational replies.
func early() Step {
	return func(x *Exchange) {
		x.W.Header().Set("Link", "</style.css>; rel=preload")
		x.W.WriteHeader(http.StatusEarlyHints)
		x.W.Header().Del("Link")
		x.W.WriteHeader(http.StatusContinue)
	}
}

// raw writes the reply on the bare connection: further header lines, an extension on every
// chunk, and trailers.
func (c *faultCall) raw(header, extension, trailers string) Step {
	_, kind := c.whole()
	parts := [][]byte{[]byte(c.plain())}
	if c.stream {
		parts = c.events()
	}
	var b strings.Builder
	b.WriteString("HTTP/1.1 200 OK\r\nContent-Type: " + kind + "\r\nTransfer-Encoding: chunked\r\n" + header + "\r\n")
	for _, p := range parts {
		fmt.Fprintf(&b, "%x%s\r\n%s\r\n", len(p), extension, p)
	}
	b.WriteString("0\r\n" + trailers + "\r\n")
	return Garbage(b.String())
}

// gzipped compresses the reply, a stream flush by flush.
func (c *faultCall) gzipped() Step {
	_, kind := c.whole()
	return Steps(Header("Content-Type", kind, "Content-Encoding", "gzip"), func(x *Exchange) {
		z := gzip.NewWriter(x.W)
		if !c.stream {
			_, _ = z.Write([]byte(c.plain()))
			_ = z.Close() // the client may be gone
			return
		}
		for _, f := range c.events() {
			_, _ = z.Write(f)
			_ = z.Flush()
			x.flush()
		}
		_ = z.Close()
	})
}

// lingerTime bounds how long a connection is read from after an early answer: closing it at
// once would reset it, and the answer could be lost.
const lingerTime = 10 * time.Second

// refuseEarly answers on the bare connection without having read the request.
func refuseEarly() Step {
	body := `{"type":"error","error":{"type":"request_too_large","code":413,"status":"INVALID_ARGUMENT","message":"The request is too large."}}`
	return func(x *Exchange) {
		c := x.take()
		defer c.Close()
		_ = c.SetDeadline(time.Now().Add(lingerTime))
		_, _ = io.WriteString(c, "HTTP/1.1 413 Payload Too Large\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "+
			strconv.Itoa(len(body))+"\r\n\r\n"+body)
		if tcp, ok := c.(*net.TCPConn); ok {
			_ = tcp.CloseWrite()
		}
		_, _ = io.Copy(io.Discard, c) // ends when the client closes
	}
}
