package admin

import (
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/penstock/penstock/gateway/internal/keys"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Key is a virtual key as the admin API shows it.
type Key struct {
	ID string `json:"id"`
	// Secret is the whole key, which is shown once: when it is created or rotated.
	Secret     string            `json:"key,omitempty"`
	Name       string            `json:"name"`
	Team       string            `json:"team,omitempty"`
	User       string            `json:"user,omitempty"`
	Roles      []string          `json:"roles,omitempty"`
	Models     []string          `json:"models,omitempty"`
	Tags       map[string]string `json:"tags,omitempty"`
	BudgetUSD  json.Number       `json:"budget_usd,omitempty"`
	Window     string            `json:"budget_window,omitempty"`
	Created    time.Time         `json:"created"`
	MadeBy     string            `json:"made_by,omitempty"`
	Used       *time.Time        `json:"last_used,omitempty"`
	Expires    *time.Time        `json:"expires,omitempty"`
	State      string            `json:"state"`
	ReplacedBy string            `json:"replaced_by,omitempty"`
}

// KeyOf returns a key as the admin API shows it, without its secret.
func KeyOf(k *keys.Key) Key {
	out := Key{ID: k.ID, Name: k.Name, Team: k.Team, User: k.User, Roles: k.Roles, Models: k.Models, Tags: k.Tags,
		Created: k.Created.UTC(), MadeBy: k.MadeBy, Used: timeOrNil(k.Used), Expires: timeOrNil(k.Expires), State: k.State(time.Now()), ReplacedBy: k.ReplacedBy}
	if k.Budget.Max > 0 {
		out.BudgetUSD, out.Window = json.Number(k.Budget.Max.Decimal()), k.Budget.Window
	}
	return out
}

func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// NewKeyOf returns a key with its secret.
func NewKeyOf(k *keys.Key, token keys.Token) Key {
	out := KeyOf(k)
	out.Secret = token.Reveal()
	return out
}

// KeyList is the reply of GET /admin/v1/keys. Next is the after of the next page.
type KeyList struct {
	Keys []Key  `json:"keys"`
	Next string `json:"next,omitempty"`
}

// KeyListOf returns a page of keys as the admin API shows it.
func KeyListOf(list []keys.Key, next string) KeyList {
	out := KeyList{Keys: make([]Key, len(list)), Next: next}
	for i := range list {
		out.Keys[i] = KeyOf(&list[i])
	}
	return out
}

// KeySpec is the body of POST /admin/v1/keys. Budget is such as 5usd/day, Expires a duration
// from now or a time.
type KeySpec struct {
	Name    string            `json:"name"`
	Team    string            `json:"team,omitempty"`
	User    string            `json:"user,omitempty"`
	Roles   []string          `json:"roles,omitempty"`
	Models  []string          `json:"models,omitempty"`
	Tags    map[string]string `json:"tags,omitempty"`
	Budget  string            `json:"budget,omitempty"`
	Expires string            `json:"expires,omitempty"`
}

const keyForm = `{"name": "search-bot", "team": "search", "user": …, "roles": […], "models": ["gpt-5*"], "tags": {…}, "budget": "5usd/day", "expires": "30d"}; all but name may be left out`

// Parse returns the spec of the new key.
func (s *KeySpec) Parse(now time.Time) (out keys.Spec, err error) {
	out = keys.Spec{Name: s.Name, Team: s.Team, User: s.User, Roles: s.Roles, Models: s.Models, Tags: s.Tags}
	if s.Budget != "" {
		if out.Budget, err = keys.ParseBudget(s.Budget); err != nil {
			return out, badQuery("budget", err)
		}
	}
	if s.Expires != "" {
		if out.Expires, err = keys.ParseExpiry(s.Expires, now); err != nil {
			return out, badQuery("expires", err)
		}
	}
	return out, nil
}

// KeyChange is the body of PATCH /admin/v1/keys/{id}. What is left out stays as it is.
type KeyChange struct {
	Name *string `json:"name,omitempty"`
	// Models may be empty, for all models, and Tags for none.
	Models *[]string          `json:"models,omitempty"`
	Tags   *map[string]string `json:"tags,omitempty"`
	// Budget may be none, and Expires never.
	Budget  *string `json:"budget,omitempty"`
	Expires *string `json:"expires,omitempty"`
}

const keyChangeForm = `{"name": …, "models": […], "tags": {…}, "budget": "5usd/day" or "none", "expires": "30d" or "never"}, of which all but one may be left out`

var errNoChange = errors.New("it changes nothing")

// Parse returns the change of the key.
func (c *KeyChange) Parse(now time.Time) (out keys.Change, err error) {
	if *c == (KeyChange{}) {
		return out, badQuery("body", errNoChange)
	}
	out = keys.Change{Name: c.Name, Models: c.Models, Tags: c.Tags}
	if c.Budget != nil {
		out.Budget = new(llm.Budget)
		if *c.Budget != "none" {
			if *out.Budget, err = keys.ParseBudget(*c.Budget); err != nil {
				return out, badQuery("budget", err)
			}
		}
	}
	if c.Expires != nil {
		out.Expires = new(time.Time)
		if *c.Expires != "never" {
			if *out.Expires, err = keys.ParseExpiry(*c.Expires, now); err != nil {
				return out, badQuery("expires", err)
			}
		}
	}
	return out, nil
}

// Rotation is the body of POST /admin/v1/keys/{id}/rotate. Overlap is how long the old key
// works on, such as 24h.
type Rotation struct {
	Overlap string `json:"overlap,omitempty"`
}

// UsualOverlap is how long a rotated key works on by default.
const UsualOverlap = 24 * time.Hour

// Revocation is the reply of DELETE /admin/v1/keys/{id}: the keys that it ended, with those
// that were made with the key.
type Revocation struct {
	Revoked []string `json:"revoked"`
}

// access returns the keys, teams and users as the caller may see and change them.
func (h handlers) access(in Input) keys.Access {
	who, operator := in.Caller()
	if operator {
		return h.ops.Keys().Access
	}
	return h.ops.Keys().As(who)
}

func (h handlers) listKeys(r *http.Request, in Input) (Reply, error) {
	p, err := page(r)
	if err != nil {
		return Reply{}, err
	}
	query := r.URL.Query()
	list, next, err := h.access(in).Page(r.Context(), keys.Filter{Team: query.Get("team"), User: query.Get("user"), State: query.Get("state"), After: p.After, Limit: p.Limit})
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(KeyListOf(list, next))
}

func (h handlers) key(r *http.Request, in Input) (Reply, error) {
	key, err := h.access(in).Get(r.Context(), r.PathValue("id"))
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(KeyOf(&key))
}

func (h handlers) createKey(r *http.Request, in Input) (Reply, error) {
	var body KeySpec
	if err := readBody(in, &body, keyForm); err != nil {
		return Reply{}, err
	}
	spec, err := body.Parse(time.Now())
	if err != nil {
		return Reply{}, err
	}
	key, token, err := h.access(in).Create(r.Context(), spec)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(NewKeyOf(&key, token))
}

func (h handlers) changeKey(r *http.Request, in Input) (Reply, error) {
	var body KeyChange
	if err := readBody(in, &body, keyChangeForm); err != nil {
		return Reply{}, err
	}
	change, err := body.Parse(time.Now())
	if err != nil {
		return Reply{}, err
	}
	key, err := h.access(in).Change(r.Context(), r.PathValue("id"), change)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(KeyOf(&key))
}

func (h handlers) rotateKey(r *http.Request, in Input) (Reply, error) {
	overlap := UsualOverlap
	if r.ContentLength != 0 {
		var body Rotation
		err := readBody(in, &body, `{"overlap": "24h"}, or no body`)
		if err != nil {
			return Reply{}, err
		}
		if body.Overlap != "" {
			if overlap, err = time.ParseDuration(body.Overlap); err != nil || overlap < 0 {
				return Reply{}, badQuery("overlap", errors.New("write how long the old key works on, such as 0s, 30m or 24h"))
			}
		}
	}
	key, token, err := h.access(in).Rotate(r.Context(), r.PathValue("id"), overlap)
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(NewKeyOf(&key, token))
}

func (h handlers) revokeKey(r *http.Request, in Input) (Reply, error) {
	ended, err := h.access(in).Revoke(r.Context(), r.PathValue("id"))
	if err != nil {
		return Reply{}, err
	}
	return jsonReply(Revocation{ended})
}
