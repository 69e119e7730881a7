package admin

import (
	"net/http"
	"strings"

	"github.com/penstock/penstock/gateway/internal/httpapi/tags"
)

// LimitsQuery asks which limits apply to a caller.
type LimitsQuery struct {
	// Asker is the caller. Its Endpoint counts for nothing.
	Asker
	// Model is the model that it asks for; empty for each that it may use.
	Model string
	Page
}

// limitsParams are the parameters of GET /admin/v1/limits.
var limitsParams = []string{"key", "team", "user", "model", "session", "tag", "at", "limit", "after"}

func (h handlers) limits(r *http.Request, _ Input) (Reply, error) {
	values := r.URL.Query()
	if err := onlyParams(values, limitsParams); err != nil {
		return Reply{}, err
	}
	p, err := page(r)
	if err != nil {
		return Reply{}, err
	}
	q := LimitsQuery{Page: p, Model: values.Get("model"), Asker: Asker{Key: values.Get("key"), Team: values.Get("team"), User: values.Get("user"),
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
