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
