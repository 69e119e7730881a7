package admin

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Correction is the body of POST /admin/v1/budgets: the amount that a counter has as used
// in its current window.
type Correction struct {
	Scope  string   `json:"scope"`
	Unit   llm.Unit `json:"unit"`
	Window string   `json:"window"`
	// Used is in US dollars for the unit usd, else a count.
	Used json.Number `json:"used"`
}

func (h handlers) budgets(r *http.Request, _ Input) (Reply, error) {
	counts, err := h.ops.Budgets(r.Context())
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(counts)
}

func (h handlers) correct(r *http.Request, in Input) (Reply, error) {
	body, err := in.Body()
	if err != nil {
		return Reply{}, err
	}
	var c Correction
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&c); err != nil || c.Scope == "" || c.Unit == "" || c.Window == "" || c.Used == "" {
		return Reply{}, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Err: err,
			Message: `Send a JSON object with the members scope, unit, window and used, as GET /admin/v1/budgets shows them, and no others.`}
	}
	counts, err := h.ops.Correct(r.Context(), c)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(counts)
}
