package upstream

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// The types and flags of HTTP/2 frames (RFC 9113, section 6) and error codes (section 7).
const (
	frameData, frameHeaders, frameReset, frameSettings, frameGoAway = 0, 1, 3, 4, 7
	endStream, endHeaders                                           = 1, 4
	internalError, refusedStream, cancelStream, enhanceYourCalm     = 2, 7, 8, 11
)

// h2 is the server's side of an HTTP/2 connection.
type h2 struct{ net.Conn }

func (c h2) frame(kind, flags byte, stream uint32, payload []byte) {
	head := []byte{byte(len(payload) >> 16), byte(len(payload) >> 8), byte(len(payload)), kind, flags}
	_, _ = c.Write(append(binary.BigEndian.AppendUint32(head, stream), payload...)) // the client may have gone
}

// begin answers with status 200 and the headers of an event stream.
func (c h2) begin(stream uint32) {
	const kind = "text/event-stream"
	block := append([]byte{0x88, 0x0f, 0x10, byte(len(kind))}, kind...) // :status 200, content-type (RFC 7541, appendix A)
	c.frame(frameHeaders, endHeaders, stream, block)
}

func (c h2) data(stream uint32, text string, flags byte) {
	c.frame(frameData, flags, stream, []byte(text))
}

func (c h2) reset(stream, code uint32) {
	c.frame(frameReset, 0, stream, binary.BigEndian.AppendUint32(nil, code))
}

func (c h2) goAway(last, code uint32) {
	c.frame(frameGoAway, 0, 0, binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint32(nil, last), code))
}

// request reads frames until a request is whole, and returns its stream; 0 when the
// connection has ended.
func (c h2) request() uint32 {
	for {
		var head [9]byte
		if _, err := io.ReadFull(c, head[:]); err != nil {
			return 0
		}
		size := int64(head[0])<<16 | int64(head[1])<<8 | int64(head[2])
		if _, err := io.CopyN(io.Discard, c, size); err != nil {
			return 0
		}
		kind, flags := head[3], head[4]
		if kind == frameSettings && flags == 0 {
			c.frame(frameSettings, 1, 0, nil) // acknowledged
		}
		if (kind == frameHeaders || kind == frameData) && flags&endStream != 0 {
			return binary.BigEndian.Uint32(head[5:])
		}
	}
}

// h2Server answers each request with answer, which gets the connection's number from 0 and
// reports whether the connection goes on.
func h2Server(t *testing.T, answer func(n int, c h2, stream uint32) bool) (base string, roots *x509.CertPool) {
	t.Helper()
	certified := httptest.NewTLSServer(http.NotFoundHandler())
	t.Cleanup(certified.Close)
	roots = x509.NewCertPool()
	roots.AddCert(certified.Certificate())
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: certified.TLS.Certificates, NextProtos: []string{"h2"}, MinVersion: tls.VersionTLS12})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for n := 0; ; n++ {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				if _, err := io.CopyN(io.Discard, conn, int64(len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"))); err != nil {
					return
				}
				c := h2{conn}
				c.frame(frameSettings, 0, 0, nil)
				for stream := c.request(); stream != 0 && answer(n, c, stream); stream = c.request() {
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); serving.Wait() })
	return "https://" + l.Addr().String(), roots
}

// TestHTTP2Faults has an HTTP/2 connection end in the middle of a stream, or refuse it. What
// the provider has not begun to work on is sent again on another connection.
func TestHTTP2Faults(t *testing.T) {
	const first, second = "data: a\n\n", "data: b\n\n"
	whole := func(c h2, stream uint32) {
		c.begin(stream)
		c.data(stream, first, 0)
		c.data(stream, second, endStream)
	}
	onceThenWhole := func(fault func(c h2, stream uint32)) func(int, h2, uint32) bool {
		return func(n int, c h2, stream uint32) bool {
			if n == 0 {
				fault(c, stream)
				return c.request() != 0 // until the client has closed it
			}
			whole(c, stream)
			return true
		}
	}
	always := func(fault func(c h2, stream uint32)) func(int, h2, uint32) bool {
		return func(_ int, c h2, stream uint32) bool { fault(c, stream); return false }
	}
	for name, tt := range map[string]struct {
		answer func(n int, c h2, stream uint32) bool
		text   string
		want   llm.Fault
	}{
		"whole": {always(whole), first + second, llm.FaultNone},
		"GOAWAY in the middle, and the rest": {always(func(c h2, s uint32) {
			c.begin(s)
			c.data(s, first, 0)
			c.goAway(s, 0)
			c.data(s, second, endStream)
		}), first + second, llm.FaultNone},
		"GOAWAY in the middle, and no more": {always(func(c h2, s uint32) { c.begin(s); c.data(s, first, 0); c.goAway(s, internalError) }), first, llm.FaultCut},
		"RST in the middle":                 {always(func(c h2, s uint32) { c.begin(s); c.data(s, first, 0); c.reset(s, internalError); c.request() }), first, llm.FaultCut},
		"CANCEL in the middle":              {always(func(c h2, s uint32) { c.begin(s); c.data(s, first, 0); c.reset(s, cancelStream); c.request() }), first, llm.FaultCut},
		"GOAWAY before it was worked on":    {onceThenWhole(func(c h2, _ uint32) { c.goAway(0, 0) }), first + second, llm.FaultNone},
		"REFUSED_STREAM":                    {onceThenWhole(func(c h2, s uint32) { c.reset(s, refusedStream); c.goAway(s, 0) }), first + second, llm.FaultNone},
		"RST before headers":                {always(func(c h2, s uint32) { c.reset(s, internalError); c.request() }), "", llm.FaultNetwork},
		"GOAWAY for too many requests":      {always(func(c h2, s uint32) { c.goAway(s, enhanceYourCalm) }), "", llm.FaultNetwork},
		"a frame that is none":              {always(func(c h2, s uint32) { c.frame(frameData, 0, 0, []byte("x")) }), "", llm.FaultMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			base, roots := h2Server(t, tt.answer)
			a, err := dial(t, Options{BaseURL: base, RootCAs: roots}).Do(t.Context(), llm.Call{Body: []byte("{}"), Stream: true})
			text := ""
			if err == nil {
				text, err = readText(a)
			}
			if got := faultOf(err); text != tt.text || got != tt.want {
				t.Errorf("read %q, %v, which is the fault %q; want %q and %q", text, err, got, tt.text, tt.want)
			}
		})
	}
}
