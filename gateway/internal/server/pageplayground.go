package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/httpapi/dashboard"
	"github.com/penstock/penstock/gateway/internal/llm"
)

// Callers lists the active keys by name.
func (p pages) Callers(ctx context.Context) ([]dashboard.Caller, error) {
	list, err := p.server.keys.List(ctx)
	if err != nil {
		return nil, err
	}
	now := time.Now()
	var out []dashboard.Caller
	for i := range list {
		if k := &list[i]; k.State(now) == "active" {
			out = append(out, dashboard.Caller{ID: k.Origin, Name: k.Name, Team: k.Team})
		}
	}
	slices.SortFunc(out, func(a, b dashboard.Caller) int { return strings.Compare(a.Name+"\x00"+a.ID, b.Name+"\x00"+b.ID) })
	return out, nil
}

func (p pages) Anonymous() bool { return p.server.Config().Keys != config.KeysRequired }

func (p pages) ChatModels(who llm.Principal) []string {
	var names []string
	for _, m := range p.server.models(who) {
		if m.Chat {
			names = append(names, m.ID)
		}
	}
	return names
}

// OutputPrice returns the price of the first target, which a router may put elsewhere.
func (p pages) OutputPrice(model string) (llm.NanoUSD, bool) {
	targets := p.server.serving(model)
	if len(targets) == 0 {
		return 0, false
	}
	return targets[0].Price.Output, targets[0].Price.Known
}

// BaseURL returns the URL of the API for the snippets of the playground.
func (p pages) BaseURL() string {
	c := p.server.Config()
	addr := c.Listen
	if p.server.data != nil { // it knows the port where the configuration leaves the choice
		addr, _ = p.server.Addrs()
	}
	return APIURL(c, addr) + c.Server.Prefix + "/v1"
}

func (p pages) ServeAs(w http.ResponseWriter, r *http.Request, who llm.Principal) {
	p.server.api.Load().ServeAs(w, r, who)
}
