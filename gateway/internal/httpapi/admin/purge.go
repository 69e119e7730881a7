package admin

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// Purge names the cached replies to remove.
type Purge struct {
	What What
	// Name is that of the model or target, the namespace, the team, the key's ID, the tag as
	// NAME=VALUE, or the id; empty for all.
	Name string
}

// What is by what replies are purged.
type What string

// The kinds of purges. PurgeID is of the one reply that answers similar requests under an ID.
const (
	PurgeAll       What = "all"
	PurgeModel     What = "model"
	PurgeNamespace What = "namespace"
	PurgeTeam      What = "team"
	PurgeKey       What = "key"
	PurgeTag       What = "tag"
	PurgeID        What = "id"
)

// Purges returns the kinds of purges that have a name.
func Purges() []What {
	return []What{PurgeModel, PurgeNamespace, PurgeTeam, PurgeKey, PurgeTag, PurgeID}
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

var errPurge = errors.New("write one of all=true, model=NAME, namespace=NAME, team=NAME, key=ID, tag=NAME=VALUE and id=ID, once")

// parsePurge reads what to purge. A purge of everything must be asked for.
func parsePurge(query url.Values) (Purge, error) {
	if len(query) == 0 {
		return Purge{}, badQuery("all", errPurge)
	}
	for name, values := range query {
		what, value := What(name), values[0]
		switch {
		case len(query) > 1 || len(values) > 1 || value == "":
		case what == PurgeAll && value == "true":
			return Purge{What: what}, nil
		case what == PurgeTag && !strings.Contains(value, "="):
		case slices.Contains(Purges(), what):
			return Purge{what, value}, nil
		}
		return Purge{}, badQuery(name, errPurge)
	}
	return Purge{}, nil
}
