package httpapi

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

const (
	// trustedBytes is how much memory a Content-Length alone may claim.
	trustedBytes = 16 << 10
	// slowestBody is how many bytes a second a body must keep up once BodyStall has
	// passed.
	slowestBody = 8 << 10
)

// body reads the whole request body, inflated, within its bounds of size and time.
func (x *exchange) body() ([]byte, error) {
	if err := checkContentType(x.r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	limit := x.api.limits.Body
	if x.r.ContentLength > limit {
		return nil, x.tooLarge()
	}
	// What could not be held anyway is not read. Nothing is taken on the header's word
	// alone: who announces much and sends nothing would keep others out.
	if err := x.api.memory.fits(x.caller(), x.r.ContentLength); err != nil {
		return nil, err
	}
	p := &pacer{x: x, start: x.received, deadline: x.bodyDue}
	// MaxBytesReader closes the connection when the bound is passed.
	raw := io.Reader(http.MaxBytesReader(x.w, p, limit))
	in, err := inflate(raw, x.r.Header.Get("Content-Encoding"))
	if err != nil {
		return nil, x.unreadable(err)
	}
	size := x.r.ContentLength
	if in != raw {
		size = -1
	}
	body, err := x.readBounded(in, size, limit)
	if err != nil {
		return nil, x.unreadable(err)
	}
	x.bodyRead = true
	p.stop()
	return body, nil
}

func checkContentType(header string) error {
	if header == "" || header == "application/json" {
		return nil
	}
	kind, _, err := mime.ParseMediaType(header)
	if err == nil && (kind == "application/json" || kind == "text/json" || strings.HasSuffix(kind, "+json")) {
		return nil
	}
	return &llm.Error{Code: "unsupported_media_type", Status: http.StatusUnsupportedMediaType,
		Message: "The body must be JSON: send the header \"Content-Type: application/json\" (curl: -H 'content-type: application/json')."}
}

// inflate undoes the content encoding.
func inflate(r io.Reader, encoding string) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return r, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(r)
	case "deflate":
		return inflateDeflate(r)
	}
	return nil, &llm.Error{Code: "unsupported_content_encoding", Status: http.StatusUnsupportedMediaType,
		Message: "The body's Content-Encoding is not supported: send it plain, gzip or deflate."}
}

// inflateDeflate takes both what RFC 9110 calls deflate, which has a zlib header of
// two bytes and a checksum, and what some clients take it for, which has neither.
func inflateDeflate(r io.Reader) (io.Reader, error) {
	var head [2]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return nil, err
	}
	all := io.MultiReader(bytes.NewReader(head[:]), r)
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(all)
	}
	return flate.NewReader(all), nil
}

// errTooLarge says that a body was cut at its bound after inflating.
var errTooLarge = errors.New("body beyond its bound")

// readBounded reads to the end, at most limit bytes. What it holds is counted as it
// grows with what has arrived, whatever size, the announced length, claims; -1 is
// unknown.
func (x *exchange) readBounded(r io.Reader, size, limit int64) ([]byte, error) {
	if size < 0 {
		size = 4 << 10
	}
	// One byte more than the body lets the last Read report its end.
	first := min(size, trustedBytes) + 1
	if err := x.hold(first); err != nil {
		return nil, err
	}
	buf, err := fill(r, make([]byte, 0, first))
	switch {
	case int64(len(buf)) > limit:
		return nil, errTooLarge
	case err == io.EOF:
		return buf, nil
	case err != nil:
		return nil, err
	}
	return x.readParts(r, buf, limit)
}

// partBytes is the size of the parts in which a long body is read.
const partBytes = 64 << 10

// parts are buffers for bodies under way, between requests.
var parts = sync.Pool{New: func() any { return new([partBytes]byte) }}

// readParts reads the rest of a long body. It is put together once its length is
// known, so that no more is held afterwards than the body itself.
func (x *exchange) readParts(r io.Reader, head []byte, limit int64) ([]byte, error) {
	before, total := x.holding, int64(len(head))
	all := [][]byte{head}
	defer func() {
		for _, part := range all[1:] {
			parts.Put((*[partBytes]byte)(part[:partBytes]))
		}
	}()
	for {
		if err := x.hold(partBytes); err != nil {
			return nil, err
		}
		part, err := fill(r, parts.Get().(*[partBytes]byte)[:0])
		all, total = append(all, part), total+int64(len(part))
		switch {
		case total > limit:
			return nil, errTooLarge
		case err == io.EOF:
			whole := bytes.Join(all, nil)
			x.letGo(x.holding - before + int64(cap(head)) - total)
			return whole, nil
		case err != nil:
			return nil, err
		}
	}
}

// fill reads until the buffer is full or the reader has no more, and appends.
func fill(r io.Reader, buf []byte) ([]byte, error) {
	for len(buf) < cap(buf) {
		n, err := r.Read(buf[len(buf):cap(buf)])
		buf = buf[:len(buf)+n]
		if err != nil {
			return buf, err
		}
	}
	return buf, nil
}

func (x *exchange) tooLarge() error {
	x.w.Header()["Connection"] = []string{"close"}
	return &llm.Error{Code: llm.CodeTooLarge, Status: http.StatusRequestEntityTooLarge,
		Message: fmt.Sprintf("The request body is larger than %d bytes, the most that is taken (after inflating).", x.api.limits.Body)}
}

// unreadable says why a body could not be read.
func (x *exchange) unreadable(err error) error {
	var e *llm.Error
	var tooLong *http.MaxBytesError
	var waited net.Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, errTooLarge), errors.As(err, &tooLong):
		return x.tooLarge()
	}
	x.w.Header()["Connection"] = []string{"close"}
	if errors.As(err, &waited) && waited.Timeout() {
		x.tooSlow = true
		return &llm.Error{Code: "request_timeout", Status: http.StatusRequestTimeout, Message: "The request body arrived too slowly.", Err: err}
	}
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest,
		Message: "The request body could not be read to its end: check Content-Length and Content-Encoding.", Err: err}
}

// pacer gives every read of the body a deadline: a pause may last BodyStall, once that
// much time has passed the whole must keep up slowestBody, and Limits.BodyTime bounds
// the whole.
type pacer struct {
	x        *exchange
	start    time.Time
	read     int64
	deadline time.Time
}

func (p *pacer) Read(b []byte) (int, error) {
	stall := p.x.api.limits.BodyStall
	now := time.Now()
	due := p.start.Add(stall + time.Duration(p.read)*time.Second/slowestBody)
	for _, earlier := range [...]time.Time{now.Add(stall), p.start.Add(p.x.api.limits.BodyTime)} {
		if earlier.Before(due) {
			due = earlier
		}
	}
	if due.Sub(p.deadline) > stall/8 || due.Before(p.deadline) {
		p.deadline = due
		_ = p.x.rc.SetReadDeadline(due) // recorders have none
	}
	n, err := p.x.r.Body.Read(b)
	p.read += int64(n)
	return n, err
}

// Close is there for MaxBytesReader; net/http closes the body itself.
func (p *pacer) Close() error { return nil }

// stop lifts the deadline after the whole body: from now on, reading only watches
// for the client hanging up, which may take as long as the reply does. After half a
// body the deadline stays, because net/http goes on to drain the rest.
func (p *pacer) stop() { _ = p.x.rc.SetReadDeadline(time.Time{}) }
