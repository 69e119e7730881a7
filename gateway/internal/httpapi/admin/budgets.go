package admin

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"

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

// BudgetsQuery asks for a page of the counters that fit all of its members.
type BudgetsQuery struct {
	// Scope is a pattern, in which * stands for any text; empty for all.
	Scope string
	// Unit is empty for all.
	Unit llm.Unit
	// Full is the least share of its maximum that a counter has used, such as 0.8; 0 for all, those
	// without a maximum included.
	Full float64
	Page
}

// budgetsParams are the parameters of GET /admin/v1/budgets.
var budgetsParams = []string{"scope", "unit", "full", "limit", "after"}

func budgetsQuery(r *http.Request) (q BudgetsQuery, err error) {
	values := r.URL.Query()
	if err := onlyParams(values, budgetsParams); err != nil {
		return q, err
	}
	if q.Page, err = page(r); err != nil {
		return q, err
	}
	q.Scope, q.Unit = values.Get("scope"), llm.Unit(values.Get("unit"))
	if q.Unit != "" && !q.Unit.Known() {
		return q, badQuery("unit", fmt.Errorf("there is no unit %s; use one of %s", llm.Quote(string(q.Unit)), strings.Join(unitNames(), ", ")))
	}
	if full := values.Get("full"); full != "" {
		if q.Full, err = strconv.ParseFloat(full, 64); err != nil || math.IsNaN(q.Full) || math.IsInf(q.Full, 0) || q.Full < 0 {
			return q, badQuery("full", errors.New("write a share of the maximum, such as 0.8"))
		}
	}
	return q, nil
}

func unitNames() (names []string) {
	for _, u := range llm.Units() {
		names = append(names, string(u))
	}
	return names
}

func (h handlers) budgets(r *http.Request, _ Input) (Reply, error) {
	q, err := budgetsQuery(r)
	if err != nil {
		return Reply{}, err
	}
	counts, err := h.ops.Budgets(r.Context(), q)
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
