// Package tracing sends traces of requests by OTLP over HTTP. It makes the spans of a request
// from its record, once it has ended and in a goroutine of its own: a request costs one place
// in a queue, and neither a slow collector nor one that hangs is noticed by any. It is the only
// importer of OpenTelemetry.
//
// Spans never hold credentials, nor messages of errors, which may quote what a caller has sent.
// They hold texts only if both the configuration and the policy want them.
package tracing

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Options say where traces go. URL is required.
type Options struct {
	// URL is the collector's address with its path, Headers are added to every call.
	URL     string
	Headers map[string]string
	// Service and Version name this gateway.
	Service, Version string
	// Content puts the recorded texts into the spans, at most maxContent bytes of each.
	Content bool
	// Log is told when the collector can't be reached, and when it can again; nil for nobody.
	Log *slog.Logger
}

const (
	// maxWaiting is how many records may wait; those beyond it are dropped.
	maxWaiting = 2048
	// maxBatch is how many spans are sent at once, every at most how long one waits for others.
	maxBatch = 512
	every    = 2 * time.Second
	// exportTime bounds one call to the collector with its retries.
	exportTime = 10 * time.Second
	// maxContent bounds each text in a span, in bytes.
	maxContent = 8 << 10
)

// Exporter sends the traces. It is safe for concurrent use.
type Exporter struct {
	o        Options
	client   *otlptrace.Exporter
	last     *lastCall
	resource *resource.Resource

	mu      sync.RWMutex // guards closed, so that nothing is added to a closed queue
	closed  bool
	records chan *llm.Record
	ended   chan struct{}
	// stop ends a call to the collector.
	stop              context.CancelFunc
	exported, dropped atomic.Uint64
	failing           bool
}

// Start starts the goroutine that sends; Close ends it. It does not wait for the collector.
func Start(o Options) (*Exporter, error) {
	last := &lastCall{Transport: http.DefaultTransport.(*http.Transport).Clone()}
	last.MaxConnsPerHost = 2
	client := otlptracehttp.NewClient(
		otlptracehttp.WithEndpointURL(o.URL), otlptracehttp.WithHeaders(o.Headers),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: 500 * time.Millisecond, MaxInterval: 3 * time.Second, MaxElapsedTime: exportTime}),
		otlptracehttp.WithHTTPClient(&http.Client{Transport: last, Timeout: exportTime,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}), // which would get the headers
	)
	ctx, stop := context.WithCancel(context.Background())
	exporter, err := otlptrace.New(ctx, client)
	if err != nil {
		stop()
		return nil, fmt.Errorf("start sending traces to %s: %w", o.URL, err)
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	e := &Exporter{o: o, client: exporter, last: last, stop: stop, records: make(chan *llm.Record, maxWaiting), ended: make(chan struct{}),
		resource: resource.NewSchemaless(attribute.String("service.name", o.Service), attribute.String("service.version", o.Version))}
	go e.run(ctx)
	return e, nil
}

// Observe queues the record of a finished request, if its trace is sampled. It never waits, and
// does not change r.
func (e *Exporter) Observe(r *llm.Record) {
	if r.Dry || r.Trace.IsZero() || !r.Trace.Sampled {
		return
	}
	kept := r.Kept()
	if kept.RequestText != "" || kept.ReplyText != "" { // which may be much to keep
		c := *kept
		c.RequestText, c.ReplyText = e.content(c.RequestText), e.content(c.ReplyText)
		kept = &c
	}
	e.mu.RLock()
	defer e.mu.RUnlock()
	if e.closed {
		return
	}
	select {
	case e.records <- kept:
	default:
		e.dropped.Add(1)
	}
}

// content returns what a span holds of a text.
func (e *Exporter) content(text string) string {
	if !e.o.Content {
		return ""
	}
	return strings.Clone(strings.ToValidUTF8(text[:min(len(text), maxContent)], ""))
}

// Exported returns how many requests' traces were sent, Dropped how many were not: too many
// waited, or the collector did not take them.
func (e *Exporter) Exported() uint64 { return e.exported.Load() }

// Dropped is explained at Exported.
func (e *Exporter) Dropped() uint64 { return e.dropped.Load() }

// run sends what is queued, in batches.
func (e *Exporter) run(ctx context.Context) {
	defer close(e.ended)
	defer e.last.CloseIdleConnections()
	timer := time.NewTimer(every)
	defer timer.Stop()
	var b batch
	for {
		select {
		case r, ok := <-e.records:
			if !ok {
				e.send(ctx, &b)
				return
			}
			b.requests++
			b.spans = append(b.spans, e.spans(r)...)
			if len(b.spans) < maxBatch {
				continue
			}
		case <-timer.C:
		}
		e.send(ctx, &b)
		timer.Reset(every)
	}
}

// batch are the spans of some requests.
type batch struct {
	spans    []sdk.ReadOnlySpan
	requests uint64
}

// send sends a batch and empties it, whether or not the collector has taken it.
func (e *Exporter) send(ctx context.Context, b *batch) {
	if len(b.spans) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, exportTime)
	defer cancel()
	e.last.status, e.last.err = 0, nil
	err := e.client.ExportSpans(ctx, b.spans)
	if err == nil {
		e.exported.Add(b.requests)
	} else {
		e.dropped.Add(b.requests)
	}
	e.report(err == nil)
	clear(b.spans)
	b.spans, b.requests = b.spans[:0], 0
}

// report logs when sending begins to fail, and when it works again.
func (e *Exporter) report(sent bool) {
	switch {
	case !sent && !e.failing:
		e.o.Log.Warn("traces can't be sent; requests go on without them (telemetry.otlp)", "url", e.o.URL, "err", e.last.fault())
	case sent && e.failing:
		e.o.Log.Info("traces can be sent again", "url", e.o.URL)
	}
	e.failing = !sent
}

// Close sends what is queued until ctx ends, and drops the rest.
func (e *Exporter) Close(ctx context.Context) error {
	e.mu.Lock()
	if !e.closed {
		e.closed = true
		close(e.records)
	}
	e.mu.Unlock()
	select {
	case <-e.ended:
	case <-ctx.Done():
	}
	e.stop()
	<-e.ended
	if err := e.client.Shutdown(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("stop sending traces: %w", err)
	}
	return nil
}
