package routes

import (
	"strings"

	"github.com/penstock/penstock/gateway/internal/catalog"
	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// unknown is the error for a model that nobody serves.
func (r *Routes) unknown(name string) error {
	msg := "The model " + llm.Quote(name) + " does not exist here."
	if known, ok := r.unconfigured(name); ok {
		msg += " The provider " + known.Name + " has it, but is not configured: set " + known.Env[0] + " for the gateway" + r.how(known) + "."
	} else if near := r.near(name); len(near) > 0 {
		msg += " Did you mean " + strings.Join(quoted(near), " or ") + "?"
	}
	return &llm.Error{Code: llm.CodeModelNotFound, Status: 404, Param: "model", Retried: true,
		Message: msg + " GET /v1/models lists them all."}
}

// unconfigured is a well-known provider that would serve a name, if only the gateway had
// a key for it: "gpt-5" or "openai/gpt-5".
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

// how says what else it takes to have a provider, where there is a configuration file.
func (r *Routes) how(known config.Known) string {
	if r.discovered {
		return " and start it again"
	}
	return ", and write `" + known.Name + ": {api_key: env:" + known.Env[0] + "}` under providers and the model under models"
}

// near are at most three names that the caller may have meant.
func (r *Routes) near(name string) []string {
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
