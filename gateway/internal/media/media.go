// Package media fetches the images, documents and sounds that requests name by URL, for
// targets that take only their bytes. A URL comes from a caller and is not trusted: what may
// be reached is checked by the address that is connected to, at every redirect, and time,
// size and the number of fetches at once are bounded.
//
// It does not know requests or wire formats, and it caches nothing.
package media

import (
	"context"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/publicaddr"
)

// Options say what may be fetched. The zero value fetches from public addresses.
type Options struct {
	// MaxBytes bounds one medium; zero means 20 MiB.
	MaxBytes int64
	// Timeout bounds one fetch, with its redirects and the wait for its turn; zero means
	// 10 seconds.
	Timeout time.Duration
	// Hosts are the only hosts to fetch from; nil means all.
	Hosts []publicaddr.Host
	// AllowPrivate are networks that are not public and may be fetched from all the same.
	AllowPrivate []netip.Prefix
	// UserAgent is sent with every request.
	UserAgent string
}

const (
	// maxFetches bounds the fetches that run at once.
	maxFetches = 32
	// maxRedirects bounds the redirects of one fetch.
	maxRedirects = 3
	// maxHeader bounds the headers of an answer, in bytes.
	maxHeader = 64 << 10
)

// Fetcher fetches media. It is safe for concurrent use, and keeps no connection open.
type Fetcher struct {
	o         Options
	transport *http.Transport
	slots     chan struct{}
}

// New makes a fetcher.
func New(o Options) *Fetcher {
	if o.MaxBytes == 0 {
		o.MaxBytes = 20 << 20
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	f := &Fetcher{o: o, slots: make(chan struct{}, maxFetches)}
	f.transport = &http.Transport{
		Proxy:                  nil, // a proxy would resolve names unchecked
		DialContext:            f.dial,
		DisableKeepAlives:      true,
		DisableCompression:     true,
		MaxResponseHeaderBytes: maxHeader,
	}
	return f
}

// Medium is what was fetched.
type Medium struct {
	// Type is its media type, as its own first bytes tell it.
	Type string
	Data []byte
}

// Fetch fetches a medium of a kind: llm.Vision, llm.AudioIn or llm.FileIn. The memory that
// it takes is counted by hold, unless that is nil. Its errors are hold's and *llm.Error, whose
// message is the reason, such as "its host answered with status 404", and shows neither the
// URL nor an address; those with llm.CodeForbidden are due to the options. When ctx ends it returns the cause.
func (f *Fetcher) Fetch(ctx context.Context, rawURL string, kind llm.Features, hold func(int64) error) (Medium, error) {
	caller := ctx
	ctx, cancel := context.WithTimeoutCause(ctx, f.o.Timeout, refused("it took longer than %s (media.timeout)", f.o.Timeout))
	defer cancel()
	m, err := f.fetch(ctx, rawURL, kind, hold)
	switch {
	case err == nil:
		return m, nil
	case caller.Err() != nil:
		return Medium{}, context.Cause(caller)
	case ctx.Err() != nil:
		return Medium{}, context.Cause(ctx)
	}
	return Medium{}, err
}

func (f *Fetcher) fetch(ctx context.Context, rawURL string, kind llm.Features, hold func(int64) error) (Medium, error) {
	select {
	case f.slots <- struct{}{}:
		defer func() { <-f.slots }()
	case <-ctx.Done():
		return Medium{}, ctx.Err()
	}
	u, err := f.parse(rawURL)
	for redirects := 0; err == nil; redirects++ {
		var resp *http.Response
		if resp, err = f.get(ctx, u); err != nil {
			break
		}
		if !isRedirect(resp.StatusCode) {
			defer resp.Body.Close()
			return f.accept(resp, kind, hold)
		}
		resp.Body.Close()
		if redirects == maxRedirects {
			return Medium{}, refused("the host redirects more than %d times", maxRedirects)
		}
		u, err = f.next(u, resp.Header.Get("Location"))
	}
	return Medium{}, err
}

// get asks for a URL. The transport is called without an http.Client around it, so nothing
// follows a redirect, keeps a cookie or sends a Referer.
func (f *Fetcher) get(ctx context.Context, u *url.URL) (*http.Response, error) {
	r := &http.Request{Method: http.MethodGet, URL: u, Host: u.Host, Header: http.Header{
		"Accept": {"*/*"}, "Accept-Encoding": {"identity"}, "User-Agent": {f.o.UserAgent}}}
	resp, err := f.transport.RoundTrip(r.WithContext(ctx))
	if err != nil {
		return nil, unreachable(err)
	}
	return resp, nil
}

func isRedirect(status int) bool {
	switch status {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
		return true
	}
	return false
}

// next is where a redirect leads, checked like the URL that was given.
func (f *Fetcher) next(from *url.URL, location string) (*url.URL, error) {
	to, err := from.Parse(location)
	if err != nil || location == "" {
		return nil, refused("the host redirects to something that is not a URL")
	}
	if from.Scheme == "https" && to.Scheme == "http" {
		return nil, refused("the host redirects from https to http")
	}
	return f.parse(to.String())
}

// dial connects to an address that may be fetched from. It is checked after its name is
// resolved, just before the connection, so that a name cannot resolve to one address for the
// check and to another for its use.
func (f *Fetcher) dial(ctx context.Context, network, address string) (net.Conn, error) {
	d := net.Dialer{Control: f.control(address)}
	return d.DialContext(ctx, network, address)
}
