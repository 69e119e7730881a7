package tracing

import (
	"errors"
	"fmt"
	"net/http"
)

// lastCall is a transport that remembers how the last call to the collector ended, and reads no
// reply that refuses: it may be long, and quote the headers with a credential. One goroutine
// uses it.
type lastCall struct {
	*http.Transport
	// status is that of the reply; 0 without one, which err explains unless nothing was called.
	status int
	err    error
}

// RoundTrip implements http.RoundTripper.
func (c *lastCall) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.Transport.RoundTrip(r)
	if c.status, c.err = 0, err; err != nil {
		return nil, err
	}
	if c.status = resp.StatusCode; !c.accepted() {
		_ = resp.Body.Close()
		resp.Body = http.NoBody
	}
	return resp, nil
}

func (c *lastCall) accepted() bool { return c.status >= 200 && c.status < 300 }

// fault returns why the collector has not taken everything.
func (c *lastCall) fault() error {
	switch {
	case c.err != nil:
		return c.err
	case c.accepted():
		return errors.New("the collector has rejected spans, or its reply broke off")
	case c.status == 0:
		return errors.New("there was no time left for it")
	}
	return fmt.Errorf("the collector answered %d %s", c.status, http.StatusText(c.status))
}
