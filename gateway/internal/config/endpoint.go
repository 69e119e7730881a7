package config

import (
	"maps"
	"mime"
	"path"
	"slices"
	"strings"
)

// ownPaths are the paths that the gateway itself serves, and everything below them.
func ownPaths() []string {
	return []string{"/v1/chat/completions", "/chat/completions", "/v1/messages", "/messages", "/v1/responses", "/responses",
		"/v1/completions", "/completions", "/v1/embeddings", "/embeddings", "/v1/models", "/models", "/v1beta/models", "/healthz", "/readyz"}
}

func (d *decoder) checkEndpoints(c *Config) {
	for _, at := range slices.Sorted(maps.Keys(c.Endpoints)) {
		e := c.Endpoints[at]
		here := Path("endpoints", at)
		stem := strings.TrimSuffix(at, "/*")
		switch {
		case !strings.HasPrefix(at, "/") || path.Clean(at) != at || strings.ContainsAny(stem, "*?# "):
			d.faultKey("endpoints", at, "write a path such as /acme/generate, or /acme/* for all below it", "invalid path %q", at)
		case stem == "" || slices.ContainsFunc(ownPaths(), func(own string) bool { return stem == own || strings.HasPrefix(stem, own+"/") }):
			d.faultKey("endpoints", at, "choose another path", "the gateway itself serves %s", at)
		}
		if _, ok := c.Plugins.Own[e.Dialect]; !ok && e.Dialect != "" {
			d.fault(Path(here, "dialect"), nil, DidYouMean(e.Dialect, slices.Collect(maps.Keys(c.Plugins.Own))), "there is no plugin %q", e.Dialect)
		}
		if _, _, err := mime.ParseMediaType(e.StreamType); err != nil {
			d.fault(Path(here, "stream_type"), nil, "write a media type such as application/x-ndjson", "invalid media type %q", e.StreamType)
		}
	}
}

// Endpoint returns the configured endpoint for a request's path: the one with that very
// path, else the one with the longest matching pattern that ends in /*.
func (c *Config) Endpoint(at string) (e Endpoint, ok bool) {
	if e, ok = c.Endpoints[at]; ok {
		return e, true
	}
	for i := len(at); i >= 0; i = strings.LastIndexByte(at[:i], '/') {
		if e, ok = c.Endpoints[at[:i]+"/*"]; ok {
			return e, true
		}
	}
	return Endpoint{}, false
}
