package llmtest

import (
	"net"
	"net/http"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/framing"
)

// Exchange is one request and its reply.
type Exchange struct {
	W http.ResponseWriter
	R *http.Request
	// closed is closed when the server stops.
	closed <-chan struct{}
}

// Step answers a request, or part of it.
type Step func(*Exchange)

// Steps runs one step after the other within the same reply. Headers come before steps that
// write.
func Steps(steps ...Step) Step {
	return func(x *Exchange) {
		for _, s := range steps {
			s(x)
		}
	}
}

// Header sets headers of the reply, given as name, value, name, value.
func Header(pairs ...string) Step {
	return func(x *Exchange) {
		for i := 0; i+1 < len(pairs); i += 2 {
			x.W.Header().Set(pairs[i], pairs[i+1])
		}
	}
}

// Status sends the reply's headers and flushes them.
func Status(code int) Step {
	return func(x *Exchange) {
		x.W.WriteHeader(code)
		x.flush()
	}
}

// JSON answers with a whole JSON body.
func JSON(code int, body string) Step { return page(code, "application/json", body) }

// HTML answers with an error page like those of proxies in front of providers.
func HTML(code int) Step {
	return page(code, "text/html; charset=UTF-8",
		"<!DOCTYPE html>\n<html><head><title>"+strconv.Itoa(code)+"</title></head><body><h1>cloudflare</h1></body></html>\n")
}

func page(code int, contentType, body string) Step {
	return func(x *Exchange) {
		x.W.Header().Set("Content-Type", contentType)
		x.W.WriteHeader(code)
		x.W.Write([]byte(body))
	}
}

// Write sends parts as they are and flushes after each.
func Write(parts ...string) Step {
	return func(x *Exchange) {
		for _, p := range parts {
			x.W.Write([]byte(p))
			x.flush()
		}
	}
}

// EventStream sends the headers of an event stream.
func EventStream() Step {
	return Steps(Header("Content-Type", "text/event-stream; charset=utf-8"), Status(http.StatusOK))
}

// Data sends frames with this data, flushed one by one.
func Data(data ...string) Step {
	return func(x *Exchange) {
		for _, d := range data {
			x.W.Write(framing.AppendData(nil, []byte(d)))
			x.flush()
		}
	}
}

// SSE answers with a whole event stream.
func SSE(data ...string) Step { return Steps(EventStream(), Data(data...)) }

// Frames answers with a whole event stream of ready frames.
func Frames(frames ...[]byte) Step {
	return Steps(EventStream(), func(x *Exchange) {
		for _, f := range frames {
			x.W.Write(f)
			x.flush()
		}
	})
}

// Wait waits until gate is closed or has a value. It aborts the reply if the client
// disconnects or the server stops first.
func Wait(gate <-chan struct{}) Step {
	return func(x *Exchange) {
		select {
		case <-gate:
		case <-x.R.Context().Done():
			panic(http.ErrAbortHandler)
		case <-x.closed:
			panic(http.ErrAbortHandler)
		}
	}
}

// Stall sends nothing more until the client disconnects or the server stops.
func Stall() Step { return Wait(nil) }

// Signal closes done when the script reaches it.
func Signal(done chan<- struct{}) Step { return func(*Exchange) { close(done) } }

// Gone stalls the reply until the client disconnects, and then closes done.
func Gone(done chan<- struct{}) Step {
	return func(x *Exchange) {
		select {
		case <-x.R.Context().Done():
			close(done)
		case <-x.closed:
		}
	}
}

// Cut closes the connection in the middle of the reply: only what was flushed arrives.
func Cut() Step { return func(*Exchange) { panic(http.ErrAbortHandler) } }

// CutAfter runs a step and closes the connection after n bytes of body.
func CutAfter(n int, step Step) Step {
	return func(x *Exchange) {
		step(&Exchange{&cutWriter{x.W, n}, x.R, x.closed})
		panic(http.ErrAbortHandler)
	}
}

// cutWriter writes a number of bytes and then aborts the reply.
type cutWriter struct {
	http.ResponseWriter
	left int
}

func (c *cutWriter) Write(p []byte) (int, error) {
	if len(p) < c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	c.ResponseWriter.Write(p[:c.left])
	c.Flush()
	panic(http.ErrAbortHandler)
}

func (c *cutWriter) Flush() { c.ResponseWriter.(http.Flusher).Flush() }

// Reset closes the connection with a TCP reset; as the first step, before the headers.
func Reset() Step {
	return func(x *Exchange) {
		c := x.take()
		if tcp, ok := c.(*net.TCPConn); ok {
			tcp.SetLinger(0)
		}
		c.Close()
	}
}

// Garbage answers with bytes that are not HTTP.
func Garbage(s string) Step {
	return func(x *Exchange) {
		c := x.take()
		defer c.Close()
		c.Write([]byte(s))
	}
}

// WrongLength answers with a Content-Length other than the body's.
func WrongLength(declared int, body string) Step {
	return Garbage("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " +
		strconv.Itoa(declared) + "\r\n\r\n" + body)
}

// HugeHeader answers with a header of n bytes.
func HugeHeader(n int) Step {
	return Garbage("HTTP/1.1 200 OK\r\nX-Huge: " + strings.Repeat("x", n) + "\r\nContent-Length: 2\r\n\r\n{}")
}

// Redirect answers with a redirect.
func Redirect(to string) Step {
	return Steps(Header("Location", to), Status(http.StatusTemporaryRedirect))
}

// Endless writes until the client disconnects or the server stops.
func Endless(part string) Step {
	return func(x *Exchange) {
		for {
			select {
			case <-x.closed:
				return
			default:
			}
			if _, err := x.W.Write([]byte(part)); err != nil {
				return
			}
		}
	}
}

func (x *Exchange) flush() { http.NewResponseController(x.W).Flush() }

// take hijacks the connection.
func (x *Exchange) take() net.Conn {
	c, _, err := http.NewResponseController(x.W).Hijack()
	if err != nil {
		panic("llmtest: " + err.Error())
	}
	return c
}
