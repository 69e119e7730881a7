package llm

import "strings"

// RecordFilter selects records. Empty members select all. Key is the id of a key, Tag is written
// name=value.
type RecordFilter struct {
	Model, Target, Team, Key, User, Tag string
	// Outcome is ok, error, cached or refused.
	Outcome string
	// Before is the id of a record: only older ones are listed.
	Before string
	// Limit is at most how many; what zero means is for who lists them.
	Limit int
}

// Matches reports whether a record is selected, apart from Before and Limit.
func (f RecordFilter) Matches(r *Record) bool {
	for _, m := range [...]struct{ want, is string }{{f.Model, r.Model}, {f.Target, r.Target}, {f.Team, r.Team}, {f.Key, r.KeyID}, {f.User, r.User}} {
		if m.want != "" && m.want != m.is {
			return false
		}
	}
	return (f.Tag == "" || r.hasTag(f.Tag)) && (f.Outcome == "" || f.Outcome == r.Outcome())
}

// hasTag reports whether a record has a tag, written name=value. Without a value, it must have an
// empty one or none.
func (r *Record) hasTag(tag string) bool {
	name, value, _ := strings.Cut(tag, "=")
	return r.Tags[name] == value
}

// The words of Record.Outcome.
const (
	OutcomeOK      = "ok"
	OutcomeCached  = "cached"
	OutcomeError   = "error"
	OutcomeRefused = "refused"
)

// Outcomes are the words of Record.Outcome.
func Outcomes() []string {
	return []string{OutcomeOK, OutcomeCached, OutcomeError, OutcomeRefused}
}

// Outcome says in one word how a request ended. It depends on what the ledger has as columns
// only, so that lists can be made by it.
func (r *Record) Outcome() string {
	switch {
	case r.Status == 401, r.Status == 403, r.Status == 429:
		return OutcomeRefused
	case r.Status >= 400 || r.Code != "":
		return OutcomeError
	case r.Cache.Saves():
		return OutcomeCached
	}
	return OutcomeOK
}
