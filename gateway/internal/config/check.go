package config

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
	"github.com/penstock/penstock/gateway/internal/publicaddr"
)

// check completes settings that depend on others, and reports settings that contradict
// each other.
func (d *decoder) check(c *Config) {
	d.address("listen", c.Listen)
	d.checkAdmin(c)
	d.checkIdentity(c)
	d.checkServer(c.Server)
	d.checkMedia(c)
	d.checkRetryBudget(c.RetryBudget)
	d.checkPlugins(c)
	for _, name := range slices.Sorted(maps.Keys(c.Providers)) {
		p := c.Providers[name]
		d.checkProvider(c, name, &p)
		c.Providers[name] = p
	}
	for _, name := range slices.Sorted(maps.Keys(c.Models)) {
		d.checkModel(c, name, c.Models[name])
	}
	d.checkEndpoints(c)
	d.checkPaths(c)
	d.checkTelemetry(&c.Telemetry)
	d.checkWebhooks(c.Webhooks)
	c.index()
	d.checkUses(c)
	d.cacheStore(&c.Cache)
	if c.Cache.Size < 1<<20 {
		d.fault("cache.size", nil, "write at least 1MiB; to turn the cache off, leave cache out of the models", "is too small")
	}
}

// Stderr is the decision log's name for standard error.
const Stderr = "stderr"

// checkPaths makes paths relative to the file's folder.
func (d *decoder) checkPaths(c *Config) {
	if file := c.Ledger.File(); file != ":memory:" {
		c.Ledger.URL = LedgerURL("sqlite://" + inDir(d.dir, file))
	}
	if c.Catalog != "" {
		c.Catalog = inDir(d.dir, c.Catalog)
	}
	if c.Classifier.Weights != "" {
		c.Classifier.Weights = inDir(d.dir, c.Classifier.Weights)
	}
	d.checkDecisionLog(&c.DecisionLog)
	d.checkPolicies(&c.Policies)
}

func (d *decoder) checkAdmin(c *Config) {
	if !d.address("admin.listen", c.Admin.Listen) {
		return
	}
	if c.Admin.Auth == AuthLoopback && !IsLoopback(c.Admin.Listen) {
		d.fault("admin.listen", nil, "set admin.auth to key, or listen on 127.0.0.1",
			"%s can be reached from other machines, and auth: loopback asks for no key", c.Admin.Listen)
	}
	if c.Admin.Listen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
		d.fault("admin.listen", nil, "give it another port", "is also the address of the API")
	}
}

// maxQueue bounds the requests that may wait.
const maxQueue = 100_000

func (d *decoder) checkServer(s Server) {
	positive := func(name string, ok bool) {
		if !ok {
			d.fault("server."+name, nil, "leave it out for the default", "must be more than 0")
		}
	}
	positive("max_body", s.MaxBody > 0)
	if s.MaxBodies != 0 && s.MaxBodies < s.MaxBody {
		d.fault("server.max_bodies", nil, "leave it out for the default", "must be at least max_body")
	}
	positive("max_reply", s.MaxReply > 0)
	positive("max_requests", s.MaxRequests > 0)
	if _, given := d.at["server.max_requests_per_caller"]; given && s.MaxRequestsPerCaller < 1 {
		d.fault("server.max_requests_per_caller", nil, "leave it out for no limit", "must be more than 0")
	}
	if s.Queue.Size < 0 || s.Queue.Size > maxQueue {
		d.fault("server.queue.size", nil, "0 lets no request wait", "must be between 0 and %d", maxQueue)
	}
	positive("queue.wait", s.Queue.Wait > 0)
	positive("header_timeout", s.HeaderTimeout > 0)
	positive("body_timeout", s.BodyTimeout > 0)
	positive("write_timeout", s.WriteTimeout > 0)
	if p := s.Prefix; p != "" && (!strings.HasPrefix(p, "/") || p == "/" || path.Clean(p) != p || strings.ContainsAny(p, "*?#% ")) {
		d.fault("server.prefix", nil, "write a path such as /ai", "invalid path %q", p)
	}
}

// address checks host:port.
func (d *decoder) address(path, addr string) bool {
	host, port, err := net.SplitHostPort(addr)
	if err == nil {
		_, err = strconv.ParseUint(port, 10, 16)
	}
	if err != nil || strings.ContainsAny(host, "/ ") {
		d.fault(path, nil, "write host:port, such as 127.0.0.1:8080", "invalid address %q", addr)
		return false
	}
	return true
}

