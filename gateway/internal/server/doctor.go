package server

import (
	"context"
	"io"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/wire"
)

// ProviderCheck says whether a provider answers to one of its credentials.
type ProviderCheck struct {
	Provider string
	// Credential names it, as in openai#2; the provider's name where it has one only.
	Credential string
	// Status is what it answers when asked for its models; 0 without an answer.
	Status int
	// Date is the provider's clock, zero when it does not say.
	Date time.Time
	// Err is why there is no answer, without secrets.
	Err error
}

// maxCheck bounds how long a provider may take to answer a check.
const maxCheck = 10 * time.Second

// CheckProviders asks every provider of the configuration for its models, with each of its
// credentials. Nothing is spent.
func (s *Server) CheckProviders(ctx context.Context) (all []ProviderCheck) {
	sn := s.acquire()
	defer sn.release()
	for _, name := range slices.Sorted(maps.Keys(sn.config.Providers)) {
		ids := []string{""}
		if list := sn.clients[name].Credentials(); len(list) > 0 {
			ids = ids[:0]
			for _, c := range list {
				ids = append(ids, c.ID)
			}
		}
		for _, id := range ids {
			all = append(all, sn.checkProvider(ctx, name, id))
		}
	}
	return all
}

func (sn *snapshot) checkProvider(ctx context.Context, name, credential string) ProviderCheck {
	p, client := sn.config.Providers[name], sn.clients[name]
	out := ProviderCheck{Provider: name, Credential: credential}
	if credential == "" {
		out.Credential = name
	}
	ctx, stop := context.WithTimeout(ctx, maxCheck)
	defer stop()
	call := llm.Call{Method: http.MethodGet, Path: config.ModelsPath(p.Dialect), Credential: credential}
	if p.APIVersion != "" {
		call.Query = "api-version=" + string(p.APIVersion)
	}
	if p.Dialect == llm.Anthropic {
		call.Header = http.Header{"Anthropic-Version": {wire.AnthropicVersion}}
	}
	a, err := client.Do(ctx, call)
	if err != nil {
		out.Err = redacted(sn, &llm.Target{Provider: name}, err)
		return out
	}
	defer a.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(a.Body, 1<<20)) // its content says nothing here
	out.Status = a.Status
	out.Date, _ = http.ParseTime(a.Header.Get("Date"))
	return out
}
