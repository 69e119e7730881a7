package httpapi

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// timeoutHeaders are the headers by which callers bound their own requests: Penstock's, and
// those that clients of LiteLLM, Portkey and Cloudflare's gateway send. Unit is what a bare
// number counts; first says that the wait for the first content is meant.
var timeoutHeaders = [...]struct {
	name  string
	unit  time.Duration
	first bool
}{
	{"X-Penstock-Timeout", time.Second, false},
	{"X-Litellm-Timeout", time.Second, false},
	{"X-Litellm-Stream-Timeout", time.Second, true},
	{"X-Portkey-Request-Timeout", time.Millisecond, false},
	{"Cf-Aig-Request-Timeout", time.Millisecond, true},
}

// maxTimeout bounds what a caller may ask for.
const maxTimeout = 24 * time.Hour

// timeouts reads how long the caller waits for the whole reply and for its first content;
// zero for no bound. Of several bounds the shortest counts.
func timeouts(h http.Header) (total, first time.Duration, err error) {
	for _, t := range timeoutHeaders {
		values := h[t.name]
		if len(values) == 0 {
			continue
		}
		d, ok := parseTimeout(values[0], t.unit)
		if !ok {
			return 0, 0, badHeader(strings.ToLower(t.name), "it must be a number of "+unitNames[t.unit]+" above 0, or a duration such as 30s, of at most 24h")
		}
		bound := &total
		if t.first {
			bound = &first
		}
		if *bound == 0 || d < *bound {
			*bound = d
		}
	}
	return total, first, nil
}

var unitNames = map[time.Duration]string{time.Second: "seconds", time.Millisecond: "milliseconds"}

// parseTimeout reads a number of units, or a duration with a unit of its own.
func parseTimeout(s string, unit time.Duration) (time.Duration, bool) {
	s = strings.TrimSpace(s)
	d, err := time.ParseDuration(s)
	if err != nil || strings.Trim(s, "0.") == "" {
		n, err := strconv.ParseFloat(s, 64)
		if err != nil || !(n > 0) || n > float64(maxTimeout/unit) { // NaN is not above 0
			return 0, false
		}
		d = time.Duration(n * float64(unit))
	}
	return d, d > 0 && d <= maxTimeout
}
