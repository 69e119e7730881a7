package httpapi

import (
	"net/http"
	"testing"
	"time"
)

func TestTimeouts(t *testing.T) {
	for _, c := range []struct {
		header, value string
		total, first  time.Duration
		bad           bool
	}{
		{"x-penstock-timeout", "30", 30 * time.Second, 0, false},
		{"x-penstock-timeout", "1.5", 1500 * time.Millisecond, 0, false},
		{"x-penstock-timeout", "250ms", 250 * time.Millisecond, 0, false},
		{"x-litellm-timeout", "7", 7 * time.Second, 0, false},
		{"x-litellm-stream-timeout", "2.5", 0, 2500 * time.Millisecond, false},
		{"x-portkey-request-timeout", "3000", 3 * time.Second, 0, false},
		{"cf-aig-request-timeout", "1000", 0, time.Second, false},
		{"x-penstock-timeout", "86400", 24 * time.Hour, 0, false},
		{"x-penstock-timeout", "0", 0, 0, true},
		{"x-penstock-timeout", "-5", 0, 0, true},
		{"x-penstock-timeout", "-5s", 0, 0, true},
		{"x-penstock-timeout", "NaN", 0, 0, true},
		{"x-penstock-timeout", "1e300", 0, 0, true},
		{"x-penstock-timeout", "86401", 0, 0, true},
		{"x-penstock-timeout", "25h", 0, 0, true},
		{"x-penstock-timeout", "", 0, 0, true},
		{"x-litellm-timeout", "soon", 0, 0, true},
		{"cf-aig-request-timeout", "1e-30", 0, 0, true},
	} {
		h := http.Header{}
		h.Set(c.header, c.value)
		total, first, err := timeouts(h)
		if total != c.total || first != c.first || (err != nil) != c.bad {
			t.Errorf("%s: %s gives %s, %s, %v", c.header, c.value, total, first, err)
		}
	}
	h := http.Header{}
	h.Set("x-penstock-timeout", "30")
	h.Set("x-portkey-request-timeout", "1000")
	if total, _, err := timeouts(h); total != time.Second || err != nil {
		t.Errorf("of two bounds %s counts, %v", total, err)
	}
}
