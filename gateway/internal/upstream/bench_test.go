package upstream

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llmtest"
)

var replyJSON = llmtest.Chat{Text: strings.Repeat("word ", 300)}.OpenAI()

// quick is a server that costs as little as possible.
func quick(b *testing.B) string {
	h := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, replyJSON)
	}))
	b.Cleanup(h.Close)
	return h.URL
}

func BenchmarkDo(b *testing.B) {
	c := dial(b, Options{BaseURL: quick(b)})
	buf := make([]byte, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		a, err := c.Do(b.Context(), call)
		if err != nil {
			b.Fatal(err)
		}
		drainAll(b, a.Body, buf)
	}
}

func BenchmarkBareClient(b *testing.B) {
	url := quick(b)
	c := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256, DisableCompression: true}}
	defer c.CloseIdleConnections()
	buf := make([]byte, 8<<10)
	b.ReportAllocs()
	for b.Loop() {
		req, err := http.NewRequestWithContext(b.Context(), "POST", url+call.Path, bytes.NewReader(call.Body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer x")
		resp, err := c.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		drainAll(b, resp.Body, buf)
	}
}

func drainAll(b *testing.B, r io.ReadCloser, buf []byte) {
	for {
		if _, err := r.Read(buf); err == io.EOF {
			break
		} else if err != nil {
			b.Fatal(err)
		}
	}
	r.Close()
}
