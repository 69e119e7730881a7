package server

import (
	"slices"

	"github.com/penstock/penstock/gateway/internal/httpapi"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/routes"
)

// models lists the models that a caller may use.
func (s *Server) models(who llm.Principal) []httpapi.Model {
	sn := s.acquire()
	defer sn.release()
	out := []httpapi.Model{}
	for _, m := range sn.routes.List() {
		if mayUse(who, m.ID) {
			out = append(out, apiModel(m))
		}
	}
	return out
}

// model finds one model that a caller may use.
func (s *Server) model(who llm.Principal, id string) (httpapi.Model, bool) {
	sn := s.acquire()
	defer sn.release()
	m, ok := sn.routes.Model(id)
	return apiModel(m), ok && mayUse(who, id)
}

// serving lists what may serve a model, in its configured order.
func (s *Server) serving(model string) []*llm.Target {
	sn := s.acquire()
	defer sn.release()
	return sn.routes.Serving(model)
}

func apiModel(m routes.Model) httpapi.Model {
	return httpapi.Model{ID: m.ID, OwnedBy: m.Owner, Context: m.Context, MaxOutput: m.MaxOutput, Created: m.Released,
		Chat: m.Chat, Embeds: m.Embeds}
}

func mayUse(who llm.Principal, model string) bool {
	if len(who.Models) == 0 {
		return true
	}
	return slices.ContainsFunc(who.Models, func(pattern string) bool { return llm.MatchName(pattern, model) })
}
