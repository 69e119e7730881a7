package keys

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/penstock/penstock/gateway/internal/llm"
)

// Bounds of a key's fields.
const (
	maxName = 200 // bytes, of a name, team, user, role, model or tag
	maxList = 100 // roles, models or tags
	// maxYears bounds how far away an expiry may be.
	maxYears = 100
)

// validate returns an error for a Spec that is incomplete, too large or contradictory.
func (s *Spec) validate(now time.Time) error {
	switch {
	case s.Name == "":
		return badSpec("A key needs a name.")
	case !s.Expires.IsZero() && !s.Expires.After(now):
		return badSpec("A key cannot expire in the past.")
	case s.Expires.After(now.AddDate(maxYears, 0, 0)):
		return badSpec(fmt.Sprintf("A key can expire at most %d years from now; without expires it never does.", maxYears))
	case len(s.Roles) > maxList || len(s.Models) > maxList || len(s.Tags) > maxList:
		return badSpec(fmt.Sprintf("A key can have at most %d roles, models and tags each.", maxList))
	case slices.Contains(s.Roles, "") || slices.Contains(s.Models, ""):
		return badSpec("A role or model of a key is empty.")
	case s.Budget.Max < 0:
		return badSpec("A key's budget cannot be negative.")
	}
	if s.Budget.Max > 0 {
		if _, err := llm.ParseWindow(s.Budget.Window); err != nil {
			return badSpec("A key's budget needs a window: " + err.Error() + ".")
		}
	}
	return checkTexts(s.Tags, s.texts())
}

// checkTexts returns an error for texts that are too long or unreadable, or for tags that
// say nothing.
func checkTexts(tags map[string]string, texts []string) error {
	if class, ok := tags[llm.PriorityTag]; ok {
		if _, known := llm.ParsePriority(class); !known {
			return badSpec("The tag " + llm.PriorityTag + " is the class of requests: high, normal or low.")
		}
	}
	if _, empty := tags[""]; empty {
		return badSpec("A tag needs a name.")
	}
	for _, text := range texts {
		switch {
		case len(text) > maxName:
			return badSpec(fmt.Sprintf("Names, roles, models and tags can have at most %d bytes.", maxName))
		case !utf8.ValidString(text) || strings.ContainsFunc(text, isUnprintable):
			return badSpec("Names, roles, models and tags must be text without control characters: " + llm.Quote(text) + " is not.")
		}
	}
	return nil
}

// isUnprintable reports whether a character would hide or disguise a text where it is shown.
func isUnprintable(r rune) bool { return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) }

func (s *Spec) texts() []string {
	all := append([]string{s.Name, s.Team, s.User}, s.Roles...)
	all = append(all, s.Models...)
	for k, v := range s.Tags {
		all = append(all, k, v)
	}
	return all
}

func badSpec(message string) *llm.Error {
	return &llm.Error{Code: llm.CodeInvalidRequest, Status: http.StatusBadRequest, Message: message}
}

// ParseBudget parses an amount of money per window: "5usd/day", "0.50usd/1h".
func ParseBudget(s string) (llm.Budget, error) {
	amount, window, ok := strings.Cut(s, "/")
	amount, unit := strings.CutSuffix(amount, "usd")
	if !ok || !unit {
		return llm.Budget{}, fmt.Errorf("budget %q: want an amount and a window, such as 5usd/day or 0.50usd/1h", s)
	}
	most, err := llm.ParseUSD(amount)
	if err != nil {
		return llm.Budget{}, fmt.Errorf("budget %q: %w", s, err)
	}
	if most <= 0 {
		return llm.Budget{}, fmt.Errorf("budget %q: the amount must be above zero; without a budget a key has no limit of its own", s)
	}
	if _, err := llm.ParseWindow(window); err != nil {
		return llm.Budget{}, fmt.Errorf("budget %q: %w", s, err)
	}
	return llm.Budget{Max: most, Window: window}, nil
}

// ParseExpiry parses a duration from now, "30d", "12h" or "90m", or a time: "2027-01-31"
// (00:00 UTC) or RFC 3339.
func ParseExpiry(s string, now time.Time) (time.Time, error) {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	const most = 100 * 365 * 24 * time.Hour
	units := map[string]time.Duration{"m": time.Minute, "h": time.Hour, "d": 24 * time.Hour, "w": 7 * 24 * time.Hour}
	if s != "" {
		n, err := strconv.ParseInt(s[:len(s)-1], 10, 64)
		unit := units[s[len(s)-1:]]
		if err == nil && unit > 0 && n > 0 && n <= int64(most/unit) {
			return now.Add(time.Duration(n) * unit), nil
		}
	}
	return time.Time{}, fmt.Errorf("expiry %q: want a time such as 30d or 12h (m, h, d, w), or a date such as 2027-01-31", s)
}
