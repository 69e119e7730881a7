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

// client is the client of a provider. Snapshots share it, with its open connections, as
// long as the provider's settings do not change, and each holds a reference.
type client struct {
	*upstream.Client
	provider config.Provider
	users    atomic.Int64
}

// release releases a reference. The last one closes the client.
func (c *client) release() {
	if c.users.Add(-1) == 0 {
		c.Close()
	}
}

// openClients takes over the current snapshot's clients of unchanged providers and makes
// the others.
func (sn *snapshot) openClients(s *Server) error {
	errs := []error{sn.openDemo(s)}
	for name, p := range sn.config.Providers {
		if old := s.currentClient(name, p); old != nil {
			sn.clients[name] = old
			continue
		}
		o := providerOptions(p, sn.config.Server, s.o.Version)
		o.Credentials = s.credentials(name, p)
		made, err := upstream.New(o)
		if err != nil {
			errs = append(errs, config.Faults{sn.config.Fault(config.Path("providers", name), "", "%v", err)})
			continue
		}
		sn.addClient(name, made, p)
	}
	return errors.Join(errs...)
}

// currentClient returns the current snapshot's client of a provider, with one more
// reference; nil if there is none with these settings.
func (s *Server) currentClient(name string, p config.Provider) *client {
	old := s.snapshot.Load() // it stays open: one reload runs at a time
	if old == nil || old.clients[name] == nil || !config.Equal(old.clients[name].provider, p) {
		return nil
	}
	old.clients[name].users.Add(1)
	return old.clients[name]
}

func (sn *snapshot) addClient(name string, c *upstream.Client, p config.Provider) {
	sn.clients[name] = &client{Client: c, provider: p}
	sn.clients[name].users.Store(1)
}

// openDemo starts the demo provider if a model uses it. A dry server sends nothing and
// does not start it.
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

// usesDemo reports whether a model uses the demo provider. Without a configuration file
// there is always one.
func (s *Server) usesDemo(c *config.Config) bool {
	if s.o.ConfigPath() == "" {
		return true
	}
	return slices.ContainsFunc(slices.Collect(maps.Values(c.Models)), func(m config.Model) bool {
		return slices.ContainsFunc(m.Chains(), func(c config.Chain) bool {
			return slices.ContainsFunc(c.Targets, func(t config.Target) bool { return strings.HasPrefix(t.Target, config.Demo+"/") })
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

// maxStream bounds a whole stream, in bytes. One event may be as large as a plain reply.
const maxStream = 256 << 20

func providerOptions(p config.Provider, s config.Server, version string) upstream.Options {
	key := upstream.Secret(p.APIKey.Reveal())
	o := upstream.Options{BaseURL: p.BaseURL, Signer: signer(p, key), AllowPrivate: p.AllowPrivate,
		UserAgent: "penstock/" + version, Header: http.Header{}, Proxy: upstream.Secret(p.Proxy.Reveal()),
		MaxReply: int64(s.MaxReply), MaxStream: max(int64(s.MaxReply), maxStream)}
	for name, value := range p.Headers {
		o.Header.Set(name, value.Reveal())
	}
	return o
}

// signer puts a provider's key where its dialect expects it.
func signer(p config.Provider, key upstream.Secret) upstream.Signer {
	if p.AtAzure() || p.APIVersion != "" {
		return upstream.APIKey(key)
	}
	switch p.Dialect {
	case llm.Anthropic:
		return upstream.XAPIKey(key)
	case llm.Gemini:
		return upstream.XGoogAPIKey(key)
	}
	return upstream.Bearer(key)
}
