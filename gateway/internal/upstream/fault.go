package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/publicaddr"
)

// faultOf returns the fault of an error that kept a reply from coming. An *llm.Error
// in the chain decides it, so a context may be cancelled with one as its cause. It
// returns FaultNone for nil.
func faultOf(err error) llm.Fault {
	var own *llm.Error
	var netErr net.Error
	switch {
	case err == nil:
		return llm.FaultNone
	case errors.As(err, &own) && own.Fault != llm.FaultNone:
		return own.Fault
	case errors.Is(err, context.DeadlineExceeded):
		return llm.FaultTimeout
	case errors.Is(err, context.Canceled):
		return llm.FaultCanceled
	case errors.Is(err, publicaddr.ErrPrivate):
		return llm.FaultNotFound
	case errors.As(err, &netErr), connectionLost(err), tlsFailed(err):
		return llm.FaultNetwork
	}
	return llm.FaultMalformed // what net/http could not read as HTTP
}

// connectionLost reports whether the connection was refused or closed.
func connectionLost(err error) bool {
	var errno syscall.Errno
	return errors.As(err, &errno) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || err.Error() == "http: server closed idle connection" || refusedByHTTP2(err)
}

// refusedByHTTP2 reports whether the provider reset the stream or closed the connection as
// HTTP/2 has it, as it would with a TCP reset in HTTP/1. The types of net/http's errors are
// its own, so their texts have to do.
func refusedByHTTP2(err error) bool {
	text := err.Error()
	return strings.HasPrefix(text, "stream error: ") || strings.HasPrefix(text, "http2: server sent GOAWAY")
}

// tlsFailed reports whether the TLS handshake failed.
func tlsFailed(err error) bool {
	var verify *tls.CertificateVerificationError
	var record tls.RecordHeaderError
	var alert tls.AlertError
	var unknown x509.UnknownAuthorityError
	return errors.As(err, &verify) || errors.As(err, &record) || errors.As(err, &alert) || errors.As(err, &unknown)
}

// failure returns the error of a call that got no reply. A call whose context has ended
// failed because of that, whatever the transport says.
func failure(ctx context.Context, err error) *llm.Error {
	if ctx.Err() != nil {
		err = context.Cause(ctx)
	}
	return connectionError(faultOf(err), err)
}

// interruption returns the error of a reply that broke off. Some of it has been passed
// on already, so it is never FaultNetwork, which may be retried.
func interruption(ctx context.Context, err error) *llm.Error {
	e := failure(ctx, err)
	if e.Fault != llm.FaultNetwork && (e.Fault != llm.FaultMalformed || ctx.Err() != nil) {
		return e
	}
	return connectionError(llm.FaultCut, err)
}

// connectionError returns the caller's error for a fault of the connection.
func connectionError(f llm.Fault, err error) *llm.Error {
	var own *llm.Error
	if errors.As(err, &own) {
		return own
	}
	e := &llm.Error{Code: llm.CodeUpstream, Status: http.StatusBadGateway, Fault: f, Err: err}
	switch f {
	case llm.FaultTimeout:
		e.Code, e.Status = llm.CodeUpstreamTimeout, http.StatusGatewayTimeout
		e.Message = "The provider did not answer in time."
	case llm.FaultCanceled:
		e.Status = 499 // nginx's status for a client that has closed the connection
		e.Message = "The caller went away before the provider answered."
	case llm.FaultNotFound:
		e.Message = "The provider's address is private, and allow_private is not set for it."
	case llm.FaultMalformed:
		e.Message = "The provider's reply is not valid HTTP."
	case llm.FaultCut:
		e.Code = llm.CodeStreamCut
		e.Message = "The provider's reply broke off before its end."
	default:
		e.Message = "The provider could not be reached."
	}
	return e
}
