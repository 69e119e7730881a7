package config

import (
	"fmt"
	"time"
	_ "time/tzdata" // a container may have no zone files
)

// TimeZone names a zone of the IANA time zone database, such as Europe/Berlin.
type TimeZone string

// set rejects Local, which depends on the machine: the windows of budgets must not.
func (z *TimeZone) set(s string) error {
	const advice = "write a name of the IANA time zone database, such as UTC, Europe/Berlin or America/New_York"
	if s == "" || s == "Local" {
		return &hintedError{fmt.Sprintf("invalid time zone %q", s), advice}
	}
	if _, err := time.LoadLocation(s); err != nil {
		return &hintedError{fmt.Sprintf("unknown time zone %q", s), advice}
	}
	*z = TimeZone(s)
	return nil
}

// Location returns the zone; UTC for the zero value.
func (z TimeZone) Location() *time.Location {
	l, err := time.LoadLocation(string(z))
	if err != nil {
		return time.UTC // which set has ruled out
	}
	return l
}
