package admin

import (
	"net/http"
	"slices"
	"strings"

	"github.com/penstock/penstock/gateway/internal/httpapi/tags"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// LimitsQuery asks which limits apply to a caller.
type LimitsQuery struct {
	// Asker is the caller. Its Endpoint counts for nothing.
	Asker
	// Model is the model that it asks for; empty for each that it may use.
	Model string
}

// limitsParams are the parameters of GET /admin/v1/limits.
var limitsParams = []string{"key", "team", "user", "model", "session", "tag", "at"}

func (h handlers) limits(r *http.Request, _ Input) (Reply, error) {
	values := r.URL.Query()
	for name := range values {
		if !slices.Contains(limitsParams, name) {
			return Reply{}, &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: name,
				Message: "There is no parameter " + llm.Quote(name) + " here; there are " + strings.Join(limitsParams, ", ") + "."}
		}
	}
	q := LimitsQuery{Model: values.Get("model"), Asker: Asker{Key: values.Get("key"), Team: values.Get("team"), User: values.Get("user"),
		Session: values.Get("session"), At: values.Get("at"), Tags: parseTags(values["tag"])}}
	if err := tags.Check(q.Tags); err != nil {
		return Reply{}, err
	}
	list, err := h.ops.Limits(r.Context(), q)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(list)
}

// parseTags reads tags as NAME=VALUE; a name alone has the value true. Without tags it returns nil.
func parseTags(list []string) map[string]string {
	if len(list) == 0 {
		return nil
	}
	parsed := make(map[string]string, len(list))
	for _, tag := range list {
		name, value, ok := strings.Cut(tag, "=")
		if !ok {
			value = "true"
		}
		parsed[strings.TrimSpace(name)] = strings.TrimSpace(value)
	}
	return parsed
}
