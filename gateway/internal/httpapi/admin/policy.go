package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// PolicyChange asks how other policies would have treated recorded requests.
type PolicyChange struct {
	// Dir is a folder of policies. The admin API takes their Files by path instead, as no folder
	// of the gateway is the caller's to name. Files without a .rego among them are data for the
	// policies in force.
	Dir   string
	Files map[string]string
	Selection
	// Examples is the most requests to name.
	Examples int
}

// MaxExamples bounds PolicyChange.Examples; UsualExamples is its default.
const (
	MaxExamples   = 1000
	UsualExamples = 10
)

// maxPolicyBytes bounds the files of a policy in one body.
const maxPolicyBytes = 4 << 20

// policyBody is the body of POST /admin/v1/policy/diff.
type policyBody struct {
	Files map[string]string `json:"files"`
	selectionBody
	Examples *int `json:"examples"`
}

func (h handlers) diffPolicy(r *http.Request, in Input) (Reply, error) {
	body, err := in.Body()
	if err != nil {
		return Reply{}, err
	}
	q, err := parsePolicyChange(body, time.Now())
	if err != nil {
		return Reply{}, err
	}
	report, err := h.ops.DiffPolicy(r.Context(), q)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(report)
}

func parsePolicyChange(body []byte, now time.Time) (q PolicyChange, err error) {
	var b policyBody
	if len(body) > maxPolicyBytes {
		return q, &llm.Error{Code: llm.CodeTooLarge, Status: http.StatusRequestEntityTooLarge, Message: fmt.Sprintf("The body is larger than %d MiB: penstock policy diff has no such bound.", maxPolicyBytes>>20)}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&b); err != nil {
		return q, badPolicyChange(strings.TrimPrefix(err.Error(), "json: "))
	}
	q = PolicyChange{Files: b.Files, Examples: UsualExamples}
	if b.Examples != nil {
		q.Examples = *b.Examples
	}
	switch {
	case d.More():
		return q, badPolicyChange("something follows the object")
	case len(b.Files) == 0:
		return q, badPolicyChange("it has no files")
	case q.Examples < 0 || q.Examples > MaxExamples:
		return q, badPolicyChange(fmt.Sprintf("examples must be from 0 to %d", MaxExamples))
	}
	q.Selection, err = b.parse(now)
	return q, err
}

func badPolicyChange(why string) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest,
		Message: "The body is invalid: " + why + `. Send {"files": {"team.rego": "package penstock …"}, "since": "7d", "until": …, "model": …, "examples": 10}; all but files may be left out.`}
}
