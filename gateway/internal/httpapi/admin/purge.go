package admin

import (
	"errors"
	"net/http"
	"net/url"
)

// Purge names the cached replies to remove: all, those of a model or a namespace, or
// the one that answers similar requests under an ID.
// Exactly one member is set.
type Purge struct {
	All              bool
	Model, Namespace string
	ID               string
}

func (h handlers) purge(r *http.Request, _ Input) (Reply, error) {
	what, err := parsePurge(r.URL.Query())
	if err != nil {
		return Reply{}, err
	}
	if err := h.ops.Purge(r.Context(), what); err != nil {
		return Reply{}, err
	}
	return jsonReply(map[string]bool{"purged": true})
}

var (
	errPurgeNothing = errors.New("write one of all=true, model=NAME, namespace=NAME and id=ID")
	errPurgeTwice   = errors.New("write one of all=true, model=NAME, namespace=NAME and id=ID, once")
)

// parsePurge reads what to purge. A purge of everything must be asked for.
func parsePurge(query url.Values) (Purge, error) {
	var what Purge
	for name, values := range query {
		switch value := values[len(values)-1]; {
		case len(query) > 1 || len(values) > 1 || value == "":
			return what, badQuery(name, errPurgeTwice)
		case name == "all" && value == "true":
			what.All = true
		case name == "model":
			what.Model = value
		case name == "namespace":
			what.Namespace = value
		case name == "id":
			what.ID = value
		default:
			return what, badQuery(name, errPurgeNothing)
		}
	}
	if what == (Purge{}) {
		return what, badQuery("all", errPurgeNothing)
	}
	return what, nil
}
