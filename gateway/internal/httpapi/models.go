package httpapi

import (
	"net/http"
	"net/url"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// modelObject is a Model in OpenAI's shape.
type modelObject struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func objectOf(m Model) modelObject {
	o := modelObject{ID: m.ID, Object: "model", OwnedBy: m.OwnedBy}
	if !m.Created.IsZero() {
		o.Created = m.Created.Unix()
	}
	return o
}

// models serves GET /v1/models.
func (a *API) models(x *exchange) error {
	list, err := a.service.Models(x.r.Context(), x.who)
	if err != nil {
		return err
	}
	data := make([]modelObject, len(list))
	for i, m := range list {
		data[i] = objectOf(m)
	}
	return x.json(http.StatusOK, struct {
		Object string        `json:"object"`
		Data   []modelObject `json:"data"`
	}{"list", data})
}

// model serves GET /v1/models/{id}, where the id may have slashes.
func (a *API) model(x *exchange) error {
	id := x.param("*")
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain
	}
	if m, ok := a.service.Model(x.r.Context(), x.who, id); ok {
		return x.json(http.StatusOK, objectOf(m))
	}
	return &llm.Error{Code: llm.CodeModelNotFound, Status: http.StatusNotFound, Param: "model",
		Message: "The model " + llm.Quote(truncate(id)) + " does not exist or your key may not use it. GET /v1/models lists the models that there are."}
}
