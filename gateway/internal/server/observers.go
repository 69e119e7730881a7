package server

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/logging"
	"github.com/penstock/penstock/gateway/internal/telemetry"
	"github.com/penstock/penstock/gateway/internal/tracing"
)

// observers are who is told of requests and events beside the ledger and the metrics. None of
// them holds a request up.
type observers struct {
	// traces is nil where none are sent, accessLog where there is none, logLines unless the
	// server runs.
	traces              *tracing.Exporter
	accessLog, logLines *logging.Queue
	// faults logs what plugins do wrong.
	faults pluginFaults
	// events tells webhooks; nearLimits finds out which limits are nearly used up.
	events     events
	nearLimits budgetWatch
}

// setLog makes the log what the configuration says.
func (s *Server) setLog(c *config.Log) {
	s.setLogLevel(c.Level)
	s.log = logging.New(s.logTo, c.Format == config.LogJSON, &s.logLevel)
}

// logGrace is how long the last lines of the log may take to be written.
const logGrace = time.Second

// queueLog has the log written by a goroutine: a standard error that nobody reads holds up no
// request and not the maintenance. It returns a function that writes what is left.
func (s *Server) queueLog() (flush func()) {
	s.logLines = logging.NewQueue(s.o.Stderr)
	s.logTo = s.logLines
	s.log = slog.New(slog.NewTextHandler(s.logTo, nil))
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), logGrace)
		defer cancel()
		s.logLines.Close(ctx)
	}
}

// setLogLevel has the log hold lines of a level and those above it, from now on.
func (s *Server) setLogLevel(l config.LogLevel) {
	s.logLevel.Set(map[config.LogLevel]slog.Level{config.LogDebug: slog.LevelDebug, config.LogInfo: slog.LevelInfo, config.LogWarn: slog.LevelWarn, config.LogError: slog.LevelError}[l])
}

// openObservers starts the access log, the traces and the webhooks.
func (s *Server) openObservers(_ context.Context, c *config.Config) (err error) {
	if c.Log.Access == config.On {
		s.accessLog = logging.NewQueue(s.o.Stderr)
	}
	s.startWebhooks(c)
	if c.Telemetry.OTLP == "" {
		return nil
	}
	headers := map[string]string{}
	for name, value := range c.Telemetry.Headers {
		headers[name] = value.Reveal()
	}
	s.traces, err = tracing.Start(tracing.Options{URL: c.Telemetry.OTLP, Headers: headers, Service: c.Telemetry.Service, Version: s.o.Version,
		Content: c.Telemetry.Content == config.On, Log: s.log})
	return err
}

// accessLogger returns the logger of the access log's lines; nil for none. They are written
// whatever the level of the log is.
func (s *Server) accessLogger(c *config.Log) *slog.Logger {
	if s.accessLog == nil {
		return nil
	}
	return logging.New(s.accessLog, c.Format == config.LogJSON, slog.LevelInfo)
}

// tracingOf says which requests have a trace.
func tracingOf(t *config.Telemetry) httpapi.Tracing {
	return httpapi.Tracing{On: t.OTLP != "", Sample: float64(t.Sample), Propagate: t.Propagate == config.On}
}

// observed returns the sinks of the observers.
func (s *Server) observed() []func(*llm.Record) {
	sinks := []func(*llm.Record){s.notePluginFaults}
	if s.traces != nil {
		sinks = append(sinks, s.traces.Observe)
	}
	if s.events.wanted(config.EventBudget) {
		sinks = append(sinks, s.watchBudgets)
	}
	return sinks
}

// closeOutlets sends and writes what is queued for the decision log, the collector and the
// webhooks, all at the same time. What hangs gets half of the time that is left, since other
// parts are to be closed after it.
func (s *Server) closeOutlets(ctx context.Context) error {
	ctx, cancel := halfOf(ctx)
	defer cancel()
	if s.health != nil {
		s.tellCircuits()
	}
	var errs [2]error
	var wg sync.WaitGroup
	wg.Go(func() { s.events.close(ctx) })
	wg.Go(func() { errs[0] = s.closeDecisions(ctx) })
	if s.traces != nil {
		wg.Go(func() { errs[1] = s.traces.Close(ctx) })
	}
	wg.Wait()
	if s.accessLog != nil {
		s.accessLog.Close(ctx)
	}
	return errors.Join(errs[:]...)
}

// halfOf returns a context that ends when half of the time until ctx's deadline is over.
func halfOf(ctx context.Context) (context.Context, context.CancelFunc) {
	if end, ok := ctx.Deadline(); ok {
		return context.WithTimeout(ctx, time.Until(end)/2)
	}
	return context.WithCancel(ctx)
}

// outletMetrics returns what became of traces, events and lines of the access log.
func (s *Server) outletMetrics() (o telemetry.Outlets) {
	o.EventsSent, o.EventsDropped = s.events.delivered()
	o.EventsDropped += s.health.DroppedChanges()
	if s.traces != nil {
		o.TracesSent, o.TracesDropped = s.traces.Exported(), s.traces.Dropped()
	}
	for _, q := range []*logging.Queue{s.accessLog, s.logLines} {
		if q != nil {
			o.LinesDropped += q.Dropped()
		}
	}
	return o
}

// meterCounters returns how many counters of limits there are.
func (s *Server) meterCounters() int64 { return int64(s.meter.Size()) }
