package server

import (
	"context"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/audit"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/upstream"
)

// Reload builds a new snapshot from the configuration as it is now and swaps it in. If
// anything is wrong, the current one stays. Every reload comes this way: a change of a
// file, SIGHUP and the admin API. A policy bundle's server is asked afterwards.
func (s *Server) Reload(ctx context.Context) error {
	defer func() {
		select {
		case s.askBundle <- struct{}{}:
		default: // it is about to be asked
		}
	}()
	return s.reload(ctx)
}

// reload is Reload without asking a policy bundle's server.
func (s *Server) reload(ctx context.Context) error {
	s.reloading.Lock()
	defer s.reloading.Unlock()
	sn, err := s.rebuild(ctx)
	if err != nil {
		s.reloadError.Store(&err)
		s.log.Error("reload refused, the last good configuration stays", "err", err)
		s.tellReload(err)
		return err
	}
	s.reloadError.Store(nil)
	s.setLogLevel(sn.config.Log.Level)
	old := s.snapshot.Swap(sn)
	if old.bundle != nil && old.bundle != sn.bundle {
		old.bundle.client.Close()
	}
	sn.inheritHealth(old, s.health)
	s.retries.Set(upstream.RetryBudgetOptions(sn.config.RetryBudget))
	audit.From(ctx).Note("", revisions{old.policy.Status().Revision}, revisions{sn.policy.Status().Revision})
	s.log.Info("reloaded", sn.changes(old)...)
	for _, warning := range sn.warnings(old) {
		s.log.Warn(warning)
	}
	old.drain()
	s.closing.Go(func() { old.closeDrained(context.Background()) })
	return nil
}

func (s *Server) rebuild(ctx context.Context) (*snapshot, error) {
	c, err := s.load(ctx)
	if err != nil {
		return nil, err
	}
	if err := reloadable(s.snapshot.Load().config, c); err != nil {
		return nil, err
	}
	return s.build(ctx, c)
}

// load reads the configuration. What it refers to is watched before it is read, so that
// no later change goes unnoticed.
func (s *Server) load(ctx context.Context) (*config.Config, error) {
	path := s.o.ConfigPath()
	s.o.Config = path // from here on a file that is gone is a fault, not the lack of one
	s.watch(path)
	c, err := s.o.Load(ctx)
	if err != nil || path == "" {
		return c, err
	}
	s.watchTLS(c)
	s.watch(c.Policies.Folder)
	s.watch(c.Catalog)
	s.watch(c.Classifier.Weights)
	for _, is := range c.Identity.OIDC {
		s.watch(is.KeysFile)
		s.watch(is.CAFile)
	}
	for _, p := range c.Plugins.Own {
		s.watch(p.File)
		if len(c.Plugins.Trusted) > 0 {
			s.watch(p.File + ".sig")
		}
	}
	return c, nil
}

// watch watches a file or folder. What the configuration no longer refers to stays
// watched: a needless reload does no harm.
func (s *Server) watch(path string) {
	if s.watcher == nil || path == "" {
		return
	}
	if err := s.watcher.Add(path); err != nil {
		s.log.Warn("changes will not be noticed; send SIGHUP to reload", "path", path, "err", err)
	}
}

// watchFiles makes load watch the files that it reads. The maintenance reloads when one
// changes.
func (s *Server) watchFiles(ctx context.Context) {
	var err error
	s.changed = make(chan struct{}, 1)
	s.watcher, err = config.Watch(ctx, func() {
		select {
		case s.changed <- struct{}{}:
		default: // a reload is pending already
		}
	})
	if err != nil {
		s.log.Warn("changes of files will not be noticed; send SIGHUP to reload", "err", err)
	}
}

// reloadNow reloads for the admin API.
func (s *Server) reloadNow(ctx context.Context) (any, error) {
	if err := s.Reload(ctx); err != nil {
		return nil, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusUnprocessableEntity, Message: err.Error()}
	}
	sn := s.snapshot.Load()
	return map[string]any{"reloaded": true, "policy": sn.policy.Status().Revision, "models": len(sn.config.Models)}, nil
}
