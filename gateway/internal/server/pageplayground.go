package server

import (
	"context"
	"net"
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

// BaseURL returns the URL at which this machine reaches the API, also where it listens on every
// address.
func (p pages) BaseURL() string {
	addr, prefix := p.server.Config().Listen, p.server.Config().Server.Prefix
	if p.server.data != nil { // it knows the port where the configuration leaves the choice
		addr, _ = p.server.Addrs()
	}
	host, port, err := net.SplitHostPort(addr)
	if ip := net.ParseIP(host); err == nil && (host == "" || ip.IsUnspecified()) {
		addr = net.JoinHostPort("localhost", port)
	}
	scheme := "http://"
	if p.server.Config().TLS.Enabled() {
		scheme = "https://"
	}
	return scheme + addr + prefix + "/v1"
}

func (p pages) ServeAs(w http.ResponseWriter, r *http.Request, who llm.Principal) {
	p.server.api.Load().ServeAs(w, r, who)
}
