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

// sink is a response that nobody reads.
type sink struct{ h http.Header }

func (s *sink) Header() http.Header         { return s.h }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }
func (s *sink) Flush()                      {}

// BenchmarkChat is everything this package does for a request, without the network.
func BenchmarkChat(b *testing.B) {
	o := everything()
	frame := []byte("data: {\"choices\":[{\"delta\":{\"content\":\"word\"}}]}\n\n")
	for name, events := range map[string]int{"plain": 1, "stream of 20": 20} {
		o.Serve = func(_ context.Context, _ *llm.Request, w Writer) error {
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
		a, err := New(o)
		if err != nil {
			b.Fatal(err)
		}
		body := bytes.Repeat([]byte(" "), 2048)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			r := httptest.NewRequest("POST", "/v1/chat/completions", nil)
			r.Header = http.Header{"Authorization": {"Bearer member"}, "Content-Type": {"application/json"}}
			r.ContentLength = int64(len(body))
			w := &sink{h: http.Header{}}
			for b.Loop() {
				r.Body = io.NopCloser(bytes.NewReader(body))
				a.Data.ServeHTTP(w, r)
			}
		})
	}
}
