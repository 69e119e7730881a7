package upstream

import (
	"bufio"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// encodingOf is the content encoding of a reply in small letters; empty for none. A
// list of several is returned as it is written, and is none that can be undone.
func encodingOf(h http.Header) string {
	var codings []string
	for _, coding := range strings.Split(strings.Join(h["Content-Encoding"], ","), ",") {
		if coding = strings.ToLower(strings.TrimSpace(coding)); coding != "" && coding != "identity" {
			codings = append(codings, coding)
		}
	}
	return strings.Join(codings, ",")
}

// inflated is the body of a reply that was compressed although identity was asked
// for. Who reads it must bound it.
func inflated(encoding string, src io.ReadCloser) (io.ReadCloser, error) {
	switch encoding {
	case "":
		return src, nil
	case "gzip", "x-gzip":
		return &inflater{src: src, open: func(r *bufio.Reader) (io.Reader, error) { return gzip.NewReader(r) }}, nil
	case "deflate":
		return &inflater{src: src, open: openDeflate}, nil
	}
	return nil, &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultMalformed,
		Message: "The provider answered in a content encoding that nobody asked for."}
}

// openDeflate takes both forms that servers mean by "deflate": with zlib's header, as
// HTTP has it, and without.
func openDeflate(r *bufio.Reader) (io.Reader, error) {
	head, err := r.Peek(2)
	if err == nil && head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(r)
	}
	return flate.NewReader(r), nil
}

// inflater decompresses as it is read. It is opened by the first Read, since opening
// waits for the first bytes.
type inflater struct {
	src  io.ReadCloser
	open func(*bufio.Reader) (io.Reader, error)
	r    io.Reader
}

// Read implements io.Reader. What is not in the encoding that was announced is an
// error with FaultMalformed.
func (z *inflater) Read(p []byte) (n int, err error) {
	if z.r == nil {
		if z.r, err = z.open(bufio.NewReader(z.src)); err != nil {
			z.r = nil
			return 0, garbled(err)
		}
	}
	n, err = z.r.Read(p)
	return n, garbled(err)
}

// garbled names the errors of a decompressor; those of the connection stay.
func garbled(err error) error {
	var corrupt flate.CorruptInputError
	var internal flate.InternalError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, zlib.ErrHeader) ||
		errors.Is(err, zlib.ErrChecksum) || errors.Is(err, zlib.ErrDictionary) || errors.As(err, &corrupt) || errors.As(err, &internal) {
		return &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultMalformed, Err: err,
			Message: "The provider's reply is not in the content encoding that its headers name."}
	}
	return err
}

// Close closes the connection's side.
func (z *inflater) Close() error { return z.src.Close() }
