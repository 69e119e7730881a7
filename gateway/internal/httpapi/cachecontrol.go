package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// maxCacheTTL bounds lifetimes that come in headers.
const maxCacheTTL = 366 * 24 * time.Hour

// cacheControl adds what the headers say to what the body said. Prohibitions add
// up; where both give a number or a name, the body's counts.
func cacheControl(h http.Header, c llm.CacheControl) (llm.CacheControl, error) {
	for _, value := range h["Cache-Control"] {
		directives(value, &c)
	}
	if isTrue(h, "X-Portkey-Cache-Force-Refresh") {
		c.NoCache = true
	}
	if isTrue(h, "Cf-Aig-Skip-Cache") {
		c.NoCache, c.NoStore = true, true
	}
	if c.Namespace == "" {
		if c.Namespace = h.Get("X-Portkey-Cache-Namespace"); len(c.Namespace) > maxTagValue {
			return c, badHeader("x-portkey-cache-namespace", "it is too long")
		}
	}
	value := h.Get("Cf-Aig-Cache-Ttl")
	if value == "" || c.TTL > 0 {
		return c, nil
	}
	ttl, ok := seconds(value)
	if !ok {
		return c, badHeader("cf-aig-cache-ttl", "it must be a number of seconds")
	}
	c.TTL = ttl
	return c, nil
}

// directives reads the request directives of Cache-Control that mean something
// here, and passes over the others as RFC 9111 demands.
func directives(value string, c *llm.CacheControl) {
	for d := range strings.SplitSeq(value, ",") {
		name, arg, _ := strings.Cut(strings.TrimSpace(d), "=")
		switch strings.ToLower(name) {
		case "no-cache":
			c.NoCache = true
		case "no-store":
			c.NoStore = true
		case "max-age":
			age, ok := seconds(strings.Trim(arg, `"`))
			c.NoCache = c.NoCache || ok && age == 0
			if ok && c.MaxAge == 0 {
				c.MaxAge = age
			}
		}
	}
}

// seconds reads a whole number of seconds.
func seconds(s string) (time.Duration, bool) {
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
