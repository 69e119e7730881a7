// Command floor is the smallest possible proxy on this stack: one Echo handler that reads
// the body, calls the upstream with net/http and copies the reply. Its cost is that of Echo
// and net/http without any feature, and the benchmark compares the gateway with it. It is
// not a product: it checks, limits and retries nothing.
package main

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"

	"github.com/labstack/echo/v4"
)

// main serves the upstream named by the first argument on a free loopback port,
// prints the address, and ends when its standard input does.
func main() {
	if err := run(os.Args[1]); err != nil {
		fmt.Fprintln(os.Stderr, "floor:", err)
		os.Exit(1)
	}
}

func run(upstream string) error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.MaxIdleConnsPerHost = 1024
	e := echo.New()
	e.POST("/v1/chat/completions", relay(upstream+"/v1/chat/completions", &http.Client{Transport: transport}))
	go func() { // ends with the process
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(0)
	}()
	fmt.Println(l.Addr())
	return http.Serve(l, e)
}

// relay returns the handler.
func relay(url string, client *http.Client) echo.HandlerFunc {
	return func(c echo.Context) error {
		body, err := io.ReadAll(c.Request().Body)
		if err != nil {
			return err
		}
		req, err := http.NewRequestWithContext(c.Request().Context(), http.MethodPost, url, bytes.NewReader(body))
		if err != nil {
			return err
		}
		req.Header = c.Request().Header.Clone()
		reply, err := client.Do(req)
		if err != nil {
			return err
		}
		defer reply.Body.Close()
		for name, values := range reply.Header {
			c.Response().Header()[name] = values
		}
		c.Response().WriteHeader(reply.StatusCode)
		return copyFlushing(c.Response(), reply)
	}
}

// copyFlushing flushes the pieces of a stream as they come, and copies anything else.
func copyFlushing(w *echo.Response, reply *http.Response) error {
	if reply.ContentLength >= 0 {
		_, err := io.Copy(w, reply.Body)
		return err
	}
	buf := make([]byte, 4096)
	for {
		n, err := reply.Body.Read(buf)
		if n > 0 {
			if _, werr := w.Write(buf[:n]); werr != nil {
				return werr
			}
			w.Flush()
		}
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
