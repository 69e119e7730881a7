package server

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/policy"
)

// openDecisions starts the decision log if the configuration names one. It appends to a
// file, which can be rotated by copying and truncating it.
func (s *Server) openDecisions(_ context.Context, c *config.Config) (err error) {
	if c.DecisionLog == "" {
		return nil
	}
	var w io.Writer = s.o.Stderr
	if c.DecisionLog != config.Stderr {
		s.decisionFile, err = os.OpenFile(c.DecisionLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return config.Faults{c.Fault("decision_log", "name a file that can be written, or stderr", "%v", err)}
		}
		w = s.decisionFile
	}
	s.decisions, err = policy.StartDecisionLog(w, policy.DecisionLogOptions{Labels: map[string]string{"app": "penstock", "version": s.o.Version}})
	return err
}

// closeDecisions writes what is queued. The error says how much could not be written.
func (s *Server) closeDecisions() error {
	var errs []error
	if s.decisions != nil {
		if err := s.decisions.Close(); err != nil {
			errs = append(errs, fmt.Errorf("%w (%d lines are missing)", err, s.decisions.Dropped()))
		}
	}
	if s.decisionFile != nil {
		errs = append(errs, s.decisionFile.Close())
	}
	return errors.Join(errs...)
}

// droppedDecisions returns how many lines of the decision log were dropped.
func (s *Server) droppedDecisions() uint64 {
	if s.decisions == nil {
		return 0
	}
	return s.decisions.Dropped()
}
