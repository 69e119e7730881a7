package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/policy"
)

// openDecisions starts the decision log where the configuration names one. A file is
// added to; whoever rotates it copies and truncates it.
func (g *gateway) openDecisions(_ context.Context, c *config.Config) (err error) {
	if c.DecisionLog == "" {
		return nil
	}
	var w io.Writer = g.app.stderr
	if c.DecisionLog != config.Stderr {
		g.decisionFile, err = os.OpenFile(c.DecisionLog, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		if err != nil {
			return config.Faults{c.Fault("decision_log", "name a file that can be written, or stderr", "%v", err)}
		}
		w = g.decisionFile
	}
	g.decisions, err = policy.StartDecisionLog(w, policy.DecisionLogOptions{Labels: map[string]string{"app": "penstock", "version": version}})
	return err
}

// closeDecisions writes what still waits. What could not be written is an error.
func (g *gateway) closeDecisions() error {
	var errs []error
	if g.decisions != nil {
		if err := g.decisions.Close(); err != nil {
			errs = append(errs, fmt.Errorf("%w (%d lines are missing)", err, g.decisions.Dropped()))
		}
	}
	if g.decisionFile != nil {
		errs = append(errs, g.decisionFile.Close())
	}
	return errors.Join(errs...)
}

// droppedDecisions is for the metrics.
func (g *gateway) droppedDecisions() uint64 {
	if g.decisions == nil {
		return 0
	}
	return g.decisions.Dropped()
}
