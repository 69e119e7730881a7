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
	// maxPrealloc is how many bytes are allocated because of Content-Length alone.
	maxPrealloc = 16 << 10
	// minBodyRate is how many bytes a second of a body must arrive on average once
	// BodyStall has passed.
	minBodyRate = 8 << 10
)

// body reads the whole request body, decompressed, within its limits of size and time.
func (x *exchange) body() ([]byte, error) {
	if err := checkContentType(x.r.Header.Get("Content-Type")); err != nil {
		return nil, err
	}
	limit := x.api.limits.Body
	if x.r.ContentLength > limit {
		return nil, x.tooLarge()
	}
	// A body that would not fit is not read. Nothing is reserved because of the header
	// alone: clients that announce much and send nothing would keep others out.
	if err := x.api.memory.fits(x.memoryHolder(), x.r.ContentLength); err != nil {
		return nil, err
	}
	p := &pacedReader{x: x, start: x.admitted, deadline: x.bodyDeadline}
	// MaxBytesReader closes the connection when the limit is passed.
	raw := io.Reader(http.MaxBytesReader(x.netWriter(), p, limit))
	in, err := decompress(raw, x.r.Header.Get("Content-Encoding"))
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
	p.clearDeadline()
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

// decompress decodes the content encoding.
func decompress(r io.Reader, encoding string) (io.Reader, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return r, nil
	case "gzip", "x-gzip":
		return gzip.NewReader(r)
	case "deflate":
		return decompressDeflate(r)
	}
	return nil, &llm.Error{Code: "unsupported_content_encoding", Status: http.StatusUnsupportedMediaType,
		Message: "The body's Content-Encoding is not supported: send it plain, gzip or deflate."}
}

// decompressDeflate accepts both what RFC 9110 calls deflate, which has a zlib header of
// two bytes and a checksum, and the raw form that some clients send, which has neither.
func decompressDeflate(r io.Reader) (io.Reader, error) {
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

// errTooLarge reports that a decompressed body is larger than its limit.
var errTooLarge = errors.New("body beyond its limit")

// readBounded reads to the end, at most limit bytes. The memory it holds is counted as
// it grows with the bytes that have arrived, whatever size, the announced length, claims;
// -1 is unknown.
func (x *exchange) readBounded(r io.Reader, size, limit int64) ([]byte, error) {
	if size < 0 {
		size = 4 << 10
	}
	// One byte more than the body lets the last Read report its end.
	first := min(size, maxPrealloc) + 1
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
	return x.readBlocks(r, buf, limit)
}

// blockBytes is the size of the blocks in which a long body is read.
const blockBytes = 64 << 10

// blocks pools the buffers in which long bodies are read.
var blocks = sync.Pool{New: func() any { return new([blockBytes]byte) }}

// readBlocks reads the rest of a long body. It joins the blocks once the length is
// known, so that afterwards no more is held than the body itself.
func (x *exchange) readBlocks(r io.Reader, head []byte, limit int64) ([]byte, error) {
	before, total := x.heldBytes.Load(), int64(len(head))
	all := [][]byte{head}
	defer func() {
		for _, block := range all[1:] {
			blocks.Put((*[blockBytes]byte)(block[:blockBytes]))
		}
	}()
	for {
		if err := x.hold(blockBytes); err != nil {
			return nil, err
		}
		block, err := fill(r, blocks.Get().(*[blockBytes]byte)[:0])
		all, total = append(all, block), total+int64(len(block))
		switch {
		case total > limit:
			return nil, errTooLarge
		case err == io.EOF:
			body := bytes.Join(all, nil)
			x.free(x.heldBytes.Load() - before + int64(cap(head)) - total)
			return body, nil
		case err != nil:
			return nil, err
		}
	}
}

// fill appends to the buffer until it is full or the reader ends.
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
		Message: fmt.Sprintf("The request body is larger than %d bytes, the limit (after decompression).", x.api.limits.Body)}
}

// unreadable returns the error for a body that could not be read.
func (x *exchange) unreadable(err error) error {
	var e *llm.Error
	var tooLong *http.MaxBytesError
	var timeout net.Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, errTooLarge), errors.As(err, &tooLong):
		return x.tooLarge()
	}
	x.w.Header()["Connection"] = []string{"close"}
	if errors.As(err, &timeout) && timeout.Timeout() {
		x.bodyTimedOut = true
		return &llm.Error{Code: "request_timeout", Status: http.StatusRequestTimeout, Message: "The request body arrived too slowly.", Err: err}
	}
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest,
		Message: "The request body could not be read to its end: check Content-Length and Content-Encoding.", Err: err}
}

// pacedReader sets a deadline for every read of the body: a pause may last BodyStall,
// after that much time the average rate must be at least minBodyRate, and Limits.BodyTime
// bounds the whole.
type pacedReader struct {
	x        *exchange
	start    time.Time
	read     int64
	deadline time.Time
}

// Read implements io.Reader.
func (p *pacedReader) Read(b []byte) (int, error) {
	stall := p.x.api.limits.BodyStall
	now := time.Now()
	deadline := p.start.Add(stall + time.Duration(p.read)*time.Second/minBodyRate)
	for _, earlier := range [...]time.Time{now.Add(stall), p.start.Add(p.x.api.limits.BodyTime)} {
		if earlier.Before(deadline) {
			deadline = earlier
		}
	}
	if deadline.Sub(p.deadline) > stall/8 || deadline.Before(p.deadline) {
		p.deadline = deadline
		_ = p.x.rc.SetReadDeadline(deadline) // httptest's recorder has none
	}
	n, err := p.x.r.Body.Read(b)
	p.read += int64(n)
	return n, err
}

// Close implements io.Closer for MaxBytesReader; net/http closes the body itself.
func (p *pacedReader) Close() error { return nil }

// clearDeadline removes the deadline after the whole body: from now on, reading only
// watches for the client closing the connection, for as long as the reply takes. After a
// part of a body the deadline stays, because net/http drains the rest.
func (p *pacedReader) clearDeadline() { _ = p.x.rc.SetReadDeadline(time.Time{}) }
