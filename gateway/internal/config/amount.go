package config

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Bytes is an amount of memory or data.
type Bytes int64

var byteUnits = []struct {
	suffix string
	size   float64
}{{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"B", 1}}

// String formats the amount as it is written in a configuration.
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
	return &hintedError{fmt.Sprintf("invalid size %q", s), "write a number and a unit, such as 32MiB"}
}

// isDecimal reports whether a number has digits only: ParseFloat also accepts "NaN", "1e9"
// and "0x10".
func isDecimal(s string) bool { return strings.Trim(strings.TrimSpace(s), "0123456789.") == "" }

// Span is a range of durations.
type Span struct{ Min, Max time.Duration }

func (p *Span) set(s string) error {
	from, to, ok := strings.Cut(s, "..")
	low, err := parseDuration(from)
	high, err2 := parseDuration(to)
	if !ok || err != nil || err2 != nil {
		return &hintedError{fmt.Sprintf("invalid range of durations %q", s), "write shortest..longest, such as 200ms..5s"}
	}
	if low > high {
		return &hintedError{fmt.Sprintf("invalid range %q: the first duration is the longer one", s), fmt.Sprintf("write %s..%s", to, from)}
	}
	*p = Span{low, high}
	return nil
}

// The units of durations beyond Go's. A year is one of 365 days.
const (
	day  = 24 * time.Hour
	year = 365 * day
)

// parseDuration parses "200ms", "15s", "1h30m" and, beyond Go's format, "7d" and "3y".
func parseDuration(s string) (time.Duration, error) {
	invalid := &hintedError{fmt.Sprintf("invalid duration %q", s), "write a number and a unit: 200ms, 15s, 10m, 1h, 7d"}
	if days, ok := strings.CutSuffix(s, "d"); ok {
		n, err := strconv.ParseUint(days, 10, 16)
		if err != nil {
			return 0, invalid
		}
		return time.Duration(n) * day, nil
	}
	if years, ok := strings.CutSuffix(s, "y"); ok {
		n, err := strconv.ParseUint(years, 10, 7)
		if err != nil {
			return 0, invalid
		}
		return time.Duration(n) * year, nil
	}
	d, err := time.ParseDuration(s)
	switch {
	case err != nil && s != "" && isDecimal(s):
		invalid.hint = fmt.Sprintf("a duration needs a unit: did you mean %ss?", s)
		return 0, invalid
	case err != nil:
		return 0, invalid
	case d < 0:
		return 0, &hintedError{fmt.Sprintf("invalid duration %q: it is negative", s), "durations start at 0"}
	}
	return d, nil
}

// Dollars is an amount of US dollars, kept exactly.
type Dollars llm.NanoUSD

func (d *Dollars) set(s string) error {
	n, err := llm.ParseUSD(s)
	if err != nil {
		return &hintedError{err.Error(), "write US dollars per million tokens, such as 0.25"}
	}
	if n < 0 {
		return fmt.Errorf("a price cannot be negative")
	}
	*d = Dollars(n)
	return nil
}
