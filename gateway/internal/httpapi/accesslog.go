package httpapi

import (
	"cmp"
	"log/slog"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// counted counts what is written to a client.
type counted struct {
	http.ResponseWriter
	status int
	bytes  int64
}

func (c *counted) WriteHeader(status int) {
	if c.status == 0 || c.status < http.StatusOK {
		c.status = status
	}
	c.ResponseWriter.WriteHeader(status)
}

func (c *counted) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	n, err := c.ResponseWriter.Write(p)
	c.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (c *counted) Unwrap() http.ResponseWriter { return c.ResponseWriter }

// netWriter returns net/http's own writer, which http.MaxBytesReader asks for more than the
// interface has.
func (x *exchange) netWriter() http.ResponseWriter {
	if x.counts != nil {
		return x.counts.ResponseWriter
	}
	return x.w
}

// logAccess writes the access log's line about the exchange, once it is over. Health checks that
// succeed are left out: they say nothing, often.
func (x *exchange) logAccess() {
	if x.api.access == nil || x.counts.status < 300 && x.isCheck() {
		return
	}
	status := cmp.Or(x.counts.status, statusClientGone)
	line := make([]slog.Attr, 0, 20)
	line = append(line, slog.String("request", x.id), slog.String("method", truncate(x.r.Method)), slog.String("path", truncate(x.r.URL.Path)),
		slog.Int("status", status), slog.Float64("ms", float64(time.Since(x.received).Microseconds())/1e3), slog.Int64("bytes", x.counts.bytes))
	text := func(name, value string) {
		if value != "" {
			line = append(line, slog.String(name, value))
		}
	}
	text("key", x.who.KeyID)
	if x.request != nil {
		trace, _ := x.request.Trace.Hex()
		text("trace", trace)
		text("model", truncate(x.request.Facts.Model))
	}
	if record := x.record.Load(); record != nil {
		line = appendRecord(line, record)
	} else {
		text("code", string(x.code))
	}
	x.api.access.LogAttrs(x.r.Context(), slog.LevelInfo, "request", line...)
}

// appendRecord appends what the record of a request adds to its line.
func appendRecord(line []slog.Attr, r *llm.Record) []slog.Attr {
	for _, a := range [...]struct{ name, value string }{{"target", r.Target}, {"code", string(r.Code)}, {"cache", string(r.Cache)}} {
		if a.value != "" {
			line = append(line, slog.String(a.name, a.value))
		}
	}
	if n := len(r.Attempts); n > 1 {
		line = append(line, slog.Int("attempts", n))
	}
	if r.Usage.Total() > 0 {
		line = append(line, slog.Int64("input_tokens", r.Usage.Input), slog.Int64("output_tokens", r.Usage.Output))
	}
	if r.Price.Known {
		line = append(line, slog.Float64("cost_usd", float64(r.Cost)/float64(llm.USD)))
	}
	return line
}

// isCheck reports whether the request only asks whether the gateway is there.
func (x *exchange) isCheck() bool {
	return x.r.URL.Path == "/healthz" || x.r.URL.Path == "/readyz" || x.r.URL.Path == "/metrics"
}
