// Package bundle fetches policy bundles from an HTTP server, asks for changed ones and keeps
// the last good one on disk. It does not look into them: package policy verifies and
// compiles them.
package bundle

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"
)

// Options say where a bundle is. URL, Timeout and MaxSize are required.
type Options struct {
	URL string
	// Header is sent to the host of URL only, also when it redirects to another one.
	Header map[string]string
	// Timeout bounds one download, redirects included.
	Timeout time.Duration
	// MaxSize bounds what is downloaded, in bytes.
	MaxSize int64
	// UserAgent names the gateway to the server.
	UserAgent string
}

// Client fetches one bundle. It is safe for concurrent use.
type Client struct {
	o      Options
	client *http.Client
}

// maxRedirects bounds how often a server may redirect.
const maxRedirects = 5

// NewClient returns a client; Close ends it.
func NewClient(o Options) *Client {
	c := &Client{o: o}
	c.client = &http.Client{CheckRedirect: c.redirect, Transport: &http.Transport{Proxy: http.ProxyFromEnvironment, ForceAttemptHTTP2: true,
		DisableCompression: true, MaxIdleConns: 1, IdleConnTimeout: time.Minute, TLSHandshakeTimeout: o.Timeout}}
	return c
}

// redirect keeps the headers from other hosts and from connections in the clear: they may be
// credentials.
func (c *Client) redirect(req *http.Request, via []*http.Request) error {
	first := via[0].URL
	switch {
	case len(via) > maxRedirects:
		return fmt.Errorf("the server redirects more than %d times", maxRedirects)
	case first.Scheme == "https" && req.URL.Scheme != "https":
		return errors.New("the server redirects from https to " + req.URL.Scheme)
	case req.URL.Host != first.Host || req.URL.Scheme != first.Scheme:
		for name := range c.o.Header {
			req.Header.Del(name)
		}
		req.Header.Del("Referer")
	}
	return nil
}

// Reply is a server's answer.
type Reply struct {
	// Archive is the bundle, nil if it is still that of the ETag in the question.
	Archive []byte
	// ETag names this version; it may be empty.
	ETag string
}

// Get asks for the bundle, unless it is still the version of an ETag; empty asks for it in any
// case. The error does not quote the address, whose query may hold a credential.
func (c *Client) Get(ctx context.Context, etag string) (*Reply, error) {
	ctx, stop := context.WithTimeout(ctx, c.o.Timeout)
	defer stop()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, c.o.URL, nil)
	if err != nil {
		return nil, withoutURL(err)
	}
	req.Header.Set("User-Agent", c.o.UserAgent)
	req.Header.Set("Accept", "application/gzip, application/octet-stream, */*")
	for name, value := range c.o.Header {
		req.Header.Set(name, value)
	}
	if etag != "" {
		req.Header.Set("If-None-Match", etag)
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return nil, c.explain(err)
	}
	defer resp.Body.Close()
	switch {
	case resp.StatusCode == http.StatusNotModified && etag != "":
		return &Reply{ETag: etag}, nil
	case resp.StatusCode != http.StatusOK:
		return nil, fmt.Errorf("the server answered %d %s", resp.StatusCode, http.StatusText(resp.StatusCode))
	}
	archive, err := io.ReadAll(io.LimitReader(resp.Body, c.o.MaxSize+1))
	if err != nil {
		return nil, c.explain(err)
	}
	if int64(len(archive)) > c.o.MaxSize {
		return nil, fmt.Errorf("the bundle is larger than %d bytes (max_size)", c.o.MaxSize)
	}
	return &Reply{Archive: archive, ETag: resp.Header.Get("ETag")}, nil
}

// explain says what a client's error means.
func (c *Client) explain(err error) error {
	if errors.Is(err, context.DeadlineExceeded) {
		return fmt.Errorf("the server has not sent the bundle within %v", c.o.Timeout)
	}
	return withoutURL(err)
}

func withoutURL(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}

// Close closes idle connections.
func (c *Client) Close() { c.client.CloseIdleConnections() }
