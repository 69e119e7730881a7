package decisionlog

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// Bounds of one OTLP request.
const (
	otlpBatchLines = 512
	otlpBatchBytes = 1 << 20
	// otlpLinger is how long a batch that is not full waits for more lines.
	otlpLinger = time.Second
	// maxOTLPReply bounds what is read of a reply, in bytes.
	maxOTLPReply = 64 << 10
)

// OTLP sends lines as OTLP log records over HTTP, in protobuf and compressed. A receiver
// that is overloaded or gone is tried again, later and later; in the meantime lines wait in
// the queue.
type OTLP struct {
	url    string
	header http.Header
	o      OTLPOptions
	client *http.Client
	// failing is the status of the last request, noReply without one; 0 when it was accepted.
	failing int
}

// OTLPOptions tune an OTLP. The zero value works.
type OTLPOptions struct {
	// Resource describes the gateway in every request, such as service.name.
	Resource map[string]string
	// Header is sent with every request, such as credentials.
	Header map[string]string
	// Timeout bounds one request; 0 means 10 s.
	Timeout time.Duration
	// GiveUp is how long a batch is tried before it is dropped; 0 means 5 minutes.
	GiveUp time.Duration
	// Transport sends requests; nil means one of its own.
	Transport http.RoundTripper
	// Log gets a line when sending begins to fail, when the failure changes, and when it works
	// again. Nil logs nothing.
	Log *slog.Logger
}

// NewOTLP returns an output that posts to ENDPOINT/v1/logs.
func NewOTLP(endpoint string, o OTLPOptions) (*OTLP, error) {
	u, err := url.Parse(endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil || u.Fragment != "" {
		return nil, errors.New("must be an http or https address without user and fragment")
	}
	if u.Path = strings.TrimRight(u.Path, "/"); !strings.HasSuffix(u.Path, "/v1/logs") {
		u.Path += "/v1/logs"
	}
	if o.Timeout <= 0 {
		o.Timeout = 10 * time.Second
	}
	if o.GiveUp <= 0 {
		o.GiveUp = 5 * time.Minute
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Transport == nil {
		o.Transport = &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true, MaxIdleConns: 2,
			IdleConnTimeout: time.Minute, TLSHandshakeTimeout: o.Timeout}
	}
	s := &OTLP{url: u.String(), header: http.Header{}, o: o, client: &http.Client{Transport: o.Transport, CheckRedirect: notFollowed}}
	for name, value := range o.Header {
		s.header.Set(name, value)
	}
	s.header.Set("Content-Type", "application/x-protobuf")
	s.header.Set("Content-Encoding", "gzip")
	return s, nil
}

// notFollowed keeps credentials and lines from going elsewhere.
func notFollowed(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// Name is the sink's name in metrics.
func (s *OTLP) Name() string { return "otlp" }

// Batch bounds one Write.
func (s *OTLP) Batch() Batch { return Batch{otlpBatchLines, otlpBatchBytes, otlpLinger} }

// Close closes idle connections.
func (s *OTLP) Close() error {
	s.client.CloseIdleConnections()
	return nil
}

// The first pause before a batch is sent again, and the longest.
const (
	firstPause = time.Second
	maxPause   = 30 * time.Second
)

// Write sends lines in one request, again and again until it is accepted, refused or
// given up.
func (s *OTLP) Write(ctx context.Context, lines []Line) (int, string, error) {
	body := compress(encodeLogs(s.o.Resource, lines))
	giveUp := time.Now().Add(s.o.GiveUp)
	for pause := firstPause; ; pause = min(2*pause, maxPause) {
		a := s.post(ctx, body)
		s.report(a)
		switch {
		case a.err == nil:
			return min(a.rejected, len(lines)), reasonRefused, nil
		case ctx.Err() != nil:
			return len(lines), reasonShutdown, a.err
		case !a.again:
			return len(lines), reasonRefused, a.err
		}
		wait := pause/2 + rand.N(pause/2)
		if a.after > 0 {
			wait = a.after
		}
		if time.Now().Add(wait).After(giveUp) {
			return len(lines), reasonGivenUp, a.err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return len(lines), reasonShutdown, a.err
		}
	}
}

// report logs when sending begins to fail, when the failure changes, and when it works again.
func (s *OTLP) report(a attempt) {
	if a.status == s.failing {
		return
	}
	if s.failing = a.status; a.err != nil {
		s.o.Log.Warn("the decision log's OTLP receiver does not take lines", "err", a.err, "tried_again", a.again)
	} else {
		s.o.Log.Info("the decision log's OTLP receiver takes lines again")
	}
}

// attempt is the outcome of one request.
type attempt struct {
	err error
	// status is the reply's if it is an error, noReply without one.
	status int
	// again says that the request may be sent again, after a pause if the receiver named one.
	again bool
	after time.Duration
	// rejected is how many lines the receiver did not take of a request that it accepted.
	rejected int
}

// noReply is the status of a request without a reply.
const noReply = -1

func (s *OTLP) post(ctx context.Context, body []byte) attempt {
	ctx, stop := context.WithTimeout(ctx, s.o.Timeout)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url, bytes.NewReader(body))
	if err != nil {
		return attempt{err: err, status: noReply}
	}
	req.Header = s.header.Clone()
	resp, err := s.client.Do(req)
	if err != nil {
		return attempt{err: withoutURL(err), status: noReply, again: true}
	}
	defer resp.Body.Close()
	reply, err := io.ReadAll(io.LimitReader(resp.Body, maxOTLPReply))
	switch {
	case resp.StatusCode/100 == 2:
		return attempt{rejected: rejectedIn(reply)} // a reply that broke off was still accepted
	case err != nil:
		return attempt{err: withoutURL(err), status: noReply, again: true}
	}
	return attempt{err: fmt.Errorf("the receiver answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode)), status: resp.StatusCode, again: retryable(resp.StatusCode), after: retryAfter(resp.Header.Get("Retry-After"))}
}

// withoutURL removes the address from a client's error: its query may hold a credential.
func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// retryable reports whether OTLP lets a request be sent again after a status.
func retryable(status int) bool {
	switch status {
	case http.StatusTooManyRequests, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// retryAfter parses the header of this name: seconds or a date. 0 means none.
func retryAfter(text string) time.Duration {
	if seconds, err := strconv.ParseUint(text, 10, 31); err == nil {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(time.Until(at), 0)
	}
	return 0
}

func compress(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b) // a buffer takes everything
	_ = w.Close()
	return out.Bytes()
}
