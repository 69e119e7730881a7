package demo

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// spec describes one model.
type spec struct {
	name                  string
	input, output         llm.NanoUSD // per million tokens
	context, maxOutput    int64       // tokens
	quality               float64
	firstDelay, wordDelay time.Duration
}

// specs are the models. Their prices, sizes and qualities are invented but enforced: a
// request beyond the context is refused, and no reply is longer than maxOutput.
var specs = [...]spec{
	{"demo", llm.USD / 2, 3 * llm.USD / 2, 32_768, 4096, 0.5, 100 * time.Millisecond, 20 * time.Millisecond},
	{"demo-fast", llm.USD / 10, 2 * llm.USD / 5, 8192, 2048, 0.3, 0, 0},
	{"demo-smart", 3 * llm.USD, 15 * llm.USD, 200_000, 16_384, 0.9, 400 * time.Millisecond, 40 * time.Millisecond},
}

// The delays of a model that is asked to be slow.
const (
	slowFirstDelay = 2 * time.Second
	slowWordDelay  = 150 * time.Millisecond
)

// faultModels are the models with a fault that GET /models lists. demo-fail-STATUS works
// with every status from 400 to 599.
var faultModels = [...]string{"demo-slow", "demo-stall", "demo-cut", "demo-fail-429", "demo-fail-500", "demo-fail-503"}

// lookup returns the spec of a model and the fault that its name asks for.
func lookup(model string) (c spec, fault string, ok bool) {
	for _, c := range specs {
		if c.name == model {
			return c, "", true
		}
	}
	rest, ok := strings.CutPrefix(model, "demo-")
	if !ok {
		return spec{}, "", false
	}
	fault = strings.TrimPrefix(rest, "fail-")
	if _, failing := statusOf(fault); failing != (fault != rest) || !known(fault) {
		return spec{}, "", false
	}
	c = specs[0]
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

// statusOf returns the status that a fault asks for, if it asks for one.
func statusOf(fault string) (int, bool) {
	n, err := strconv.Atoi(fault)
	return n, err == nil && len(fault) == 3 && n >= 400 && n <= 599
}

// Targets returns the demo models as targets of the gateway, those with a fault last.
func Targets() []llm.Target {
	var all []llm.Target
	for _, c := range specs {
		all = append(all, c.target())
	}
	for _, name := range faultModels {
		t, _ := Target(name)
		all = append(all, t)
	}
	return all
}

// Target returns the demo model of this name, every demo-fail-STATUS included.
func Target(model string) (llm.Target, bool) {
	c, _, ok := lookup(model)
	if !ok {
		return llm.Target{}, false
	}
	return c.target(), true
}

func (c spec) target() llm.Target {
	return llm.Target{
		ID: "demo/" + c.name, Provider: "demo", Model: c.name, Dialect: llm.OpenAI,
		Price: llm.Price{Known: true, Input: c.input, Output: c.output, CacheRead: c.input, CacheWrite: c.input,
			CacheWriteLong: c.input, AudioInput: c.input, AudioOutput: c.output, Row: "demo/" + c.name + "@built-in"},
		Context: c.context, MaxOutput: c.maxOutput,
		Features: llm.Tools | llm.JSONObject | llm.JSONSchema, FeaturesKnown: true,
		Quality: c.quality, QualitySource: "invented, for tries", Weight: 1,
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
	if err != nil { // all answers can be encoded
		panic(http.ErrAbortHandler)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(b)
}
