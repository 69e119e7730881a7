package httpapi

import (
	"net/http"
	"net/url"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// shownModel is a Model in OpenAI's shape.
type shownModel struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func show(m Model) shownModel {
	s := shownModel{ID: m.ID, Object: "model", OwnedBy: m.OwnedBy}
	if !m.Created.IsZero() {
		s.Created = m.Created.Unix()
	}
	return s
}

// models serves GET /v1/models.
func (a *API) models(x *exchange) error {
	list, err := a.o.Models(x.r.Context(), x.who)
	if err != nil {
		return err
	}
	data := make([]shownModel, len(list))
	for i, m := range list {
		data[i] = show(m)
	}
	return x.json(http.StatusOK, struct {
		Object string       `json:"object"`
		Data   []shownModel `json:"data"`
	}{"list", data})
}

// model serves GET /v1/models/{id}, where the id may hold slashes.
func (a *API) model(x *exchange) error {
	id := x.param("*")
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain
	}
	if m, ok := a.o.Model(x.r.Context(), x.who, id); ok {
		return x.json(http.StatusOK, show(m))
	}
	return &llm.Error{Code: llm.CodeModelNotFound, Status: http.StatusNotFound, Param: "model",
		Message: "The model " + llm.Quote(shown(id)) + " does not exist here, or your key may not use it. GET /v1/models lists what there is."}
}
