package server

import (
	"encoding/json"
	"testing"
)

// TestPresent: a list without entries encodes as an array.
func TestPresent(t *testing.T) {
	for want, list := range map[string][]string{"[]": nil, `["a"]`: {"a"}} {
		if got, err := json.Marshal(present(list)); err != nil || string(got) != want {
			t.Errorf("present(%q) encodes as %s, %v, want %s", list, got, err, want)
		}
	}
}
