package server

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"

	"github.com/penstock/penstock/gateway/internal/config"
	"github.com/penstock/penstock/gateway/internal/demo"
	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/upstream"
)

// client is a provider's client as it stands in a world. Worlds share it, with its warm
// connections, as long as the provider's settings stay; each holds a reference.
type client struct {
	*upstream.Client
	provider config.Provider
	users    atomic.Int64
}

// release gives a reference back. The last one closes the client.
func (c *client) release() {
	if c.users.Add(-1) == 0 {
		c.Close()
	}
}

// openClients takes over the clients of the world before this one whose providers are
// still the same, and makes the others.
func (sn *snapshot) openClients(s *Server) error {
	errs := []error{sn.openDemo(s)}
	for name, p := range sn.config.Providers {
		if old := s.clientFor(name, p); old != nil {
			sn.clients[name] = old
			continue
		}
		made, err := upstream.New(providerOptions(p, sn.config.Server, s.o.Version))
		if err != nil {
			errs = append(errs, config.Faults{sn.config.Fault(config.Path("providers", name), "", "%v", err)})
			continue
		}
		sn.addClient(name, made, p)
	}
	return errors.Join(errs...)
}

// clientFor is the client that serves a provider now, when its settings are the same.
// It counts the caller as one more user.
func (s *Server) clientFor(name string, p config.Provider) *client {
	old := s.snapshot.Load() // alive: reloads come one at a time
	if old == nil || old.clients[name] == nil || !old.clients[name].provider.Equal(p) {
		return nil
	}
	old.clients[name].users.Add(1)
	return old.clients[name]
}

func (sn *snapshot) addClient(name string, c *upstream.Client, p config.Provider) {
	sn.clients[name] = &client{Client: c, provider: p}
	sn.clients[name].users.Store(1)
}

// openDemo starts the demo provider where a model leads to it. A gateway that serves
// nobody has no use for one that answers.
func (sn *snapshot) openDemo(s *Server) (err error) {
	switch {
	case !s.usesDemo(sn.config):
		return nil
	case s.demo == nil && s.ledger != nil:
		if s.demo, err = demo.Start(demo.Options{}); err != nil {
			return err
		}
	}
	url := "http://127.0.0.1:0"
	if s.demo != nil {
		url = s.demo.URL()
	}
	c, err := upstream.New(upstream.Options{BaseURL: url, AllowPrivate: true, Proxy: upstream.NoProxy})
	if err == nil {
		sn.addClient(config.Demo, c, config.Provider{})
	}
	return err
}

// usesDemo reports whether a model leads to the demo provider. Without a configuration
// file there is always one.
func (s *Server) usesDemo(c *config.Config) bool {
	if s.o.ConfigPath() == "" {
		return true
	}
	return slices.ContainsFunc(slices.Collect(maps.Values(c.Models)), func(m config.Model) bool {
		return slices.ContainsFunc(slices.Concat(m.Targets, m.Fallback), func(t config.Target) bool {
			return strings.HasPrefix(t.Target, config.Demo+"/")
		})
	})
}

// Providers returns the names of the configured or discovered providers, for people.
func (s *Server) Providers() []string {
	c := s.snapshot.Load().config
	names := slices.Clone(c.Found)
	if len(names) == 0 {
		names = slices.Sorted(maps.Keys(c.Providers))
	}
	if s.usesDemo(c) {
		names = append(names, "demo (built in)")
	}
	return names
}

// maxStream bounds a stream as a whole, in bytes; one event of it may be as large as a
// plain reply.
const maxStream = 256 << 20

func providerOptions(p config.Provider, s config.Server, version string) upstream.Options {
	key := upstream.Secret(p.APIKey.Reveal())
	o := upstream.Options{BaseURL: p.BaseURL, Signer: upstream.Bearer(key), AllowPrivate: p.AllowPrivate,
		UserAgent: "penstock/" + version, Header: http.Header{}, Proxy: upstream.Secret(p.Proxy.Reveal()),
		MaxReply: int64(s.MaxReply), MaxStream: max(int64(s.MaxReply), maxStream)}
	if p.Dialect == llm.Anthropic {
		o.Signer = upstream.XAPIKey(key)
	}
	for name, value := range p.Headers {
		o.Header.Set(name, value.Reveal())
	}
	return o
}
