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

// encodingOf returns the content encoding of a reply in lower case; empty for none.
// Several are joined with commas, which inflate does not support.
func encodingOf(h http.Header) string {
	var codings []string
	for _, coding := range strings.Split(strings.Join(h["Content-Encoding"], ","), ",") {
		if coding = strings.ToLower(strings.TrimSpace(coding)); coding != "" && coding != "identity" {
			codings = append(codings, coding)
		}
	}
	return strings.Join(codings, ",")
}

// inflate decompresses the body of a reply that was compressed although identity was
// asked for. The caller must bound what it reads.
func inflate(encoding string, src io.ReadCloser) (io.ReadCloser, error) {
	switch encoding {
	case "":
		return src, nil
	case "gzip", "x-gzip":
		return &inflater{src: src, open: func(r *bufio.Reader) (io.Reader, error) { return gzip.NewReader(r) }}, nil
	case "deflate":
		return &inflater{src: src, open: openDeflate}, nil
	}
	return nil, &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultMalformed,
		Message: "The provider's reply has a content encoding that was not asked for."}
}

// openDeflate reads both forms that servers call "deflate": with zlib's header, as HTTP
// has it, and without.
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

// Read implements io.Reader. It fails with FaultMalformed for bytes that are not in the
// announced encoding.
func (z *inflater) Read(p []byte) (n int, err error) {
	if z.r == nil {
		if z.r, err = z.open(bufio.NewReader(z.src)); err != nil {
			z.r = nil
			return 0, inflateError(err)
		}
	}
	n, err = z.r.Read(p)
	return n, inflateError(err)
}

// inflateError wraps the errors of a decompressor; those of the connection stay.
func inflateError(err error) error {
	var corrupt flate.CorruptInputError
	var internal flate.InternalError
	if errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum) || errors.Is(err, zlib.ErrHeader) ||
		errors.Is(err, zlib.ErrChecksum) || errors.Is(err, zlib.ErrDictionary) || errors.As(err, &corrupt) || errors.As(err, &internal) {
		return &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: llm.FaultMalformed, Err: err,
			Message: "The provider's reply is not in the content encoding that its headers announce."}
	}
	return err
}

// Close closes the compressed body.
func (z *inflater) Close() error { return z.src.Close() }
