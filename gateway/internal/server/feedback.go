package server

import (
	"context"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// addFeedback stores what a caller says of the reply to a request of its own, or of its team.
// Any other request is not there for it, as if its id were wrong.
func (s *Server) addFeedback(ctx context.Context, who llm.Principal, f *llm.Feedback) error {
	r, err := s.ledger.Get(ctx, f.RequestID)
	if e := llm.AsError(err); err != nil && e.Code != llm.CodeNotFound {
		return err
	}
	if err != nil || !mayRate(who, r) {
		return &llm.Error{Code: llm.CodeNotFound, Status: http.StatusNotFound, Param: "request_id", Retried: true,
			Message: "There is no such request of yours. Send the x-penstock-request-id of a reply, once that is complete."}
	}
	f.KeyID, f.Time = who.KeyID, time.Now().Truncate(time.Microsecond).UTC()
	if r.Decision != nil && r.Decision.Obligations.Log == llm.LogNone {
		f.Label, f.Comment = "", ""
	}
	return s.ledger.AddFeedback(ctx, f)
}

// mayRate reports whether a caller may give feedback on a request: with the same key, or with
// one of the same team, or as an operator.
func mayRate(who llm.Principal, r *llm.Record) bool {
	return who.KeyID == r.KeyID || who.Team != "" && who.Team == r.Team || slices.Contains(who.Roles, llm.RoleAdmin)
}
