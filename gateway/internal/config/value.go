package config

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// text is a value that is written as one scalar. set returns an error whose text
// follows the value's path, and may be a *hinted.
type text interface{ set(s string) error }

// hinted is an error that knows what to write instead.
type hinted struct{ msg, hint string }

func (e *hinted) Error() string { return e.msg }

// KeyMode says whether callers need a virtual key.
type KeyMode string

// The key modes.
const (
	KeysRequired KeyMode = "required"
	KeysOptional KeyMode = "optional"
	KeysOff      KeyMode = "off"
)

func (k *KeyMode) set(s string) error {
	return choose(k, s, KeysRequired, KeysOptional, KeysOff)
}

// AdminAuth says who may use the admin API.
type AdminAuth string

// The ways to guard the admin API.
const (
	AuthLoopback AdminAuth = "loopback"
	AuthKey      AdminAuth = "key"
)

func (a *AdminAuth) set(s string) error { return choose(a, s, AuthLoopback, AuthKey) }

// LedgerFailure says what becomes of requests while usage can't be recorded.
type LedgerFailure string

// What becomes of them.
const (
	LedgerRefuse LedgerFailure = "refuse"
	LedgerServe  LedgerFailure = "serve"
)

func (f *LedgerFailure) set(s string) error { return choose(f, s, LedgerRefuse, LedgerServe) }

// Unpriced says whether a hard limit on money lets requests through to targets whose price
// nobody knows. The zero value leaves it to the setting for all models.
type Unpriced string

// The ways to treat targets without a known price.
const (
	UnpricedAllow Unpriced = "allow"
	UnpricedDeny  Unpriced = "deny"
)

func (u *Unpriced) set(s string) error { return choose(u, s, UnpricedAllow, UnpricedDeny) }

func (e *Empty) set(s string) error { return choose(e, s, EmptyFallback, EmptyPass) }

// Unsupported says what becomes of what a target's wire format has no place for.
type Unsupported string

// What becomes of it.
const (
	DropUnsupported   Unsupported = "drop"
	RejectUnsupported Unsupported = "reject"
)

func (u *Unsupported) set(s string) error { return choose(u, s, DropUnsupported, RejectUnsupported) }

// Origin is the origin of a web page: scheme, host and perhaps a port.
type Origin string

func (o *Origin) set(s string) error {
	if s != "*" {
		u, err := url.Parse(s)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != s || s != strings.ToLower(s) || strings.ContainsAny(s, "*@") {
			return &hinted{fmt.Sprintf("%q is not the origin of a page", s), `write https://HOST in small letters, with :PORT if there is one and nothing behind it, or "*" for all`}
		}
	}
	*o = Origin(s)
	return nil
}

// OutputLimit names the member that bounds output tokens.
type OutputLimit string

// OutputAuto finds the name out.
const OutputAuto OutputLimit = "auto"

func (o *OutputLimit) set(s string) error {
	return choose(o, s, OutputAuto, OutputLimit(llm.OldName), OutputLimit(llm.NewName))
}

// StreamUsage says whether usage is asked for in streams.
type StreamUsage llm.StreamUsage

func (u *StreamUsage) set(s string) error {
	return choose(u, s, StreamUsage(llm.StreamUsageAuto), StreamUsage(llm.StreamUsageOn), StreamUsage(llm.StreamUsageOff))
}

// Similar is the mode of the similarity cache.
type Similar string

func (m *Similar) set(s string) error {
	if s == "on" || s == "shadow" {
		return later("similar: off")
	}
	return choose(m, s, "off")
}

// State names the store of counters.
type State string

func (t *State) set(s string) error {
	if strings.HasPrefix(s, "redis://") || strings.HasPrefix(s, "rediss://") {
		return later("state: memory")
	}
	return choose(t, s, "memory")
}

// LedgerURL names the ledger database: sqlite://FILE.
type LedgerURL string

func (l *LedgerURL) set(s string) error {
	if strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
		return later("sqlite://penstock.db")
	}
	if file, ok := strings.CutPrefix(s, "sqlite://"); !ok || file == "" || strings.ContainsAny(file, "?#\x00") {
		return &hinted{fmt.Sprintf("%q is not the address of a ledger", s), "write sqlite://FILE, such as sqlite://penstock.db"}
	}
	*l = LedgerURL(s)
	return nil
}

