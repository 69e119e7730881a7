package server

import (
	"context"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/decisionlog"
	"github.com/penstock/penstock/gateway/internal/telemetry"
)

// openDecisions starts the decision log if the configuration names one.
func (s *Server) openDecisions(_ context.Context, c *config.Config) error {
	l := &c.DecisionLog
	if l.IsZero() {
		return nil
	}
	var outputs []decisionlog.Output
	switch l.File {
	case "":
	case config.Stderr:
		outputs = append(outputs, decisionlog.NewStream(config.Stderr, s.o.Stderr))
	default:
		file, err := decisionlog.OpenFile(l.File, decisionlog.FileOptions{MaxSize: int64(l.MaxSize), Keep: l.Keep, Log: s.log})
		if err != nil {
			return config.Faults{c.Fault("decision_log.file", "name a file that can be written, or stderr", "%v", err)}
		}
		outputs = append(outputs, file)
	}
	if l.OTLP != "" {
		receiver, err := s.newReceiver(l)
		if err != nil {
			return config.Faults{c.Fault("decision_log.otlp", "write https://HOST:4318", "%v", err)}
		}
		outputs = append(outputs, receiver)
	}
	var masks []decisionlog.Mask
	for _, m := range l.Mask {
		masks = append(masks, decisionlog.Mask(m))
	}
	s.decisions = decisionlog.Start(outputs, decisionlog.Options{Labels: map[string]string{"app": "penstock", "version": s.o.Version}, Mask: masks, Queue: l.Queue})
	return nil
}

// newReceiver returns the output to an OpenTelemetry receiver.
func (s *Server) newReceiver(l *config.DecisionLog) (*decisionlog.OTLP, error) {
	header := map[string]string{}
	for name, value := range l.Headers {
		header[name] = value.Reveal()
	}
	return decisionlog.NewOTLP(l.OTLP, decisionlog.OTLPOptions{Header: header, Log: s.log,
		Resource: map[string]string{"service.name": "penstock", "service.version": s.o.Version}})
}

// closeDecisions writes what is queued, until ctx ends. The error says how much could not be
// written.
func (s *Server) closeDecisions(ctx context.Context) error {
	if s.decisions == nil {
		return nil
	}
	return s.decisions.Close(ctx)
}

// droppedDecisions returns how many lines of the decision log were dropped.
func (s *Server) droppedDecisions() (all []telemetry.DroppedLines) {
	if s.decisions == nil {
		return nil
	}
	for _, d := range s.decisions.Dropped() {
		all = append(all, telemetry.DroppedLines(d))
	}
	return all
}
