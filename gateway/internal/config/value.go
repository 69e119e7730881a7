package config

import (
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// text is a value that is written as one scalar. The error of set is shown after the
// value's path, and may be a *hintedError.
type text interface{ set(s string) error }

// hintedError is an error with a hint at what to write instead.
type hintedError struct{ msg, hint string }

func (e *hintedError) Error() string { return e.msg }

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

// LedgerFailure is what happens to requests while usage can't be recorded.
type LedgerFailure string

// The choices for it.
const (
	LedgerRefuse LedgerFailure = "refuse"
	LedgerServe  LedgerFailure = "serve"
)

func (f *LedgerFailure) set(s string) error { return choose(f, s, LedgerRefuse, LedgerServe) }

// Unpriced says whether a hard limit on money lets requests through to targets without a
// known price. The zero value defers to the setting for all models.
type Unpriced string

// The ways to treat targets without a known price.
const (
	UnpricedAllow Unpriced = "allow"
	UnpricedDeny  Unpriced = "deny"
)

func (u *Unpriced) set(s string) error { return choose(u, s, UnpricedAllow, UnpricedDeny) }

// Empty is what happens to a complete answer without content.
type Empty string

// The treatments of empty answers.
const (
	EmptyFallback Empty = "fallback"
	EmptyPass     Empty = "pass"
)

func (e *Empty) set(s string) error { return choose(e, s, EmptyFallback, EmptyPass) }

// Check is one of llm's checks of answers.
type Check llm.Check

func (c *Check) set(s string) error {
	names := make([]Check, 0, len(llm.Checks()))
	for _, known := range llm.Checks() {
		names = append(names, Check(known))
	}
	return choose(c, s, names...)
}

// Unsupported is what happens to members of a request that a target's wire format does
// not have.
type Unsupported string

// The choices for it.
const (
	DropUnsupported   Unsupported = "drop"
	RejectUnsupported Unsupported = "reject"
)

func (u *Unsupported) set(s string) error { return choose(u, s, DropUnsupported, RejectUnsupported) }

// PromptCache says whether the gateway marks prompts for the caches of providers.
type PromptCache string

// The choices for it.
const (
	PromptCacheAuto PromptCache = "auto"
	PromptCacheOff  PromptCache = "off"
)

func (p *PromptCache) set(s string) error { return choose(p, s, PromptCacheAuto, PromptCacheOff) }

// Resume says whether another target may go on with a stream that broke off.
type Resume string

// The choices for it.
const (
	ResumeAuto Resume = "auto"
	ResumeOff  Resume = "off"
)

func (r *Resume) set(s string) error { return choose(r, s, ResumeAuto, ResumeOff) }

// Hold is how many tokens of a stream are held back; llm.HoldAll means all of it.
type Hold int64

// maxHold bounds a Hold, in tokens: more is the same as all.
const maxHold = 1_000_000

func (h *Hold) set(s string) error {
	if s == "all" {
		*h = llm.HoldAll
		return nil
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || n > maxHold {
		return &hintedError{fmt.Sprintf("invalid number of tokens %q", s), "write a number such as 20, or all"}
	}
	*h = Hold(n)
	return nil
}

// Abandoned is what happens to a stream whose caller hangs up.
type Abandoned string

// The choices for it.
const (
	CancelAbandoned Abandoned = "cancel"
	DrainAbandoned  Abandoned = "drain"
)

func (a *Abandoned) set(s string) error { return choose(a, s, CancelAbandoned, DrainAbandoned) }

// Origin is the origin of a web page: scheme, host and perhaps a port.
type Origin string

func (o *Origin) set(s string) error {
	if s != "*" {
		u, err := url.Parse(s)
		if err != nil || u.Scheme == "" || u.Host == "" || u.Scheme+"://"+u.Host != s || s != strings.ToLower(s) || strings.ContainsAny(s, "*@") {
			return &hintedError{fmt.Sprintf("invalid origin %q", s), `write https://HOST in lower case, with :PORT if there is one and nothing after it, or "*" for all`}
		}
	}
	*o = Origin(s)
	return nil
}

// Region names where a provider or target runs.
type Region string

func (r *Region) set(s string) error { return setWord(r, s, "region", "eu or eu-central-1") }

// DataClass names a class of data.
type DataClass string

func (c *DataClass) set(s string) error {
	return setWord(c, s, "class of data", "public or confidential")
}

// Texts returns names as plain texts; nil of nil.
func Texts[T ~string](names []T) []string {
	if names == nil {
		return nil
	}
	texts := make([]string, len(names))
	for i, name := range names {
		texts[i] = string(name)
	}
	return texts
}

// setWord sets a name that tags can carry in a list.
func setWord[T ~string](to *T, s, what, such string) error {
	if s == "" || len(s) > 64 || strings.ContainsAny(s, " ,;\t\r\n") {
		return &hintedError{fmt.Sprintf("invalid %s %q", what, s), "write one word, such as " + such}
	}
	*to = T(s)
	return nil
}

// OutputLimit names the member that bounds output tokens.
type OutputLimit string

// OutputAuto detects the name.
const OutputAuto OutputLimit = "auto"

func (o *OutputLimit) set(s string) error {
	return choose(o, s, OutputAuto, OutputLimit(llm.OldName), OutputLimit(llm.NewName))
}

// StreamUsage says whether streams are requested with usage.
type StreamUsage llm.StreamUsage

func (u *StreamUsage) set(s string) error {
	return choose(u, s, StreamUsage(llm.StreamUsageAuto), StreamUsage(llm.StreamUsageOn), StreamUsage(llm.StreamUsageOff))
}

// Pace is how many pieces of a stored stream are sent in a second; 0 means at once.
type Pace int64

// maxPace bounds a Pace: more is as good as at once.
const maxPace = 10_000

func (p *Pace) set(s string) error {
	number, unit, _ := strings.Cut(s, "/")
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || unit != "s" || n < 1 || n > maxPace {
		return &hintedError{fmt.Sprintf("invalid pace %q", s), "write a number per second from 1/s to 10000/s, such as 50/s"}
	}
	*p = Pace(n)
	return nil
}

// Coalesce says whether equal requests in flight share one reply.
type Coalesce string

// The values of Coalesce. On is the default.
const (
	CoalesceOn  Coalesce = "on"
	CoalesceOff Coalesce = "off"
)

func (c *Coalesce) set(s string) error { return choose(c, s, CoalesceOn, CoalesceOff) }

// SimilarMode is what is done with replies to requests in other words.
type SimilarMode llm.SimilarMode

func (m *SimilarMode) set(s string) error { return choose(m, s, similarModes()...) }

func similarModes() []SimilarMode {
	return []SimilarMode{SimilarMode(llm.SimilarOff), SimilarMode(llm.SimilarShadow), SimilarMode(llm.SimilarOn)}
}

// State names the store of counters.
type State string

func (t *State) set(s string) error {
	if strings.HasPrefix(s, "redis://") || strings.HasPrefix(s, "rediss://") {
		return notYet("state: memory")
	}
	return choose(t, s, "memory")
}

// LedgerURL names the ledger database: sqlite://FILE.
type LedgerURL string

func (l *LedgerURL) set(s string) error {
	if strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") {
		return notYet("sqlite://penstock.db")
	}
	if file, ok := strings.CutPrefix(s, "sqlite://"); !ok || file == "" || strings.ContainsAny(file, "?#\x00") {
		return &hintedError{fmt.Sprintf("invalid ledger address %q", s), "write sqlite://FILE, such as sqlite://penstock.db"}
	}
	*l = LedgerURL(s)
	return nil
}

// File is the path of the database file.
func (l Ledger) File() string { return strings.TrimPrefix(string(l.URL), "sqlite://") }

// LedgerSync is when a record counts as written.
type LedgerSync string

// The choices for it.
const (
	SyncNormal LedgerSync = "normal"
	SyncFull   LedgerSync = "full"
)

func (y *LedgerSync) set(s string) error { return choose(y, s, SyncNormal, SyncFull) }

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
	return &hintedError{fmt.Sprintf("%q is not one of %s", s, strings.Join(names, ", ")), DidYouMean(s, names)}
}

// notYet is the error for a value that only a later version supports.
func notYet(instead string) error {
	return &hintedError{"not available in this version", "write " + instead}
}
