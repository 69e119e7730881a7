package admin

import (
	"bytes"
	"encoding/json"
	"net/http"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// RaiseSpec is the body of POST /admin/v1/raises: a temporary raise of the limits with a
// scope, unit and window.
type RaiseSpec struct {
	Scope string `json:"scope"`
	// Unit and Window may be left out where only one counter of the scope fits.
	Unit   llm.Unit `json:"unit,omitempty"`
	Window string   `json:"window,omitempty"`
	// By is what is added to the maximum, To the maximum that it is to become: one of them, in
	// US dollars for the unit usd, else a count.
	By json.Number `json:"by,omitempty"`
	To json.Number `json:"to,omitempty"`
	// Until is when it ends: +3d, +12h, 2026-12-05, which ends with the day before, or RFC 3339.
	Until  string `json:"until"`
	Reason string `json:"reason,omitempty"`
}

func (h handlers) raises(r *http.Request, _ Input) (Reply, error) {
	return listPage(r, h.ops.Raises)
}

func (h handlers) raise(r *http.Request, in Input) (Reply, error) {
	body, err := in.Body()
	if err != nil {
		return Reply{}, err
	}
	var spec RaiseSpec
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&spec); err != nil {
		return Reply{}, badRaise(jsontext.Explain(err))
	}
	switch {
	case d.More():
		return Reply{}, badRaise("something follows the object")
	case spec.Scope == "":
		return Reply{}, badRaise("scope is missing")
	case (spec.By == "") == (spec.To == ""):
		return Reply{}, badRaise("give one of by and to")
	case spec.Until == "":
		return Reply{}, badRaise("until is missing: a raise must end")
	}
	made, err := h.ops.Raise(r.Context(), spec, in.Operator())
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(made)
}

func badRaise(why string) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest,
		Message: "The body is invalid: " + why + `. Send {"scope": "team:search", "unit": "usd", "window": "month", "by": 50, "until": "+3d", "reason": "launch week"}; "to": 250 may stand in place of by.`}
}

func (h handlers) endRaise(r *http.Request, _ Input) (Reply, error) {
	ended, err := h.ops.EndRaise(r.Context(), r.PathValue("id"))
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(ended)
}
