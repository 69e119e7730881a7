package httpapi

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// discard is a ResponseWriter that discards the reply.
type discard struct{ h http.Header }

func (s *discard) Header() http.Header         { return s.h }
func (s *discard) WriteHeader(int)             {}
func (s *discard) Write(b []byte) (int, error) { return len(b), nil }
func (s *discard) Flush()                      {}

// BenchmarkChat is everything this package does for a request, without the network.
func BenchmarkChat(b *testing.B) {
	f := complete()
	frame := []byte("data: {\"choices\":[{\"delta\":{\"content\":\"word\"}}]}\n\n")
	for name, events := range map[string]int{"plain": 1, "stream of 20": 20} {
		f.OnServe = func(_ context.Context, _ *llm.Request, w llm.Writer) error {
			if err := w.Start(llm.Head{Status: 200, Stream: events > 1}); err != nil {
				return err
			}
			for i := range events {
				if err := w.Event(llm.Event{Frame: frame, Final: i == events-1}); err != nil {
					return err
				}
			}
			return nil
		}
		a := newAPI(b, f)
		body := bytes.Repeat([]byte(" "), 2048)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest("POST", "/v1/chat/completions", nil)
			r.Header = http.Header{"Authorization": {"Bearer member"}, "Content-Type": {"application/json"}}
			r.ContentLength = int64(len(body))
			w := &discard{h: http.Header{}}
			for b.Loop() {
				r.Body = io.NopCloser(bytes.NewReader(body))
				a.Data.ServeHTTP(w, r)
			}
		})
	}
}
