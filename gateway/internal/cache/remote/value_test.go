package remote

import (
	"bytes"
	"testing"
	"time"
)

// FuzzOpen changes a signed value in any way: it is read as it was, or not at all.
func FuzzOpen(f *testing.F) {
	s, now := newSigner([]byte("a secret of the test")), time.UnixMilli(1_800_000_000_000)
	good := s.seal("name", []byte("data"), now, time.Hour)
	f.Add(good, "name")
	f.Add(good[:overhead], "name")
	f.Add([]byte{version}, "")
	f.Fuzz(func(t *testing.T, text []byte, name string) {
		if len(text) == 0 {
			return // Get has no value then
		}
		v, err := s.open(name, text, now)
		if same := bytes.Equal(text, good) && name == "name"; same != (err == nil) || same && string(v.data) != "data" {
			t.Errorf("open(%q, %x) = %q, %v", name, text, v.data, err)
		}
	})
}

// TestClocksDiffer opens a value when the clock says something else than it did where it was
// put: it never holds for longer than it was put for.
func TestClocksDiffer(t *testing.T) {
	s, put := newSigner([]byte("a secret of the test")), time.UnixMilli(1_800_000_000_000)
	text := s.seal("name", nil, put, time.Hour)
	for ahead, want := range map[time.Duration]time.Duration{
		0: time.Hour, 59 * time.Minute: time.Minute, time.Hour: 0, 24 * time.Hour: 0,
		-time.Minute: time.Hour, -maxAhead: time.Hour, -maxAhead - time.Second: 0, -100 * 365 * 24 * time.Hour: 0,
	} {
		now := put.Add(ahead)
		v, err := s.open("name", text, now)
		if holds := err == nil; holds != (want > 0) || holds && v.until.Sub(now) != want {
			t.Errorf("with a clock %v ahead it holds for %v (%v), want %v", ahead, v.until.Sub(now), err, want)
		}
	}
}
