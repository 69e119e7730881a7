package config

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// Probe reports whether a server answers at a provider's base URL. It must return when
// ctx ends.
type Probe func(ctx context.Context, baseURL string) bool

// probeTime bounds the wait for a local server, since the user waits for the start.
const probeTime = 250 * time.Millisecond

// Discover returns the configuration of a gateway without a configuration file. It
// configures every known provider whose key is in the environment, and every known local
// one that the probe finds; a nil probe looks for none. Each serves its models as
// "provider/model". Virtual keys are off, because the gateway listens on loopback only
// and no key exists yet. Found lists the providers.
//
// The ledger's path is relative and no model has a plain name: the caller, which knows
// the state folder, the catalogue and the demo provider, adds both.
func Discover(ctx context.Context, getenv func(string) string, probe Probe) *Config {
	c := &Config{Providers: map[string]Provider{}, Models: map[string]Model{}, source: source{file: "(no configuration file)"}}
	allDefault(reflect.ValueOf(c).Elem())
	c.Keys = KeysOff
	for _, k := range KnownProviders() {
		p, how, ok := discover(ctx, k, getenv, probe)
		if !ok {
			continue
		}
		p.fill(k)
		c.Providers[k.Name] = p
		c.Models[k.Name+"/*"] = Plain(k.Name + "/*")
		c.Found = append(c.Found, fmt.Sprintf("%s (%s)", k.Name, how))
	}
	c.index()
	return c
}

// discover looks for one provider. how says where it was found.
func discover(ctx context.Context, k Known, getenv func(string) string, probe Probe) (p Provider, how string, ok bool) {
	if k.URLForm != "" || k.Private && (!k.Probed || probe == nil) {
		return p, "", false
	}
	if k.Private {
		ctx, cancel := context.WithTimeout(ctx, probeTime)
		defer cancel()
		return p, hostOf(k.BaseURL), probe(ctx, k.BaseURL)
	}
	for _, name := range k.Env {
		key, err := resolve("env:"+name, "", getenv, false)
		if err == nil {
			return Provider{APIKey: key}, "env", true
		}
	}
	return p, "", false
}

func hostOf(url string) string {
	_, rest, _ := strings.Cut(url, "://")
	host, _, _ := strings.Cut(rest, "/")
	return host
}

// Plain returns a model with one target and default settings.
func Plain(target string) Model {
	var m Model
	allDefault(reflect.ValueOf(&m).Elem())
	t := Target{Target: target}
	setDefaults(&t)
	m.Targets = []Target{t}
	return m
}

// Warnings lists settings that are allowed but probably not intended, one sentence each.
func (c *Config) Warnings() []string {
	var out []string
	if !IsLoopback(c.Admin.Listen) && !c.Admin.TLS.Enabled() {
		out = append(out, fmt.Sprintf("the admin API listens on %s without TLS: keys and sessions can be read on the network, unless a proxy in front of it has TLS (admin: {tls: {cert, key}})", c.Admin.Listen))
	}
	if c.Keys == KeysOff && !IsLoopback(c.Listen) {
		out = append(out, fmt.Sprintf("keys is off and the API listens on %s: anyone who can reach it spends your money", c.Listen))
	}
	for name, p := range c.Providers {
		if strings.HasPrefix(p.BaseURL, "http://") && (!p.APIKey.IsZero() || len(p.APIKeys) > 0) && !p.AllowPrivate {
			out = append(out, fmt.Sprintf("provider %s: the key is sent to %s without encryption", name, p.BaseURL))
		}
	}
	for name, p := range c.Providers {
		for _, same := range p.sameKeys() {
			out = append(out, fmt.Sprintf("provider %s: the credential %s has the same key as another one, so it adds nothing", name, same))
		}
	}
	for name, p := range c.Plugins.Own {
		if p.SHA256 == "" {
			out = append(out, fmt.Sprintf("plugin %s: the file is not pinned by sha256", name))
		}
	}
	out = append(out, c.TLS.Files().warnings("tls", time.Now())...)
	out = append(out, c.Admin.TLS.warnings("admin.tls", time.Now())...)
	slices.Sort(out)
	return out
}
