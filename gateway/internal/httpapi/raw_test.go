package httpapi_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// rawReplies reads replies until the connection ends, and returns their statuses.
func rawReplies(c *rawConn) (all []int) {
	for {
		resp, err := http.ReadResponse(c.r, nil)
		if err != nil {
			return all
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		all = append(all, resp.StatusCode)
	}
}

// TestNothingIsSmuggled sends requests that two parsers could delimit differently, each
// with a second one hidden behind it. However the first is answered, nothing that follows
// an ambiguous request may be served.
func TestNothingIsSmuggled(t *testing.T) {
	const line = "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
	hidden := line + fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(hello), hello)
	length := fmt.Sprintf("Content-Length: %d\r\n", len(hello))
	chunk := fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hello), hello)
	for name, c := range map[string]struct {
		raw string
		// served is how many requests may be served at most.
		served int64
	}{
		"length and chunks":         {line + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + hidden, 1},
		"chunks and length":         {line + "Transfer-Encoding: chunked\r\n" + length + "\r\n" + chunk + hidden, 1},
		"chunks, then another":      {line + "Transfer-Encoding: chunked\r\n\r\n" + chunk + hidden, 1},
		"chunked twice":             {line + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + hidden, 1},
		"chunked, identity":         {line + "Transfer-Encoding: chunked, identity\r\n\r\n" + chunk + hidden, 0},
		"xchunked":                  {line + "Transfer-Encoding: xchunked\r\n" + length + "\r\n" + hello + hidden, 0},
		"encoding after a blank":    {line + "Transfer-Encoding : chunked\r\n" + length + "\r\n" + hello + hidden, 0},
		"encoding with a tab":       {line + "Transfer-Encoding:\tchunked\r\n\r\n" + chunk + hidden, 1},
		"encoding with an escape":   {line + "Transfer-Encoding: \x0bchunked\r\n" + length + "\r\n" + hello + hidden, 0},
		"two lengths":               {line + length + "Content-Length: 5\r\n\r\n" + hello + hidden, 0},
		"two lengths in one":        {line + "Content-Length: 5, 6\r\n\r\n" + hello + hidden, 0},
		"signed length":             {line + "Content-Length: +57\r\n\r\n" + hello + hidden, 0},
		"negative length":           {line + "Content-Length: -1\r\n\r\n" + hello + hidden, 0},
		"length in hexadecimal":     {line + "Content-Length: 0x39\r\n\r\n" + hello + hidden, 0},
		"huge length":               {line + "Content-Length: 99999999999999999999\r\n\r\n" + hello + hidden, 0},
		"bad chunk size":            {line + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + hello + "\r\n0\r\n\r\n" + hidden, 0},
		"chunk size with a sign":    {line + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n" + hidden, 0},
		"chunk longer than said":    {line + "Transfer-Encoding: chunked\r\n\r\n2\r\n" + hello + "\r\n0\r\n\r\n" + hidden, 0},
		"bare LF in chunks":         {line + "Transfer-Encoding: chunked\r\n\r\n" + strings.ReplaceAll(chunk, "\r\n", "\n") + hidden, 1},
		"trailer with a length":     {line + "Transfer-Encoding: chunked\r\n\r\n" + strings.TrimSuffix(chunk, "\r\n") + "Content-Length: 5\r\n\r\n" + hidden, 1},
		"two hosts":                 {"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nHost: y\r\n" + length + "\r\n" + hello + hidden, 0},
		"no host":                   {"POST /v1/chat/completions HTTP/1.1\r\n" + length + "\r\n" + hello + hidden, 0},
		"NUL in a header":           {line + "X-A: a\x00b\r\n" + length + "\r\n" + hello + hidden, 0},
		"CR in a header":            {line + "X-A: a\rTransfer-Encoding: chunked\r\n" + length + "\r\n" + hello + hidden, 0},
		"a line without a colon":    {line + "X-A\r\n" + length + "\r\n" + hello + hidden, 0},
		"blank in the target":       {"POST /v1/chat/completions x HTTP/1.1\r\nHost: x\r\n" + length + "\r\n" + hello + hidden, 0},
		"HTTP/1.0, chunked":         {"POST /v1/chat/completions HTTP/1.0\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunk + hidden, 1},
		"unread body holds another": {"POST /none HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(hidden), hidden) + hidden, 0},
		"unread length":             {"POST /none HTTP/1.1\r\nHost: x\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(hidden)) + hidden + hidden, 0},
		"refused encoding":          {line + "Content-Encoding: br\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(hidden)) + hidden + hidden, 0},
	} {
		t.Run(name, func(t *testing.T) {
			var served atomic.Int64
			f := new(httpapi.Fake)
			f.OnServe = func(ctx context.Context, req *llm.Request, w llm.Writer) error {
				served.Add(1)
				return httpapi.SendPlain(ctx, req, w)
			}
			w := dial(t, start(t, f))
			_, _ = io.WriteString(w.Conn, c.raw) // the server may have closed the connection before the end
			statuses := rawReplies(w)
			if n := served.Load(); n > c.served || len(statuses) > 1 {
				t.Errorf("%d requests were served, want at most %d; replies %v", n, c.served, statuses)
			}
		})
	}
}

// TestOddRequestsAreServed sends unusual but unambiguous requests: both are served.
func TestOddRequestsAreServed(t *testing.T) {
	length := fmt.Sprintf("Content-Length: %d", len(hello))
	for name, head := range map[string]string{
		"bare LF":            "POST /v1/chat/completions HTTP/1.1\nHost: x\n" + length + "\n\n",
		"folded header":      "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nX-A: a\r\n b\r\n" + length + "\r\n\r\n",
		"the same length":    "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + length + "\r\n" + length + "\r\n\r\n",
		"empty line between": "\r\nPOST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n" + length + "\r\n\r\n",
	} {
		w := dial(t, start(t, new(httpapi.Fake)))
		w.send(head + hello + head + hello)
		_ = w.Conn.(interface{ CloseWrite() error }).CloseWrite()
		w.r = bufio.NewReader(w.Conn)
		for i, status := range rawReplies(w) {
			if status != 200 && status != 400 {
				t.Errorf("%s: reply %d is %d", name, i, status)
			}
		}
	}
}