// File is the path of the database file.
func (l LedgerURL) File() string { return strings.TrimPrefix(string(l), "sqlite://") }

// Grant is something a plugin may do beyond computing.
type Grant string

func (g *Grant) set(s string) error {
	return choose(g, s, grants()...)
}

func grants() []Grant {
	return []Grant{"log", "clock", "random", "metrics", "kv", "read:messages"}
}

// Capabilities is a set of features, written as a list of their names.
type Capabilities llm.Features

// Bytes is an amount of memory or data.
type Bytes int64

var byteUnits = []struct {
	suffix string
	size   float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

// String gives the amount as a configuration would have it.
func (b Bytes) String() string {
	for _, u := range [...]struct {
		name string
		size Bytes
	}{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} {
		if b >= u.size && b%u.size == 0 {
			return fmt.Sprintf("%d%s", b/u.size, u.name)
		}
	}
	return fmt.Sprintf("%dB", int64(b))
}

func (b *Bytes) set(s string) error {
	for _, u := range byteUnits {
		number, ok := strings.CutSuffix(s, u.suffix)
		if !ok {
			continue
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(number), 64)
		if err != nil || n < 0 || !isDecimal(number) || n*u.size > 1<<50 {
			break
		}
		*b = Bytes(n * u.size)
		return nil
	}
	return &hinted{fmt.Sprintf("%q is not a size", s), "write a number and a unit, such as 32MiB"}
}

// isDecimal keeps out "NaN", "1e9" and "0x10", which ParseFloat takes.
func isDecimal(s string) bool { return strings.Trim(strings.TrimSpace(s), "0123456789.") == "" }

// Span is a range of durations.
type Span struct{ Min, Max time.Duration }

func (p *Span) set(s string) error {
	from, to, ok := strings.Cut(s, "..")
	low, err := parseDuration(from)
	high, err2 := parseDuration(to)
	if !ok || err != nil || err2 != nil {
		return &hinted{fmt.Sprintf("%q is not a range of durations", s), "write shortest..longest, such as 200ms..5s"}
	}
	if low > high {
		return &hinted{fmt.Sprintf("%q runs backwards", s), fmt.Sprintf("write %s..%s", to, from)}
	}
	*p = Span{low, high}
	return nil
}

// parseDuration reads "200ms", "15s", "1h30m" and, beyond Go's own, "7d".
func parseDuration(s string) (time.Duration, error) {
	wrong := &hinted{fmt.Sprintf("%q is not a duration", s), "write a number and a unit: 200ms, 15s, 10m, 1h, 7d"}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, wrong
		}
		return time.Duration(n) * 24 * time.Hour, nil
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil && s != "" && isDecimal(s):
		wrong.hint = fmt.Sprintf("a duration needs a unit: did you mean %ss?", s)
		return 0, wrong
	case err != nil:
		return 0, wrong
	case d < 0:
		return 0, &hinted{fmt.Sprintf("%q is negative", s), "durations start at 0"}
	}
	return d, nil
}

// Dollars is an amount of US dollars, kept exactly.
type Dollars llm.NanoUSD

func (d *Dollars) set(s string) error {
	n, err := llm.ParseUSD(s)
	if err != nil {
		return &hinted{err.Error(), "write US dollars per million tokens, such as 0.25"}
	}
	if n < 0 {
		return fmt.Errorf("a price cannot be negative")
	}
	*d = Dollars(n)
	return nil
}

// choose sets dst to s if it is one of the choices.
func choose[T ~string](dst *T, s string, choices ...T) error {
	names := make([]string, len(choices))
	for i, c := range choices {
		if string(c) == s {
			*dst = c
			return nil
		}
		names[i] = string(c)
	}
	return &hinted{fmt.Sprintf("%q is not one of %s", s, strings.Join(names, ", ")), didYouMean(s, names)}
}

// later refuses what a coming version brings, rather than ignoring it.
func later(instead string) error {
	return &hinted{"not available in this version", "write " + instead}
}
