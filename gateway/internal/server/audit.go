package server

import (
	"context"
	"time"

	"github.com/penstock/penstock/gateway/internal/audit"
)

// addAudit stores who changed what. The change was made, so an error is only logged.
func (s *Server) addAudit(ctx context.Context, e audit.Entry) {
	if err := s.audit.Add(ctx, e); err != nil {
		s.log.Error("a change is missing in the audit log", "action", e.Action, "object", e.Object, "key", e.Key, "address", e.Address, "outcome", e.Outcome, "err", err)
	}
}

// reloadAudited reloads for a reason that is no operator's request.
func (s *Server) reloadAudited(ctx context.Context, reason string) {
	e := audit.Entry{Action: "reload", Object: reason, Outcome: audit.Done}
	if err := s.Reload(ctx); err != nil { // Reload logs the error, and /readyz reports it
		e.Outcome, e.Detail = audit.Refused, err.Error()
	}
	s.addAudit(ctx, e)
}

// tendKeys writes when keys were last used.
func (m *maintenance) tendKeys(ctx context.Context) {
	if err := m.keys.SaveUses(ctx); err != nil {
		m.log.Warn("when keys were last used is not known for the last minute", "err", err)
	}
}

// pruneAudit deletes entries of the audit log that are older than the configuration's
// retention.
func (m *maintenance) pruneAudit(ctx context.Context, before time.Time) {
	if err := m.audit.Prune(ctx, before, pruneStep); err != nil {
		m.log.Warn("delete old entries of the audit log", "err", err)
	}
}
