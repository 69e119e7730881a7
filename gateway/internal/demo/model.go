package demo

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// card describes one of the models that answer.
type card struct {
	name                string
	input, output       llm.NanoUSD // per million tokens
	context, maxOutput  int64       // tokens
	quality             float64
	firstWord, eachWord time.Duration
}

// The models. Their prices, sizes and qualities are made up, but kept to: a request
// beyond the context is refused, and replies are no longer than they may be.
var cards = [...]card{
	{"demo", llm.USD / 2, 3 * llm.USD / 2, 32_768, 4096, 0.5, 100 * time.Millisecond, 20 * time.Millisecond},
	{"demo-fast", llm.USD / 10, 2 * llm.USD / 5, 8192, 2048, 0.3, 0, 0},
	{"demo-smart", 3 * llm.USD, 15 * llm.USD, 200_000, 16_384, 0.9, 400 * time.Millisecond, 40 * time.Millisecond},
}

// slow is the pace of a model that was told to be slow.
const (
	slowFirst = 2 * time.Second
	slowEach  = 150 * time.Millisecond
)

// listed are the models whose names ask for a fault, as far as GET /models shows
// them; demo-fail-STATUS works with every status from 400 to 599.
var listed = [...]string{"demo-slow", "demo-stall", "demo-cut", "demo-fail-429", "demo-fail-500", "demo-fail-503"}

// lookup finds the card of a model and the fault that its name asks for.
func lookup(model string) (c card, fault string, ok bool) {
	for _, c := range cards {
		if c.name == model {
			return c, "", true
		}
	}
	rest, ok := strings.CutPrefix(model, "demo-")
	if !ok {
		return card{}, "", false
	}
	fault = strings.TrimPrefix(rest, "fail-")
	if _, failing := statusOf(fault); failing != (fault != rest) || !known(fault) {
		return card{}, "", false
	}
	c = cards[0]
	c.name = model
	return c, fault, true
}

// known reports whether this is the name of a fault.
func known(fault string) bool {
	switch fault {
	case "stall", "cut", "slow":
		return true
	}
	_, ok := statusOf(fault)
	return ok
}

// statusOf is the status that a fault asks for.
func statusOf(fault string) (int, bool) {
	n, err := strconv.Atoi(fault)
	return n, err == nil && len(fault) == 3 && n >= 400 && n <= 599
}

// Targets are the demo models as the gateway's catalogue would have them, those
// that answer first and then the ones with a fault.
func Targets() []llm.Target {
	var all []llm.Target
	for _, c := range cards {
		all = append(all, c.target())
	}
	for _, name := range listed {
		t, _ := Target(name)
		all = append(all, t)
	}
	return all
}

// Target is the demo model of this name, every demo-fail-STATUS included.
func Target(model string) (llm.Target, bool) {
	c, _, ok := lookup(model)
	if !ok {
		return llm.Target{}, false
	}
	return c.target(), true
}

func (c card) target() llm.Target {
	return llm.Target{
		ID: "demo/" + c.name, Provider: "demo", Model: c.name, Dialect: llm.OpenAI,
		Price: llm.Price{Known: true, Input: c.input, Output: c.output, CacheRead: c.input, CacheWrite: c.input,
			CacheWriteLong: c.input, AudioInput: c.input, AudioOutput: c.output, Row: "demo/" + c.name + "@built-in"},
		Context: c.context, MaxOutput: c.maxOutput,
		Features: llm.Tools | llm.JSONObject | llm.JSONSchema, FeaturesKnown: true,
		Quality: c.quality, Weight: 1,
	}
}

// entry is a model in OpenAI's list of models.
type entry struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

func newEntry(id string) entry { return entry{id, "model", 1_700_000_000, "penstock"} }

func (s *Server) models(w http.ResponseWriter, _ *http.Request) {
	list := struct {
		Object string  `json:"object"`
		Data   []entry `json:"data"`
	}{Object: "list"}
	for _, t := range Targets() {
		list.Data = append(list.Data, newEntry(t.Model))
	}
	answer(w, list)
}

func (s *Server) model(w http.ResponseWriter, r *http.Request) {
	id := r.PathValue("id")
	if _, _, ok := lookup(id); !ok {
		refuse(w, http.StatusNotFound, noModel(id))
		return
	}
	answer(w, newEntry(id))
}

func answer(w http.ResponseWriter, v any) {
	b, err := json.Marshal(v)
	if err != nil { // nothing that is answered with can fail to encode
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b)
}