// IsLoopback reports whether only this machine can reach the address, a host:port.
func IsLoopback(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return false
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func (d *decoder) checkProvider(c *Config, name string, p *Provider) {
	path := Path("providers", name)
	if name == Demo {
		d.faultKey("providers", name, "choose another name", "demo is built in and cannot be configured")
		return
	}
	if !isName(name) {
		d.faultKey("providers", name, "use lower-case letters, digits, dot, dash and underscore", "invalid provider name %q", name)
	}
	k, isKnown := known(name, *p)
	own := p.BaseURL != ""
	if isKnown {
		p.fill(k)
	}
	if p.Dialect == "" {
		p.Dialect = "openai" // what nearly every server speaks
	}
	d.checkDialect(c, Path(path, "dialect"), p.Dialect)
	d.checkAlso(Path(path, "also"), p)
	if p.BaseURL == "" {
		if _, given := d.at[Path(path, "base_url")]; !given && !d.corrected[Path(path, "base_url")] {
			d.missingURL(name, k)
		}
		return
	}
	d.baseURL(path, p)
	if p.APIVersion != "" && p.Dialect != llm.OpenAI {
		d.fault(Path(path, "api_version"), nil, "remove it", "only providers with the dialect openai have an API version")
	}
	d.checkInflight(path, p.MaxInflight)
	d.checkProbe(path+".probe", p)
	d.proxy(path, p.Proxy)
	d.checkAPIKeys(path, p)
	d.needsKey(path, name, p, k, isKnown && !own)
}

// missingURL adds a fault for a provider without an address.
func (d *decoder) missingURL(name string, k Known) {
	if k.URLForm != "" {
		d.faultKey("providers", name, "write base_url: "+k.URLForm, "base_url is missing: every account has its own")
		return
	}
	d.faultKey("providers", name, DidYouMean(name, knownNames()), "base_url is missing, and %q is not a well-known provider", name)
}

// needsKey adds a fault for a hosted provider without a credential.
func (d *decoder) needsKey(path, name string, p *Provider, k Known, hosted bool) {
	_, given := d.at[Path(path, "api_key")]
	_, several := d.at[Path(path, "api_keys")]
	if !hosted || len(k.Env) == 0 || given || several || len(p.Headers) > 0 || d.corrected[Path(path, "api_key")] {
		return
	}
	d.faultKey("providers", name, "write api_key: env:"+k.Env[0], "api_key is missing")
}

func (d *decoder) baseURL(path string, p *Provider) {
	at := Path(path, "base_url")
	u, err := url.Parse(p.BaseURL)
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		d.fault(at, nil, "write https://HOST/v1", "must be an http or https address")
		return
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		d.fault(at, nil, "credentials belong in api_key or headers", "must have no user, query or fragment")
		return
	case isPrivateHost(u.Hostname()) && !p.AllowPrivate:
		d.fault(at, nil, "set allow_private: true if this is intended",
			"%s is on this machine or a private network", u.Hostname())
	}
	p.BaseURL = strings.TrimRight(p.BaseURL, "/")
}

// proxy checks a provider's proxy. Faults do not quote it, since it may hold a password.
func (d *decoder) proxy(path string, proxy Secret) {
	if proxy.IsZero() || proxy.Reveal() == "none" {
		return
	}
	u, err := url.Parse(proxy.Reveal())
	if err != nil || u.Hostname() == "" || !slices.Contains([]string{"http", "https", "socks5", "socks5h"}, u.Scheme) ||
		strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.Fragment != "" {
		d.fault(Path(path, "proxy"), nil, "write http://HOST:PORT, https, socks5, or none", "must be the address of a proxy")
	}
}

// minCacheSecret is the length of the shortest secret of the cache's store, in bytes.
const minCacheSecret = 16

// cacheStore checks the cache's store. Faults do not quote it, since it may hold a password.
func (d *decoder) cacheStore(c *Cache) {
	store, secret := c.Store.Reveal(), c.Secret.Reveal()
	if d.getenv == nil {
		return // references are not resolved
	}
	if c.Store.IsZero() {
		if !c.Secret.IsZero() {
			d.fault("cache.secret", nil, "set cache.store, or remove it", "signs what is in a store, and there is none")
		}
		return
	}
	u, err := url.Parse(store)
	known := err == nil && slices.Contains([]string{"redis", "rediss", "valkey", "valkeys", "unix"}, u.Scheme)
	if !known || u.Scheme != "unix" && u.Hostname() == "" || u.Scheme == "unix" && u.Path == "" {
		d.fault("cache.store", nil, "write redis://HOST:PORT, rediss://HOST:PORT for TLS, or unix:///SOCKET", "must be the address of a Redis or Valkey server")
	}
	if len(secret) < minCacheSecret {
		d.fault("cache.secret", nil, "give one of 16 bytes or more, such as from openssl rand -hex 32, as env:NAME", "is needed by cache.store to sign what is in it")
	}
}

// isPrivateHost reports whether a host's name or address is not on the public internet.
// Other names that resolve to such an address are refused when they are dialed.
func isPrivateHost(host string) bool {
	_, err := netip.ParseAddr(host)
	return publicaddr.NamesPrivate(host) || err != nil && isLegacyAddress(strings.TrimSuffix(host, "."))
}

// isLegacyAddress reports whether a host is an IP address in a form that some resolvers
// accept and netip does not: 2130706433, 0x7f.1, 127.1.
func isLegacyAddress(host string) bool {
	last := host[strings.LastIndexByte(host, '.')+1:]
	_, err := strconv.ParseUint(last, 0, 64)
	return err == nil
}

// faultKey adds a fault at the name of a member rather than at its value.
func (d *decoder) faultKey(section, name, hint, format string, args ...any) {
	if len(d.faults) >= maxFaults {
		return
	}
	p, ok := d.at[Path(section, name)+keySuffix]
	if !ok {
		p = d.find(Path(section, name))
	}
	d.faults = append(d.faults, d.faultAt(p, Path(section, name), hint, fmt.Sprintf(format, args...)))
}

func isName(s string) bool {
	return len(s) <= 64 && s != "" && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789._-") == "" &&
		strings.Trim(s[:1], "._-") != ""
}

func knownNames() []string {
	var names []string
	for _, k := range KnownProviders() {
		names = append(names, k.Name)
	}
	return names
}
