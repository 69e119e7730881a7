package routes

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/catalog"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// unknown returns the error for a model that no route serves.
func (r *Routes) unknown(name string) error {
	msg := "The model " + llm.Quote(name) + " does not exist here."
	if known, ok := r.unconfigured(name); ok {
		msg += " The provider " + known.Name + " has it, but is not configured: set " + known.Env[0] + " for the gateway" + r.setup(known) + "."
	} else if similar := r.similar(name); len(similar) > 0 {
		msg += " Did you mean " + strings.Join(quoted(similar), " or ") + "?"
	}
	return &llm.Error{Code: llm.CodeModelNotFound, Status: 404, Param: "model", Retried: true,
		Message: msg + " GET /v1/models lists them all."}
}

// unconfigured returns the well-known provider that would serve a name such as "gpt-5" or
// "openai/gpt-5" if the gateway had a key for it.
func (r *Routes) unconfigured(name string) (config.Known, bool) {
	for _, known := range config.KnownProviders() {
		if _, have := r.config.Providers[known.Name]; have || len(known.Env) == 0 {
			continue
		}
		model := strings.TrimPrefix(name, known.Name+"/")
		if _, ok := r.catalog.Lookup(known.Name, model); ok {
			return known, true
		}
	}
	return config.Known{}, false
}

// setup says what else is needed to configure a provider.
func (r *Routes) setup(known config.Known) string {
	if r.discovered {
		return " and start it again"
	}
	return ", and write `" + known.Name + ": {api_key: env:" + known.Env[0] + "}` under providers and the model under models"
}

// similar returns at most three names that the caller may have meant.
func (r *Routes) similar(name string) []string {
	var ids []string
	for _, m := range r.List() {
		ids = append(ids, m.ID)
	}
	return catalog.Closest(name, ids)
}

func quoted(names []string) []string {
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = llm.Quote(name)
	}
	return out
}
