package httpapi

import (
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

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
	if c.Namespace == "" {
		if c.Namespace = h.Get("X-Portkey-Cache-Namespace"); len(c.Namespace) > maxNamespace {
			return c, badHeader("x-portkey-cache-namespace", "it is too long")
		}
	}
	value := h.Get("Cf-Aig-Cache-Ttl")
	if value == "" || c.TTL > 0 {
		return c, nil
	}
	ttl, ok := parseSeconds(value)
	if !ok {
		return c, badHeader("cf-aig-cache-ttl", fmt.Sprintf("it must be a whole number of seconds from 0 to %.0f", maxCacheTTL.Seconds()))
	}
	c.TTL, c.NoStore = ttl, c.NoStore || ttl == 0
	return c, nil
}

// parseDirectives reads the request directives of Cache-Control that the gateway's cache
// knows, and ignores the others as RFC 9111 demands.
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
