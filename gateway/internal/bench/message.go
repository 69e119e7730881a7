package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
)

// Bounds of one HTTP/1.1 message.
const (
	maxLine    = 16 << 10 // bytes
	maxHeaders = 128      // lines
	maxBody    = 1 << 20  // bytes
)

// reader reads HTTP/1.1 messages, requests or replies, from one connection with far less
// work than net/http, so that the mock and the load generator leave the processors to the
// process under test. It supports only what those two need.
type reader struct {
	in   *bufio.Reader
	line []byte
	data []byte
	// mark is a header line to look for; nil for none.
	mark []byte
}

// head is the part of a message that precedes its body.
type head struct {
	// line is the request line or status line, valid until the next message.
	line []byte
	// length is the body's length in bytes, or -1 when it is sent in chunks.
	length int
	// close means that the sender closes the connection after this message.
	close bool
	// marked means that the message has the header line mark, in any case.
	marked bool
}

func newReader(r io.Reader) *reader {
	return &reader{in: bufio.NewReaderSize(r, maxLine)}
}

// head reads up to and including the empty line. It returns io.EOF only when the
// connection ended between two messages.
func (r *reader) head() (head, error) {
	h := head{}
	first, err := r.readLine()
	if err != nil {
		return h, err
	}
	r.line = append(r.line[:0], first...)
	h.line = r.line
	for range maxHeaders {
		line, err := r.readLine()
		if err != nil {
			return h, noEOF(err)
		}
		if len(line) == 0 {
			return h, nil
		}
		if err := h.note(line); err != nil {
			return h, err
		}
		h.marked = h.marked || r.mark != nil && bytes.EqualFold(line, r.mark)
	}
	return h, fmt.Errorf("more than %d header lines", maxHeaders)
}

// note reads a header line that is about the body or the connection.
func (h *head) note(line []byte) error {
	name, value, ok := bytes.Cut(line, []byte(":"))
	if !ok {
		return fmt.Errorf("header line without a colon: %q", line)
	}
	value = bytes.TrimSpace(value)
	switch {
	case bytes.EqualFold(name, []byte("Content-Length")):
		n, err := strconv.ParseUint(string(value), 10, 31)
		if err != nil || n > maxBody {
			return fmt.Errorf("content-length %q", value)
		}
		if h.length >= 0 {
			h.length = int(n)
		}
	case bytes.EqualFold(name, []byte("Transfer-Encoding")):
		h.length = -1
	case bytes.EqualFold(name, []byte("Connection")):
		h.close = bytes.EqualFold(value, []byte("close"))
	}
	return nil
}

// status returns the status code of a reply's head; 0 for anything else.
func (h head) status() int {
	if len(h.line) < 12 || !bytes.HasPrefix(h.line, []byte("HTTP/1.1 ")) {
		return 0
	}
	code, err := strconv.Atoi(string(h.line[9:12]))
	if err != nil {
		return 0
	}
	return code
}

// path returns the path of a request's head; nil for anything else.
func (h head) path() []byte {
	parts := bytes.SplitN(h.line, []byte(" "), 3)
	if len(parts) != 3 || !bytes.HasPrefix(parts[2], []byte("HTTP/1.")) {
		return nil
	}
	return parts[1]
}

// await returns when the first byte of the body, or of its framing, has arrived.
func (r *reader) await(h head) error {
	if h.length == 0 {
		return nil
	}
	_, err := r.in.Peek(1)
	return noEOF(err)
}

// body reads the body that belongs to h, without its framing. It is valid until the next
// message.
func (r *reader) body(h head) ([]byte, error) {
	r.data = r.data[:0]
	if h.length >= 0 {
		return r.data, r.take(h.length)
	}
	for {
		n, err := r.chunkSize()
		if err != nil {
			return nil, err
		}
		if n == 0 {
			return r.data, r.trailer()
		}
		if err := r.take(n); err != nil {
			return nil, err
		}
		if end, err := r.readLine(); err != nil || len(end) > 0 {
			return nil, errors.Join(errors.New("chunk is longer than its size"), err)
		}
	}
}

// take appends the next n bytes to the body.
func (r *reader) take(n int) error {
	old := len(r.data)
	if old+n > maxBody {
		return fmt.Errorf("body of more than %d bytes", maxBody)
	}
	r.data = slices.Grow(r.data, n)[:old+n]
	_, err := io.ReadFull(r.in, r.data[old:])
	return noEOF(err)
}

func (r *reader) chunkSize() (int, error) {
	line, err := r.readLine()
	if err != nil {
		return 0, noEOF(err)
	}
	size, _, _ := bytes.Cut(line, []byte(";"))
	n, err := strconv.ParseUint(string(size), 16, 31)
	if err != nil || n > maxBody {
		return 0, fmt.Errorf("chunk size %q", line)
	}
	return int(n), nil
}

// trailer skips what follows the last chunk.
func (r *reader) trailer() error {
	for range maxHeaders {
		line, err := r.readLine()
		if err != nil {
			return noEOF(err)
		}
		if len(line) == 0 {
			return nil
		}
	}
	return fmt.Errorf("more than %d trailer lines", maxHeaders)
}

// readLine reads one line without its terminator. It is valid until the next read.
func (r *reader) readLine() ([]byte, error) {
	line, err := r.in.ReadSlice('\n')
	if err != nil {
		if len(line) > 0 {
			return nil, noEOF(err)
		}
		return nil, err
	}
	return bytes.TrimSuffix(line[:len(line)-1], []byte("\r")), nil
}

// noEOF turns io.EOF into io.ErrUnexpectedEOF.
func noEOF(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}
