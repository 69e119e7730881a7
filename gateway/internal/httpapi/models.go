package httpapi

import (
	"net/http"
	"net/url"
	"slices"
	"strconv"

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

// models serves GET /v1/models, and /v1beta/models, in the form of the client's API.
func (a *API) models(x *exchange) error {
	list, err := a.service.Models(x.r.Context(), x.who)
	if err != nil {
		return err
	}
	switch x.format.Speaks() {
	case llm.Anthropic:
		return x.anthropicModels(list)
	case llm.Gemini:
		return x.geminiModels(list)
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
	if x.hasFormat { // /v1beta/models/{id}:generateContent
		return x.wrongMethod(http.MethodPost)
	}
	m, err := a.named(x)
	if err != nil {
		return err
	}
	switch x.format.Speaks() {
	case llm.Anthropic:
		return x.json(http.StatusOK, anthropicModelOf(m))
	case llm.Gemini:
		return x.json(http.StatusOK, geminiModelOf(m))
	}
	return x.json(http.StatusOK, objectOf(m))
}

// named returns the model that the path names.
func (a *API) named(x *exchange) (Model, error) {
	id := x.param("*")
	if plain, err := url.PathUnescape(id); err == nil {
		id = plain
	}
	if m, ok := a.service.Model(x.r.Context(), x.who, id); ok {
		return m, nil
	}
	return Model{}, &llm.Error{Code: llm.CodeModelNotFound, Status: http.StatusNotFound, Param: "model",
		Message: "The model " + llm.Quote(truncate(id)) + " does not exist or your key may not use it. GET /v1/models lists the models that there are."}
}

// pageSize reads the size of a page from a parameter: 1 to 1000, usual when it is not
// given.
func (x *exchange) pageSize(query url.Values, name string, usual int) (int, error) {
	text := query.Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > 1000 {
		return 0, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: name, Message: name + " must be a number from 1 to 1000."}
	}
	return n, nil
}

// position is where a model stands in a list; -1 when it is not there.
func position(list []Model, id string) int {
	return slices.IndexFunc(list, func(m Model) bool { return m.ID == id })
}
