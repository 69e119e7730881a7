package upstream

import (
	"log/slog"
	"net/http"
)

// Auth is how a provider takes its key.
type Auth string

// The ways to carry a key.
const (
	// Bearer is "Authorization: Bearer KEY", the default.
	Bearer Auth = "bearer"
	// XAPIKey is "x-api-key: KEY", as Anthropic has it.
	XAPIKey Auth = "x-api-key"
	// APIKey is "api-key: KEY", as Azure has it.
	APIKey Auth = "api-key"
)

// set puts the key into h in place of any other credentials there.
func (a Auth) set(h http.Header, k Key) {
	if k == "" {
		return
	}
	switch a {
	case XAPIKey:
		h["X-Api-Key"] = []string{string(k)}
	case APIKey:
		h["Api-Key"] = []string{string(k)}
	default:
		h["Authorization"] = []string{"Bearer " + string(k)}
	}
}

// Key is a provider's secret. However it is printed, logged or encoded, it does not
// show.
type Key string

const hidden = "REDACTED"

// String hides the key.
func (k Key) String() string { return hidden }

// GoString hides the key from %#v.
func (k Key) GoString() string { return hidden }

// LogValue hides the key from logs.
func (k Key) LogValue() slog.Value { return slog.StringValue(hidden) }

// MarshalText hides the key from JSON and its like.
func (k Key) MarshalText() ([]byte, error) { return []byte(hidden), nil }
