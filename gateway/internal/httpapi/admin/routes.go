package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/jsontext"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// RouterSpec is a built-in strategy or a plugin of the configuration, with settings: a JSON
// object, or nil for none.
type RouterSpec struct {
	Router string          `json:"router"`
	With   json.RawMessage `json:"with"`
}

// Comparison asks how two routers compare over recorded requests.
type Comparison struct {
	A, B RouterSpec
	Selection
}

// comparisonBody is the body of POST /admin/v1/routes/compare.
type comparisonBody struct {
	Routers []RouterSpec `json:"routers"`
	selectionBody
}

func (h handlers) replay(r *http.Request, _ Input) (Reply, error) {
	result, err := h.ops.Replay(r.Context(), r.PathValue("id"))
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(result)
}

func (h handlers) compare(r *http.Request, in Input) (Reply, error) {
	body, err := in.Body()
	if err != nil {
		return Reply{}, err
	}
	q, err := parseComparison(body, time.Now())
	if err != nil {
		return Reply{}, err
	}
	report, err := h.ops.CompareRouters(r.Context(), q)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(report)
}

func parseComparison(body []byte, now time.Time) (q Comparison, err error) {
	var b comparisonBody
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return q, badComparison(jsontext.Explain(err))
	}
	if len(b.Routers) != 2 {
		return q, badComparison(fmt.Sprintf("it names %d routers", len(b.Routers)))
	}
	q = Comparison{A: b.Routers[0], B: b.Routers[1]}
	q.Selection, err = b.parse(now)
	return q, err
}

func badComparison(why string) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest,
		Message: "The body is invalid: " + why + `. Send {"routers": [{"router": "balanced", "with": {"cost": 1}}, {"router": "cost"}], "since": "7d", "until": …, "model": …}; all but routers may be left out.`}
}
