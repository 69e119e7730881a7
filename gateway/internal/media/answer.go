package media

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// refused is the reason why a medium is not fetched, for the caller to read. Another target
// may take it by its URL.
func refused(format string, args ...any) *llm.Error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Fault: llm.FaultUnsupported, Message: fmt.Sprintf(format, args...)}
}

// denied is refused for a reason that the configuration decides.
func denied(format string, args ...any) *llm.Error {
	e := refused(format, args...)
	e.Code = llm.CodeForbidden
	return e
}

// unreachable is the error of a request that got no answer. It says nothing of addresses.
func unreachable(err error) error {
	var own *llm.Error
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	e := refused("its host can't be reached")
	switch {
	case errors.As(err, &own):
		return own
	case errors.As(err, &dns):
		e = refused("the name of its host can't be resolved")
	case errors.As(err, &certificate):
		e = refused("its host's certificate is not valid")
	}
	e.Err = err
	return e
}

// accept reads a medium from an answer.
func (f *Fetcher) accept(resp *http.Response, kind llm.Features, hold func(int64) error) (Medium, error) {
	encoding := strings.ToLower(resp.Header.Get("Content-Encoding"))
	switch {
	case resp.StatusCode != http.StatusOK:
		return Medium{}, refused("its host answered with status %d", resp.StatusCode)
	case encoding != "" && encoding != "identity":
		return Medium{}, refused("its host sent it compressed")
	case resp.ContentLength > f.o.MaxBytes:
		return Medium{}, f.tooLarge()
	}
	data, err := f.read(resp.Body, hold)
	if err != nil {
		return Medium{}, err
	}
	media, err := typeOf(data, resp.Header.Get("Content-Type"), kind)
	return Medium{Type: media, Data: data}, err
}

func (f *Fetcher) tooLarge() error {
	return refused("it is larger than %d bytes (media.max_bytes)", f.o.MaxBytes)
}

// firstRead is how much room a body gets at first, in bytes. Announced lengths are not
// trusted.
const firstRead = 64 << 10

// read reads a body to its end, at most MaxBytes. The room it takes is counted by hold,
// before it is taken.
func (f *Fetcher) read(body io.Reader, hold func(int64) error) ([]byte, error) {
	var data []byte
	for {
		if len(data) == cap(data) {
			more := max(len(data), firstRead)
			if hold != nil {
				if err := hold(int64(more)); err != nil {
					return nil, err
				}
			}
			data = slices.Grow(data, more)
		}
		n, err := body.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		switch {
		case int64(len(data)) > f.o.MaxBytes:
			return nil, f.tooLarge()
		case err == io.EOF && len(data) == 0:
			return nil, refused("its host sent nothing")
		case err == io.EOF:
			return data, nil
		case err != nil:
			e := refused("its host's answer broke off")
			e.Err = err
			return nil, e
		}
	}
}
