package config

import (
	"maps"
	"mime"
	"path"
	"slices"
	"strings"
)

// ownPaths begin the paths that the gateway serves itself.
func ownPaths() []string {
	return []string{"/chat/completions", "/models", "/v1/chat/completions", "/v1/models", "/healthz", "/readyz"}
}

func (d *decoder) checkEndpoints(c *Config) {
	for _, at := range slices.Sorted(maps.Keys(c.Endpoints)) {
		e := c.Endpoints[at]
		here := Path("endpoints", at)
		stem := strings.TrimSuffix(at, "/*")
		switch {
		case !strings.HasPrefix(at, "/") || path.Clean(at) != at || strings.ContainsAny(stem, "*?# "):
			d.faultKey("endpoints", at, `write a path such as /acme/generate, or /acme/* for all that begin so`, "%q is not a path", at)
		case stem == "" || slices.ContainsFunc(ownPaths(), func(own string) bool { return stem == own || strings.HasPrefix(stem, own+"/") }):
			d.faultKey("endpoints", at, "choose another path", "%s is served by the gateway itself", at)
		}
		if _, ok := c.Plugins.Own[e.Dialect]; !ok && e.Dialect != "" {
			d.fault(Path(here, "dialect"), nil, didYouMean(e.Dialect, slices.Collect(maps.Keys(c.Plugins.Own))), "there is no plugin %q", e.Dialect)
		}
		if _, _, err := mime.ParseMediaType(e.StreamType); err != nil {
			d.fault(Path(here, "stream_type"), nil, "write a media type such as application/x-ndjson", "%q is not a media type", e.StreamType)
		}
	}
}

// Endpoint is that of the configured endpoints which a request's path belongs to: the
// path itself, else the longest that ends in /* and begins it.
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
