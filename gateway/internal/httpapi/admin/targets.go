package admin

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxOpening bounds for how long a target can be opened, except for one that is opened until
// it is closed.
const maxOpening = 365 * 24 * time.Hour

// Opening is what an operator opens or closes.
type Opening struct {
	// ID is a target's, such as openai/gpt-5, or a credential's, such as openai#2.
	ID string
	// For is how long it stays open; 0 means until it is closed.
	For time.Duration
	// By is the operator, for the log.
	By string
}

// OpeningBody is the body of POST /admin/v1/targets/open and /close. Only open takes For, a
// duration such as "10m".
type OpeningBody struct {
	ID  string `json:"id"`
	For string `json:"for,omitempty"`
}

func (h handlers) targets(r *http.Request, _ Input) (Reply, error) {
	return listPage(r, h.ops.Targets)
}

func (h handlers) openTarget(r *http.Request, in Input) (Reply, error) {
	return changeTarget(r, in, h.ops.OpenTarget)
}

func (h handlers) closeTarget(r *http.Request, in Input) (Reply, error) {
	return changeTarget(r, in, func(ctx context.Context, o Opening) (any, error) {
		if o.For != 0 {
			return nil, badOpening("for", "for: only an opening has a duration.")
		}
		return h.ops.CloseTarget(ctx, o)
	})
}

func changeTarget(r *http.Request, in Input, change func(context.Context, Opening) (any, error)) (Reply, error) {
	body, err := in.Body()
	if err != nil {
		return Reply{}, err
	}
	o, err := parseOpening(body)
	if err != nil {
		return Reply{}, err
	}
	o.By = in.Operator()
	list, err := change(r.Context(), o)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(list)
}

func parseOpening(body []byte) (o Opening, err error) {
	var sent OpeningBody
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&sent); err != nil || sent.ID == "" || d.More() {
		return o, badOpening("id", `Send a JSON object with the member id, a target or credential as GET /admin/v1/targets shows it, and to open it perhaps for, such as "10m".`)
	}
	o.ID = sent.ID
	if sent.For == "" {
		return o, nil
	}
	if o.For, err = time.ParseDuration(sent.For); err != nil || o.For <= 0 || o.For > maxOpening {
		return o, badOpening("for", "for: write a duration of more than 0 and at most 8760h, such as 30s, 10m or 2h.")
	}
	return o, nil
}

func badOpening(param, message string) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: param, Message: message}
}
