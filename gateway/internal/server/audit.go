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
	s.auditReload(ctx, reason, s.Reload)
}

// auditReload reloads, and keeps in the audit log why and with what outcome.
func (s *Server) auditReload(ctx context.Context, reason string, reload func(context.Context) error) {
	t := &audit.Trail{}
	err := reload(audit.With(ctx, t)) // which logs the error, and /readyz reports it
	e := t.Entry
	e.Action, e.Object, e.Outcome = actionReload, reason, audit.Done
	if err != nil {
		e.Outcome, e.Detail = audit.Refused, err.Error()
	}
	s.addAudit(ctx, e)
}

// actionReload is the audited action of a reload that is no operator's request, actionAskedReload of
// one that is.
const actionReload, actionAskedReload = "reload", "POST /admin/v1/reload"

// revisions is what the audit log keeps of a reload.
type revisions struct {
	Policy string `json:"policy"`
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
