package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// The bounds of cache instructions in headers.
const (
	maxCacheTTL = 366 * 24 * time.Hour
	// maxNamespace is in bytes.
	maxNamespace = 512
)

// cacheControl merges the headers' cache instructions into the body's. What either
// forbids is forbidden; where both have a number or a name, the body's counts.
func cacheControl(h http.Header, c llm.CacheControl) (llm.CacheControl, error) {
	for _, value := range h["Cache-Control"] {
		parseDirectives(value, &c)
	}
	if isTrue(h, "X-Portkey-Cache-Force-Refresh") {
		c.NoCache = true
	}
	if isTrue(h, "Cf-Aig-Skip-Cache") {
		c.NoCache, c.NoStore = true, true
	}
	if err := namespace(h, &c); err != nil {
		return c, err
	}
	return c, cacheTTL(h, &c)
}

// namespaceHeaders name a namespace, in the order in which they count. Cloudflare's own gateway
// gives every request with a key the same answer; here a key only keeps answers apart.
var namespaceHeaders = [...]string{"X-Portkey-Cache-Namespace", "Cf-Aig-Cache-Key"}

// namespace sets the namespace where the body has none.
func namespace(h http.Header, c *llm.CacheControl) error {
	for _, name := range namespaceHeaders {
		value := h.Get(name)
		switch {
		case len(value) > maxNamespace:
			return badHeader(strings.ToLower(name), fmt.Sprintf("it may have at most %d bytes", maxNamespace))
		case !utf8.ValidString(value):
			return badHeader(strings.ToLower(name), "it must be UTF-8")
		case c.Namespace == "":
			c.Namespace = value
		}
	}
	return nil
}

// cacheTTL sets how long the reply is kept where the body does not say.
func cacheTTL(h http.Header, c *llm.CacheControl) error {
	if value := h.Get("Cf-Aig-Cache-Ttl"); value != "" && c.TTL == 0 {
		ttl, ok := parseSeconds(value)
		if !ok {
			return badHeader("cf-aig-cache-ttl", fmt.Sprintf("it must be a whole number of seconds from 0 to %.0f", maxCacheTTL.Seconds()))
		}
		c.TTL, c.NoStore = ttl, c.NoStore || ttl == 0
	}
	if value := h.Get("X-Portkey-Config"); value != "" && c.TTL == 0 {
		c.TTL = portkeyMaxAge(value)
	}
	return nil
}

// portkeyMaxAge returns the time for which a Portkey config has replies kept; 0 if it does not
// say, or names a config that only Portkey knows. What else is in it is not read.
func portkeyMaxAge(config string) time.Duration {
	var c struct {
		Cache struct {
			MaxAge json.Number `json:"max_age"`
		} `json:"cache"`
	}
	if json.Unmarshal([]byte(config), &c) != nil {
		return 0
	}
	ttl, _ := parseSeconds(c.Cache.MaxAge.String())
	return ttl
}

// parseDirectives reads the request directives of Cache-Control that the gateway's cache
// knows, and ignores the others as RFC 9111 demands. LiteLLM's clients send s-maxage for how
// long the reply is kept.
func parseDirectives(value string, c *llm.CacheControl) {
	for d := range strings.SplitSeq(value, ",") {
		name, arg, _ := strings.Cut(strings.TrimSpace(d), "=")
		switch strings.ToLower(name) {
		case "no-cache":
			c.NoCache = true
		case "no-store":
			c.NoStore = true
		case "max-age":
			age, ok := parseSeconds(strings.Trim(arg, `"`))
			c.NoCache = c.NoCache || ok && age == 0
			if ok && c.MaxAge == 0 {
				c.MaxAge = age
			}
		case "s-maxage":
			if ttl, ok := parseSeconds(strings.Trim(arg, `"`)); ok && c.TTL == 0 {
				c.TTL, c.NoStore = ttl, c.NoStore || ttl == 0
			}
		}
	}
}

// parseSeconds reads a whole number of seconds.
func parseSeconds(s string) (time.Duration, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	if err != nil || n < 0 || n > int64(maxCacheTTL/time.Second) {
		return 0, false
	}
	return time.Duration(n) * time.Second, true
}

func isTrue(h http.Header, name string) bool {
	v := h[name]
	return len(v) > 0 && (strings.EqualFold(v[0], "true") || v[0] == "1")
}

// badHeader is the error for a header whose value is wrong.
func badHeader(name, why string) error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Param: name,
		Message: fmt.Sprintf("The header %s is invalid: %s.", name, why)}
}
