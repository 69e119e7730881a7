package llm

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Millis is a duration that reads as milliseconds in JSON, with three decimals.
type Millis time.Duration

// RecordedMillis returns a duration as a record can hold it, in whole microseconds: what is
// decided by such figures can be computed again from the record.
func RecordedMillis(d time.Duration) Millis { return Millis(d.Round(time.Microsecond)) }

// MarshalJSON writes the milliseconds as a number.
func (m Millis) MarshalJSON() ([]byte, error) { return m.AppendJSON(nil), nil }

// AppendJSON appends the milliseconds to dst as a JSON number.
func (m Millis) AppendJSON(dst []byte) []byte {
	return strconv.AppendFloat(dst, math.Round(float64(m)/1e3)/1e3, 'f', -1, 64)
}

// UnmarshalJSON reads a number of milliseconds.
func (m *Millis) UnmarshalJSON(b []byte) error {
	ms, err := strconv.ParseFloat(string(b), 64)
	if err != nil {
		return fmt.Errorf("milliseconds: %w", err)
	}
	*m = Millis(math.Round(ms * float64(time.Millisecond)))
	return nil
}
