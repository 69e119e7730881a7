package server

import (
	"context"
	"errors"
	"time"
)

// Run runs a server until ctx ends, then drains and closes it. It calls ready once the
// server accepts requests. A server that is stopped before that returns nil.
func Run(ctx context.Context, o Options, ready func(*Server)) error {
	s := newServer(o)
	defer s.queueLog()()
	s.watchFiles(ctx)
	// The listeners come first: what else opens a port must not get one of theirs.
	if err := s.open(ctx, s.listen); err != nil {
		if ctx.Err() != nil {
			return nil
		}
		return err
	}
	defer redirectStandardLog(s.log)()
	c := s.snapshot.Load().config
	l := s.newListeners()
	m := s.startMaintenance(ctx)
	s.tuneMemory()
	l.start()
	ready(s)

	var err error
	select {
	case <-ctx.Done():
		s.drain(c.Server.DrainDelay)
	case err = <-l.failed:
	}
	s.draining.Store(true)
	grace, stop := context.WithTimeout(context.WithoutCancel(ctx), c.Server.Grace)
	defer stop()
	l.stop(grace)
	m.stop()
	last, done := context.WithTimeout(context.WithoutCancel(ctx), cutGrace)
	defer done()
	return errors.Join(err, s.Close(last))
}

// drain reports the server as not ready and goes on serving for a while, so that load
// balancers notice and callers' connections end with a reply.
func (s *Server) drain(delay time.Duration) {
	s.draining.Store(true)
	if delay > 0 {
		s.log.Info("stopping; new requests are still served for a while (server.drain_delay)", "delay", delay.String())
		time.Sleep(delay)
	}
}
